// Cells over days whose samples have expired: what they were before, or said to be lost.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 5;
constexpr TimeMs kEnd = kDay0 + kDays * kDayMs;
constexpr TimeRange kAll{kDay0, kEnd};

// Days 0 to 2 expire, days 3 and 4 have samples.
class DownsampleExpired : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(Db::open(dir_ / "db", test::manual_options(kAll.until + kHourMs)).value());
    std::mt19937_64 random(1);
    Batch batch;
    double total = 0;
    for (TimeMs t = kDay0 + 1; t < kAll.until; t += 17'000) {
      total = random() % 500 == 0 ? 3 : total + static_cast<double>(random() % 40);
      batch.add({{"__name__", "requests_total"}}, t, total);
      batch.add({{"__name__", "temperature"}}, t, static_cast<double>(random() % 1'000));
    }
    // The newest sample, from which days are counted.
    batch.add({{"__name__", "requests_total"}}, kAll.until + kHourMs, total);
    batch.add({{"__name__", "temperature"}}, kAll.until + kHourMs, 0);
    ASSERT_TRUE(db_->write(batch));
    test::settle(*db_);
  }
  void expire() {
    ASSERT_TRUE(
        db_->set_retention(parse_retention("{__name__=~\".+\"} raw=2d 5m=90d 1h=90d\n").value()));
    test::settle(*db_);
    ASSERT_EQ(db_->stats()->days[2].expired_series, 2U);
    ASSERT_EQ(db_->stats()->days[3].expired_series, 0U);
  }
  SeriesCells cells(const char* name, std::chrono::milliseconds resolution,
                    TimeRange range = kAll) const {
    const auto out = downsample(db_->view({selector(name).value()}, range).value(), 0, resolution);
    EXPECT_EQ(out.value().size(), 1U);
    return out.value().at(0);
  }

  test::TempDir dir_;
  std::optional<Db> db_;
};

void expect_same(const SeriesCells& before, const SeriesCells& after) {
  ASSERT_EQ(before.cells.size(), after.cells.size());
  for (std::size_t i = 0; i < before.cells.size(); ++i) {
    SCOPED_TRACE(i);
    const Cell& a = before.cells[i].cell;
    const Cell& b = after.cells[i].cell;
    EXPECT_EQ(before.cells[i].start_ms, after.cells[i].start_ms);
    EXPECT_EQ(a.n, b.n);
    EXPECT_EQ(a.t_first_ms, b.t_first_ms);
    EXPECT_EQ(a.v_last, b.v_last);
    EXPECT_EQ(a.counter, b.counter);
    EXPECT_EQ(a.resets, b.resets);
    EXPECT_EQ(a.fallen, b.fallen);
    if (!after.parts.spread) continue;
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.t_max_ms, b.t_max_ms);
    EXPECT_EQ(a.sum_value(), b.sum_value());
    EXPECT_NEAR(*a.stdvar(), *b.stdvar(), 1e-6);
  }
}

// 5 m and 1 h stand there, 6 h are merged; 7 h cross midnights, and the last day that expired.
TEST_F(DownsampleExpired, CellsAreThoseOfBefore) {
  const std::chrono::milliseconds resolutions[] = {5min, 15min, 1h, 6h, 7h, 24h};
  const char* const names[] = {"requests_total", "temperature"};
  std::vector<SeriesCells> before;
  for (const char* name : names) {
    for (const auto resolution : resolutions) before.push_back(cells(name, resolution));
  }
  EXPECT_TRUE(before[0].parts.regression) << "samples tell everything";
  expire();
  std::size_t next = 0;
  for (const char* name : names) {
    for (const auto resolution : resolutions) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(resolution.count()));
      const SeriesCells after = cells(name, resolution);
      expect_same(before[next++], after);
      EXPECT_TRUE(after.lost.empty());
      EXPECT_EQ(after.parts.spread, name == std::string("temperature")) << "counters are slim";
      EXPECT_FALSE(after.parts.regression);
    }
  }
}

TEST_F(DownsampleExpired, WhatNoTierTellsIsLost) {
  expire();
  const SeriesCells odd = cells("temperature", 7min);
  ASSERT_EQ(odd.lost.size(), 1U);
  EXPECT_EQ(odd.lost[0].after, kDay0);
  EXPECT_EQ(odd.lost[0].until, kDay0 + 3 * kDayMs);
  ASSERT_FALSE(odd.cells.empty());
  EXPECT_GE(odd.cells[0].cell.t_first_ms, kDay0 + 3 * kDayMs);
}

TEST_F(DownsampleExpired, WhatTheRangeCutsIsLost) {
  expire();
  const TimeMs begin = kDay0 + kHourMs + 1;
  const TimeMs end = kDay0 + 3 * kHourMs - 1;
  const SeriesCells cut = cells("temperature", 1h, {begin, end});
  // Of 5 m the first and the last are cut.
  ASSERT_EQ(cut.lost.size(), 2U);
  EXPECT_EQ(cut.lost[0].after, begin);
  EXPECT_EQ(cut.lost[0].until, kDay0 + kHourMs + 5 * kMinuteMs);
  EXPECT_EQ(cut.lost[1].after, kDay0 + 3 * kHourMs - 5 * kMinuteMs);
  EXPECT_EQ(cut.lost[1].until, end);
  ASSERT_EQ(cut.cells.size(), 2U);
  EXPECT_GT(cut.cells[0].cell.t_first_ms, cut.lost[0].until);
  EXPECT_LE(cut.cells[1].cell.t_last_ms, cut.lost[1].after);
  EXPECT_EQ(cut.cells[0].cell.n, 194U);
  const SeriesCells nothing = cells("temperature", 5min, {begin, begin + kMinuteMs});
  EXPECT_TRUE(nothing.cells.empty());
  ASSERT_EQ(nothing.lost.size(), 1U);
  EXPECT_EQ(nothing.lost[0].after, begin);
}

}  // namespace
}  // namespace hygge
