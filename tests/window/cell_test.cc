#include <gtest/gtest.h>
#include <hygge/cell.h>

#include <cmath>
#include <random>
#include <vector>

#include "window/function.h"

namespace hygge {
namespace {

double over(windows::Function function, const std::vector<TimeMs>& t,
            const std::vector<double>& v) {
  std::vector<double> out(1);
  std::vector<std::uint64_t> valid(1);
  // One window around everything; nothing lies before it.
  windows::evaluate({function, t.back() - t.front() + 1}, t, v, instant(t.back()), 0, {out, valid});
  return out[0];
}

TEST(CellProperty, CellsMergedAnyWayAreTheFunctionsOverTheSamples) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<TimeMs> t;
    std::vector<double> v;
    Cell merged;
    Cell current;
    TimeMs now = 0;
    double scale = 0;
    for (std::uint64_t i = random() % 60 + 1; i > 0; --i) {
      t.push_back(now += static_cast<TimeMs>(random() % 1'000) + 1);
      v.push_back(static_cast<double>(random() % 50) - 10);
      scale = std::max(scale, std::fabs(v.back()));
      current.add({t.back(), v.back()});
      if (random() % 5 == 0) current.add({now, stale_marker()});
      if (random() % 4 != 0) continue;
      merged.merge(current);
      current = Cell();
    }
    merged.merge(current);
    using windows::Function;
    ASSERT_EQ(merged.n, t.size());
    EXPECT_EQ(merged.increase, over(Function::increase, t, v));
    EXPECT_EQ(static_cast<double>(merged.resets), over(Function::resets, t, v));
    EXPECT_EQ(static_cast<double>(merged.changes), over(Function::changes, t, v));
    EXPECT_EQ(merged.min, over(Function::min, t, v));
    EXPECT_EQ(merged.max, over(Function::max, t, v));
    EXPECT_EQ(merged.v_first, over(Function::first, t, v));
    EXPECT_EQ(merged.v_last, over(Function::last, t, v));
    EXPECT_EQ(merged.sum_value(), over(Function::sum, t, v));
    EXPECT_NEAR(*merged.stdvar(), over(Function::stdvar, t, v), 1e-12 * scale * scale + 1e-300);
    if (t.size() < 2) continue;
    EXPECT_EQ(merged.t_before_last_ms, t[t.size() - 2]);
    EXPECT_EQ(merged.v_before_last, v[v.size() - 2]);
  }
}

TEST(Cell, AStalenessMarkerIsNoSampleButIsRemembered) {
  Cell cell;
  cell.add({1, 5});
  cell.add({2, stale_marker()});
  EXPECT_EQ(cell.n, 1U);
  EXPECT_TRUE(cell.stale_at_end);
  cell.add({3, 6});
  EXPECT_FALSE(cell.stale_at_end);
  EXPECT_TRUE(Cell().empty());
  EXPECT_FALSE(Cell().avg());
}

TEST(Cell, ItsMeanSurvivesASumThatOverflows) {
  Cell cell;
  cell.add({1, 1.7e308});
  cell.add({2, 1.7e308});
  EXPECT_DOUBLE_EQ(*cell.avg(), 1.7e308);
}

}  // namespace
}  // namespace hygge
