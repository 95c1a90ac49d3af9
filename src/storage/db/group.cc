// Committing batches in groups: under Sync::batch the writers that wait while one batch is being
// synced are taken together, each whole and in order, and one fdatasync acknowledges them all.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "storage/db/db_impl.h"

namespace hygge {

namespace {

using Samples = std::vector<storage::IdSample>;

std::vector<std::uint32_t> series_of(const Samples& samples) {
  std::vector<std::uint32_t> out;
  out.reserve(samples.size());
  for (const storage::IdSample& sample : samples) out.push_back(sample.series);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool overlap(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  std::vector<std::uint32_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return !both.empty();
}

}  // namespace

// Whether the batch can only be judged once the group is applied. New series are no such case:
// group.fresh tells of them.
bool Db::Impl::depends(const Group& group, const Prepared& prepared, bool decides) {
  const std::vector<std::uint32_t> mine =
      decides ? series_of(prepared.samples) : std::vector<std::uint32_t>();
  return std::any_of(group.staged.begin(), group.staged.end(), [&](const Staged& earlier) {
    const Prepared& other = earlier.prepared;
    if (!prepared.metadata.empty() && !other.metadata.empty()) return true;
    if (!prepared.batch_id.empty() && prepared.batch_id == other.batch_id) return true;
    return decides && overlap(mine, series_of(other.samples));
  });
}

// Checks, decides and logs a batch. False: it depends on the group, and nothing has been done.
// Otherwise its result is there, or will be after finish(). Under write_mutex_.
Result<bool> Db::Impl::stage(const Batch& batch, Group& group, Result<WriteReport>& result) {
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  if (!batch.id().empty()) {
    if (const auto report = batch_ids_.find(batch.id())) {
      result = first_report(*report);
      return true;
    }
  }
  auto prepared = prepare(batch, group);
  if (!prepared) return tl::unexpected<Error>(prepared.error());
  if (prepared->samples.empty() && prepared->metadata.empty() && prepared->batch_id.empty()) {
    return true;
  }
  refuse_expired(*prepared, group);
  const bool decides =
      policy_ != WritePolicy{} || !prepared->batch_id.empty() || prepared->expired > 0;
  if (depends(group, *prepared, decides)) return false;
  auto known = ask_store(prepared->samples, /*replaying=*/false);
  if (!known) return tl::unexpected<Error>(known.error());
  if (decides) {
    if (auto decided = decide_on(*prepared, *known); !decided) {
      return tl::unexpected<Error>(decided.error());
    }
  }
  if (prepared->samples.empty() && prepared->metadata.empty() && prepared->series.empty() &&
      prepared->batch_id.empty()) {
    name_refused(*prepared->decided);
    result = *std::move(prepared->decided);
    return true;
  }
  auto sequence = log_batch(*prepared);
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  group.new_series += prepared->series.size();
  group.staged.push_back({*std::move(prepared), *std::move(known), *sequence, &result});
  return true;
}

// Makes a group durable, where that is asked for, and visible.
void Db::Impl::finish(Group& group) {
  Result<void> synced;
  if (!group.staged.empty() && options_.sync.mode == Sync::Mode::batch) synced = log_->sync();
  for (Staged& staged : group.staged) {
    if (synced) {
      *staged.result = apply(staged.prepared, staged.known, staged.sequence);
    } else {
      *staged.result = tl::unexpected<Error>(synced.error());
    }
  }
  group = {};
}

// Under write_mutex_.
void Db::Impl::commit(std::span<Waiting* const> waiting) {
  Group group;
  for (Waiting* const one : waiting) {
    auto staged = stage(one->batch, group, one->result);
    if (staged && !*staged) {
      finish(group);
      staged = stage(one->batch, group, one->result);
      HYGGE_ASSERT(!staged || *staged);  // an empty group has nothing to depend on
    }
    if (staged) continue;
    one->result = tl::unexpected<Error>(staged.error());
    // The batch's new series were never made: nobody may find them in group.fresh.
    finish(group);
  }
  finish(group);
}

// The first in the queue leads: it commits what has queued up, itself included.
Result<WriteReport> Db::Impl::write_in_group(const Batch& batch) {
  Waiting self{batch, WriteReport(), false};
  std::unique_lock queue(queue_mutex_);
  queue_.push_back(&self);
  queue_changed_.wait(queue, [&] { return self.done || queue_.front() == &self; });
  if (self.done) return std::move(self.result);
  queue.unlock();
  std::vector<Waiting*> group;
  {
    const std::lock_guard lock(write_mutex_);
    queue.lock();
    group.assign(queue_.begin(), queue_.end());
    queue.unlock();
    commit(group);
  }
  queue.lock();
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(group.size()));
  for (Waiting* const one : group) one->done = true;
  queue_changed_.notify_all();
  return std::move(self.result);
}

Result<WriteReport> Db::Impl::write(const Batch& batch) {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  return while_room_comes([&] { return write_once(batch); });
}

Result<WriteReport> Db::Impl::write_once(const Batch& batch) {
  if (options_.sync.mode == Sync::Mode::batch) {
    auto report = write_in_group(batch);
    pay_for_memory();
    return report;
  }
  Waiting self{batch, WriteReport(), false};
  {
    Waiting* const one = &self;
    const std::lock_guard lock(write_mutex_);
    commit(std::span(&one, 1));
  }
  pay_for_memory();
  return std::move(self.result);
}

// Wakes the maintenance thread when chunks wait for the store. If it does not keep up, the writer
// does a pass, so that memory stays bounded; its batch is committed, and if the pass fails the next
// one tries again.
void Db::Impl::pay_for_memory() {
  const std::size_t waiting = waiting_bytes_.load(std::memory_order_relaxed);
  if (waiting < options_.tuning.put_bytes) return;
  if (options_.maintenance == Maintenance::manual) return;
  if (waiting < 8 * options_.tuning.put_bytes) {
    const std::lock_guard lock(wake_mutex_);
    work_ = true;
    wake_.notify_all();
    return;
  }
  const std::lock_guard lock(upkeep_mutex_);
  static_cast<void>(put_pass());
}

}  // namespace hygge
