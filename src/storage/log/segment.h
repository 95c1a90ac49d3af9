// A segment: a header, then records with rising sequence numbers, then unused space (zeros).
//
//   0        8         12            28               36
//   +--------+---------+-------------+----------------+----------+
//   | magic  | version | database id | first sequence | checksum |
//   | 8      | u32     | 16          | u64            | u32      |
//   +--------+---------+-------------+----------------+----------+
//
//   magic     "hyggelog"
//   checksum  low half of XXH3-64 over the 36 bytes before it
//
// The file is named by its first sequence, 20 digits and ".seg", so that names sort as they follow.
#pragma once

#include <hygge/error.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "storage/file/files.h"

namespace hygge::storage {

using LogId = std::array<std::uint8_t, 16>;

inline constexpr std::size_t kSegmentHeaderBytes = 8 + 4 + 16 + 8 + 4;
static_assert(kSegmentHeaderBytes == 40, "on-disk format: a change needs a new version");
inline constexpr std::uint32_t kLogVersion = 1;

[[nodiscard]] std::string segment_name(std::uint64_t first_sequence);
[[nodiscard]] std::string encode_segment_header(const LogId& id, std::uint64_t first_sequence);
/// The first sequence. Errors: corruption, version.
[[nodiscard]] Result<std::uint64_t> parse_segment_header(Bytes bytes, const LogId& id);

/// Whether a header's checksum holds, whatever it says.
[[nodiscard]] bool header_is_whole(Bytes bytes);

struct SegmentFile {
  std::string path;
  std::string name;
  std::uint64_t first_sequence = 0;  ///< from the name
  std::uint64_t bytes = 0;
  std::shared_ptr<File> held =
      nullptr;  ///< open, so that it can be read after it is unlinked; else null
};
/// In order. Files with other names are not segments and are left alone.
[[nodiscard]] Result<std::vector<SegmentFile>> list_segments(Files& files, const std::string& dir);

}  // namespace hygge::storage
