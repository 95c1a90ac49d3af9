// The cap: the directory, every file counted, stays at or below so many bytes.
//
// Kept free inside it: what the log and the memtables may still grow by, what the store will take
// for what is in the log only, and three times the largest day. A seal writes a day anew beside the
// old one, and a compaction rewrites both, and today, which lies in the same young files. (With
// once the largest day Cap.IsNeverExceededUnderLoad ran 5 % over, with twice sometimes 3 %.) Where
// that is not free any more, days go (whose first: Retention::cap_bytes), by deletes like those of
// a rule (retention.cc), and their files are compacted. While a view holds what was taken, no more
// is taken for it.
//
// Writers look at what the last look has left them of the whole cap, and are refused past that:
// with nothing else left to go, or because maintenance does not keep up, in which case they do it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/expired.h"
#include "storage/db/step.h"

namespace hygge {

namespace {

// Days go in one turn for some more than is needed just now, not one after each write.
constexpr std::uint64_t kSlackShare = 32;
// The log reserves space in such pieces.
constexpr std::uint64_t kLogPieceBytes = 1U << 20U;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

using Ids = std::vector<std::uint32_t>;

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// How much of a day these ranges cover.
double share_of(std::span<const TimeRange> ranges, TimeRange day) {
  TimeMs covered = 0;
  for (const TimeRange& range : ranges) {
    const TimeMs after = std::max(range.after, day.after);
    const TimeMs until = std::min(range.until, day.until);
    covered += std::max<TimeMs>(until - after, 0);
  }
  return static_cast<double>(covered) / static_cast<double>(kDayMs);
}

}  // namespace

struct Db::Impl::CapState {
  std::uint64_t disk = 0;
  std::uint64_t at_work = 0;    ///< that what is there may need for a time: seals, compactions
  std::uint64_t kept_free = 0;  ///< that, and what log and memtables may grow by
  std::uint64_t excess = 0;     ///< to be freed
  struct Day {
    std::int32_t partition;
    std::uint64_t bytes;
  };
  std::vector<Day> days;
};

struct Db::Impl::CapPlan {
  std::vector<Expired> rules;
  std::vector<std::int32_t> partitions;  ///< that lose something
};

std::uint64_t Db::Impl::cap_bytes() const {
  const std::shared_lock lock(state_mutex_);
  return retention_.cap_bytes;
}

Result<Db::Impl::CapState> Db::Impl::cap_state(std::uint64_t cap_bytes) const {
  CapState out;
  std::uint64_t budget = 0;
  std::shared_ptr<const storage::Home> home;
  std::vector<DurationMs> tiers;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    home = home_;
    tiers = rollup_.stored;
    budget = log_budget();
    for (const std::int32_t partition : presence_.partitions()) out.days.push_back({partition, 0});
  }
  // Memory before files: what a flush moves meanwhile is counted twice, not never.
  const std::uint64_t memtable_bytes = home->store->memtable_bytes();
  const std::uint64_t log_bytes = log_ ? log_->live_bytes() : 0;
  auto disk = files_.tree_bytes(dir_);
  if (!disk) return tl::unexpected<Error>(disk.error());
  out.disk = *disk;
  std::uint64_t largest_day = 0;
  for (CapState::Day& day : out.days) {
    day.bytes = home->store->chunk_file_bytes(day.partition) +
                home->store->cell_file_bytes(day.partition, tiers);
    largest_day = std::max(largest_day, day.bytes);
  }
  const std::uint64_t memtables = 2 * std::uint64_t{options_.tuning.chunk_memtable_bytes};
  // What is in the log only comes to the store too, in about as many bytes.
  out.at_work = memtable_bytes + log_bytes + 3 * largest_day + kLogPieceBytes;
  out.kept_free = out.at_work + 2 * minus(budget, log_bytes) + minus(memtables, memtable_bytes);
  out.excess = minus(out.disk + out.kept_free + cap_refused_.load(), cap_bytes);
  return out;
}

