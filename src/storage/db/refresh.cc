// A reader that catches up with the writer beside it, and copies of a database that is open.
#include <fmt/format.h>
#include <hygge/house.h>

#include <mutex>
#include <utility>

#include "storage/db/db_impl.h"

namespace hygge {

// A second reader is opened and its state taken over; views hold what they need of the first.
Result<void> Db::Impl::refresh() {
  if (!read_only_) return {};
  const std::lock_guard one_at_a_time(step_mutex_);  // a later one must not be overtaken
  if (!open_for_steps())
    return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
  auto now = open_read_only(dir_, options_);
  if (!now) return tl::unexpected<Error>(now.error());
  Impl& other = **now;
  if (other.identity_.id != identity_.id) {
    return fail(ErrorCode::not_found, fmt::format("{}: another database stands there now", dir_),
                "open it anew");
  }
  const std::lock_guard closing(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
  const std::unique_lock lock(state_mutex_);
  std::swap(identity_, other.identity_);
  std::swap(home_, other.home_);
  std::swap(index_, other.index_);
  std::swap(metadata_, other.metadata_);
  std::swap(bounds_, other.bounds_);
  std::swap(head_, other.head_);
  std::swap(presence_, other.presence_);
  std::swap(partitions_, other.partitions_);
  std::swap(batch_ids_, other.batch_ids_);
  std::swap(policy_, other.policy_);
  std::swap(retention_, other.retention_);
  std::swap(rollup_, other.rollup_);
  std::swap(masks_, other.masks_);
  std::swap(next_id_, other.next_id_);
  std::swap(applied_sequence_, other.applied_sequence_);
  std::swap(finished_high_water_, other.finished_high_water_);
  std::swap(marked_sequence_, other.marked_sequence_);
  std::swap(open_report_, other.open_report_);
  return {};
}

Result<CopyReport> Db::Impl::copy(const std::string& to, bool snapshot) {
  const auto make = [&] { return snapshot ? hygge::snapshot(dir_, to) : hygge::clone(dir_, to); };
  if (read_only_) return make();
  const std::lock_guard step(step_mutex_);
  {
    const std::lock_guard lock(upkeep_mutex_);
    if (auto open = check_open(); !open) return tl::unexpected<Error>(open.error());
    auto ready = execute_deletes();
    if (ready) ready = merge_crowded();
    if (ready) ready = settle();
    if (!ready) return tl::unexpected<Error>(ready.error());
  }
  // Put passes and marks may go on beside it: the copy is made for a writer at work.
  return make();
}

}  // namespace hygge
