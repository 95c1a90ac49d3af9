// Pack and Gorilla by class of samples: encode and decode, bytes a sample as they are and in blocks
// of 16 KiB under ZSTD-3. Arguments: class (the last is the recording of examples/shop), set of
// kernels.
#include <benchmark/benchmark.h>

#include "benchmarks/codec/classes.h"
#include "benchmarks/codec/recording.h"
#include "codec/pack/pack.h"

namespace hygge {
namespace {

constexpr std::size_t kChunks = 200;
constexpr std::size_t kChunkSamples = 1'024;

const std::vector<bench::ChunkClass>& classes() {
  static const std::vector<bench::ChunkClass> all = [] {
    auto out = bench::chunk_classes(kChunks, kChunkSamples);
    out.push_back({"examples/shop", bench::recording(kChunkSamples)});
    return out;
  }();
  return all;
}

std::vector<std::string> packed(const bench::ChunkClass& kind) {
  std::vector<std::string> out;
  pack::Encoder encoder;
  for (const bench::Chunk& chunk : kind.chunks)
    encoder.append(chunk.t, chunk.v, out.emplace_back());
  return out;
}

// False, and said so, where the processor has no such kernels.
bool pick(benchmark::State& state) {
  const auto set = static_cast<std::size_t>(state.range(1));
  const pack::UsableKernels usable = pack::usable_kernels();
  if (set >= usable.count) {
    state.SkipWithError("no such kernels on this processor");
    return false;
  }
  const bench::ChunkClass& kind = classes()[static_cast<std::size_t>(state.range(0))];
  state.SetLabel(kind.name + ", " + usable.sets[set]->name);
  return pack::force_kernels(usable.sets[set]->name);
}

void report(benchmark::State& state, const bench::ChunkClass& kind,
            const std::vector<std::string>& payloads) {
  pack::force_kernels("");
  const auto samples = static_cast<double>(kind.samples());
  std::size_t bytes = 0;
  for (const std::string& payload : payloads) bytes += payload.size();
  state.counters["samples/s"] =
      benchmark::Counter(samples, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / samples;
  state.counters["stacked/sample"] = static_cast<double>(bench::stacked_bytes(payloads)) / samples;
}

void BM_PackEncode(benchmark::State& state) {
  if (!pick(state)) return;
  const bench::ChunkClass& kind = classes()[static_cast<std::size_t>(state.range(0))];
  pack::Encoder encoder;
  std::string out;
  for (auto _ : state) {
    for (const bench::Chunk& chunk : kind.chunks) {
      out.clear();
      encoder.append(chunk.t, chunk.v, out);
      benchmark::DoNotOptimize(out.data());
    }
  }
  report(state, kind, packed(kind));
}

void BM_PackDecode(benchmark::State& state) {
  if (!pick(state)) return;
  const bench::ChunkClass& kind = classes()[static_cast<std::size_t>(state.range(0))];
  const std::vector<std::string> payloads = packed(kind);
  std::vector<TimeMs> t;
  std::vector<double> v;
  for (auto _ : state) {
    for (const std::string& payload : payloads) {
      if (pack::decode(as_bytes(payload), t, v) != pack::Error::none) std::abort();
      benchmark::DoNotOptimize(v.data());
    }
  }
  report(state, kind, payloads);
}

void every_class_and_set(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"class", "kernels"});
  for (int kind = 0; kind <= 10; ++kind) {
    for (int set = 0; set < static_cast<int>(pack::usable_kernels().count); ++set) {
      bench->Args({kind, set});
    }
  }
  bench->Unit(benchmark::kMillisecond);
}
BENCHMARK(BM_PackEncode)->Apply(every_class_and_set);
BENCHMARK(BM_PackDecode)->Apply(every_class_and_set);

}  // namespace
}  // namespace hygge
