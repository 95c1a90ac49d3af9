// Prometheus text exposition 0.0.4 and OpenMetrics 1.0. One reader: they differ in the unit of
// time, in what a counter is called, in exemplars, and in how a file ends.
#pragma once

#include "formats/importer.h"
#include "formats/lines.h"

namespace hygge::formats {

enum class Dialect : std::uint8_t { prometheus, openmetrics };

/// Errors: those of the sink, of reject() under `strict`, and of lines, but for damaged data, which
/// is rejected.
[[nodiscard]] Result<void> read_exposition(Dialect dialect, Lines& lines, Importer& importer);

}  // namespace hygge::formats
