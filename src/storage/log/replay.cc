#include "storage/log/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/mutation.h"
#include "storage/log/payloads.h"
#include "storage/log/scan.h"

namespace hygge::storage {

namespace {

tl::unexpected<Error> gap(const SegmentFile& segment, std::uint64_t last_sequence) {
  const std::uint64_t first = segment.first_sequence;
  return tl::unexpected<Error>(segment_error(
      segment, 0,
      first > last_sequence
          ? fmt::format("records {} to {} before it are missing", last_sequence + 1, first - 1)
          : fmt::format("the segment before it reaches {}, past its beginning", last_sequence),
      ErrorCode::corruption));
}

tl::unexpected<Error> damaged(const SegmentFile& segment, const SegmentScan& scan) {
  return tl::unexpected<Error>(
      segment_error(segment, scan.good_end, "a damaged record", ErrorCode::corruption));
}

// A writer beside us may have been between two pages while we read: what seemed damaged is whole
// when read again. Each turn finds at least one record more, or it is damage.
Result<void> read_on(Files& files, const SegmentFile& segment, SegmentScan& scan,
                     const RecordVisitor& visit) {
  while (has_tail(scan) && !forgivable(scan)) {
    auto bytes = segment_bytes(files, segment);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    scan.bytes = std::move(*bytes);
    const std::size_t before = scan.good_end;
    if (auto walked = walk(scan, segment, visit); !walked) return walked;
    if (scan.good_end == before) return damaged(segment, scan);
  }
  return {};
}

// Makes the newest segment durable up to its last good record, and end there. After a kill its
// records may be in the kernel's memory only, and the store must not get ahead of the log. They are
// written once more: if a sync failed before the kill, the kernel takes them for clean, shows them
// to readers, and would not write them at another sync.
Result<void> settle(Files& files, const SegmentFile& segment, const SegmentScan& scan,
                    std::uint64_t& truncated_bytes) {
  const bool tail = has_tail(scan);
  if (tail && !forgivable(scan)) return damaged(segment, scan);
  auto file = files.open_write(segment.path);
  if (!file) return tl::unexpected<Error>(file.error());
  if (tail) {
    if (auto cut = (*file)->truncate(scan.good_end); !cut) return cut;
    truncated_bytes = scan.bytes.size() - scan.good_end;
  }
  if (broken("replay-syncs-the-log")) return {};
  const std::size_t from = unsynced_from(scan);
  const Bytes unsynced = as_bytes(scan.bytes).subspan(from, scan.good_end - from);
  if (auto wrote = (*file)->write_at(from, unsynced); !wrote) return wrote;
  return (*file)->sync();
}

Result<std::uint64_t> mark_for(Files& files, const std::string& dir, const LogId& id,
                               const ReplayOptions& options) {
  if (options.mark) return *options.mark;
  return find_mark(files, dir, id);
}

Result<std::vector<SegmentFile>> segments_to_read(Files& files, const std::string& dir,
                                                  const LogId& id, const ReplayOptions& options) {
  if (options.held != nullptr) return options.held->segments();
  return begun_segments(files, dir, id);
}

}  // namespace

Result<std::uint64_t> find_mark(Files& files, const std::string& dir, const LogId& id) {
  const auto segments = begun_segments(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  for (auto segment = segments->rbegin(); segment != segments->rend(); ++segment) {
    const auto mark = newest_mark(files, *segment, id);
    if (!mark || *mark != 0) return mark;
  }
  return std::uint64_t{0};
}

Result<ReplayReport> replay(Files& files, const std::string& dir, const LogId& id,
                            const ReplayOptions& options,
                            const std::function<Result<void>(const LogRecord&)>& visit) {
  ReplayReport report;
  const auto mark = mark_for(files, dir, id, options);
  if (!mark) return tl::unexpected<Error>(mark.error());
  report.mark = *mark;
  const auto segments = segments_to_read(files, dir, id, options);
  if (!segments) return tl::unexpected<Error>(segments.error());
  if (segments->empty()) {
    return fail(ErrorCode::corruption, fmt::format("{}: the log has no segment", dir),
                "restore the folder from a copy of this database");
  }
  // Below the mark nothing is read: what the store has, the log need not give.
  auto segment = segments->begin();
  while (segment + 1 != segments->end() && (segment + 1)->first_sequence <= report.mark + 1) {
    ++segment;
  }
  if (segment->first_sequence > report.mark + 1) {
    return tl::unexpected<Error>(
        segment_error(*segment, 0, fmt::format("the log starts past the mark {}", report.mark),
                      ErrorCode::corruption));
  }
  const auto deliver = [&](const LogRecord& record) -> Result<void> {
    if (record.sequence <= report.mark) return {};
    ++report.records;
    return visit(record);
  };
  report.last_sequence = segment->first_sequence - 1;
  for (; segment != segments->end(); ++segment) {
    if (segment->first_sequence != report.last_sequence + 1) {
      return gap(*segment, report.last_sequence);
    }
    auto scan = read_segment(files, *segment, id);
    if (!scan) return tl::unexpected<Error>(scan.error());
    auto done = walk(*scan, *segment, deliver);
    if (done && segment + 1 != segments->end()) {
      if (has_tail(*scan)) return damaged(*segment, *scan);
    } else if (done) {
      done = options.read_only ? read_on(files, *segment, *scan, deliver)
                               : settle(files, *segment, *scan, report.truncated_bytes);
    }
    if (!done) return tl::unexpected<Error>(done.error());
    report.last_sequence = scan->last_sequence;
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
    if (bytes->find_first_not_of('\0', kSegmentHeaderBytes) != std::string::npos) return true;
  }
  return false;
}

}  // namespace hygge::storage
