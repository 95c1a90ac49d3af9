// Retention: rules, pins, and the sweep that applies them.
//
// A sweep writes the new floors to `meta`, flushes, and then deletes like any other: one log record
// for each rule, masks, store work (erase.cc). So a crash at any point, a View from before and a
// read-only open meet nothing that deletes do not know. Partitions of which nothing stays go by
// unlinking their files, where no View may need them. What rules do that keep cells apart:
// expire.cc.
#include "storage/upkeep/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/expired.h"
#include "storage/db/step.h"

namespace hygge {

using storage::KeepPolicy;
using storage::kNoFloor;
using storage::Mask;
using Ids = std::vector<std::uint32_t>;

namespace {

tl::unexpected<Error> for_reading_only(const std::string& dir) {
  return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir));
}

Ids minus(const Ids& a, const Ids& b) {
  Ids out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Ids both(const Ids& a, const Ids& b) {
  Ids out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

// The whole days that a range touches.
TimeRange to_days(TimeRange range) {
  if (range.after > kMinTimeMs) range.after = partition_range(partition_of(range.after + 1)).after;
  if (range.until < kMaxTimeMs) range.until = partition_range(partition_of(range.until)).until;
  return range;
}

std::string described(const Pin& pin) {
  if (pin.range == everything()) return to_string(pin.selector);
  const auto time = [](TimeMs t_ms) {
    return t_ms < kMinTimeMs || t_ms > kMaxTimeMs ? std::string("ever") : format_time_utc(t_ms);
  };
  return fmt::format("{} after {} until {}", to_string(pin.selector), time(pin.range.after),
                     time(pin.range.until));
}

}  // namespace

// Age counts from the earlier of the newest sample and the clock: neither a sample nor a clock from
// the future lets anything go.
std::optional<TimeMs> Db::Impl::retention_now() const {
  const std::shared_lock lock(state_mutex_);
  if (!bounds_) return std::nullopt;
  return std::min(bounds_->last_ms, options_.clock());
}

Result<void> Db::Impl::meets_pin(std::span<const std::uint32_t> ids, TimeRange range) const {
  const std::shared_lock lock(state_mutex_);
  for (const Pin& pin : retention_.pins) {
    if (pin.range.after >= range.until || range.after >= pin.range.until) continue;
    auto pinned = index_->select(pin.selector);
    if (!pinned) return tl::unexpected<Error>(pinned.error());
    const bool meets = std::any_of(ids.begin(), ids.end(), [&](std::uint32_t id) {
      return std::binary_search(pinned->begin(), pinned->end(), id);
    });
    if (!meets) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("a pin keeps some of it: {}", described(pin)),
                "unpin it first, or delete what it does not keep");
  }
  return {};
}

// Under state_mutex_, shared. Series that the same pins keep are deleted together.
Result<std::vector<Db::Impl::ExpiredGroup>> Db::Impl::unpinned(
    const std::vector<std::uint32_t>& ids, TimeMs floor_ms, std::span<const Pin> pins,
    bool whole_days) const {
  // Cells are not cut, either.
  whole_days = whole_days || !partitions_.expired_partitions().empty();
  std::vector<Ids> of_pin;
  for (const Pin& pin : pins) {
    auto selected = index_->select(pin.selector);
    if (!selected) return tl::unexpected<Error>(selected.error());
    of_pin.push_back(std::move(*selected));
  }
  constexpr TimeMs kFirst = std::numeric_limits<TimeMs>::min();
  std::map<std::vector<std::size_t>, Ids> by_pins;
  for (const std::uint32_t id : ids) {
    if (presence_.partitions_of(id, partition_of(kMinTimeMs), partition_of(floor_ms)).empty()) {
      continue;
    }
    std::vector<std::size_t> kept_by;
    for (std::size_t i = 0; i < pins.size(); ++i) {
      if (pins[i].range.after >= floor_ms || pins[i].range.empty()) continue;
      if (std::binary_search(of_pin[i].begin(), of_pin[i].end(), id)) kept_by.push_back(i);
    }
    by_pins[std::move(kept_by)].push_back(id);
  }
  std::vector<ExpiredGroup> out;
  for (auto& [kept_by, group] : by_pins) {
    std::vector<TimeRange> kept;
    for (const std::size_t i : kept_by) {
      kept.push_back(whole_days ? to_days(pins[i].range) : pins[i].range);
    }
    auto ranges = storage::without({kFirst, floor_ms}, kept);
    if (ranges.empty()) continue;
    out.push_back({std::make_shared<const Ids>(std::move(group)), std::move(ranges)});
  }
  return out;
}

