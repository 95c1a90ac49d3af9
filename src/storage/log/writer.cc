#include "storage/log/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutation.h"

namespace hygge::storage {

namespace {

tl::unexpected<Error> sync_has_failed() {
  return fail(ErrorCode::read_only,
              "log: writing has ended, because a sync failed and what it covered may be lost",
              "close the database and open it again; look after the disk");
}

}  // namespace

LogWriter::LogWriter(Files& files, std::string dir, const LogId& id, std::uint64_t next_sequence,
                     const LogWriterOptions& options)
    : files_(files),
      dir_(std::move(dir)),
      id_(id),
      options_(options),
      next_sequence_(next_sequence),
      synced_sequence_(next_sequence - 1) {}

LogWriter::~LogWriter() {
  if (file_ && !failed_) static_cast<void>(file_->truncate(offset_));
}

Result<std::unique_ptr<LogWriter>> LogWriter::create(Files& files, std::string dir, const LogId& id,
                                                     std::uint64_t next_sequence,
                                                     const LogWriterOptions& options) {
  HYGGE_ASSERT(next_sequence > 0);
  auto writer =
      std::unique_ptr<LogWriter>(new LogWriter(files, std::move(dir), id, next_sequence, options));
  auto segments = list_segments(files, writer->dir_);
  if (!segments) return tl::unexpected<Error>(segments.error());
  writer->segments_ = std::move(*segments);
  // A segment of this name was begun and never got a record.
  if (!writer->segments_.empty() && writer->segments_.back().first_sequence >= next_sequence) {
    if (auto gone = files.unlink(writer->segments_.back().path); !gone) {
      return tl::unexpected<Error>(gone.error());
    }
    writer->segments_.pop_back();
  }
  const std::lock_guard lock(writer->mutex_);
  if (auto begun = writer->begin_segment(); !begun) return tl::unexpected<Error>(begun.error());
  return writer;
}

// The new file and its directory entry are durable before the first record goes into it.
Result<void> LogWriter::begin_segment() {
  const std::string name = segment_name(next_sequence_);
  const std::string path = fmt::format("{}/{}", dir_, name);
  auto created = files_.create(path);
  if (!created && created.error().code == ErrorCode::already_exists) {
    // Begun once before and not finished: no record has been written under this number.
    if (auto gone = files_.unlink(path); !gone) return gone;
    created = files_.create(path);
  }
  if (!created) return tl::unexpected<Error>(created.error());
  std::unique_ptr<File> file = std::move(*created);
  auto ready = file->preallocate(options_.preallocate_bytes);
  if (ready) ready = file->write_at(0, as_bytes(encode_segment_header(id_, next_sequence_)));
  if (ready) ready = file->sync();
  if (ready) ready = files_.sync_directory(dir_);
  if (!ready) {
    static_cast<void>(files_.unlink(path));
    return ready;
  }
  if (!segments_.empty() && file_) segments_.back().bytes = offset_;
  file_ = std::move(file);
  offset_ = kSegmentHeaderBytes;
  allocated_ = options_.preallocate_bytes;
  closed_ = false;
  segments_.push_back({path, name, next_sequence_, 0});
  return {};
}

// Leaves nothing behind the last whole record, durably: the remains of a failed write might
// otherwise come back after a power cut, between records that were written later.
Result<void> LogWriter::cut_current() {
  if (auto cut = file_->truncate(offset_); !cut) return cut;
  allocated_ = offset_;
  const bool skipped = broken("segment-synced-before-next");
  if (auto synced = skipped ? Result<void>() : file_->sync(); !synced) {
    failed_ = true;
    return synced;
  }
  synced_sequence_ = next_sequence_ - 1;
  suspended_ = false;
  return {};
}

Result<void> LogWriter::rotate() {
  const std::scoped_lock lock(sync_mutex_, mutex_);
  if (failed_) return sync_has_failed();
  if (!closed_) {
    const bool empty = offset_ == kSegmentHeaderBytes;
    if (empty && !suspended_) return {};
    if (auto cut = cut_current(); !cut) return cut;
    if (empty) return {};
    closed_ = true;
  }
  return begin_segment();
}

// Probes a suspended log, and leaves a segment that is full.
Result<void> LogWriter::make_ready() {
  bool leave = false;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return sync_has_failed();
    const bool full = offset_ >= options_.segment_bytes && offset_ > kSegmentHeaderBytes;
    leave = closed_ || full;
    if (!leave && !suspended_) return {};
  }
  if (leave) return rotate();
  const std::scoped_lock lock(sync_mutex_, mutex_);
  if (failed_) return sync_has_failed();
  return cut_current();
}

