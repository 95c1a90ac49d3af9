// Incidents and scores, against the same worked out minute by minute.
#include <gtest/gtest.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/slo/history_world.h"

namespace hygge::slo {
namespace {

using namespace history;

TEST(SloIncidents, AreJoinedOverQuietShorterThanAQuarterOfAnHour) {
  // Budget 0.1 · 10 · 1440 = 1440 bad a window; 2 % of it are 28.8.
  struct Case {
    const char* name;
    std::vector<std::pair<int, int>> bad;  ///< slice, bad events of 10
    std::vector<std::pair<int, int>> expected;
  };
  const auto filled = [](int from, int to, int bad) {
    std::vector<std::pair<int, int>> out;
    for (int i = from; i < to; ++i) out.push_back({i, bad});
    return out;
  };
  const auto joined = [](std::vector<std::pair<int, int>> a,
                         const std::vector<std::pair<int, int>>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  const Case cases[] = {
      {"nothing", {}, {}},
      {"too small", filled(100, 102, 10), {}},
      {"at the budget is not above it", filled(100, 200, 1), {}},
      {"just enough", filled(100, 103, 10), {{100, 103}}},
      {"14 minutes of quiet", joined(filled(100, 103, 10), filled(117, 120, 10)), {{100, 120}}},
      {"15 minutes of quiet",
       joined(filled(100, 103, 10), filled(118, 121, 10)),
       {{100, 103}, {118, 121}}},
      {"small ones together", joined(filled(100, 102, 10), filled(110, 111, 9)), {{100, 111}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<double> bad(1440, 0), total(1440, 10);
    for (const auto& [slice, count] : c.bad) bad[static_cast<std::size_t>(slice)] = count;
    const Track track = Track::from_counts(0, kMinuteMs, bad, total).value();
    Definition definition;
    definition.objective = Rational::of(9, 10);
    definition.window_ms = kDayMs;
    const auto got = find_incidents(track, definition, track.range(), {2, 100});
    ASSERT_EQ(got.size(), c.expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].id, "e" + std::to_string(i + 1));
      EXPECT_EQ(got[i].range.after, c.expected[i].first * kMinuteMs);
      EXPECT_EQ(got[i].range.until, c.expected[i].second * kMinuteMs);
    }
  }
}

// A score worked out the slow way, for one level.
struct SlowScore {
  std::vector<std::pair<TimeMs, TimeMs>> alerts;
  std::size_t hit = 0, found = 0, night = 0;
  std::vector<double> detection, reset, spent;
  std::vector<std::string> missed;
};
constexpr TimeMs kOpen = 1'000'000'000'000;

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

SlowScore slow_score(const World& world, const Definition& definition,
                     const std::vector<Firing>& firings, const std::vector<Incident>& incidents,
                     const std::string& level, const ScoreOptions& options) {
  SlowScore out;
  // Minute by minute: does any rule of the level fire?
  TimeMs since = -1;
  for (std::int64_t i = 0; i < world.size(); ++i) {
    const TimeMs end = world.end_of(i);
    const bool now = std::any_of(firings.begin(), firings.end(), [&](const Firing& firing) {
      return (level == "any" || definition.alerts[firing.rule].as == level) &&
             firing.from_ms <= end && end < firing.to_ms.value_or(kOpen);
    });
    if (now && since < 0) since = end;
    if (!now && since >= 0) {
      out.alerts.push_back({since, end});
      since = -1;
    }
  }
  if (since >= 0) out.alerts.push_back({since, kOpen});
  double sum = 0;
  int slices = 0;
  for (std::size_t i = 0; i < world.bad.size(); ++i) {
    if (world.states[i] != State::measured && world.states[i] != State::idle) continue;
    sum += world.total[i];
    ++slices;
  }
  const double budget = definition.budget().value() * sum / slices *
                        static_cast<double>(definition.window_ms / kMinuteMs);
  const auto hits = [&](const std::pair<TimeMs, TimeMs>& alert, const Incident& incident) {
    const auto [f, r] = alert;
    const TimeMs s = incident.range.after, e = incident.range.until;
    return (s < f && f <= e + options.slack_ms) || (f <= s && s < r);
  };
  for (const Incident& incident : incidents) {
    std::vector<std::pair<TimeMs, TimeMs>> mine;
    for (const auto& alert : out.alerts) {
      if (hits(alert, incident)) mine.push_back(alert);
    }
    if (mine.empty()) {
      out.missed.push_back(incident.id);
      continue;
    }
    ++out.found;
    const TimeMs s = incident.range.after, e = incident.range.until;
    const TimeMs f = std::max(mine.front().first, s);
    out.detection.push_back(static_cast<double>(f - s) / 1e3);
    if (mine.back().second != kOpen) {
      out.reset.push_back(static_cast<double>(std::max<TimeMs>(0, mine.back().second - e)) / 1e3);
    }
    double bad = 0;
    for (std::int64_t i = 0; i < world.size(); ++i) {
      if (world.end_of(i) > s && world.end_of(i) <= f) {
        bad += world.bad[static_cast<std::size_t>(i)];
      }
    }
    if (budget > 0) out.spent.push_back(bad / budget);
  }
  for (const auto& alert : out.alerts) {
    out.hit += std::any_of(incidents.begin(), incidents.end(),
                           [&](const Incident& one) { return hits(alert, one); });
    const auto hour = alert.first / kHourMs % 24;
    out.night += hour >= options.night_from || hour < options.night_to;
  }
  return out;
}

TEST(SloScoreProperty, IsTheOracle) {
  std::size_t compared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const World world = random_world(random, 400, false);
    const Definition definition = definition_of(random);
    const Track track = world.track();
    const TimeRange range = track.range();
    std::vector<Incident> incidents;
    for (std::size_t i = 0; i < random() % 6; ++i) {
      // Not at slice edges, and they may overlap.
      const TimeMs start = range.after + static_cast<TimeMs>(random() % 23'000'000);
      incidents.push_back(
          {"i" + std::to_string(i), {start, start + static_cast<TimeMs>(random() % 900'000 + 1)}});
    }
    ScoreOptions options;
    options.slack_ms = static_cast<DurationMs>(random() % 10) * kMinuteMs;
    options.night_from = 5;
    options.night_to = 3;
    const Policy policy{"own", definition.alerts};
    const auto firings = replay(track, definition, policy, range);
    const auto got = score(track, definition, policy, firings, incidents, range, options);
    ASSERT_EQ(got.size(), 3U);
    for (const LevelScore& level : got) {
      SCOPED_TRACE(level.level);
      const SlowScore slow =
          slow_score(world, definition, firings, incidents, level.level, options);
      ASSERT_EQ(level.alerts.size(), slow.alerts.size());
      for (std::size_t i = 0; i < slow.alerts.size(); ++i) {
        EXPECT_EQ(level.alerts[i].from_ms, slow.alerts[i].first);
        EXPECT_EQ(level.alerts[i].to_ms.value_or(kOpen), slow.alerts[i].second);
      }
      EXPECT_EQ(level.missed, slow.missed);
      EXPECT_EQ(level.detected, slow.found);
      EXPECT_EQ(level.night, slow.night);
      EXPECT_EQ(level.alerts.size() - level.false_alerts.size(), slow.hit);
      EXPECT_EQ(level.recall.has_value(), !incidents.empty());
      EXPECT_EQ(level.precision.has_value(), !slow.alerts.empty());
      if (level.precision) {
        EXPECT_DOUBLE_EQ(*level.precision,
                         static_cast<double>(slow.hit) / static_cast<double>(slow.alerts.size()));
      }
      for (const auto& [spread, values] :
           {std::pair{level.detection_s, slow.detection}, std::pair{level.reset_s, slow.reset},
            std::pair{level.spent, slow.spent}}) {
        ASSERT_EQ(spread.p50.has_value(), !values.empty());
        if (values.empty()) continue;
        ++compared;
        EXPECT_NEAR(*spread.p50, middle(values), 1e-9);
        EXPECT_NEAR(*spread.max, *std::max_element(values.begin(), values.end()), 1e-9);
      }
      EXPECT_DOUBLE_EQ(level.per_week, static_cast<double>(slow.alerts.size()) * 7 * 1440 / 400);
    }
  }
  EXPECT_GT(compared, 500U);
}

TEST(SloScore, TheSliceInWhichAnIncidentBeginsIsSpentToo) {
  // An hour of ten requests a minute, half a budget of 300 in the minute that begins at 12 min.
  std::vector<double> bad(60, 0), total(60, 10);
  bad[11] = 5;
  bad[12] = 10;
  bad[13] = 10;
  const Track track = Track::from_counts(0, kMinuteMs, bad, total).value();
  Definition definition;
  definition.objective = Rational::of(1, 2);
  definition.window_ms = kHourMs;
  definition.alerts.resize(1);
  const Policy policy{"own", definition.alerts};
  const std::vector<Firing> firings{{0, 14 * kMinuteMs, 20 * kMinuteMs}};
  const auto spent = [&](TimeMs start) {
    const std::vector<Incident> incidents{{"i", {start, 30 * kMinuteMs}}};
    return score(track, definition, policy, firings, incidents, track.range(), {})[0].spent.max;
  };
  EXPECT_EQ(spent(12 * kMinuteMs), 20.0 / 300);      // at an edge: the slices after it
  EXPECT_EQ(spent(12 * kMinuteMs + 1), 20.0 / 300);  // the slice that ends at 13 min is of it
  EXPECT_EQ(spent(13 * kMinuteMs - 1), 20.0 / 300);
  EXPECT_EQ(spent(12 * kMinuteMs - 1), 25.0 / 300);
  EXPECT_EQ(spent(15 * kMinuteMs), 0.0);  // an alert was firing already
  EXPECT_EQ(spent(15 * kMinuteMs + 1), 0.0);
}

TEST(SloScore, NightIsThatOfTheZone) {
  Definition definition;
  definition.alerts.resize(1);
  const Policy policy{"own", definition.alerts};
  const Track track = Track::from_counts(0, kMinuteMs, {}, {}).value();
  // 15:00 in London is midnight in Tokyo.
  const std::vector<Firing> firings{{0, 15 * kHourMs, 16 * kHourMs}};
  ScoreOptions options;
  const auto nights = [&] {
    return score(track, definition, policy, firings, {}, {0, kDayMs}, options)[0].night;
  };
  EXPECT_EQ(nights(), 0U);
  options.tz = "Asia/Tokyo";
  EXPECT_EQ(nights(), 1U);
  options.night_from = 1;
  options.night_to = 7;
  EXPECT_EQ(nights(), 0U);
}

}  // namespace
}  // namespace hygge::slo
