// Chunks of one series and partition, some of which overlap, as one run of strictly rising times.
#pragma once

#include <hygge/error.h>
#include <hygge/policy.h>
#include <hygge/time.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "codec/envelope.h"
#include "storage/head/head.h"
#include "storage/store/store.h"

namespace hygge::storage {

/// Any run of samples of one series: a stored chunk, a chunk of the head, or a late buffer. For
/// equal times the higher rank is the later write.
struct Piece {
  ChunkKey key;
  TimeMs first_ms = 0;
  TimeMs last_ms = 0;
  std::uint32_t rank = 0;
  std::string value;  ///< encoded; empty: `samples` holds it decoded
  ChunkSamples samples;
};

/// Late buffers of the head beat everything stored.
inline constexpr std::uint32_t kLateBufferRank = 1U << 16U;

[[nodiscard]] Piece to_piece(HeadPiece piece);

/// Adds the stored chunks of (partition, series) that overlap `range`, except those whose key a
/// piece of `pieces` has already. Errors: those of ChunkScan and read_envelope, naming the key.
[[nodiscard]] Result<void> load_pieces(ChunkScan& scan, std::int32_t partition,
                                       std::uint32_t series, TimeRange range,
                                       std::vector<Piece>& pieces);

/// Sorts pieces by start, so that next_cluster() can walk them.
void sort_pieces(std::vector<Piece>& pieces);

/// The length of the run at the front of sorted `pieces` that overlap each other; 1 for a piece
/// that stands alone. Not empty.
[[nodiscard]] std::size_t cluster_length(std::span<const Piece> pieces);

/// Turns an encoded piece into a decoded one. Errors: those of decode_chunk, with the key.
[[nodiscard]] Result<void> decode_piece(Piece& piece);

/// Decodes a cluster and merges it by (time, rank) into `out`; of equal times the value stands that
/// `policy` says. Errors: those of decode_chunk, with the key.
[[nodiscard]] Result<void> merge_cluster(std::span<Piece> cluster, OnDuplicate policy,
                                         ChunkSamples& out);

/// "series 7, partition 2026-03-01, chunk at …": for messages.
[[nodiscard]] std::string describe(const ChunkKey& key);

}  // namespace hygge::storage
