// SLOs made of others, against rules 1.5 of the specification applied slice by slice.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/slo/history_world.h"
#include "tests/support/temp_dir.h"

namespace hygge::slo {
namespace {

using namespace history;

Definition component(std::int64_t percent) {
  Definition out;
  out.name = "c" + std::to_string(percent);
  out.objective = Rational::of(percent, 100);
  out.window_ms = kHourMs;
  return out;
}

Definition composite_of(Composite::How how, std::vector<Definition> components) {
  Definition out;
  out.name = "whole";
  out.objective = Rational::of(8, 10);
  out.window_ms = 2 * kHourMs;
  out.composite.emplace();
  out.composite->how = how;
  for (const Definition& one : components) out.composite->of.push_back({one.name, {1, 1}});
  out.components = std::move(components);
  out.method = how == Composite::How::all ? Method::timeslices : Method::ratio_timeslices;
  return out;
}

// What a slice of the composite is: by hand.
struct Expected {
  State state = State::no_data;
  double bad = 0, total = 0;
};
Expected expected_of(const std::vector<World>& worlds, const std::vector<Definition>& components,
                     std::size_t i, bool all) {
  std::size_t excluded = 0, without = 0, measured = 0, bad = 0;
  double errors = 0;
  for (std::size_t j = 0; j < worlds.size(); ++j) {
    const double b = worlds[j].bad[i], t = worlds[j].total[i];
    switch (worlds[j].states[i]) {
      case State::excluded:
        ++excluded;
        break;
      case State::no_data:
        ++without;
        break;
      case State::measured: {
        ++measured;
        errors += b / t;
        const Rational& objective = components[j].objective;
        // good / total < objective
        if ((t - b) * static_cast<double>(objective.den) < t * static_cast<double>(objective.num)) {
          ++bad;
        }
        break;
      }
      case State::idle:
        break;
    }
  }
  if (excluded == worlds.size()) return {State::excluded, 0, 0};
  const State known = measured > 0 ? State::measured : State::idle;
  if (all && bad > 0) return {known, 1, 1};
  if (without > 0) return {};
  return {known, all ? 0 : std::min(1.0, errors), 1};
}

std::vector<World> worlds_of(std::mt19937_64& random, std::size_t count) {
  std::vector<World> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(random_world(random, 200, false));
    out.back().t0 = 0;
    out.back().first_data.reset();
    // Excluded slices are dropped ones here.
  }
  return out;
}

Track dropped_track(const World& world) {
  std::vector<Slice> slices(world.bad.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    slices[i].bad = world.bad[i];
    slices[i].total = world.total[i];
    slices[i].state = world.states[i];
    slices[i].dropped = world.states[i] == State::excluded;
  }
  return Track::from_slices(0, kMinuteMs, slices).value();
}

TEST(SloCompositeProperty, SlicesAreThoseOfTheRules) {
  std::size_t bad = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::vector<World> worlds = worlds_of(random, 1 + seed % 3);
    std::vector<Definition> components;
    std::vector<Track> tracks;
    for (std::size_t i = 0; i < worlds.size(); ++i) {
      components.push_back(component(static_cast<std::int64_t>(70 + 10 * i)));
      tracks.push_back(dropped_track(worlds[i]));
    }
    for (const Composite::How how : {Composite::How::all, Composite::How::sum}) {
      const Definition definition = composite_of(how, components);
      const Track got = combine(definition, tracks).value();
      for (std::size_t i = 0; i < 200; ++i) {
        const Expected want = expected_of(worlds, components, i, how == Composite::How::all);
        ASSERT_EQ(got.slices()[i].state, want.state) << i;
        ASSERT_DOUBLE_EQ(got.slices()[i].bad, want.bad) << i;
        ASSERT_EQ(got.slices()[i].total, want.total) << i;
        bad += want.bad > 0;
      }
    }
  }
  EXPECT_GT(bad, 300U);
}

