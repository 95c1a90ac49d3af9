// Rollups: the policy, what it means for a series, and figures of the rows.
#include "storage/upkeep/rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "storage/db/db_impl.h"
#include "window/cell_row.h"

namespace hygge {

using storage::RollupChoice;
using storage::RollupPolicy;

namespace {

// The rule of each series, as of one moment.
class Chooser {
 public:
  Chooser(std::vector<RollupRule> rules, std::vector<std::vector<std::uint32_t>> matches)
      : rules_(std::move(rules)), matches_(std::move(matches)) {}

  [[nodiscard]] const RollupRule* rule_of(std::uint32_t series) const {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (std::binary_search(matches_[i].begin(), matches_[i].end(), series)) return &rules_[i];
    }
    return nullptr;
  }

 private:
  std::vector<RollupRule> rules_;
  std::vector<std::vector<std::uint32_t>> matches_;
};

}  // namespace

Result<std::function<RollupChoice(std::uint32_t)>> Db::Impl::rollup_chooser() const {
  const std::shared_lock lock(state_mutex_);
  std::vector<std::vector<std::uint32_t>> matches;
  for (const RollupRule& rule : rollup_.rules) {
    auto selected = index_->select(rule.selector);
    if (!selected) return tl::unexpected<Error>(selected.error());
    matches.push_back(std::move(*selected));
  }
  const auto chooser = std::make_shared<const Chooser>(rollup_.rules, std::move(matches));
  return [this, chooser, metadata = metadata_](std::uint32_t series) {
    std::string metric;
    {
      const std::shared_lock state(state_mutex_);
      if (index_->contains(series)) metric = index_->labels(series).get(kNameLabel);
    }
    const bool counter = storage::is_counter(metric, storage::find_metadata(*metadata, metric));
    return storage::choose_rollup(chooser->rule_of(series), counter);
  };
}

Result<void> Db::Impl::set_rollups(std::vector<RollupRule> rules) {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  auto sound = storage::checked(std::move(rules));
  if (!sound) return tl::unexpected<Error>(sound.error());
  const std::lock_guard lock(upkeep_mutex_);
  if (auto open = check_open(); !open) return open;
  RollupPolicy policy;
  policy.rules = std::move(*sound);
  policy.stored = rollup_.stored;
  for (const RollupRule& rule : policy.rules) {
    policy.stored.insert(policy.stored.end(), rule.tiers.begin(), rule.tiers.end());
  }
  std::sort(policy.stored.begin(), policy.stored.end());
  policy.stored.erase(std::unique(policy.stored.begin(), policy.stored.end()), policy.stored.end());
  storage::StoreBatch batch;
  batch.put_meta(storage::kRollupsName, storage::encode_rollups(policy));
  if (auto applied = home_->store->apply(batch); !applied) return applied;
  if (auto flushed = home_->store->flush(); !flushed) return flushed;
  const std::unique_lock state(state_mutex_);
  rollup_ = std::move(policy);
  return {};
}

std::vector<RollupRule> Db::Impl::rollups() const {
  const std::shared_lock lock(state_mutex_);
  return rollup_.rules;
}

Result<RollupStats> Db::Impl::rollup_stats() const {
  RollupStats out;
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    home = home_;
    snapshot = home_->store->snapshot();
    out.days_expired = partitions_.expired_partitions().size();
    for (const std::int32_t partition : presence_.partitions()) {
      if (!partitions_.sealed(partition) || presence_.series_count(partition) == 0) continue;
      ++out.days;
      out.days_due += partitions_.cells(partition) != rollup_.fingerprint() ? 1U : 0U;
    }
  }
  std::map<std::uint32_t, RollupStats::Tier> tiers;
  const auto add = [&](const storage::CellKey& key, Bytes row) -> Result<void> {
    const auto facts = windows::describe_row(row);
    if (!facts) return tl::unexpected<Error>(facts.error());
    const std::uint64_t bytes = storage::kCellKeyBytes + row.size();
    RollupStats::Tier& tier = tiers[key.resolution_ms];
    tier.resolution_ms = key.resolution_ms;
    ++tier.rows;
    tier.cells += facts->cells;
    tier.bytes += bytes;
    if (facts->parts.sketch) {
      ++tier.sketch_rows;
      tier.sketch_cells += facts->cells;
      tier.sketch_bytes += facts->sketch_bytes;
    }
    if (facts->parts.spread) return {};
    ++tier.counter_rows;
    tier.counter_cells += facts->cells;
    tier.counter_bytes += bytes;
    return {};
  };
  if (auto scanned = home->store->scan_cells(snapshot, add); !scanned) {
    return tl::unexpected<Error>(scanned.error());
  }
  for (const auto& [resolution_ms, tier] : tiers) out.tiers.push_back(tier);
  return out;
}

}  // namespace hygge
