#include "window/function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <vector>

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

// An independent evaluator: each window anew, straight from the definition.
std::optional<double> naive(const Spec& spec, const Samples& in, TimeMs at_ms) {
  std::vector<TimeMs> t;
  std::vector<double> v;
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < in.t.size(); ++i) {
    if (in.t[i] <= at_ms - spec.range_ms || in.t[i] > at_ms) continue;
    if (!first) first = i;
    t.push_back(in.t[i]);
    v.push_back(in.v[i]);
  }
  if (v.empty()) return std::nullopt;
  long double sum = 0;
  for (const double x : v) sum += x;
  const long double mean = sum / static_cast<long double>(v.size());
  std::vector<double> sorted = v;
  std::sort(sorted.begin(), sorted.end());
  switch (spec.function) {
    case Function::sum:
      return static_cast<double>(sum);
    case Function::avg:
      return static_cast<double>(mean);
    case Function::min:
      return sorted.front();
    case Function::max:
      return sorted.back();
    case Function::stddev: {
      long double m2 = 0;
      for (const double x : v) m2 += (x - mean) * (x - mean);
      return static_cast<double>(std::sqrt(m2 / static_cast<long double>(v.size())));
    }
    case Function::quantile: {
      const double rank = spec.parameter * static_cast<double>(sorted.size() - 1);
      const auto low = static_cast<std::size_t>(rank);
      const double part = rank - static_cast<double>(low);
      return sorted[low] * (1 - part) + sorted[std::min(low + 1, sorted.size() - 1)] * part;
    }
    case Function::increase: {
      double total = 0;
      for (std::size_t i = *first; i < *first + v.size(); ++i) {
        if (i == 0 || in.t[i] - in.t[i - 1] > spec.lookback_ms) continue;
        total += in.v[i] < in.v[i - 1] ? in.v[i] : in.v[i] - in.v[i - 1];
      }
      return total;
    }
    case Function::resets:
    case Function::changes: {
      double total = 0;
      for (std::size_t i = 1; i < v.size(); ++i) {
        total += spec.function == Function::resets ? v[i] < v[i - 1] : v[i] != v[i - 1];
      }
      return total;
    }
    default:
      return std::nullopt;
  }
}

TEST(WindowProperty, StreamedWindowsAreRecomputedWindows) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Samples in;
    TimeMs t = static_cast<TimeMs>(random() % 100'000) - 50'000;
    double counter = 0;
    for (int i = 0; i < 300; ++i) {
      t += static_cast<TimeMs>(random() % 20'000) + 1;
      counter = random() % 40 == 0 ? 0 : counter + static_cast<double>(random() % 10);
      in.t.push_back(t);
      in.v.push_back(counter);
    }
    const auto step = static_cast<DurationMs>(random() % 30'000) + 500;
    const auto range = static_cast<DurationMs>(random() % 600'000) + 1;
    const Steps steps{in.t[0] - 10'000, in.t[0] + 300 * step, step};
    for (const Function function :
         {Function::sum, Function::avg, Function::min, Function::max, Function::stddev,
          Function::quantile, Function::increase, Function::resets, Function::changes}) {
      SCOPED_TRACE(static_cast<int>(function));
      const Spec spec{function, range, 0.9, 60'000};
      const auto row = run(spec, in, steps);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto expected = naive(spec, in, steps.at(i));
        ASSERT_EQ(row[i].has_value(), expected.has_value()) << i;
        if (!expected) continue;
        const bool exact = function != Function::avg && function != Function::stddev &&
                           function != Function::quantile;
        ASSERT_NEAR(*row[i], *expected, exact ? 0 : 1e-9 * (1 + std::fabs(*expected))) << i;
      }
    }
  }
}

TEST(WindowProperty, IncreasesAddUp) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Samples in;
    TimeMs t = 0;
    for (int i = 0; i < 100; ++i) {
      in.t.push_back(t += static_cast<TimeMs>(random() % 50'000) + 1);
      in.v.push_back(static_cast<double>(random() % 100));
    }
    const auto a = static_cast<TimeMs>(random() % 1'000'000);
    const auto b = a + static_cast<TimeMs>(random() % 1'000'000) + 1;
    const auto c = b + static_cast<TimeMs>(random() % 1'000'000) + 1;
    const auto increase = [&](TimeMs from, TimeMs to) {
      return at({Function::increase, to - from, 0, 30'000}, in, to).value_or(0);
    };
    ASSERT_EQ(increase(a, c), increase(a, b) + increase(b, c));
  }
}

}  // namespace
}  // namespace hygge::windows