TEST(SloCompositeProperty, WindowsOfWeightedAndSerial) {
  std::size_t judged = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::vector<World> worlds = worlds_of(random, 2);
    std::vector<Definition> components{component(70), component(80)};
    for (Definition& one : components) one.min_coverage = {0, 1};
    std::vector<Track> tracks{dropped_track(worlds[0]), dropped_track(worlds[1])};
    double sli[2] = {0, 0};
    bool all = true;
    double coverage = 1, dropped = 0;
    for (std::size_t j = 0; j < 2; ++j) {
      double bad = 0, total = 0, covered = 0, countable = 0;
      for (std::size_t i = 80; i < 200; ++i) {
        bad += worlds[j].bad[i];
        total += worlds[j].total[i];
        countable += worlds[j].states[i] != State::excluded;
        covered += worlds[j].states[i] < State::no_data;
      }
      all = all && total > 0;
      sli[j] = total > 0 ? 1 - bad / total : 0;
      // The slices are those of the component that is covered worst; of equals the first.
      const double covered_share = countable > 0 ? covered / countable : 1;
      if (j == 0 || covered_share < coverage) {
        coverage = covered_share;
        dropped = 120 - countable;
      }
    }
    for (const bool serial : {false, true}) {
      Definition definition =
          composite_of(serial ? Composite::How::serial : Composite::How::weighted, components);
      definition.composite->of[1].weight = Rational::of(5, 2);
      const Report got =
          report(combine(definition, tracks).value(), definition, 200 * kMinuteMs + 1);
      if (!all) {
        EXPECT_EQ(got.verdict, Verdict::insufficient);
        EXPECT_FALSE(got.sli);
        continue;
      }
      ++judged;
      const double want = serial ? sli[0] * sli[1] : (sli[0] + 2.5 * sli[1]) / 3.5;
      EXPECT_NEAR(*got.sli, want, 1e-12);
      EXPECT_NEAR(*got.consumed, (1 - want) / 0.2, 1e-9);
      EXPECT_NEAR(*got.coverage, coverage, 1e-12);
      EXPECT_EQ(got.verdict, want >= 0.8 ? Verdict::met : Verdict::breached);
      EXPECT_FALSE(got.interval);
      EXPECT_DOUBLE_EQ(got.allowed_s, 0.2 * 60 * (120 - dropped));
    }
  }
  EXPECT_GT(judged, 100U);
}

TEST(SloComposite, IsInsufficientWhereAComponentIs) {
  const std::vector<double> none(120, 0), ten(120, 10);
  std::vector<State> half(120, State::measured);
  std::fill_n(half.begin(), 60, State::no_data);
  std::vector<double> five = ten;
  std::fill_n(five.begin(), 60, 0);
  for (const Composite::How how : {Composite::How::all, Composite::How::sum,
                                   Composite::How::weighted, Composite::How::serial}) {
    SCOPED_TRACE(to_string(how));
    Definition definition = composite_of(how, {component(70), component(80)});
    definition.min_coverage = {0, 1};
    const auto judge = [&] {
      std::vector<Track> tracks{Track::from_counts(0, kMinuteMs, none, ten).value(),
                                Track::from_counts(0, kMinuteMs, none, five, half).value()};
      return report(combine(definition, std::move(tracks)).value(), definition, 120 * kMinuteMs);
    };
    const Report got = judge();
    EXPECT_EQ(got.verdict, Verdict::insufficient);
    ASSERT_FALSE(got.notes.empty());
    EXPECT_EQ(got.notes[0].find("c80: "), 0U);
    definition.components[1].min_coverage = {1, 2};
    EXPECT_EQ(judge().verdict, Verdict::met);
  }
}

