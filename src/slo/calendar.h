// Windows and exclusions that follow the calendar of a zone.
#pragma once

#include <hygge/slo.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hygge::slo {

/// A window and the end it has nominally: later than `judged.until` in a running period.
struct Window {
  TimeRange judged;
  TimeMs end_ms = 0;
};
[[nodiscard]] Window window_at(const Definition& definition, TimeMs at_ms);

/// The slices of `range` that an exclusion overlaps: the index of the first such exclusion for each
/// slice, -1 for none.
[[nodiscard]] std::vector<std::int32_t> excluded_slices(const Definition& definition,
                                                        TimeRange range);

/// The hour of the zone's day, 0 … 23.
[[nodiscard]] int local_hour(TimeMs t_ms, const std::string& tz);

/// Whether there is such a zone.
[[nodiscard]] bool is_zone(const std::string& tz);

}  // namespace hygge::slo
