// An array of plain units that grows without copying what it holds. Units are named by a 32-bit
// place instead of a pointer; places never change.
//
// Memory comes in blocks of 2 MiB, for which huge pages are asked: what is looked up at random
// would otherwise miss the TLB at each step. The first block begins small and doubles.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "base/assert.h"

namespace hygge::storage {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

/// Gives memory back: to malloc, or what was mapped to the kernel.
struct FreeMemory {
  std::size_t mapped_bytes = 0;
  void operator()(void* memory) const noexcept {
    if (mapped_bytes == 0) {
      std::free(memory);
    } else {
      ::munmap(memory, mapped_bytes);
    }
  }
};
template <typename T>
using PlainArray = std::unique_ptr<T[], FreeMemory>;

/// Zeroed memory that begins and ends with a huge page.
[[nodiscard]] inline void* map_huge_pages(std::size_t bytes) {
  HYGGE_ASSERT(bytes > 0 && bytes % kHugePageBytes == 0);
  // The kernel aligns to small pages: map one huge page more and give back what sticks out.
  void* const mapped = ::mmap(nullptr, bytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  const std::size_t past = reinterpret_cast<std::uintptr_t>(mapped) % kHugePageBytes;
  const std::size_t before = past == 0 ? 0 : kHugePageBytes - past;
  char* const memory = static_cast<char*>(mapped) + before;
  if (before > 0) ::munmap(mapped, before);
  ::munmap(memory + bytes, kHugePageBytes - before);
  // Advice: without huge pages all is well, only slower.
  static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
  return memory;
}

/// `count` zeroed units; from 2 MiB on in huge pages, where the kernel gives them.
template <typename T>
[[nodiscard]] PlainArray<T> zeroed_array(std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t bytes = count * sizeof(T);
  if (bytes < kHugePageBytes) {
    void* const memory = std::calloc(count, sizeof(T));
    if (memory == nullptr) throw std::bad_alloc();
    return PlainArray<T>(static_cast<T*>(memory), FreeMemory{});
  }
  const std::size_t rounded = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  return PlainArray<T>(static_cast<T*>(map_huge_pages(rounded)), FreeMemory{rounded});
}

template <typename T>
class BlockArray {
 public:
  using Place = std::uint32_t;

  /// `count` zeroed units side by side. Pointers from at() hold until the next call.
  [[nodiscard]] Place allocate(std::size_t count) {
    HYGGE_ASSERT(count > 0);
    if (used_ + count > end_) grow(count);
    const std::size_t place = used_;
    used_ += count;
    HYGGE_ASSERT(used_ <= std::size_t{UINT32_MAX} + 1);
    return static_cast<Place>(place);
  }
  [[nodiscard]] T* at(Place place) noexcept { return starts_[place / kUnits] + place % kUnits; }
  [[nodiscard]] const T* at(Place place) const noexcept {
    return starts_[place / kUnits] + place % kUnits;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return allocated_ * sizeof(T) + starts_.capacity() * sizeof(T*);
  }

 private:
  static constexpr std::size_t kUnits = kHugePageBytes / sizeof(T);
  static constexpr std::size_t kFirstUnits = 512;

  void grow(std::size_t count) {
    if (used_ + count <= kUnits) {
      std::size_t units = std::max(kFirstUnits, end_);
      while (units < used_ + count) units *= 2;
      auto block = zeroed_array<T>(units);
      if (used_ > 0) std::memcpy(block.get(), starts_[0], used_ * sizeof(T));
      starts_.assign(1, block.get());
      memory_.clear();
      memory_.push_back(std::move(block));
      allocated_ = end_ = units;
      return;
    }
    // What is left of the last block stays unused: units stand side by side. More than a block
    // becomes several, whose memory is one piece.
    const std::size_t blocks = (count + kUnits - 1) / kUnits;
    memory_.push_back(zeroed_array<T>(blocks * kUnits));
    used_ = starts_.size() * kUnits;
    for (std::size_t i = 0; i < blocks; ++i) {
      starts_.push_back(memory_.back().get() + i * kUnits);
    }
    end_ = starts_.size() * kUnits;
    allocated_ += blocks * kUnits;
  }

  std::vector<T*> starts_;  ///< of each block
  std::vector<PlainArray<T>> memory_;
  std::size_t used_ = 0;
  std::size_t end_ = 0;
  std::size_t allocated_ = 0;
};

}  // namespace hygge::storage
