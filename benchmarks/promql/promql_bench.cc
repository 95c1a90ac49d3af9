// Queries over 500 series of a day at 15 s (2.88 M samples), 18 h at a step of 60 s: promql.md 9
// without HTTP and JSON.
#include <benchmark/benchmark.h>
#include <hygge/db.h>
#include <hygge/promql.h>

#include <cstdlib>
#include <ctime>
#include <optional>
#include <random>
#include <string>

#include "benchmarks/support/folder.h"

namespace {

constexpr hygge::TimeMs kStart = 1'767'225'600'000;
constexpr hygge::DurationMs kScrape = 15'000;
constexpr int kSamples = 5'760;

// The database is made once, of counters that reset now and then and gauges of two decimals.
class Recording {
 public:
  Recording() {
    hygge::Options options = hygge::bench::filled_once();
    options.memory_bytes = std::size_t{256} << 20U;
    db_.emplace(hygge::Db::open(folder_.db(), options).value());
    std::mt19937_64 random(1);
    for (int i = 0; i < 500; ++i) {
      const bool counter = i < 400;
      add_series(hygge::Labels::from({{"__name__", counter ? "http_requests_total" : "temp"},
                                      {"job", "job-" + std::to_string(i % 10)},
                                      {"instance", "host-" + std::to_string(i)}})
                     .value(),
                 counter, random);
    }
    if (!db_->compact()) std::abort();
  }
  [[nodiscard]] const hygge::Db& db() const { return *db_; }

 private:
  void add_series(const hygge::Labels& labels, bool counter, std::mt19937_64& random) {
    hygge::Batch batch;
    const hygge::SeriesId id = db_->series(labels).value();
    double value = 0;
    for (int i = 0; i < kSamples; ++i) {
      if (counter) {
        value = random() % 2'000 == 0 ? 0 : value + static_cast<double>(random() % 40);
      } else {
        value = static_cast<double>(random() % 10'000) / 100;
      }
      const auto jitter = static_cast<hygge::TimeMs>(random() % 8);
      batch.add(id, kStart + i * kScrape + jitter, value);
    }
    if (!db_->write(batch)) std::abort();
  }

  const hygge::bench::Folder folder_;
  std::optional<hygge::Db> db_;
};

const Recording& recording() {
  static const Recording instance;
  return instance;
}

// CPU of the calling thread so far.
double own_cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

void query(benchmark::State& state, const char* text, hygge::DurationMs step_ms,
           std::size_t threads = 1) {
  const hygge::Db& db = recording().db();
  const hygge::Steps when{kStart + 5 * hygge::kHourMs, kStart + 23 * hygge::kHourMs, step_ms};
  hygge::promql::QueryOptions options;
  options.threads = threads;
  hygge::promql::QueryStats stats;
  std::size_t points = 0;
  const double before_ms = own_cpu_ms();
  for (auto _ : state) {
    const auto answer = hygge::promql::query(db, text, when, options);
    if (!answer) {
      state.SkipWithError(answer.error().message.c_str());
      return;
    }
    stats = answer->stats;
    points = 0;
    for (const auto& series : answer->series) points += series.t.size();
  }
  using Counter = benchmark::Counter;
  state.counters["own_ms"] = Counter(own_cpu_ms() - before_ms, Counter::kAvgIterations);
  state.counters["samples/s"] =
      Counter(static_cast<double>(stats.samples), Counter::kIsIterationInvariantRate);
  state.counters["points"] = static_cast<double>(points);
  state.counters["peak_bytes"] = static_cast<double>(stats.bytes);
}

#define HYGGE_QUERY(name, text, step_ms)                                        \
  void BM_Query##name(benchmark::State& state) { query(state, text, step_ms); } \
  BENCHMARK(BM_Query##name)->Unit(benchmark::kMillisecond)

HYGGE_QUERY(SumByRate5m, "sum by (job) (rate(http_requests_total[5m]))", 60'000);
HYGGE_QUERY(SumByRate1h, "sum by (job) (rate(http_requests_total[1h]))", 60'000);
HYGGE_QUERY(
    ErrorRatio,
    "sum(rate(http_requests_total{job=\"job-1\"}[5m])) / sum(rate(http_requests_total[5m]))",
    60'000);
HYGGE_QUERY(MaxOverTime1h, "max_over_time(temp[1h])", 60'000);
HYGGE_QUERY(AvgOverTime6h, "avg_over_time(temp[6h])", 60'000);
HYGGE_QUERY(QuantileOverTime1h, "quantile_over_time(0.9, temp[1h])", 60'000);
HYGGE_QUERY(Raw15s, "temp", 15'000);
HYGGE_QUERY(Sum15s, "sum(http_requests_total)", 15'000);
HYGGE_QUERY(GroupLeft,
            "http_requests_total / on (instance, job) group_left () (http_requests_total + 1)",
            60'000);
HYGGE_QUERY(Topk5, "topk(5, rate(http_requests_total[5m]))", 60'000);
HYGGE_QUERY(SubqueryMax, "max_over_time(sum(rate(http_requests_total[5m]))[1h:1m])", 60'000);
HYGGE_QUERY(CountRateAbove, "count(rate(http_requests_total[5m]) > 1)", 15'000);

// On the wall and in CPU of all threads, by threads; own_ms is what the asking thread had to do of
// it, which is the wall of a machine that has a core for each.
#define HYGGE_SHARED_QUERY(name, text, step_ms)                            \
  void BM_QueryShared##name(benchmark::State& state) {                     \
    query(state, text, step_ms, static_cast<std::size_t>(state.range(0))); \
  }                                                                        \
  BENCHMARK(BM_QueryShared##name)                                          \
      ->Unit(benchmark::kMillisecond)                                      \
      ->ArgName("threads")                                                 \
      ->Arg(1)                                                             \
      ->Arg(2)                                                             \
      ->MeasureProcessCPUTime()                                            \
      ->UseRealTime()

HYGGE_SHARED_QUERY(SumByRate5m, "sum by (job) (rate(http_requests_total[5m]))", 60'000);
HYGGE_SHARED_QUERY(QuantileOverTime1h, "sum(quantile_over_time(0.9, http_requests_total[1h]))",
                   60'000);
HYGGE_SHARED_QUERY(Sum15s, "sum(http_requests_total)", 15'000);
HYGGE_SHARED_QUERY(Topk5, "topk(5, rate(http_requests_total[5m]))", 60'000);
HYGGE_SHARED_QUERY(CountRateAbove, "count(rate(http_requests_total[5m]) > 1)", 15'000);

}  // namespace
