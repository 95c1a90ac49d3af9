// The chunk store: RocksDB column families behind plain types. The write-ahead log of RocksDB
// is off; the room `log` is the durability, and the store may be behind it at any time.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storage/store/keys.h"

namespace hygge::storage {

struct StoreOptions {
  bool create = false;
  bool read_only = false;
  std::size_t memory_bytes = 128U << 20U;  ///< block cache, memtables in it (at most half)
  std::size_t chunk_memtable_bytes = 64U << 20U;
};

/// Changes that reach the store together.
class StoreBatch {
 public:
  StoreBatch();
  StoreBatch(StoreBatch&&) noexcept;
  StoreBatch& operator=(StoreBatch&&) noexcept;
  ~StoreBatch();

  void put_chunk(const ChunkKey& key, std::string_view value);
  void delete_chunk(const ChunkKey& key);
  void put_cells(const CellKey& key, std::string_view row);
  void delete_cells(const CellKey& key);
  void put_series(std::uint32_t series, std::string_view value);
  void delete_series(std::uint32_t series);
  void put_meta(std::string_view name, std::string_view value);
  void delete_meta(std::string_view name);
  [[nodiscard]] bool empty() const noexcept;

 private:
  friend class Store;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The store as it was at one moment; later writes do not show. Any thread may copy it; it must not
/// outlive its Store.
class StoreSnapshot;
using StoreSnapshotPtr = std::shared_ptr<const StoreSnapshot>;

/// Whether blocks that a scan reads may be wanted again. Once: they are read ahead, and not cached.
enum class ScanUse : std::uint8_t { again, once };

/// Walks chunks in key order over a snapshot. One thread at a time. Must not outlive
/// the Store.
class ChunkScan {
 public:
  ChunkScan(ChunkScan&&) noexcept;
  ChunkScan& operator=(ChunkScan&&) noexcept;
  ~ChunkScan();

  /// Goes to the first chunk whose key is at or past `key`.
  void seek(const ChunkKey& key);
  void next();
  /// On a chunk. False at the end and after an error.
  [[nodiscard]] bool valid() const noexcept;
  /// Of the chunk; valid() must hold. The value stays until the scan moves.
  [[nodiscard]] ChunkKey key() const noexcept;
  [[nodiscard]] Bytes value() const noexcept;
  /// Why valid() turned false: corruption (a checksum, or a key that is none) or io. Null at a good
  /// end.
  [[nodiscard]] const Error* error() const noexcept;

