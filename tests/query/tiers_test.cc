// Answers from cells are those from samples: every function, aligned and ragged, over sealed, dirty
// and open days.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/query/functions.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 4;
using Ms = std::chrono::milliseconds;
using windows::Function;

// Drawn from.
constexpr Function kFunctions[] = {Function::last,          Function::first,
                                   Function::count,         Function::present,
                                   Function::sum,           Function::avg,
                                   Function::min,           Function::max,
                                   Function::stddev,        Function::stdvar,
                                   Function::increase,      Function::rate,
                                   Function::delta,         Function::changes,
                                   Function::resets,        Function::irate,
                                   Function::idelta,        Function::prom_rate,
                                   Function::prom_increase, Function::prom_delta,
                                   Function::deriv,         Function::predict_linear,
                                   Function::first_time,    Function::last_time,
                                   Function::min_time,      Function::max_time,
                                   Function::quantile};

// A database of a few days: counters with restarts, gauges, gaps, NaN, infinities, markers; the
// first days sealed, one of them dirty again, the last open.
class Tiers : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(Db::open(dir_ / "db", test::manual_options(kDay0 + 100 * kDayMs)).value());
    ASSERT_TRUE(db_->set_rollups(
        parse_rollups("{class=\"regression\"} 5m,1h regression\nspecial_total 1h\n").value()));
    std::mt19937_64 random(1);
    write("requests_total", "counter", random, 15'000);
    write("seconds_total", "fractions", random, 30'000);
    write("temperature", "gauge", random, 15'000);
    write("level", "regression", random, 60'000);
    write("special_total", "special", random, 20'000);
    write("special", "special", random, 20'000);
    write("rare", "gauge", random, 5 * kHourMs);
    ASSERT_EQ(test::settle(*db_).partitions_sealed, 3U);
    Batch late;
    for (const char* name : {"requests_total", "temperature"}) {
      late.add({{"__name__", name}, {"class", "counter"}}, kDay0 + kDayMs + 1'234, 5);
      late.add({{"__name__", name}, {"class", "gauge"}}, kDay0 + kDayMs + 1'234, 5);
    }
    ASSERT_TRUE(db_->write(late));
  }

  void write(const std::string& name, const std::string& kind, std::mt19937_64& random,
             DurationMs every_ms) {
    Batch batch;
    double v = 0;
    const auto below = [&](std::uint64_t limit) { return static_cast<double>(random() % limit); };
    for (TimeMs t = kDay0 + 7; t < kDay0 + kDays * kDayMs - kHourMs; t += every_ms) {
      if (random() % 2'000 == 0) t += static_cast<TimeMs>(random() % (3 * kHourMs));
      double value = 0;
      if (kind == "counter") {
        value = v = random() % 700 == 0 ? below(20) : v + below(50);
      } else if (kind == "fractions") {
        value = v = random() % 900 == 0 ? 0 : v + below(1'000'003) / 1'000'003;
      } else if (kind == "special") {
        constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
        constexpr double kInf = std::numeric_limits<double>::infinity();
        const double odd[] = {kNan, kInf, -kInf, stale_marker()};
        value = random() % 50 == 0 ? odd[random() % 4] : below(100);
      } else {
        value = below(2'000) / 10 - 100;
      }
      batch.add({{"__name__", name}, {"class", kind}}, t + static_cast<TimeMs>(random() % 5),
                value);
    }
    ASSERT_TRUE(db_->write(batch));
  }

  test::TempDir dir_;
  std::optional<Db> db_;
};

// What only counts, compares or picks is equal to the bit.
constexpr Function kExact[] = {Function::last,    Function::first,   Function::count,
                               Function::present, Function::min,     Function::max,
                               Function::delta,   Function::changes, Function::resets,
                               Function::irate,   Function::idelta};

bool is_regression(Function function) {
  return function == Function::deriv || function == Function::predict_linear;
}

// Σ|v| and max v² of any window, as far as finite.
struct Sizes {
  double sum = 0;
  double square = 0;
};

void expect_equal(double got, double raw, Function function, const Sizes& sizes) {
  if (std::isnan(raw)) {
    EXPECT_TRUE(std::isnan(got)) << got;
    return;
  }
  if (got == raw) return;
  const bool squared = function == Function::stddev;
  double bound = 1e-12 * sizes.sum;
  if (function == Function::stddev || function == Function::stdvar) bound = 1e-12 * sizes.square;
  if (is_regression(function)) bound = 1e-8 * (1 + std::fabs(raw));
  const double off = squared ? std::fabs(got * got - raw * raw) : std::fabs(got - raw);
  EXPECT_LE(off, bound) << got << ", not " << raw;
  EXPECT_FALSE(std::count(std::begin(kExact), std::end(kExact), function))
      << got << ", not " << raw;
}

TEST_F(Tiers, AnswersFromCellsAreThoseFromSamples) {
  std::uint64_t from_cells = 0;
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const DurationMs tier = random() % 2 == 0 ? 5 * kMinuteMs : kHourMs;
    const bool ragged = random() % 2 == 0;
    const DurationMs unit = ragged ? 1 + static_cast<DurationMs>(random() % 1'000) : tier;
    const auto times = [&](DurationMs about) {
      return std::max<DurationMs>(about / unit, 1) * unit;
    };
    const DurationMs range = times(tier + static_cast<DurationMs>(random() % (30 * kHourMs)));
    const DurationMs step = times(1 + static_cast<DurationMs>(random() % (12 * kHourMs)));
    const TimeMs first = (kDay0 + static_cast<TimeMs>(random() % (kDays * kDayMs))) / unit * unit;
    const Steps grid{first, first + step * static_cast<TimeMs>(random() % 8), step};
    const Ms lookback{random() % 2 == 0 ? kHourMs : 2 * kHourMs};
    const Function name = kFunctions[random() % std::size(kFunctions)];
    SCOPED_TRACE(static_cast<int>(name));
    const Window function = window_of(name, range, lookback);
    const View view = db_->view({Selector{}}, range_for(function, grid)).value();
    const Rows raw = window(view, 0, function, grid, 0).value();
    EXPECT_LE(raw.tiers.size(), 1U);
    for (const std::optional<DurationMs> choice :
         {std::optional(tier), std::optional<DurationMs>()}) {
      const Rows got = window(view, 0, function, grid, choice).value();
      for (const DurationMs one : got.tiers) from_cells += one > 0 ? 1 : 0;
      ASSERT_EQ(got.rows.size(), raw.rows.size());
      for (std::size_t i = 0; i < raw.rows.size(); ++i) {
        const Row& a = got.rows[i];
        const Row& b = raw.rows[i];
        SCOPED_TRACE(to_string(b.labels));
        ASSERT_EQ(a.labels, b.labels);
        ASSERT_EQ(a.valid, b.valid);
        Sizes sizes;
        for (const Series& series : view.series(0)) {
          if (series.labels() != b.labels) continue;
          const SeriesSamples samples = series.samples().value();
          for (const double v : samples.v) {
            if (!std::isfinite(v)) continue;
            sizes.sum += std::fabs(v);
            sizes.square = std::max(sizes.square, v * v);
          }
        }
        for (std::size_t s = 0; s < grid.count(); ++s) {
          if (!b.has(s)) continue;
          ++compared;
          expect_equal(a.v[s], b.v[s], name, sizes);
          // Integers, and nothing that is no number: bit for bit, but for means and variances.
          const bool integers = b.labels.get("class") == "counter" && name != Function::avg &&
                                name != Function::stddev && name != Function::stdvar &&
                                !is_regression(name) && name != Function::quantile;
          if (integers) {
            EXPECT_EQ(a.v[s], b.v[s]);
          }
        }
      }
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(from_cells, 100U) << "the test reads cells";
  EXPECT_GT(compared, 2'000U);
}

// The cells of the samples behind a ragged edge begin at multiples of the resolution, also where
// the first of them is missing.
TEST_F(Tiers, AGapBehindARaggedEdge) {
  const TimeMs open = kDay0 + (kDays + 1) * kDayMs;
  Batch batch;
  double v = 0;
  for (const DurationMs after : {4 * kMinuteMs, 9 * kMinuteMs, 11 * kMinuteMs, 19 * kMinuteMs}) {
    batch.add({{"__name__", "gap_total"}}, open + after, v += 10);
  }
  ASSERT_TRUE(db_->write(batch));
  // Reads from 2 minutes on, and (2, 5] as an edge.
  const Window function = Window::increase(10min, 8min);
  const Steps grid = steps(open + 20 * kMinuteMs, open + 25 * kMinuteMs, 5min);
  const View view = db_->view({selector("gap_total").value()}, range_for(function, grid)).value();
  const Rows raw = window(view, 0, function, grid, 0).value();
  const Rows cells = window(view, 0, function, grid, 5 * kMinuteMs).value();
  EXPECT_EQ(raw.rows[0].v, (std::vector<double>{20, 10}));
  EXPECT_EQ(cells.rows[0].v, raw.rows[0].v);
}

TEST_F(Tiers, SaysWhichTiersAnswered) {
  const Window day = Window::increase(24h);
  const Steps grid = steps(kDay0 + kDayMs, kDay0 + 3 * kDayMs, 1h);
  const auto tiers = [&](const char* text, std::optional<DurationMs> choice) {
    const View view = db_->view({selector(text).value()}, range_for(day, grid)).value();
    return window(view, 0, day, grid, choice)->tiers;
  };
  using List = std::vector<DurationMs>;
  EXPECT_EQ(tiers("seconds_total", std::nullopt), List{kHourMs});
  EXPECT_EQ(tiers("seconds_total", 0), List{0});
  EXPECT_EQ(tiers("requests_total", std::nullopt), (List{0, kHourMs})) << "a day is dirty";
  EXPECT_EQ(tiers("seconds_total", 5 * kMinuteMs), List{5 * kMinuteMs});
  EXPECT_EQ(tiers("seconds_total", 7 * kMinuteMs), List{0}) << "no such tier";
}

TEST_F(Tiers, DownsampleReadsWhatIsStored) {
  const TimeRange range{kDay0, kDay0 + 2 * kDayMs};
  const View view = db_->view({selector("temperature").value()}, range).value();
  const auto stored = downsample(view, 0, 1h).value();
  const auto computed = downsample(view, 0, 30min).value();
  ASSERT_EQ(stored.size(), computed.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::uint64_t n = 0;
    for (const TimedCell& one : computed[i].cells) n += one.cell.n;
    for (const TimedCell& one : stored[i].cells) n -= one.cell.n;
    EXPECT_EQ(n, 0U);
  }
}

}  // namespace
}  // namespace hygge
