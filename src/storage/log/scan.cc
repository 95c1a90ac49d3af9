#include "storage/log/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "storage/log/payloads.h"

namespace hygge::storage {

namespace {

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

bool known_type(RecordType type) { return type >= RecordType::samples && type <= RecordType::gap; }

// What a record says had been synced when it was written: a mark covers only what was, too.
std::uint64_t synced_in(const LogRecord& record) {
  // Both payloads begin with it.
  const bool tells = record.type == RecordType::samples || record.type == RecordType::mark;
  return tells ? ByteReader(record.payload).varint() : 0;
}

// The first sequence, if the header is good and belongs to `id` and to the segment's name.
Result<std::uint64_t> checked_header(Bytes bytes, const SegmentFile& segment, const LogId& id) {
  const auto first = parse_segment_header(bytes, id);
  if (!first) {
    return tl::unexpected<Error>(
        segment_error(segment, 0, first.error().message, first.error().code));
  }
  if (*first != segment.first_sequence) {
    return tl::unexpected<Error>(
        segment_error(segment, 0, "its name is not its first sequence", ErrorCode::corruption));
  }
  return *first;
}

// An open segment, a page at a time or the bytes of a whole record.
class Pages {
 public:
  explicit Pages(File& file) : file_(file) {}

  // Fewer than `count` bytes at the end of the file alone.
  Result<Bytes> at(std::uint64_t offset, std::size_t count) {
    if (offset < start_ || offset + count > start_ + bytes_.size()) {
      auto bytes = file_.read_at(offset, std::max(count, kPageBytes));
      if (!bytes) return tl::unexpected<Error>(bytes.error());
      bytes_ = std::move(*bytes);
      start_ = offset;
    }
    const Bytes behind = as_bytes(bytes_).subspan(static_cast<std::size_t>(offset - start_));
    return behind.first(std::min(count, behind.size()));
  }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  File& file_;
  std::string bytes_;
  std::uint64_t start_ = 0;
};

}  // namespace

std::uint64_t last_sequence_of(const LogRecord& record) {
  if (record.type != RecordType::gap) return record.sequence;
  // A gap that goes backwards was never written; then what follows does not follow.
  return std::max(record.sequence, decode_gap(record.payload).value_or(record.sequence));
}

Error segment_error(const SegmentFile& segment, std::size_t offset, std::string_view what,
                    ErrorCode code) {
  return {code,
          fmt::format("log/{} at {}: {}", segment.name, offset, what),
          code == ErrorCode::corruption
              ? "the records before it are whole; keep a copy before repairing"
              : "",
          {}};
}

Result<std::string> segment_bytes(Files& files, const SegmentFile& segment) {
  if (!segment.held) return files.read(segment.path);
  const auto size = segment.held->size();
  if (!size) return tl::unexpected<Error>(size.error());
  return segment.held->read_at(0, *size);
}

Result<SegmentScan> read_segment(Files& files, const SegmentFile& segment, const LogId& id) {
  auto bytes = segment_bytes(files, segment);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  SegmentScan out;
  out.bytes = std::move(*bytes);
  const auto first = checked_header(as_bytes(out.bytes), segment, id);
  if (!first) return tl::unexpected<Error>(first.error());
  out.last_sequence = *first - 1;
  return out;
}

Result<void> walk(SegmentScan& scan, const SegmentFile& segment, const RecordVisitor& visit) {
  const Bytes all = as_bytes(scan.bytes);
  while (scan.good_end < all.size()) {
    std::size_t length = 0;
    const auto record = parse_record(all.subspan(scan.good_end), length);
    if (!record || record->sequence != scan.last_sequence + 1 || !known_type(record->type)) break;
    if (auto visited = visit(*record); !visited) {
      Error error = visited.error();
      error.message = fmt::format("log/{} at {}: {}", segment.name, scan.good_end, error.message);
      return tl::unexpected<Error>(std::move(error));
    }
    scan.good_end += length;
    scan.last_sequence = last_sequence_of(*record);
  }
  return {};
}

bool has_tail(const SegmentScan& scan) {
  return scan.good_end < scan.bytes.size() &&
         !all_zero(as_bytes(scan.bytes).subspan(scan.good_end));
}

std::optional<FoundRecord> find_record(Bytes segment, std::size_t offset, std::uint64_t after) {
  for (; offset + kRecordHeaderBytes <= segment.size(); ++offset) {
    const Bytes rest = segment.subspan(offset);
    // The cheap fields first, or each of millions of offsets would cost a hash over what follows.
    const auto sequence = load_le<std::uint64_t>(rest.data() + 9);
    if (sequence - after - 1 > segment.size() / kRecordHeaderBytes) continue;
    if (!known_type(static_cast<RecordType>(rest[8]))) continue;
    std::size_t bytes = 0;
    if (const auto record = parse_record(rest, bytes)) return FoundRecord{offset, bytes, *record};
  }
  return std::nullopt;
}

bool forgivable(const SegmentScan& scan) {
  const Bytes all = as_bytes(scan.bytes);
  std::size_t offset = scan.good_end;
  while (const auto found = find_record(all, offset, scan.last_sequence)) {
    if (synced_in(found->record) > scan.last_sequence) return false;
    offset = found->offset + found->bytes;
  }
  return true;
}

std::size_t unsynced_from(const SegmentScan& scan) {
  const Bytes all = as_bytes(scan.bytes).first(scan.good_end);
  std::uint64_t synced = 0;
  std::vector<std::pair<std::uint64_t, std::size_t>> offsets;
  for (std::size_t offset = kSegmentHeaderBytes; offset < all.size();) {
    std::size_t length = 0;
    const auto record = parse_record(all.subspan(offset), length);
    HYGGE_ASSERT(record.has_value());  // walk() has been here
    synced = std::max(synced, synced_in(*record));
    offsets.emplace_back(record->sequence, offset);
    offset += length;
  }
  for (const auto& [sequence, offset] : offsets) {
    if (sequence > synced) return offset;
  }
  return scan.good_end;
}

Result<std::uint64_t> newest_mark(Files& files, const SegmentFile& segment, const LogId& id) {
  std::shared_ptr<File> file = segment.held;
  if (!file) {
    auto opened = files.open_read(segment.path);
    if (!opened) return tl::unexpected<Error>(opened.error());
    file = std::move(*opened);
  }
  Pages pages(*file);
  const auto begin = pages.at(0, kSegmentHeaderBytes);
  if (!begin) return tl::unexpected<Error>(begin.error());
  const auto first = checked_header(*begin, segment, id);
  if (!first) return tl::unexpected<Error>(first.error());
  std::uint64_t mark = 0;
  std::uint64_t next_sequence = *first;
  for (std::uint64_t offset = kSegmentHeaderBytes;;) {
    const auto bytes = pages.at(offset, kRecordHeaderBytes);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    const auto header = parse_record_header(*bytes);
    if (!header || header->sequence != next_sequence || !known_type(header->type)) return mark;
    next_sequence = header->sequence + 1;
    if (header->type == RecordType::mark || header->type == RecordType::gap) {
      const auto whole = pages.at(offset, header->record_bytes);
      if (!whole) return tl::unexpected<Error>(whole.error());
      std::size_t length = 0;
      const auto record = parse_record(*whole, length);
      if (!record) return mark;
      next_sequence = last_sequence_of(*record) + 1;
      if (record->type == RecordType::mark) {
        const auto decoded = decode_mark(record->payload);
        if (!decoded) {
          const Error& error = decoded.error();
          return tl::unexpected<Error>(segment_error(segment, offset, error.message, error.code));
        }
        mark = *decoded;
      }
    }
    offset += header->record_bytes;
  }
}

Result<std::vector<SegmentFile>> begun_segments(Files& files, const std::string& dir,
                                                const LogId& id) {
  auto segments = list_segments(files, dir);
  // The only segment of a log was durable before the database was.
  if (!segments || segments->size() < 2) return segments;
  const SegmentFile& newest = segments->back();
  auto file = files.open_read(newest.path);
  if (!file) return segments;
  auto header = (*file)->read_at(0, kSegmentHeaderBytes);
  if (!header || parse_segment_header(as_bytes(*header), id)) return segments;
  // Its header was synced before any record was written: with one, this is damage.
  const auto bytes = files.read(newest.path);
  if (!bytes) return segments;
  const std::size_t behind = std::min(bytes->size(), kSegmentHeaderBytes);
  if (all_zero(as_bytes(*bytes).subspan(behind))) segments->pop_back();
  return segments;
}

}  // namespace hygge::storage
