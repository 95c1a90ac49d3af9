// Times in policy files: ISO 8601 with an offset.
#pragma once

#include <hygge/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace hygge::formats {

/// "2026-03-01T09:00:00Z", "2026-03-01 09:00+09:00", "2026-03-01T09:00:00.250Z". Empty for anything
/// else, a time without an offset too.
[[nodiscard]] std::optional<TimeMs> parse_iso_time(std::string_view text) noexcept;

/// "2026-03-09": the day of a time in a zone; UTC if there is no such zone.
[[nodiscard]] std::string format_local_day(TimeMs t_ms, const std::string& tz);

/// "2026-03-09T09:00+09:00": a time in a zone, with seconds where they are not 0.
[[nodiscard]] std::string format_local_time(TimeMs t_ms, const std::string& tz);

/// When the local day began that ends at or after `t_ms`: midnight belongs to the day it ends.
[[nodiscard]] TimeMs local_day_before(TimeMs t_ms, const std::string& tz);

/// 0: Monday … 6: Sunday, of the day of a time in a zone.
[[nodiscard]] int local_weekday(TimeMs t_ms, const std::string& tz);

}  // namespace hygge::formats
