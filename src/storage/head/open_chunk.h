// The open chunk of a series and partition.
#pragma once

#include <hygge/gorilla.h>
#include <hygge/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "codec/envelope.h"

namespace hygge::storage {

inline constexpr std::uint32_t kHeadChunkSamples = 240;
inline constexpr DurationMs kHeadChunkSpanMs = 2 * kHourMs;

/// Samples in rising order, encoded eight at a time. Where thousands of series are written to in
/// turn, what an append touches has left the caches since the one before, and an encoder is six
/// cache lines: so the newest samples wait as they came, in two.
class alignas(64) OpenChunk {
 public:
  OpenChunk(TimeMs start_ms, std::uint64_t first_sequence)
      : start_ms_(start_ms), last_ms_(start_ms), first_sequence_(first_sequence) {}

  /// Whether a sample at `t_ms` belongs into this chunk still, by number and span.
  [[nodiscard]] bool takes(TimeMs t_ms) const noexcept {
    return encoded_count_ + waiting_ < kHeadChunkSamples && t_ms - start_ms_ < kHeadChunkSpanMs;
  }
  /// takes(t_ms), and later than last_ms() unless it is the first. `minute`: the clock's.
  void append(TimeMs t_ms, double v, std::uint32_t minute) {
    t_[waiting_] = static_cast<std::uint32_t>(t_ms - start_ms_);
    v_[waiting_] = v;
    last_ms_ = t_ms;
    minute_ = minute;
    if (++waiting_ == kWaiting) encode();
  }

  [[nodiscard]] TimeMs start_ms() const noexcept { return start_ms_; }
  [[nodiscard]] TimeMs last_ms() const noexcept { return last_ms_; }
  [[nodiscard]] std::uint64_t first_sequence() const noexcept { return first_sequence_; }
  /// Of the newest append.
  [[nodiscard]] std::uint32_t minute() const noexcept { return minute_; }

  /// All samples as a chunk value: envelope and payload. O(samples).
  [[nodiscard]] std::string value() const;
  /// The same, for who drops the chunk afterwards.
  [[nodiscard]] std::string take_value();

  /// Hints that an append comes soon: one after the other, each needs what the one before fetched.
  void prefetch() const noexcept {
    __builtin_prefetch(this, 1);
    __builtin_prefetch(v_.data(), 1);
  }
  void prefetch_encoder() const noexcept {
    if (waiting_ + 1U < kWaiting) return;
    encoded_.samples.prefetch();
    __builtin_prefetch(&encoded_.shape, 1);
  }
  void prefetch_bits() const noexcept {
    if (waiting_ + 1U == kWaiting) encoded_.samples.prefetch_bits();
  }

 private:
  static constexpr std::size_t kWaiting = 8;
  struct Encoded {
    gorilla::Builder samples;  ///< times since start_ms, as the store keeps them
    ShapeTracker shape;
  };

  void encode();

  TimeMs start_ms_;
  TimeMs last_ms_;
  std::uint64_t first_sequence_;
  std::uint32_t minute_ = 0;
  std::uint16_t encoded_count_ = 0;
  std::uint16_t waiting_ = 0;                ///< of t_ and v_
  std::array<std::uint32_t, kWaiting> t_{};  ///< since start_ms; one cache line up to here
  std::array<double, kWaiting> v_{};
  Encoded encoded_;
};

}  // namespace hygge::storage
