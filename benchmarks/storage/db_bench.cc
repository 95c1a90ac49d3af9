// The engine as a program drives it: appends by id and by labels with log and flush, opening,
// scanning. Rates are per CPU second of the whole process, RocksDB's threads included.
#include <benchmark/benchmark.h>
#include <hygge/hygge.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "benchmarks/support/folder.h"
#include "benchmarks/support/series.h"

namespace hygge {
namespace {

using bench::Folder;
using benchmark::Counter;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 10'000;

Options options() {
  Options out;
  out.create_if_missing = true;
  return out;
}

Labels labels_of(int k) {
  return Labels::from({{"__name__", "http_requests_total"},
                       {"instance", "10.0.0." + std::to_string(k % 250) + ":9100"},
                       {"job", "shop"},
                       {"path", "/p/" + std::to_string(k / 250)}})
      .value();
}

double value_of(int k, int scrape) {
  switch (k % 4) {
    case 0:
      return 42;
    case 1:
      return static_cast<double>(scrape) * (k % 90 + 1);
    case 2:
      return static_cast<double>((k * 31 + scrape * 7) % 10'000) / 100;
    default:
      return static_cast<double>(k * 7919 % 1000 + scrape) / 7;
  }
}

// `scrapes` scrapes of 10,000 series, a batch each; ends flushed. Errors end the program: there is
// nothing to measure then.
void write_scrapes(Db& db, int scrapes, bool by_id) {
  std::vector<SeriesId> ids;
  std::vector<Labels> labels;
  for (int k = 0; k < kSeries; ++k) {
    labels.push_back(labels_of(k));
    if (by_id) ids.push_back(db.series(labels.back()).value());
  }
  Batch batch;
  for (int scrape = 0; scrape < scrapes; ++scrape) {
    batch.clear();
    const TimeMs t = kStart + scrape * 10'000;
    for (int k = 0; k < kSeries; ++k) {
      const double v = value_of(k, scrape);
      if (by_id) {
        batch.add(ids[static_cast<std::size_t>(k)], t, v);
      } else {
        batch.add(labels[static_cast<std::size_t>(k)], t, v);
      }
    }
    if (!db.write(batch)) std::abort();
  }
  if (!db.flush()) std::abort();
}

void append(benchmark::State& state, bool by_id) {
  const auto scrapes = static_cast<int>(state.range(0));
  double bytes = 0;
  for (auto _ : state) {
    const Folder folder;
    Db db = Db::open(folder.db(), options()).value();
    write_scrapes(db, scrapes, by_id);
    state.PauseTiming();
    bytes = static_cast<double>(db.stats()->chunks.bytes);
    static_cast<void>(db.close());
    state.ResumeTiming();
  }
  const double samples = static_cast<double>(scrapes) * kSeries;
  state.counters["samples/s"] = Counter(samples, Counter::kIsIterationInvariantRate);
  state.counters["bytes/sample"] = bytes / samples;
}
void BM_AppendById(benchmark::State& state) { append(state, true); }
void BM_AppendByLabels(benchmark::State& state) { append(state, false); }
BENCHMARK(BM_AppendById)
    ->ArgName("scrapes")
    ->Arg(360)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(2);
BENCHMARK(BM_AppendByLabels)
    ->ArgName("scrapes")
    ->Arg(360)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(2);

// Opening after kill -9, with all that was written still in the log: what the log's budget allows
// at most. The copy is what the kernel has when the process is gone.
void BM_RestartAfterKill(benchmark::State& state) {
  const auto scrapes = static_cast<int>(state.range(0));
  const Folder written;
  {
    Options manual = options();
    manual.maintenance = Maintenance::manual;
    Db db = Db::open(written.db(), manual).value();
    Batch batch;
    for (int scrape = 0; scrape < scrapes; ++scrape) {
      batch.clear();
      for (int k = 0; k < kSeries; ++k) {
        const SeriesId id = db.series(labels_of(k)).value();
        batch.add(id, kStart + scrape * 10'000, value_of(k, scrape));
      }
      if (!db.write(batch)) std::abort();
    }
    std::filesystem::copy(written.db(), written.db() + "-killed",
                          std::filesystem::copy_options::recursive);
  }
  double replayed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Folder folder;
    std::filesystem::copy(written.db() + "-killed", folder.db(),
                          std::filesystem::copy_options::recursive);
    state.ResumeTiming();
    auto db = Db::open(folder.db(), options());
    if (!db) std::abort();
    state.PauseTiming();
    replayed = static_cast<double>(db->open_report().replayed_samples);
    static_cast<void>(db->close());
    state.ResumeTiming();
  }
  state.counters["replayed"] = replayed;
}
BENCHMARK(BM_RestartAfterKill)
    ->ArgName("scrapes")
    ->Arg(200)
    ->Arg(1'300)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);

// One database of an hour for everything that reads.
const Folder& hour() {
  static const Folder folder;
  static const bool written = [] {
    Db db = Db::open(folder.db(), options()).value();
    write_scrapes(db, 360, true);
    return db.compact() && db.close();
  }();
  if (!written) std::abort();
  return folder;
}

void BM_OpenCleanlyClosed(benchmark::State& state) {
  const std::string dir = hour().db();
  for (auto _ : state) {
    const auto db = Db::open_read_only(dir, options());
    if (!db) state.SkipWithError(db.error().message.c_str());
  }
  state.SetLabel("10,000 series, 3.6 M samples");
}
BENCHMARK(BM_OpenCleanlyClosed)->Unit(benchmark::kMillisecond);

void BM_Scan(benchmark::State& state) {
  const Db db = Db::open_read_only(hour().db(), options()).value();
  std::size_t samples = 0;
  for (auto _ : state) {
    samples = 0;
    const View view = db.view({selector("http_requests_total").value()}, everything()).value();
    for (const Series& series : view.series(0)) {
      BlockCursor blocks = series.blocks();
      while (const Block* block = blocks.next()) samples += block->t.size();
    }
    benchmark::DoNotOptimize(samples);
  }
  state.counters["samples/s"] =
      Counter(static_cast<double>(samples), Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Scan)->Unit(benchmark::kMillisecond);

void BM_QuerySumRate(benchmark::State& state) {
  const Db db = Db::open_read_only(hour().db(), options()).value();
  for (auto _ : state) {
    const auto answer =
        promql::query(db, "sum by (path) (rate(http_requests_total[5m]))",
                      steps(kStart + 600'000, kStart + 3'600'000, std::chrono::minutes(1)));
    if (!answer) state.SkipWithError(answer.error().message.c_str());
    benchmark::DoNotOptimize(answer->series.size());
  }
  state.counters["samples/s"] = Counter(3.6e6, Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_QuerySumRate)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hygge
