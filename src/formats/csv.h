// CSV (RFC 4180) in its long form: metric,labels,timestamp_ms,value and perhaps type, columns in
// any order, named by the header.
#pragma once

#include "formats/importer.h"
#include "formats/lines.h"

namespace hygge::formats {

/// Errors: parse (a header that is not the long form), those of the sink, of reject() under
/// `strict`, and of lines, but for damaged data, which is rejected.
[[nodiscard]] Result<void> read_csv(Lines& lines, Importer& importer);

}  // namespace hygge::formats
