// Entries of the column family `meta`, by name:
//
//   high_water          u32le: the next series id; every id below it may have been given out
//   mark                varint: everything up to this record was flushed with it  (verify.h)
//   retention           rules and pins                          (upkeep/retention.h)
//   bounds              zigzag varints: oldest and newest sample, ms
//   write_policy        byte out_of_order | varint within, ms | byte on_duplicate; absent: defaults
//   batch_id/<4 hex>    a batch id and what was said of the batch  (batch_ids.h)
//   metadata/<family>   byte type | text unit | text help        (text: varint bytes, then bytes)
//   presence/<8 hex>    a roaring set, portable form             (presence.h)
//   partition/<8 hex>   byte: sealed or sealed early             (partitions.h)
//   dirty/<8 hex>       a roaring set, portable form             (partitions.h)
//   cells/<8 hex>       u64le: the policy of its cells           (partitions.h)
//   rollups             which series have which cells            (upkeep/rollup.h)
#pragma once

#include <hygge/db.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hygge::storage {

inline constexpr std::string_view kHighWaterName = "high_water";
inline constexpr std::string_view kBoundsName = "bounds";
inline constexpr std::string_view kWritePolicyName = "write_policy";
inline constexpr std::string_view kMetadataPrefix = "metadata/";

[[nodiscard]] std::string metadata_name(std::string_view family);
[[nodiscard]] std::string encode_metadata_value(const Metadata& metadata);
[[nodiscard]] std::string encode_high_water(std::uint32_t next_id);
[[nodiscard]] std::string encode_bounds(const TimeBounds& bounds);
[[nodiscard]] std::string encode_write_policy(const WritePolicy& policy);

/// Errors of all: corruption.
[[nodiscard]] Result<Metadata> decode_metadata_value(Bytes value);
[[nodiscard]] Result<std::uint32_t> decode_high_water(Bytes value);
[[nodiscard]] Result<TimeBounds> decode_bounds(Bytes value);
[[nodiscard]] Result<WritePolicy> decode_write_policy(Bytes value);

}  // namespace hygge::storage
