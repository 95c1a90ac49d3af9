// Walking the records of one segment, as replay and verify do.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log/record.h"
#include "storage/log/segment.h"

namespace hygge::storage {

using RecordVisitor = std::function<Result<void>(const LogRecord&)>;

/// A segment as it was read, and how far its records go.
struct SegmentScan {
  std::string bytes;
  std::size_t good_end = kSegmentHeaderBytes;  ///< end of the last whole record in sequence
  std::uint64_t last_sequence = 0;             ///< that record's
};

/// "log/NAME at OFFSET: WHAT".
[[nodiscard]] Error segment_error(const SegmentFile& segment, std::size_t offset,
                                  std::string_view what, ErrorCode code);

/// All bytes of a segment, from the open file where it is held.
[[nodiscard]] Result<std::string> segment_bytes(Files& files, const SegmentFile& segment);

/// Reads a segment; its header is good and belongs to `id` and to its name.
[[nodiscard]] Result<SegmentScan> read_segment(Files& files, const SegmentFile& segment,
                                               const LogId& id);

/// Visits the records from `good_end` on, and moves it, up to the first that is not whole, not the
/// next in sequence or of an unknown type. Errors: those of `visit`, with the place.
[[nodiscard]] Result<void> walk(SegmentScan& scan, const SegmentFile& segment,
                                const RecordVisitor& visit);

/// The sequence after which the next record follows: its own, or the last that a gap leaves out.
[[nodiscard]] std::uint64_t last_sequence_of(const LogRecord& record);

/// Whether anything but unused space follows the last good record.
[[nodiscard]] bool has_tail(const SegmentScan& scan);

/// Whether the tail may be what a power cut left: no valid record in it says that something at or
/// behind its start had been synced.
[[nodiscard]] bool forgivable(const SegmentScan& scan);

/// Where, of the good records, those begin that none of them says had been synced.
[[nodiscard]] std::size_t unsynced_from(const SegmentScan& scan);

struct FoundRecord {
  std::size_t offset = 0;
  std::size_t bytes = 0;
  LogRecord record;
};
/// The first valid record at or behind `offset` with a sequence past `after` that fits into the
/// segment. Looked for at every byte: a lost page leaves no trace of where the next record starts.
[[nodiscard]] std::optional<FoundRecord> find_record(Bytes segment, std::size_t offset,
                                                     std::uint64_t after);

/// The newest mark that a segment holds, 0 if there is none. Of the other records it reads the
/// headers alone: a damaged one is for who delivers records to find. Errors: those of
/// read_segment(), and a mark that cannot be decoded.
[[nodiscard]] Result<std::uint64_t> newest_mark(Files& files, const SegmentFile& segment,
                                                const LogId& id);

/// The segments of `dir` in order, without a newest one that a crash cut short before its header
/// was durable: it never got a record.
[[nodiscard]] Result<std::vector<SegmentFile>> begun_segments(Files& files, const std::string& dir,
                                                              const LogId& id);

}  // namespace hygge::storage
