// Cells of a day: what computing and writing them adds to a seal, per sample, both default tiers;
// their size; and what reading them back costs per cell.
#include <benchmark/benchmark.h>

#include <span>
#include <string>
#include <vector>

#include "benchmarks/support/series.h"
#include "window/cell_builder.h"
#include "window/cell_row.h"
#include "window/sketch.h"

namespace hygge::windows {
namespace {

using benchmark::Counter;

constexpr TimeMs kMidnight = 1'767'225'600'000;
constexpr std::size_t kSeries = 8;
constexpr std::size_t kScrapes = kDayMs / 15'000 - 1;

struct Day {
  std::vector<bench::SampleRun> series;
  CellParts parts;
  std::size_t samples = 0;

  explicit Day(bench::Class kind) : parts{kind != bench::Class::counter, false} {
    for (std::size_t i = 0; i < kSeries; ++i) {
      series.push_back(bench::make_run(kind, kScrapes, i));
      samples += series.back().t.size();
    }
  }
};

constexpr DurationMs kTiers[] = {5 * kMinuteMs, kHourMs};

void BM_CellsOfADay(benchmark::State& state) {
  const auto kind = static_cast<bench::Class>(state.range(0));
  const Day day(kind);
  CellRowEncoder encoder;
  std::vector<TimedCell> cells;
  std::vector<TimedCell> hours;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const bench::SampleRun& run : day.series) {
      cells.clear();
      add_to_cells(run.t, run.v, kTiers[0], cells, day.parts);
      coarser(cells, kTiers[1], hours);
      bytes += encoder.encode(cells, kMidnight, kTiers[0], day.parts).size();
      bytes += encoder.encode(hours, kMidnight, kTiers[1], day.parts).size();
    }
  }
  state.SetLabel(bench::name_of(kind));
  const auto samples = static_cast<double>(day.samples);
  state.counters["ns/sample"] =
      Counter(samples * 1e-9, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / samples;
}
BENCHMARK(BM_CellsOfADay)->DenseRange(0, 3);

// The same with quantile sketches of 1 %.
void BM_SketchedCellsOfADay(benchmark::State& state) {
  const auto kind = static_cast<bench::Class>(state.range(0));
  const Day day(kind);
  constexpr CellParts kParts{true, false, true};
  constexpr std::uint32_t kPpm = 10'000;
  const SketchScale scale(kPpm);
  CellRowEncoder encoder;
  SketchBuilder builder;
  std::vector<TimedCell> cells;
  std::vector<TimedCell> hours;
  CellSketches sketches;
  CellSketches of_hours;
  std::size_t bytes = 0;
  std::size_t sketch_bytes = 0;
  const auto write = [&](const std::vector<TimedCell>& some, DurationMs tier,
                         const CellSketches& their) {
    const std::string row = encoder.encode(some, kMidnight, tier, kParts, &their);
    bytes += row.size();
    sketch_bytes += describe_row(as_bytes(row))->sketch_bytes;
  };
  for (auto _ : state) {
    bytes = 0;
    sketch_bytes = 0;
    for (const bench::SampleRun& run : day.series) {
      cells.clear();
      add_to_cells(run.t, run.v, kTiers[0], cells, kParts);
      coarser(cells, kTiers[1], hours);
      builder.build(run.t, run.v, cells, kTiers[0], scale, sketches);
      builder.coarser(cells, sketches, hours, kTiers[1], of_hours);
      write(cells, kTiers[0], sketches);
      write(hours, kTiers[1], of_hours);
    }
  }
  state.SetLabel(bench::name_of(kind));
  const auto samples = static_cast<double>(day.samples);
  state.counters["ns/sample"] =
      Counter(samples * 1e-9, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / samples;
  state.counters["sketch_bytes/sample"] = static_cast<double>(sketch_bytes) / samples;
}
BENCHMARK(BM_SketchedCellsOfADay)->DenseRange(0, 3);

void BM_ReadCells(benchmark::State& state) {
  const auto kind = static_cast<bench::Class>(state.range(0));
  const Day day(kind);
  CellRowEncoder encoder;
  std::vector<std::string> rows;
  std::size_t stored = 0;
  for (const bench::SampleRun& run : day.series) {
    std::vector<TimedCell> cells;
    add_to_cells(run.t, run.v, kTiers[0], cells, day.parts);
    stored += cells.size();
    rows.push_back(encoder.encode(cells, kMidnight, kTiers[0], day.parts));
  }
  CellRowDecoder decoder;
  std::vector<TimedCell> out;
  for (auto _ : state) {
    for (const std::string& row : rows) {
      out.clear();
      if (!decoder.decode(as_bytes(row), kMidnight, kTiers[0], day.parts, out)) {
        state.SkipWithError("a row does not decode");
        return;
      }
      benchmark::DoNotOptimize(out.data());
    }
  }
  state.SetLabel(bench::name_of(kind));
  state.counters["ns/cell"] = Counter(static_cast<double>(stored) * 1e-9,
                                      Counter::kIsIterationInvariantRate | Counter::kInvert);
}
BENCHMARK(BM_ReadCells)->DenseRange(0, 3);

}  // namespace
}  // namespace hygge::windows
