// Windows over the columns of cells, against the samples.
#include "window/cell_windows.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/window/oracle.h"
#include "tests/window/random_series.h"
#include "window/cell_builder.h"

namespace hygge::windows {
namespace {

using test::Samples;

struct Answer {
  explicit Answer(std::size_t steps) : v(steps), valid((steps + 63) / 64) {}
  [[nodiscard]] RowOut out() { return {v, valid}; }
  [[nodiscard]] bool has(std::size_t step) const {
    return ((valid[step / 64] >> (step % 64)) & 1U) != 0;
  }
  std::vector<double> v;
  std::vector<std::uint64_t> valid;
};

// Windows that begin and end where cells do, and such that do not lie among the cells wholly:
// before the first, behind the last, over holes.
TEST(CellWindowsProperty, CountsAnswerAsSamplesDo) {
  std::size_t answers = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t most) {
      return static_cast<std::int64_t>(random() % most);
    };
    const Samples in = test::RandomSeries(random).make(random() % 400 + 1);
    const DurationMs cell_ms = (below(8) + 1) * 15'000;
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, cell_ms, cells);
    CellCounts counts;
    for (const TimedCell& cell : cells) counts.push_back(cell);

    const DurationMs offset_ms = below(3) * 1'000;
    const TimeMs start_ms = cells[0].start_ms + offset_ms + (below(20) - 5) * cell_ms;
    const DurationMs step_ms = (below(2) == 0 ? 1 : below(4) + 1) * cell_ms;
    const Steps grid{start_ms, start_ms + below(150) * step_ms, step_ms};
    const DurationMs range_ms = (below(12) + 1) * cell_ms;
    for (const Function function :
         {Function::prom_rate, Function::prom_increase, Function::prom_delta, Function::count}) {
      SCOPED_TRACE(static_cast<int>(function));
      const Spec spec{function, range_ms, 0, 0};
      Answer got(grid.count());
      evaluate(spec, counts, grid, offset_ms, got.out());
      for (std::size_t step = 0; step < grid.count(); ++step) {
        const auto expected = test::Oracle(spec, in, grid.at(step), offset_ms).answer();
        ASSERT_EQ(got.has(step), expected.has_value()) << step;
        if (!expected) continue;
        ++answers;
        ASSERT_TRUE(expected->fits(got.v[step])) << step << ": " << got.v[step] << ", not "
                                                 << expected->value << " ± " << expected->bound;
      }
    }
  }
  EXPECT_GT(answers, 20'000U);
}

}  // namespace
}  // namespace hygge::windows
