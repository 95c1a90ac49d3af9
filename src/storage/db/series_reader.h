// Walks the samples of one series of a view, partition by partition, cluster by cluster.
#pragma once

#include <hygge/view.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "storage/db/view_state.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

class SeriesReader {
 public:
  SeriesReader(const ViewState& state, const ViewState::Entry& entry, TimeRange range);

  [[nodiscard]] const Block* next();

  /// Instead of next(): as Series::samples().
  [[nodiscard]] Result<void> read(SeriesSamples& out);

  /// A chunk that was not decoded: its values never fall.
  struct Whole {
    TimeMs first_ms = 0, last_ms = 0;
    double v_first = 0, v_last = 0;
    std::uint32_t count = 0;
  };
  /// Instead of next(), where a chunk comes next that Series::thinned() does not decode. None: ask
  /// next().
  [[nodiscard]] std::optional<Whole> next_whole(std::span<const TimeMs> cuts,
                                                DurationMs longest_ms);
  [[nodiscard]] const Error* error() const noexcept { return error_ ? &*error_ : nullptr; }

 private:
  [[nodiscard]] bool load_next_partition();
  [[nodiscard]] bool trim();

  const ViewState& state_;
  const ViewState::Entry& entry_;
  TimeRange range_;
  std::vector<std::int32_t> partitions_;
  std::size_t next_partition_ = 0;
  std::vector<Piece> pieces_;
  std::size_t next_piece_ = 0;
  ChunkSamples samples_;
  Block block_;
  std::optional<Error> error_;
};

}  // namespace hygge::storage
