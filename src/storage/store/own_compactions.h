// Which compactions of chunks RocksDB begins by itself.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <mutex>

namespace hygge::storage {

/// Thread-safe. While none are begun, RocksDB holds up no writes for the files that pile up.
class OwnCompactions {
 public:
  OwnCompactions(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& chunks) noexcept
      : db_(db), chunks_(chunks) {}

  /// None from now on, until as many release() were called.
  void hold();
  void release();
  /// None until the store is opened anew.
  void stop();
  /// Once more what could not be set, for lack of room perhaps. O(1) where there is nothing to do.
  void settle();

 private:
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle& chunks_;
  std::mutex mutex_;
  int holds_ = 0;
  bool stopped_ = false;
  std::atomic<bool> settled_{true};
};

}  // namespace hygge::storage
