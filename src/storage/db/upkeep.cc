// Put passes, flushes, marks, and the thread that does them. The order of events is the protocol:
//
//   1. log, then head             (write.cc)
//   2. the log leads the store:   capture, sync the log, put, then drop under the lock
//   3. mark after flush:          flush, log the mark, sync, unlink what is wholly below it
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/mutation.h"
#include "storage/db/db_impl.h"
#include "storage/db/meta.h"
#include "storage/db/verify.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::PutCapture;

namespace {
constexpr std::uint32_t kSilenceMinutes = 120;
// A quarter of a full chunk as it stands in the log.
constexpr std::uint64_t kLogBytesPerOpenChunk = 256;
}  // namespace

std::uint32_t Db::Impl::minute_of(TimeMs now_ms) noexcept {
  return static_cast<std::uint32_t>(std::max<TimeMs>(now_ms, 0) / kMinuteMs);
}

// Everything that batches left in memory, as of now.
PutCapture Db::Impl::capture_puts() {
  PutCapture capture;
  const std::unique_lock lock(state_mutex_);
  capture.masks = masks_;
  capture.waiting = head_.waiting();
  capture.on_duplicate = policy_.on_duplicate;
  std::erase_if(capture.waiting, [&](const storage::WaitingChunkPtr& chunk) {
    return storage::held_back(*chunk, masks_);
  });
  std::vector<storage::HeadPiece> pieces;
  for (const storage::WaitingChunkPtr& chunk : capture.waiting) {
    if (!chunk->late()) continue;
    pieces.clear();
    head_.capture(chunk->key.series, {chunk->key.start_ms() - 1, chunk->last_ms}, pieces);
    for (storage::HeadPiece& piece : pieces) {
      if (piece.waiting || piece.value.empty()) continue;
      const std::pair of{piece.key.partition, piece.key.series};
      capture.open.insert_or_assign(of, std::move(piece));
    }
  }
  std::vector<std::uint32_t> changed = head_.take_new_births();
  changed.insert(changed.end(), unput_series_.begin(), unput_series_.end());
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const std::uint32_t id : changed) {
    if (!index_->contains(id)) continue;  // it has left
    capture.series.emplace_back(
        id, storage::encode_series_value(head_.birth_ms(id), index_->canonical(id)));
  }
  for (const std::string& family : unput_families_) {
    capture.meta.emplace_back(storage::metadata_name(family),
                              storage::encode_metadata_value(metadata_->at(family)));
  }
  for (auto& change : batch_ids_.take_changes()) capture.meta.push_back(std::move(change));
  for (auto& change : presence_.take_changes()) capture.meta.push_back(std::move(change));
  for (auto& [name, value] : partitions_.take_changes()) {
    if (value) {
      capture.meta.emplace_back(std::move(name), std::move(*value));
    } else {
      capture.meta_gone.push_back(std::move(name));
    }
  }
  if (!capture.empty()) {
    capture.meta.emplace_back(storage::kHighWaterName, storage::encode_high_water(next_id_));
    if (bounds_) {
      capture.meta.emplace_back(storage::kBoundsName, storage::encode_bounds(*bounds_));
    }
  }
  unput_series_.clear();
  unput_families_.clear();
  unput_sequence_ = 0;
  put_high_water_ = applied_sequence_;
  return capture;
}

// Under upkeep_mutex_. What a pass captured and could not write is kept for the next one.
Result<void> Db::Impl::put_pass() {
  if (unfinished_.empty()) {
    unfinished_ = capture_puts();
    if (unfinished_.empty()) {
      finished_high_water_ = put_high_water_;
      return {};
    }
  }
  if (!broken("log-leads-store")) {
    if (auto synced = log_->sync(); !synced) return synced;
  }
  const auto report = storage::write_put_pass(*home_->store, unfinished_);
  if (!report) return tl::unexpected<Error>(report.error());
  {
    const std::unique_lock lock(state_mutex_);
    head_.drop(unfinished_.waiting);
    finished_high_water_ = put_high_water_;
  }
  unfinished_ = {};
  put_passes_.fetch_add(1, std::memory_order_relaxed);
  chunks_put_.fetch_add(report->chunks, std::memory_order_relaxed);
  late_duplicates_.fetch_add(report->late_duplicates, std::memory_order_relaxed);
  late_outdone_.fetch_add(report->late_outdone, std::memory_order_relaxed);
  return {};
}

