// Alert rules over a whole history: what burn() says at each slice end, by running sums.
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "slo/burn.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

__extension__ using Wide = __int128;

// Cumulative counts of a track in integers: 24 bytes a slice, two look-ups a window. Slices are
// counted from the track's begin; those before it are as without data.
class Sums {
 public:
  explicit Sums(const Track& track) : step_ms_(track.step_ms()), at_(track.slices().size() + 1) {
    const TimeMs t0 = track.range().after;
    // First data in slices from the begin; before it nothing is unknown.
    first_ = track.first_data_ms() ? (slice_floor(*track.first_data_ms(), step_ms_) - t0) / step_ms_
                                   : static_cast<std::int64_t>(track.slices().size());
    std::int64_t i = 0;
    double total = 0;
    for (const Slice& slice : track.slices()) {
      const At& before = at_[static_cast<std::size_t>(i)];
      At& next = at_[static_cast<std::size_t>(++i)];
      exact_ = exact_ && std::trunc(slice.bad) == slice.bad &&
               std::trunc(slice.total) == slice.total && (total += slice.total) < kExactLimit;
      if (!exact_) return;
      const bool blind = slice.state == State::no_data && i > first_;
      next.bad = before.bad + static_cast<std::int64_t>(slice.bad);
      next.total = before.total + static_cast<std::int64_t>(slice.total);
      next.blind = before.blind + (blind ? 1 : 0);
      next.excluded = before.excluded + (slice.state == State::excluded ? 1 : 0);
    }
  }

  // Counts up to the end of a slice.
  struct At {
    std::int64_t bad = 0;
    std::int64_t total = 0;
    std::uint32_t blind = 0;
    std::uint32_t excluded = 0;
  };

  /// Whether all counts are integers, and their sums below 2^53.
  [[nodiscard]] bool exact() const noexcept { return exact_; }
  [[nodiscard]] const At& at(std::int64_t i) const noexcept {
    return at_[static_cast<std::size_t>(std::max<std::int64_t>(0, i))];
  }
  [[nodiscard]] std::int64_t total() const noexcept { return at_.back().total; }
  [[nodiscard]] bool all_known(std::int64_t from, std::int64_t to) const noexcept {
    return at(to).blind == at(from).blind && (from >= 0 || first_ >= 0);
  }
  /// Whether too few of the slices (from, to] are known to say anything.
  [[nodiscard]] bool blind(std::int64_t from, std::int64_t to) const noexcept {
    if (all_known(from, to)) return false;
    std::int64_t blind = at(to).blind - at(from).blind;
    // Before the track, but after the first data ever.
    blind += std::max<std::int64_t>(0, std::min<std::int64_t>(to, 0) - std::max(from, first_));
    const std::int64_t countable = to - from - (at(to).excluded - at(from).excluded);
    return is_blind(countable - blind, countable);
  }

 private:
  static constexpr double kExactLimit = 9007199254740992.0;  // 2^53

  DurationMs step_ms_;
  std::vector<At> at_;
  std::int64_t first_ = 0;
  bool exact_ = true;
};

// One rule at the end of the i-th slice, whatever was known before.
class Rule {
 public:
  Rule(const Track& track, const Definition& definition, const AlertRule& rule, const Sums& sums)
      : track_(track),
        definition_(definition),
        rule_(rule),
        sums_(sums),
        threshold_(rule.factor * definition.budget()),
        long_(rule.long_ms / track.step_ms()),
        short_(rule.short_ms / track.step_ms()),
        narrow_(fits(sums.total(), threshold_)) {}

  [[nodiscard]] std::int64_t long_slices() const noexcept { return long_; }

  [[nodiscard]] RuleState at(std::int64_t i) const {
    if (!sums_.exact()) {
      const TimeMs to = track_.range().after + i * track_.step_ms();
      return evaluate(track_, definition_, rule_, to).state;
    }
    if (sums_.blind(i - long_, i) || sums_.blind(i - short_, i)) return RuleState::unknown;
    const Sums::At& now = sums_.at(i);
    const Sums::At& short_ago = sums_.at(i - short_);
    const Sums::At& long_ago = sums_.at(i - long_);
    const std::int64_t bad = now.bad - long_ago.bad;
    const std::int64_t total = now.total - long_ago.total;
    const bool firing =
        is_above(now.bad - short_ago.bad, now.total - short_ago.total) && is_above(bad, total) &&
        passes_gates(rule_, threshold_, static_cast<double>(bad), static_cast<double>(total));
    return firing ? RuleState::firing : RuleState::ok;
  }

