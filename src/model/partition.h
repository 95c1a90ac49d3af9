// Day partitions: partition p holds the samples with t in (p days, p + 1 days], UTC.
#pragma once

#include <hygge/time.h>

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

}  // namespace hygge
