// Streamed windows against recomputation by an independent evaluator, over random series.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/window/oracle.h"
#include "tests/window/random_series.h"
#include "window/function.h"

namespace hygge::windows {
namespace {

using test::Oracle;
using test::RandomSeries;
using test::Samples;

constexpr int kFunctions = static_cast<int>(Function::max_time) + 1;
constexpr double kQuantiles[] = {0, 0.5, 0.9, 0.99, 1, -0.1, 1.1};

struct Row {
  std::vector<double> v;
  std::vector<std::uint64_t> valid;

  Row(const Spec& spec, const Samples& in, const Steps& grid, DurationMs offset_ms = 0)
      : v(grid.count()), valid((grid.count() + 63) / 64) {
    evaluate(spec, in.t, in.v, grid, offset_ms, {v, valid});
  }
  [[nodiscard]] bool has(std::size_t i) const { return (valid[i / 64] >> (i % 64) & 1U) != 0; }
};

void expect_recomputed(const Spec& spec, const Samples& in, const Steps& grid,
                       DurationMs offset_ms) {
  const Row row(spec, in, grid, offset_ms);
  for (std::size_t i = 0; i < grid.count(); ++i) {
    const auto expected = Oracle(spec, in, grid.at(i), offset_ms).answer();
    ASSERT_EQ(row.has(i), expected.has_value()) << "step " << i;
    if (!expected) continue;
    ASSERT_TRUE(expected->fits(row.v[i])) << "step " << i << ": " << row.v[i] << ", not "
                                          << expected->value << " ± " << expected->bound;
  }
}

TEST(WindowProperty, StreamedWindowsAreRecomputedWindows) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = RandomSeries(random).make(random() % 90 + 1);
    const auto span = static_cast<std::uint64_t>(in.t.back() - in.t.front() + 60'000);
    const auto step = static_cast<DurationMs>(random() % (span / 20)) + 1;
    // From windows shorter than the step to such that hold everything.
    const auto range = static_cast<DurationMs>(random() % (random() % 2 == 0 ? span : span / 16));
    const TimeMs start_ms = in.t.front() - static_cast<TimeMs>(random() % 100'000);
    const Steps grid{start_ms, start_ms + 70 * step, step};
    const DurationMs offset_ms =
        random() % 2 == 0 ? 0 : static_cast<DurationMs>(random() % 100'000) - 50'000;
    const double parameter = kQuantiles[random() % std::size(kQuantiles)];
    const DurationMs lookback_ms = random() % 2 == 0 ? kHourMs : 20'000;
    for (int function = 0; function < kFunctions; ++function) {
      SCOPED_TRACE(function);
      const Spec spec{static_cast<Function>(function), range + 1, parameter, lookback_ms};
      expect_recomputed(spec, in, grid, offset_ms);
      if (HasFatalFailure()) return;
    }
  }
}

// One question over a grid is many questions over instants.
TEST(WindowProperty, AStepOfAGridIsTheInstant) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = RandomSeries(random).make(200);
    const Steps grid{in.t[0], in.t[0] + 50 * 30'000, 30'000};
    for (const Function function : {Function::min, Function::max, Function::quantile,
                                    Function::changes, Function::resets, Function::prom_rate}) {
      SCOPED_TRACE(static_cast<int>(function));
      const Spec spec{function, 300'000, 0.75};
      const Row row(spec, in, grid);
      for (std::size_t i = 0; i < grid.count(); ++i) {
        const Row one(spec, in, instant(grid.at(i)));
        ASSERT_EQ(row.has(i), one.has(0));
        if (!row.has(i)) continue;
        ASSERT_TRUE(test::Expected{one.v[0]}.fits(row.v[i])) << i;
      }
    }
  }
}

// increase(a, c] = increase(a, b] + increase(b, c], whatever the gaps, restarts and NaN.
TEST(WindowProperty, IncreasesAddUp) {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Samples in = RandomSeries(random).make(120);
    for (double& v : in.v) v = std::floor(std::fmod(v, 1e6));  // sums below 2^53
    const auto lookback_ms = static_cast<DurationMs>(random() % 30'000);
    const auto step = static_cast<DurationMs>(random() % 600'000) + 1;
    const Steps grid{in.t[0] - 1 + step, in.t[0] - 1 + 20 * step, step};
    const Spec piece{Function::increase, step, 0, lookback_ms};
    const Row pieces(piece, in, grid);
    for (std::size_t from = 0; from < 20; from += 3) {
      double sum = 0;
      for (std::size_t i = from; i < 20; ++i) sum += pieces.has(i) ? pieces.v[i] : 0;
      const auto range = static_cast<DurationMs>(20 - from) * step;
      const Row whole({Function::increase, range, 0, lookback_ms}, in, instant(grid.at(19)));
      ASSERT_EQ(whole.has(0) ? whole.v[0] : 0, sum) << from;
    }
  }
}

}  // namespace
}  // namespace hygge::windows