  // The first slice end from i on, at most last + 1, at which the rule may be anything but ok. Most
  // of a history goes by here: everything is known, and the short window is not above.
  [[nodiscard]] std::int64_t quiet_until(std::int64_t i, std::int64_t last) const noexcept {
    if (!sums_.exact() || !narrow_ || !sums_.all_known(i - std::max(long_, short_), i)) return i;
    const std::int64_t num = threshold_.num;
    const std::int64_t den = threshold_.den;
    const std::int64_t equal = rule_.or_equal ? 1 : 0;
    const std::uint32_t blind = sums_.at(i).blind;
    for (; i <= last; ++i) {
      const Sums::At& now = sums_.at(i);
      const Sums::At& ago = sums_.at(i - short_);
      const std::int64_t total = now.total - ago.total;
      const bool above = total != 0 && (now.bad - ago.bad) * den + equal > total * num;
      if (now.blind != blind || above) break;
    }
    return i;
  }

 private:
  // Bad events of a window are at most its total ones, and those at most the track's.
  [[nodiscard]] static bool fits(std::int64_t total, const Rational& threshold) noexcept {
    const Wide most = std::numeric_limits<std::int64_t>::max();
    return static_cast<Wide>(total) * std::max(threshold.num, threshold.den) < most;
  }
  // As slo::above.
  [[nodiscard]] bool is_above(std::int64_t bad, std::int64_t total) const noexcept {
    if (total == 0) return false;
    if (narrow_) return is_over(bad * threshold_.den, total * threshold_.num);
    const Wide left = static_cast<Wide>(bad) * threshold_.den;
    const Wide right = static_cast<Wide>(total) * threshold_.num;
    return is_over(left, right);
  }
  template <typename Integer>
  [[nodiscard]] bool is_over(Integer left, Integer right) const noexcept {
    return rule_.or_equal ? left >= right : left > right;
  }

  const Track& track_;
  const Definition& definition_;
  const AlertRule& rule_;
  const Sums& sums_;
  const Rational threshold_;
  const std::int64_t long_;
  const std::int64_t short_;
  const bool narrow_;  ///< no product of the comparison needs more than 64 bits
};

// The firings of one rule at the ends of the slices first … last.
void replay_rule(const Rule& rule, std::size_t index, std::int64_t first, std::int64_t last,
                 const Track& track, std::vector<Firing>& out) {
  const auto end_of = [&](std::int64_t i) { return track.range().after + i * track.step_ms(); };
  // What was known last, and where: it stands while nothing is known, for a long window at most.
  RuleState known = RuleState::ok;
  std::int64_t known_at = first - rule.long_slices() - 1;
  bool firing = false;
  for (std::int64_t i = first - rule.long_slices(); i <= last; ++i) {
    const std::int64_t quiet_until = rule.quiet_until(i, last);
    if (quiet_until > i) {
      // Ok at each of them; the ones before the first only tell what was known.
      const std::int64_t end = std::max(i, first);
      if (firing && end < quiet_until) {
        out.back().to_ms = end_of(end);
        firing = false;
      }
      known = RuleState::ok;
      known_at = quiet_until - 1;
      i = quiet_until;
      if (i > last) break;
    }
    RuleState state = rule.at(i);
    if (state != RuleState::unknown) {
      known = state;
      known_at = i;
    } else if (i - known_at <= rule.long_slices()) {
      state = known;
    }
    if (i < first) continue;
    const bool now = state == RuleState::firing;
    if (now && !firing) out.push_back({index, end_of(i), std::nullopt});
    if (!now && firing) out.back().to_ms = end_of(i);
    firing = now;
  }
}

}  // namespace

std::vector<Firing> replay(const Track& track, const Definition& definition, const Policy& policy,
                           TimeRange range) {
  std::vector<Firing> out;
  const TimeRange all = track.range();
  const DurationMs step = track.step_ms();
  const TimeMs begin = std::max(range.after, all.after);
  const TimeMs end = slice_floor(std::min(range.until, all.until), step);
  // The first slice end after the begin.
  const std::int64_t first = (slice_floor(begin, step) - all.after) / step + 1;
  const std::int64_t last = (end - all.after) / step;
  if (last < first) return out;
  const Sums sums(track);
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    replay_rule(Rule(track, definition, policy.rules[i], sums), i, first, last, track, out);
  }
  return out;
}

Policy own_policy(const Definition& definition) {
  Policy out{"own", definition.alerts};
  const std::vector<AlertRule> google = google_alerts(definition.window_ms);
  const auto same = [](const AlertRule& a, const AlertRule& b) {
    return a.as == b.as && a.long_ms == b.long_ms && a.short_ms == b.short_ms &&
           a.factor == b.factor && a.or_equal == b.or_equal && a.min_bad == b.min_bad &&
           a.significance == b.significance;
  };
  if (std::equal(google.begin(), google.end(), out.rules.begin(), out.rules.end(), same)) {
    out.name = "google";
  }
  return out;
}

std::vector<AlertRule> scaled(std::span<const AlertRule> rules, DurationMs window_ms) {
  std::vector<AlertRule> out(rules.begin(), rules.end());
  for (AlertRule& rule : out) {
    if (rule.spend) rule.factor = *rule.spend * Rational::of(window_ms, rule.long_ms);
  }
  return out;
}

}  // namespace hygge::slo
