// How well alerts tell of incidents.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>

#include "slo/calendar.h"
#include "slo/mean.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

// A window's budget at the range's traffic, in units of the method: B · mean total of its measured
// and idle slices · slices of the window. 0 where there is no traffic.
class WindowBudget {
 public:
  WindowBudget(const Track& track, const Definition& definition, TimeRange range)
      : track_(track), budget_(definition.budget()) {
    const Mean mean = mean_of(track, range);
    slices_ = mean.slices;
    total_ = mean.total * static_cast<double>(definition.window_ms / track.step_ms());
  }

  // Of the slices that end in `range`: an incident need not begin at an edge, and the slice in
  // which it does holds its first errors.
  [[nodiscard]] std::optional<double> share_of_ends(TimeRange range) const {
    if (!(total_ > 0)) return std::nullopt;
    range.after = slice_floor(range.after, track_.step_ms());
    return static_cast<double>(
        static_cast<long double>(track_.sum(range).bad) * static_cast<long double>(slices_) *
        static_cast<long double>(budget_.den) /
        (static_cast<long double>(total_) * static_cast<long double>(budget_.num)));
  }
  [[nodiscard]] bool reaches(TimeRange range, const Rational& share) const {
    return total_ > 0 && above(track_.sum(range).bad * slices_, total_, share * budget_, true);
  }

 private:
  const Track& track_;
  Rational budget_;
  double slices_ = 0;
  double total_ = 0;
};

}  // namespace

std::vector<Incident> find_incidents(const Track& track, const Definition& definition,
                                     TimeRange range, const Rational& significant) {
  constexpr DurationMs kQuietMs = 15 * kMinuteMs;
  std::vector<TimeRange> events;
  TimeMs end = track.range().after;
  for (const Slice& slice : track.slices()) {
    end += track.step_ms();
    const TimeMs start = end - track.step_ms();
    if (start < range.after || end > range.until) continue;
    if (!above(slice.bad, slice.total, definition.budget(), false)) continue;
    if (!events.empty() && start - events.back().until < kQuietMs) {
      events.back().until = end;
    } else {
      events.push_back({start, end});
    }
  }
  const WindowBudget budget(track, definition, range);
  std::vector<Incident> out;
  for (const TimeRange& event : events) {
    if (!budget.reaches(event, significant)) continue;
    out.push_back({fmt::format("e{}", out.size() + 1), event});
  }
  return out;
}

std::vector<Alert> alerts_of(std::span<const Firing> firings, const Policy& policy,
                             std::string_view as) {
  std::vector<Alert> all;
  for (const Firing& firing : firings) {
    if (as == "any" || policy.rules[firing.rule].as == as) {
      all.push_back({firing.from_ms, firing.to_ms});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Alert& a, const Alert& b) { return a.from_ms < b.from_ms; });
  std::vector<Alert> out;
  for (const Alert& alert : all) {
    if (out.empty() || (out.back().to_ms && *out.back().to_ms < alert.from_ms)) {
      out.push_back(alert);
    } else if (out.back().to_ms && (!alert.to_ms || *alert.to_ms > *out.back().to_ms)) {
      out.back().to_ms = alert.to_ms;
    }
  }
  return out;
}

namespace {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double rank = 0.5 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t next = std::min(below + 1, values.size() - 1);
  const double p50 =
      values[below] + (rank - static_cast<double>(below)) * (values[next] - values[below]);
  return {p50, values.back()};
}

bool hits(const Alert& alert, const Incident& incident, DurationMs slack_ms) {
  const TimeMs start = incident.range.after;
  if (alert.from_ms <= start) return !alert.to_ms || *alert.to_ms > start;
  return alert.from_ms <= incident.range.until + slack_ms;
}

double seconds(DurationMs ms) { return static_cast<double>(ms) / kSecondMs; }

bool at_night(TimeMs t_ms, const ScoreOptions& options) {
  const int hour = local_hour(t_ms, options.tz);
  const int from = options.night_from;
  const int to = options.night_to;
  return from <= to ? hour >= from && hour < to : hour >= from || hour < to;
}

class Scorer {
 public:
  Scorer(const WindowBudget& budget, std::span<const Incident> incidents,
         const ScoreOptions& options)
      : budget_(budget), incidents_(incidents), options_(options) {}

