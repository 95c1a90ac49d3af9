// The way out of RocksDB's errors in the background.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/status.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hygge::storage {

/// After a failed flush or compaction RocksDB refuses writes until Resume() has said that the cause
/// is gone. In 7.8 Resume() may wait for ever, for a memtable that nobody flushes any more, and so
/// would whoever closes the database. Here it has a thread of its own, and an end. Thread-safe.
class Recovery {
 public:
  explicit Recovery(rocksdb::DB& db) noexcept : db_(db) {}
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;
  /// Gives up a Resume() that still waits; afterwards the database can only be closed.
  ~Recovery();

  /// OK: writes may be tried again. Waits ten seconds at most, then says TimedOut; who asks next
  /// joins the same attempt.
  [[nodiscard]] rocksdb::Status resume();

 private:
  static constexpr std::chrono::seconds kPatience{10};

  rocksdb::DB& db_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::thread thread_;
  bool running_ = false;
  rocksdb::Status last_;
};

}  // namespace hygge::storage
