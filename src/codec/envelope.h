// The value of a chunk in the store: a few facts that spare decoding, then the payload.
//
//   byte    bits 0–3 codec id (0 Gorilla, 1 Pack), bits 4–5 shape, bits 6–7 zero
//   varint  span = last time − first time, ms
//   number  the last value            only if shape = 2
//   payload times relative to the chunk's start, so that the first is 0
//
//   number  byte e, 0 … 15, then varint zigzag(q): the value q / 10^e; or byte 0x7f, then u64le
//   bits
//
// There is no checksum: the store's blocks have one. The start stands in the key.
#pragma once

#include <hygge/error.h>
#include <hygge/gorilla.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace hygge {

/// How the payload is written. Open chunks are Gorilla; sealing keeps the smaller of the two.
enum class ChunkCodec : std::uint8_t { gorilla = 0, pack = 1 };
[[nodiscard]] const char* to_string(ChunkCodec codec) noexcept;

enum class ChunkShape : std::uint8_t {
  unknown = 0,         ///< a NaN, a staleness marker or an infinity is inside
  constant = 1,        ///< all bits equal, whatever they are
  non_decreasing = 2,  ///< all finite, none below the one before it, not constant
  other = 3,           ///< all finite
};

/// Learns the shape of a run of values, one at a time.
class ShapeTracker {
 public:
  void add(double v) noexcept {
    if (!any_) {
      first_ = v;
      any_ = true;
    } else {
      constant_ = constant_ && same_bits(v, first_);
      rising_ = rising_ && v >= last_;
    }
    finite_ = finite_ && std::isfinite(v);
    last_ = v;
  }
  [[nodiscard]] ChunkShape shape() const noexcept;
  [[nodiscard]] double last() const noexcept { return last_; }

 private:
  double first_ = 0;
  double last_ = 0;
  bool any_ = false;
  bool constant_ = true;
  bool finite_ = true;
  bool rising_ = true;
};

struct Envelope {
  ChunkCodec codec = ChunkCodec::gorilla;
  ChunkShape shape = ChunkShape::unknown;
  DurationMs span_ms = 0;
  std::optional<double> last;  ///< with shape non_decreasing
  Bytes payload;               ///< points into the value
};

/// Appends everything before the payload.
void append_envelope(std::string& out, ChunkShape shape, DurationMs span_ms, double last,
                     ChunkCodec codec = ChunkCodec::gorilla);

/// Errors: version (a codec or bits that this library does not know), corruption (cut short).
[[nodiscard]] Result<Envelope> read_envelope(Bytes value);

/// A whole chunk value (Gorilla) of samples with strictly rising times; `t` is absolute.
[[nodiscard]] std::string encode_chunk(std::span<const TimeMs> t, std::span<const double> v);

/// Samples of one chunk, with absolute times.
using ChunkSamples = gorilla::Samples;

/// Replaces `out` by the samples of a chunk that starts at `start_ms`.
/// Errors: version, corruption (also when times do not rise or the envelope does not fit).
[[nodiscard]] Result<void> decode_chunk(Bytes value, TimeMs start_ms, ChunkSamples& out);

/// How many samples a chunk value holds, without decoding it.
[[nodiscard]] Result<std::uint32_t> chunk_count(Bytes value);

}  // namespace hygge
