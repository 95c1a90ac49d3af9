// Burn rates and the alerts on them.
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/slices.h"

namespace hygge::slo {

namespace {

// Below this share of known slices in either window a rule says nothing.
constexpr double kMinAlertCoverage = 0.5;

// Slices before the first data count as idle: a new service is not blind.
std::optional<double> alert_coverage(const Track& track, const Counts& counts, TimeRange range) {
  const auto slices = (range.until - range.after) / track.step_ms();
  const auto excluded = counts.slices[static_cast<std::size_t>(State::excluded)];
  if (slices <= excluded) return std::nullopt;
  // Excluded ones among those before the first data count once.
  const TimeMs first =
      std::clamp(track.first_data_ms().value_or(range.until), range.after, range.until);
  const Counts before = track.sum({range.after, first});
  const std::int64_t known =
      std::int64_t{counts.slices[static_cast<std::size_t>(State::measured)]} +
      counts.slices[static_cast<std::size_t>(State::idle)] +
      before.slices[static_cast<std::size_t>(State::no_data)];
  return static_cast<double>(known) / static_cast<double>(slices - excluded);
}

std::optional<double> burn_of(const Counts& counts, const Rational& budget,
                              const std::optional<double>& coverage) {
  if (counts.total == 0) {
    return coverage && *coverage > 0 ? std::optional<double>(0) : std::nullopt;
  }
  return static_cast<double>(
      static_cast<long double>(counts.bad) * static_cast<long double>(budget.den) /
      (static_cast<long double>(counts.total) * static_cast<long double>(budget.num)));
}

RuleBurn evaluate(const Track& track, const Definition& definition, const AlertRule& rule,
                  TimeMs to) {
  RuleBurn out;
  const Rational budget = definition.budget();
  const Rational threshold = rule.factor * budget;
  const TimeRange long_range{to - rule.long_ms, to};
  const TimeRange short_range{to - rule.short_ms, to};
  out.long_counts = track.sum(long_range);
  out.short_counts = track.sum(short_range);
  out.long_coverage = alert_coverage(track, out.long_counts, long_range);
  out.short_coverage = alert_coverage(track, out.short_counts, short_range);
  out.long_burn = burn_of(out.long_counts, budget, out.long_coverage);
  out.short_burn = burn_of(out.short_counts, budget, out.short_coverage);
  out.min_bad_met = out.long_counts.bad >= static_cast<double>(rule.min_bad);
  bool significant = true;
  if (rule.significance) {
    out.p_value = binomial_tail(std::round(out.long_counts.total), std::min(1.0, threshold.value()),
                                std::ceil(out.long_counts.bad));
    significant = *out.p_value < *rule.significance;
  }
  // Where every slice is excluded there is nothing to know; such a window is not above either.
  if (out.long_coverage.value_or(1) < kMinAlertCoverage ||
      out.short_coverage.value_or(1) < kMinAlertCoverage) {
    out.state = RuleState::unknown;
    return out;
  }
  const bool both = above(out.long_counts.bad, out.long_counts.total, threshold, rule.or_equal) &&
                    above(out.short_counts.bad, out.short_counts.total, threshold, rule.or_equal);
  out.state = both && out.min_bad_met && significant ? RuleState::firing : RuleState::ok;
  return out;
}

}  // namespace

std::string_view to_string(RuleState state) noexcept {
  switch (state) {
    case RuleState::ok:
      return "ok";
    case RuleState::firing:
      return "firing";
    case RuleState::unknown:
      break;
  }
  return "unknown";
}

std::vector<AlertRule> google_alerts(DurationMs window_ms) {
  struct Row {
    const char* as;
    std::int64_t spend_percent;
    DurationMs long_ms, short_ms;
  };
  constexpr Row kRows[] = {{"page", 2, kHourMs, 5 * kMinuteMs},
                           {"page", 5, 6 * kHourMs, 30 * kMinuteMs},
                           {"ticket", 10, kDayMs, 2 * kHourMs},
                           {"ticket", 10, 3 * kDayMs, 6 * kHourMs}};
  std::vector<AlertRule> out;
  for (const Row& row : kRows) {
    AlertRule rule;
    rule.as = row.as;
    rule.long_ms = row.long_ms;
    rule.short_ms = row.short_ms;
    rule.spend = Rational::of(row.spend_percent, 100);
    rule.factor = *rule.spend * Rational::of(window_ms, row.long_ms);
    out.push_back(std::move(rule));
  }
  return out;
}

namespace {

// Losing the data in an incident does not end the page: what was last known stands, for as long as
// the long window.
RuleBurn judge(const Track& track, const Definition& definition, const AlertRule& rule, TimeMs to) {
  RuleBurn now = evaluate(track, definition, rule, to);
  if (now.state != RuleState::unknown) return now;
  for (TimeMs t = to - track.step_ms(); t >= to - rule.long_ms; t -= track.step_ms()) {
    const RuleState then = evaluate(track, definition, rule, t).state;
    if (then == RuleState::unknown) continue;
    if (then == RuleState::firing) {
      now.state = RuleState::firing;
      now.frozen = true;
    }
    break;
  }
  return now;
}

}  // namespace

BurnState burn(const Track& track, const Definition& definition, TimeMs at_ms,
               std::span<const DurationMs> windows) {
  BurnState out;
  out.at_ms = at_ms;
  out.to_ms = slice_floor(std::clamp(at_ms, kMinTimeMs, kMaxTimeMs), track.step_ms());
  for (const AlertRule& rule : definition.alerts) {
    const RuleBurn& now = out.rules.emplace_back(judge(track, definition, rule, out.to_ms));
    if (now.state == RuleState::firing) out.state = RuleState::firing;
    if (now.state == RuleState::unknown && out.state == RuleState::ok) {
      out.state = RuleState::unknown;
    }
  }
  for (const DurationMs window_ms : windows) {
    BurnState::WindowBurn window;
    window.window_ms = window_ms;
    const TimeRange range{out.to_ms - window_ms, out.to_ms};
    window.counts = track.sum(range);
    window.coverage = alert_coverage(track, window.counts, range);
    window.burn = burn_of(window.counts, definition.budget(), window.coverage);
    out.windows.push_back(window);
  }
  return out;
}

}  // namespace hygge::slo
