// The parts of a date, UTC or in a zone, of a time in seconds.
#pragma once

#include <cctz/time_zone.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hygge::promql {

enum class DatePart : std::uint8_t {
  minute,
  hour,
  day_of_week,
  day_of_month,
  day_of_year,
  days_in_month,
  month,
  year,
};

/// By the function's name.
[[nodiscard]] DatePart date_part(std::string_view name) noexcept;
/// Fractions of a second are cut off towards zero. NaN for what is no time.
[[nodiscard]] double part_of(DatePart part, double seconds) noexcept;
/// The same on the clocks of a zone. Null: UTC.
[[nodiscard]] double part_of(DatePart part, double seconds, const cctz::time_zone* zone);

/// Empty for a name that the tz database does not have.
[[nodiscard]] std::optional<cctz::time_zone> find_zone(const std::string& name);

}  // namespace hygge::promql
