// Chunks of the classes that metrics come in, the same on every run; and what blocks of them weigh
// once a store has compressed them.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace hygge::bench {

struct Chunk {
  std::vector<std::int64_t> t;
  std::vector<double> v;
};

struct ChunkClass {
  std::string name;
  std::vector<Chunk> chunks;
  [[nodiscard]] std::size_t samples() const {
    std::size_t out = 0;
    for (const Chunk& chunk : chunks) out += chunk.t.size();
    return out;
  }
};

inline constexpr std::int64_t kScrapeStart = 1'767'225'600'000;

/// Every 15 s, one scrape in ten a few milliseconds off, as Prometheus' are.
inline std::vector<std::int64_t> scrape_times(std::mt19937_64& random, std::size_t count) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto off = random() % 10 == 0 ? static_cast<std::int64_t>(random() % 7) - 3 : 0;
    out.push_back(kScrapeStart + static_cast<std::int64_t>(i) * 15'000 + off);
  }
  return out;
}

/// Values from `next(random, i)`, each chunk with a generator of its own.
template <typename Next>
ChunkClass make_class(std::string name, std::size_t chunks, std::size_t samples, Next make_next) {
  ChunkClass out{std::move(name), {}};
  for (std::size_t c = 0; c < chunks; ++c) {
    std::mt19937_64 random(c + 1);
    Chunk chunk{scrape_times(random, samples), {}};
    auto next = make_next(random);
    while (chunk.v.size() < samples) chunk.v.push_back(next());
    out.chunks.push_back(std::move(chunk));
  }
  return out;
}

inline double uniform(std::mt19937_64& random, std::uint64_t limit) {
  return static_cast<double>(random() % limit);
}

/// Buckets of latency histograms, ten of one after another: counters that mostly stand still.
inline ChunkClass histogram_buckets(std::size_t chunks, std::size_t samples) {
  ChunkClass out{"histogram buckets", {}};
  for (std::size_t h = 0; h < chunks / 10; ++h) {
    std::mt19937_64 random(h + 1);
    const std::vector<std::int64_t> t = scrape_times(random, samples);
    std::vector<Chunk> buckets(10, Chunk{t, {}});
    std::vector<double> counts(10, 0);
    for (std::size_t i = 0; i < samples; ++i) {
      if (random() % 4 == 0) {
        const std::size_t reached = std::min<std::size_t>(9, random() % 5 + random() % 4);
        for (std::size_t b = reached; b < 10; ++b) counts[b] += uniform(random, 3) + 1;
      }
      for (std::size_t b = 0; b < 10; ++b) buckets[b].v.push_back(counts[b]);
    }
    std::move(buckets.begin(), buckets.end(), std::back_inserter(out.chunks));
  }
  return out;
}

/// Seconds or minutes apart, with gaps: what events leave.
inline ChunkClass irregular(std::size_t chunks, std::size_t samples) {
  ChunkClass out{"irregular, 2 decimals", {}};
  for (std::size_t c = 0; c < chunks; ++c) {
    std::mt19937_64 random(c + 1);
    Chunk chunk;
    std::int64_t t = kScrapeStart;
    for (std::size_t i = 0; i < samples; ++i) {
      t += 1'000 + static_cast<std::int64_t>(random() % (random() % 9 == 0 ? 600'000 : 60'000));
      chunk.t.push_back(t);
      chunk.v.push_back(uniform(random, 5'000) / 100);
    }
    out.chunks.push_back(std::move(chunk));
  }
  return out;
}

inline std::vector<ChunkClass> chunk_classes(std::size_t chunks, std::size_t samples) {
  using Random = std::mt19937_64;
  std::vector<ChunkClass> out;
  out.push_back(make_class("constant", chunks, samples, [](Random& random) {
    return [v = uniform(random, 100'000)] { return v; };
  }));
  out.push_back(make_class("integer counter", chunks, samples, [](Random& random) {
    return [&random, v = uniform(random, 1'000'000)]() mutable { return v += uniform(random, 40); };
  }));
  out.push_back(make_class("decimal counter", chunks, samples, [](Random& random) {
    return [&random, hundredths = uniform(random, 10'000'000)]() mutable {
      return (hundredths += uniform(random, 300)) / 100;
    };
  }));
  out.push_back(make_class("integer gauge", chunks, samples, [](Random& random) {
    return [&random, v = uniform(random, 500)]() mutable {
      return v = std::max(0.0, v + (random() % 3 == 0 ? uniform(random, 9) - 4 : 0));
    };
  }));
  out.push_back(make_class("gauge, 2 decimals", chunks, samples, [](Random& random) {
    return [&random, hundredths = 5'000.0]() mutable {
      return (hundredths += uniform(random, 201) - 100) / 100;
    };
  }));
  out.push_back(histogram_buckets(chunks, samples));
  out.push_back(make_class("memory, pages", chunks, samples, [](Random& random) {
    return [&random, pages = 20'000 + uniform(random, 100'000)]() mutable {
      return (pages += uniform(random, 61) - 30) * 4'096;
    };
  }));
  out.push_back(make_class("minute rate, 15 digits", chunks, samples, [](Random& random) {
    return [&random] {
      char text[32];
      std::snprintf(text, sizeof text, "%.15g", (300 + uniform(random, 200)) / 60);
      return std::strtod(text, nullptr);
    };
  }));
  out.push_back(make_class("full double", chunks, samples, [](Random& random) {
    return [&random] { return static_cast<double>(random() >> 11U) * 0x1p-53; };
  }));
  out.push_back(irregular(chunks, samples));
  return out;
}

/// Bytes of payloads, one after another, in blocks of about 16 KiB compressed by ZSTD at level 3.
template <typename Payloads>
std::size_t stacked_bytes(const Payloads& payloads) {
  constexpr std::size_t kBlockBytes = 16'384;
  std::size_t out = 0;
  std::vector<char> block;
  std::vector<char> compressed;
  const auto close = [&] {
    if (block.empty()) return;
    compressed.resize(ZSTD_compressBound(block.size()));
    const std::size_t bytes =
        ZSTD_compress(compressed.data(), compressed.size(), block.data(), block.size(), 3);
    if (ZSTD_isError(bytes) != 0U) std::abort();
    out += std::min(bytes, block.size());
    block.clear();
  };
  for (const auto& payload : payloads) {
    if (block.size() + payload.size() > kBlockBytes) close();
    block.insert(block.end(), payload.begin(), payload.end());
  }
  close();
  return out;
}

}  // namespace hygge::bench
