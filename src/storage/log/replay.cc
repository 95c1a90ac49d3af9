#include "storage/log/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/log/payloads.h"

namespace hygge::storage {

namespace {

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

bool known_type(RecordType type) {
  return type >= RecordType::samples && type <= RecordType::policy;
}

// The highest sequence that a valid record at or behind `offset` names as synced. Records are
// looked for at every byte: a lost page leaves no trace of where the next one starts.
std::uint64_t synced_behind(Bytes segment, std::size_t offset) {
  std::uint64_t highest = 0;
  std::vector<IdSample> ignored;
  while (offset + kRecordHeaderBytes <= segment.size()) {
    std::size_t length = 0;
    const auto record = parse_record(segment.subspan(offset), length);
    if (!record || !known_type(record->type)) {
      ++offset;
      continue;
    }
    if (record->type == RecordType::samples) {
      if (const auto synced = decode_samples(record->payload, ignored)) {
        highest = std::max(highest, *synced);
      }
    }
    offset += length;
  }
  return highest;
}

// A segment as it was read, and how far its records go.
struct ScannedSegment {
  std::string bytes;
  std::size_t good_end = kSegmentHeaderBytes;  ///< end of the last whole record in sequence
  std::uint64_t last_sequence = 0;
  std::uint64_t records = 0;
  bool tail = false;  ///< something that is not zero follows
};

Error at(const SegmentFile& segment, std::size_t offset, std::string_view what, ErrorCode code) {
  return {code,
          fmt::format("log/{} at {}: {}", segment.name, offset, what),
          code == ErrorCode::corruption
              ? "the records before it are whole; keep a copy before repairing"
              : "",
          {}};
}

Result<ScannedSegment> scan(Files& files, const SegmentFile& segment, const LogId& id,
                            const std::function<Result<void>(const LogRecord&)>& visit) {
  auto bytes = files.read(segment.path);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  ScannedSegment out;
  out.bytes = std::move(*bytes);
  const Bytes all = as_bytes(out.bytes);
  const auto first = parse_segment_header(all, id);
  if (!first) {
    return tl::unexpected<Error>(at(segment, 0, first.error().message, first.error().code));
  }
  if (*first != segment.first_sequence) {
    return tl::unexpected<Error>(
        at(segment, 0, "its name is not its first sequence", ErrorCode::corruption));
  }
  std::uint64_t expected = *first;
  out.last_sequence = *first - 1;
  while (out.good_end < all.size()) {
    std::size_t length = 0;
    const auto record = parse_record(all.subspan(out.good_end), length);
    if (!record || record->sequence != expected || !known_type(record->type)) break;
    if (auto visited = visit(*record); !visited) {
      Error error = visited.error();
      error.message = fmt::format("log/{} at {}: {}", segment.name, out.good_end, error.message);
      return tl::unexpected<Error>(std::move(error));
    }
    out.good_end += length;
    out.last_sequence = expected++;
    ++out.records;
  }
  out.tail = !all_zero(all.subspan(out.good_end));
  return out;
}

// A header that a crash left half made is no damage: the segment never got a record.
bool never_begun(Files& files, const SegmentFile& segment) {
  const auto bytes = files.read(segment.path);
  return bytes && bytes->size() <= kSegmentHeaderBytes ? true : bytes && all_zero(as_bytes(*bytes));
}

// Drops a newest segment that a crash cut short before its header was durable.
Result<std::vector<SegmentFile>> begun_segments(Files& files, const std::string& dir,
                                                const LogId& id) {
  auto segments = list_segments(files, dir);
  if (!segments) return segments;
  if (segments->size() > 1) {
    const SegmentFile& newest = segments->back();
    const auto bytes = files.read(newest.path);
    if (bytes && !parse_segment_header(as_bytes(*bytes), id) && never_begun(files, newest)) {
      segments->pop_back();
    }
  }
  return segments;
}

// Whether the end of the newest segment may be forgiven.
bool forgivable(const ScannedSegment& segment) {
  return synced_behind(as_bytes(segment.bytes), segment.good_end) <= segment.last_sequence;
}

}  // namespace

Result<std::uint64_t> find_mark(Files& files, const std::string& dir, const LogId& id) {
  const auto segments = begun_segments(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  for (auto segment = segments->rbegin(); segment != segments->rend(); ++segment) {
    std::uint64_t mark = 0;
    auto scanned = scan(files, *segment, id, [&](const LogRecord& record) -> Result<void> {
      if (record.type != RecordType::mark) return {};
      auto decoded = decode_mark(record.payload);
      if (!decoded) return tl::unexpected<Error>(decoded.error());
      mark = *decoded;
      return {};
    });
    if (!scanned) return tl::unexpected<Error>(scanned.error());
    if (mark != 0) return mark;
  }
  return std::uint64_t{0};
}

Result<ReplayReport> replay(Files& files, const std::string& dir, const LogId& id,
                            const ReplayOptions& options,
                            const std::function<Result<void>(const LogRecord&)>& visit) {
  ReplayReport report;
  if (options.mark) {
    report.mark = *options.mark;
  } else {
    auto mark = find_mark(files, dir, id);
    if (!mark) return tl::unexpected<Error>(mark.error());
    report.mark = *mark;
  }
  const auto segments = begun_segments(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  if (segments->empty()) {
    return fail(ErrorCode::corruption, fmt::format("{}: the log has no segment", dir),
                "restore the folder from a copy of this database");
  }
  if (segments->front().first_sequence > report.mark + 1) {
    return tl::unexpected<Error>(at(segments->front(), 0,
                                    fmt::format("the log starts past the mark {}", report.mark),
                                    ErrorCode::corruption));
  }
  report.last_sequence = segments->front().first_sequence - 1;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const SegmentFile& segment = (*segments)[i];
    const bool newest = i + 1 == segments->size();
    if (segment.first_sequence != report.last_sequence + 1) {
      return tl::unexpected<Error>(
          at(segment, 0,
             fmt::format("records {} to {} are missing", report.last_sequence + 1,
                         segment.first_sequence - 1),
             ErrorCode::corruption));
    }
    // Below the mark nothing is read: what the store has, the log need not give.
    if (!newest && (*segments)[i + 1].first_sequence <= report.mark + 1) {
      report.last_sequence = (*segments)[i + 1].first_sequence - 1;
      continue;
    }
    auto scanned = scan(files, segment, id, [&](const LogRecord& record) -> Result<void> {
      if (record.sequence <= report.mark) return {};
      ++report.records;
      return visit(record);
    });
    if (!scanned) return tl::unexpected<Error>(scanned.error());
    report.last_sequence = scanned->last_sequence;
    if (!scanned->tail) continue;
    if (!newest || !forgivable(*scanned)) {
      return tl::unexpected<Error>(
          at(segment, scanned->good_end, "a damaged record", ErrorCode::corruption));
    }
    if (options.read_only) continue;
    report.truncated_bytes = scanned->bytes.size() - scanned->good_end;
    auto file = files.open_write(segment.path);
    if (!file) return tl::unexpected<Error>(file.error());
    auto cut = (*file)->truncate(scanned->good_end);
    if (cut) cut = (*file)->sync();
    if (!cut) return tl::unexpected<Error>(cut.error());
  }
  if (report.last_sequence < report.mark) {
    return fail(ErrorCode::corruption, fmt::format("{}: the log ends at {}, before its mark {}",
                                                   dir, report.last_sequence, report.mark));
  }
  return report;
}

Result<bool> log_has_records(Files& files, const std::string& dir) {
  const auto segments = list_segments(files, dir);
  if (!segments) return tl::unexpected<Error>(segments.error());
  for (const SegmentFile& segment : *segments) {
    const auto bytes = files.read(segment.path);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    if (bytes->size() <= kSegmentHeaderBytes) continue;
    if (!all_zero(as_bytes(*bytes).subspan(kSegmentHeaderBytes))) return true;
  }
  return false;
}

namespace {

Result<void> check_payload(const LogRecord& record) {
  std::vector<IdSample> samples;
  const auto without_value = [](const auto& result) -> Result<void> {
    if (!result) return tl::unexpected<Error>(result.error());
    return {};
  };
  switch (record.type) {
    case RecordType::samples:
      return without_value(decode_samples(record.payload, samples));
    case RecordType::series:
      return without_value(decode_series(record.payload));
    case RecordType::metadata:
      return without_value(decode_metadata(record.payload));
    case RecordType::mark:
      return without_value(decode_mark(record.payload));
    default:
      return {};
  }
}

}  // namespace

Result<LogVerification> verify_log(Files& files, const std::string& dir, const LogId& id) {
  const auto segments = begun_segments(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  LogVerification out;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const SegmentFile& segment = (*segments)[i];
    auto scanned = scan(files, segment, id, check_payload);
    // A writer may have unlinked it meanwhile.
    if (!scanned && scanned.error().code == ErrorCode::not_found) continue;
    if (!scanned) {
      out.damage.push_back({"log/" + segment.name, 0, scanned.error().message});
      continue;
    }
    out.records += scanned->records;
    const bool newest = i + 1 == segments->size();
    if (scanned->tail && (!newest || !forgivable(*scanned))) {
      out.damage.push_back({"log/" + segment.name, scanned->good_end, "a damaged record"});
    }
  }
  return out;
}

}  // namespace hygge::storage
