// What follows from samples that are gone for good: the bounds shrink, and series of which nothing
// is left leave the index.
//
// A series leaves between put passes and between two batches. Its key leaves the store only after
// the deletes of its chunks are on the disk: whatever a crash leaves, a chunk without its series is
// one that the log deletes again. Replay may meet the series' own records once more; it comes back
// then, and leaves again; or is dropped, where its key has gone: what deleted it is in the log
// still (open.cc). An id is never given out twice.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <roaring/roaring.hh>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/meta.h"
#include "storage/upkeep/stored.h"
#include "window/cell_row.h"

namespace hygge {

namespace {

// Writers wait for so many.
constexpr std::size_t kSeriesAtOnce = 10'000;

TimeBounds joined(const std::optional<TimeBounds>& a, std::pair<TimeMs, TimeMs> b) {
  if (!a) return {b.first, b.second};
  return {std::min(a->first_ms, b.first), std::max(a->last_ms, b.second)};
}

}  // namespace

// The first and the last sample that the cells of a day know of, where no samples are left. Errors:
// corruption, where all rows of a series are damaged.
Result<std::optional<std::pair<TimeMs, TimeMs>>> Db::Impl::cell_bounds(
    storage::CellScan& rows, std::int32_t partition) const {
  std::vector<std::uint32_t> expired;
  {
    const std::shared_lock lock(state_mutex_);
    expired = partitions_.expired(partition);
  }
  std::optional<std::pair<TimeMs, TimeMs>> out;
  windows::CellRowDecoder decoder;
  std::vector<TimedCell> cells;
  enum class Row : std::uint8_t { none, damaged, read };
  std::vector<Row> found(expired.size(), Row::none);
  for (const DurationMs tier : stored_tiers()) {
    for (std::size_t i = 0; i < expired.size(); ++i) {
      const auto row = rows.find({static_cast<std::uint32_t>(tier), partition, expired[i]});
      if (row && !*row) continue;
      cells.clear();
      const TimeMs day_ms = partition_range(partition).after;
      if (!row || !decoder.decode(**row, day_ms, tier, {false, false}, cells)) {
        found[i] = std::max(found[i], Row::damaged);
        continue;
      }
      found[i] = Row::read;
      for (const TimedCell& one : cells) {
        if (one.cell.n == 0) continue;
        if (!out) out.emplace(one.cell.t_first_ms, one.cell.t_last_ms);
        out->first = std::min(out->first, one.cell.t_first_ms);
        out->second = std::max(out->second, one.cell.t_last_ms);
      }
    }
  }
  if (const auto at = std::find(found.begin(), found.end(), Row::damaged); at != found.end()) {
    return fail(ErrorCode::corruption,
                fmt::format("cells of series {} in day {}: all of them are damaged",
                            expired[static_cast<std::size_t>(at - found.begin())], partition));
  }
  return out;
}

// From both ends to the first day that has something. Under upkeep_mutex_.
Result<std::optional<TimeBounds>> Db::Impl::stored_bounds(bool from_the_end) const {
  std::vector<std::int32_t> partitions;
  {
    const std::shared_lock lock(state_mutex_);
    partitions = presence_.partitions();
  }
  const storage::StoreSnapshotPtr snapshot = home_->store->snapshot();
  storage::ChunkScan scan = home_->store->scan(snapshot, storage::ScanUse::once);
  storage::CellScan rows = home_->store->cell_scan(snapshot);
  std::optional<TimeBounds> out;
  const auto look = [&](auto first, auto last) -> Result<void> {
    for (bool found = false; first != last && !found; ++first) {
      const auto of = storage::stored_bounds(scan, *first);
      if (!of) return tl::unexpected<Error>(of.error());
      const auto cells = cell_bounds(rows, *first);
      if (!cells) return tl::unexpected<Error>(cells.error());
      found = of->has_value() || cells->has_value();
      if (*of) out = joined(out, **of);
      if (*cells) out = joined(out, **cells);
    }
    return {};
  };
  auto looked = look(partitions.begin(), partitions.end());
  if (looked && from_the_end) looked = look(partitions.rbegin(), partitions.rend());
  if (!looked) return tl::unexpected<Error>(looked.error());
  return out;
}

// Under upkeep_mutex_, with no delete left to execute: what the store had at the snapshot is there,
// and what came since is in the head.
Result<void> Db::Impl::shrink_bounds() {
  bool newest_in_head = false;
  {
    const std::shared_lock lock(state_mutex_);
    const auto head = head_.bounds();
    newest_in_head = head && bounds_ && head->second >= bounds_->last_ms;
  }
  auto bounds = stored_bounds(/*from_the_end=*/!newest_in_head);
  // What cannot be read may be anything: they stay as wide as they are.
  if (!bounds) return {};
  storage::StoreBatch change;
  {
    const std::unique_lock lock(state_mutex_);
    if (const auto head = head_.bounds()) *bounds = joined(*bounds, *head);
    bounds_ = *bounds;
  }
  if (*bounds) {
    change.put_meta(storage::kBoundsName, storage::encode_bounds(**bounds));
  } else {
    change.delete_meta(storage::kBoundsName);
  }
  if (auto synced = log_->sync(); !synced) return synced;
  return home_->store->apply(change);
}

// Two ids with the same labels: the higher one stands. `id` must be new to the index.
void Db::Impl::add_series(std::uint32_t id, std::string_view canonical) {
  if (const auto older = index_->find(canonical)) {
    index_->remove(*older);
    superseded_.push_back(*older);
  }
  index_->add(id, canonical);
}

// Under state_mutex_, shared or not, or write_mutex_: a series leaves under both of them.
SeriesId Db::Impl::give_out(std::uint32_t id) {
  const std::lock_guard lock(given_mutex_);
  if (id >= given_out_.size()) given_out_.resize(std::size_t{id} + 1);
  given_out_[id] = true;
  return {id};
}

// Those in no presence set, not in the head, and not given out. Under state_mutex_.
std::vector<std::uint32_t> Db::Impl::gone_among(std::span<const std::uint32_t> ids) const {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const ::Roaring present = presence_.series_within(kFirst, kLast);
  const std::lock_guard given(given_mutex_);
  std::vector<std::uint32_t> out;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(out), [&](std::uint32_t id) {
    const bool given_out = id < given_out_.size() && given_out_[id];
    return !given_out && !present.contains(id) && !head_.holds(id);
  });
  return out;
}

