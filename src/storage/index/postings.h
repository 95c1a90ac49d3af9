// The series that have one label: two ids in place, a short sorted list, or a roaring bitmap. Most
// labels of a large database have few series, for which a bitmap's 200 bytes would be most of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <roaring/roaring.hh>
#include <span>

namespace hygge::storage {

/// Plain bytes, so that it can lie in an array that moves; hence no destructor but release().
/// All zeros is the empty set.
class Postings {
 public:
  /// Up to so many ids stand in a list: less memory than a bitmap where ids are spread, and no
  /// slower to walk.
  static constexpr std::uint32_t kMaxListed = 128;

  /// `id` is not there yet. O(1) for rising ids.
  void add(std::uint32_t id);
  /// `id` is there. A bitmap stays one.
  void remove(std::uint32_t id);
  void release() noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] bool contains(std::uint32_t id) const;
  /// Exactly one of the two says what is there: the bitmap, if it is not null, or the list.
  [[nodiscard]] const ::Roaring* bitmap() const noexcept {
    return capacity_ == kBitmap ? bitmap_ : nullptr;
  }
  [[nodiscard]] std::span<const std::uint32_t> list() const noexcept {
    return {capacity_ == 0 ? two_ : list_, capacity_ == kBitmap ? 0 : count_};
  }
  /// Beside the object itself.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kBitmap = UINT32_MAX;
  static constexpr std::uint32_t kInPlace = 2;

  void grow();

  std::uint32_t count_;
  std::uint32_t capacity_;  ///< 0: in place; kBitmap: a bitmap; otherwise of the list
  union {
    std::uint32_t two_[kInPlace];
    std::uint32_t* list_;
    ::Roaring* bitmap_;
  };
};

/// What a bitmap takes, with what the allocator adds.
[[nodiscard]] std::size_t memory_bytes(const ::Roaring& bitmap);

}  // namespace hygge::storage
