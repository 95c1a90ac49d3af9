// The parts of a date, UTC, of a time in seconds.
#pragma once

#include <cstdint>
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

}  // namespace hygge::promql
