// Retention: rules, pins, and the sweep that applies them.
//
// A sweep writes the new floors to `meta`, flushes, and then deletes like any other: one log record
// for each rule, masks, store work (erase.cc). So a crash at any point, a View from before and a
// read-only open meet nothing that deletes do not know. Partitions of which nothing stays go by
// unlinking their files, where no View may need them.
#include "storage/upkeep/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
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
    const std::vector<std::uint32_t>& ids, TimeMs floor_ms, std::span<const Pin> pins) const {
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
      if (pins[i].range.after >= floor_ms) continue;
      if (std::binary_search(of_pin[i].begin(), of_pin[i].end(), id)) kept_by.push_back(i);
    }
    by_pins[std::move(kept_by)].push_back(id);
  }
  std::vector<ExpiredGroup> out;
  for (auto& [kept_by, group] : by_pins) {
    std::vector<TimeRange> kept;
    for (const std::size_t i : kept_by) kept.push_back(pins[i].range);
    auto ranges = storage::without({kFirst, floor_ms}, kept);
    if (ranges.empty()) continue;
    out.push_back({std::make_shared<const Ids>(std::move(group)), std::move(ranges)});
  }
  return out;
}

Result<std::vector<Db::Impl::Expired>> Db::Impl::find_expired(const KeepPolicy& policy, bool jump) {
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
    if (!now || !kept.rule.keep_ms) continue;
    const TimeMs floor_ms = storage::floor_for(*now, *kept.rule.keep_ms);
    if (floor_ms == kNoFloor) continue;
    expired.about.floor_ms = floor_ms;
    auto groups = unpinned(ids, floor_ms, policy.pins);
    if (!groups) return tl::unexpected<Error>(groups.error());
    expired.groups = std::move(*groups);
    expired.about.waits =
        !jump && !expired.groups.empty() && storage::jumps(kept.floor_ms, floor_ms, oldest);
  }
  return out;
}

Result<void> Db::Impl::count_expired(Expired& expired) {
  std::vector<std::vector<std::size_t>> picked;
  for (const ExpiredGroup& group : expired.groups) {
    auto state = capture(std::span(&expired.about.rule.selector, 1),
                         {group.ranges.front().after, group.ranges.back().until}, picked);
    if (!state) return tl::unexpected<Error>(state.error());
    std::erase_if((*state)->entries, [&](const storage::ViewState::Entry& entry) {
      return !std::binary_search(group.ids->begin(), group.ids->end(), entry.id);
    });
    const EraseReport counted = count(**state, group.ranges);
    expired.about.series += counted.series;
    expired.about.samples += counted.samples;
    expired.about.bytes += counted.bytes;
  }
  return {};
}

