// SLOs: slo.md's reach. Replay, report, what-if, score and forecast over 90 days of minutes in
// memory; tracks of 30 days from a database, of 10 series and of 1,000, from cells and from
// samples; the page.
#include <benchmark/benchmark.h>
#include <hygge/db.h>
#include <hygge/slo.h>
#include <hygge/slo_page.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include "benchmarks/support/folder.h"

namespace {

using namespace hygge;

constexpr TimeMs kStart = 1'767'225'600'000;  // 2026-01-01T00:00Z

slo::Definition definition_of(DurationMs step_ms, const std::string& metric) {
  slo::Definition out;
  out.name = "bench";
  out.target_percent = "99.9";
  out.objective = slo::Rational::of(999, 1000);
  out.step_ms = step_ms;
  out.part = selector(metric + "{code=\"500\"}").value();
  out.total = selector(metric).value();
  out.alerts = slo::google_alerts(out.window_ms);
  return out;
}

// Ninety days of a service: 300 requests a minute by day, few by night, 0.03 % fail; some forty
// incidents of minutes to hours, and holes.
slo::Track history(std::int64_t days) {
  std::mt19937_64 random(1);
  std::vector<slo::Slice> slices(static_cast<std::size_t>(days * 1440));
  int trouble = 0, hole = 0;
  double share = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (random() % 3'000 == 0) {
      trouble = static_cast<int>(random() % 180 + 1);
      share = random() % 2 == 0 ? 0.01 : 0.3;
    }
    if (random() % 10'000 == 0) hole = static_cast<int>(random() % 60 + 1);
    if (hole-- > 0) continue;
    slo::Slice& slice = slices[i];
    slice.state = slo::State::measured;
    slice.total = static_cast<double>(i % 1440 < 480 ? 40 + random() % 20 : 250 + random() % 100);
    slice.bad = trouble-- > 0 ? std::floor(slice.total * share) : random() % 12 == 0 ? 1 : 0;
  }
  return slo::Track::from_slices(kStart, kMinuteMs, slices).value();
}

const slo::Track& ninety_days() {
  static const slo::Track track = history(90);
  return track;
}
const slo::Definition& by_minutes() {
  static const slo::Definition definition = definition_of(kMinuteMs, "r_total");
  return definition;
}

void BM_SloReplay(benchmark::State& state) {
  const slo::Policy policy = slo::own_policy(by_minutes());
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        slo::replay(ninety_days(), by_minutes(), policy, ninety_days().range()));
  }
}
BENCHMARK(BM_SloReplay)->Unit(benchmark::kMillisecond);

void BM_SloReport(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(slo::report(ninety_days(), by_minutes(), ninety_days().range().until));
  }
}
BENCHMARK(BM_SloReport)->Unit(benchmark::kMicrosecond);

void BM_SloBurn(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(slo::burn(ninety_days(), by_minutes(), ninety_days().range().until));
  }
}
BENCHMARK(BM_SloBurn)->Unit(benchmark::kMicrosecond);

void BM_SloBacktest(benchmark::State& state) {
  const std::vector<slo::Policy> policies{slo::own_policy(by_minutes())};
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        slo::backtest(ninety_days(), by_minutes(), policies, ninety_days().range(), {}));
  }
}
BENCHMARK(BM_SloBacktest)->Unit(benchmark::kMillisecond);

// Ten targets by ten windows, of methods as they are: a hundred cells, each with its alerts.
void BM_SloWhatIf(benchmark::State& state) {
  slo::Grid grid;
  for (int i = 0; i < 10; ++i) {
    grid.targets.push_back({std::to_string(90 + i), slo::Rational::of(90 + i, 100)});
    grid.windows.push_back({(3 + i * 3) * kDayMs, std::nullopt});
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        slo::whatif(ninety_days(), by_minutes(), grid, ninety_days().range().until));
  }
  state.counters["cells"] = 100;
}
BENCHMARK(BM_SloWhatIf)->Unit(benchmark::kMillisecond);

void BM_SloForecast(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        slo::forecast(ninety_days(), by_minutes(), ninety_days().range().until));
  }
}
BENCHMARK(BM_SloForecast)->Unit(benchmark::kMicrosecond);

// Twenty SLOs on a page, from tracks in memory.
void BM_SloPage(benchmark::State& state) {
  const TimeMs at = ninety_days().range().until;
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::vector<formats::PageSlo> slos;
    for (int i = 0; i < 20; ++i) {
      slos.push_back(formats::page_slo(ninety_days(), by_minutes(), at));
    }
    bytes = formats::slo_page(at, slos).size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_SloPage)->Unit(benchmark::kMillisecond);

// --- from a database ---

// Thirty-six days of counters scraped every 15 s (10 series) or every minute (1,000), sealed.
class Recording {
 public:
  Recording(int series, DurationMs scrape_ms) {
    Options options = bench::filled_once();
    options.memory_bytes = std::size_t{256} << 20U;
    db_.emplace(Db::open(folder_.db(), options).value());
    std::mt19937_64 random(1);
    for (int i = 0; i < series; ++i) {
      const bool bad = i % 10 == 0;
      const SeriesId id = db_->series(Labels::from({{"__name__", "r_total"},
                                                    {"instance", "host-" + std::to_string(i)},
                                                    {"code", bad ? "500" : "200"}})
                                          .value())
                              .value();
      Batch batch;
      double value = 0;
      for (TimeMs t = kStart; t <= kStart + kDays * kDayMs; t += scrape_ms) {
        value +=
            bad ? static_cast<double>(random() % 100 == 0) : static_cast<double>(random() % 40);
        batch.add(id, t + static_cast<TimeMs>(random() % 8), value);
      }
      if (!db_->write(batch)) std::abort();
    }
    if (!db_->compact()) std::abort();
  }
  [[nodiscard]] const Db& db() const { return *db_; }
  static constexpr TimeMs kDays = 36;

 private:
  const bench::Folder folder_;
  std::optional<Db> db_;
};

// Made inside a function each, so that they go before what RocksDB keeps.
const Db& recording(std::int64_t series) {
  if (series == 10) {
    static const Recording ten(10, 15 * kSecondMs);
    return ten.db();
  }
  static const Recording thousand(1'000, kMinuteMs);
  return thousand.db();
}

// 30 days that end with a sealed day. Arguments: series, step in minutes.
void BM_SloLoad(benchmark::State& state) {
  const Db& db = recording(state.range(0));
  slo::Definition definition = definition_of(state.range(1) * kMinuteMs, "r_total");
  definition.alerts.clear();  // google's windows are of minutes
  const TimeRange range{kStart + 4 * kDayMs, kStart + 34 * kDayMs};
  double total = 0, cells = 0, samples = 0;
  for (auto _ : state) {
    std::vector<std::string> notes;
    const auto track = slo::load(db, definition, range, notes);
    if (!track) return state.SkipWithError(track.error().message.c_str());
    total = track->sum(range).total;
    cells = static_cast<double>(track->source().cells);
    samples = static_cast<double>(track->source().samples);
  }
  state.counters["total"] = total;
  state.counters["cells"] = cells;
  state.counters["samples"] = samples;
}
BENCHMARK(BM_SloLoad)
    ->Unit(benchmark::kMillisecond)
    ->ArgNames({"series", "step_m"})
    ->Args({10, 1})
    ->Args({10, 5})
    ->Args({10, 60})
    ->Args({1'000, 1})
    ->Args({1'000, 5})
    ->Args({1'000, 60});

}  // namespace
