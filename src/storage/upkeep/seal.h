// Sealing: the chunks of a partition, as they came, become chunks as they are best kept.
//
// One ordered pass over a snapshot. Per series all chunks are decoded, merged by (time, ordinal),
// cut into chunks of up to 1,024 samples and encoded as small as the codecs allow. One batch per
// few series deletes the keys that were read, and no others, and puts the new chunks with ordinal
// 0: a reader sees a series before or after, and what a put pass writes meanwhile stays.
//
// The cells of a series are computed from the same samples, and go into the same batch.
//
// Knows nothing of states, locks and flushes; those are db/seal.cc.
#pragma once

#include <hygge/error.h>
#include <hygge/policy.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codec/envelope.h"
#include "storage/store/store.h"
#include "storage/upkeep/rollup.h"
#include "window/cell_row.h"

namespace hygge::storage {

struct ResealOptions {
  /// Of equal times, which value stands.
  OnDuplicate on_duplicate = OnDuplicate::last;
  /// Also the series that the list does not name, if the store holds any.
  bool whole_partition = true;
  /// A batch goes to the store once it holds this many bytes.
  std::size_t batch_bytes = 256U << 10U;
  /// Which cells a series gets, in the same batch as its chunks; none: cells are left alone.
  std::function<RollupChoice(std::uint32_t series)> rollup;
  /// Tiers of which rows may be stored: those that a series does not get are deleted.
  std::vector<DurationMs> stored_tiers;
  /// Asked between batches with the number of series done; false ends the pass.
  std::function<bool(std::uint64_t series_done)> go_on;
};

struct ResealReport {
  bool finished = true;  ///< false: `go_on` said no
  std::uint64_t series = 0;
  std::uint64_t series_rewritten = 0;  ///< the others were sealed bit for bit like that already
  std::uint64_t samples = 0;           ///< of the series rewritten
  std::uint64_t chunks_read = 0;
  std::uint64_t chunks_written = 0;
  std::uint64_t bytes_written = 0;  ///< keys and values of chunks
  std::uint64_t cell_rows = 0;      ///< written: one per tier and series that was read
  std::uint64_t cell_bytes = 0;     ///< keys and rows
  /// Series of which something cannot be read: left as they are.
  std::vector<std::uint32_t> damaged;
};

/// Rewrites what `snapshot` holds of a partition. `series`, sorted, are those to do; in a whole
/// partition they only help to go on behind damage. At any moment the store reads the same; ended
/// early, it is to be done again. Errors: those of Store::apply.
[[nodiscard]] Result<ResealReport> reseal_partition(Store& store, const StoreSnapshotPtr& snapshot,
                                                    std::int32_t partition,
                                                    std::span<const std::uint32_t> series,
                                                    const ResealOptions& options);

/// The rows of cells of one series and day. Keeps its memory between calls.
class CellRows {
 public:
  struct Row {
    DurationMs resolution_ms = 0;
    std::string value;
  };
  /// Of strictly rising times, all in the partition; not empty. A row for each tier.
  [[nodiscard]] std::vector<Row> of(const ChunkSamples& samples, std::int32_t partition,
                                    const RollupChoice& choice);

 private:
  void make_cells(const ChunkSamples& samples, DurationMs tier, DurationMs finer_ms,
                  const RollupChoice& choice);

  windows::CellRowEncoder encoder_;
  windows::SketchBuilder builder_;
  windows::SketchScales scales_;
  std::vector<TimedCell> cells_;
  std::vector<TimedCell> finer_;
  windows::CellSketches sketches_;
  windows::CellSketches finer_sketches_;
};

/// Follows the chunks of a sealed partition in order of their keys.
class SealedOrder {
 public:
  /// Why this chunk is not where a seal puts one; "" if it is.
  [[nodiscard]] std::string next(const ChunkKey& key, TimeMs last_ms, std::uint32_t samples);

 private:
  std::optional<ChunkKey> key_;
  TimeMs last_ms_ = 0;
  std::uint32_t samples_ = 0;
};

}  // namespace hygge::storage
