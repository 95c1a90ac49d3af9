// Deletes. The order of events:
//
//   1. log the record, then, as one change under the lock: mask the range, filter the head
//   2. store work: sync the log, take the samples out of the store, then let go of the mask
//   3. the persisted mark stays before the record until then (upkeep.cc), so that replay repeats it
//
// With `now` the mark is then moved past the record, the log before it unlinked, and the files that
// held the samples are written anew.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/series_reader.h"

namespace hygge {

using storage::ChunkKey;
using storage::Mask;
using storage::Piece;
using storage::ViewState;

namespace {

using Pair = std::pair<std::int32_t, std::uint32_t>;  // partition, series

// So much waits in memory before it goes to the store: a delete of everything stays small.
constexpr std::size_t kChunksPerBatch = 2'000;

std::vector<std::int32_t> partitions_in(const storage::Presence& presence, std::uint32_t series,
                                        TimeRange range) {
  return presence.partitions_of(series, partition_of(std::max(range.after, kMinTimeMs - 1) + 1),
                                partition_of(std::min(range.until, kMaxTimeMs)));
}

// The pieces of a pair that overlap `range`, as a view reads them.
Result<std::vector<Piece>> pieces_of(const ViewState& state, const ViewState::Entry& entry,
                                     std::int32_t partition, TimeRange range) {
  std::vector<Piece> pieces;
  for (const storage::HeadPiece& piece : entry.pieces) {
    if (piece.key.partition != partition) continue;
    if (piece.key.start_ms() > range.until || piece.last_ms <= range.after) continue;
    pieces.push_back(storage::to_piece(piece));
  }
  const std::size_t in_head = pieces.size();
  auto loaded = storage::load_pieces(state.scan(), partition, entry.id, range, pieces);
  if (loaded) loaded = storage::mask_pieces(pieces, in_head, entry.id, state.masks);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  return pieces;
}

std::vector<Pair> pairs_of(const storage::Presence& presence, const Mask& mask) {
  std::vector<Pair> out;
  for (const std::uint32_t id : *mask.ids) {
    for (const std::int32_t partition : partitions_in(presence, id, mask.range)) {
      out.emplace_back(partition, id);
    }
  }
  std::sort(out.begin(), out.end());  // as the store's keys lie
  return out;
}

// Of the days that the range touches, the keys of the series between the first and the last that
// match, whether or not anything is left of them: an earlier delete may have left its bytes.
std::vector<std::pair<ChunkKey, ChunkKey>> spans_of(const ViewState& state, TimeRange range) {
  std::uint32_t first = 0;
  std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  if (!state.entries.empty()) {
    first = state.entries.front().id;
    last = state.entries.back().id;
  }
  std::vector<std::pair<ChunkKey, ChunkKey>> out;
  for (const std::int32_t partition : state.presence.partitions()) {
    if (!storage::touches(partition, range)) continue;
    out.push_back({{partition, first, 0, 0},
                   {partition, last, static_cast<std::uint32_t>(kDayMs), storage::kMaxOrdinal}});
  }
  return out;
}

}  // namespace

// The series that a delete meets, as they were just before it.
struct Db::Impl::Doomed {
  std::shared_ptr<ViewState> before;
  Mask mask;
  Result<void> rotated;
};

// What a damaged block hides is not counted: the receipt is of what could be read.
EraseReport Db::Impl::count(const ViewState& state, std::span<const TimeRange> ranges,
                            std::set<std::uint32_t>& series) {
  EraseReport report;
  for (const ViewState::Entry& entry : state.entries) {
    const std::uint64_t before = report.samples;
    for (const TimeRange& range : ranges) {
      for (const std::int32_t partition : partitions_in(state.presence, entry.id, range)) {
        if (state.is_expired(partition, entry.id)) continue;
        auto pieces = pieces_of(state, entry, partition, range);
        if (!pieces) continue;
        const storage::EraseCount taken = storage::count_erase(std::move(*pieces), range);
        report.samples += taken.samples;
        report.bytes += taken.bytes;
      }
    }
    if (report.samples > before) series.insert(entry.id);
  }
  if (state.any_expired) {
    count_cells(state, ranges, state.tiers, /*all=*/false, report, series);
  }
  report.series = series.size();
  return report;
}

// Adds the stored cells that lie in the ranges, or partly so: where no samples are left, or of
// `all` days. What cannot be read goes uncounted.
void Db::Impl::count_cells(const ViewState& state, std::span<const TimeRange> ranges,
                           std::span<const DurationMs> tiers, bool all, EraseReport& report,
                           std::set<std::uint32_t>& series) {
  storage::CellScan scan = state.home->store->cell_scan(state.snapshot);
  for (const DurationMs tier : tiers) {
    for (const TimeRange& range : ranges) {
      for (const ViewState::Entry& entry : state.entries) {
        for (const std::int32_t partition : partitions_in(state.presence, entry.id, range)) {
          if (!all && !state.is_expired(partition, entry.id)) continue;
          const storage::CellKey key{static_cast<std::uint32_t>(tier), partition, entry.id};
          const auto row = scan.find(key);
          if (!row || !*row) continue;
          const storage::CellsErased erased = storage::erase_cells(key, **row, range);
          if (erased.cells == 0) continue;
          series.insert(entry.id);
          report.cells += erased.cells;
          report.cells_cut += erased.cut;
          report.bytes += (*row)->size() - std::min((*row)->size(), erased.row.size());
        }
      }
    }
  }
}

void Db::Impl::wake_maintenance() {
  const std::lock_guard lock(wake_mutex_);
  work_ = true;
  wake_.notify_all();
}

Result<Db::Impl::Doomed> Db::Impl::find_doomed(std::span<const Selector> selectors,
                                               TimeRange range) {
  std::vector<std::vector<std::size_t>> picked;
  auto before = capture(selectors, range, picked);
  if (!before) return tl::unexpected<Error>(before.error());
  Doomed doomed{std::move(*before), {}, {}};
  auto ids = std::make_shared<std::vector<std::uint32_t>>();
  for (const ViewState::Entry& entry : doomed.before->entries) {
    if (partitions_in(doomed.before->presence, entry.id, range).empty()) continue;
    ids->push_back(entry.id);
  }
  doomed.mask = {0, std::move(ids), range, false};
  return doomed;
}

// Between two batches: what the record names is what the head and the store then hold.
Result<Db::Impl::Doomed> Db::Impl::log_erase(std::span<const Selector> selectors, TimeRange range,
                                             bool now) {
  const std::lock_guard lock(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  auto doomed = find_doomed(selectors, range);
  if (!doomed) return doomed;
  if (!doomed->mask.ids->empty()) {
    if (auto free = meets_pin(*doomed->mask.ids, range); !free) {
      return tl::unexpected<Error>(free.error());
    }
    if (auto logged = log_mask(doomed->mask); !logged) return tl::unexpected<Error>(logged.error());
    apply_erase(doomed->mask);
  }
  // What is written from here on goes to a segment of its own: those before it can be unlinked.
  if (now) doomed->rotated = log_->rotate();
  return doomed;
}

Result<void> Db::Impl::log_mask(Mask& mask) {
  std::string payload;
  storage::encode_erase(payload, mask.range, *mask.ids, mask.samples_only);
  log_bytes_since_mark_.fetch_add(payload.size(), std::memory_order_relaxed);
  const storage::PendingRecord record{storage::RecordType::erase, std::move(payload)};
  auto sequence = log_->append(std::span(&record, 1));
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  if (options_.sync.mode == Sync::Mode::batch) {
    if (auto synced = log_->sync(); !synced) return synced;
  }
  mask.sequence = *sequence;
  return {};
}

// In replay too.
void Db::Impl::apply_erase(Mask mask) {
  const TimeMs now_ms = options_.clock();
  const std::unique_lock lock(state_mutex_);
  const auto replaced = head_.erase(*mask.ids, mask.range);
  // A pass that failed has captured chunks that are smaller now. Where it wrote the old ones, the
  // mask hides them.
  storage::Head::replace(unfinished_.waiting, replaced);
  // What is sealed has to be done again, where there is something to do it from.
  storage::Partitions::Toucher toucher(partitions_, now_ms);
  for (const auto& [partition, series] : pairs_of(presence_, mask)) {
    if (mask.samples_only) {
      partitions_.expire(partition, series);
    } else if (!partitions_.expired(partition, series)) {
      toucher.touch(series, partition_range(partition).until);
    }
  }
  if (mask.samples_only) note_closed();
  applied_sequence_ = mask.sequence;
  masks_.push_back(std::move(mask));
  unfinished_.masks = masks_;
  waiting_bytes_.store(head_.waiting_bytes(), std::memory_order_relaxed);
}

bool Db::Impl::deletes_pending() const {
  const std::shared_lock lock(state_mutex_);
  return !masks_.empty();
}

// Under step_mutex_, so that no seal writes what it read before, and upkeep_mutex_: no put pass is
// at work.
Result<void> Db::Impl::execute_deletes() {
  if (!deletes_pending()) return {};
  // The store never lacks what the log holds.
  if (auto synced = log_->sync(); !synced) return synced;
  drop_whole_partitions();
  bool edge = false;
  std::vector<Pair> damaged;
  while (true) {
    Mask mask;
    {
      const std::shared_lock lock(state_mutex_);
      if (masks_.empty()) break;
      mask = masks_.front();
      edge = edge || !bounds_ ||
             (!mask.samples_only &&
              (mask.range.contains(bounds_->first_ms) || mask.range.contains(bounds_->last_ms)));
    }
    if (auto done = execute_delete(mask, damaged); !done) return done;
    finish_delete(mask);
  }
  drop_damaged(damaged);
  return edge ? shrink_bounds() : Result<void>();
}

// Days of which nothing is left but what a damaged block hides.
void Db::Impl::drop_damaged(std::span<const Pair> damaged) {
  series_damaged_.fetch_add(damaged.size(), std::memory_order_relaxed);
  std::set<std::int32_t> days;
  for (const auto& [partition, series] : damaged) days.insert(partition);
  for (const std::int32_t partition : days) {
    const std::shared_lock lock(state_mutex_);
    if (views_.use_count() > 1 || presence_.series_count(partition) > 0) continue;
    static_cast<void>(home_->store->drop_files(partition));
  }
}

// Adds the pairs of which a damaged block hides something to `damaged`: it is left where it is.
Result<void> Db::Impl::execute_delete(const Mask& mask, std::vector<Pair>& damaged) {
  std::vector<Pair> pairs;
  storage::Partitions partitions;
  storage::Masks masks;
  {
    const std::shared_lock lock(state_mutex_);
    pairs = pairs_of(presence_, mask);
    partitions = partitions_;
    masks = masks_;
  }
  const storage::StoreSnapshotPtr snapshot = home_->store->snapshot();
  storage::ChunkScan scan = home_->store->scan(snapshot);
  storage::CellScan rows = home_->store->cell_scan(snapshot);
  storage::StoreBatch batch;
  const std::vector<DurationMs> tiers = stored_tiers();
  std::size_t chunks = 0;
  for (const auto& [partition, series] : pairs) {
    const auto erased = storage::erase_pair(scan, partition, series, mask.range, batch);
    if (!erased) return tl::unexpected<Error>(erased.error());
    if (erased->damaged) damaged.emplace_back(partition, series);
    // What is left is dirty: its cells are computed with the next redo. Or nothing but cells was
    // there.
    const bool expired = partitions.expired(partition, series);
    const bool keeps_cells = mask.samples_only || storage::in_cells(masks, mask, partition, series);
    for (const DurationMs tier : tiers) {
      if (keeps_cells) continue;
      const storage::CellKey key{static_cast<std::uint32_t>(tier), partition, series};
      storage::CellsErased left;
      if (expired) {
        const auto row = rows.find(key);
        if (!row && row.error().code != ErrorCode::corruption) {
          return tl::unexpected<Error>(row.error());
        }
        if (row && *row) left = storage::erase_cells(key, **row, mask.range);
      }
      if (left.row.empty()) {
        batch.delete_cells(key);
      } else if (left.cells > 0) {
        batch.put_cells(key, left.row);
      }
    }
    chunks += erased->chunks + 1;
    if (chunks < kChunksPerBatch) continue;
    if (auto applied = home_->store->apply(batch); !applied) return applied;
    batch = {};
    chunks = 0;
  }
  if (batch.empty()) return {};
  return home_->store->apply(batch);
}

// The store holds nothing of it any more. Pairs of which nothing is left leave the presence sets.
void Db::Impl::finish_delete(const Mask& mask) {
  const storage::StoreSnapshotPtr snapshot = home_->store->snapshot();
  storage::ChunkScan scan = home_->store->scan(snapshot);
  // Of a day that goes whole a damaged block may hide something: nobody is to ask for it any more.
  const auto stored = [&](const Pair& pair) {
    scan.seek({pair.first, pair.second, 0, 0});
    const TimeRange day = partition_range(pair.first);
    const bool whole = mask.range.after <= day.after && mask.range.until >= day.until;
    return (scan.error() != nullptr && !whole) ||
           (scan.valid() && scan.key().partition == pair.first && scan.key().series == pair.second);
  };
  storage::CellScan rows = home_->store->cell_scan(snapshot);
  const std::vector<DurationMs> tiers = stored_tiers();
  std::vector<Pair> empty;
  storage::Partitions partitions;
  {
    const std::shared_lock lock(state_mutex_);
    empty = pairs_of(presence_, mask);
    partitions = partitions_;
  }
  std::erase_if(empty, [&](const Pair& pair) {
    if (partitions.expired(pair.first, pair.second)) {
      return !leaves_nothing(rows, pair.first, pair.second, tiers);
    }
    return stored(pair);  // stays true: no put pass is at work
  });
  // A writer relies on what the head knows between asking and appending.
  const std::lock_guard writing(write_mutex_);
  const std::unique_lock lock(state_mutex_);
  masks_.erase(masks_.begin());
  for (const auto& [partition, series] : empty) {
    if (head_.holds(series, partition)) continue;
    head_.forget(series, partition);
    presence_.remove(partition, series);
    partitions_.forget_expired(partition, series);
    look_for_gone_ = true;
  }
}

// Under step_mutex_ and upkeep_mutex_.
Result<void> Db::Impl::erase_from_files(Doomed doomed) {
  const auto spans = spans_of(*doomed.before, doomed.mask.range);
  std::vector<std::pair<storage::CellKey, storage::CellKey>> cells;
  for (const DurationMs tier : stored_tiers()) {
    const auto resolution_ms = static_cast<std::uint32_t>(tier);
    for (const auto& [first, last] : spans) {
      cells.push_back({{resolution_ms, first.partition, first.series},
                       {resolution_ms, last.partition, last.series}});
    }
  }
  doomed.before.reset();  // its snapshot would keep the bytes
  if (!doomed.rotated) return doomed.rotated;
  if (auto deleted = execute_deletes(); !deleted) return deleted;
  if (auto merged = merge_crowded(); !merged) return merged;
  if (auto settled = settle(); !settled) return settled;
  const std::uint64_t change = home_->store->last_change();
  // Nobody is left between asking the store and appending with a snapshot from before.
  { const std::lock_guard lock(write_mutex_); }
  const auto in_use = [&] {
    return fail(ErrorCode::busy,
                fmt::format("{}: deleted, but a view from before still needs its bytes", dir_),
                "delete again with `now` once it is gone");
  };
  if (home_->store->has_snapshot_before(change)) return in_use();
  auto rewritten = home_->store->rewrite_files(spans, cells);
  if (!rewritten) return tl::unexpected<Error>(rewritten.error());
  if (!*rewritten) return in_use();
  return {};
}

Result<EraseReport> Db::Impl::erase(std::span<const Selector> selectors, TimeRange range,
                                    const EraseOptions& options) {
  if (options.dry_run) {
    auto doomed = find_doomed(selectors, range);
    if (!doomed) return tl::unexpected<Error>(doomed.error());
    if (auto free = meets_pin(*doomed->mask.ids, range); !free) {
      return tl::unexpected<Error>(free.error());
    }
    std::set<std::uint32_t> series;
    return count(*doomed->before, std::span(&range, 1), series);
  }
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  if (range.empty()) return EraseReport{};
  std::unique_lock step(step_mutex_, std::defer_lock);
  if (options.now) step.lock();
  const std::lock_guard lock(upkeep_mutex_);
  if (options.now && views_.use_count() > 1) {
    return fail(
        ErrorCode::busy,
        fmt::format("{}: {} views are open, and may need the bytes", dir_, views_.use_count() - 1),
        "let them go out of scope first, or delete without `now`");
  }
  auto doomed = log_erase(selectors, range, options.now);
  if (!doomed) return tl::unexpected<Error>(doomed.error());
  std::set<std::uint32_t> series;
  EraseReport report = count(*doomed->before, std::span(&range, 1), series);
  if (options.now) {
    auto erased = erase_from_files(std::move(*doomed));
    if (!erased) report.still_on_disk = std::move(erased.error());
  } else if (options_.maintenance == Maintenance::thread) {
    wake_maintenance();
  }
  return report;
}

}  // namespace hygge
