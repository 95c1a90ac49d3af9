#include "storage/index/postings.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include "base/assert.h"

namespace hygge::storage {

static_assert(std::is_trivially_copyable_v<Postings> && sizeof(Postings) == 16);

namespace {

// What glibc's malloc adds to a block, rounding included.
constexpr std::size_t kAllocationBytes = 16;

}  // namespace

void Postings::add(std::uint32_t id) {
  if (capacity_ == kBitmap) {
    bitmap_->add(id);
    ++count_;
    return;
  }
  if (count_ == (capacity_ == 0 ? kInPlace : capacity_)) {
    grow();
    add(id);
    return;
  }
  std::uint32_t* const ids = capacity_ == 0 ? two_ : list_;
  std::uint32_t* const end = ids + count_;
  std::uint32_t* const at = count_ == 0 || end[-1] < id ? end : std::lower_bound(ids, end, id);
  HYGGE_ASSERT(at == end || *at != id);
  std::copy_backward(at, end, end + 1);
  *at = id;
  ++count_;
}

void Postings::remove(std::uint32_t id) {
  HYGGE_ASSERT(contains(id));
  --count_;
  if (capacity_ == kBitmap) {
    bitmap_->remove(id);
    return;
  }
  std::uint32_t* const ids = capacity_ == 0 ? two_ : list_;
  std::uint32_t* const end = ids + count_ + 1;
  std::uint32_t* const at = std::lower_bound(ids, end, id);
  std::copy(at + 1, end, at);
}

void Postings::grow() {
  const std::span<const std::uint32_t> old = list();
  if (count_ >= kMaxListed) {
    auto bitmap = std::make_unique<::Roaring>(old.size(), old.data());
    std::free(list_);
    bitmap_ = bitmap.release();
    capacity_ = kBitmap;
    return;
  }
  const std::uint32_t capacity = capacity_ == 0 ? 8 : std::min(2 * capacity_, kMaxListed);
  auto* const ids = static_cast<std::uint32_t*>(std::malloc(capacity * sizeof(std::uint32_t)));
  if (ids == nullptr) throw std::bad_alloc();
  std::copy(old.begin(), old.end(), ids);
  if (capacity_ != 0) std::free(list_);
  list_ = ids;
  capacity_ = capacity;
}

void Postings::release() noexcept {
  if (capacity_ == kBitmap) {
    delete bitmap_;
  } else if (capacity_ != 0) {
    std::free(list_);
  }
  count_ = capacity_ = 0;
}

bool Postings::contains(std::uint32_t id) const {
  if (capacity_ == kBitmap) return bitmap_->contains(id);
  const std::span<const std::uint32_t> ids = list();
  return std::binary_search(ids.begin(), ids.end(), id);
}

std::size_t Postings::memory_bytes() const {
  if (capacity_ == 0) return 0;
  if (capacity_ != kBitmap) return capacity_ * sizeof(std::uint32_t) + kAllocationBytes;
  return storage::memory_bytes(*bitmap_) + kAllocationBytes;
}

std::size_t memory_bytes(const ::Roaring& bitmap) {
  // Per container: its struct, a pointer, a key and a type; arrays grow by a quarter to a half.
  constexpr std::size_t kContainerBytes = 16 + 2 * kAllocationBytes + 8 + 2 + 1;
  roaring_statistics_t have;
  roaring_bitmap_statistics(&bitmap.roaring, &have);
  return sizeof bitmap + 3 * kAllocationBytes + have.n_containers * kContainerBytes +
         std::size_t{have.n_bytes_array_containers} + have.n_bytes_run_containers +
         have.n_bytes_bitset_containers;
}

}  // namespace hygge::storage
