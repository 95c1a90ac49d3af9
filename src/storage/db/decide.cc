#include "storage/db/decide.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "model/duplicates.h"
#include "model/partition.h"
#include "storage/db/batch_ids.h"

namespace hygge::storage {

namespace {

constexpr TimeMs kNothing = std::numeric_limits<TimeMs>::min();

enum class Verdict : std::uint8_t { kept, duplicate, out_of_order, outdone };

// The samples of one series, in the order of the batch, on top of what the head holds of it.
class Run {
 public:
  Run(const Head& head, const Knowledge& known, const WritePolicy& policy,
      const StoredValue& stored, std::uint32_t series, TimeMs newest_ms)
      : head_(head),
        known_(known),
        policy_(policy),
        stored_(stored),
        series_(series),
        newest_ms_(newest_ms) {}

  // Empty: a conflict under OnDuplicate::error, with held().
  Result<std::optional<Verdict>> judge(const IdSample& sample, WriteReport& report) {
    if (too_old(sample.t_ms)) return Verdict::out_of_order;
    Part& part = part_of(sample.t_ms);
    auto found = value_at(part, sample.t_ms);
    if (!found) return tl::unexpected<Error>(found.error());
    if (*found) {
      held_ = **found;
      if (same_bits(held_, sample.v)) return Verdict::duplicate;
      if (policy_.on_duplicate == OnDuplicate::error) return std::optional<Verdict>();
      const double stands = standing_value(policy_.on_duplicate, held_, sample.v);
      if (same_bits(stands, held_)) return Verdict::outdone;
      ++report.replaced;
    }
    if (sample.t_ms <= part.newest.t_ms) ++report.out_of_order;
    keep(part, sample);
    return Verdict::kept;
  }

  [[nodiscard]] double held() const noexcept { return held_; }

 private:
  struct Part {
    std::int32_t partition = 0;
    Head::Newest newest;
  };

  [[nodiscard]] bool too_old(TimeMs t_ms) const noexcept {
    if (policy_.out_of_order.mode == OutOfOrder::Mode::any || t_ms >= newest_ms_) return false;
    const bool refuse = policy_.out_of_order.mode == OutOfOrder::Mode::refuse;
    const DurationMs within_ms = refuse ? 0 : policy_.out_of_order.within_ms;
    return static_cast<std::uint64_t>(newest_ms_) - static_cast<std::uint64_t>(t_ms) >
           static_cast<std::uint64_t>(within_ms);
  }

  Part& part_of(TimeMs t_ms) {
    const auto partition = static_cast<std::int32_t>(partition_of(t_ms));
    const auto same = [&](const Part& part) { return part.partition == partition; };
    const auto at = std::find_if(parts_.begin(), parts_.end(), same);
    if (at != parts_.end()) return *at;
    Part part{partition, {}};
    if (const auto newest = head_.newest(series_, partition)) {
      part.newest = *newest;
    } else {
      const Touch touch{partition, series_};
      const auto before = [](const auto& a, const Touch& b) { return a.first < b; };
      const auto known = std::lower_bound(known_.begin(), known_.end(), touch, before);
      if (known != known_.end() && known->first == touch) {
        part.newest.t_ms = known->second.newest_ms;
      }
    }
    return parts_.emplace_back(part);
  }

  Result<std::optional<double>> value_at(const Part& part, TimeMs t_ms) const {
    if (t_ms > part.newest.t_ms) return std::optional<double>();
    if (t_ms == part.newest.t_ms && part.newest.value_known) {
      return std::optional<double>(part.newest.v);
    }
    if (const auto at = others_.find(t_ms); at != others_.end()) {
      return std::optional<double>(at->second);
    }
    const auto earlier = [](const Sample& a, TimeMs b) { return a.t_ms < b; };
    const auto at = std::lower_bound(rising_.begin(), rising_.end(), t_ms, earlier);
    if (at != rising_.end() && at->t_ms == t_ms) return std::optional<double>(at->v);
    // Last write wins whatever is there: looking into chunks would only count better.
    if (policy_.on_duplicate == OnDuplicate::last) return head_.late_value(series_, t_ms);
    auto held = head_.value_at(series_, t_ms, policy_.on_duplicate);
    if (held || policy_.on_duplicate != OnDuplicate::error) return held;
    return stored_(series_, t_ms);
  }

