#include "storage/db/id_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <roaring/roaring.hh>

namespace hygge::storage {

namespace {
constexpr std::uint32_t kSignBias = 0x8000'0000U;
constexpr std::size_t kDigits = 8;
}  // namespace

std::string partition_name(std::string_view prefix, std::int32_t partition) {
  return fmt::format("{}{:08x}", prefix, static_cast<std::uint32_t>(partition) ^ kSignBias);
}

Result<std::int32_t> parse_partition_name(std::string_view prefix, std::string_view name) {
  const auto bad = [&] {
    return fail(ErrorCode::corruption, fmt::format("meta: {} names no partition", name));
  };
  const std::string_view digits = name.substr(std::min(name.size(), prefix.size()));
  if (digits.size() != kDigits) return bad();
  std::uint32_t biased = 0;
  for (const char c : digits) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return bad();
    biased = biased * 16 + static_cast<std::uint32_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return static_cast<std::int32_t>(biased ^ kSignBias);
}

std::string encode_ids(const ::Roaring& ids) {
  std::string value(ids.getSizeInBytes(), '\0');
  ids.write(value.data());
  return value;
}

Result<IdSet> decode_ids(std::string_view name, Bytes value) {
  // The bounded reader; it gives null for bytes that are no set.
  roaring_bitmap_t* raw = roaring_bitmap_portable_deserialize_safe(
      reinterpret_cast<const char*>(value.data()), value.size());
  if (raw == nullptr) return fail(ErrorCode::corruption, fmt::format("meta: {} is damaged", name));
  return std::make_shared<::Roaring>(raw);
}

::Roaring& own(IdSet& ids) {
  if (!ids) {
    ids = std::make_shared<::Roaring>();
  } else if (ids.use_count() > 1) {
    ids = std::make_shared<::Roaring>(*ids);
  }
  return *ids;
}

}  // namespace hygge::storage
