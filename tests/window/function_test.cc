#include "window/function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "window/extrapolation.h"
#include "window/families.h"

namespace hygge::windows {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Samples {
  std::vector<TimeMs> t;
  std::vector<double> v;
};

std::vector<std::optional<double>> run(const Spec& spec, const Samples& in, const Steps& steps,
                                       DurationMs offset_ms = 0) {
  std::vector<double> v(steps.count());
  std::vector<std::uint64_t> valid((steps.count() + 63) / 64);
  evaluate(spec, in.t, in.v, steps, offset_ms, {v, valid});
  std::vector<std::optional<double>> out(steps.count());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if ((valid[i / 64] >> (i % 64)) & 1U) out[i] = v[i];
  }
  return out;
}

std::optional<double> at(const Spec& spec, const Samples& in, TimeMs t) {
  return run(spec, in, instant(t))[0];
}

Samples seconds(std::vector<std::pair<TimeMs, double>> list) {
  Samples out;
  for (const auto& [t, v] : list) {
    out.t.push_back(t * 1000);
    out.v.push_back(v);
  }
  return out;
}

TEST(Window, IsLeftOpenAndRightClosed) {
  const Samples in = seconds({{0, 1}, {10, 2}, {20, 4}});
  EXPECT_EQ(at({Function::sum, 10'000}, in, 10'000), 2);
  EXPECT_EQ(at({Function::sum, 10'001}, in, 10'000), 3);
  EXPECT_EQ(at({Function::count, 20'000}, in, 20'000), 2);
  EXPECT_EQ(at({Function::count, 20'000}, in, 50'000), std::nullopt);
  EXPECT_EQ(at({Function::last, 60'000}, in, 19'999), 2);
  EXPECT_EQ(at({Function::first, 60'000}, in, 20'000), 1);
}

// The table at the end of the SLO specification.
TEST(Window, IncreaseCountsTheStepIntoTheWindow) {
  const Samples full = seconds({{0, 1},
                                {15, 2},
                                {30, 3},
                                {45, 4},
                                {60, 5},
                                {75, 9},
                                {90, 10},
                                {105, 11},
                                {120, 12},
                                {135, 13}});
  const Spec spec{Function::increase, 60'000};
  const TimeMs times[] = {5, 20, 35, 50, 65, 80, 95, 110, 125};
  const double expected[] = {0, 1, 2, 3, 4, 7, 7, 7, 7};
  for (std::size_t i = 0; i < std::size(times); ++i) {
    EXPECT_EQ(at(spec, full, times[i] * 1000), expected[i]) << times[i];
  }
  const Samples hole =
      seconds({{0, 1}, {15, 2}, {30, 3}, {75, 9}, {90, 10}, {105, 11}, {120, 12}, {135, 13}});
  const TimeMs hole_times[] = {50, 65, 80, 95, 110, 125};
  const double hole_expected[] = {2, 2, 7, 7, 8, 9};
  for (std::size_t i = 0; i < std::size(hole_times); ++i) {
    EXPECT_EQ(at(spec, hole, hole_times[i] * 1000), hole_expected[i]) << hole_times[i];
  }
}

TEST(Window, IncreaseKnowsResetsAndTheLookback) {
  const Samples in = seconds({{0, 90}, {10, 3}, {20, 5}, {5000, 100}, {5010, 101}});
  EXPECT_EQ(at({Function::increase, 15'000}, in, 20'000), 5);
  EXPECT_EQ(at({Function::increase, 15'000}, in, 5'010'000), 1) << "a gap of over an hour";
  EXPECT_EQ(at({Function::increase, 15'000, 0, 2 * kHourMs}, in, 5'010'000), 96);
  EXPECT_EQ(at({Function::rate, 10'000}, in, 20'000), 0.2);
}

TEST(Window, PrometheusFormsExtrapolate) {
  const Samples in = seconds({{0, 0}, {10, 10}, {20, 20}, {30, 30}});
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 30'000}, in, 31'000).value(), 30);
  EXPECT_DOUBLE_EQ(at({Function::prom_rate, 30'000}, in, 30'000).value(), 1);
  EXPECT_EQ(at({Function::prom_rate, 5'000}, in, 30'000), std::nullopt) << "one sample";
  // The zero point: a counter that starts at 2 cannot have grown more than 2 before.
  const Samples young = seconds({{50, 2}, {60, 12}});
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 60'000}, young, 60'000).value(), 12);
  EXPECT_DOUBLE_EQ(at({Function::prom_delta, 60'000}, young, 60'000).value(), 15);
}

TEST(Window, NanIsAValue) {
  const Samples in = seconds({{1, kNan}, {2, 5}, {3, kNan}, {4, -1}});
  EXPECT_EQ(at({Function::max, 60'000}, in, 4'000), 5);
  EXPECT_EQ(at({Function::min, 60'000}, in, 4'000), -1);
  EXPECT_TRUE(std::isnan(at({Function::max, 1'000}, in, 3'000).value()));
  EXPECT_TRUE(std::isnan(at({Function::sum, 60'000}, in, 4'000).value()));
  EXPECT_EQ(at({Function::changes, 60'000}, in, 4'000), 3);
  EXPECT_EQ(at({Function::changes, 60'000}, seconds({{1, kNan}, {2, kNan}}), 4'000), 0);
  // An infinity leaves no trace once its window has passed.
  const Samples infinite = seconds({{1, kInf}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}});
  EXPECT_EQ(run({Function::sum, 2'000}, infinite, {2'000, 6'000, 100}).back(), 2);
}

TEST(Window, QuantileInterpolates) {
  const Samples in = seconds({{1, 1}, {2, 2}, {3, 3}, {4, 4}});
  EXPECT_EQ(at({Function::quantile, 60'000, 0.5}, in, 4'000), 2.5);
  EXPECT_EQ(at({Function::quantile, 60'000, -1}, in, 4'000), -kInf);
  EXPECT_EQ(at({Function::quantile, 60'000, 2}, in, 4'000), kInf);
  EXPECT_TRUE(std::isnan(at({Function::quantile, 60'000, kNan}, in, 4'000).value()));
}

TEST(Window, RegressionsAreExactOnLines) {
  const Samples in = seconds({{10, 1}, {20, 3}, {30, 5}});
  EXPECT_DOUBLE_EQ(at({Function::deriv, 60'000}, in, 30'000).value(), 0.2);
  EXPECT_DOUBLE_EQ(at({Function::predict_linear, 60'000, 10}, in, 40'000).value(), 9);
  EXPECT_EQ(at({Function::deriv, 60'000}, seconds({{1, 7}, {2, 7}}), 2'000), 0);
  EXPECT_TRUE(
      std::isnan(at({Function::deriv, 60'000}, seconds({{1, kInf}, {2, kInf}}), 2'000).value()));
}

TEST(Window, HugeSumsDoNotSpoilTheMean) {
  const double huge = std::numeric_limits<double>::max();
  EXPECT_DOUBLE_EQ(at({Function::avg, 60'000}, seconds({{1, huge}, {2, huge}}), 2'000).value(),
                   huge);
  EXPECT_EQ(at({Function::sum, 60'000}, seconds({{1, 1e16}, {2, 1}, {3, -1e16}}), 3'000), 1);
}

// Windows that reach over a gap longer than the lookback must not lose the restarts before it.
TEST(Window, IncreaseOverGapsAndResetsAtEveryStep) {
  const Samples in = seconds({{0, 5}, {10, 2}, {20, 4}, {100, 9}, {110, 1}, {120, 6}});
  const Spec spec{Function::increase, 120'000, 0, 30'000};
  const auto row = run(spec, in, {100'000, 130'000, 10'000});
  EXPECT_EQ(row[0], 2 + 2);      // (−20, 100]: the fall to 2, two more, and the gap
  EXPECT_EQ(row[1], 4 + 1);      // the fall to 1
  EXPECT_EQ(row[2], 4 + 1 + 5);  // (0, 120], the step from 0 included
  EXPECT_EQ(row[3], 2 + 1 + 5);  // (10, 130]
}

TEST(Window, CountsTakeNanAndInfinitiesForNoSamples) {
  const Samples in = seconds({{0, 10}, {10, kNan}, {20, 3}, {30, kInf}, {40, 5}});
  EXPECT_EQ(at({Function::increase, 60'000}, in, 40'000), 3 + 2);
  EXPECT_EQ(at({Function::increase, 10'000}, in, 20'000), 3);
  EXPECT_EQ(at({Function::increase, 10'000}, in, 10'000), std::nullopt);
  EXPECT_EQ(at({Function::rate, 10'000}, in, 20'000), 0.3);
}

TEST(Window, OneSampleIsEnoughForStatisticsNotForSlopes) {
  const Samples in = seconds({{10, 7}});
  const std::pair<Function, std::optional<double>> cases[] = {
      {Function::last, 7},
      {Function::first, 7},
      {Function::count, 1},
      {Function::present, 1},
      {Function::sum, 7},
      {Function::avg, 7},
      {Function::min, 7},
      {Function::max, 7},
      {Function::stddev, 0},
      {Function::stdvar, 0},
      {Function::quantile, 7},
      {Function::changes, 0},
      {Function::resets, 0},
      {Function::increase, 0},
      {Function::rate, 0},
      {Function::delta, 0},
      {Function::deriv, std::nullopt},
      {Function::predict_linear, std::nullopt},
      {Function::irate, std::nullopt},
      {Function::idelta, std::nullopt},
      {Function::prom_increase, std::nullopt},
      {Function::prom_rate, std::nullopt},
      {Function::prom_delta, std::nullopt},
      {Function::first_time, 10},
      {Function::last_time, 10},
      {Function::min_time, 10},
      {Function::max_time, 10},
  };
  for (const auto& [function, expected] : cases) {
    SCOPED_TRACE(static_cast<int>(function));
    EXPECT_EQ(at({function, 10'000, 0.5}, in, 10'000), expected);
    EXPECT_EQ(at({function, 10'000, 0.5}, in, 20'000), std::nullopt) << "left-open";
    EXPECT_EQ(at({function, 10'000, 0.5}, in, 9'999), std::nullopt);
    EXPECT_EQ(at({function, 10'000, 0.5}, {}, 10'000), std::nullopt);
  }
}

// Whatever instructions the processor has: the same bits.
TEST(Extrapolations, WideVectorsChangeNothing) {
  std::mt19937_64 random(3);
  const auto below = [&](std::uint64_t most) { return static_cast<double>(random() % most); };
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    Extrapolations windows;
    const std::size_t count = random() % Extrapolations::kMost + 1;
    for (std::size_t i = 0; i < count; ++i) {
      const TimeMs after = static_cast<TimeMs>(random() % 1'000);
      const TimeMs first = after + 1 + static_cast<TimeMs>(random() % 60'000);
      const TimeMs last = first + 1 + static_cast<TimeMs>(random() % 600'000);
      const TimeMs until = last + static_cast<TimeMs>(random() % 60'000);
      const double odd[] = {0, -1, kNan, kInf, -kInf};
      const double v_first = random() % 9 == 0 ? odd[random() % 5] : below(1'000) / 7;
      const double change = random() % 9 == 0 ? odd[random() % 5] : below(100'000) / 3 - 9;
      windows.add({first, last, v_first, random() % 40 + 2, {after, until}}, change);
    }
    EXPECT_EQ(windows.full(), count == Extrapolations::kMost);
    for (const bool counter : {false, true}) {
      windows.run(counter, 300, Extrapolations::Width::portable);
      const std::vector<double> want(windows.out(), windows.out() + count);
      windows.run(counter, 300);
      for (std::size_t i = 0; i < count; ++i) {
        const double got = windows.out()[i];
        EXPECT_TRUE(got == want[i] || (std::isnan(got) && std::isnan(want[i]))) << i;
      }
    }
  }
}

TEST(Window, LooksAtTheLastTwo) {
  const Samples in = seconds({{0, 1}, {10, 9}, {30, 4}, {50, 8}});
  EXPECT_EQ(at({Function::irate, 60'000}, in, 50'000), 0.2);
  EXPECT_EQ(at({Function::irate, 60'000}, in, 30'000), 0.2) << "a restart: 4 in 20 s";
  EXPECT_EQ(at({Function::idelta, 60'000}, in, 30'000), -5);
  EXPECT_EQ(at({Function::idelta, 20'000}, in, 50'000), std::nullopt);
}

TEST(Window, DeltaStartsFromTheSampleBefore) {
  const Samples in = seconds({{0, 10}, {10, 4}, {20, 7}});
  EXPECT_EQ(at({Function::delta, 10'000}, in, 20'000), 3);
  EXPECT_EQ(at({Function::delta, 20'000}, in, 20'000), -3);
  EXPECT_EQ(at({Function::delta, 10'000, 0, 9'999}, in, 20'000), 0) << "too long before";
  EXPECT_EQ(at({Function::delta, 60'000}, in, 20'000), -3) << "nothing before";
}

TEST(Window, ResetsAndChangesCountNeighbours) {
  const Samples in = seconds({{0, 3}, {10, 3}, {20, 1}, {30, 5}, {40, kNan}, {50, kNan}, {60, 2}});
  EXPECT_EQ(at({Function::resets, 100'000}, in, 60'000), 1) << "not by way of NaN";
  EXPECT_EQ(at({Function::changes, 100'000}, in, 60'000), 4);
  EXPECT_EQ(at({Function::resets, 10'000}, in, 20'000), 0) << "the fall lies outside";
}

TEST(Window, SpreadIsThePopulations) {
  const Samples in = seconds({{0, 2}, {1, 4}, {2, 4}, {3, 4}, {4, 5}, {5, 5}, {6, 7}, {7, 9}});
  EXPECT_EQ(at({Function::stdvar, 60'000}, in, 7'000), 4);
  EXPECT_EQ(at({Function::stddev, 60'000}, in, 7'000), 2);
  EXPECT_TRUE(std::isnan(at({Function::stddev, 60'000}, seconds({{1, kInf}}), 1'000).value()));
  const double third = 1.5990505637277868;
  EXPECT_EQ(at({Function::stdvar, 60'000}, seconds({{1, third}, {2, third}, {3, third}}), 3'000),
            0);
}

// A sum that has left the range of doubles does not come back; a mean does not leave.
TEST(Window, SumsThatOverflowAreAddedFromTheLeft) {
  const double huge = std::numeric_limits<double>::max();
  Samples in;
  for (int i = 0; i < 40; ++i) in.t.push_back(1'000 * i);
  for (int i = 0; i < 40; ++i) in.v.push_back(i % 4 < 2 ? huge : -huge);
  const Steps grid{3'000, 39'000, 1'000};
  for (const DurationMs range : {4'000, 8'000, 12'000}) {
    SCOPED_TRACE(range);
    const auto sums = run({Function::sum, range}, in, grid);
    const auto means = run({Function::avg, range}, in, grid);
    for (std::size_t i = 0; i < grid.count(); ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < in.t.size(); ++k) {
        if (in.t[k] > grid.at(i) - range && in.t[k] <= grid.at(i)) sum += in.v[k];
      }
      ASSERT_EQ(sums[i], sum) << i;
      ASSERT_LE(std::fabs(*means[i]), huge) << i;
    }
  }
  const auto whole = run({Function::avg, 40'000}, in, instant(39'000));
  EXPECT_NEAR(*whole[0] / huge, 0, 1e-12);
}

TEST(Window, AnOffsetMovesTheWindowNotTheStep) {
  const Samples in = seconds({{10, 1}, {20, 3}, {30, 5}});
  EXPECT_EQ(run({Function::sum, 20'000}, in, instant(40'000), 10'000)[0], 8);
  EXPECT_EQ(run({Function::sum, 20'000}, in, instant(0), -30'000)[0], 8);
  // predict_linear starts from the step: the line reaches 7 at 40 s.
  EXPECT_NEAR(run({Function::predict_linear, 30'000, 0}, in, instant(40'000), 10'000)[0].value(), 7,
              1e-12);
}

TEST(Window, ExtrapolatesWholeGapsHalfGapsAndToZero) {
  // Gaps of 10 s: an edge less than 11 s away is reached whole, one further away by 5 s.
  const Samples in = seconds({{100, 100}, {110, 110}, {120, 120}});
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 30'999}, in, 120'000).value(), 20 + 10.999);
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 31'000}, in, 120'000).value(), 20 + 5);
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 42'000}, in, 130'999).value(), 20 + 5 + 10.999);
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 42'000}, in, 131'000).value(), 20 + 5 + 5);
  // A restart inside: 30 − 100 + 120; the line from 100 meets zero far outside.
  const Samples restarted = seconds({{100, 100}, {110, 120}, {120, 30}});
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 20'001}, restarted, 120'000).value(),
                   50 * 20.001 / 20);
  // Negative values are no counter's start.
  const Samples negative = seconds({{100, -1}, {110, 9}});
  EXPECT_DOUBLE_EQ(at({Function::prom_increase, 20'000}, negative, 110'000).value(), 20);
  EXPECT_DOUBLE_EQ(at({Function::prom_rate, 20'000}, negative, 110'000).value(), 1);
}

TEST(Window, QuantilesSortNanLowestAlsoWhileSliding) {
  const Samples in = seconds({{1, kNan}, {2, 5}, {3, kNan}, {4, -1}, {5, 2}, {6, 8}});
  const auto row = run({Function::quantile, 6'000, 0.4}, in, {6'000, 9'000, 1'000});
  EXPECT_EQ(row[0], -1) << "NaN NaN −1 2 5 8";
  EXPECT_DOUBLE_EQ(*row[1], 0.8) << "NaN −1 2 5 8";
  EXPECT_TRUE(std::isnan(run({Function::quantile, 6'000, 0}, in, instant(6'000))[0].value()));
}

TEST(Window, AStepWithoutSamplesIsAGapInTheBitmap) {
  Samples in;
  for (int i = 0; i < 200; i += 2) {
    in.t.push_back(1'000 * i);
    in.v.push_back(kNan);
  }
  const auto row = run({Function::last, 1'000}, in, {0, 199'000, 1'000});
  for (std::size_t i = 0; i < row.size(); ++i) {
    ASSERT_EQ(row[i].has_value(), i % 2 == 0) << i;
    if (row[i]) {
      ASSERT_TRUE(std::isnan(*row[i]));
    }
  }
}

TEST(Window, AskingForNoStepsGivesNone) {
  EXPECT_TRUE(run({Function::sum, 1'000}, seconds({{1, 1}}), {2, 1, 1}).empty());
}

// What overflows depends on the order of addition; a grid gives what its instants give.
TEST(Window, SpreadsThatOverflowAreTheSameOverAGrid) {
  const double huge = std::numeric_limits<double>::max();
  Samples in;
  for (int i = 0; i < 60; ++i) {
    in.t.push_back(1'000 * i);
    in.v.push_back(i % 7 == 3 ? -huge : i % 5 == 1 ? huge : 1e160 * i);
  }
  const Steps grid{1'000, 59'000, 1'000};
  for (const DurationMs range : {6'000, 8'000, 20'000}) {
    SCOPED_TRACE(range);
    const auto row = run({Function::stdvar, range}, in, grid);
    for (std::size_t i = 0; i < grid.count(); ++i) {
      const double one = at({Function::stdvar, range}, in, grid.at(i)).value();
      ASSERT_EQ(std::isnan(*row[i]), std::isnan(one)) << i;
      if (!std::isnan(one)) {
        ASSERT_EQ(*row[i], one) << i;
      }
    }
  }
}

TEST(Window, AStepAsLongAsTheLookbackCounts) {
  const Samples in = seconds({{0, 1}, {10, 4}});
  EXPECT_EQ(at({Function::increase, 5'000, 0, 10'000}, in, 10'000), 3);
  EXPECT_EQ(at({Function::increase, 5'000, 0, 9'999}, in, 10'000), 0);
  EXPECT_EQ(at({Function::delta, 5'000, 0, 10'000}, in, 10'000), 3);
  EXPECT_EQ(at({Function::delta, 5'000, 0, 9'999}, in, 10'000), 0);
}

// Seen in the sign of zeros.
TEST(Window, OfEqualExtremesTheFirstStands) {
  const Samples zeros = seconds({{1, 0.0}, {2, -0.0}, {3, 0.0}});
  for (const Function function : {Function::min, Function::max}) {
    EXPECT_FALSE(std::signbit(at({function, 60'000}, zeros, 3'000).value()));
    EXPECT_TRUE(std::signbit(at({function, 2'000}, zeros, 3'000).value()));
  }
}

// Strides that double, against one after the other.
TEST(Walk, FindsTheFirstLaterSample) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 5'000; ++i) {
    std::vector<TimeMs> t;
    for (std::uint64_t n = random() % 200; n > 0; --n) {
      t.push_back((t.empty() ? 0 : t.back()) + 1 + static_cast<TimeMs>(random() % 4));
    }
    const TimeMs limit = static_cast<TimeMs>(random() % 600);
    // From before it, as in a walk.
    std::size_t want = 0;
    while (want < t.size() && t[want] <= limit) ++want;
    const std::size_t from = random() % (want + 1);
    ASSERT_EQ(first_later(t, from, limit), want) << t.size() << " from " << from;
  }
}

TEST(Walk, FindsEachFall) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t rare = 1 + random() % 200;
    std::vector<double> v;
    for (std::uint64_t n = random() % 300; n > 0; --n) {
      const double values[] = {-1, 0.0, -0.0, kNan, kInf, -kInf, 5e-324};
      v.push_back(random() % rare == 0 ? values[random() % std::size(values)] : 3);
    }
    std::vector<std::size_t> want;
    for (std::size_t k = 1; k < v.size(); ++k) {
      if (v[k] < v[k - 1]) want.push_back(k);
    }
    std::vector<std::size_t> got;
    for_each_fall(v, [&](std::size_t k) { got.push_back(k); });
    ASSERT_EQ(got, want);
  }
}

}  // namespace
}  // namespace hygge::windows
