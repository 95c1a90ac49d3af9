#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kStart = 1'767'225'600'000;

class WindowOverView : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.create_if_missing = true;
    options.maintenance = Maintenance::manual;
    db_.emplace(Db::open(dir_ / "db", options).value());
    Batch batch;
    for (int i = 0; i <= 720; ++i) {  // an hour, every 5 s
      batch.add({{"__name__", "requests_total"}, {"code", "200"}}, kStart + i * 5'000, i);
      if (i >= 360) {
        batch.add({{"__name__", "requests_total"}, {"code", "500"}}, kStart + i * 5'000, 2 * i);
      }
    }
    batch.add({{"__name__", "requests_total"}, {"code", "500"}}, kStart + 3'601'000,
              stale_marker());
    ASSERT_TRUE(db_->write(batch));
  }
  test::TempDir dir_;
  std::optional<Db> db_;
};

TEST_F(WindowOverView, CountsExactlyFromHeadAndStore) {
  for (const bool stored : {false, true}) {
    SCOPED_TRACE(stored);
    if (stored) {
      ASSERT_TRUE(db_->flush());
    }
    const Window five = Window::increase(5min);
    const Steps hour = steps(kStart + 600'000, kStart + 3'600'000, 5min);
    const View view =
        db_->view({selector("requests_total").value()}, range_for(five, hour)).value();
    const Rows rows = window(view, 0, five, hour).value();
    ASSERT_EQ(rows.rows.size(), 2U);
    for (std::size_t i = 0; i < hour.count(); ++i) EXPECT_EQ(rows.rows[0].v[i], 60);
    EXPECT_FALSE(rows.rows[1].has(0));
    EXPECT_EQ(rows.rows[1].v.back(), 120);
    EXPECT_EQ(rows.rows[1].labels.get("code"), "500");
  }
}

TEST_F(WindowOverView, RefusesAViewThatIsTooSmallAndNamesTheRangeThatWouldDo) {
  const TimeMs now = kStart + 600'000;
  const View view = db_->view({selector("requests_total").value()}, last(5min, now)).value();
  const auto rows = window(view, 0, Window::rate(5min), instant(now));
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::invalid_argument);
  const TimeRange needed = range_for(Window::rate(5min), instant(now));
  EXPECT_EQ(needed, (TimeRange{now - 65 * kMinuteMs, now})) << "range and lookback";
  EXPECT_NE(rows.error().message.find(std::to_string(needed.after)), std::string::npos);
  EXPECT_TRUE(window(view, 0, Window::sum(5min), instant(now)));
  EXPECT_FALSE(window(view, 0, Window::sum(5min), instant(now + 1)));
  EXPECT_FALSE(window(view, 0, Window::sum(5min), instant(now - 1)));
}

TEST_F(WindowOverView, RefusesWhatMakesNoSense) {
  const View view = db_->view({selector("requests_total").value()}, everything()).value();
  const TimeMs far = std::numeric_limits<TimeMs>::max();
  const std::tuple<std::size_t, Window, Steps, ErrorCode> cases[] = {
      {1, Window::sum(1min), instant(kStart), ErrorCode::invalid_argument},
      {0, Window::sum(0min), instant(kStart), ErrorCode::invalid_argument},
      {0, Window::increase(1min, -1min), instant(kStart), ErrorCode::invalid_argument},
      {0, Window::sum(1min), {kStart, kStart + 1, 0}, ErrorCode::invalid_argument},
      {0, Window::sum(1min), {kStart, kStart + 1, -1}, ErrorCode::invalid_argument},
      {0, Window::sum(1min), instant(far), ErrorCode::out_of_range},
      {0, Window::sum(1min), instant(-far), ErrorCode::out_of_range},
      {0, Window::sum(Window::Ms(far)), instant(kStart), ErrorCode::out_of_range},
      {0, Window::rate(Window::Ms(far), Window::Ms(far)), instant(0), ErrorCode::out_of_range},
      {0, Window::sum(1min), {kStart, kMaxTimeMs, 1}, ErrorCode::limit},
  };
  for (const auto& [index, function, grid, code] : cases) {
    const auto rows = window(view, index, function, grid);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, code) << rows.error().message;
    EXPECT_LE(range_for(function, grid).after, grid.start_ms) << "saturates";
  }
  EXPECT_TRUE(window(view, 0, Window::sum(1min), {kStart, kStart - 1, 1})->rows.empty());
}

