// What the store holds of one series: asked when the head meets a pair again, and for statistics.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <string>

#include "storage/head/head.h"
#include "storage/store/store.h"

namespace hygge::storage {

/// The newest time and the next ordinal of (partition, series), from its keys and envelopes.
[[nodiscard]] Result<Head::Known> stored_of(ChunkScan& scan, std::int32_t partition,
                                            std::uint32_t series);

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
