// Checks every byte of the log and goes on behind each damage, to name them all.
#include <fmt/format.h>

#include <utility>

#include "storage/log/payloads.h"
#include "storage/log/replay.h"
#include "storage/log/scan.h"

namespace hygge::storage {

namespace {

class Verifier {
 public:
  Verifier(Files& files, const SegmentFile& segment, LogVerification& out)
      : files_(files), segment_(segment), out_(out) {}

  void run(SegmentScan& scan, bool newest) {
    do {
      walk_on(scan);
      if (newest) read_again(scan);
      if (!has_tail(scan) || (newest && forgivable(scan))) return;
      damage(scan.good_end, fmt::format("a damaged record, {}", scan.last_sequence + 1));
    } while (skip(scan));
  }

  void damage(std::size_t offset, std::string what) {
    out_.damage.push_back({"log/" + segment_.name, offset, std::move(what)});
  }

 private:
  void walk_on(SegmentScan& scan) {
    static_cast<void>(walk(scan, segment_, [&](const LogRecord& record) -> Result<void> {
      ++out_.records;
      if (auto error = payload_error(record)) damage(scan.good_end, std::move(error->message));
      return {};
    }));
  }

  // What a writer was at while we read is whole now; see replay.
  void read_again(SegmentScan& scan) {
    std::size_t before = 0;
    while (before != scan.good_end && has_tail(scan) && !forgivable(scan)) {
      before = scan.good_end;
      auto bytes = files_.read(segment_.path);
      if (!bytes) return;
      scan.bytes = std::move(*bytes);
      walk_on(scan);
    }
  }

  // To the next valid record; false when there is none.
  static bool skip(SegmentScan& scan) {
    const auto found = find_record(as_bytes(scan.bytes), scan.good_end, scan.last_sequence);
    if (!found) return false;
    scan.good_end = found->offset;
    scan.last_sequence = found->record.sequence - 1;
    return true;
  }

  Files& files_;
  const SegmentFile& segment_;
  LogVerification& out_;
};

}  // namespace

Result<LogVerification> verify_log(Files& files, const std::string& dir, const LogId& id) {
  const auto segments = begun_segments(files, dir, id);
  if (!segments) return tl::unexpected<Error>(segments.error());
  LogVerification out;
  const std::uint64_t mark = find_mark(files, dir, id).value_or(0);
  std::uint64_t last_sequence = 0;
  for (auto segment = segments->begin(); segment != segments->end(); ++segment) {
    Verifier verifier(files, *segment, out);
    auto scan = read_segment(files, *segment, id);
    if (!scan) {
      // A writer may have unlinked it meanwhile.
      const bool gone = scan.error().code == ErrorCode::not_found;
      if (!gone) verifier.damage(0, scan.error().message);
      last_sequence = 0;
      continue;
    }
    // Below the mark, a power cut may have brought unlinked segments back, and not all of them.
    const bool after_mark = segment->first_sequence > mark + 1;
    if (last_sequence != 0 && after_mark && segment->first_sequence != last_sequence + 1) {
      verifier.damage(0, fmt::format("follows record {}, but begins with {}", last_sequence,
                                     segment->first_sequence));
    }
    verifier.run(*scan, segment + 1 == segments->end());
    last_sequence = scan->last_sequence;
  }
  return out;
}

}  // namespace hygge::storage
