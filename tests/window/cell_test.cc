#include <gtest/gtest.h>
#include <hygge/cell.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/window/oracle.h"
#include "tests/window/random_series.h"
#include "window/cell_functions.h"
#include "window/function.h"

namespace hygge::windows {
namespace {

using test::Samples;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Cell cell_of(const std::vector<Sample>& samples) {
  Cell cell;
  for (const Sample& sample : samples) cell.add(sample);
  return cell;
}

// Merges neighbours in a random order, so that every shape of tree occurs.
Cell merge_any_way(std::vector<Cell> cells, DurationMs lookback_ms, std::mt19937_64& random) {
  if (cells.empty()) return {};
  while (cells.size() > 1) {
    const std::size_t at = random() % (cells.size() - 1);
    cells[at].merge(cells[at + 1], lookback_ms);
    cells.erase(cells.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  return cells[0];
}

TEST(CellProperty, FunctionsOverCellsAreFunctionsOverSamples) {
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = test::RandomSeries(random).make(random() % 60 + 1);
    const auto resolution_ms = static_cast<DurationMs>(random() % 120'000) + 1;
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, resolution_ms, cells);

    // A window of whole cells.
    const auto count = static_cast<DurationMs>(random() % 40) + 1;
    const TimeMs end_ms = cells[random() % cells.size()].start_ms + resolution_ms;
    const TimeMs start_ms = end_ms - count * resolution_ms;
    const DurationMs lookback_ms = resolution_ms + static_cast<DurationMs>(random() % 100'000);
    std::vector<Cell> inside;
    std::vector<Cell> earlier;
    for (const TimedCell& cell : cells) {
      if (cell.start_ms < end_ms) {
        (cell.start_ms < start_ms ? earlier : inside).push_back(cell.cell);
      }
    }
    const Cell window = merge_any_way(inside, lookback_ms, random);
    const Cell before = merge_any_way(earlier, lookback_ms, random);
    const TimeMs at_ms = end_ms + static_cast<TimeMs>(random() % 1'000);
    for (int function = 0; function <= static_cast<int>(Function::max_time); ++function) {
      SCOPED_TRACE(function);
      const Spec spec{static_cast<Function>(function), end_ms - start_ms, 30, lookback_ms};
      if (!cells_suffice(spec.function)) continue;
      const auto expected = test::Oracle(spec, in, at_ms, at_ms - end_ms).answer();
      const auto got = apply(spec, window, before, end_ms, at_ms);
      ASSERT_EQ(got.has_value(), expected.has_value());
      if (!expected) continue;
      ASSERT_TRUE(expected->fits(*got))
          << *got << ", not " << expected->value << " ± " << expected->bound;
    }
  }
}

TEST(Cell, HoldsWhatASealedIntervalMustAnswer) {
  const Cell cell =
      cell_of({{1'000, 5}, {2'000, 9}, {3'000, 2}, {4'000, 2}, {5'000, 9}, {6'000, 9}});
  EXPECT_EQ(cell.n, 6U);
  EXPECT_EQ(cell.t_first_ms, 1'000);
  EXPECT_EQ(cell.v_first, 5);
  EXPECT_EQ(cell.t_last_ms, 6'000);
  EXPECT_EQ(cell.v_last, 9);
  EXPECT_EQ(cell.t_before_last_ms, 5'000);
  EXPECT_EQ(cell.v_before_last, 9);
  EXPECT_EQ(cell.counter.increase, 4 + 2 + 7);
  EXPECT_EQ(cell.resets, 1U);
  EXPECT_EQ(cell.fallen, 9);
  EXPECT_EQ(cell.changes, 3U);
  EXPECT_EQ(cell.min, 2);
  EXPECT_EQ(cell.t_min_ms, 4'000) << "the last of equal values";
  EXPECT_EQ(cell.max, 9);
  EXPECT_EQ(cell.t_max_ms, 6'000);
  EXPECT_EQ(cell.sum_value(), 36);
  EXPECT_DOUBLE_EQ(*cell.avg(), 6);
  EXPECT_DOUBLE_EQ(*cell.stdvar(), 10);
  EXPECT_DOUBLE_EQ(cell.t_mean, 2.5);
  EXPECT_DOUBLE_EQ(cell.t_m2, 17.5);
  EXPECT_DOUBLE_EQ(cell.tv_m2, 10);
}

TEST(Cell, AStalenessMarkerIsNoSampleButIsRemembered) {
  Cell cell;
  cell.add({1, 5});
  cell.add({2, stale_marker()});
  EXPECT_EQ(cell.n, 1U);
  EXPECT_TRUE(cell.stale_at_end);
  Cell later = cell_of({{3, 6}});
  Cell both = cell;
  both.merge(later);
  EXPECT_FALSE(both.stale_at_end);
  later.merge(Cell());
  EXPECT_FALSE(later.stale_at_end);
  const Cell marker = cell_of({{4, stale_marker()}});
  EXPECT_TRUE(marker.empty());
  later.merge(marker);
  EXPECT_TRUE(later.stale_at_end);
  EXPECT_EQ(later.n, 1U);
  EXPECT_FALSE(Cell().avg());
  EXPECT_FALSE(Cell().stdvar());
}

TEST(Cell, ExtremesAreNanOnlyIfAllAre) {
  const Cell mixed = cell_of({{1, kNan}, {2, 3}, {3, kNan}, {4, -1}});
  EXPECT_EQ(mixed.max, 3);
  EXPECT_EQ(mixed.t_max_ms, 2);
  EXPECT_EQ(mixed.min, -1);
  EXPECT_EQ(mixed.t_min_ms, 4);
  EXPECT_TRUE(std::isnan(cell_of({{1, kNan}, {2, kNan}}).max));
}

TEST(Cell, ItsMeanSurvivesASumThatOverflows) {
  EXPECT_DOUBLE_EQ(*cell_of({{1, 1.7e308}, {2, 1.7e308}}).avg(), 1.7e308);
  EXPECT_EQ(*cell_of({{1, kInf}, {2, 1}}).avg(), kInf);
}

TEST(Cell, AStepLongerThanTheLookbackCountsNothing) {
  const Cell later = cell_of({{100, 7}, {110, 9}});
  Cell within = cell_of({{0, 4}});
  within.merge(later, 100);
  EXPECT_EQ(within.counter.increase, 5);
  Cell beyond = cell_of({{0, 4}});
  beyond.merge(later, 99);
  EXPECT_EQ(beyond.counter.increase, 2);
}

TEST(Cell, IntervalsAreLeftOpenAtAnySign) {
  std::vector<TimedCell> cells;
  const std::vector<TimeMs> t = {-20, -19, -10, -9, 0, 1, 10, 11, 30};
  const std::vector<double> v(t.size(), 1);
  add_to_cells(t, v, 10, cells);
  std::vector<std::pair<TimeMs, std::uint64_t>> got;
  for (const TimedCell& cell : cells) got.emplace_back(cell.start_ms, cell.cell.n);
  const std::vector<std::pair<TimeMs, std::uint64_t>> expected = {{-30, 1}, {-20, 2}, {-10, 2},
                                                                  {0, 2},   {10, 1},  {20, 1}};
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace hygge::windows
