// Walks the samples of one series of a view, partition by partition, cluster by cluster.
#pragma once

#include <hygge/view.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/db/view_state.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

class SeriesReader {
 public:
  SeriesReader(const ViewState& state, const ViewState::Entry& entry, TimeRange range);

  [[nodiscard]] const Block* next();
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
