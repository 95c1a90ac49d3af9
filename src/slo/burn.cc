// Burn rates and the alerts on them.
#include "slo/burn.h"

#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/slices.h"

namespace hygge::slo {

namespace {

struct AlertCover {
  std::int64_t known = 0;
  std::int64_t countable = 0;  ///< not excluded

  [[nodiscard]] std::optional<double> share() const {
    if (countable <= 0) return std::nullopt;
    return static_cast<double>(known) / static_cast<double>(countable);
  }
};

// Slices before the first data count as idle: a new service is not blind.
AlertCover alert_cover(const Track& track, const Counts& counts, TimeRange range) {
  const auto slices = (range.until - range.after) / track.step_ms();
  const auto excluded = counts.slices[static_cast<std::size_t>(State::excluded)];
  // Excluded ones among those before the first data count once.
  const TimeMs first =
      std::clamp(track.first_data_ms().value_or(range.until), range.after, range.until);
  const Counts before = track.sum({range.after, first});
  const std::int64_t known =
      std::int64_t{counts.slices[static_cast<std::size_t>(State::measured)]} +
      counts.slices[static_cast<std::size_t>(State::idle)] +
      before.slices[static_cast<std::size_t>(State::no_data)];
  return {known, slices - excluded};
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

}  // namespace

bool is_blind(std::int64_t known, std::int64_t countable) noexcept {
  // Below half.
  return countable > 0 && 2 * known < countable;
}

bool passes_gates(const AlertRule& rule, const Rational& threshold, double bad, double total,
                  std::optional<double>* p_value) noexcept {
  bool significant = true;
  if (rule.significance) {
    const double p =
        binomial_tail(std::round(total), std::min(1.0, threshold.value()), std::ceil(bad));
    significant = p < *rule.significance;
    if (p_value != nullptr) *p_value = p;
  }
  return significant && bad >= static_cast<double>(rule.min_bad);
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
  const AlertCover long_cover = alert_cover(track, out.long_counts, long_range);
  const AlertCover short_cover = alert_cover(track, out.short_counts, short_range);
  out.long_coverage = long_cover.share();
  out.short_coverage = short_cover.share();
  out.long_burn = burn_of(out.long_counts, budget, out.long_coverage);
  out.short_burn = burn_of(out.short_counts, budget, out.short_coverage);
  out.min_bad_met = out.long_counts.bad >= static_cast<double>(rule.min_bad);
  const bool passes =
      passes_gates(rule, threshold, out.long_counts.bad, out.long_counts.total, &out.p_value);
  // Where every slice is excluded there is nothing to know; such a window is not above either.
  if (is_blind(long_cover.known, long_cover.countable) ||
      is_blind(short_cover.known, short_cover.countable)) {
    out.state = RuleState::unknown;
    return out;
  }
  const bool both = above(out.long_counts.bad, out.long_counts.total, threshold, rule.or_equal) &&
                    above(out.short_counts.bad, out.short_counts.total, threshold, rule.or_equal);
  out.state = both && passes ? RuleState::firing : RuleState::ok;
  return out;
}

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
    window.coverage = alert_cover(track, window.counts, range).share();
    window.burn = burn_of(window.counts, definition.budget(), window.coverage);
    out.windows.push_back(window);
  }
  return out;
}

}  // namespace hygge::slo
