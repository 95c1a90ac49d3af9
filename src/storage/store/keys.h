// Keys of the column families. Big-endian and sign-biased, so that bytes sort as the numbers do.
//
//   chunks   0           4        8                  12        14
//            +-----------+--------+------------------+---------+
//            | partition | series | start            | ordinal |
//            | u32, ^2^31| u32    | u32, ms within p | u16     |
//            +-----------+--------+------------------+---------+
//   cells    0          4           8        12
//            +----------+-----------+--------+
//            | tier     | partition | series |
//            | u32, ms  | u32, ^2^31| u32    |
//            +----------+-----------+--------+
//   series   u32 id
//   meta     a name
//
//   start    time of the chunk's first sample minus the partition's start, 1 … 86,400,000
//   ordinal  0: in-order chunks, which never overlap each other; 1, 2, …: late chunks in the order
//            in which they closed. For equal times the higher ordinal is the later write.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "model/chunk_key.h"

namespace hygge::storage {

inline constexpr std::size_t kChunkKeyBytes = 4 + 4 + 4 + 2;
static_assert(kChunkKeyBytes == 14, "on-disk format: a change needs a new version");

[[nodiscard]] std::string encode_key(const ChunkKey& key);
/// Empty if the bytes are no chunk key.
[[nodiscard]] std::optional<ChunkKey> decode_chunk_key(Bytes bytes) noexcept;

/// A row of cells.
struct CellKey {
  std::uint32_t resolution_ms = 0;
  std::int32_t partition = 0;
  std::uint32_t series = 0;
  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};
inline constexpr std::size_t kCellKeyBytes = 4 + 4 + 4;
[[nodiscard]] std::string encode_key(const CellKey& key);
[[nodiscard]] std::optional<CellKey> decode_cell_key(Bytes bytes) noexcept;

[[nodiscard]] std::string encode_series_key(std::uint32_t series);
[[nodiscard]] std::optional<std::uint32_t> decode_series_key(Bytes bytes) noexcept;

}  // namespace hygge::storage
