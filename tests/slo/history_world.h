// Random histories, and a slow oracle of the alert rules that knows nothing of sums ahead: it goes
// over plain arrays, slice by slice, in exact fractions.
#pragma once

#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <vector>

namespace hygge::slo::history {

__extension__ using Wide = __int128;

// Slices of a minute from time 0.
struct World {
  std::vector<double> bad, total;
  std::vector<State> states;
  TimeMs t0 = 0;
  std::optional<TimeMs> first_data;

  [[nodiscard]] Track track() const {
    Track out = Track::from_counts(t0, kMinuteMs, bad, total, states).value();
    if (first_data) out.set_first_data(*first_data);
    return out;
  }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(bad.size()); }
  [[nodiscard]] TimeMs end_of(std::int64_t slice) const { return t0 + (slice + 1) * kMinuteMs; }
};

// Quiet traffic with incidents, holes and maintenance; `fraction` makes the counts no integers.
inline World random_world(std::mt19937_64& random, std::size_t slices, bool fraction) {
  World out;
  out.t0 = static_cast<TimeMs>(random() % 5) * kHourMs;
  int trouble = 0, hole = 0, maintenance = 0;
  const bool young = random() % 3 == 0;
  const std::size_t birth = young ? random() % slices : 0;
  for (std::size_t i = 0; i < slices; ++i) {
    if (random() % 60 == 0) trouble = static_cast<int>(random() % 20 + 1);
    if (random() % 80 == 0) hole = static_cast<int>(random() % 25 + 1);
    if (random() % 100 == 0) maintenance = static_cast<int>(random() % 10 + 1);
    State state = State::measured;
    if (i < birth || hole-- > 0) state = State::no_data;
    if (maintenance-- > 0) state = State::excluded;
    if (state == State::measured && random() % 15 == 0) state = State::idle;
    double total = state == State::measured ? static_cast<double>(random() % 50 + 1) : 0;
    double bad = 0;
    if (trouble-- > 0) {
      bad = static_cast<double>(random() % static_cast<std::uint64_t>(total + 1));
    } else if (random() % 30 == 0) {
      bad = std::min(total, 1.0);
    }
    if (fraction) {
      bad /= 4;
      total = total > 0 ? total + 0.25 : 0;
    }
    out.bad.push_back(bad);
    out.total.push_back(total);
    out.states.push_back(state);
  }
  if (random() % 4 == 0) out.first_data = out.t0 - 7 * kMinuteMs;
  return out;
}

inline Definition definition_of(std::mt19937_64& random) {
  Definition out;
  out.name = "s";
  out.objective = Rational::of(static_cast<std::int64_t>(80 + random() % 19), 100);
  out.window_ms = kHourMs;
  for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
    AlertRule rule;
    rule.as = random() % 2 == 0 ? "page" : "ticket";
    rule.short_ms = static_cast<DurationMs>(1 + random() % 5) * kMinuteMs;
    rule.long_ms = rule.short_ms + static_cast<DurationMs>(random() % 20) * kMinuteMs;
    rule.factor = Rational::of(static_cast<std::int64_t>(random() % 30 + 1), 10);
    rule.or_equal = random() % 2 == 0;
    if (random() % 3 == 0) rule.min_bad = random() % 10 + 1;
    if (random() % 5 == 0) rule.significance = 0.05;
    out.alerts.push_back(rule);
  }
  return out;
}

// --- the oracle: section 1.4 of the specification, read word by word ---

enum class Known { no, ok, firing };

struct WindowSum {
  long double bad = 0, total = 0;
  int known = 0, countable = 0;
};
inline WindowSum window_of(const World& world, std::int64_t end, std::int64_t slices) {
  WindowSum out;
  const std::int64_t first = [&] {
    if (world.first_data) return (*world.first_data - world.t0) / kMinuteMs;
    for (std::int64_t i = 0; i < world.size(); ++i) {
      const State state = world.states[static_cast<std::size_t>(i)];
      if (state == State::measured || state == State::idle) return i;
    }
    return world.size();
  }();
  for (std::int64_t i = end - slices; i < end; ++i) {
    const bool inside = i >= 0;
    const auto at = static_cast<std::size_t>(i);
    const State state = inside ? world.states[at] : State::no_data;
    if (inside) {
      out.bad += static_cast<long double>(world.bad[at]);
      out.total += static_cast<long double>(world.total[at]);
    }
    if (state == State::excluded) continue;
    ++out.countable;
    if (state != State::no_data || i < first) ++out.known;
  }
  return out;
}

inline bool is_above(const WindowSum& window, const AlertRule& rule, const Rational& budget) {
  if (window.total == 0) return false;
  // All numbers of these worlds are multiples of a quarter.
  const auto bad = static_cast<Wide>(std::llround(window.bad * 12));
  const auto total = static_cast<Wide>(std::llround(window.total * 12));
  const Wide left = bad * rule.factor.den * budget.den;
  const Wide right = total * rule.factor.num * budget.num;
  return rule.or_equal ? left >= right : left > right;
}

// P[Bin(n, p) >= k], term by term.
inline double tail(int n, double p, int k) {
  double sum = 0;
  for (int i = k; i <= n; ++i) {
    double term = 1;
    for (int j = 0; j < i; ++j) term *= static_cast<double>(n - j) / (j + 1) * p;
    sum += term * std::pow(1 - p, n - i);
  }
  return sum;
}

inline Known known_at(const World& world, const Definition& definition, const AlertRule& rule,
                      std::int64_t end) {
  const Rational budget = definition.budget();
  const WindowSum lasting = window_of(world, end, rule.long_ms / kMinuteMs);
  const WindowSum recent = window_of(world, end, rule.short_ms / kMinuteMs);
  for (const WindowSum& one : {lasting, recent}) {
    if (one.countable > 0 && one.known * 2 < one.countable) return Known::no;
  }
  if (!is_above(lasting, rule, budget) || !is_above(recent, rule, budget)) return Known::ok;
  if (lasting.bad < static_cast<long double>(rule.min_bad)) return Known::ok;
  if (rule.significance) {
    const double p = std::min(1.0, rule.factor.value() * budget.value());
    const auto n = static_cast<int>(std::round(lasting.total));
    if (tail(n, p, static_cast<int>(std::ceil(lasting.bad))) >= *rule.significance) {
      return Known::ok;
    }
  }
  return Known::firing;
}

inline bool fires(const World& world, const Definition& definition, const AlertRule& rule,
                  std::int64_t end) {
  for (std::int64_t back = 0; back <= rule.long_ms / kMinuteMs; ++back) {
    const Known known = known_at(world, definition, rule, end - back);
    if (known != Known::no) return known == Known::firing;
  }
  return false;
}

inline std::vector<Firing> firings_of(const World& world, const Definition& definition,
                                      TimeRange range) {
  std::vector<Firing> out;
  for (std::size_t r = 0; r < definition.alerts.size(); ++r) {
    bool before = false;
    for (std::int64_t i = 0; i < world.size(); ++i) {
      const TimeMs end = world.end_of(i);
      if (!range.contains(end)) continue;
      const bool now = fires(world, definition, definition.alerts[r], i + 1);
      if (now && !before) out.push_back({r, end, std::nullopt});
      if (!now && before) out.back().to_ms = end;
      before = now;
    }
  }
  return out;
}

}  // namespace hygge::slo::history
