#include "storage/log/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/log/payloads.h"
#include "storage/log/scan.h"

namespace hygge::storage {

namespace {

std::string lost_text(std::uint64_t first, std::uint64_t last) {
  if (last < first) return "bytes that are no record";
  if (first == last) return fmt::format("record {} is lost", first);
  return fmt::format("records {} to {} are lost", first, last);
}

// A segment as it lies, and as it will.
class Salvage {
 public:
  Salvage(const SegmentFile& segment, std::string bytes, LogRepair& report)
      : segment_(segment), bytes_(std::move(bytes)), report_(report) {}

  // Takes what is whole of the records past `last`; returns the last one taken or given up.
  // `next_first`: where the next segment begins; 0 for the newest.
  std::uint64_t run(const LogId& id, std::uint64_t last, std::uint64_t next_first) {
    const Bytes all = as_bytes(bytes_);
    if (!parse_segment_header(all, id)) {
      drop(0, std::min(kSegmentHeaderBytes, all.size()), 1, 0, "a damaged header");
      changed_ = true;
    }
    std::size_t at = std::min(kSegmentHeaderBytes, all.size());
    while (at < all.size()) {
      std::size_t length = 0;
      const auto record = parse_record(all.subspan(at), length);
      if (record && whole(*record) && follows(*record, last)) {
        take(at, length, *record, last);
        at += length;
        continue;
      }
      const auto next = next_whole(all, at, last);
      if (!next) {
        return leave_tail(all, at, last, next_first);
      }
      const std::uint64_t sequence = next->record.sequence;
      if (next->offset > at || sequence > last + 1) {
        drop(at, next->offset - at, last + 1, sequence - 1, lost_text(last + 1, sequence - 1));
      }
      if (sequence > last + 1) gap(last + 1, sequence - 1);
      changed_ = true;
      last = sequence - 1;
      at = next->offset;
    }
    return last;
  }

  // Puts what is missing before the first record in front.
  void begin(std::uint64_t first_missing, std::uint64_t last_missing) {
    drop(0, 0, first_missing, last_missing,
         fmt::format("{} before this segment", lost_text(first_missing, last_missing)));
    gap(first_missing, last_missing);
    changed_ = true;
  }

  [[nodiscard]] bool changed() const noexcept { return changed_; }
  [[nodiscard]] const std::string& before() const noexcept { return bytes_; }
  [[nodiscard]] const std::string& records() const noexcept { return out_; }

 private:
  static bool follows(const LogRecord& record, std::uint64_t last) {
    return record.sequence == last + 1 || record.sequence <= last;
  }

  static bool whole(const LogRecord& record) {
    const bool known = record.type >= RecordType::samples && record.type <= RecordType::gap;
    return known && !payload_error(record);
  }

  // Behind damage; what stands there already is not taken again.
  static std::optional<FoundRecord> next_whole(Bytes all, std::size_t at, std::uint64_t last) {
    while (auto found = find_record(all, at, last)) {
      if (whole(found->record)) return found;
      at = found->offset + 1;
    }
    return std::nullopt;
  }

  void take(std::size_t at, std::size_t length, const LogRecord& record, std::uint64_t& last) {
    if (record.sequence <= last) {
      changed_ = true;  // a repair before this one has it in another segment
      return;
    }
    out_.append(bytes_, at, length);
    last = last_sequence_of(record);
    ++report_.records_kept;
  }

  std::uint64_t leave_tail(Bytes all, std::size_t at, std::uint64_t last,
                           std::uint64_t next_first) {
    const Bytes tail = all.subspan(at);
    const auto unused = [](std::uint8_t b) { return b == 0; };
    if (std::all_of(tail.begin(), tail.end(), unused)) return last;
    // Of the newest segment replay cuts it off, as it does after a power cut.
    if (next_first == 0 && !changed_) return last;
    const std::uint64_t last_lost = next_first > last + 1 ? next_first - 1 : last;
    drop(at, tail.size(), last + 1, last_lost, lost_text(last + 1, last_lost));
    if (last_lost > last) gap(last + 1, last_lost);
    changed_ = true;
    return last_lost;
  }

  void gap(std::uint64_t first, std::uint64_t last) {
    std::string payload;
    encode_gap(payload, last);
    append_record(out_, RecordType::gap, first, as_bytes(payload));
  }

  void drop(std::size_t offset, std::size_t bytes, std::uint64_t first, std::uint64_t last,
            std::string what) {
    report_.dropped.push_back(
        {"log/" + segment_.name, offset, bytes, first, last, std::move(what)});
  }