  LevelScore score(std::string_view level, std::vector<Alert> alerts, TimeRange range) {
    LevelScore out;
    out.level = level;
    out.alerts = std::move(alerts);
    std::vector<double> detection, reset, spent;
    for (const Incident& incident : incidents_) {
      const Alert* first = nullptr;
      const Alert* last = nullptr;
      for (const Alert& alert : out.alerts) {
        if (!hits(alert, incident, options_.slack_ms)) continue;
        if (first == nullptr) first = &alert;
        last = &alert;
      }
      if (first == nullptr) {
        out.missed.push_back(incident.id);
        continue;
      }
      ++out.detected;
      const TimeMs start = incident.range.after;
      const TimeMs found = std::max(first->from_ms, start);
      detection.push_back(seconds(found - start));
      if (last->to_ms) {
        reset.push_back(seconds(std::max<DurationMs>(0, *last->to_ms - incident.range.until)));
      }
      if (const auto share = budget_.share_of_ends({start, found})) spent.push_back(*share);
    }
    out.detection_s = spread_of(std::move(detection));
    out.reset_s = spread_of(std::move(reset));
    out.spent = spread_of(std::move(spent));
    set_counts(out, range);
    return out;
  }

 private:
  void set_counts(LevelScore& out, TimeRange range) const {
    for (const Alert& alert : out.alerts) {
      const bool hit = std::any_of(
          incidents_.begin(), incidents_.end(),
          [&](const Incident& incident) { return hits(alert, incident, options_.slack_ms); });
      if (!hit) out.false_alerts.push_back(alert);
      if (at_night(alert.from_ms, options_)) ++out.night;
    }
    const auto share = [](std::size_t part, std::size_t of) {
      return of == 0 ? std::nullopt
                     : std::optional(static_cast<double>(part) / static_cast<double>(of));
    };
    out.precision = share(out.alerts.size() - out.false_alerts.size(), out.alerts.size());
    out.recall = share(out.detected, incidents_.size());
    if (range.empty()) return;
    out.per_week = static_cast<double>(out.alerts.size()) * static_cast<double>(7 * kDayMs) /
                   static_cast<double>(range.until - range.after);
  }

  const WindowBudget& budget_;
  std::span<const Incident> incidents_;
  const ScoreOptions& options_;
};

}  // namespace

namespace {

std::vector<Incident> inside_of(std::span<const Incident> incidents, TimeRange range) {
  std::vector<Incident> out;
  for (const Incident& one : incidents) {
    if (one.range.until > range.after && one.range.after < range.until) out.push_back(one);
  }
  return out;
}

}  // namespace

std::vector<LevelScore> score(const Track& track, const Definition& definition,
                              const Policy& policy, std::span<const Firing> firings,
                              std::span<const Incident> incidents, TimeRange range,
                              const ScoreOptions& options) {
  const std::vector<Incident> inside = inside_of(incidents, range);
  const WindowBudget budget(track, definition, range);
  Scorer scorer(budget, inside, options);
  std::vector<LevelScore> out;
  for (const std::string_view level : {"page", "ticket", "any"}) {
    out.push_back(scorer.score(level, alerts_of(firings, policy, level), range));
  }
  return out;
}

Backtest backtest(const Track& track, const Definition& definition,
                  std::span<const Policy> policies, TimeRange range,
                  const BacktestOptions& options) {
  Backtest out;
  out.range = range;
  out.incidents_given = options.incidents.has_value();
  out.incidents = options.incidents ? inside_of(*options.incidents, range)
                                    : find_incidents(track, definition, range, options.significant);
  if (options.incidents && out.incidents.size() < options.incidents->size()) {
    out.notes.push_back(fmt::format("{} of {} incidents lie outside the range and are left out",
                                    options.incidents->size() - out.incidents.size(),
                                    options.incidents->size()));
  }
  out.covered = mean_of(track, range).slices > 0;
  for (const Policy& policy : policies) {
    PolicyScore one{policy, replay(track, definition, policy, range), {}};
    one.levels = score(track, definition, policy, one.firings, out.incidents, range, options.score);
    out.policies.push_back(std::move(one));
  }
  return out;
}

TimeRange backtest_range(const Definition& definition, std::span<const Policy> policies,
                         TimeRange range) {
  DurationMs longest = 0;
  for (const Policy& policy : policies) {
    for (const AlertRule& rule : policy.rules) longest = std::max(longest, rule.long_ms);
  }
  return {slice_floor(range.after - 2 * longest, definition.step_ms),
          slice_floor(range.until, definition.step_ms)};
}

}  // namespace hygge::slo
