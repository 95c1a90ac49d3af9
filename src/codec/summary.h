// What a chunk value tells without being decoded.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>

#include "codec/envelope.h"

namespace hygge {

/// Facts of a whole chunk. Its last time is its start (in the key) plus the span.
struct ChunkSummary {
  ChunkCodec codec = ChunkCodec::gorilla;
  ChunkShape shape = ChunkShape::unknown;
  std::uint32_t count = 0;
  DurationMs span_ms = 0;
  double first = 0;
  /// Constant and non-decreasing chunks: every value lies in first … last; constant: all are first,
  /// bit for bit. None otherwise.
  std::optional<double> last;

  /// The increase of a counter over the chunk; exact, as there is no reset inside. None where that
  /// takes decoding, and for values that are not finite.
  [[nodiscard]] std::optional<double> increase() const noexcept;
};

/// Errors: version, corruption (as far as it shows without decoding). O(n / 16), Gorilla O(1).
[[nodiscard]] Result<ChunkSummary> summary(Bytes value);

}  // namespace hygge
