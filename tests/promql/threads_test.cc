// Several threads in one query: the same answer, bit for bit, and the same ends.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/sample.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "promql/evaluator.h"
#include "promql/workers.h"
#include "tests/promql/answers.h"
#include "tests/support/database.h"
#include "tests/support/memory_source.h"
#include "tests/support/temp_dir.h"

namespace hygge::promql {
namespace {

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kSeries = 530;                 // four shards and a bit
constexpr std::size_t kThreads[] = {2, 3, 8};

Labels labels_of(const char* metric, int i) {
  return Labels::from({{"__name__", metric},
                       {"i", fmt::format("{:03}", i)},
                       {"job", fmt::format("{}", i % 7)},
                       {"le", fmt::format("{}", i % 10)}})
      .value();
}

// Values of many magnitudes and signs, so that an order of adding shows in the last bits.
double value_of(std::mt19937_64& random) {
  const double v = std::ldexp(static_cast<double>(random() % 1'000'003) - 500'000,
                              static_cast<int>(random() % 120) - 60);
  return random() % 50 == 0 ? std::numeric_limits<double>::quiet_NaN() : v;
}

void fill(test::MemorySource& source) {
  std::mt19937_64 random(11);
  for (int i = 0; i < kSeries; ++i) {
    if (random() % 9 == 0) continue;
    double count = 0;
    for (TimeMs t = static_cast<TimeMs>(random() % 30'000); t < 900'000; t += 40'000) {
      count = random() % 30 == 0 ? 0 : count + static_cast<double>(random() % 1'000) / 7;
      source.add(labels_of("c_total", i), t, count);
      source.add(labels_of("g", i), t, random() % 40 == 0 ? stale_marker() : value_of(random));
    }
  }
}

const char* const kExpressions[] = {
    "g",
    "sum(g)",
    "avg by (job) (g)",
    "stddev without (i) (g)",
    "sum by (job) (rate(c_total[5m]))",
    "sum(rate(c_total[5m])) / sum(rate(c_total[10m]))",
    "max_over_time(g[3m]) - min_over_time(g[3m])",
    "stdvar_over_time(g[10m])",
    "quantile_over_time(0.3, g[4m])",
    "topk(5, g)",
    "limitk(300, g)",
    "count_values(\"v\", g > 0)",
    "histogram_quantile(0.5, sum by (le) (rate(c_total[5m])))",
    "g * on (i, job, le) group_left () c_total",
    "max_over_time(sum(rate(c_total[5m]))[5m:1m])",
    "sum(g @ 600)",
    "predict_linear(c_total[5m], time())",
    "let r = rate(c_total[5m]); sum(r) + max(r)",
    "timestamp(g offset 1m)",
    "rate(g[5m])",
    "absent(nothing)",
    "mad_over_time(g[4m])",
    "double_exponential_smoothing(g[6m], 0.3, 0.2 + time() / 10000)",
    "absent_over_time(c_total[39s] offset 13s)",
    "absent_over_time(g{job=\"3\"}[1s])",
};

// Everything but the memory that it took.
void expect_same(const Answer& got, const Answer& want) {
  EXPECT_EQ(got.type, want.type);
  EXPECT_EQ(got.warnings, want.warnings);
  EXPECT_EQ(got.infos, want.infos);
  EXPECT_EQ(got.stats.series, want.stats.series);
  EXPECT_EQ(got.stats.samples, want.stats.samples);
  EXPECT_EQ(got.stats.cells, want.stats.cells);
  EXPECT_EQ(got.stats.tiers, want.stats.tiers);
  expect_same_series(got, want, [](double a, double b) {
    ASSERT_EQ(std::bit_cast<std::uint64_t>(a), std::bit_cast<std::uint64_t>(b))
        << a << ", not " << b;
  });
}

TEST(ShardThreads, GiveTheSameBits) {
  test::MemorySource source;
  fill(source);
  for (const char* text : kExpressions) {
    SCOPED_TRACE(text);
    const Expression expression = parse(text).value();
    for (const Steps& when : {Steps{0, 900'000, 50'000}, instant(500'000)}) {
      const auto want = evaluate(expression, source, when, {});
      ASSERT_TRUE(want) << want.error().message;
      for (const std::size_t threads : kThreads) {
        SCOPED_TRACE(threads);
        QueryOptions options;
        options.threads = threads;
        const auto got = evaluate(expression, source, when, options);
        ASSERT_TRUE(got) << got.error().message;
        expect_same(*got, *want);
      }
    }
  }
}

// Counts who read, and stops at a read or fails from a series on.
class Watched : public test::MemorySource {
 public:
  [[nodiscard]] Result<void> read(std::size_t request, std::size_t series,
                                  SeriesSamples& into) const override {
    {
      const std::lock_guard lock(mutex_);
      readers_.insert(std::this_thread::get_id());
    }
    if (series >= fails_at) return fail(ErrorCode::io, fmt::format("no reading {}", series));
    if (reads() == stops_at) stop.request_stop();
    return test::MemorySource::read(request, series, into);
  }
  [[nodiscard]] std::size_t readers() const { return readers_.size(); }
  void forget_readers() { readers_.clear(); }

  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
  std::size_t fails_at = kNever;
  std::size_t stops_at = kNever;
  mutable std::stop_source stop;

 private:
  mutable std::mutex mutex_;
  mutable std::set<std::thread::id> readers_;
};

TEST(ShardThreads, ShareTheReading) {
  Watched source;
  fill(source);
  QueryOptions options;
  options.threads = 2;
  for (const char* text : {"sum(quantile_over_time(0.5, g[10m]))", "sum(mad_over_time(g[10m]))",
                           "absent_over_time(g[1m])"}) {
    SCOPED_TRACE(text);
    const Expression expression = parse(text).value();
    source.forget_readers();
    // Which thread is first is up to the machine: it need not be both at the first try.
    for (int tries = 0; source.readers() < 2 && tries < 1'000; ++tries) {
      ASSERT_TRUE(evaluate(expression, source, {0, 900'000, 5'000}, options));
    }
    EXPECT_GE(source.readers(), 2U);
  }
}

// Eight would hold more rows than a quarter of the memory.
TEST(ShardThreads, AreAsManyAsMemoryHasRoomFor) {
  Watched source;
  fill(source);
  const Expression expression = parse("sum(max_over_time(g[10m]))").value();
  QueryOptions options;
  options.threads = 8;
  options.max_bytes = std::size_t{20} << 20U;
  for (int tries = 0; source.readers() < 2 && tries < 1'000; ++tries) {
    ASSERT_TRUE(evaluate(expression, source, {0, 900'000, 900}, options));
  }
  EXPECT_GE(source.readers(), 2U);
}

TEST(ShardThreads, EndWithTheFirstErrorInTheOrderOfTheSeries) {
  const Expression expression = parse("sum(g)").value();
  for (const std::size_t at : {0U, 130U, 300U, 450U}) {
    Watched source;
    fill(source);
    source.fails_at = at;
    for (const std::size_t threads : kThreads) {
      QueryOptions options;
      options.threads = threads;
      const auto got = evaluate(expression, source, {0, 900'000, 50'000}, options);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().message, fmt::format("no reading {}", at));
    }
  }
}

TEST(ShardThreads, StopWhenTheQueryIsCancelledOrLate) {
  const Expression expression = parse("sum(rate(c_total[5m]))").value();
  for (const std::size_t threads : kThreads) {
    Watched source;
    fill(source);
    source.stops_at = 200;
    QueryOptions options;
    options.threads = threads;
    options.cancel = source.stop.get_token();
    const auto cancelled = evaluate(expression, source, {0, 900'000, 50'000}, options);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
    // Each thread may have been at one more.
    EXPECT_LE(source.reads(), 200 + threads);
    options.cancel = {};
    options.deadline = std::chrono::steady_clock::now();
    const auto late = evaluate(expression, source, {0, 900'000, 50'000}, options);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
  }
}

TEST(ShardThreads, StayWithinTheBytesAndSamplesOfTheQuery) {
  test::MemorySource source;
  fill(source);
  const Steps when{0, 900'000, 3'000};
  for (const char* text : {"sum(rate(c_total[5m]))", "g + g", "avg by (job) (g)"}) {
    SCOPED_TRACE(text);
    const Expression expression = parse(text).value();
    const Answer want = evaluate(expression, source, when, {}).value();
    int refused = 0;
    for (std::size_t bytes = 1'000; bytes < (64U << 20U); bytes *= 2) {
      QueryOptions options;
      options.max_bytes = bytes;
      options.threads = 3;
      const auto got = evaluate(expression, source, when, options);
      if (got) {
        expect_same(*got, want);
        EXPECT_LE(got->stats.bytes, bytes);
      } else {
        EXPECT_EQ(got.error().code, ErrorCode::limit);
        ++refused;
      }
    }
    EXPECT_GT(refused, 0);
    QueryOptions options;
    options.threads = 3;
    options.max_samples = 10;
    const auto got = evaluate(expression, source, when, options);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::limit);
  }
}

TEST(ShardThreads, AreOneAtLeast) {
  test::MemorySource source;
  for (const std::size_t threads : {std::size_t{0}, std::size_t{1'025}}) {
    QueryOptions options;
    options.threads = threads;
    const auto got = evaluate(parse("1").value(), source, instant(0), options);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::invalid_argument);
  }
}

// Two sealed days with cells, one without: some series have samples that came later.
TEST(ShardThreads, ReadOneViewOfADatabase) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", test::manual_options(kDay0 + 100 * kDayMs)).value();
  std::mt19937_64 random(3);
  Batch batch;
  for (int i = 0; i < 300; ++i) {
    double v = 0;
    for (TimeMs t = kDay0 + i; t < kDay0 + 60 * kHourMs; t += 20 * kMinuteMs) {
      batch.add(labels_of("c_total", i), t, v += static_cast<double>(random() % 100) / 3);
    }
  }
  ASSERT_TRUE(db.write(batch));
  ASSERT_GT(test::settle(db).cell_rows_written, 0U);
  Batch late;
  for (int i = 0; i < 300; i += 3) late.add(labels_of("c_total", i), kDay0 + kHourMs + 500 + i, 1);
  ASSERT_TRUE(db.write(late));
  for (const char* text :
       {"c_total", "sum(c_total)", "sum(increase(c_total[6h]))", "avg_over_time(c_total[6h])",
        "sum(increase(c_total[6h])) / sum(increase(c_total[1d]))",
        "sum by (job) (stddev_over_time(c_total[95m]))", "quantile_over_time(0.9, c_total[1d])"}) {
    SCOPED_TRACE(text);
    for (const Steps& when : {Steps{kDay0 + 24 * kHourMs, kDay0 + 60 * kHourMs, kHourMs},
                              Steps{kDay0, kDay0 + 20 * kHourMs, 7 * kMinuteMs + 1}}) {
      const auto want = query(db, text, when);
      ASSERT_TRUE(want) << want.error().message;
      EXPECT_FALSE(want->series.empty());
      for (const std::size_t threads : kThreads) {
        QueryOptions options;
        options.threads = threads;
        const auto got = query(db, text, when, options);
        ASSERT_TRUE(got) << got.error().message;
        expect_same(*got, *want);
      }
    }
  }
}

// Days of which cells are left only, one that is whole, one without cells: what windows cut is
// told, and refused, in the same words.
TEST(ShardThreads, SayTheSameOfDaysWhoseSamplesHaveExpired) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", test::manual_options(kDay0 + 4 * kDayMs + kHourMs)).value();
  std::mt19937_64 random(5);
  Batch batch;
  for (int i = 0; i < 260; ++i) {
    double v = 0;
    for (TimeMs t = kDay0 + 1 + i; t < kDay0 + 4 * kDayMs + kHourMs; t += 17 * kMinuteMs) {
      if (random() % 40 == 0) t += kHourMs;
      if (random() % 200 == 0) v = 0;
      batch.add(labels_of("c_total", i), t, v += static_cast<double>(random() % 100) / 3);
    }
  }
  ASSERT_TRUE(db.write(batch));
  test::settle(db);
  ASSERT_TRUE(db.set_retention(parse_retention("{__name__=~\".+\"} raw=2d 5m=400d\n").value()));
  test::settle(db);
  ASSERT_EQ(db.stats()->days.front().expired_series, 260U);
  int told = 0;
  int refused = 0;
  for (const char* text :
       {"sum(increase(c_total[6h]))", "rate(c_total[1h])", "c_total", "sum(c_total offset 77ms)",
        "sum by (job) (avg_over_time(c_total[95m]))", "quantile_over_time(0.9, c_total[1d])",
        "mad_over_time(c_total[6h])", "absent_over_time(c_total[4m])",
        "sum(increase(c_total[6h])) / sum(increase(c_total[1d]))"}) {
    SCOPED_TRACE(text);
    for (const Steps& when : {Steps{kDay0 + kDayMs, kDay0 + 4 * kDayMs, 2 * kHourMs},
                              Steps{kDay0 + kDayMs + 77, kDay0 + 2 * kDayMs, 71 * kMinuteMs + 1},
                              instant(kDay0 + kDayMs + 123'456)}) {
      for (const bool exact : {false, true}) {
        QueryOptions options;
        options.exact = exact;
        const auto want = query(db, text, when, options);
        told += want && !want->infos.empty() ? 1 : 0;
        refused += want ? 0 : 1;
        for (const std::size_t threads : kThreads) {
          SCOPED_TRACE(threads);
          options.threads = threads;
          const auto got = query(db, text, when, options);
          ASSERT_EQ(got.has_value(), want.has_value());
          if (got) {
            expect_same(*got, *want);
          } else {
            EXPECT_EQ(got.error().code, ErrorCode::out_of_range);
            EXPECT_EQ(got.error().message, want.error().message);
            EXPECT_EQ(got.error().place.column, want.error().place.column);
          }
        }
      }
    }
  }
  EXPECT_GT(told, 9);
  EXPECT_GT(refused, 9);
}

TEST(WorkersThreads, EachCallsTheWorkOnceAndWaitsForTheNext) {
  Workers workers;
  std::mutex mutex;
  std::vector<std::size_t> called;
  for (std::size_t round = 0; round < 200; ++round) {
    // Those that come later have nothing to do with what was before.
    const std::size_t count = round < 100 ? 1 : 3;
    workers.grow(count);
    called.clear();
    workers.start([&](std::size_t worker) {
      const std::lock_guard lock(mutex);
      called.push_back(worker);
    });
    workers.finish();
    std::sort(called.begin(), called.end());
    ASSERT_EQ(called,
              round < 100 ? (std::vector<std::size_t>{1}) : (std::vector<std::size_t>{1, 2, 3}));
  }
}

}  // namespace
}  // namespace hygge::promql