  void keep(Part& part, const IdSample& sample) {
    newest_ms_ = std::max(newest_ms_, sample.t_ms);
    if (rising_.empty() || sample.t_ms > rising_.back().t_ms) {
      rising_.push_back({sample.t_ms, sample.v});
    } else {
      others_[sample.t_ms] = sample.v;
    }
    if (sample.t_ms >= part.newest.t_ms) part.newest = {sample.t_ms, sample.v, true};
  }

  const Head& head_;
  const Knowledge& known_;
  const WritePolicy& policy_;
  const StoredValue& stored_;
  const std::uint32_t series_;
  TimeMs newest_ms_;
  std::vector<Part> parts_;
  std::vector<Sample> rising_;       ///< kept so far, as long as they rise …
  std::map<TimeMs, double> others_;  ///< … and the others, which are the later writes
  double held_ = 0;
};

// Places of the samples by series, each series in the order of the batch.
std::vector<std::size_t> by_series(std::span<const IdSample> samples) {
  std::vector<std::size_t> order(samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto before = [&](std::size_t a, std::size_t b) {
    return samples[a].series < samples[b].series;
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::stable_sort(order.begin(), order.end(), before);
  }
  return order;
}

// The newest time of each series that head or `known` know; asked in rising order of series.
class NewestTimes {
 public:
  NewestTimes(const Head& head, const Knowledge& known) : head_(head) {
    for (const auto& [touch, what] : known) known_.emplace_back(touch.second, what.newest_ms);
    std::sort(known_.begin(), known_.end());
  }
  [[nodiscard]] TimeMs of(std::uint32_t series) {
    TimeMs newest_ms = kNothing;
    if (const auto end = head_.end_of(series)) newest_ms = end->newest_ms;
    while (at_ < known_.size() && known_[at_].first < series) ++at_;
    for (; at_ < known_.size() && known_[at_].first == series; ++at_) {
      newest_ms = std::max(newest_ms, known_[at_].second);
    }
    return newest_ms;
  }

 private:
  const Head& head_;
  std::vector<std::pair<std::uint32_t, TimeMs>> known_;
  std::size_t at_ = 0;
};

void count(Decision& decision, const IdSample& sample, Verdict verdict) {
  WriteReport& report = decision.report;
  using Reason = WriteReport::Refused::Reason;
  switch (verdict) {
    case Verdict::kept:
      ++report.samples;
      decision.kept.push_back(sample);
      return;
    case Verdict::duplicate:
      ++report.duplicates;
      return;
    case Verdict::out_of_order:
    case Verdict::outdone:
      break;
  }
  const bool late = verdict == Verdict::out_of_order;
  ++(late ? report.refused_out_of_order : report.outdone);
  if (report.first_refused.size() == kMaxFirstRefused) return;
  report.first_refused.push_back({late ? Reason::out_of_order : Reason::outdone,
                                  SeriesId{sample.series},
                                  {},
                                  sample.t_ms,
                                  sample.v});
}

}  // namespace

Result<Decision> decide(const Head& head, const Knowledge& known, const WritePolicy& policy,
                        std::span<const IdSample> samples, const StoredValue& stored) {
  Decision out;
  std::vector<Verdict> verdicts(samples.size());
  NewestTimes newest(head, known);
  std::optional<Run> run;
  std::optional<std::uint32_t> series;
  for (const std::size_t i : by_series(samples)) {
    if (series != samples[i].series) {
      series = samples[i].series;
      run.emplace(head, known, policy, stored, *series, newest.of(*series));
    }
    auto verdict = run->judge(samples[i], out.report);
    if (!verdict) return tl::unexpected<Error>(verdict.error());
    if (!*verdict) {
      out.conflict = {samples[i], run->held()};
      return out;
    }
    verdicts[i] = **verdict;
  }
  out.kept.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) count(out, samples[i], verdicts[i]);
  return out;
}

}  // namespace hygge::storage