Result<void> LogWriter::write(std::span<const PendingRecord> records) {
  buffer_.clear();
  std::uint64_t sequence = next_sequence_;
  for (const PendingRecord& record : records) {
    append_record(buffer_, record.type, sequence++, as_bytes(record.payload));
  }
  if (offset_ + buffer_.size() > allocated_) {
    const std::uint64_t step = options_.preallocate_bytes;
    const std::uint64_t wanted = (offset_ + buffer_.size() + step - 1) / step * step;
    if (auto reserved = file_->preallocate(wanted); !reserved) return reserved;
    allocated_ = wanted;
  }
  if (broken("log-then-head")) return {};
  return file_->write_at(offset_, as_bytes(buffer_));
}

Result<std::uint64_t> LogWriter::append(std::span<const PendingRecord> records) {
  for (const PendingRecord& record : records) {
    if (record.payload.size() <= kMaxBodyBytes - kMinBodyBytes) continue;
    return fail(ErrorCode::limit,
                fmt::format("log: a record of {} bytes, the limit is {}", record.payload.size(),
                            kMaxBodyBytes - kMinBodyBytes),
                "write smaller batches");
  }
  if (records.empty()) return last_sequence();
  if (auto ready = make_ready(); !ready) return tl::unexpected<Error>(ready.error());
  const std::lock_guard lock(mutex_);
  if (failed_) return sync_has_failed();
  if (auto wrote = write(records); !wrote) {
    static_cast<void>(file_->truncate(offset_));
    allocated_ = offset_;
    suspended_ = true;
    return tl::unexpected<Error>(wrote.error());
  }
  offset_ += buffer_.size();
  next_sequence_ += records.size();
  return next_sequence_ - 1;
}

Result<void> LogWriter::sync() {
  std::uint64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    wanted = next_sequence_ - 1;
  }
  const std::lock_guard syncing(sync_mutex_);
  std::uint64_t sequence = 0;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return sync_has_failed();
    if (synced_sequence_ >= wanted) return {};
    sequence = next_sequence_ - 1;
  }
  // Appends go on meanwhile; older segments were synced before they were left.
  auto synced = broken("acknowledge-after-sync") ? Result<void>() : file_->sync();
  const std::lock_guard lock(mutex_);
  if (!synced) {
    failed_ = true;
    return synced;
  }
  synced_sequence_ = sequence;
  ++syncs_;
  return {};
}

std::uint64_t LogWriter::sync_count() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

std::uint64_t LogWriter::live_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = offset_;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) bytes += segments_[i].bytes;
  return bytes;
}

std::uint64_t LogWriter::sequence_within(std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = offset_;
  if (sum > bytes) return next_sequence_;
  std::size_t oldest = segments_.size() - 1;
  while (oldest > 0 && sum + segments_[oldest - 1].bytes <= bytes) {
    sum += segments_[--oldest].bytes;
  }
  return segments_[oldest].first_sequence;
}

std::uint64_t LogWriter::synced_sequence() const {
  const std::lock_guard lock(mutex_);
  return synced_sequence_;
}

std::uint64_t LogWriter::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return next_sequence_ - 1;
}

Result<std::uint64_t> LogWriter::remove_through(std::uint64_t mark) {
  const std::lock_guard lock(mutex_);
  std::uint64_t removed = 0;
  while (segments_.size() > 1 && segments_[1].first_sequence <= mark + 1) {
    auto gone = files_.unlink(segments_.front().path);
    if (!gone && gone.error().code != ErrorCode::not_found) {
      return tl::unexpected<Error>(gone.error());
    }
    segments_.erase(segments_.begin());
    ++removed;
  }
  if (removed > 0) {
    if (auto synced = files_.sync_directory(dir_); !synced) {
      return tl::unexpected<Error>(synced.error());
    }
  }
  return removed;
}

}  // namespace hygge::storage
