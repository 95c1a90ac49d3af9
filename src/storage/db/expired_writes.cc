// Samples that come too late for good: at or before the floor of a rule that keeps cells apart, or
// on a day of which only cells are left. They could not become part of those.
#include <algorithm>
#include <map>
#include <utility>

#include "model/canonical.h"
#include "model/partition.h"
#include "model/selector_match.h"
#include "storage/db/batch_ids.h"
#include "storage/db/db_impl.h"

namespace hygge {

using storage::kNoFloor;

namespace {

// What a pin keeps is there, and whatever comes for it.
struct PinMatch {
  SelectorMatch selector;
  TimeRange days;
};

// The floor of each series, looked up once.
class Floors {
 public:
  explicit Floors(const storage::KeepPolicy& policy) {
    for (const storage::KeepRule& kept : policy.rules) {
      rules_.emplace_back(SelectorMatch(kept.rule.selector),
                          kept.apart() ? kept.floor_ms : kNoFloor);
    }
    for (const Pin& pin : policy.pins) {
      TimeRange days = pin.range;
      if (days.after > kMinTimeMs) days.after = partition_range(partition_of(days.after + 1)).after;
      if (days.until < kMaxTimeMs) days.until = partition_range(partition_of(days.until)).until;
      pins_.push_back({SelectorMatch(pin.selector), days});
    }
  }

  template <typename LabelsOf>
  [[nodiscard]] bool is_below(std::uint32_t series, TimeMs t_ms, LabelsOf&& labels_of) {
    const auto known = of_.find(series);
    Of& of = known != of_.end() ? known->second : of_[series];
    if (known == of_.end()) {
      const Labels labels = labels_of(series);
      const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                     [&](const auto& one) { return one.first.matches(labels); });
      if (rule != rules_.end()) of.floor_ms = rule->second;
      for (const PinMatch& pin : pins_) {
        if (pin.selector.matches(labels)) of.pinned.push_back(pin.days);
      }
    }
    return t_ms <= of.floor_ms &&
           std::none_of(of.pinned.begin(), of.pinned.end(),
                        [&](const TimeRange& days) { return days.contains(t_ms); });
  }

 private:
  struct Of {
    TimeMs floor_ms = kNoFloor;
    std::vector<TimeRange> pinned;
  };
  std::vector<std::pair<SelectorMatch, TimeMs>> rules_;
  std::vector<PinMatch> pins_;
  std::map<std::uint32_t, Of> of_;
};

}  // namespace

// Under state_mutex_, alone, whenever a floor has moved or samples have expired.
void Db::Impl::note_closed() {
  TimeMs until = closed_until_.load(std::memory_order_relaxed);
  for (const storage::KeepRule& kept : retention_.rules) {
    if (kept.apart()) until = std::max(until, kept.floor_ms);
  }
  if (const auto days = partitions_.expired_partitions(); !days.empty()) {
    until = std::max(until, partition_range(days.back()).until);
  }
  closed_until_.store(until, std::memory_order_relaxed);
}

// Under write_mutex_. One comparison a sample where nothing is as old as that.
void Db::Impl::refuse_expired(Prepared& prepared, const Group& group) const {
  const TimeMs closed_until = closed_until_.load(std::memory_order_relaxed);
  const auto old = [&](const storage::IdSample& sample) { return sample.t_ms <= closed_until; };
  if (std::none_of(prepared.samples.begin(), prepared.samples.end(), old)) return;
  const std::shared_lock lock(state_mutex_);
  Floors floors(retention_);
  // Of a batch, in order of their ids.
  const auto find_in = [](const std::vector<NewSeries>& made, std::uint32_t id) {
    const auto before = [](const NewSeries& one, std::uint32_t wanted) { return one.id < wanted; };
    const auto at = std::lower_bound(made.begin(), made.end(), id, before);
    return at != made.end() && at->id == id ? &*at : nullptr;
  };
  const auto labels_of = [&](std::uint32_t series) {
    if (index_->contains(series)) return index_->labels(series);
    const NewSeries* fresh = find_in(prepared.series, series);
    for (const Staged& earlier : group.staged) {
      if (fresh == nullptr) fresh = find_in(earlier.prepared.series, series);
    }
    if (fresh == nullptr) return Labels();
    return labels_from_canonical(as_bytes(fresh->canonical)).value_or(Labels());
  };
  std::erase_if(prepared.samples, [&](const storage::IdSample& sample) {
    if (!old(sample)) return false;
    const auto partition = static_cast<std::int32_t>(partition_of(sample.t_ms));
    if (!partitions_.expired(partition, sample.series) &&
        !floors.is_below(sample.series, sample.t_ms, labels_of)) {
      return false;
    }
    ++prepared.expired;
    if (prepared.first_expired.size() < storage::kMaxFirstRefused) {
      prepared.first_expired.push_back({WriteReport::Refused::Reason::expired,
                                        SeriesId{sample.series},
                                        {},
                                        sample.t_ms,
                                        sample.v});
    }
    return true;
  });
}

}  // namespace hygge
