// Long work: until when, how it is watched, and how it is cut short.
#pragma once

#include <hygge/time.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <stop_token>
#include <string_view>

namespace hygge {

/// How far a step of maintenance is.
struct Progress {
  std::string_view what;    ///< "sealing 2026-03-01", "compacting"; valid during the call
  std::uint64_t done = 0;   ///< series of partitions
  std::uint64_t total = 0;  ///< of all that this call will do
};

/// What Db::maintain and Db::compact may spend. Work that is cut short leaves nothing half done
/// that a reader would see; the next call begins it again.
struct Maintain {
  /// By the database's clock. Looked at every few series; a flush or a compaction is not cut.
  TimeMs deadline_ms = std::numeric_limits<TimeMs>::max();
  /// Cuts everything short, compactions too.
  std::stop_token stop;
  /// Called from the thread that does the work, with no lock that readers or writers need.
  std::function<void(const Progress&)> progress;
  /// No more samples are about to come, as after an import: what has ended is sealed without the
  /// ten quiet minutes, late data is merged at once.
  bool settled = false;
};

struct MaintainReport {
  bool finished = true;  ///< false: cut short, there is more to do
  std::uint64_t partitions_sealed = 0;
  std::uint64_t series_resealed = 0;  ///< series of sealed partitions, done again for late data
  std::uint64_t partitions_rolled_up = 0;  ///< sealed before, and given cells of the policy now
  std::uint64_t cell_rows_written = 0;     ///< one per tier, series and day
  /// Series of days that a damaged block kept from being read whole: left as they are, where a
  /// delete was due without what it hides. Db::verify names them.
  std::uint64_t series_damaged = 0;
  std::uint64_t chunks_written = 0;
  std::uint64_t bytes_written = 0;  ///< of those chunks, keys included, before compression
};

}  // namespace hygge
