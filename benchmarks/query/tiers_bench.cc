// The same questions of sealed days, from samples and from cells.
//
//   day      1,200 counters every 10 s for a day (10.4 M samples)
//   quarter  1,000 counters every 5 minutes for 90 days (25.9 M samples)
//   week     100 counters every 15 s for 8 days (4.6 M samples), without cells
#include <benchmark/benchmark.h>
#include <hygge/db.h>
#include <hygge/promql.h>
#include <hygge/rollup.h>
#include <hygge/slo.h>
#include <hygge/window.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "benchmarks/support/folder.h"

namespace hygge {
namespace {

constexpr TimeMs kMidnight = 1'767'225'600'000;

// Counters by service, instance and code, that restart now and then; days are sealed.
class Recording {
 public:
  Recording(int series, int days, DurationMs scrape_ms, const char* rollups = "") : days_(days) {
    Options options = bench::filled_once();
    options.clock = [days] { return kMidnight + (days + 2) * kDayMs; };
    db_.emplace(Db::open(folder_.db(), options).value());
    if (!db_->set_rollups(parse_rollups(rollups).value())) std::abort();
    write(series, scrape_ms);
    if (!db_->compact()) std::abort();
  }
  [[nodiscard]] const Db& db() const { return *db_; }
  [[nodiscard]] TimeMs end_ms() const { return kMidnight + days_ * kDayMs; }

 private:
  void write(int series, DurationMs scrape_ms) {
    std::vector<SeriesId> ids;
    for (int i = 0; i < series; ++i) {
      ids.push_back(db_->series(Labels::from({{"__name__", "http_requests_total"},
                                              {"service", "service-" + std::to_string(i % 12)},
                                              {"instance", "host-" + std::to_string(i / 4)},
                                              {"code", i % 4 == 0 ? "500" : "200"}})
                                    .value())
                        .value());
    }
    std::mt19937_64 random(1);
    std::vector<double> values(ids.size());
    Batch batch;
    for (TimeMs t = kMidnight + 1; t < end_ms(); t += scrape_ms) {
      batch.clear();
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::uint64_t what = random();
        values[i] = what % 5'000 == 0 ? 0 : values[i] + static_cast<double>(what >> 60U);
        batch.add(ids[i], t + static_cast<TimeMs>(i % 1'000), values[i]);
      }
      if (!db_->write(batch)) std::abort();
    }
  }

  const int days_;
  const bench::Folder folder_;
  std::optional<Db> db_;
};

const Recording& day() {
  static const Recording instance(1'200, 1, 10 * kSecondMs);
  return instance;
}
const Recording& quarter() {
  static const Recording instance(1'000, 90, 5 * kMinuteMs);
  return instance;
}

const Recording& week() {
  static const Recording instance(100, 8, 15 * kSecondMs, "{__name__=~\".+\"} none\n");
  return instance;
}

// The first argument: 1 from cells, 0 from samples.
void ask(benchmark::State& state, const Recording& recording, const char* text, Steps when) {
  promql::QueryOptions options;
  if (state.range(0) == 0) options.tier = 0;
  std::uint64_t cells = 0;
  std::uint64_t samples = 0;
  for (auto _ : state) {
    const auto answer = promql::query(recording.db(), text, when, options);
    if (!answer) {
      state.SkipWithError(answer.error().message.c_str());
      return;
    }
    cells = answer->stats.cells;
    samples = answer->stats.samples;
  }
  state.SetLabel(state.range(0) == 0 ? "samples" : "cells");
  state.counters["cells"] = static_cast<double>(cells);
  state.counters["samples"] = static_cast<double>(samples);
}

void BM_IncreaseOfADay(benchmark::State& state) {
  const TimeMs end = day().end_ms();
  ask(state, day(), "sum(increase(http_requests_total[24h]))", {end, end, kMinuteMs});
}
BENCHMARK(BM_IncreaseOfADay)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_BudgetOfADay(benchmark::State& state) {
  const TimeMs end = day().end_ms();
  ask(state, day(),
      "1 - sum(increase(http_requests_total{code=\"500\"}[24h])) / "
      "sum(increase(http_requests_total[24h]))",
      {end, end, kMinuteMs});
}
BENCHMARK(BM_BudgetOfADay)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_BurnOfADay(benchmark::State& state) {
  const TimeMs end = day().end_ms();
  ask(state, day(),
      "sum by (service) (increase(http_requests_total{code=\"500\"}[1h])) / "
      "sum by (service) (increase(http_requests_total[1h])) and "
      "sum by (service) (increase(http_requests_total{code=\"500\"}[5m])) / "
      "sum by (service) (increase(http_requests_total[5m]))",
      {end - 23 * kHourMs, end, 5 * kMinuteMs});
}
BENCHMARK(BM_BurnOfADay)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// The first argument: 1 with the summaries of chunks, 0 decoding all. The second: 0
// count_over_time(x[7d]), 1 increase(x[7d]).
void BM_ChunksOfAWeek(benchmark::State& state) {
  using namespace std::chrono_literals;
  const Window function = state.range(1) == 0 ? Window::count(168h) : Window::prom_increase(168h);
  const Steps when = instant(week().end_ms() - 1'234'567);
  const std::optional<DurationMs> tier =
      state.range(0) == 0 ? std::optional<DurationMs>(0) : std::nullopt;
  std::uint64_t skipped = 0;
  for (auto _ : state) {
    const auto view = week().db().view({Selector{}}, range_for(function, when));
    const auto rows = view ? window(*view, 0, function, when, tier) : Result<Rows>();
    if (!rows || rows->rows.size() != 100) {
      state.SkipWithError("no answer");
      return;
    }
    skipped = rows->samples_skipped;
  }
  state.SetLabel(state.range(1) == 0 ? "count_over_time" : "increase");
  state.counters["skipped"] = static_cast<double>(skipped);
}
BENCHMARK(BM_ChunksOfAWeek)
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 1})
    ->Args({1, 1})
    ->Unit(benchmark::kMillisecond);

void BM_RateOfAQuarter(benchmark::State& state) {
  const TimeMs end = quarter().end_ms();
  ask(state, quarter(), "rate(http_requests_total[1h])",
      {end - 90 * kDayMs + kHourMs, end, kHourMs});
}
BENCHMARK(BM_RateOfAQuarter)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// The track of an SLO, slices of the argument's minutes: of 1 no tier divides.
void BM_TrackOfADay(benchmark::State& state) {
  slo::Definition definition;
  definition.name = "bench";
  definition.objective = slo::Rational::of(999, 1000);
  definition.window_ms = kDayMs - 2 * kHourMs;
  definition.step_ms = state.range(0) * kMinuteMs;
  definition.lookback_ms = kHourMs;
  definition.part = selector("http_requests_total{code=\"500\"}").value();
  definition.total = selector("http_requests_total").value();
  slo::TrackSource source;
  for (auto _ : state) {
    const auto report = slo::report(day().db(), definition, day().end_ms());
    if (!report) {
      state.SkipWithError(report.error().message.c_str());
      return;
    }
    source = report->source;
  }
  state.counters["cells"] = static_cast<double>(source.cells);
  state.counters["samples"] = static_cast<double>(source.samples);
}
BENCHMARK(BM_TrackOfADay)->Arg(1)->Arg(5)->Arg(60)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hygge
