// Rules that keep cells apart from their samples: what a sweep takes then.
//
// Samples go by days, and only where the cells say all that they said: of a sealed day, of a series
// that nothing has come for since. So a sweep moves the floors, from which on nothing older is
// written, seals what lies below and is not sealed, and then deletes; what is damaged stays. Days
// without samples are marked (Partitions::expire) in one change with the mask that hides the
// samples, so that no View lacks both. Their rows of cells go by themselves, tier by tier; there is
// nothing of them in head and log, so that this is repeated where it was cut short.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/expired.h"
#include "storage/db/step.h"

namespace hygge {

using storage::kNoFloor;
using storage::PartitionState;
using Ids = std::vector<std::uint32_t>;

namespace {

// So much waits in memory before it goes to the store.
constexpr std::size_t kRowsPerBatch = 10'000;

// The groups without what lies at or before the floor.
template <typename Group>
void cut_below(std::vector<Group>& groups, TimeMs floor_ms) {
  if (floor_ms == kNoFloor) return;
  for (Group& group : groups) {
    for (TimeRange& range : group.ranges) range.after = std::max(range.after, floor_ms);
    std::erase_if(group.ranges, [](const TimeRange& range) { return range.empty(); });
  }
  std::erase_if(groups, [](const Group& group) { return group.ranges.empty(); });
}

TimeMs floor_of(const storage::KeepRule& kept, DurationMs tier_ms, TimeMs now) {
  for (const TierKeep& tier : *kept.rule.cells) {
    if (tier.resolution_ms != tier_ms) continue;
    return tier.keep_ms ? storage::floor_for(now, *tier.keep_ms) : kNoFloor;
  }
  return kNoFloor;
}

}  // namespace

// Under state_mutex_, shared.
bool Db::Impl::is_sealed_pair(std::int32_t partition, std::uint32_t series) const {
  return partitions_.sealed(partition) && !lacks_cells(partition) &&
         !partitions_.dirty(partition, series);
}

// Of the days in the groups, those of which samples are there, and, if `sealed`, ready to go. Under
// state_mutex_, shared.
std::vector<Db::Impl::ExpiredGroup> Db::Impl::only_samples(std::span<const ExpiredGroup> groups,
                                                           bool sealed) const {
  std::vector<ExpiredGroup> out;
  for (const ExpiredGroup& group : groups) {
    for (const TimeRange& range : group.ranges) {
      const std::size_t first = out.size();
      for (const std::int32_t partition : presence_.partitions()) {
        const TimeRange day = partition_range(partition);
        if (day.after < range.after || day.until > range.until) continue;
        Ids here = presence_.series_of(partition);
        std::erase_if(here, [&](std::uint32_t id) {
          return !std::binary_search(group.ids->begin(), group.ids->end(), id) ||
                 partitions_.expired(partition, id) || (sealed && !is_sealed_pair(partition, id));
        });
        if (here.empty()) continue;
        // One record for days on end of the same series.
        if (out.size() > first && out.back().ranges[0].until == day.after &&
            *out.back().ids == here) {
          out.back().ranges[0].until = day.until;
        } else {
          out.push_back({std::make_shared<const Ids>(std::move(here)), {day}});
        }
      }
    }
  }
  return out;
}

// Under state_mutex_, shared.
Result<void> Db::Impl::find_apart(const storage::KeepRule& kept, const Ids& ids, TimeMs now,
                                  std::span<const Pin> pins, bool sealed, Expired& out) const {
  const TimeMs raw_ms = kept.rule.keep_ms ? storage::floor_for(now, *kept.rule.keep_ms) : kNoFloor;
  if (raw_ms != kNoFloor) out.about.floor_ms = raw_ms;
  for (const TierKeep& tier : *kept.rule.cells) {
    out.about.cell_floors.emplace_back(tier.resolution_ms, floor_of(kept, tier.resolution_ms, now));
  }
  // Below this one nothing is kept.
  TimeMs all_ms = raw_ms;
  for (const DurationMs tier : rollup_.stored) {
    all_ms = std::min(all_ms, floor_of(kept, tier, now));
  }
  const auto below = [&](TimeMs floor_ms) -> Result<std::vector<ExpiredGroup>> {
    if (floor_ms == kNoFloor) return std::vector<ExpiredGroup>();
    return unpinned(ids, floor_ms, pins, /*whole_days=*/true);
  };
  auto all = below(all_ms);
  auto samples = below(raw_ms);
  if (!all) return tl::unexpected<Error>(all.error());
  if (!samples) return tl::unexpected<Error>(samples.error());
  out.groups = std::move(*all);
  cut_below(*samples, all_ms);
  out.samples = only_samples(*samples, /*sealed=*/false);
  for (const DurationMs tier : rollup_.stored) {
    auto groups = below(floor_of(kept, tier, now));
    if (!groups) return tl::unexpected<Error>(groups.error());
    cut_below(*groups, all_ms);
    if (!groups->empty()) out.rows.push_back({tier, std::move(*groups)});
  }
  out.about.waits = !out.empty();  // if the floors jump
  if (sealed) out.samples = only_samples(*samples, /*sealed=*/true);
  return {};
}

// Under step_mutex_. What cannot be sealed, because it is damaged, is left.
Result<void> Db::Impl::seal_below(std::span<const Expired> all, Step& step) {
  std::vector<SealPlan> plans;
  {
    const std::shared_lock lock(state_mutex_);
    for (const std::int32_t partition : presence_.partitions()) {
      const TimeRange day = partition_range(partition);
      const auto in_group = [&](const ExpiredGroup& group) {
        const TimeRange range = group.ranges[0];
        if (day.after < range.after || day.until > range.until) return false;
        return std::any_of(group.ids->begin(), group.ids->end(), [&](std::uint32_t id) {
          return presence_.contains(partition, id) && !is_sealed_pair(partition, id);
        });
      };
      const bool due = std::any_of(all.begin(), all.end(), [&](const Expired& expired) {
        return !expired.about.waits &&
               std::any_of(expired.samples.begin(), expired.samples.end(), in_group);
      });
      if (!due) continue;
      if (!partitions_.sealed(partition)) {
        plans.push_back(
            {partition, PartitionState::sealed, false, false, presence_.series_count(partition)});
      } else {
        const bool again = lacks_cells(partition);
        plans.push_back(
            {partition, partitions_.state(partition), !again, again,
             again ? presence_.series_count(partition) : partitions_.dirty_count(partition)});
      }
    }
  }
  for (const SealPlan& plan : plans) step.expect(plan.weight);
  const auto held = hold_compactions(plans);
  for (const SealPlan& plan : plans) {
    const auto sealed = step.go_on(0) ? seal(plan, step) : Result<bool>(false);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    if (!*sealed) return step.cut_short();
    if (plan.redo) continue;
    auto compacted = home_->store->compact_partition(plan.partition, stored_tiers(), step.cancel());
    if (!compacted && compacted.error().code != ErrorCode::corruption) return compacted;
  }
  return {};
}

// Moves the floors, and makes ready what lies below. Under step_mutex_.
Result<void> Db::Impl::seal_before_sweep(bool jump, Step& step) {
  std::vector<Expired> all;
  {
    const std::lock_guard lock(upkeep_mutex_);
    {
      const std::shared_lock state(state_mutex_);
      const bool apart = std::any_of(retention_.rules.begin(), retention_.rules.end(),
                                     [](const auto& kept) { return kept.apart(); });
      if (!apart) return {};
    }
    if (!jump && !sweep_due()) return {};
    if (auto open = check_open(); !open) return open;
    auto moved = move_floors(jump, /*sealed=*/false);
    if (!moved) return tl::unexpected<Error>(moved.error());
    all = std::move(*moved);
  }
  return seal_below(all, step);
}

// What cannot be read may be something.
bool Db::Impl::leaves_nothing(storage::CellScan& rows, std::int32_t partition, std::uint32_t series,
                              std::span<const DurationMs> tiers) {
  return std::none_of(tiers.begin(), tiers.end(), [&](DurationMs tier) {
    const auto row = rows.find({static_cast<std::uint32_t>(tier), partition, series});
    return !row || row->has_value();
  });
}

// Under step_mutex_ and upkeep_mutex_.
Result<void> Db::Impl::drop_expired_rows(std::span<const Expired> all) {
  for (const Expired& expired : all) {
    if (expired.about.waits) continue;
    for (const Expired::Rows& rows : expired.rows) {
      for (const ExpiredGroup& group : rows.groups) {
        if (auto done = drop_rows(group, rows.tier_ms); !done) return done;
      }
    }
  }
  return {};
}

// The rows of a tier, of days without samples. Pairs of which nothing is left then leave the
// presence sets.
Result<void> Db::Impl::drop_rows(const ExpiredGroup& group, DurationMs tier_ms) {
  std::vector<Pair> pairs;
  {
    const std::shared_lock lock(state_mutex_);
    for (const std::int32_t partition : partitions_.expired_partitions()) {
      const TimeRange day = partition_range(partition);
      const bool in = std::any_of(group.ranges.begin(), group.ranges.end(), [&](TimeRange range) {
        return range.after <= day.after && day.until <= range.until;
      });
      if (!in) continue;
      for (const std::uint32_t id : partitions_.expired(partition)) {
        if (!std::binary_search(group.ids->begin(), group.ids->end(), id)) continue;
        pairs.emplace_back(partition, id);
      }
    }
  }
  if (pairs.empty()) return {};
  const auto tier = static_cast<std::uint32_t>(tier_ms);
  {
    storage::CellScan rows = home_->store->cell_scan(home_->store->snapshot());
    storage::StoreBatch batch;
    std::size_t count = 0;
    for (const auto& [partition, series] : pairs) {
      const storage::CellKey key{tier, partition, series};
      const auto row = rows.find(key);
      if (row && !*row) continue;
      batch.delete_cells(key);
      if (++count % kRowsPerBatch != 0) continue;
      if (auto applied = home_->store->apply(batch); !applied) return applied;
      batch = {};
    }
    if (!batch.empty()) {
      if (auto applied = home_->store->apply(batch); !applied) return applied;
    }
  }
  storage::CellScan rows = home_->store->cell_scan(home_->store->snapshot());
  const std::vector<DurationMs> tiers = stored_tiers();
  std::erase_if(pairs, [&](const Pair& pair) {
    return !leaves_nothing(rows, pair.first, pair.second, tiers);
  });
  if (pairs.empty()) return {};
  {
    const std::lock_guard writing(write_mutex_);
    const std::unique_lock lock(state_mutex_);
    for (const auto& [partition, series] : pairs) {
      if (head_.holds(series, partition)) continue;
      head_.forget(series, partition);
      presence_.remove(partition, series);
      partitions_.forget_expired(partition, series);
    }
    look_for_gone_ = true;
  }
  return shrink_bounds();
}

}  // namespace hygge
