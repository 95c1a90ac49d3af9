// The writing end of the log.
//
// append() from one thread at a time; sync(), synced_sequence() and the figures from any.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "storage/log/record.h"
#include "storage/log/segment.h"

namespace hygge::storage {

struct LogWriterOptions {
  std::size_t segment_bytes = 16U << 20U;  ///< a segment is closed once past this
  std::size_t preallocate_bytes = 1U << 20U;
};

class LogWriter {
 public:
  /// Begins a new segment with `next_sequence` in `dir`, whose segments a replay has been through.
  [[nodiscard]] static Result<std::unique_ptr<LogWriter>> create(Files& files, std::string dir,
                                                                 const LogId& id,
                                                                 std::uint64_t next_sequence,
                                                                 const LogWriterOptions& options);
  /// Gives back the preallocated space; what is not synced stays so.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Writes `records` by one write() into one segment, with consecutive sequence numbers; returns
  /// the last. On an error nothing of them is in the log and the log is suspended: the next append
  /// cuts off what was left, makes the cut durable, and resumes if there is room again.
  /// Errors: no_space, io, limit; read_only after a sync has failed.
  [[nodiscard]] Result<std::uint64_t> append(std::span<const PendingRecord> records);

  /// fdatasync of everything appended before the call; calls that wait for one another share one.
  /// A failure is final: the kernel may have dropped pages, so nothing more is taken until the log
  /// is opened again.
  [[nodiscard]] Result<void> sync();
  /// Everything up to here survives a power cut.
  [[nodiscard]] std::uint64_t synced_sequence() const;

  /// Closes the segment, if it holds a record, and begins the next.
  [[nodiscard]] Result<void> rotate();
  /// Unlinks the segments all of whose records are at or below `mark`, never the newest; returns
  /// how many. In order, so that what remains has no gap.
  [[nodiscard]] Result<std::uint64_t> remove_through(std::uint64_t mark);

  [[nodiscard]] std::uint64_t last_sequence() const;
  /// How many times sync() has gone to the disk.
  [[nodiscard]] std::uint64_t sync_count() const;
  /// Bytes of all records that are not removed, those of marks included.
  [[nodiscard]] std::uint64_t live_bytes() const;
  /// The first sequence of the oldest segment of which, with all behind it, at most `bytes` are
  /// there; past the last record if even the newest has more.
  [[nodiscard]] std::uint64_t sequence_within(std::uint64_t bytes) const;

 private:
  LogWriter(Files& files, std::string dir, const LogId& id, std::uint64_t next_sequence,
            const LogWriterOptions& options);
  Result<void> make_ready();
  Result<void> begin_segment();
  Result<void> write(std::span<const PendingRecord> records);
  Result<void> cut_current();

  Files& files_;
  const std::string dir_;
  const LogId id_;
  const LogWriterOptions options_;

  /// Held while a segment is synced or left, so that a failure cannot hide behind the success of
  /// another thread: the kernel tells of it only once. Taken before mutex_.
  std::mutex sync_mutex_;
  mutable std::mutex mutex_;  ///< guards all below; file_ changes under both
  std::unique_ptr<File> file_;
  std::vector<SegmentFile> segments_;  ///< in order; the last is being written
  std::uint64_t next_sequence_;
  std::uint64_t synced_sequence_ = 0;
  std::uint64_t offset_ = 0;     ///< end of the last whole record
  std::uint64_t allocated_ = 0;  ///< bytes of the file
  bool suspended_ = false;       ///< a write has failed; something may lie behind offset_
  bool closed_ = false;          ///< cut and synced; the next segment could not be begun yet
  bool failed_ = false;          ///< a sync has failed
  std::uint64_t syncs_ = 0;
  std::string buffer_;
};

}  // namespace hygge::storage