Result<void> Db::Impl::log_expired(std::span<const Expired> all) {
  const std::lock_guard lock(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  for (const Expired& expired : all) {
    if (expired.about.waits) continue;
    for (const ExpiredGroup& group : expired.groups) {
      for (const TimeRange& range : group.ranges) {
        Mask mask{0, group.ids, range};
        if (auto logged = log_mask(mask); !logged) return logged;
        apply_erase(std::move(mask));
      }
    }
  }
  return {};
}

// Under step_mutex_ and upkeep_mutex_.
Result<RetentionReport> Db::Impl::sweep(bool jump, bool counted) {
  KeepPolicy policy;
  {
    const std::shared_lock lock(state_mutex_);
    policy = retention_;
  }
  auto all = find_expired(policy, jump);
  if (!all) return tl::unexpected<Error>(all.error());
  RetentionReport report;
  bool moved = false;
  for (std::size_t i = 0; i < all->size(); ++i) {
    Expired& expired = (*all)[i];
    if (counted) {
      if (auto done = count_expired(expired); !done) return tl::unexpected<Error>(done.error());
    }
    report.rules.push_back(expired.about);
    const TimeMs floor_ms = expired.about.floor_ms.value_or(kNoFloor);
    if (expired.about.waits || floor_ms <= policy.rules[i].floor_ms) continue;
    policy.rules[i].floor_ms = floor_ms;
    moved = true;
  }
  if (moved) {
    if (auto kept = keep_policy(std::move(policy)); !kept) {
      return tl::unexpected<Error>(kept.error());
    }
  }
  if (auto logged = log_expired(*all); !logged) return tl::unexpected<Error>(logged.error());
  if (auto done = execute_deletes(); !done) return tl::unexpected<Error>(done.error());
  return report;
}

// Once a day, and after an open: what lies below a floor goes again. Under step_mutex_
// and upkeep_mutex_.
Result<void> Db::Impl::sweep_if_due() {
  {
    const std::shared_lock lock(state_mutex_);
    if (retention_.rules.empty()) return {};
  }
  const std::optional<TimeMs> now = retention_now();
  if (!now) return {};
  const std::int64_t partition = partition_of(*now);
  if (swept_partition_ == partition) return {};
  if (auto swept = sweep(/*jump=*/false, /*counted=*/false); !swept) {
    return tl::unexpected<Error>(swept.error());
  }
  swept_partition_ = partition;
  return {};
}

// Durable when it returns. Under upkeep_mutex_.
Result<void> Db::Impl::keep_policy(KeepPolicy policy) {
  storage::StoreBatch batch;
  batch.put_meta(storage::kRetentionName, storage::encode_policy(policy));
  if (auto applied = home_->store->apply(batch); !applied) return applied;
  if (auto flushed = home_->store->flush(); !flushed) return flushed;
  const std::unique_lock lock(state_mutex_);
  retention_ = std::move(policy);
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
      const auto gone = [&](std::uint32_t series) {
        return std::any_of(masks_.begin(), masks_.end(), [&](const Mask& mask) {
          return mask.range.after <= day.after && mask.range.until >= day.until &&
                 mask.covers(series);
        });
      };
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
  for (const RetentionRule& rule : rules) {
    if (!rule.keep_ms || (*rule.keep_ms > 0 && *rule.keep_ms <= kMaxTimeMs)) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: a duration of {} ms", to_string(rule.selector), *rule.keep_ms),
                "a rule keeps samples for some time, or for ever");
  }
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  KeepPolicy policy;
  policy.pins = retention_.pins;
  policy.cap_bytes = retention_.cap_bytes;
  for (RetentionRule& rule : rules) {
    const auto old =
        std::find_if(retention_.rules.begin(), retention_.rules.end(),
                     [&](const auto& kept) { return kept.rule.selector == rule.selector; });
    const TimeMs floor_ms = old == retention_.rules.end() ? kNoFloor : old->floor_ms;
    policy.rules.push_back({std::move(rule), floor_ms});
  }
  swept_partition_.reset();
  return keep_policy(std::move(policy));
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
  const Maintain how;
  Step step(how, closing_.get_token(), options_.clock);
  if (auto kept = keep_cap(step); !kept) return tl::unexpected<Error>(kept.error());
  return report;
}

Result<RetentionReport> Db::Impl::retention_dry_run(
    const std::optional<std::vector<RetentionRule>>& rules,
    std::optional<std::uint64_t> cap_bytes) {
  KeepPolicy policy;
  {
    const std::shared_lock lock(state_mutex_);
    policy = retention_;
  }
  policy.cap_bytes = cap_bytes.value_or(policy.cap_bytes);
  if (rules) {
    std::vector<storage::KeepRule> changed;
    for (const RetentionRule& rule : *rules) {
      const auto old =
          std::find_if(policy.rules.begin(), policy.rules.end(),
                       [&](const auto& kept) { return kept.rule.selector == rule.selector; });
      changed.push_back({rule, old == policy.rules.end() ? kNoFloor : old->floor_ms});
    }
    policy.rules = std::move(changed);
  }
  auto all = find_expired(policy, /*jump=*/false);
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
