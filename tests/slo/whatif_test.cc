// What-if against sums over each window.
#include <gtest/gtest.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/slo/history_world.h"

namespace hygge::slo {
namespace {

using namespace history;

TEST(SloWhatIfProperty, IsAReportOfEachWindow) {
  std::uint32_t judged = 0, insufficient = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const World world = random_world(random, 300, false);
    Definition definition = definition_of(random);
    definition.min_coverage = Rational::of(static_cast<std::int64_t>(random() % 10), 10);
    const Track track = world.track();
    Grid grid;
    grid.targets = {{"90", {9, 10}}, {"98", {98, 100}}};
    grid.windows = {{30 * kMinuteMs, {}}, {90 * kMinuteMs, {}}};
    grid.stride_ms = 7 * kMinuteMs;
    if (seed % 4 == 0) grid.after_ms = track.range().after + 33 * kMinuteMs + 1;
    if (seed % 4 == 1) definition.since_ms = track.range().after + 50 * kMinuteMs;
    const TimeMs at = track.range().until - static_cast<TimeMs>(random() % 30) * 11'111;
    const WhatIf got = whatif(track, definition, grid, at).value();
    ASSERT_EQ(got.rows.size(), 4U);
    std::int64_t first = 0;
    while (first < world.size() &&
           world.states[static_cast<std::size_t>(first)] >= State::no_data) {
      ++first;
    }
    TimeMs oldest = world.t0 + first * kMinuteMs;
    if (grid.after_ms) oldest = std::max(oldest, *grid.after_ms);
    if (definition.since_ms) oldest = std::max(oldest, *definition.since_ms);
    if (world.first_data)
      oldest = std::max(world.t0, grid.after_ms.value_or(definition.since_ms.value_or(0)));
    for (std::size_t r = 0; r < 4; ++r) {
      SCOPED_TRACE(r);
      const WhatIfRow& row = got.rows[r];
      const auto& target = grid.targets[r / 2];
      const DurationMs window = grid.windows[r % 2].window_ms;
      EXPECT_EQ(row.target.percent, target.percent);
      EXPECT_EQ(row.window.window_ms, window);
      std::uint32_t met = 0, windows = 0, few = 0;
      std::optional<double> worst;
      std::optional<TimeMs> worst_at;
      for (TimeMs end = at / kMinuteMs * kMinuteMs; end - window >= oldest; end -= grid.stride_ms) {
        std::int64_t bad = 0, total = 0, covered = 0, countable = 0;
        for (std::int64_t i = 0; i < world.size(); ++i) {
          if (world.end_of(i) <= end - window || world.end_of(i) > end) continue;
          const auto at_i = static_cast<std::size_t>(i);
          bad += static_cast<std::int64_t>(world.bad[at_i]);
          total += static_cast<std::int64_t>(world.total[at_i]);
          if (world.states[at_i] == State::excluded) continue;
          ++countable;
          covered += world.states[at_i] != State::no_data;
        }
        const bool enough =
            covered * definition.min_coverage.den >= countable * definition.min_coverage.num;
        if (total == 0 || !enough) {
          ++few;
          continue;
        }
        ++windows;
        const double sli = static_cast<double>(total - bad) / static_cast<double>(total);
        met += (total - bad) * target.objective.den >= total * target.objective.num;
        if (!worst || sli < *worst) {
          worst = sli;
          worst_at = end;
        }
      }
      EXPECT_EQ(row.windows, windows);
      EXPECT_EQ(row.met, met);
      EXPECT_EQ(row.insufficient, few);
      EXPECT_EQ(row.worst_at_ms, worst_at);
      if (worst) {
        EXPECT_DOUBLE_EQ(*row.worst_sli, *worst);
        EXPECT_NEAR(*row.worst_consumed, (1 - *worst) / (1 - target.objective.value()), 1e-9);
      }
      judged += windows;
      insufficient += few;
      // The policy's alerts, at this target, over the same time.
      Definition cell = definition;
      cell.objective = target.objective;
      const auto firings = firings_of(world, cell, got.range);
      const Policy policy{"own", cell.alerts};
      EXPECT_EQ(row.pages, alerts_of(firings, policy, "page").size());
      EXPECT_EQ(row.tickets, alerts_of(firings, policy, "ticket").size());
    }
  }
  EXPECT_GT(judged, 1000U);
  EXPECT_GT(insufficient, 300U);
}

TEST(SloWhatIf, JudgesWholePeriodsOfACalendar) {
  // 2026-01-10 … 2026-04-15 in Tokyo, hours of 10; an outage of a day in February.
  const TimeMs t0 = 1'767'970'800'000;  // 2026-01-10T00:00+09:00
  std::vector<double> bad(95 * 24, 0), total(95 * 24, 10);
  for (std::size_t i = 0; i < 24; ++i) bad[40 * 24 + i] = 10;
  const Track track = Track::from_counts(t0, kHourMs, bad, total).value();
  Definition definition;
  definition.step_ms = kHourMs;
  Grid grid;
  grid.targets = {{"99", {99, 100}}};
  Calendar month;
  month.tz = "Asia/Tokyo";
  grid.windows = {{30 * kDayMs, month}};
  const WhatIf got = whatif(track, definition, grid, track.range().until).value();
  // February and March: January began before the data, April has not ended.
  ASSERT_EQ(got.rows.size(), 1U);
  EXPECT_EQ(got.rows[0].windows, 2U);
  EXPECT_EQ(got.rows[0].met, 1U);
  EXPECT_DOUBLE_EQ(*got.rows[0].worst_sli, 27.0 / 28);
  EXPECT_EQ(got.rows[0].worst_at_ms, 1'772'290'800'000);  // 2026-03-01T00:00+09:00
  EXPECT_EQ(recommend(got), nullptr);
}

TEST(SloWhatIf, RecommendsTheHighestTargetThatHeldNineteenTimesOfTwenty) {
  WhatIf got;
  const auto add = [&](std::int64_t percent, DurationMs window, std::uint32_t met,
                       std::uint32_t windows) {
    WhatIfRow row;
    row.target = {std::to_string(percent), Rational::of(percent, 100)};
    row.window.window_ms = window;
    row.met = met;
    row.windows = windows;
    got.rows.push_back(row);
  };
  add(99, kDayMs, 18, 20);  // no
  add(98, kDayMs, 19, 20);  // yes
  add(98, 7 * kDayMs, 20, 20);
  add(98, 2 * kDayMs, 20, 20);
  add(99, kDayMs, 0, 0);
  add(90, 30 * kDayMs, 20, 20);
  EXPECT_EQ(recommend(got), &got.rows[2]);
}

TEST(SloWhatIf, RefusesCellsThatAreNoPromise) {
  const double one[] = {1};
  const Track track = Track::from_counts(0, kMinuteMs, one, one).value();
  Definition definition;
  definition.name = "s";
  Grid good;
  good.targets = {{"99", {99, 100}}};
  good.windows = {{kDayMs, {}}};
  EXPECT_TRUE(whatif(track, definition, good, 0));
  Grid bad = good;
  bad.stride_ms = 90 * kSecondMs;
  EXPECT_FALSE(whatif(track, definition, bad, 0));
  bad = good;
  bad.windows = {{90 * kSecondMs, {}}};
  EXPECT_FALSE(whatif(track, definition, bad, 0));
  bad = good;
  bad.targets = {{"100", {1, 1}}};
  EXPECT_FALSE(whatif(track, definition, bad, 0));
}

TEST(SloWhatIf, AnotherMethodTakesItsOwnDefaults) {
  Definition definition;
  definition.no_data = SliceRule::bad;
  definition.exclusions.resize(2);
  definition.exclusions[0].treat_given = true;
  const Definition slices = with_method(definition, {Method::timeslices, 5 * kMinuteMs, {9, 10}});
  EXPECT_EQ(slices.step_ms, 5 * kMinuteMs);
  EXPECT_FALSE(slices.exclusions[0].as_good);
  EXPECT_TRUE(slices.exclusions[1].as_good);
  EXPECT_EQ(slices.no_data, SliceRule::bad);
  EXPECT_EQ(with_method(slices, {}).no_data, SliceRule::ignore);
  EXPECT_FALSE(with_method(slices, {}).exclusions[1].as_good);
}

}  // namespace
}  // namespace hygge::slo