// Every factory reaches its own function: 24 samples, 5 s apart, rising by 1.
TEST_F(WindowOverView, EveryFunctionAnswers) {
  const View view =
      db_->view({selector("requests_total{code=\"200\"}").value()}, everything()).value();
  const std::pair<Window, double> cases[] = {
      {Window::last(2min), 120},
      {Window::first(2min), 97},
      {Window::count(2min), 24},
      {Window::present(2min), 1},
      {Window::sum(2min), 24 * 108.5},
      {Window::avg(2min), 108.5},
      {Window::min(2min), 97},
      {Window::max(2min), 120},
      {Window::stdvar(2min), (24 * 24 - 1) / 12.0},
      {Window::stddev(2min), std::sqrt((24 * 24 - 1) / 12.0)},
      {Window::quantile(0.5, 2min), 108.5},
      {Window::changes(2min), 23},
      {Window::resets(2min), 0},
      {Window::increase(2min), 24},
      {Window::increase(2min, 4999ms), 0},
      {Window::rate(2min), 0.2},
      {Window::delta(2min), 24},
      {Window::deriv(2min), 0.2},
      {Window::predict_linear(10s, 2min), 122},
      {Window::irate(2min), 0.2},
      {Window::idelta(2min), 1},
      {Window::prom_increase(2min), 24},
      {Window::prom_rate(2min), 0.2},
      {Window::prom_delta(2min), 24},
  };
  for (const auto& [function, expected] : cases) {
    SCOPED_TRACE(static_cast<int>(function.function()));
    const Rows rows = window(view, 0, function, instant(kStart + 600'000)).value();
    ASSERT_EQ(rows.rows.size(), 1U);
    EXPECT_TRUE(rows.rows[0].has(0));
    EXPECT_NEAR(rows.rows[0].v[0], expected, 1e-9);
  }
}

TEST_F(WindowOverView, StalenessMarkersAreNoSamples) {
  const View view =
      db_->view({selector("requests_total{code=\"500\"}").value()}, everything()).value();
  const TimeMs end = kStart + 3'601'000;
  EXPECT_EQ(window(view, 0, Window::last(1min), instant(end))->rows[0].v[0], 1'440);
  EXPECT_EQ(window(view, 0, Window::count(6s), instant(end))->rows[0].v[0], 1);
  EXPECT_TRUE(window(view, 0, Window::count(1s), instant(end))->rows.empty());
  const auto cells = downsample(view, 0, 5min).value()[0].cells;
  EXPECT_EQ(cells.back().cell.n, 0U);
  EXPECT_TRUE(cells.back().cell.stale_at_end);
  EXPECT_FALSE(cells[cells.size() - 2].cell.stale_at_end);
}

TEST_F(WindowOverView, DownsamplesIntoAlignedCells) {
  const View view =
      db_->view({selector("requests_total{code=\"200\"}").value()}, everything()).value();
  const auto series = downsample(view, 0, 5min).value();
  ASSERT_EQ(series.size(), 1U);
  const auto& cells = series[0].cells;
  // The sample on the start belongs to the cell that ends there.
  ASSERT_EQ(cells.size(), 13U);
  EXPECT_EQ(cells[0].cell.n, 1U);
  EXPECT_EQ(cells[1].start_ms, kStart);
  EXPECT_EQ(cells[1].cell.n, 60U);
  EXPECT_EQ(cells[1].cell.counter.increase, 59);
  EXPECT_EQ(cells[1].cell.v_last, 60);
  EXPECT_FALSE(downsample(view, 0, 0min));
  EXPECT_FALSE(downsample(view, 1, 5min));
}

TEST_F(WindowOverView, CellsHoldWhatTheViewCovers) {
  const TimeRange range{kStart + 450'000, kStart + 1'000'000};
  const View view = db_->view({selector("requests_total{code=\"200\"}").value()}, range).value();
  const auto cells = downsample(view, 0, 5min).value()[0].cells;
  ASSERT_EQ(cells.size(), 3U);
  EXPECT_EQ(cells[0].start_ms, kStart + 300'000);
  EXPECT_EQ(cells[0].cell.n, 30U);
  EXPECT_EQ(cells[0].cell.v_first, 91);
  EXPECT_EQ(cells[1].cell.n, 60U);
  EXPECT_EQ(cells[2].cell.n, 20U);
}

}  // namespace
}  // namespace hygge