// `sealed`: of days whose cells stay only what is ready for it.
Result<std::vector<Db::Impl::Expired>> Db::Impl::find_expired(const KeepPolicy& policy, bool jump,
                                                              bool sealed) {
  const std::optional<TimeMs> now = retention_now();
  std::vector<Expired> out;
  Ids claimed;
  const std::shared_lock lock(state_mutex_);
  TimeMs oldest = kNoFloor;
  for (const std::int32_t partition : presence_.partitions()) {
    if (presence_.series_count(partition) == 0) continue;
    oldest = partition_range(partition).after;
    break;
  }
  for (const storage::KeepRule& kept : policy.rules) {
    Expired& expired = out.emplace_back();
    expired.about.rule = kept.rule;
    auto selected = index_->select(kept.rule.selector);
    if (!selected) return tl::unexpected<Error>(selected.error());
    const Ids ids = minus(*selected, claimed);
    claimed = both(claimed, ids);
    if (now && kept.apart()) {
      auto found = find_apart(kept, ids, *now, policy.pins, sealed, expired);
      if (!found) return tl::unexpected<Error>(found.error());
      const TimeMs floor_ms = expired.about.floor_ms.value_or(kNoFloor);
      bool far = storage::jumps(kept.floor_ms, floor_ms, oldest);
      for (std::size_t i = 0; i < expired.about.cell_floors.size(); ++i) {
        far =
            far || storage::jumps(kept.cell_floors[i], expired.about.cell_floors[i].second, oldest);
      }
      expired.about.waits = expired.about.waits && far && !jump;
    }
    if (!now || !kept.rule.keep_ms || kept.apart()) continue;
    const TimeMs floor_ms = storage::floor_for(*now, *kept.rule.keep_ms);
    if (floor_ms == kNoFloor) continue;
    expired.about.floor_ms = floor_ms;
    auto groups = unpinned(ids, floor_ms, policy.pins, /*whole_days=*/false);
    if (!groups) return tl::unexpected<Error>(groups.error());
    expired.groups = std::move(*groups);
    expired.about.waits =
        !jump && !expired.groups.empty() && storage::jumps(kept.floor_ms, floor_ms, oldest);
  }
  return out;
}

Result<void> Db::Impl::count_expired(Expired& expired) {
  std::set<std::uint32_t> series;
  enum class What : std::uint8_t { all, samples, rows };
  const auto add = [&](const ExpiredGroup& group, What what, DurationMs tier_ms) -> Result<void> {
    std::vector<std::vector<std::size_t>> picked;
    auto state = capture(std::span(&expired.about.rule.selector, 1),
                         {group.ranges.front().after, group.ranges.back().until}, picked);
    if (!state) return tl::unexpected<Error>(state.error());
    std::erase_if((*state)->entries, [&](const storage::ViewState::Entry& entry) {
      return !std::binary_search(group.ids->begin(), group.ids->end(), entry.id);
    });
    if (what == What::samples) (*state)->tiers.clear();
    EraseReport counted;
    if (what == What::rows) {
      count_cells(**state, group.ranges, std::span(&tier_ms, 1), /*all=*/true, counted, series);
    } else {
      counted = count(**state, group.ranges, series);
    }
    expired.about.samples += counted.samples;
    expired.about.bytes += counted.bytes;
    expired.about.cells += counted.cells;
    return {};
  };
  Result<void> done;
  for (const ExpiredGroup& group : expired.groups) {
    if (done) done = add(group, What::all, 0);
  }
  for (const ExpiredGroup& group : expired.samples) {
    if (done) done = add(group, What::samples, 0);
  }
  for (const Expired::Rows& rows : expired.rows) {
    for (const ExpiredGroup& group : rows.groups) {
      if (done) done = add(group, What::rows, rows.tier_ms);
    }
  }
  expired.about.series = series.size();
  return done;
}

