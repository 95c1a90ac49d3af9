// Gorilla over the recording of examples/shop: every series of it, cut into chunks of 240 samples.
#include <benchmark/benchmark.h>
#include <hygge/formats.h>
#include <hygge/gorilla.h>

#include <vector>

namespace hygge {
namespace {

struct Chunk {
  std::vector<std::int64_t> t;
  std::vector<double> v;
};

// Collects an import as chunks.
class Collector : public formats::Sink {
 public:
  Result<std::uint32_t> series(const Labels&) override {
    open_.emplace_back();
    return static_cast<std::uint32_t>(open_.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    constexpr std::size_t kChunkSamples = 240;
    Chunk& chunk = open_[series];
    chunk.t.push_back(t_ms);
    chunk.v.push_back(v);
    ++samples;
    if (chunk.t.size() == kChunkSamples) chunks.push_back(std::exchange(chunk, {}));
    return {};
  }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }
  void finish() {
    for (Chunk& chunk : open_) {
      if (!chunk.t.empty()) chunks.push_back(std::move(chunk));
    }
  }

  std::vector<Chunk> chunks;
  std::size_t samples = 0;

 private:
  std::vector<Chunk> open_;
};

const Collector& recording() {
  static const Collector collected = [] {
    Collector out;
    auto input = formats::Input::open(HYGGE_SOURCE_DIR "/examples/shop/shop.om.gz");
    if (!input || !formats::import("openmetrics", *input, {}, out)) std::abort();
    out.finish();
    return out;
  }();
  return collected;
}

void report(benchmark::State& state, std::size_t bytes) {
  const auto samples = static_cast<double>(recording().samples);
  state.SetLabel("examples/shop");
  state.counters["samples/s"] =
      benchmark::Counter(samples, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / samples;
}

void BM_RecordingEncode(benchmark::State& state) {
  const Collector& all = recording();
  gorilla::Encoder encoder;
  std::vector<std::uint8_t> out;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const Chunk& chunk : all.chunks) {
      out.clear();
      encoder.append(chunk.t, chunk.v, out);
      bytes += out.size();
    }
  }
  report(state, bytes);
}

void BM_RecordingDecode(benchmark::State& state) {
  std::vector<std::vector<std::uint8_t>> payloads;
  std::size_t bytes = 0;
  for (const Chunk& chunk : recording().chunks) {
    payloads.push_back(gorilla::encode(chunk.t, chunk.v));
    bytes += payloads.back().size();
    payloads.back().resize(payloads.back().size() + gorilla::kReadPadBytes);
  }
  gorilla::Samples out;
  for (auto _ : state) {
    for (const auto& payload : payloads) {
      const std::span<const std::uint8_t> exact(payload.data(),
                                                payload.size() - gorilla::kReadPadBytes);
      if (gorilla::decode_padded(exact, out) != gorilla::Error::none) std::abort();
    }
    benchmark::DoNotOptimize(out.v.data());
  }
  report(state, bytes);
}

BENCHMARK(BM_RecordingEncode)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_RecordingDecode)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hygge
