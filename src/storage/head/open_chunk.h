// The open chunk of a series and partition, and where all of them live.
#pragma once

#include <hygge/gorilla.h>
#include <hygge/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "codec/envelope.h"

namespace hygge::storage {

inline constexpr std::uint32_t kHeadChunkSamples = 240;
inline constexpr DurationMs kHeadChunkSpanMs = 2 * kHourMs;

class OpenChunks;

/// Samples in rising order, encoded eight at a time. Where thousands of series are written to in
/// turn, what an append touches has left the caches since the one before, and an encoder is six
/// cache lines: so the newest samples wait as they came, in two.
class alignas(64) OpenChunk {
 public:
  /// To be started.
  OpenChunk() = default;
  /// Without samples, whatever it held before.
  void start(TimeMs start_ms, std::uint64_t first_sequence) noexcept;

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

  friend class OpenChunks;

  TimeMs start_ms_ = 0;
  TimeMs last_ms_ = 0;
  std::uint64_t first_sequence_ = 0;
  std::uint32_t minute_ = 0;
  std::uint16_t encoded_count_ = 0;
  std::uint16_t waiting_ = 0;                ///< of t_ and v_
  std::array<std::uint32_t, kWaiting> t_{};  ///< since start_ms; one cache line up to here
  std::array<double, kWaiting> v_{};
  Encoded encoded_;
  OpenChunks* home_ = nullptr;
};

/// The memory of open chunks. Chunks that closed are started again, the last one first: with
/// buffers that are long enough already, and all of them on few pages, so that an append to one
/// series after the other does not wait for the tables of pages.
class OpenChunks {
 public:
  struct GiveBack {
    void operator()(OpenChunk* chunk) const noexcept { chunk->home_->give_back(chunk); }
  };
  using Ptr = std::unique_ptr<OpenChunk, GiveBack>;

  OpenChunks() = default;
  OpenChunks(const OpenChunks&) = delete;
  OpenChunks& operator=(const OpenChunks&) = delete;

  /// Started; to be given back before these end.
  [[nodiscard]] Ptr take(TimeMs start_ms, std::uint64_t first_sequence);
  /// Of those taken.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// A fair guess: all chunks that there are, and the bits of those taken.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return blocks_.size() * kBlockChunks * sizeof(OpenChunk) + size_ * 320;
  }

 private:
  static constexpr std::size_t kBlockChunks = 64;

  void give_back(OpenChunk* chunk) noexcept;

  std::vector<std::unique_ptr<OpenChunk[]>> blocks_;
  std::vector<OpenChunk*> free_;  ///< has room for all
  std::size_t size_ = 0;
};

}  // namespace hygge::storage