Result<void> Db::Impl::log_expired(std::span<const Expired> all) {
  const std::lock_guard lock(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  for (const Expired& expired : all) {
    if (expired.about.waits) continue;
    const auto log = [&](const ExpiredGroup& group, bool samples_only) -> Result<void> {
      for (const TimeRange& range : group.ranges) {
        Mask mask{0, group.ids, range, samples_only};
        if (auto logged = log_mask(mask); !logged) return logged;
        apply_erase(std::move(mask));
      }
      return {};
    };
    for (const ExpiredGroup& group : expired.groups) {
      if (auto logged = log(group, false); !logged) return logged;
    }
    // Something may have come since they were found; no writer is at work now.
    std::vector<ExpiredGroup> ready;
    {
      const std::shared_lock state(state_mutex_);
      ready = only_samples(expired.samples, /*sealed=*/true);
    }
    for (const ExpiredGroup& group : ready) {
      if (auto logged = log(group, true); !logged) return logged;
    }
  }
  return {};
}

// What the rules have done with; their floors are durable. Under step_mutex_ and upkeep_mutex_.
Result<std::vector<Db::Impl::Expired>> Db::Impl::move_floors(bool jump, bool sealed) {
  KeepPolicy policy;
  {
    const std::shared_lock lock(state_mutex_);
    policy = retention_;
  }
  auto all = find_expired(policy, jump, sealed);
  if (!all) return all;
  bool moved = false;
  const auto move = [&](TimeMs& floor_ms, TimeMs to) {
    moved = moved || to > floor_ms;
    floor_ms = std::max(floor_ms, to);
  };
  for (std::size_t i = 0; i < all->size(); ++i) {
    const RetentionReport::Rule& about = (*all)[i].about;
    if (about.waits) continue;
    move(policy.rules[i].floor_ms, about.floor_ms.value_or(kNoFloor));
    for (std::size_t j = 0; j < about.cell_floors.size(); ++j) {
      move(policy.rules[i].cell_floors[j], about.cell_floors[j].second);
    }
  }
  if (!moved) return all;
  if (auto kept = keep_policy(std::move(policy)); !kept) return tl::unexpected<Error>(kept.error());
  return all;
}

// Under step_mutex_ and upkeep_mutex_.
Result<RetentionReport> Db::Impl::sweep(bool jump, bool counted) {
  auto all = move_floors(jump, /*sealed=*/true);
  if (!all) return tl::unexpected<Error>(all.error());
  RetentionReport report;
  for (Expired& expired : *all) {
    if (counted) {
      if (auto done = count_expired(expired); !done) return tl::unexpected<Error>(done.error());
    }
    report.rules.push_back(expired.about);
  }
  if (auto logged = log_expired(*all); !logged) return tl::unexpected<Error>(logged.error());
  if (auto done = execute_deletes(); !done) return tl::unexpected<Error>(done.error());
  if (auto done = drop_expired_rows(*all); !done) return tl::unexpected<Error>(done.error());
  return report;
}

// The day whose sweep is still to be done, if there is one. Under upkeep_mutex_.
std::optional<std::int64_t> Db::Impl::sweep_due() const {
  {
    const std::shared_lock lock(state_mutex_);
    if (retention_.rules.empty()) return std::nullopt;
  }
  const std::optional<TimeMs> now = retention_now();
  if (!now || swept_partition_ == partition_of(*now)) return std::nullopt;
  return partition_of(*now);
}

// Once a day, and after an open: what lies below a floor goes again. Under step_mutex_
// and upkeep_mutex_.
Result<void> Db::Impl::sweep_if_due() {
  const std::optional<std::int64_t> partition = sweep_due();
  if (!partition) return {};
  if (auto swept = sweep(/*jump=*/false, /*counted=*/false); !swept) {
    return tl::unexpected<Error>(swept.error());
  }
  swept_partition_ = partition;
  return {};
}

// Durable when it returns. Under upkeep_mutex_.
Result<void> Db::Impl::keep_policy(KeepPolicy policy) {
  policy.tiered = policy.tiered || std::any_of(policy.rules.begin(), policy.rules.end(),
                                               [](const auto& kept) { return kept.apart(); });
  storage::StoreBatch batch;
  batch.put_meta(storage::kRetentionName, storage::encode_policy(policy));
  if (auto applied = home_->store->apply(batch); !applied) return applied;
  if (auto flushed = home_->store->flush(); !flushed) return flushed;
  const std::unique_lock lock(state_mutex_);
  retention_ = std::move(policy);
  note_closed();
  return {};
}

// Files of partitions all of whose series are deleted whole. What else the store holds of them
// (memtables, level 0) goes key by key. Under step_mutex_
// and upkeep_mutex_.
void Db::Impl::drop_whole_partitions() {
  std::vector<std::int32_t> whole;
  {
    const std::shared_lock lock(state_mutex_);
    // A View from before a delete may read these files; later ones mask what they hold.
    if (views_.use_count() > 1) return;
    for (const std::int32_t partition : presence_.partitions()) {
      const TimeRange day = partition_range(partition);
      const auto holds_day = [&](const Mask& mask) {
        return mask.range.after <= day.after && mask.range.until >= day.until;
      };
      const auto gone = [&](std::uint32_t series) {
        return partitions_.expired(partition, series) ||
               std::any_of(masks_.begin(), masks_.end(), [&](const Mask& mask) {
                 return holds_day(mask) && mask.covers(series);
               });
      };
      if (std::none_of(masks_.begin(), masks_.end(), holds_day)) continue;
      const auto series = presence_.series_of(partition);
      if (!series.empty() && std::all_of(series.begin(), series.end(), gone)) {
        whole.push_back(partition);
      }
    }
  }
  // A failure costs time only: the keys are deleted one by one then.
  for (const std::int32_t partition : whole) {
    static_cast<void>(home_->store->drop_files(partition));
  }
}

// Under upkeep_mutex_, for which closing waits: what is open stays so.
Result<void> Db::Impl::check_open() {
  if (open_for_steps()) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
}

Result<void> Db::Impl::set_retention(std::vector<RetentionRule> rules) {
  if (read_only_) return for_reading_only(dir_);
  auto sound = storage::checked(std::move(rules));
  if (!sound) return tl::unexpected<Error>(sound.error());
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  swept_partition_.reset();
  return keep_policy(policy_with(std::move(*sound)));
}

// The present policy with these rules; floors go with the selector. Under upkeep_mutex_, or
// state_mutex_, shared.
KeepPolicy Db::Impl::policy_with(std::vector<RetentionRule> rules) const {
  KeepPolicy out = retention_;
  out.rules.clear();
  for (RetentionRule& rule : rules) {
    const auto old =
        std::find_if(retention_.rules.begin(), retention_.rules.end(),
                     [&](const auto& kept) { return kept.rule.selector == rule.selector; });
    out.rules.push_back(
        storage::keep_rule(std::move(rule), old == retention_.rules.end() ? nullptr : &*old));
  }
  return out;
}

std::vector<RetentionFloors> Db::Impl::retention_floors() const {
  const auto floor = [](TimeMs floor_ms) {
    return floor_ms == kNoFloor ? std::nullopt : std::optional(floor_ms);
  };
  const std::shared_lock lock(state_mutex_);
  std::vector<RetentionFloors> out;
  for (const storage::KeepRule& kept : retention_.rules) {
    RetentionFloors& of = out.emplace_back();
    of.rule = kept.rule;
    of.samples_ms = floor(kept.floor_ms);
    for (std::size_t i = 0; i < kept.cell_floors.size(); ++i) {
      of.cells_ms.emplace_back((*kept.rule.cells)[i].resolution_ms, floor(kept.cell_floors[i]));
    }
  }
  return out;
}

Retention Db::Impl::retention() const {
  const std::shared_lock lock(state_mutex_);
  Retention out;
  for (const storage::KeepRule& kept : retention_.rules) out.rules.push_back(kept.rule);
  out.pins = retention_.pins;
  out.cap_bytes = retention_.cap_bytes;
  return out;
}

Result<void> Db::Impl::pin(Pin pin) {
  if (read_only_) return for_reading_only(dir_);
  if (pin.range.empty()) return fail(ErrorCode::invalid_argument, "a pin of an empty range");
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  KeepPolicy policy = retention_;
  if (std::find(policy.pins.begin(), policy.pins.end(), pin) != policy.pins.end()) {
    return fail(ErrorCode::already_exists, fmt::format("pinned already: {}", described(pin)));
  }
  policy.pins.push_back(std::move(pin));
  return keep_policy(std::move(policy));
}

Result<void> Db::Impl::unpin(const Pin& pin) {
  if (read_only_) return for_reading_only(dir_);
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  KeepPolicy policy = retention_;
  if (std::erase(policy.pins, pin) == 0) {
    return fail(ErrorCode::not_found, fmt::format("no pin: {}", described(pin)),
                "`hygge retention list` shows pins; selector and range must be the same");
  }
  swept_partition_.reset();
  return keep_policy(std::move(policy));
}

Result<RetentionReport> Db::Impl::apply_retention() {
  if (read_only_) return for_reading_only(dir_);
  const std::lock_guard steps(step_mutex_);
  RetentionReport report;
  KeepPolicy policy;
  const Maintain how;
  Step step(how, closing_.get_token(), options_.clock);
  if (auto sealed = seal_before_sweep(/*jump=*/true, step); !sealed) {
    return tl::unexpected<Error>(sealed.error());
  }
  {
    const std::lock_guard lock(upkeep_mutex_);
    if (auto open = check_open(); !open) return tl::unexpected<Error>(open.error());
    auto swept = sweep(/*jump=*/true, /*counted=*/true);
    if (!swept || retention_.cap_bytes == 0) return swept;
    report = std::move(*swept);
    policy = retention_;
  }
  auto cap = cap_report(policy);
  if (!cap) return tl::unexpected<Error>(cap.error());
  report.cap = std::move(*cap);
  if (auto kept = keep_cap(step); !kept) return tl::unexpected<Error>(kept.error());
  return report;
}

Result<RetentionReport> Db::Impl::retention_dry_run(
    const std::optional<std::vector<RetentionRule>>& rules,
    std::optional<std::uint64_t> cap_bytes) {
  KeepPolicy policy;
  Result<std::vector<RetentionRule>> sound;
  if (rules) sound = storage::checked(*rules);
  if (!sound) return tl::unexpected<Error>(sound.error());
  {
    const std::shared_lock lock(state_mutex_);
    policy = rules ? policy_with(std::move(*sound)) : retention_;
  }
  policy.cap_bytes = cap_bytes.value_or(policy.cap_bytes);
  auto all = find_expired(policy, /*jump=*/false, /*sealed=*/false);
  if (!all) return tl::unexpected<Error>(all.error());
  RetentionReport report;
  for (Expired& expired : *all) {
    if (auto done = count_expired(expired); !done) return tl::unexpected<Error>(done.error());
    report.rules.push_back(expired.about);
  }
  if (policy.cap_bytes == 0) return report;
  auto cap = cap_report(policy);
  if (!cap) return tl::unexpected<Error>(cap.error());
  report.cap = std::move(*cap);
  return report;
}

}  // namespace hygge