// Under upkeep_mutex_, after a put pass. The mark is the highest sequence up to which nothing is
// left in memory only.
Result<void> Db::Impl::flush_and_mark(bool writers_held) {
  std::uint64_t mark = 0;
  {
    const std::shared_lock lock(state_mutex_);
    mark = finished_high_water_;
    const auto lowest = head_.lowest_sequence();
    if (lowest && !broken("mark-below-the-head")) mark = std::min(mark, *lowest - 1);
    if (unput_sequence_ != 0) mark = std::min(mark, unput_sequence_ - 1);
    if (!masks_.empty()) mark = std::min(mark, masks_.front().sequence - 1);
  }
  log_bytes_since_mark_.store(0, std::memory_order_relaxed);
  if (mark <= marked_sequence_) return {};
  // So that a store which is older than the log's mark can be told.
  storage::StoreBatch says;
  says.put_meta(storage::kMarkName, storage::encode_stored_mark(mark));
  if (auto said = home_->store->apply(says); !said) return said;
  if (!broken("mark-after-flush")) {
    if (auto flushed = home_->store->flush(); !flushed) return flushed;
  }
  const auto hold_writers = [&] {
    return writers_held ? std::unique_lock<std::mutex>() : std::unique_lock(write_mutex_);
  };
  {
    const auto lock = hold_writers();
    // With nothing left above the mark, all segments before the one that holds it can go.
    if (mark == applied_sequence_) {
      if (auto rotated = log_->rotate(); !rotated) return rotated;
    }
    std::string payload;
    storage::encode_mark(payload, mark);
    const storage::PendingRecord record{storage::RecordType::mark, std::move(payload)};
    auto sequence = log_->append(std::span(&record, 1));
    if (!sequence) return tl::unexpected<Error>(sequence.error());
  }
  if (!broken("unlink-after-mark")) {
    if (auto synced = log_->sync(); !synced) return synced;
  }
  marked_sequence_ = mark;
  marks_.fetch_add(1, std::memory_order_relaxed);
  const auto lock = hold_writers();
  auto removed = log_->remove_through(mark);
  if (!removed) return tl::unexpected<Error>(removed.error());
  segments_unlinked_.fetch_add(*removed, std::memory_order_relaxed);
  return {};
}

std::uint64_t Db::Impl::log_budget() const {
  const std::uint64_t of_series = kLogBytesPerOpenChunk * head_.open_count();
  return std::max<std::uint64_t>(options_.tuning.log_budget_bytes, of_series);
}

// Closes what is silent, and the oldest of what keeps the log or the head over its budget, so that
// neither a slow series nor very many of them pin the log or fill the memory. True: the log is over
// its budget. Under upkeep_mutex_.
bool Db::Impl::close_early() {
  const std::uint32_t now = minute_of(options_.clock());
  const std::uint64_t log_bytes = log_->live_bytes();
  const std::unique_lock lock(state_mutex_);
  // Each look at it goes over all series.
  if (now != idle_minute_) {
    if (now > kSilenceMinutes) head_.close_idle(now - kSilenceMinutes);
    idle_minute_ = now;
  }
  const std::uint64_t budget = log_budget();
  const bool over = log_bytes > budget;
  // To a half: segments go as a whole, and the log grows on while we work.
  if (over) early_closes_ += head_.close_before(log_->sequence_within(budget / 2));
  if (head_.memory_bytes() > options_.memory_bytes / 2) {
    early_closes_ += head_.close_before(head_.middle_sequence());
  }
  return over;
}

// What is due at once, and never long: silent chunks closed, a put pass, a mark.
Result<void> Db::Impl::tick() {
  const std::lock_guard lock(upkeep_mutex_);
  if (!open_for_steps()) return {};
  const bool over = close_early();
  if (auto put = put_pass(); !put) return put;
  measure_cap();
  const std::uint64_t since_mark = log_bytes_since_mark_.load(std::memory_order_relaxed);
  if (!over && since_mark < options_.tuning.mark_bytes) return {};
  return flush_and_mark();
}

Result<MaintainReport> Db::Impl::maintain(const Maintain& how) {
  if (read_only_) return MaintainReport{};
  if (auto ticked = tick(); !ticked) return tl::unexpected<Error>(ticked.error());
  return run_steps(how);
}

// All that waits now. Twice where an earlier pass had been left unfinished. Under upkeep_mutex_.
Result<void> Db::Impl::put_everything() {
  const bool behind = !unfinished_.empty();
  auto put = put_pass();
  if (put && behind) put = put_pass();
  return put;
}

// Beside a long step that the caller drives. If it fails, the next one tries again.
void Db::Impl::put_if_due() {
  if (waiting_bytes_.load(std::memory_order_relaxed) < options_.tuning.put_bytes) return;
  const std::lock_guard lock(upkeep_mutex_);
  static_cast<void>(put_pass());
}

