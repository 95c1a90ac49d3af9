// Gorilla: encode, decode, and appending to 10,000 open chunks in turn. Arguments: class of
// samples, samples per chunk.
#include <benchmark/benchmark.h>
#include <hygge/gorilla.h>

#include <deque>

#include "benchmarks/support/series.h"

namespace hygge {
namespace {

using benchmark::Counter;

void report(benchmark::State& state, std::size_t samples, std::size_t bytes) {
  state.SetLabel(bench::name_of(static_cast<bench::Class>(state.range(0))));
  state.counters["samples/s"] =
      Counter(static_cast<double>(samples), Counter::kIsIterationInvariantRate);
  if (bytes > 0) {
    state.counters["bytes/sample"] = static_cast<double>(bytes) / static_cast<double>(samples);
  }
}

void BM_GorillaEncode(benchmark::State& state) {
  const auto run = bench::make_run(static_cast<bench::Class>(state.range(0)),
                                   static_cast<std::size_t>(state.range(1)), 1);
  gorilla::Encoder encoder;
  std::vector<std::uint8_t> out;
  for (auto _ : state) {
    out.clear();
    encoder.append(run.t, run.v, out);
    benchmark::DoNotOptimize(out.data());
  }
  report(state, run.t.size(), out.size());
}

void BM_GorillaDecode(benchmark::State& state) {
  const auto run = bench::make_run(static_cast<bench::Class>(state.range(0)),
                                   static_cast<std::size_t>(state.range(1)), 1);
  auto payload = gorilla::encode(run.t, run.v);
  const std::size_t bytes = payload.size();
  payload.resize(bytes + gorilla::kReadPadBytes);
  gorilla::Samples out;
  for (auto _ : state) {
    const gorilla::Error error = gorilla::decode_padded({payload.data(), bytes}, out);
    if (error != gorilla::Error::none) state.SkipWithError(gorilla::to_string(error));
    benchmark::DoNotOptimize(out.v.data());
  }
  report(state, run.t.size(), bytes);
}

void BM_OpenChunkAppend(benchmark::State& state) {
  constexpr std::size_t kChunks = 10'000;
  const auto run = bench::make_run(static_cast<bench::Class>(state.range(0)), 240, 1);
  for (auto _ : state) {
    state.PauseTiming();
    std::deque<gorilla::OpenChunk> chunks;
    for (std::size_t i = 0; i < kChunks; ++i) chunks.emplace_back(240);
    state.ResumeTiming();
    for (std::size_t i = 0; i < 100; ++i) {
      for (gorilla::OpenChunk& chunk : chunks) chunk.append(run.t[i], run.v[i]);
    }
  }
  report(state, kChunks * 100, 0);
}

void classes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"class", "samples"});
  for (int kind = 0; kind < 4; ++kind) {
    for (const int samples : {120, 240, 1'000}) bench->Args({kind, samples});
  }
}
BENCHMARK(BM_GorillaEncode)->Apply(classes);
BENCHMARK(BM_GorillaDecode)->Apply(classes);
BENCHMARK(BM_OpenChunkAppend)->ArgName("class")->DenseRange(0, 3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hygge
