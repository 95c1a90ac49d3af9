// The series: of which labels each is made, and from the hash of its canonical bytes to its id.
//
// One series in the table (units of 4 bytes): id, count of labels, that many label references.
// The hash leads there, not to the id: a search then misses the cache once less.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/index/block_array.h"
#include "storage/index/hash_slots.h"
#include "storage/index/label_table.h"

namespace hygge::storage {

class SeriesTable {
 public:
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view canonical,
                                                  const LabelTable& labels) const;
  /// The same for up to kFindMany at once: what they wait for comes in together.
  static constexpr std::size_t kFindMany = 16;
  void find_many(std::span<const std::string_view> canonical, const LabelTable& labels,
                 std::span<std::optional<std::uint32_t>> out) const;
  /// `id` and what it is made of are new here.
  void add(std::uint32_t id, std::string_view canonical, std::span<const LabelRef> labels);

  /// `id` is there, made of `canonical`. Its place stays taken until the table is made anew.
  void remove(std::uint32_t id, std::string_view canonical) noexcept;

  [[nodiscard]] bool contains(std::uint32_t id) const noexcept { return place(id) != 0; }
  /// Of a series that is there; until the next add().
  [[nodiscard]] std::span<const LabelRef> labels(std::uint32_t id) const noexcept;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  using Place = std::uint32_t;
  // Ids are given out once and never again: in an old database they lie far apart.
  static constexpr std::uint32_t kPageIds = 1024;
  using Page = std::array<Place, kPageIds>;

  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t hash, std::string_view canonical,
                                                  const LabelTable& labels) const;
  [[nodiscard]] Place place(std::uint32_t id) const noexcept {
    const std::size_t page = id / kPageIds;
    return page < pages_.size() && pages_[page] ? (*pages_[page])[id % kPageIds] : 0;
  }

  BlockArray<std::uint32_t> series_;
  HashSlots by_canonical_;
  std::vector<std::unique_ptr<Page>> pages_;  ///< place by id; 0: no such series
  std::size_t page_count_ = 0;
};

}  // namespace hygge::storage
