#include "storage/db/presence.h"

#include <fmt/format.h>

#include <roaring/roaring.hh>

namespace hygge::storage {

namespace {

constexpr std::uint32_t kSignBias = 0x8000'0000U;

std::string name_of(std::int32_t partition) {
  return fmt::format("{}{:08x}", Presence::kPrefix,
                     static_cast<std::uint32_t>(partition) ^ kSignBias);
}

}  // namespace

bool Presence::contains(std::int32_t partition, std::uint32_t series) const {
  const auto at = sets_.find(partition);
  return at != sets_.end() && at->second->contains(series);
}

void Presence::add(std::int32_t partition, std::uint32_t series) {
  std::shared_ptr<::Roaring>& set = sets_[partition];
  if (!set) {
    set = std::make_shared<::Roaring>();
  } else if (set.use_count() > 1) {
    set = std::make_shared<::Roaring>(*set);  // a view holds the old one
  }
  set->add(series);
  changed_.insert(partition);
}

std::vector<std::int32_t> Presence::partitions_of(std::uint32_t series, std::int64_t from,
                                                  std::int64_t to) const {
  std::vector<std::int32_t> out;
  for (const auto& [partition, set] : sets_) {
    if (partition < from || partition > to) continue;
    if (set->contains(series)) out.push_back(partition);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Presence::take_changes() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::int32_t partition : changed_) {
    const ::Roaring& set = *sets_.at(partition);
    std::string value(set.getSizeInBytes(), '\0');
    set.write(value.data());
    out.emplace_back(name_of(partition), std::move(value));
  }
  changed_.clear();
  return out;
}

Result<void> Presence::load(std::string_view name, Bytes value) {
  std::uint32_t biased = 0;
  const std::string_view digits = name.substr(std::min(name.size(), kPrefix.size()));
  for (const char c : digits) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return fail(ErrorCode::corruption, "meta: presence name");
    biased = biased * 16 + static_cast<std::uint32_t>(digit ? c - '0' : c - 'a' + 10);
  }
  if (digits.size() != 8) return fail(ErrorCode::corruption, "meta: presence name");
  // The bounded reader; it gives null for bytes that are no set.
  roaring_bitmap_t* raw = roaring_bitmap_portable_deserialize_safe(
      reinterpret_cast<const char*>(value.data()), value.size());
  if (raw == nullptr) return fail(ErrorCode::corruption, fmt::format("meta: {} is damaged", name));
  sets_[static_cast<std::int32_t>(biased ^ kSignBias)] = std::make_shared<::Roaring>(raw);
  return {};
}

}  // namespace hygge::storage