// Under state_mutex_, shared. In the order in which they lose: the series that no rule matches,
// those of the last rule, … of the first.
Result<std::vector<std::pair<RetentionRule, Ids>>> Db::Impl::cap_order(
    const storage::KeepPolicy& policy) const {
  std::vector<std::pair<RetentionRule, Ids>> out;
  auto rest = index_->select(Selector());
  if (!rest) return tl::unexpected<Error>(rest.error());
  for (const storage::KeepRule& kept : policy.rules) {
    auto matched = index_->select(kept.rule.selector);
    if (!matched) return tl::unexpected<Error>(matched.error());
    Ids left;
    Ids taken;
    std::set_difference(rest->begin(), rest->end(), matched->begin(), matched->end(),
                        std::back_inserter(left));
    std::set_intersection(rest->begin(), rest->end(), matched->begin(), matched->end(),
                          std::back_inserter(taken));
    *rest = std::move(left);
    out.emplace_back(kept.rule, std::move(taken));
  }
  out.emplace_back(RetentionRule(), std::move(*rest));
  std::reverse(out.begin(), out.end());
  return out;
}

// Under state_mutex_, shared. About how many bytes of a day go with these series, by the share of
// series and of time that no pin keeps.
Result<std::uint64_t> Db::Impl::cap_gain(std::int32_t partition, std::uint64_t bytes,
                                         const Ids& ids, std::span<const Pin> pins) const {
  const TimeRange day = partition_range(partition);
  const Ids present = presence_.series_of(partition);
  Ids here;
  std::set_intersection(ids.begin(), ids.end(), present.begin(), present.end(),
                        std::back_inserter(here));
  if (here.empty() || bytes == 0) return 0;
  auto groups = unpinned(here, day.until, pins, /*whole_days=*/false);
  if (!groups) return tl::unexpected<Error>(groups.error());
  double free = 0;
  for (const ExpiredGroup& group : *groups) {
    free += static_cast<double>(group.ids->size()) * share_of(group.ranges, day);
  }
  if (free == 0) return 0;
  const double gain = static_cast<double>(bytes) * free / static_cast<double>(present.size());
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(gain), 1);
}

// What has to go; empty: nothing has to, or nothing may. Days of which the store has no file yet
// wait for one.
Result<Db::Impl::CapPlan> Db::Impl::cap_plan(const CapState& state,
                                             const storage::KeepPolicy& policy) const {
  CapPlan out;
  const std::optional<TimeMs> now = retention_now();
  if (state.excess == 0 || !now) return out;
  const std::int64_t today = partition_of(*now);
  const std::uint64_t wanted = state.excess + state.disk / kSlackShare;
  std::uint64_t freed = 0;
  const std::shared_lock lock(state_mutex_);
  auto order = cap_order(policy);
  if (!order) return tl::unexpected<Error>(order.error());
  for (auto& [rule, ids] : *order) {
    Expired expired;
    expired.about.rule = rule;
    for (const CapState::Day& day : state.days) {
      if (day.partition >= today || freed >= wanted) break;
      const auto gain = cap_gain(day.partition, day.bytes, ids, policy.pins);
      if (!gain) return tl::unexpected<Error>(gain.error());
      if (*gain == 0) continue;
      freed += *gain;
      expired.about.floor_ms = partition_range(day.partition).until;
      out.partitions.push_back(day.partition);
    }
    if (!expired.about.floor_ms) continue;
    auto groups = unpinned(ids, *expired.about.floor_ms, policy.pins, /*whole_days=*/false);
    if (!groups) return tl::unexpected<Error>(groups.error());
    expired.groups = std::move(*groups);
    out.rules.push_back(std::move(expired));
  }
  return out;
}

