// Hash to number by open addressing: eight bytes a slot, so that a probe is one cache line. Only 32
// bits of the hash are kept; whoever asks compares what the number stands for.
//
// A slot's place is given by the hash's highest bits. Growing therefore reads and writes in order.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "storage/index/block_array.h"

namespace hygge::storage {

class HashSlots {
 public:
  /// The number under `hash` for which `equal(number)` holds.
  template <typename Equal>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t hash, Equal&& equal) const {
    if (count_ == 0) return std::nullopt;
    for (std::size_t i = home(hash);; i = (i + 1) & mask_) {
      const Slot slot = slots_[i];
      if (slot.number == 0) return std::nullopt;
      if (slot.hash == hash && equal(slot.number)) return slot.number;
    }
  }
  /// Hints that find() is going to be called for `hash`.
  void prefetch(std::uint32_t hash) const noexcept {
    if (count_ > 0) __builtin_prefetch(&slots_[home(hash)]);
  }
  /// A number that find() may ask `equal` about first; 0: there is none. For prefetching.
  [[nodiscard]] std::uint32_t candidate(std::uint32_t hash) const noexcept {
    if (count_ == 0) return 0;
    const Slot slot = slots_[home(hash)];
    return slot.hash == hash ? slot.number : 0;
  }
  /// `number` is not 0. Several numbers may have one hash.
  void add(std::uint32_t hash, std::uint32_t number) {
    HYGGE_ASSERT(number != 0);
    // Three quarters full: 2.5 slots a hit, 8.5 a miss on average, a line or two.
    if (slots_ == nullptr || 4 * (count_ + 1) > 3 * (mask_ + 1)) grow();
    place({hash, number});
    ++count_;
  }
  /// `number` is there, under `hash`.
  void remove(std::uint32_t hash, std::uint32_t number) noexcept {
    std::size_t hole = home(hash);
    while (slots_[hole].number != number) hole = (hole + 1) & mask_;
    // What stands behind moves up, so that no search ends at the hole before it has met it.
    for (std::size_t i = (hole + 1) & mask_; slots_[i].number != 0; i = (i + 1) & mask_) {
      if (((i - home(slots_[i].hash)) & mask_) < ((i - hole) & mask_)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --count_;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(Slot);
  }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t number;  ///< 0: free
  };
  static constexpr unsigned kFirstBits = 6;

  [[nodiscard]] std::size_t home(std::uint32_t hash) const noexcept { return hash >> shift_; }
  void place(Slot slot) noexcept {
    std::size_t i = home(slot.hash);
    while (slots_[i].number != 0) i = (i + 1) & mask_;
    slots_[i] = slot;
  }
  void grow() {
    HYGGE_ASSERT(shift_ > 0);
    const std::size_t old_count = slots_ == nullptr ? 0 : mask_ + 1;
    PlainArray<Slot> old = std::move(slots_);
    if (old_count > 0) --shift_;
    mask_ = (std::size_t{1} << (32U - shift_)) - 1;
    slots_ = zeroed_array<Slot>(mask_ + 1);
    for (std::size_t i = 0; i < old_count; ++i) {
      if (old[i].number != 0) place(old[i]);
    }
  }

  PlainArray<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t count_ = 0;
  unsigned shift_ = 32 - kFirstBits;
};

}  // namespace hygge::storage