TEST(SloComposite, RefusesTracksThatDoNotFit) {
  const std::vector<double> ten(10, 10);
  const Definition definition = composite_of(Composite::How::all, {component(70), component(80)});
  const Track minutes = Track::from_counts(0, kMinuteMs, ten, ten).value();
  EXPECT_TRUE(combine(definition, {minutes, minutes}));
  EXPECT_FALSE(combine(definition, {minutes}));
  EXPECT_FALSE(combine(definition, {minutes, Track::from_counts(0, kHourMs, ten, ten).value()}));
  EXPECT_FALSE(
      combine(definition, {minutes, Track::from_counts(kMinuteMs, kMinuteMs, ten, ten).value()}));
  EXPECT_FALSE(combine(component(70), {minutes}));
  Definition wrong = definition;
  wrong.components[1].step_ms = kHourMs;
  EXPECT_FALSE(validate(wrong));
  wrong = definition;
  wrong.components[1] = definition;
  EXPECT_FALSE(validate(wrong));
  wrong = composite_of(Composite::How::serial, {component(70)});
  EXPECT_TRUE(validate(wrong));
  wrong.alerts.resize(1);
  EXPECT_FALSE(validate(wrong));
}

TEST(SloComposite, IsReadFromADatabase) {
  const hygge::test::TempDir dir;
  Options options;
  options.create_if_missing = true;
  options.maintenance = Maintenance::manual;
  Db db = Db::open(dir / "db", options).value();
  Batch batch;
  const auto add = [&](const char* name, int i, double v) {
    batch.add(Labels::from({{"__name__", name}}).value(), i * kMinuteMs, v);
  };
  for (int i = 1; i <= 120; ++i) {
    add("a", i, 10);
    add("b", i, 20);
    add("a_bad", i, i > 60 && i <= 66 ? 10 : 0);
    add("b_bad", i, i > 64 && i <= 70 ? 20 : 0);
  }
  ASSERT_TRUE(db.write(batch));
  std::vector<Definition> components{component(70), component(80)};
  for (std::size_t i = 0; i < 2; ++i) {
    components[i].kind = Kind::delta;
    components[i].part = selector(i == 0 ? "a_bad" : "b_bad").value();
    components[i].total = selector(i == 0 ? "a" : "b").value();
  }
  Definition definition = composite_of(Composite::How::all, components);
  AlertRule rule;
  rule.long_ms = 10 * kMinuteMs;
  rule.short_ms = 2 * kMinuteMs;
  rule.factor = {2, 1};
  definition.alerts = {rule};
  // Ten slices of 120 are bad: 61 to 70.
  const Report all = report(db, definition, 120 * kMinuteMs).value();
  EXPECT_EQ(all.counts.bad, 10);
  EXPECT_EQ(all.counts.total, 120);
  EXPECT_EQ(all.verdict, Verdict::met);
  EXPECT_EQ(burn(db, definition, 70 * kMinuteMs)->state, RuleState::firing);
  const Policy policies[] = {own_policy(definition)};
  const Backtest tested = backtest(db, definition, policies, {0, 120 * kMinuteMs}, {}).value();
  ASSERT_EQ(tested.incidents.size(), 1U);
  EXPECT_EQ(tested.incidents[0].range.after, 60 * kMinuteMs);
  EXPECT_EQ(tested.incidents[0].range.until, 70 * kMinuteMs);
  EXPECT_EQ(tested.policies[0].levels[0].detected, 1U);
  EXPECT_TRUE(forecast(db, definition, 120 * kMinuteMs, kHourMs)->covered);
  const Definition serial = composite_of(Composite::How::serial, components);
  EXPECT_DOUBLE_EQ(*report(db, serial, 120 * kMinuteMs)->sli, 0.95 * 0.95);
  EXPECT_FALSE(burn(db, serial, 120 * kMinuteMs));
  EXPECT_FALSE(forecast(db, serial, 120 * kMinuteMs));
  EXPECT_FALSE(backtest(db, serial, policies, {0, kDayMs}, {}));
  EXPECT_FALSE(whatif(db, serial, {}, {}, kDayMs));
  EXPECT_TRUE(lint(db, definition, 120 * kMinuteMs));
}

}  // namespace
}  // namespace hygge::slo