Result<RetentionReport::Cap> Db::Impl::cap_report(const storage::KeepPolicy& policy) {
  RetentionReport::Cap out;
  out.cap_bytes = policy.cap_bytes;
  const auto state = cap_state(out.cap_bytes);
  if (!state) return tl::unexpected<Error>(state.error());
  out.disk_bytes = state->disk;
  out.kept_free = state->kept_free;
  auto plan = cap_plan(*state, policy);
  if (!plan) return tl::unexpected<Error>(plan.error());
  for (Expired& expired : plan->rules) {
    if (auto done = count_expired(expired); !done) return tl::unexpected<Error>(done.error());
    out.rules.push_back(expired.about);
  }
  return out;
}

// After an open: days that were taken, and whose files were not compacted any more. Under
// step_mutex_.
void Db::Impl::find_dropped() {
  if (std::exchange(cap_looked_, true)) return;
  const std::shared_lock lock(state_mutex_);
  for (const std::int32_t partition : presence_.partitions()) {
    if (presence_.series_count(partition) > 0) continue;
    if (home_->store->chunk_file_bytes(partition) > 0) cap_dropped_.insert(partition);
  }
}

// Whether a flush may show what can go, or be enough: a log over its budget, and days that are in
// memory only and have no size yet. Under upkeep_mutex_.
bool Db::Impl::flush_may_help(const CapState& state) const {
  const std::optional<TimeMs> now = retention_now();
  if (state.excess == 0 || !now) return false;
  const std::int64_t today = partition_of(*now);
  const auto in_memory = [&](const CapState::Day& day) {
    return day.partition < today && day.bytes == 0 && presence_.series_count(day.partition) > 0;
  };
  const std::shared_lock lock(state_mutex_);
  return log_->live_bytes() > log_budget() ||
         std::any_of(state.days.begin(), state.days.end(), in_memory);
}

// Whether days have gone. Under step_mutex_ and upkeep_mutex_.
Result<bool> Db::Impl::drop_for_cap() {
  storage::KeepPolicy policy;
  {
    const std::shared_lock lock(state_mutex_);
    policy = retention_;
  }
  auto state = cap_state(policy.cap_bytes);
  if (!state) return tl::unexpected<Error>(state.error());
  auto plan = cap_plan(*state, policy);
  if (!plan) return tl::unexpected<Error>(plan.error());
  if (plan->rules.empty() && !flush_may_help(*state)) return false;
  close_early();
  auto ready = put_everything();
  if (ready) ready = flush_and_mark();
  if (!ready) return tl::unexpected<Error>(ready.error());
  state = cap_state(policy.cap_bytes);
  if (!state) return tl::unexpected<Error>(state.error());
  // What lies beside others in a block has no size to RocksDB.
  for (CapState::Day& day : state->days) day.bytes = std::max<std::uint64_t>(day.bytes, 1);
  plan = cap_plan(*state, policy);
  if (!plan) return tl::unexpected<Error>(plan.error());
  if (plan->rules.empty()) return false;
  cap_dropped_.insert(plan->partitions.begin(), plan->partitions.end());
  auto done = log_expired(plan->rules);
  if (done) done = execute_deletes();
  cap_change_ = home_->store->last_change();
  if (done) done = flush_and_mark();
  if (!done) return tl::unexpected<Error>(done.error());
  return true;
}

// Gives back what days have left behind. False: a view still needs some of it, or cut short. Under
// step_mutex_.
Result<bool> Db::Impl::compact_dropped(Step& step) {
  if (cap_dropped_.empty()) return true;
  if (home_->store->has_snapshot_before(cap_change_)) return false;
  while (!cap_dropped_.empty()) {
    const std::int32_t partition = *cap_dropped_.begin();
    auto compacted = home_->store->compact_partition(partition, stored_tiers(), step.cancel());
    // Of a damaged day the bytes stay, until a repair.
    if (!compacted && compacted.error().code != ErrorCode::corruption) {
      return tl::unexpected<Error>(compacted.error());
    }
    if (step.cancelled()) return false;
    cap_dropped_.erase(partition);
  }
  return true;
}

