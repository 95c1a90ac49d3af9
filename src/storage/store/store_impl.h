// What store.cc and scan.cc share of the store. Nobody else includes it.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/snapshot.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store/own_compactions.h"
#include "storage/store/recovery.h"
#include "storage/store/rocks.h"
#include "storage/store/store.h"

namespace hygge::storage {

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline Bytes bytes(const rocksdb::Slice& text) { return as_bytes({text.data(), text.size()}); }

inline tl::unexpected<Error> failed(const rocksdb::Status& status, std::string_view doing) {
  return tl::unexpected<Error>(to_error(status, doing));
}

class Listener : public rocksdb::EventListener {
 public:
  // Without this RocksDB looks for room every five seconds, and refuses Resume() meanwhile: a write
  // that comes when there is room again would fail.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  // A compaction that meets a damaged block fails, and tells whoever asked for it. RocksDB would
  // refuse all writes from then on, though nothing has changed: what it read stays as it was. See
  // go_on_damaged().
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (reason != rocksdb::BackgroundErrorReason::kCompaction || !error->IsCorruption()) return;
    *error = rocksdb::Status::OK();
    damaged.store(true);
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override {
    const rocksdb::TableProperties& table = info.table_properties;
    flushes.fetch_add(1, std::memory_order_relaxed);
    flush_bytes.fetch_add(table.data_size + table.index_size, std::memory_order_relaxed);
  }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) override {
    compactions.fetch_add(1, std::memory_order_relaxed);
    compaction_bytes.fetch_add(info.stats.total_output_bytes, std::memory_order_relaxed);
  }
  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override {
    const bool begins = info.condition.prev == rocksdb::WriteStallCondition::kNormal;
    stalls.fetch_add(begins ? 1 : 0, std::memory_order_relaxed);
  }
  std::atomic<bool> damaged{false};
  std::atomic<std::uint64_t> flushes{0}, flush_bytes{0}, compactions{0}, compaction_bytes{0},
      stalls{0};
};

struct Store::Impl {
  Result<void> flush(Family family);
  void go_on_damaged();
  // Of all live files of a family, or of a range of its keys, to a block.
  std::uint64_t file_bytes(Family family) const;
  std::uint64_t file_bytes(Family family, const rocksdb::Slice& from,
                           const rocksdb::Slice& to) const;
  Result<void> compact(Family family, const rocksdb::Slice* from, const rocksdb::Slice* to,
                       std::atomic<bool>* cancel,
                       rocksdb::BottommostLevelCompaction bottom =
                           rocksdb::BottommostLevelCompaction::kIfHaveCompactionFilter);
  /// Whether a file of chunks in the range still says of a key that it is gone.
  Result<bool> holds_deletions(const rocksdb::Slice& from, const rocksdb::Slice& to) const;

  std::string dir;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<Listener> listener = std::make_shared<Listener>();
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  bool read_only = false;
  std::unique_ptr<Recovery> recovery;               ///< of `db`, which outlives it
  std::unique_ptr<OwnCompactions> own_compactions;  ///< as is this

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // Handles before the database: Debian's build asserts on the other order.
  ~Impl() {
    recovery.reset();
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      db->DestroyColumnFamilyHandle(handle);
    }
    if (db) db->Close().PermitUncheckedError();
  }
};

// Must not outlive its Store; whoever holds one holds the Store too.
class StoreSnapshot {
 public:
  explicit StoreSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  StoreSnapshot(const StoreSnapshot&) = delete;
  StoreSnapshot& operator=(const StoreSnapshot&) = delete;
  ~StoreSnapshot() { db_->ReleaseSnapshot(snapshot_); }
  [[nodiscard]] const rocksdb::Snapshot* get() const noexcept { return snapshot_; }

 private:
  rocksdb::DB* db_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace hygge::storage
