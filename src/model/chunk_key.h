// What names a chunk: its partition, series, start and place among chunks that overlap.
#pragma once

#include <hygge/time.h>

#include <compare>
#include <cstdint>

namespace hygge::storage {

struct ChunkKey {
  std::int32_t partition = 0;
  std::uint32_t series = 0;
  std::uint32_t start = 0;    ///< ms of the first sample within the partition, 1 … one day
  std::uint16_t ordinal = 0;  ///< 0: in order; 1, 2, …: late, in the order in which they closed

  [[nodiscard]] TimeMs start_ms() const noexcept {
    return static_cast<TimeMs>(partition) * kDayMs + start;
  }
  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

/// The least key that is greater. `start` must not be the largest there is.
[[nodiscard]] constexpr ChunkKey next_possible(ChunkKey key) noexcept {
  if (++key.ordinal == 0) ++key.start;
  return key;
}

}  // namespace hygge::storage
