#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

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

TEST_F(WindowOverView, RefusesAViewThatIsTooSmall) {
  const View view =
      db_->view({selector("requests_total").value()}, last(5min, kStart + 600'000)).value();
  const auto rows = window(view, 0, Window::rate(5min), instant(kStart + 600'000));
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(window(view, 1, Window::sum(1min), instant(kStart + 600'000)));
  EXPECT_TRUE(window(view, 0, Window::sum(1min), instant(kStart + 600'000)));
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
  EXPECT_EQ(cells[1].cell.increase, 59);
  EXPECT_EQ(cells[1].cell.v_last, 60);
  EXPECT_FALSE(downsample(view, 0, 0min));
}

}  // namespace
}  // namespace hygge
