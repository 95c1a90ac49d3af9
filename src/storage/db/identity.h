// The directory: its file HYGGE, which says what it is, and the names of the rest.
//
//   hygge database
//   format 2
//   id 32 hexadecimal digits
//   created 2026-03-01T09:00:00Z
//   created_ms 1772355600000
//   kind snapshot                         (only of a copy that is never written)
//   checksum 8 hexadecimal digits, of all bytes before this line
//
// Format 1 has no family of cells in its store. It is read as it is; who opens it for writing makes
// it format 2 first.
//
// HYGGE is made last, by rename: without it there is no database, and no record was ever
// acknowledged.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hygge::storage {

inline constexpr std::uint32_t kFormatVersion = 2;
inline constexpr std::string_view kIdentityFile = "HYGGE";
inline constexpr std::string_view kLockFile = "LOCK";
inline constexpr std::string_view kLogDir = "log";
inline constexpr std::string_view kStoreDir = "store";

using DatabaseId = std::array<std::uint8_t, 16>;

struct Identity {
  std::uint32_t format = kFormatVersion;
  DatabaseId id{};
  TimeMs created_ms = 0;
  bool snapshot = false;  ///< only to be read
};

[[nodiscard]] std::string to_text(const Identity& identity);
/// Errors: corruption (not this text, or its checksum), version (a newer format; names both).
[[nodiscard]] Result<Identity> parse_identity(std::string_view text);

}  // namespace hygge::storage
