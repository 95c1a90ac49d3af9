// Forecasts against each future window in turn, in exact fractions.
#include <gtest/gtest.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/slo/history_world.h"

namespace hygge::slo {
namespace {

using namespace history;

TEST(SloForecastProperty, IsTheFirstWindowWithNothingLeft) {
  std::size_t gone = 0, later = 0, never = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    World world = random_world(random, 200, seed % 7 == 0);
    Definition definition;
    definition.objective = Rational::of(static_cast<std::int64_t>(40 + random() % 60), 100);
    definition.window_ms = static_cast<DurationMs>(60 + random() % 100) * kMinuteMs;
    const DurationMs lookback = static_cast<DurationMs>(5 + random() % 30) * kMinuteMs;
    const Forecast got =
        forecast(world.track(), definition, world.end_of(world.size() - 1) + 30'000, lookback);
    EXPECT_EQ(got.to_ms, world.end_of(world.size() - 1));
    // Means in twelfths, then everything times the slices of the lookback.
    Wide bad12 = 0, total12 = 0, n = 0;
    const auto twelfths = [](double v) { return static_cast<Wide>(std::llround(v * 12)); };
    for (std::int64_t i = world.size() - lookback / kMinuteMs; i < world.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (world.states[at] != State::measured && world.states[at] != State::idle) continue;
      bad12 += twelfths(world.bad[at]);
      total12 += twelfths(world.total[at]);
      ++n;
    }
    const std::int64_t window = definition.window_ms / kMinuteMs;
    const auto gone_after = [&](std::int64_t k) {
      Wide bad = 0, total = 0;
      for (std::int64_t i = world.size() + k - window; i < world.size(); ++i) {
        bad += twelfths(world.bad[static_cast<std::size_t>(i)]);
        total += twelfths(world.total[static_cast<std::size_t>(i)]);
      }
      bad = n == 0 ? bad : bad * n + bad12 * k;
      total = n == 0 ? total : total * n + total12 * k;
      return total > 0 && bad * definition.budget().den >= total * definition.budget().num;
    };
    if (gone_after(0)) {
      ++gone;
      EXPECT_EQ(got.aware.in_s, 0.0);
      EXPECT_EQ(got.naive.in_s, 0.0);
      EXPECT_EQ(got.aware.at_ms, got.to_ms);
      continue;
    }
    if (n == 0) {
      EXPECT_FALSE(got.covered);
      EXPECT_FALSE(got.burn);
      EXPECT_FALSE(got.aware.in_s);
      continue;
    }
    std::optional<double> expected;
    for (std::int64_t k = 1; k <= window && !expected && bad12 > 0; ++k) {
      if (gone_after(k)) expected = static_cast<double>(k) * 60;
    }
    EXPECT_EQ(got.aware.in_s, expected);
    ++(expected ? later : never);
    if (got.burn && *got.burn > 0 && got.remaining) {
      ASSERT_TRUE(got.naive.in_s);
      EXPECT_NEAR(*got.naive.in_s,
                  *got.remaining * static_cast<double>(definition.window_ms) / 1e3 / *got.burn,
                  1e-6 * *got.naive.in_s);
    } else {
      EXPECT_FALSE(got.naive.in_s);
    }
  }
  EXPECT_GT(gone, 20U);
  EXPECT_GT(later, 20U);
  EXPECT_GT(never, 20U);
}

TEST(SloForecast, OfACalendarEndsWithThePeriod) {
  // A day of hours; ten of a hundred are bad in each, the budget is 20 %.
  Definition definition;
  definition.step_ms = kHourMs;
  definition.objective = Rational::of(8, 10);
  definition.window_ms = 7 * kDayMs;
  definition.calendar = Calendar{Calendar::Unit::week, "UTC", 1};
  const TimeMs monday = 4 * kDayMs;  // 1970-01-05
  const auto run = [&](double bad_per_hour, int hours) {
    std::vector<double> bad(static_cast<std::size_t>(hours), bad_per_hour);
    std::vector<double> total(static_cast<std::size_t>(hours), 100);
    const Track track = Track::from_counts(monday, kHourMs, bad, total).value();
    return forecast(track, definition, monday + hours * kHourMs, kDayMs);
  };
  // 168 h · 100 · 20 % = 3360 allowed; 40 an hour spend them in 84 h, 48 of which are over.
  const Forecast fast = run(40, 48);
  EXPECT_EQ(fast.aware.in_s, 36 * 3600.0);
  EXPECT_DOUBLE_EQ(*fast.naive.in_s, 36 * 3600.0);
  EXPECT_DOUBLE_EQ(*fast.consumed, 1920.0 / 3360);
  EXPECT_EQ(fast.resets_at_ms, monday + 7 * kDayMs);
  // Ten an hour never do; the plain formula looks past the period.
  const Forecast slow = run(10, 48);
  EXPECT_FALSE(slow.aware.in_s);
  EXPECT_DOUBLE_EQ(*slow.naive.in_s, 288 * 3600.0);
  // An outage to come that is dropped holds no errors, and no traffic either.
  Exclusion dropped;
  dropped.range = {monday + 50 * kHourMs, monday + 60 * kHourMs};
  definition.exclusions = {dropped};
  const Forecast less = run(40, 48);
  EXPECT_DOUBLE_EQ(*less.consumed, 1920.0 / 3160);
  EXPECT_EQ(less.aware.in_s, (31 + 10) * 3600.0);
  // Gone already.
  EXPECT_EQ(run(100, 60).aware.in_s, 0.0);
  EXPECT_EQ(run(100, 60).naive.at_ms, monday + 60 * kHourMs);
}

TEST(SloForecast, NaiveTakesTheWindowAsLongAsSinceLeavesIt) {
  // Five days of a hundred an hour, the budget is 10 %; the last day burns three times that.
  std::vector<double> bad(120, 0), total(120, 100);
  std::fill(bad.begin() + 96, bad.end(), 30);
  const Track track = Track::from_counts(0, kHourMs, bad, total).value();
  Definition definition;
  definition.step_ms = kHourMs;
  definition.objective = Rational::of(9, 10);
  definition.since_ms = 0;
  const Forecast got = forecast(track, definition, 120 * kHourMs, kDayMs);
  // 1,200 may be bad and 720 are: 480 last 16 hours at 30 an hour. A window of 30 days, most of
  // which since: has cut away, would have said four days.
  EXPECT_NEAR(*got.remaining, 0.4, 1e-12);
  EXPECT_NEAR(*got.naive.in_s, 16 * 3600.0, 1e-6);
  EXPECT_EQ(got.naive.at_ms, 136 * kHourMs);
  // What comes brings a budget of its own: 720 + 30 k = 1,200 + 10 k.
  EXPECT_EQ(got.aware.in_s, 24 * 3600.0);
}

}  // namespace
}  // namespace hygge::slo