 private:
  friend class Store;
  struct Impl;
  explicit ChunkScan(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Finds rows of cells over a snapshot; cheap where they are asked for in the order of their keys.
/// One thread at a time. Must not outlive the Store.
class CellScan {
 public:
  CellScan(CellScan&&) noexcept;
  CellScan& operator=(CellScan&&) noexcept;
  ~CellScan();

  /// The row of `key`, which stays until the next call; none if there is none. O(1) where `key`
  /// follows the one before with few rows between, else a seek. Errors: corruption, io; the next
  /// call begins anew.
  [[nodiscard]] Result<std::optional<Bytes>> find(const CellKey& key);

 private:
  friend class Store;
  struct Impl;
  explicit CellScan(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// What a store has done since its open.
struct StoreCounters {
  std::uint64_t flushes = 0;      ///< memtables written to files
  std::uint64_t flush_bytes = 0;  ///< of those files
  std::uint64_t compactions = 0;
  std::uint64_t compaction_bytes = 0;  ///< of the files that they wrote
  std::uint64_t stalls = 0;            ///< times that writes began to be slowed down or held up
};

/// Thread-safe. Errors: io, no_space, corruption (names the file where RocksDB does), read_only.
class Store {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Store>> open(const std::string& dir,
                                                           const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Into the memtables; what it holds is durable after flush(). After a failed flush or compaction
  /// this and flush() first try to go on.
  [[nodiscard]] Result<void> apply(const StoreBatch& batch);
  /// Writes every memtable to files, `series` and `chunks` before `meta`, and waits.
  [[nodiscard]] Result<void> flush();
  /// The two halves of flush().
  [[nodiscard]] Result<void> flush_data();
  [[nodiscard]] Result<void> flush_meta();
  /// Compacts everything to the bottom level; what lies there alone is left. `cancel`, if any, may
  /// be set by another thread: then it ends early, and well.
  [[nodiscard]] Result<void> compact(std::atomic<bool>* cancel = nullptr);
  /// As long as the result lives, RocksDB compacts no chunks that it was not asked to: it would
  /// compress once more what a seal is about to replace. Not longer than the store.
  [[nodiscard]] std::shared_ptr<void> hold_compactions();
  /// All chunks of one partition, those at the bottom too: nothing stays of what was replaced,
  /// unless a snapshot from before needs it. And its cells, of these tiers.
  [[nodiscard]] Result<void> compact_partition(std::int32_t partition,
                                               std::span<const DurationMs> tiers,
                                               std::atomic<bool>* cancel = nullptr);
  /// Unlinks the files of `chunks` that hold nothing but keys of this partition, whatever snapshots
  /// say; level 0 and memtables stay.
  [[nodiscard]] Result<void> drop_files(std::int32_t partition);
  /// Rewrites the files of `chunks` and of `cells` that may hold keys of these spans, first to
  /// last, and unlinks the old ones: nothing is left of what was deleted or overwritten there,
  /// unless a snapshot from before still needs it. False: a scan keeps an old file.
  [[nodiscard]] Result<bool> rewrite_files(std::span<const std::pair<ChunkKey, ChunkKey>> chunks,
                                           std::span<const std::pair<CellKey, CellKey>> cells);
  /// The number of the last change, and whether a snapshot lacks changes up to `number`.
  [[nodiscard]] std::uint64_t last_change() const;
  [[nodiscard]] bool has_snapshot_before(std::uint64_t number) const;

  [[nodiscard]] StoreSnapshotPtr snapshot() const;
  [[nodiscard]] ChunkScan scan(StoreSnapshotPtr snapshot, ScanUse use = ScanUse::again) const;
  [[nodiscard]] CellScan cell_scan(StoreSnapshotPtr snapshot) const;
  /// Whether there is a row; `out` is replaced by it.
  [[nodiscard]] Result<bool> get_cells(const StoreSnapshotPtr& snapshot, const CellKey& key,
                                       std::string& out) const;
  /// All rows, in order of their keys.
  [[nodiscard]] Result<void> scan_cells(
      const StoreSnapshotPtr& snapshot,
      const std::function<Result<void>(const CellKey& key, Bytes row)>& visit) const;
  [[nodiscard]] Result<std::optional<std::string>> get_meta(std::string_view name) const;
  /// Entries whose name starts with `prefix`, in order.
  [[nodiscard]] Result<void> scan_meta(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view name, Bytes value)>& visit) const;
  /// In order of id.
  [[nodiscard]] Result<void> scan_series(
      const std::function<Result<void>(std::uint32_t series, Bytes value)>& visit) const;

  /// Bytes of the live files of `chunks`, keys included.
  [[nodiscard]] std::uint64_t chunk_file_bytes() const;
  /// Of one partition, to a block.
  [[nodiscard]] std::uint64_t chunk_file_bytes(std::int32_t partition) const;
  /// The same of `cells`; of one partition, the rows of these tiers.
  [[nodiscard]] std::uint64_t cell_file_bytes() const;
  [[nodiscard]] std::uint64_t cell_file_bytes(std::int32_t partition,
                                              std::span<const DurationMs> tiers) const;
  /// Re-reads every block of every file and compares checksums. Calls `damaged(file, what)`.
  [[nodiscard]] Result<void> verify_checksums(
      const std::function<void(std::string_view file, std::string_view what)>& damaged) const;
  /// What its memtables hold now.
  [[nodiscard]] std::uint64_t memtable_bytes() const;
  /// What its block cache holds now, the share of the memtables included.
  [[nodiscard]] std::uint64_t cache_bytes() const;
  [[nodiscard]] StoreCounters counters() const noexcept;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hygge::storage
