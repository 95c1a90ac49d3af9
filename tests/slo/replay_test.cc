// Replay against the oracle, and against burn() at each slice.
#include <gtest/gtest.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/slo/history_world.h"

namespace hygge::slo {
namespace {

using namespace history;

TEST(SloReplayProperty, IsTheOracleAndEachSliceEvaluatedAlone) {
  std::size_t fired = 0, frozen = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const bool fraction = seed % 5 == 0;
    const World world = random_world(random, 250, fraction);
    const Definition definition = definition_of(random);
    const Track track = world.track();
    TimeRange range = track.range();
    if (seed % 3 == 0) range.after += static_cast<TimeMs>(random() % 100) * kMinuteMs + 1;
    const auto got = replay(track, definition, {"own", definition.alerts}, range);
    ASSERT_EQ(got, firings_of(world, definition, range));
    fired += got.size();
    // And burn(), at every slice.
    std::vector<std::vector<bool>> state(definition.alerts.size());
    for (std::int64_t i = 0; i < world.size(); ++i) {
      if (!range.contains(world.end_of(i))) continue;
      const BurnState now = burn(track, definition, world.end_of(i));
      for (std::size_t r = 0; r < now.rules.size(); ++r) {
        const bool in_firing = std::any_of(got.begin(), got.end(), [&](const Firing& firing) {
          return firing.rule == r && firing.from_ms <= world.end_of(i) &&
                 (!firing.to_ms || world.end_of(i) < *firing.to_ms);
        });
        ASSERT_EQ(now.rules[r].state == RuleState::firing, in_firing) << i;
        frozen += now.rules[r].frozen ? 1U : 0U;
      }
    }
  }
  EXPECT_GT(fired, 300U);
  EXPECT_GT(frozen, 100U);
}

TEST(SloReplay, OfNothingIsNothing) {
  Definition definition;
  definition.objective = Rational::of(999, 1000);
  definition.alerts = google_alerts(definition.window_ms);
  const Policy policy = own_policy(definition);
  EXPECT_EQ(policy.name, "google");
  const Track empty = Track::from_counts(0, kMinuteMs, {}, {}).value();
  EXPECT_TRUE(replay(empty, definition, policy, {0, kDayMs}).empty());
  const double bad[] = {1}, total[] = {1};
  const Track one = Track::from_counts(0, kMinuteMs, bad, total).value();
  EXPECT_TRUE(replay(one, definition, policy, {kMinuteMs, kDayMs}).empty());
  EXPECT_TRUE(replay(one, definition, policy, {1, kMinuteMs - 1}).empty());
  EXPECT_EQ(replay(one, definition, policy, {0, kMinuteMs}).size(), 4U);
}

TEST(SloReplay, ScalesWhatWasGivenAsAShare) {
  const auto rules = google_alerts(30 * kDayMs);
  EXPECT_EQ(scaled(rules, 7 * kDayMs)[0].factor, Rational::of(336, 100));
  AlertRule fixed;
  fixed.factor = {6, 1};
  EXPECT_EQ(scaled(std::vector{fixed}, 7 * kDayMs)[0].factor, (Rational{6, 1}));
}

}  // namespace
}  // namespace hygge::slo
