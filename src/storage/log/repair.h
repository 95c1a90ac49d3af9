// The log's half of `repair`: makes a damaged log one that replay takes.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <string>
#include <vector>

#include "storage/log/segment.h"

namespace hygge::storage {

/// What a repair left out.
struct LogDrop {
  std::string file;  ///< "log/NAME"
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  /// The records that are lost: first … last; none if last < first (bytes between whole records).
  std::uint64_t first_lost = 1;
  std::uint64_t last_lost = 0;
  std::string what;  ///< one line for people
};

struct LogRepair {
  std::uint64_t records_kept = 0;      ///< in the segments that were looked at
  std::vector<LogDrop> dropped;        ///< empty: there was nothing to repair
  std::vector<std::string> rewritten;  ///< names of segments that were replaced or removed
};

/// Keeps every whole record behind the newest mark, and puts a record of type `gap` where some are
/// missing. Segments that change are copied to `quarantine` first (made if need be), then replaced
/// one by one, by rename: cut short, it may be done again. A torn tail that replay forgives is left
/// to replay. The caller holds the database's lock and has no log open.
/// Errors: those of the files; version (a segment of a newer library) and
/// corruption (one of another database), with nothing touched.
[[nodiscard]] Result<LogRepair> repair_log(Files& files, const std::string& dir, const LogId& id,
                                           const std::string& quarantine);

}  // namespace hygge::storage
