// How a database is opened.
#pragma once

#include <hygge/clock.h>
#include <hygge/time.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hygge {

/// When a write is safe. Every mode survives kill -9 whole; they differ in what a power cut takes.
struct Sync {
  enum class Mode : std::uint8_t {
    batch,     ///< write() returns after fdatasync; a power cut takes nothing acknowledged
    interval,  ///< fdatasync every `interval_ms`; a power cut takes at most that much
    none,      ///< the kernel decides
  };
  Mode mode = Mode::interval;
  DurationMs interval_ms = kSecondMs;

  [[nodiscard]] static Sync batch() noexcept { return {Mode::batch, 0}; }
  [[nodiscard]] static Sync every(std::chrono::milliseconds interval) noexcept {
    return {Mode::interval, interval.count()};
  }
  [[nodiscard]] static Sync none() noexcept { return {Mode::none, 0}; }
};

/// Limits that name the offender when they are met. 0: none.
struct Limits {
  std::size_t labels_per_series = 64;
  std::size_t label_name_bytes = 1024;
  std::size_t label_value_bytes = 16 * 1024;
  std::size_t batch_bytes = 16U << 20U;  ///< encoded in the log
  std::size_t series = 0;                ///< in total
  std::size_t series_per_metric = 0;     ///< of one __name__
  std::size_t values_per_label = 0;      ///< different values of any one label
};

/// Sizes that tests and small machines change.
struct Tuning {
  std::size_t log_segment_bytes = 16U << 20U;     ///< a log segment is closed once past this
  std::size_t chunk_memtable_bytes = 64U << 20U;  ///< of the chunk column family
  std::size_t put_bytes = 4U << 20U;              ///< closed chunks in memory that start a put pass
  std::size_t mark_bytes = 32U << 20U;  ///< log written since the last mark that starts a flush
  /// Log that an open may have to replay; more for many series, 256 bytes for each with an open
  /// chunk. Past it the oldest open chunks are closed early.
  std::size_t log_budget_bytes = 64U << 20U;
  /// Late chunks of one series and day that the store tells apart, 2 to 65,534; at half of them
  /// they are merged. Should that not keep up, later samples wait in memory and log.
  std::size_t late_chunks = 65'534;
};

/// Who does put passes, flushes, marks, the removal of log segments, and seals.
enum class Maintenance : std::uint8_t {
  thread,  ///< two background threads of the Db: one for what is short, one for what is long
  manual,  ///< the caller, by Db::maintain()
};

struct Options {
  bool create_if_missing = false;
  Sync sync;
  Maintenance maintenance = Maintenance::thread;
  /// Block cache with the memtables in it (at most half), and what waits in memory for the store:
  /// past its share the oldest open chunks are closed early. The index is beside it.
  std::size_t memory_bytes = 128U << 20U;
  Limits limits;
  Tuning tuning;
  Clock clock = system_clock();
};

}  // namespace hygge
