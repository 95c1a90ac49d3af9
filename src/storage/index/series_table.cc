#include "storage/index/series_table.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"

namespace hygge::storage {

std::optional<std::uint32_t> SeriesTable::find(std::string_view canonical,
                                               const LabelTable& labels) const {
  return find(hash32(canonical), canonical, labels);
}

void SeriesTable::find_many(std::span<const std::string_view> canonical, const LabelTable& labels,
                            std::span<std::optional<std::uint32_t>> out) const {
  HYGGE_ASSERT(canonical.size() <= kFindMany && out.size() >= canonical.size());
  std::array<std::uint32_t, kFindMany> hashes{};
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    hashes[i] = hash32(canonical[i]);
    by_canonical_.prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    if (const Place place = by_canonical_.candidate(hashes[i]); place != 0) {
      __builtin_prefetch(series_.at(place));
    }
  }
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    out[i] = find(hashes[i], canonical[i], labels);
  }
}

std::optional<std::uint32_t> SeriesTable::find(std::uint32_t hash, std::string_view canonical,
                                               const LabelTable& labels) const {
  const auto equal = [&](Place place) {
    const std::uint32_t* const at = series_.at(place);
    // All at once: one by one, each waits for the comparison before it.
    for (const LabelRef label : std::span(at + 2, at[1])) labels.prefetch(label);
    const char* next = canonical.data();
    std::size_t left = canonical.size();
    for (const LabelRef label : std::span(at + 2, at[1])) {
      const std::string_view part = labels.part(label);
      if (part.size() > left || std::memcmp(part.data(), next, part.size()) != 0) return false;
      next += part.size();
      left -= part.size();
    }
    return left == 0;
  };
  const auto place = by_canonical_.find(hash, equal);
  if (!place) return std::nullopt;
  return *series_.at(*place);
}

void SeriesTable::add(std::uint32_t id, std::string_view canonical,
                      std::span<const LabelRef> labels) {
  HYGGE_ASSERT(!contains(id));
  // Place 0 is no series.
  if (page_count_ == 0) static_cast<void>(series_.allocate(1));
  const Place place = series_.allocate(2 + labels.size());
  std::uint32_t* const at = series_.at(place);
  at[0] = id;
  at[1] = static_cast<std::uint32_t>(labels.size());
  std::copy(labels.begin(), labels.end(), at + 2);
  by_canonical_.add(hash32(canonical), place);
  const std::size_t page = id / kPageIds;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) {
    pages_[page] = std::make_unique<Page>();
    ++page_count_;
  }
  (*pages_[page])[id % kPageIds] = place;
}

void SeriesTable::remove(std::uint32_t id, std::string_view canonical) noexcept {
  HYGGE_ASSERT(contains(id));
  Place& known = (*pages_[id / kPageIds])[id % kPageIds];
  by_canonical_.remove(hash32(canonical), known);
  known = 0;
}

std::span<const LabelRef> SeriesTable::labels(std::uint32_t id) const noexcept {
  HYGGE_ASSERT(contains(id));
  const std::uint32_t* const at = series_.at(place(id));
  return {at + 2, at[1]};
}

std::size_t SeriesTable::memory_bytes() const noexcept {
  return series_.memory_bytes() + by_canonical_.memory_bytes() +
         pages_.capacity() * sizeof(pages_[0]) + page_count_ * sizeof(Page);
}

}  // namespace hygge::storage
