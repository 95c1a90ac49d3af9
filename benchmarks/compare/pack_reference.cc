// Pack, with each set of kernels, beside Gorilla and beside the prototype that Pack was written
// after: the same chunks, in turn, in one process. Thread CPU time, median of the rounds; bytes a
// sample as they are and in blocks of 16 KiB under ZSTD-3. Usage: pack_reference [samples per chunk
// [chunks]]
#include <time.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <pack.hpp>

#include "benchmarks/codec/classes.h"
#include "benchmarks/codec/recording.h"
#include "codec/pack/pack.h"
#include "hygge/gorilla.h"

namespace {

using hygge::bench::Chunk;
using hygge::bench::ChunkClass;
using hygge::pack::Kernels;

constexpr int kRounds = 9;

double timed(const std::function<void()>& work) {
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  };
  const double before = now();
  work();
  return now() - before;
}

struct Row {
  std::string name;
  std::function<void()> encode;
  std::function<void()> decode;
  std::vector<double> encode_ns, decode_ns;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

std::vector<std::string> padded(const std::vector<std::string>& payloads) {
  std::vector<std::string> out;
  for (const std::string& payload : payloads) out.push_back(payload + std::string(64, '\0'));
  return out;
}

hygge::Bytes body(const std::string& with_pad) {
  return hygge::as_bytes(std::string_view(with_pad).substr(0, with_pad.size() - 64));
}

void compare(const ChunkClass& kind) {
  const auto samples = static_cast<double>(kind.samples());
  std::vector<std::string> packed, gorillas;
  for (const Chunk& chunk : kind.chunks) {
    hygge::pack::Encoder().append(chunk.t, chunk.v, packed.emplace_back());
    const auto theirs = codec_ref::pack::encode(chunk.t, chunk.v);
    if (packed.back().size() != theirs.size() ||
        std::memcmp(packed.back().data(), theirs.data(), theirs.size()) != 0) {
      std::fprintf(stderr, "%s: not the prototype's bytes\n", kind.name.c_str());
      std::abort();
    }
    hygge::gorilla::Encoder().append(chunk.t, chunk.v, gorillas.emplace_back());
  }
  const std::vector<std::string> pack_in = padded(packed), gorilla_in = padded(gorillas);
  hygge::gorilla::Samples out;
  codec_ref::Samples reference;
  std::string bytes;
  hygge::gorilla::Encoder gorilla;
  std::vector<hygge::pack::Encoder> encoders;
  std::vector<Row> rows;
  rows.push_back({"gorilla",
                  [&] {
                    for (const Chunk& c : kind.chunks)
                      bytes.clear(), gorilla.append(c.t, c.v, bytes);
                  },
                  [&] {
                    for (const std::string& p : gorilla_in) {
                      if (hygge::gorilla::decode_padded(body(p), out) !=
                          hygge::gorilla::Error::none) {
                        std::abort();
                      }
                    }
                  },
                  {},
                  {}});
  const hygge::pack::UsableKernels usable = hygge::pack::usable_kernels();
  encoders.reserve(usable.count);
  for (std::size_t i = 0; i < usable.count; ++i) {
    const Kernels* set = usable.sets[i];
    encoders.emplace_back(*set);
    rows.push_back({std::string("pack, ") + set->name,
                    [&, i] {
                      for (const Chunk& c : kind.chunks)
                        bytes.clear(), encoders[i].append(c.t, c.v, bytes);
                    },
                    [&, set] {
                      for (const std::string& p : pack_in) {
                        if (hygge::pack::decode_padded(body(p), out.t, out.v, *set) !=
                            hygge::pack::Error::none) {
                          std::abort();
                        }
                      }
                    },
                    {},
                    {}});
  }
  for (const codec_ref::pack::Kernels* set : codec_ref::pack::usable_kernels()) {
    rows.push_back({std::string("prototype, ") + set->name,
                    [&] {
                      for (const Chunk& c : kind.chunks) codec_ref::pack::encode(c.t, c.v);
                    },
                    [&, set] {
                      for (const std::string& p : pack_in) {
                        if (codec_ref::pack::decode_padded(body(p), reference, *set) !=
                            codec_ref::Error::none) {
                          std::abort();
                        }
                      }
                    },
                    {},
                    {}});
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Row& row : rows) {
      row.encode_ns.push_back(timed(row.encode));
      row.decode_ns.push_back(timed(row.decode));
    }
  }
  const auto per_sample = [&](std::size_t size) { return static_cast<double>(size) / samples; };
  const auto size_of = [](const std::vector<std::string>& payloads) {
    std::size_t size = 0;
    for (const std::string& payload : payloads) size += payload.size();
    return size;
  };
  std::printf("%s: B/sample Gorilla %.3f, stacked %.3f; Pack %.3f, stacked %.3f\n",
              kind.name.c_str(), per_sample(size_of(gorillas)),
              per_sample(hygge::bench::stacked_bytes(gorillas)), per_sample(size_of(packed)),
              per_sample(hygge::bench::stacked_bytes(packed)));
  for (const Row& row : rows) {
    std::printf("  %-22s encode %6.2f ns   decode %6.2f ns\n", row.name.c_str(),
                median(row.encode_ns) / samples, median(row.decode_ns) / samples);
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t samples = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'024;
  const std::size_t chunks = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 300;
  std::printf("chunks of %zu samples; ns a sample\n", samples);
  for (const ChunkClass& kind : hygge::bench::chunk_classes(chunks, samples)) compare(kind);
  const ChunkClass shop{"examples/shop", hygge::bench::recording(samples)};
  if (!shop.chunks.empty()) compare(shop);
  return 0;
}
