// The recording of examples/shop, cut into chunks.
#pragma once

#include <hygge/formats.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "benchmarks/codec/classes.h"

namespace hygge::bench {

/// Collects an import as chunks.
class ChunkSink : public formats::Sink {
 public:
  explicit ChunkSink(std::size_t samples) : chunk_samples_(samples) {}
  Result<std::uint32_t> series(const Labels&) override {
    open_.emplace_back();
    return static_cast<std::uint32_t>(open_.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    Chunk& chunk = open_[series];
    chunk.t.push_back(t_ms);
    chunk.v.push_back(v);
    if (chunk.t.size() == chunk_samples_) chunks_.push_back(std::exchange(chunk, {}));
    return {};
  }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }
  std::vector<Chunk> finish() {
    for (Chunk& chunk : open_) {
      if (!chunk.t.empty()) chunks_.push_back(std::move(chunk));
    }
    return std::move(chunks_);
  }

 private:
  std::size_t chunk_samples_;
  std::vector<Chunk> open_;
  std::vector<Chunk> chunks_;
};

inline std::vector<Chunk> recording(std::size_t samples_per_chunk) {
  ChunkSink sink(samples_per_chunk);
  auto input = formats::Input::open(HYGGE_SOURCE_DIR "/examples/shop/shop.om.gz");
  if (!input || !formats::import("openmetrics", *input, {}, sink)) std::abort();
  return sink.finish();
}

}  // namespace hygge::bench
