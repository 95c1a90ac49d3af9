// What the store holds of one series: asked when the head meets a pair again, and for statistics.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/head/head.h"
#include "storage/store/store.h"

namespace hygge::storage {

/// The newest time and the next ordinal of (partition, series), from its keys and envelopes.
[[nodiscard]] Result<Head::Known> stored_of(ChunkScan& scan, std::int32_t partition,
                                            std::uint32_t series);

/// For a scan that has met a damaged block in a pair, from the key `from` on: goes to the next of
/// its chunks that can be read. False: no more of them. Two damaged blocks may hide what lies
/// between them, if that is less than a quarter of an hour. About 100 seeks.
[[nodiscard]] bool pass_damage(ChunkScan& scan, const ChunkKey& from);

/// What to go by where that cannot be read: every sample is late then, and gets an ordinal past any
/// that a damaged block may hide.
[[nodiscard]] Head::Known beyond_damage(ChunkScan& scan, std::int32_t partition,
                                        std::uint32_t series);

/// The first and the last sample of a partition in the store, by keys and envelopes; none: it holds
/// nothing of it. O(chunks of the partition).
[[nodiscard]] Result<std::optional<std::pair<TimeMs, TimeMs>>> stored_bounds(
    ChunkScan& scan, std::int32_t partition);

/// The value of a series in the store:
///
///   byte    kind (0: samples)
///   varint  zigzag(birth), ms
///   rest    canonical label bytes
struct SeriesValue {
  TimeMs birth_ms = 0;
  std::string canonical;
};
[[nodiscard]] std::string encode_series_value(TimeMs birth_ms, std::string_view canonical);
/// Errors: corruption, version (a kind that this library does not know).
[[nodiscard]] Result<SeriesValue> decode_series_value(Bytes value);

}  // namespace hygge::storage