// Closes, puts, flushes and marks everything. Under upkeep_mutex_.
Result<void> Db::Impl::settle(bool writers_held) {
  {
    const std::unique_lock lock(state_mutex_);
    head_.close_all();
  }
  if (auto put = put_everything(); !put) return put;
  return flush_and_mark(writers_held);
}

// Replay must not judge old records by a new policy: first everything is marked, with writers held;
// then the policy is durable; then it is in force.
Result<void> Db::Impl::set_write_policy(const WritePolicy& policy) {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  if (policy.out_of_order.within_ms < 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("out of order within {} ms: a duration is not negative",
                            policy.out_of_order.within_ms));
  }
  // Deletes hold the mark back until their store work, which is a step.
  const std::lock_guard step(step_mutex_);
  const std::lock_guard upkeep(upkeep_mutex_);
  if (policy == policy_) return {};
  if (auto open = check_open(); !open) return open;
  if (auto deleted = execute_deletes(); !deleted) return deleted;
  if (auto merged = merge_crowded(); !merged) return merged;
  // Most of the work before the writers have to wait.
  if (auto settled = settle(); !settled) return settled;
  const std::lock_guard writers(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  if (auto settled = settle(/*writers_held=*/true); !settled) return settled;
  if (head_.open_count() > 0) {
    return fail(ErrorCode::busy, fmt::format("{}: late samples wait to be merged", dir_),
                "try again");
  }
  storage::StoreBatch change;
  change.put_meta(storage::kWritePolicyName, storage::encode_write_policy(policy));
  if (auto applied = home_->store->apply(change); !applied) return applied;
  if (auto flushed = home_->store->flush(); !flushed) return flushed;
  const std::unique_lock lock(state_mutex_);
  policy_ = policy;
  return {};
}

WritePolicy Db::Impl::write_policy() const {
  const std::shared_lock lock(state_mutex_);
  return policy_;
}

Result<void> Db::Impl::flush() {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  // The store work of deletes is a step; without one to do, a flush waits for no other.
  std::unique_lock step(step_mutex_, std::defer_lock);
  if (deletes_pending() || late_crowded()) step.lock();
  const std::lock_guard lock(upkeep_mutex_);
  if (step.owns_lock()) {
    if (auto deleted = execute_deletes(); !deleted) return deleted;
    if (auto merged = merge_crowded(); !merged) return merged;
  }
  return settle();
}

Result<void> Db::Impl::sync() {
  if (read_only_) return {};
  return log_->sync();
}

void Db::Impl::run_maintenance() {
  using std::chrono::milliseconds;
  const bool interval = options_.sync.mode == Sync::Mode::interval;
  const auto pause =
      milliseconds(interval ? std::max<DurationMs>(options_.sync.interval_ms, 1) : kSecondMs);
  while (true) {
    {
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, pause, [&] { return stopping_ || work_; });
      if (stopping_) return;
      work_ = false;
    }
    // Failures show where they matter: the next write finds the log suspended, a put pass is tried
    // again, and close() reports.
    if (interval) static_cast<void>(log_->sync());
    static_cast<void>(tick());
  }
}

// A thread of its own: a compaction may take minutes, and the log's syncs must not wait for it.
void Db::Impl::run_long_steps() {
  while (true) {
    {
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(kSecondMs), [&] { return stopping_; });
      if (stopping_) return;
    }
    // What fails is tried again, and shows where it matters, as above.
    static_cast<void>(run_steps({}));
  }
}

bool Db::Impl::open_for_steps() {
  const std::lock_guard lock(write_mutex_);
  return !closed_;
}

void Db::Impl::stop_maintenance() {
  {
    const std::lock_guard lock(wake_mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  closing_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (step_thread_.joinable()) step_thread_.join();
}

Result<void> Db::Impl::close() {
  {
    const std::lock_guard lock(write_mutex_);
    if (!closed_ && views_.use_count() > 1) {
      return fail(ErrorCode::busy,
                  fmt::format("{}: {} views are still open", dir_, views_.use_count() - 1),
                  "let them go out of scope first");
    }
  }
  return end();
}

void Db::Impl::abandon() { static_cast<void>(end()); }

Result<void> Db::Impl::end() {
  {
    const std::lock_guard lock(write_mutex_);
    if (std::exchange(closed_, true)) return {};
  }
  stop_maintenance();
  const std::lock_guard step(step_mutex_);  // one that a caller drives ends first
  Result<void> settled;
  // Without a log the open had failed half way: there is nothing to write.
  if (!read_only_ && log_) {
    const std::lock_guard lock(upkeep_mutex_);
    settled = execute_deletes();
    if (settled) settled = merge_crowded();
    if (settled) settled = settle();
  }
  const std::unique_lock lock(state_mutex_);
  home_.reset();
  return settled;
}

}  // namespace hygge