// Under step_mutex_.
Result<void> Db::Impl::keep_cap(Step& step) {
  if (cap_bytes() == 0) return {};
  find_dropped();
  // What is taken was too little where its size was misjudged. A day that is damaged may not go at
  // all: no turn for it more than once.
  std::set<std::int32_t> taken;
  while (true) {
    const auto compacted = compact_dropped(step);
    if (!compacted) return tl::unexpected<Error>(compacted.error());
    if (!*compacted) break;
    {
      const std::lock_guard lock(upkeep_mutex_);
      const auto dropped = drop_for_cap();
      if (!dropped) return tl::unexpected<Error>(dropped.error());
      if (!*dropped) break;
    }
    const std::size_t before = taken.size();
    taken.insert(cap_dropped_.begin(), cap_dropped_.end());
    if (taken.size() == before) break;
  }
  measure_cap();
  return {};
}

// How much writers may still log. What cannot be measured changes nothing.
void Db::Impl::measure_cap() {
  const std::uint64_t cap = cap_bytes();
  if (cap == 0) {
    cap_limit_.store(kNoLimit);
    return;
  }
  // Before the look: what is logged during it may be counted twice.
  const std::uint64_t logged = cap_logged_.load();
  const auto state = cap_state(cap);
  if (!state) return;
  cap_limit_.store(logged + minus(cap, state->disk + state->at_work));
}

// What a batch may cost of the cap: twice its bytes, in the log and in the store.
std::uint64_t Db::Impl::cap_cost(std::size_t bytes) { return 2 * std::uint64_t{bytes}; }

std::uint64_t Db::Impl::cap_left() const {
  const std::uint64_t limit = cap_limit_.load();
  return limit == kNoLimit ? kNoLimit : minus(limit, cap_logged_.load());
}

// Under write_mutex_.
Result<void> Db::Impl::check_cap(std::size_t bytes) {
  if (cap_cost(bytes) <= cap_left()) return {};
  cap_refused_.store(std::max(cap_refused_.load(), cap_cost(bytes)));
  return fail(ErrorCode::no_space,
              fmt::format("{}: the cap of {} bytes is reached, and no day was found that may go",
                          dir_, cap_bytes()),
              "raise it (`hygge retention cap`), unpin or delete something, let views go; with "
              "manual maintenance, call maintain()");
}

// For a writer that the cap may have refused, being faster than maintenance: it does what that
// would. Whether there is more room now; none: it is not the cap, or maintenance is the caller's.
std::optional<bool> Db::Impl::make_room() {
  const std::uint64_t before = cap_left();
  if (options_.maintenance == Maintenance::manual || before == kNoLimit) return std::nullopt;
  const std::lock_guard lock(step_mutex_);
  if (!open_for_steps()) return std::nullopt;
  // While it waited, somebody else may have done it.
  if (cap_left() > before) return true;
  const Maintain how;
  Step step(how, closing_.get_token(), options_.clock);
  while (keep_cap(step) && cap_left() <= before) {
    // A put pass or another writer may hold the bytes for a moment; a view, for as long as it
    // likes.
    const bool held_a_moment = !cap_dropped_.empty() && views_.use_count() == 1;
    if (!held_a_moment || step.cancelled()) break;
    std::this_thread::yield();
  }
  return cap_left() > before;
}

Result<void> Db::Impl::set_retention_cap(std::uint64_t bytes) {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  const std::uint64_t least = 2 * (options_.tuning.log_budget_bytes + kLogPieceBytes +
                                   options_.tuning.chunk_memtable_bytes);
  if (bytes != 0 && bytes < least) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("a cap of {} bytes: what is in log and memory may take {}", bytes, least),
        "give more, or smaller log_budget_bytes and chunk_memtable_bytes");
  }
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  storage::KeepPolicy policy = retention_;
  policy.cap_bytes = bytes;
  if (auto kept = keep_policy(std::move(policy)); !kept) return kept;
  measure_cap();
  return {};
}

}  // namespace hygge
