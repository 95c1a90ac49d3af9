// Window functions over one series of 200,000 samples, 15 s apart, at every step of its range: the
// windows as src/window evaluates them, and `Anew`, the function over the whole window at each
// step, as Prometheus and VictoriaMetrics do.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "window/cell_functions.h"
#include "window/compensated.h"
#include "window/function.h"

namespace hygge {
namespace {

using windows::Function;

constexpr std::size_t kSamples = 200'000;
constexpr DurationMs kScrapeMs = 15'000;

struct Series {
  std::vector<TimeMs> t;
  std::vector<double> v;
};

// A gauge that wanders, or a counter that restarts about once a day; jittered like real scrapes.
Series make_series(bool counter) {
  std::mt19937_64 random(1);
  Series out;
  double value = 1'000;
  for (std::size_t i = 0; i < kSamples; ++i) {
    out.t.push_back(static_cast<TimeMs>(i) * kScrapeMs + static_cast<TimeMs>(random() % 20));
    const auto step = static_cast<double>(random() % 100);
    value = counter && random() % 5'760 == 0 ? 0 : value + (counter ? step : (step - 49.5) / 7);
    out.v.push_back(value);
  }
  return out;
}

bool is_counter(Function function) {
  return function == Function::increase || function == Function::prom_rate;
}

const Series& series_for(Function function) {
  static const Series gauge = make_series(false);
  static const Series counter = make_series(true);
  return is_counter(function) ? counter : gauge;
}

Steps grid_of(const benchmark::State& state) {
  return {0, static_cast<TimeMs>(kSamples) * kScrapeMs, state.range(1) * kSecondMs};
}
DurationMs range_of(const benchmark::State& state) { return state.range(0) * kSecondMs; }

void report(benchmark::State& state, std::size_t steps) {
  using Counter = benchmark::Counter;
  state.counters["samples/s"] =
      Counter(static_cast<double>(kSamples), Counter::kIsIterationInvariantRate);
  state.counters["steps/s"] =
      Counter(static_cast<double>(steps), Counter::kIsIterationInvariantRate);
}

void BM_Window(benchmark::State& state, Function function) {
  const Steps grid = grid_of(state);
  const Series& in = series_for(function);
  std::vector<double> v(grid.count());
  std::vector<std::uint64_t> valid((v.size() + 63) / 64);
  const windows::Spec spec{function, range_of(state), 0.9};
  for (auto _ : state) {
    windows::evaluate(spec, in.t, in.v, grid, 0, {v, valid});
    benchmark::DoNotOptimize(v.data());
    benchmark::ClobberMemory();
  }
  report(state, v.size());
}

// One window, all of its samples looked at.
double anew(Function function, const double* from, const double* to, std::vector<double>& scratch) {
  switch (function) {
    case Function::sum: {
      windows::CompensatedSum sum;
      for (const double* x = from; x != to; ++x) sum.add(*x);
      return sum.value();
    }
    case Function::stddev: {
      double n = 0;
      double mean = 0;
      double m2 = 0;
      for (const double* x = from; x != to; ++x) {
        const double before = *x - mean;
        mean += before / ++n;
        m2 += before * (*x - mean);
      }
      return std::sqrt(m2 / n);
    }
    case Function::max: {
      double max = *from;
      for (const double* x = from; x != to; ++x) {
        if (*x > max || std::isnan(max)) max = *x;
      }
      return max;
    }
    case Function::increase: {
      double sum = to[-1] - *from;
      for (const double* x = from + 1; x != to; ++x) {
        if (*x < x[-1]) sum += x[-1];
      }
      return sum;
    }
    default:
      scratch.assign(from, to);
      std::sort(scratch.begin(), scratch.end());
      return windows::quantile_of_sorted(0.9, scratch);
  }
}

void BM_WindowAnew(benchmark::State& state, Function function) {
  const Steps grid = grid_of(state);
  const DurationMs range_ms = range_of(state);
  const Series& in = series_for(function);
  std::vector<double> v(grid.count());
  std::vector<double> scratch;
  for (auto _ : state) {
    std::size_t lo = 0;
    std::size_t hi = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      const TimeMs at_ms = grid.at(i);
      while (hi < in.t.size() && in.t[hi] <= at_ms) ++hi;
      while (lo < hi && in.t[lo] <= at_ms - range_ms) ++lo;
      if (lo < hi) v[i] = anew(function, in.v.data() + lo, in.v.data() + hi, scratch);
    }
    benchmark::DoNotOptimize(v.data());
    benchmark::ClobberMemory();
  }
  report(state, v.size());
}

// 5m/1m, 5m/15s, 1h/15s, 1d/1m.
void all_windows(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"range_s", "step_s"})->Unit(benchmark::kMillisecond);
  bench->Args({300, 60})->Args({300, 15})->Args({3'600, 15})->Args({86'400, 60});
}
// Without the day, which sorting anew spends minutes on.
void short_windows(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"range_s", "step_s"})->Unit(benchmark::kMillisecond);
  bench->Args({300, 60})->Args({300, 15})->Args({3'600, 15});
}
BENCHMARK_CAPTURE(BM_Window, sum, Function::sum)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_WindowAnew, sum, Function::sum)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, max, Function::max)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_WindowAnew, max, Function::max)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, increase, Function::increase)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_WindowAnew, increase, Function::increase)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, quantile, Function::quantile)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_WindowAnew, quantile, Function::quantile)->Apply(short_windows);
BENCHMARK_CAPTURE(BM_Window, stddev, Function::stddev)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_WindowAnew, stddev, Function::stddev)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, prom_rate, Function::prom_rate)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, avg, Function::avg)->Apply(all_windows);
BENCHMARK_CAPTURE(BM_Window, changes, Function::changes)->Apply(all_windows);

void BM_Downsample(benchmark::State& state) {
  const Series& in = series_for(Function::increase);
  std::vector<TimedCell> cells;
  for (auto _ : state) {
    cells.clear();
    windows::add_to_cells(in.t, in.v, state.range(0) * kSecondMs, cells);
    benchmark::DoNotOptimize(cells.data());
  }
  state.counters["samples/s"] = benchmark::Counter(static_cast<double>(kSamples),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Downsample)
    ->ArgName("resolution_s")
    ->Arg(300)
    ->Arg(3'600)
    ->Unit(benchmark::kMillisecond);

void BM_MergeCells(benchmark::State& state) {
  const Series& in = series_for(Function::increase);
  std::vector<TimedCell> cells;
  windows::add_to_cells(in.t, in.v, 300 * kSecondMs, cells);
  for (auto _ : state) {
    Cell all;
    for (const TimedCell& cell : cells) all.merge(cell.cell);
    benchmark::DoNotOptimize(all);
  }
  state.counters["cells/s"] = benchmark::Counter(static_cast<double>(cells.size()),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_MergeCells)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hygge
