// Deletes: masks that hide what is deleted and still stored, and the store work that removes it.
//
// A delete is one log record. From then on the head holds nothing of it, views mask what the store
// still holds, and chunks of these series and days that opened later wait in the head, so that a
// mask cannot hit a later write. The store work removes the samples from the store and with them
// the need for the mask; until then the persisted mark stays before the record.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/store/store.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

/// A delete whose store work is not done.
struct Mask {
  std::uint64_t sequence = 0;                             ///< of its log record
  std::shared_ptr<const std::vector<std::uint32_t>> ids;  ///< rising
  TimeRange range;
  bool samples_only = false;  ///< of whole days, whose cells stay

  [[nodiscard]] bool covers(std::uint32_t series) const;
  /// Whether it concerns the pair: then later chunks of it wait.
  [[nodiscard]] bool touches(std::int32_t partition, std::uint32_t series) const;
};
using Masks = std::vector<Mask>;

/// Whether samples of the pair expired after `mask`: a replay meets both. Its cells were computed
/// without what the delete took.
[[nodiscard]] bool in_cells(const Masks& masks, const Mask& mask, std::int32_t partition,
                            std::uint32_t series);

/// Whether samples of the partition may lie in `range`.
[[nodiscard]] bool touches(std::int32_t partition, TimeRange range);

/// Whether a waiting chunk has to stay in the head until the store work of a delete before it.
[[nodiscard]] bool held_back(const WaitingChunk& chunk, const Masks& masks);

/// Takes what masks hide out of `pieces`, which came from the store, from the `first` on.
/// Errors: those of decode_chunk, with the key.
[[nodiscard]] Result<void> mask_pieces(std::vector<Piece>& pieces, std::size_t first,
                                       std::uint32_t series, const Masks& masks);

/// What a delete takes.
struct EraseCount {
  std::uint64_t samples = 0;  ///< as a view would have read them
  std::uint64_t bytes = 0;    ///< of encoded chunks, what is written anew deducted
};
/// Of one pair, whose `pieces` are all that overlap `range`, masked. Chunks that cannot be decoded
/// count with the samples that they claim.
[[nodiscard]] EraseCount count_erase(std::vector<Piece> pieces, TimeRange range);

/// Where no samples are left to compute cells from: the row of `key` without those that lie in
/// `range`, or partly so. A row that cannot be decoded goes whole.
struct CellsErased {
  std::string row;          ///< what is left; empty: nothing
  std::uint64_t cells = 0;  ///< that went
  std::uint64_t cut = 0;    ///< of these, lay partly in the range
};
[[nodiscard]] CellsErased erase_cells(const CellKey& key, Bytes row, TimeRange range);

/// Whether a cell (start, start + R] lies in `range`, or partly so.
[[nodiscard]] constexpr bool overlaps(TimeMs start_ms, DurationMs resolution_ms,
                                      TimeRange range) noexcept {
  return start_ms < range.until && start_ms + resolution_ms > range.after;
}

/// Adds the changes that take (partition, series) in `range` out of the store: chunks inside go,
/// those on the edge are written anew. A chunk that cannot be decoded goes: nobody can read it.
/// What a damaged block hides stays; the pair is `damaged` then. Errors: io.
struct PairErased {
  std::uint64_t chunks = 0;  ///< touched
  bool damaged = false;
};
[[nodiscard]] Result<PairErased> erase_pair(ChunkScan& scan, std::int32_t partition,
                                            std::uint32_t series, TimeRange range,
                                            StoreBatch& batch);

}  // namespace hygge::storage