// Between two batches, those of them that are gone still.
Result<void> Db::Impl::forget(std::span<const std::uint32_t> ids) {
  const std::lock_guard writers(write_mutex_);
  // A batch whose sync has failed is in the log and nowhere else: it may come back.
  if (auto synced = log_->sync(); !synced) return synced;
  const std::unique_lock lock(state_mutex_);
  const std::vector<std::uint32_t> gone = gone_among(ids);
  storage::StoreBatch batch;
  for (const std::uint32_t id : gone) batch.delete_series(id);
  if (auto applied = home_->store->apply(batch); !applied) return applied;
  for (const std::uint32_t id : gone) index_->remove(id);
  return {};
}

// Under step_mutex_ and upkeep_mutex_.
Result<void> Db::Impl::forget_series() {
  if (!look_for_gone_) return {};
  std::vector<std::uint32_t> gone;
  {
    const std::shared_lock lock(state_mutex_);
    const auto all = index_->select(Selector{});
    if (!all) return tl::unexpected<Error>(all.error());
    gone = gone_among(*all);
  }
  if (!superseded_.empty() || !gone.empty()) {
    // The deletes of their chunks first.
    if (auto put = put_everything(); !put) return put;
    if (auto flushed = home_->store->flush(); !flushed) return flushed;
  }
  storage::StoreBatch superseded;
  for (const std::uint32_t id : superseded_) superseded.delete_series(id);
  if (auto applied = home_->store->apply(superseded); !applied) return applied;
  superseded_.clear();
  for (std::size_t at = 0; at < gone.size(); at += kSeriesAtOnce) {
    const auto some = std::span<const std::uint32_t>(gone).subspan(at);
    auto left = forget(some.first(std::min(some.size(), kSeriesAtOnce)));
    if (!left) return left;
  }
  look_for_gone_ = false;
  return {};
}

}  // namespace hygge
