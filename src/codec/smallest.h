// What sealing writes: chunk values in whichever codec is smaller.
#pragma once

#include <hygge/gorilla.h>
#include <hygge/time.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codec/envelope.h"
#include "codec/pack/pack.h"

namespace hygge {

/// Samples of a sealed chunk, at most.
inline constexpr std::size_t kSealedChunkSamples = 1'024;

/// Encodes chunk after chunk; keeps its memory between calls. One thread at a time.
class SmallestEncoder {
 public:
  /// The whole chunk value, envelope included, of 1 … 65,535 samples with strictly rising times
  /// (`t` is absolute): the smaller of Gorilla and Pack, Pack of equals. Equal input gives equal
  /// bytes. O(n).
  [[nodiscard]] std::string encode(std::span<const TimeMs> t, std::span<const double> v);

 private:
  gorilla::Encoder gorilla_;
  pack::Encoder pack_;
  std::vector<TimeMs> relative_;
  std::string gorilla_payload_;
  std::string pack_payload_;
};

/// The same for a single chunk.
[[nodiscard]] std::string smallest_encoding(std::span<const TimeMs> t, std::span<const double> v);
[[nodiscard]] inline std::string smallest_encoding(const ChunkSamples& samples) {
  return smallest_encoding(samples.t, samples.v);
}

}  // namespace hygge
