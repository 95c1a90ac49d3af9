// How chunks of samples are written: which codec, how packed, how large.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hygge {

/// How one chunk is written. Names point to static text.
struct ChunkReport {
  /// What the codec Pack does, or would do, with a chunk.
  struct Packing {
    std::uint64_t bytes = 0;       ///< of the chunk value in Pack, envelope included
    std::string_view times;        ///< predictor: "for", "grid", "delta" or "delta2"
    std::string_view values;       ///< "constant", "xor" or "scaled"
    std::string_view predictor;    ///< of scaled values; "" for the others
    double divisor = 1;            ///< of scaled values: they are integers / divisor
    bool last_bits = false;        ///< scaled, with corrections of the last bits
    std::uint64_t exceptions = 0;  ///< scaled, but for so many values stored as they are
    friend bool operator==(const Packing&, const Packing&) = default;
  };

  std::string_view codec;  ///< "gorilla" or "pack"
  std::string_view shape;  ///< "constant", "non_decreasing", "other" (all finite) or "unknown"
  TimeMs first_ms = 0;     ///< of a chunk without a key, the times count from 0
  TimeMs last_ms = 0;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;         ///< of the chunk value
  std::optional<Packing> packing;  ///< of Pack chunks; of others only if it was to be tried
};

/// Takes a chunk value apart, or the bare payload of one codec. `start_ms` is the time of its first
/// sample. With `try_pack`, a Gorilla chunk is encoded in Pack to see. O(n).
/// Errors: corruption (neither), version (a codec that this library does not know).
[[nodiscard]] Result<ChunkReport> inspect_chunk(std::span<const std::uint8_t> bytes,
                                                TimeMs start_ms = 0, bool try_pack = false);

}  // namespace hygge
