// The reading end of the log: what an open repeats, and what `verify` checks.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/log/held_segments.h"
#include "storage/log/record.h"
#include "storage/log/segment.h"

namespace hygge::storage {

struct ReplayOptions {
  /// A reader beside a live writer: changes nothing, and takes an unfinished record for the end.
  bool read_only = false;
  /// The mark to start after; empty: the newest in the log.
  std::optional<std::uint64_t> mark;
  /// The segments to read, for a reader beside a live writer; null: those of the folder.
  const HeldSegments* held = nullptr;
};

struct ReplayReport {
  std::uint64_t mark = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t records = 0;          ///< delivered: those after the mark
  std::uint64_t truncated_bytes = 0;  ///< a torn tail
};

/// Delivers the records after the mark, in order. A bad record is forgiven, and cut off, only at
/// the end of the newest segment, and only if no valid record behind it names a synced sequence at
/// or past it: a power cut loses unsynced pages in any order. Anything else is corruption, named
/// with segment and offset. Unless read_only, all that is delivered has been synced when this
/// returns: what is made of it may be stored. Errors: also those of `visit`, of the files, version.
[[nodiscard]] Result<ReplayReport> replay(
    Files& files, const std::string& dir, const LogId& id, const ReplayOptions& options,
    const std::function<Result<void>(const LogRecord&)>& visit);

/// The newest mark in the log, 0 if there is none.
[[nodiscard]] Result<std::uint64_t> find_mark(Files& files, const std::string& dir,
                                              const LogId& id);

/// Whether any segment holds more than its header and zeros.
[[nodiscard]] Result<bool> log_has_records(Files& files, const std::string& dir);

struct LogDamage {
  std::string file;
  std::uint64_t offset = 0;
  std::string what;
};
struct LogVerification {
  std::uint64_t records = 0;
  std::vector<LogDamage> damage;
};
/// Reads every segment and decodes every payload, going on behind each damage. A tail that replay
/// would forgive is no damage.
[[nodiscard]] Result<LogVerification> verify_log(Files& files, const std::string& dir,
                                                 const LogId& id);

}  // namespace hygge::storage
