// CSV (RFC 4180) in its long form: metric,labels,timestamp_ms,value and perhaps type, columns in
// any order, named by the header.
#pragma once

#include "formats/importer.h"
#include "formats/lines.h"

namespace hygge::formats {

[[nodiscard]] Result<void> read_csv(Lines& lines, Importer& importer);

}  // namespace hygge::formats
