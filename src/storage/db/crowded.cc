// Pairs (partition, series) that have used half of the ordinals of their late chunks are merged on
// the spot, as a seal would, so that no ordinal is ever given out twice:
//
//   1. close what the head holds of them, and hold their late buffers open; put everything
//   2. rewrite the pairs from a snapshot: all their chunks have ordinal 0 then
//   3. let the buffers go on; ordinals begin at 1
//
// The store reads the same throughout. Cut short before 3, the pair is crowded still: a store that
// has the merge tells so when the pair is met again. Of a pair with a damaged chunk nothing is
// merged; should its ordinals run out, its late samples stay in memory and log until a repair.
#include <algorithm>
#include <vector>

#include "storage/db/db_impl.h"
#include "storage/upkeep/seal.h"

namespace hygge {

bool Db::Impl::late_crowded() const {
  const std::shared_lock lock(state_mutex_);
  return head_.crowded();
}

// Under step_mutex_, so that no seal has read the pairs before, and upkeep_mutex_; deletes are
// executed.
Result<void> Db::Impl::merge_crowded() {
  if (!late_crowded()) return {};
  std::vector<storage::Head::Pair> pairs;
  {
    const std::unique_lock lock(state_mutex_);
    pairs = head_.hold_crowded();
  }
  const auto release = [&](const storage::Head::Pair& pair, bool merged) {
    const std::unique_lock lock(state_mutex_);
    head_.release(pair, merged);
  };
  Result<void> done = put_everything();
  const storage::StoreSnapshotPtr snapshot = done ? home_->store->snapshot() : nullptr;
  storage::ResealOptions how;
  how.on_duplicate = write_policy().on_duplicate;
  how.whole_partition = false;
  for (const auto& pair : pairs) {
    bool merged = false;
    if (done) {
      auto report = storage::reseal_partition(*home_->store, snapshot, pair.first,
                                              std::span(&pair.second, 1), how);
      if (!report) done = tl::unexpected<Error>(report.error());
      merged = report && report->damaged.empty();
      if (merged) late_merges_.fetch_add(1, std::memory_order_relaxed);
    }
    release(pair, merged);
  }
  return done;
}

}  // namespace hygge
