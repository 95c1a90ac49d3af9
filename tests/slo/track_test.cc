#include <gtest/gtest.h>
#include <hygge/slo.h>

#include <random>

namespace hygge::slo {
namespace {

// A slow oracle: each window summed anew, comparisons in exact fractions by __int128.
struct Oracle {
  std::vector<double> bad, total;
  std::vector<State> states;

  [[nodiscard]] Counts sum(std::size_t from, std::size_t to) const {
    Counts out;
    for (std::size_t i = from; i < to; ++i) {
      out.bad += bad[i];
      out.total += total[i];
      ++out.slices[static_cast<std::size_t>(states[i])];
    }
    return out;
  }
};

Oracle random_track(std::mt19937_64& random, std::size_t slices) {
  Oracle out;
  for (std::size_t i = 0; i < slices; ++i) {
    const State state = random() % 10 == 0  ? State::no_data
                        : random() % 6 == 0 ? State::idle
                                            : State::measured;
    const double total = state == State::measured ? static_cast<double>(random() % 100 + 1) : 0;
    out.total.push_back(total);
    out.bad.push_back(total == 0 || random() % 3 != 0
                          ? 0
                          : static_cast<double>(random() % static_cast<std::uint64_t>(total + 1)));
    out.states.push_back(state);
  }
  return out;
}

TEST(TrackProperty, SumsAreSumsOfSlices) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Oracle oracle = random_track(random, 200);
    const Track track =
        Track::from_counts(0, kMinuteMs, oracle.bad, oracle.total, oracle.states).value();
    const std::size_t a = random() % 201;
    const std::size_t b = a + random() % (201 - a);
    const auto at = [](std::size_t slice) { return static_cast<TimeMs>(slice) * kMinuteMs; };
    const Counts got = track.sum({at(a), at(b)});
    const Counts expected = oracle.sum(a, b);
    ASSERT_EQ(got.bad, expected.bad);
    ASSERT_EQ(got.total, expected.total);
    for (std::size_t i = 0; i < kStates; ++i) ASSERT_EQ(got.slices[i], expected.slices[i]);
    // Slices that the window cuts do not count.
    EXPECT_EQ(track.sum({at(a) - 1, at(b) + kMinuteMs - 1}).total, expected.total);
    // Outside is no data.
    EXPECT_EQ(track.sum({-at(3), 0}).slices[static_cast<std::size_t>(State::no_data)], 3U);
  }
}

TEST(ReportProperty, AgreesWithExactFractions) {
  __extension__ using Wide = __int128;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Oracle oracle = random_track(random, 120);
    const Track track =
        Track::from_counts(0, kMinuteMs, oracle.bad, oracle.total, oracle.states).value();
    Definition definition;
    definition.objective = Rational::of(static_cast<std::int64_t>(random() % 1'000), 1'000);
    definition.window_ms = static_cast<DurationMs>(random() % 118 + 2) * kMinuteMs;
    const TimeMs at = 120 * kMinuteMs + static_cast<TimeMs>(random() % kMinuteMs);
    const Report got = report(track, definition, at);
    const Counts sum =
        oracle.sum(120 - static_cast<std::size_t>(definition.window_ms / kMinuteMs), 120);
    ASSERT_EQ(got.counts.bad, sum.bad);
    const Rational budget = definition.budget();
    const std::uint32_t known = sum.slices[0] + sum.slices[1];
    const std::uint32_t all = known + sum.slices[2];
    if (sum.total == 0 || 10 * known < 9 * all) {
      EXPECT_EQ(got.verdict, Verdict::insufficient);
      EXPECT_FALSE(got.notes.empty());
    } else {
      const bool met =
          static_cast<Wide>(sum.bad) * budget.den <= static_cast<Wide>(sum.total) * budget.num;
      EXPECT_EQ(got.verdict, met ? Verdict::met : Verdict::breached);
    }
    if (sum.total > 0) {
      EXPECT_NEAR(*got.remaining, 1 - sum.bad / (budget.value() * sum.total), 1e-12);
      // A higher target never leaves more.
      Definition harder = definition;
      harder.objective =
          Rational::of(definition.objective.num * 1'000 / definition.objective.den + 0, 1'000);
      harder.objective = Rational::of(
          std::min<std::int64_t>(999, harder.objective.num * 1'000 / harder.objective.den + 1),
          1'000);
      if (harder.objective.value() > definition.objective.value()) {
        EXPECT_LE(*report(track, harder, at).remaining, *got.remaining);
      }
      // The burn over the whole window is the share of the budget that it has consumed.
      const DurationMs whole[] = {definition.window_ms};
      EXPECT_DOUBLE_EQ(*burn(track, definition, at, whole).windows[0].burn, *got.consumed);
    }
  }
}

TEST(Above, IsExactAtEquality) {
  const Rational limit = Rational::of(1, 500);  // 0.2 %
  EXPECT_FALSE(above(2, 1'000, limit, false));
  EXPECT_TRUE(above(2, 1'000, limit, true));
  EXPECT_TRUE(above(3, 1'000, limit, false));
  EXPECT_FALSE(above(0, 0, limit, true));
}

TEST(Rational, ReadsDecimals) {
  EXPECT_EQ(Rational::parse("99.9"), (Rational{999, 10}));
  EXPECT_EQ(Rational::parse("14.40"), (Rational{72, 5}));
  for (const char* bad : {"", ".", "-1", "1e3", "1.2.3", "1234567890123456"}) {
    EXPECT_FALSE(Rational::parse(bad)) << bad;
  }
}

TEST(Track, RefusesWhatIsNone) {
  const double one[] = {1};
  const double two[] = {2};
  EXPECT_FALSE(Track::from_counts(0, kMinuteMs, two, one));
  EXPECT_FALSE(Track::from_counts(1, kMinuteMs, one, two));
  EXPECT_FALSE(Track::from_counts(0, 0, one, two));
  EXPECT_TRUE(Track::from_counts(0, kMinuteMs, one, two));
}

TEST(Lint, FindsRulesThatCanNeverFire) {
  Definition definition;
  definition.objective = Rational::of(9, 10);
  AlertRule rule;
  rule.factor = {10, 1};
  rule.line = 7;
  definition.alerts = {rule};
  const auto findings = lint(definition);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "L_NEVER");
  EXPECT_EQ(findings[0].line, 7U);
  definition.alerts[0].or_equal = true;
  EXPECT_TRUE(lint(definition).empty()) << "all bad is exactly the threshold";
}

}  // namespace
}  // namespace hygge::slo
