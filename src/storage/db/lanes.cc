#include "storage/db/lanes.h"

#include "storage/db/cell_reader.h"
#include "storage/db/view_state.h"

namespace hygge::storage {

Lanes::Lane& Lanes::own(const ViewState& state) {
  if (state.process.forked()) return forked_;
  thread_local Last last;
  if (last.number != number_) {
    const std::lock_guard lock(mutex_);
    last = {number_, &lanes_[std::this_thread::get_id()]};
  }
  return *last.lane;
}

std::uint64_t Lanes::next_number() noexcept {
  static std::atomic<std::uint64_t> given = 0;
  return given.fetch_add(1, std::memory_order_relaxed) + 1;
}

ChunkScan& Lanes::scan(const ViewState& state) {
  Lane& lane = own(state);
  if (!lane.scan) lane.scan = state.home->store->scan(state.snapshot);
  return *lane.scan;
}

CellReader& Lanes::cell_reader(const ViewState& state) {
  Lane& lane = own(state);
  if (!lane.cells) lane.cells = std::make_shared<CellReader>();
  return *lane.cells;
}

}  // namespace hygge::storage