  const SegmentFile& segment_;
  const std::string bytes_;
  LogRepair& report_;
  std::string out_;
  bool changed_ = false;
};

// The newest mark that any whole record tells of, behind damage too.
std::uint64_t newest_mark(Bytes segment, std::uint64_t first_sequence, std::uint64_t mark) {
  std::size_t at = std::min(kSegmentHeaderBytes, segment.size());
  std::uint64_t last = first_sequence - 1;
  while (const auto found = find_record(segment, at, last)) {
    if (found->record.type == RecordType::mark) {
      mark = std::max(mark, decode_mark(found->record.payload).value_or(0));
    }
    last = last_sequence_of(found->record);
    at = found->offset + found->bytes;
  }
  return mark;
}

Result<void> quarantine_copy(Files& files, const std::string& quarantine,
                             const SegmentFile& segment, const std::string& bytes) {
  if (auto made = files.create_directories(quarantine); !made) return made;
  const std::string path = fmt::format("{}/{}", quarantine, segment.name);
  // An earlier repair, cut short, kept the original there.
  if (files.exists(path)) return {};
  if (auto wrote = files.write_synced(path, bytes); !wrote) return wrote;
  return files.sync_directory(quarantine);
}

// Replaces a segment by `bytes` under the name of their first sequence; by nothing if empty.
Result<void> replace(Files& files, const std::string& dir, const SegmentFile& segment,
                     std::uint64_t first_sequence, const std::string& bytes) {
  const std::string path = fmt::format("{}/{}", dir, segment_name(first_sequence));
  if (!bytes.empty()) {
    const std::string temporary = fmt::format("{}/repair.tmp", dir);
    if (auto wrote = files.write_synced(temporary, bytes); !wrote) return wrote;
    if (auto moved = files.rename(temporary, path); !moved) return moved;
  }
  if (bytes.empty() || path != segment.path) {
    if (auto gone = files.unlink(segment.path); !gone) return gone;
  }
  return files.sync_directory(dir);
}

struct Loaded {
  SegmentFile file;
  std::string bytes;
};

Result<std::vector<Loaded>> load(Files& files, const std::string& dir, const LogId& id) {
  auto segments = list_segments(files, dir);
  if (!segments) return tl::unexpected<Error>(segments.error());
  std::vector<Loaded> out;
  for (SegmentFile& segment : *segments) {
    auto bytes = files.read(segment.path);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    const auto header = parse_segment_header(as_bytes(*bytes), id);
    const bool newer = !header && header.error().code == ErrorCode::version;
    // What a damaged header says nothing about may be ours; what names another database is not.
    if (newer || (!header && header_is_whole(as_bytes(*bytes)))) {
      return tl::unexpected<Error>(
          segment_error(segment, 0, header.error().message, header.error().code));
    }
    out.push_back({std::move(segment), std::move(*bytes)});
  }
  return out;
}

}  // namespace

Result<LogRepair> repair_log(Files& files, const std::string& dir, const LogId& id,
                             const std::string& quarantine) {
  LogRepair report;
  auto segments = load(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  std::uint64_t mark = 0;
  for (const Loaded& segment : *segments) {
    mark = newest_mark(as_bytes(segment.bytes), segment.file.first_sequence, mark);
  }
  std::uint64_t last = 0;
  bool begun = false;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const SegmentFile file = (*segments)[i].file;
    const bool newest = i + 1 == segments->size();
    // What the store has, the log need not give: replay does not read it either.
    if (!newest && (*segments)[i + 1].file.first_sequence <= mark + 1) continue;
    Salvage salvage(file, std::move((*segments)[i].bytes), report);
    std::uint64_t first = file.first_sequence;
    if (std::exchange(begun, true)) {
      first = last + 1;
    } else {
      // Up to the mark anything may be missing.
      first = std::min(first, mark + 1);
      last = first - 1;
    }
    if (file.first_sequence > last + 1) {
      salvage.begin(last + 1, file.first_sequence - 1);
      last = file.first_sequence - 1;
    }
    last = salvage.run(id, last, newest ? 0 : (*segments)[i + 1].file.first_sequence);
    if (!salvage.changed()) continue;
    report.rewritten.push_back(file.name);
    if (auto kept = quarantine_copy(files, quarantine, file, salvage.before()); !kept) {
      return tl::unexpected<Error>(kept.error());
    }
    const bool empty = salvage.records().empty() && !newest;
    const std::string bytes =
        empty ? std::string() : encode_segment_header(id, first) + salvage.records();
    if (auto done = replace(files, dir, file, first, bytes); !done) {
      return tl::unexpected<Error>(done.error());
    }
  }
  return report;
}

}  // namespace hygge::storage
