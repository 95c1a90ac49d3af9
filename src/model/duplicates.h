// Which of two values for the same time stands: one rule for the write, for reading and for
// sealing.
#pragma once

#include <hygge/policy.h>
#include <hygge/sample.h>

#include <bit>
#include <cmath>
#include <cstdint>

namespace hygge {

/// A total order, so that under `max` and `min` the order of arrival leaves no trace: NaN below
/// every number, −0 below 0, and NaNs among themselves by their bits.
[[nodiscard]] inline bool value_less(double a, double b) noexcept {
  const bool a_nan = std::isnan(a);
  const bool b_nan = std::isnan(b);
  if (a_nan || b_nan) {
    if (a_nan != b_nan) return a_nan;
    return std::bit_cast<std::uint64_t>(a) < std::bit_cast<std::uint64_t>(b);
  }
  if (a == b) return std::signbit(a) && !std::signbit(b);
  return a < b;
}

/// The value that stands when `after` is written after `before`. Under `error` there is no second
/// value; should a change of policy have left one, the last stands.
[[nodiscard]] inline double standing_value(OnDuplicate policy, double before,
                                           double after) noexcept {
  switch (policy) {
    case OnDuplicate::first:
      return before;
    case OnDuplicate::max:
      return value_less(before, after) ? after : before;
    case OnDuplicate::min:
      // NaN loses here too; between two NaNs the order above decides as for `max`.
      if (std::isnan(before) || std::isnan(after))
        return value_less(before, after) ? after : before;
      return value_less(after, before) ? after : before;
    case OnDuplicate::last:
    case OnDuplicate::error:
      break;
  }
  return after;
}

}  // namespace hygge
