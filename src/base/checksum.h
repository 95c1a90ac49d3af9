// Hashes: XXH3, 64 bits for checksums and tables, 128 bits for the identity of label sets.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace hygge {

[[nodiscard]] std::uint64_t hash64(Bytes bytes) noexcept;

/// The checksum of records and files: the low half of XXH3-64.
[[nodiscard]] inline std::uint32_t checksum32(Bytes bytes) noexcept {
  return static_cast<std::uint32_t>(hash64(bytes));
}

/// What the tables in memory hash texts by.
[[nodiscard]] inline std::uint32_t hash32(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(hash64(as_bytes(text)));
}

}  // namespace hygge
