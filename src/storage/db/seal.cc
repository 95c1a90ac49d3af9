// When a partition is sealed or done again, and in which order: the steps around
// upkeep/seal.h. One step at a time, under step_mutex_; put passes and marks go on beside it, but
// where upkeep_mutex_ is taken.
//
//   1. under the locks: close what the head holds of the partition; from here on what comes is
//      marked; put it; take a snapshot
//   2. rewrite, beside everybody
//   3. flush the chunks, then put the state and the marks, flush them
//   4. compact the partition's keys
//
// Cut short anywhere before 3 has put the state, it is begun again: the store reads the same
// throughout.
#include "storage/upkeep/seal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/step.h"

namespace hygge {

using storage::PartitionState;

namespace {

constexpr DurationMs kSealDelayMs = 2 * kHourMs;
constexpr DurationMs kQuietMs = 10 * kMinuteMs;

std::string day_of(std::int32_t partition) {
  return format_time_utc(partition_range(partition).after).substr(0, 10);
}

// A day with a damaged block cannot be compacted. It stays as it is; other days go on.
bool is_damage(const Result<void>& done) {
  return !done && done.error().code == ErrorCode::corruption;
}

// Whether `then` was within the last ten minutes. A clock that was set back has not seen it yet.
bool recent(TimeMs then, TimeMs now_ms) {
  if (then == storage::Partitions::kNever || then > now_ms) return false;
  return now_ms - then < kQuietMs;
}

}  // namespace

// Ended more than two hours ago by the newest sample and by the clock, so that no sample from the
// future seals today; and quiet.
std::vector<Db::Impl::SealPlan> Db::Impl::due_seals(TimeMs now_ms, bool settled) const {
  std::vector<SealPlan> out;
  const std::shared_lock lock(state_mutex_);
  if (!bounds_) return out;
  const TimeMs horizon = std::min(bounds_->last_ms, now_ms);
  for (const std::int32_t partition : presence_.partitions()) {
    if (horizon - partition_range(partition).until <= kSealDelayMs) break;
    if (partitions_.sealed(partition) || presence_.series_count(partition) == 0) continue;
    if (!settled && recent(partitions_.touched_ms(partition), now_ms)) continue;
    out.push_back(
        {partition, PartitionState::sealed, false, false, presence_.series_count(partition)});
  }
  return out;
}

// Sealed by an older library, or under another policy. Under state_mutex_, shared.
bool Db::Impl::lacks_cells(std::int32_t partition) const {
  return partitions_.sealed(partition) && presence_.series_count(partition) > 0 &&
         partitions_.cells(partition) != rollup_.fingerprint();
}

std::vector<Db::Impl::SealPlan> Db::Impl::due_redos(TimeMs now_ms, bool settled) const {
  std::vector<SealPlan> out;
  const std::shared_lock lock(state_mutex_);
  for (const std::int32_t partition : partitions_.dirty_partitions()) {
    if (!settled && recent(partitions_.sealed_ms(partition), now_ms)) continue;
    if (lacks_cells(partition)) continue;  // all of it is due
    out.push_back(
        {partition, partitions_.state(partition), true, false, partitions_.dirty_count(partition)});
  }
  for (const std::int32_t partition : presence_.partitions()) {
    if (!lacks_cells(partition)) continue;
    out.push_back(
        {partition, partitions_.state(partition), false, true, presence_.series_count(partition)});
  }
  return out;
}

// Everything that is not sealed, and what is dirty.
std::vector<Db::Impl::SealPlan> Db::Impl::all_seals(TimeMs now_ms) const {
  std::vector<SealPlan> out;
  const std::shared_lock lock(state_mutex_);
  if (!bounds_) return out;
  const TimeMs horizon = std::min(bounds_->last_ms, now_ms);
  for (const std::int32_t partition : presence_.partitions()) {
    if (presence_.series_count(partition) == 0) continue;
    const bool ended = partition_range(partition).until < horizon;
    if (!partitions_.sealed(partition)) {
      out.push_back({partition, ended ? PartitionState::sealed : PartitionState::sealed_early,
                     false, false, presence_.series_count(partition)});
    } else if (lacks_cells(partition)) {
      out.push_back({partition, partitions_.state(partition), false, true,
                     presence_.series_count(partition)});
    } else if (partitions_.dirty_count(partition) > 0) {
      out.push_back({partition, partitions_.state(partition), true, false,
                     partitions_.dirty_count(partition)});
    }
  }
  return out;
}

// Step 1. Under upkeep_mutex_, so that no put pass is under way.
Result<storage::StoreSnapshotPtr> Db::Impl::begin_seal(const SealPlan& plan,
                                                       std::vector<std::uint32_t>& series) {
  {
    const std::unique_lock state(state_mutex_);
    const auto left = head_.close_partition(plan.partition);
    partitions_.begin(plan.partition);
    // What cannot close now is late data once the partition is sealed.
    storage::Partitions::Toucher toucher(partitions_, options_.clock());
    for (const std::uint32_t id : left) toucher.touch(id, partition_range(plan.partition).until);
    series = plan.redo ? partitions_.dirty(plan.partition) : presence_.series_of(plan.partition);
  }
  if (auto put = put_everything(); !put) return tl::unexpected<Error>(put.error());
  return home_->store->snapshot();
}

// Step 3.
Result<void> Db::Impl::finish_seal(const SealPlan& plan, std::span<const std::uint32_t> left,
                                   std::uint64_t cells) {
  if (auto flushed = home_->store->flush_data(); !flushed) return flushed;
  const std::lock_guard lock(upkeep_mutex_);
  {
    const std::unique_lock state(state_mutex_);
    const auto whole = plan.redo ? std::nullopt : std::optional(cells);
    partitions_.finish(plan.partition, plan.state, left, options_.clock(), whole);
  }
  // The pass captures the state; what it cannot write now, the next one does.
  if (auto put = put_everything(); !put) return put;
  return home_->store->flush_meta();
}

std::vector<DurationMs> Db::Impl::stored_tiers() const {
  const std::shared_lock lock(state_mutex_);
  return rollup_.stored;
}

void Db::Impl::abandon_seal(std::int32_t partition) {
  const std::unique_lock state(state_mutex_);
  partitions_.abandon(partition);
}

// A whole partition or its dirty series. False: cut short.
Result<bool> Db::Impl::seal(const SealPlan& plan, Step& step) {
  const char* const what = plan.redo    ? "merging late data of"
                           : plan.again ? "computing cells of"
                                        : "sealing";
  step.begin(fmt::format("{} {}", what, day_of(plan.partition)));
  std::vector<std::uint32_t> series;
  storage::StoreSnapshotPtr snapshot;
  {
    const std::lock_guard lock(upkeep_mutex_);
    // What is deleted must not be written anew.
    auto ready = execute_deletes();
    if (ready) ready = merge_crowded();
    if (!ready) return tl::unexpected<Error>(ready.error());
    auto begun = begin_seal(plan, series);
    if (!begun) {
      abandon_seal(plan.partition);
      return tl::unexpected<Error>(begun.error());
    }
    snapshot = std::move(*begun);
  }
  storage::ResealOptions how;
  std::uint64_t policy = 0;
  {
    const std::shared_lock lock(state_mutex_);
    policy = rollup_.fingerprint();
    how.stored_tiers = rollup_.stored;
  }
  auto chooser = rollup_chooser();
  if (!chooser) {
    abandon_seal(plan.partition);
    return tl::unexpected<Error>(chooser.error());
  }
  how.rollup = std::move(*chooser);
  how.whole_partition = !plan.redo;
  how.on_duplicate = write_policy().on_duplicate;
  how.go_on = [&](std::uint64_t done) {
    if (options_.maintenance == Maintenance::manual) put_if_due();
    return step.go_on(done);
  };
  auto report = storage::reseal_partition(*home_->store, snapshot, plan.partition, series, how);
  snapshot.reset();
  if (!report || !report->finished) {
    abandon_seal(plan.partition);
    if (!report) return tl::unexpected<Error>(report.error());
    return false;
  }
  if (auto finished = finish_seal(plan, report->damaged, policy); !finished) {
    const std::unique_lock state(state_mutex_);
    if (partitions_.working(plan.partition)) partitions_.abandon(plan.partition);
    return tl::unexpected<Error>(finished.error());
  }
  series_damaged_.fetch_add(report->damaged.size(), std::memory_order_relaxed);
  step.end(plan.weight);
  MaintainReport& total = step.report();
  const bool sealed = !plan.redo && !plan.again;
  total.partitions_sealed += sealed ? 1 : 0;
  total.partitions_rolled_up += plan.again ? 1 : 0;
  total.cell_rows_written += report->cell_rows;
  total.series_resealed += plan.redo ? report->series_rewritten : 0;
  total.chunks_written += report->chunks_written;
  total.bytes_written += report->bytes_written;
  partitions_sealed_.fetch_add(sealed ? 1 : 0, std::memory_order_relaxed);
  cell_rows_.fetch_add(report->cell_rows, std::memory_order_relaxed);
  series_resealed_.fetch_add(plan.redo ? report->series_rewritten : 0, std::memory_order_relaxed);
  sealed_chunks_.fetch_add(report->chunks_written, std::memory_order_relaxed);
  sealed_bytes_.fetch_add(report->bytes_written, std::memory_order_relaxed);
  return true;
}

// While whole days are sealed and compacted. Null: there are none.
std::shared_ptr<void> Db::Impl::hold_compactions(std::span<const SealPlan> plans) const {
  const bool whole = std::any_of(plans.begin(), plans.end(), [](auto& plan) { return !plan.redo; });
  return whole ? home_->store->hold_compactions() : nullptr;
}

// Under step_mutex_. What is due, a partition at a time.
Result<void> Db::Impl::seal_due(Step& step) {
  const TimeMs now_ms = options_.clock();
  std::vector<SealPlan> plans = due_seals(now_ms, step.how().settled);
  const std::vector<SealPlan> redos = due_redos(now_ms, step.how().settled);
  plans.insert(plans.end(), redos.begin(), redos.end());
  for (const SealPlan& plan : plans) step.expect(plan.weight);
  const auto held = hold_compactions(plans);
  bool any = false;
  for (const SealPlan& plan : plans) {
    if (!step.go_on(0)) return step.cut_short();
    const auto sealed = seal(plan, step);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    if (!*sealed) return step.cut_short();
    any = true;
    if (plan.redo) continue;
    auto compacted = home_->store->compact_partition(plan.partition, stored_tiers(), step.cancel());
    if (!compacted && !is_damage(compacted)) return compacted;
  }
  if (!any) return {};
  const std::lock_guard lock(upkeep_mutex_);
  return flush_and_mark();
}

Result<MaintainReport> Db::Impl::run_steps(const Maintain& how) {
  const std::lock_guard lock(step_mutex_);
  if (!open_for_steps()) return MaintainReport{};
  Step step(how, closing_.get_token(), options_.clock);
  const std::uint64_t damaged = series_damaged_.load();
  // Without it goes what needs no seal, which may be what makes room for one; the rest is tried
  // again.
  const auto ready = seal_before_sweep(/*jump=*/false, step);
  const bool whole = ready && step.report().finished;
  {
    const std::lock_guard upkeep(upkeep_mutex_);
    auto done = execute_deletes();
    if (done) done = merge_crowded();
    if (done) done = sweep_if_due();
    if (!whole) swept_partition_.reset();
    if (done) done = forget_series();
    if (!done) return tl::unexpected<Error>(done.error());
  }
  // Before a seal, which needs room for what it writes anew.
  if (auto kept = keep_cap(step); !kept) return tl::unexpected<Error>(kept.error());
  if (!ready) return tl::unexpected<Error>(ready.error());
  if (!whole) return step.report();
  if (auto sealed = seal_due(step); !sealed) return tl::unexpected<Error>(sealed.error());
  step.report().series_damaged = series_damaged_.load() - damaged;
  return step.report();
}

Result<MaintainReport> Db::Impl::compact(const Maintain& how) {
  if (auto flushed = flush(); !flushed) return tl::unexpected<Error>(flushed.error());
  const std::lock_guard lock(step_mutex_);
  if (!open_for_steps()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
  }
  Step step(how, closing_.get_token(), options_.clock);
  {
    const std::lock_guard upkeep(upkeep_mutex_);
    auto forgotten = execute_deletes();
    if (forgotten) forgotten = forget_series();
    if (!forgotten) return tl::unexpected<Error>(forgotten.error());
  }
  const std::vector<SealPlan> plans = all_seals(options_.clock());
  for (const SealPlan& plan : plans) step.expect(plan.weight);
  const auto held = hold_compactions(plans);
  for (const SealPlan& plan : plans) {
    const auto sealed = step.go_on(0) ? seal(plan, step) : Result<bool>(false);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    if (!*sealed) {
      static_cast<void>(step.cut_short());
      return step.report();
    }
    auto compacted = home_->store->compact_partition(plan.partition, stored_tiers(), step.cancel());
    if (!compacted && !is_damage(compacted)) return tl::unexpected<Error>(compacted.error());
  }
  step.begin("compacting");
  if (!step.go_on(0)) {
    static_cast<void>(step.cut_short());
    return step.report();
  }
  if (auto compacted = home_->store->compact(step.cancel()); !compacted) {
    return tl::unexpected<Error>(compacted.error());
  }
  if (step.cancelled()) static_cast<void>(step.cut_short());
  const std::lock_guard upkeep(upkeep_mutex_);
  if (auto marked = flush_and_mark(); !marked) return tl::unexpected<Error>(marked.error());
  return step.report();
}

}  // namespace hygge
