// Windows over samples without decoding the chunks that lie whole in them: to the bit what decoding
// gives, over sealed, late, open and deleted data.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <bit>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/query/functions.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 5;
using Ms = std::chrono::milliseconds;
using windows::Function;

// Drawn from.
constexpr Function kFunctions[] = {
    Function::last,      Function::first, Function::count,     Function::present,
    Function::min,       Function::max,   Function::resets,    Function::increase,
    Function::rate,      Function::delta, Function::prom_rate, Function::prom_increase,
    Function::prom_delta};

class Chunks : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(Db::open(dir_ / "db", test::manual_options(kDay0 + kDays * kDayMs)).value());
    ASSERT_TRUE(db_->set_rollups(parse_rollups("{__name__=~\".+\"} none\n").value()));
    for (const char* name : {"counter", "fractions", "restless", "plateaus", "constant", "zeros",
                             "special", "gauge", "falling"}) {
      write(name, std::string_view(name) == "special" ? 40'000 : 20'000);
    }
    write("sparse", 50 * kMinuteMs);
    test::settle(*db_);
  }
  double value(const std::string& name) {
    const auto below = [&](std::uint64_t limit) { return static_cast<double>(random_() % limit); };
    if (name == "counter") return v_ = random_() % 5'000 == 0 ? below(20) : v_ + below(50);
    if (name == "fractions") return v_ = random_() % 3'000 == 0 ? 0 : v_ + below(1'003) / 1'003;
    if (name == "restless") return v_ = random_() % 300 == 0 ? 0.1 : v_ + below(1'003) / 1'003;
    if (name == "plateaus") return v_ = random_() % 3'000 == 0 ? below(5) - 2 : v_;
    if (name == "constant") return 0.1;
    if (name == "zeros") return random_() % 2'000 == 0 ? -1 : random_() % 2 == 0 ? 0.0 : -0.0;
    if (name == "special") {
      constexpr double kInf = std::numeric_limits<double>::infinity();
      const double odd[] = {kInf, -kInf, std::numeric_limits<double>::quiet_NaN(), stale_marker()};
      if (random_() % 1'500 == 0) odd_until_ = random_() % 4;
      return random_() % 40 == 0 && odd_until_ < 4 ? odd[odd_until_] : v_ += below(3);
    }
    if (name == "falling") return v_ -= below(3);
    if (name == "sparse") return v_ += below(9);
    return below(2'000) / 10 - 100;
  }
  void write(const std::string& name, DurationMs every_ms) {
    v_ = 0;
    Batch batch;
    for (TimeMs t = kDay0 + 7; t < kDay0 + kDays * kDayMs - kHourMs; t += every_ms) {
      if (random_() % 2'000 == 0) t += static_cast<TimeMs>(random_() % (3 * kHourMs));
      batch.add({{"__name__", name}}, t, value(name));
    }
    ASSERT_TRUE(db_->write(batch));
  }
  // Every series' answer, bit for bit that of the samples.
  void compare(std::uint64_t seeds) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937_64 random(seed);
      const auto below = [&](DurationMs limit) {
        return static_cast<DurationMs>(random() % static_cast<std::uint64_t>(limit));
      };
      const DurationMs unit = random() % 2 == 0 ? 1 : kHourMs;
      // Days of samples before the first cut, so that it shows that there are no cells.
      const DurationMs range = 2 * kDayMs + below(3 * kDayMs) / unit * unit;
      const TimeMs first = (kDay0 + kDayMs + below((kDays - 1) * kDayMs)) / unit * unit;
      const Steps grid{first, first + below(4) * (kDayMs + 1), kDayMs + 1};
      const Function name = kFunctions[random() % std::size(kFunctions)];
      SCOPED_TRACE(static_cast<int>(name));
      const Ms lookback{random() % 2 == 0 ? kHourMs : 20 * kHourMs};
      const Window function = window_of(name, range, lookback);
      const View view = db_->view({Selector{}}, range_for(function, grid)).value();
      const Rows raw = window(view, 0, function, grid, 0).value();
      const Rows got = window(view, 0, function, grid).value();
      EXPECT_EQ(raw.chunks_skipped, 0U);
      skipped_ += got.chunks_skipped;
      EXPECT_GE(got.samples_skipped, got.chunks_skipped > 0 ? 1U : 0U);
      EXPECT_EQ(got.tiers, raw.tiers);
      ASSERT_EQ(got.rows.size(), raw.rows.size());
      for (std::size_t i = 0; i < raw.rows.size(); ++i) {
        SCOPED_TRACE(to_string(raw.rows[i].labels));
        ASSERT_EQ(got.rows[i].labels, raw.rows[i].labels);
        ASSERT_EQ(got.rows[i].valid, raw.rows[i].valid);
        for (std::size_t step = 0; step < grid.count(); ++step) {
          ASSERT_EQ(std::bit_cast<std::uint64_t>(got.rows[i].v[step]),
                    std::bit_cast<std::uint64_t>(raw.rows[i].v[step]))
              << got.rows[i].v[step] << ", not " << raw.rows[i].v[step];
        }
      }
    }
  }

  test::TempDir dir_;
  std::optional<Db> db_;
  std::mt19937_64 random_{7};
  double v_ = 0;
  std::uint64_t odd_until_ = 4;
  std::uint64_t skipped_ = 0;
};

TEST_F(Chunks, ThatLieWholeInWindowsAreNotDecodedAndTheAnswersAreTheSame) {
  ASSERT_NO_FATAL_FAILURE(compare(120));
  EXPECT_GT(skipped_, 1'000U);
  // Late samples, in sealed days and in chunks' midst; nothing merges them yet.
  Batch late;
  for (const char* name : {"counter", "fractions", "plateaus", "constant"}) {
    for (int i = 0; i < 5; ++i) {
      late.add({{"__name__", name}}, kDay0 + i * 17 * kHourMs + 1'234, i % 2 == 0 ? 1e6 : -1);
    }
  }
  ASSERT_TRUE(db_->write(late));
  ASSERT_NO_FATAL_FAILURE(compare(60));
  // Deletes that wait: a part of a chunk, a whole day.
  ASSERT_TRUE(db_->erase(selector("{__name__=~\"counter|constant\"}").value(),
                         {kDay0 + 5 * kHourMs, kDay0 + 9 * kHourMs}));
  ASSERT_TRUE(db_->erase(selector("fractions").value(), {kDay0 + kDayMs, kDay0 + 2 * kDayMs}));
  ASSERT_NO_FATAL_FAILURE(compare(60));
  test::settle(*db_);
  ASSERT_NO_FATAL_FAILURE(compare(60));
}

TEST_F(Chunks, OfAWeekOfACounterNearlyNoneIsDecoded) {
  const TimeMs end = kDay0 + 4 * kDayMs;
  const auto ask = [&](const Window& function, std::optional<DurationMs> tier) {
    const Steps now = instant(end - 1'234);
    const View view = db_->view({selector("constant").value()}, range_for(function, now)).value();
    return window(view, 0, function, now, tier).value();
  };
  for (const Window& function : {Window::count(72h), Window::prom_increase(72h)}) {
    const Rows got = ask(function, std::nullopt);
    EXPECT_GE(got.chunks_skipped, 9U);
    EXPECT_GT(got.samples_skipped, 9'000U);
    EXPECT_EQ(got.rows[0].v, ask(function, 0).rows[0].v);
    EXPECT_EQ(ask(function, 0).chunks_skipped, 0U);
  }
}

}  // namespace
}  // namespace hygge
