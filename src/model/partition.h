// Day partitions: partition p holds the samples with t in (p days, p + 1 days], UTC.
#pragma once

#include <hygge/time.h>

#include <algorithm>
#include <cstdint>

namespace hygge {

/// A midnight belongs to the day it ends. For t within kMinTimeMs … kMaxTimeMs it fits 32 bits.
[[nodiscard]] constexpr std::int64_t partition_of(TimeMs t_ms) noexcept {
  // floor((t − 1) / day) without overflow at the smallest t: floor(t / day), one less on midnights.
  const std::int64_t day = t_ms >= 0 ? t_ms / kDayMs : -((-(t_ms + 1)) / kDayMs) - 1;
  return t_ms % kDayMs == 0 ? day - 1 : day;
}

/// (start, start + day]: the times of a partition.
[[nodiscard]] constexpr TimeRange partition_range(std::int64_t partition) noexcept {
  return {partition * kDayMs, (partition + 1) * kDayMs};
}

/// The times that lie in both.
[[nodiscard]] constexpr TimeRange intersect(TimeRange a, TimeRange b) noexcept {
  return {std::max(a.after, b.after), std::min(a.until, b.until)};
}

/// What of a range lies in the day that it begins in. The range is not empty.
[[nodiscard]] constexpr TimeRange first_day(TimeRange range) noexcept {
  return intersect(range, partition_range(partition_of(range.after + 1)));
}

}  // namespace hygge
