// One record of a log segment; little-endian, no padding.
//
//   0        4          8      9          17              17 + n
//   +--------+----------+------+----------+---------------+
//   | length | checksum | type | sequence | payload       |
//   | u32    | u32      | u8   | u64      | n bytes       |
//   +--------+----------+------+----------+---------------+
//
//   length    bytes after the checksum: 9 + n, at most kMaxBodyBytes; 0 is unused space
//   checksum  low half of XXH3-64 over those bytes
//
// `length` is not covered: a reader has to bound it before it may hash anyway.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace hygge::storage {

inline constexpr std::size_t kRecordHeaderBytes = 4 + 4 + 1 + 8;
inline constexpr std::uint32_t kMinBodyBytes = 9;
inline constexpr std::uint32_t kMaxBodyBytes = 64U << 20U;
static_assert(kRecordHeaderBytes == 17, "on-disk format: a change needs a new version");

enum class RecordType : std::uint8_t {
  samples = 1,
  series = 2,
  erase = 3,
  metadata = 4,
  mark = 5,
  policy = 6,  // reserved
  gap = 7,     ///< what `repair` puts where records are missing: one for all of them
};

/// A record as it stands in a segment; `payload` points into it.
struct LogRecord {
  RecordType type = RecordType::samples;
  std::uint64_t sequence = 0;
  Bytes payload;
};

/// A record that has no sequence number yet.
struct PendingRecord {
  RecordType type = RecordType::samples;
  std::string payload;
};

void append_record(std::string& out, RecordType type, std::uint64_t sequence, Bytes payload);

/// What stands before a record's payload, unchecked but for the bounds of its length.
struct RecordHeader {
  RecordType type = RecordType::samples;
  std::uint64_t sequence = 0;
  std::size_t record_bytes = 0;  ///< of the whole record
};
[[nodiscard]] std::optional<RecordHeader> parse_record_header(Bytes bytes);

/// The record at the front of `bytes`; empty unless it is whole and its checksum holds.
/// `length` is set to its bytes.
[[nodiscard]] std::optional<LogRecord> parse_record(Bytes bytes, std::size_t& length);

}  // namespace hygge::storage
