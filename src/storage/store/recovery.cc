#include "storage/store/recovery.h"

#include <rocksdb/convenience.h>

#include <system_error>

namespace hygge::storage {

rocksdb::Status Recovery::resume() {
  std::unique_lock lock(mutex_);
  if (!running_) {
    if (thread_.joinable()) thread_.join();
    try {
      thread_ = std::thread([this] {
        const rocksdb::Status status = db_.Resume();
        const std::lock_guard done(mutex_);
        last_ = status;
        running_ = false;
        ended_.notify_all();
      });
    } catch (const std::system_error& none) {
      return rocksdb::Status::Aborted("no thread to go on with", none.what());
    }
    running_ = true;
  }
  if (!ended_.wait_for(lock, kPatience, [this] { return !running_; })) {
    return rocksdb::Status::TimedOut("RocksDB does not come back from its recovery");
  }
  return last_;
}

Recovery::~Recovery() {
  if (!thread_.joinable()) return;
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    waits = running_;
  }
  if (waits) {
    // What is in memory has the log; a flush now would wait as Resume() does. What waits inside
    // RocksDB is woken and told to end.
    db_.SetDBOptions({{"avoid_flush_during_shutdown", "true"}}).PermitUncheckedError();
    rocksdb::CancelAllBackgroundWork(&db_, /*wait=*/false);
  }
  thread_.join();
}

}  // namespace hygge::storage
