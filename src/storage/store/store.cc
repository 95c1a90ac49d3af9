#include "storage/store/store.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <utility>

#include "storage/store/rocks.h"

namespace hygge::storage {

namespace {

// `cells` last: a store of format 1 has none.
enum Family : std::size_t { kDefault, kChunks, kSeries, kMeta, kCells, kFamilies };
constexpr std::array<const char*, kFamilies> kFamilyNames{"default", "chunks", "series", "meta",
                                                          "cells"};

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
Bytes bytes(const rocksdb::Slice& text) { return as_bytes({text.data(), text.size()}); }

tl::unexpected<Error> failed(const rocksdb::Status& status, std::string_view doing) {
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

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 * 1024;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                            std::size_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 2;
  options.target_file_size_base = 64U << 20U;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));
  return options;
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing) {
  ErrorCode code = ErrorCode::io;
  if (status.IsNoSpace()) code = ErrorCode::no_space;
  if (status.IsCorruption()) code = ErrorCode::corruption;
  if (status.IsNotFound() || status.IsPathNotFound()) code = ErrorCode::not_found;
  if (status.IsNotSupported()) code = ErrorCode::read_only;
  const char* const help = code == ErrorCode::corruption
                               ? "`hygge db verify` says what is damaged, `hygge db repair` keeps "
                                 "what can be read"
                               : "";
  std::string message = fmt::format("store: {}: {}", doing, status.ToString());
  // A table that is missing is named as RocksDB looks for it last, as no release has called one.
  for (std::size_t at = 0; (at = message.find(".ldb", at)) != std::string::npos;) {
    message.replace(at, 4, ".sst");
  }
  return {code, std::move(message), help, {}};
}

bool lacks_cells(const std::string& dir) {
  std::vector<std::string> names;
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<NoLog>();
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(options, dir, &names);
  return listed.ok() && std::find(names.begin(), names.end(), kFamilyNames[kCells]) == names.end();
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const std::shared_ptr<rocksdb::Cache>& cache,
                                                      const StoreOptions& options) {
  rocksdb::ColumnFamilyOptions chunks = family_options(cache, options.chunk_memtable_bytes);
  chunks.bottommost_compression = rocksdb::kZSTD;
  chunks.bottommost_compression_opts.enabled = true;
  chunks.bottommost_compression_opts.level = 3;
  // A day's files hold nothing else, so that forgetting a day unlinks them.
  chunks.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(4);
  rocksdb::ColumnFamilyOptions cells = family_options(cache, 16U << 20U);
  cells.bottommost_compression = rocksdb::kZSTD;
  cells.bottommost_compression_opts = chunks.bottommost_compression_opts;
  cells.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(8);
  rocksdb::ColumnFamilyOptions series = family_options(cache, 16U << 20U);
  series.compression = rocksdb::kLZ4Compression;
  std::vector<rocksdb::ColumnFamilyDescriptor> out;
  out.emplace_back(kFamilyNames[kDefault], family_options(cache, 1U << 20U));
  out.emplace_back(kFamilyNames[kChunks], chunks);
  out.emplace_back(kFamilyNames[kSeries], series);
  out.emplace_back(kFamilyNames[kMeta], family_options(cache, 1U << 20U));
  out.emplace_back(kFamilyNames[kCells], cells);
  return out;
}

struct StoreBatch::Impl {
  struct Change {
    Family family;
    bool erase;
    std::string key;
    std::string value;
  };
  std::vector<Change> changes;
};

StoreBatch::StoreBatch() : impl_(std::make_unique<Impl>()) {}
StoreBatch::StoreBatch(StoreBatch&&) noexcept = default;
StoreBatch& StoreBatch::operator=(StoreBatch&&) noexcept = default;
StoreBatch::~StoreBatch() = default;

void StoreBatch::put_chunk(const ChunkKey& key, std::string_view value) {
  impl_->changes.push_back({kChunks, false, encode_key(key), std::string(value)});
}
void StoreBatch::delete_chunk(const ChunkKey& key) {
  impl_->changes.push_back({kChunks, true, encode_key(key), {}});
}
void StoreBatch::put_cells(const CellKey& key, std::string_view row) {
  impl_->changes.push_back({kCells, false, encode_key(key), std::string(row)});
}
void StoreBatch::delete_cells(const CellKey& key) {
  impl_->changes.push_back({kCells, true, encode_key(key), {}});
}
void StoreBatch::put_series(std::uint32_t series, std::string_view value) {
  impl_->changes.push_back({kSeries, false, encode_series_key(series), std::string(value)});
}
void StoreBatch::delete_series(std::uint32_t series) {
  impl_->changes.push_back({kSeries, true, encode_series_key(series), {}});
}
void StoreBatch::put_meta(std::string_view name, std::string_view value) {
  impl_->changes.push_back({kMeta, false, std::string(name), std::string(value)});
}
void StoreBatch::delete_meta(std::string_view name) {
  impl_->changes.push_back({kMeta, true, std::string(name), {}});
}
bool StoreBatch::empty() const noexcept { return impl_->changes.empty(); }

namespace {

// Bounds of a partition's keys, the second one past the last.
struct PartitionKeys {
  explicit PartitionKeys(std::int32_t partition)
      : from(encode_key({partition, 0, 0, 0})),
        to(encode_key({partition, 0xffff'ffffU, 0xffff'ffffU, 0xffff})) {}
  std::string from;
  std::string to;
};

}  // namespace

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

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // Handles before the database: Debian's build asserts on the other order.
  ~Impl() {
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

struct ChunkScan::Impl {
  rocksdb::DB* db = nullptr;
  rocksdb::ColumnFamilyHandle* family = nullptr;
  StoreSnapshotPtr snapshot;
  ScanUse use = ScanUse::again;
  std::unique_ptr<rocksdb::Iterator> iterator;
  ChunkKey key;
  bool valid = false;
  ChunkKey behind;  ///< if `valid`: no key lies at or past this one and before `key`
  std::optional<Error> error;

  void begin() {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot->get();
    options.verify_checksums = true;
    if (use == ScanUse::once) {
      options.fill_cache = false;
      options.readahead_size = 2U << 20U;
    }
    iterator.reset(db->NewIterator(options, family));
    error.reset();
  }

  void settle() {
    valid = false;
    if (!iterator->Valid()) {
      if (!iterator->status().ok()) error = to_error(iterator->status(), "reading chunks");
      return;
    }
    const auto decoded = decode_chunk_key(bytes(iterator->key()));
    if (!decoded) {
      error = Error{ErrorCode::corruption, "store: a key of family chunks is no chunk key", {}, {}};
      return;
    }
    key = *decoded;
    valid = true;
  }
};

ChunkScan::ChunkScan(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ChunkScan::ChunkScan(ChunkScan&&) noexcept = default;
ChunkScan& ChunkScan::operator=(ChunkScan&&) noexcept = default;
ChunkScan::~ChunkScan() = default;

void ChunkScan::seek(const ChunkKey& key) {
  // Who reads one series after the other finds the scan where it wants it: a seek, through
  // RocksDB's index and levels, costs more than the chunk.
  if (impl_->valid && impl_->behind <= key && key <= impl_->key) return;
  // An iterator that has met a damaged block stays invalid for everything behind it.
  if (impl_->error) impl_->begin();
  impl_->iterator->Seek(encode_key(key));
  impl_->behind = key;
  impl_->settle();
}
void ChunkScan::next() {
  impl_->behind = next_possible(impl_->key);
  impl_->iterator->Next();
  impl_->settle();
}
bool ChunkScan::valid() const noexcept { return impl_->valid; }
ChunkKey ChunkScan::key() const noexcept { return impl_->key; }
Bytes ChunkScan::value() const noexcept { return bytes(impl_->iterator->value()); }
const Error* ChunkScan::error() const noexcept { return impl_->error ? &*impl_->error : nullptr; }

struct CellScan::Impl {
  rocksdb::DB* db = nullptr;
  rocksdb::ColumnFamilyHandle* family = nullptr;  ///< null: a store without cells
  StoreSnapshotPtr snapshot;
  std::unique_ptr<rocksdb::Iterator> iterator;
  std::string asked;  ///< no key lies at or past this one and before the iterator

  void begin() {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot->get();
    options.verify_checksums = true;
    iterator.reset(db->NewIterator(options, family));
  }
  [[nodiscard]] bool before(const rocksdb::Slice& key) const {
    return iterator->Valid() && iterator->key().compare(key) < 0;
  }
  // To the first row at or past `key`.
  void go_to(const rocksdb::Slice& key) {
    // A step is a tenth of a seek through RocksDB's index and levels.
    constexpr int kSteps = 8;
    const bool forward = iterator->Valid() && slice(asked).compare(key) <= 0;
    for (int i = 0; forward && i < kSteps && before(key); ++i) iterator->Next();
    if (!forward || before(key)) iterator->Seek(key);
    asked.assign(key.data(), key.size());
  }
};

CellScan::CellScan(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
CellScan::CellScan(CellScan&&) noexcept = default;
CellScan& CellScan::operator=(CellScan&&) noexcept = default;
CellScan::~CellScan() = default;

Result<std::optional<Bytes>> CellScan::find(const CellKey& key) {
  using Row = std::optional<Bytes>;
  if (impl_->family == nullptr) return Row();
  if (!impl_->iterator) impl_->begin();
  const std::string wanted = encode_key(key);
  impl_->go_to(slice(wanted));
  if (impl_->iterator->Valid()) {
    const bool found = impl_->iterator->key() == slice(wanted);
    return found ? Row(bytes(impl_->iterator->value())) : Row();
  }
  const rocksdb::Status status = impl_->iterator->status();
  if (status.ok()) return Row();
  impl_->iterator.reset();  // it stays invalid for everything behind a damaged block
  return failed(status, "reading cells");
}

Store::Store(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::shared_ptr<Store>> Store::open(const std::string& dir, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->read_only = options.read_only;
  impl->cache = rocksdb::NewLRUCache(options.memory_bytes);
  rocksdb::DBOptions db_options;
  db_options.create_if_missing = options.create;
  db_options.create_missing_column_families = options.create;
  db_options.max_background_jobs = 2;
  db_options.max_open_files = -1;
  db_options.info_log = std::make_shared<NoLog>();
  db_options.info_log_level = rocksdb::InfoLogLevel::FATAL_LEVEL;
  db_options.stats_dump_period_sec = 0;
  db_options.stats_persist_period_sec = 0;
  db_options.listeners.push_back(impl->listener);
  db_options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memory_bytes / 2, impl->cache);
  auto descriptors = families(impl->cache, options);
  if (!options.create && lacks_cells(dir)) {
    // Made by the first writer that knows of them; until then there are none to read.
    if (options.read_only) descriptors.pop_back();
    db_options.create_missing_column_families = !options.read_only;
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      options.read_only
          ? rocksdb::DB::OpenForReadOnly(db_options, dir, descriptors, &impl->handles, &db)
          : rocksdb::DB::Open(db_options, dir, descriptors, &impl->handles, &db);
  if (!status.ok()) return failed(status, fmt::format("opening {}", dir));
  impl->db.reset(db);
  return std::shared_ptr<Store>(new Store(std::move(impl)));
}

// The compaction would be tried again every second and never succeed, young files would pile up
// behind it, and then RocksDB would hold up writes. Until the next open they are taken all the
// same, and read slower the more of them there are.
void Store::Impl::go_on_damaged() {
  if (!listener->damaged.exchange(false)) return;
  const rocksdb::Status set =
      db->SetOptions(handles[kChunks], {{"disable_auto_compactions", "true"},
                                        {"level0_slowdown_writes_trigger", "1000000000"},
                                        {"level0_stop_writes_trigger", "1000000000"}});
  if (!set.ok()) listener->damaged.store(true);  // a full disk, perhaps: with the next change
}

Result<void> Store::apply(const StoreBatch& batch) {
  impl_->go_on_damaged();
  rocksdb::WriteBatch changes;
  rocksdb::Status status;
  for (const StoreBatch::Impl::Change& change : batch.impl_->changes) {
    rocksdb::ColumnFamilyHandle* family = impl_->handles[change.family];
    status = change.erase ? changes.Delete(family, change.key)
                          : changes.Put(family, change.key, change.value);
    if (!status.ok()) return failed(status, "collecting changes");
  }
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  status = impl_->db->Write(options, &changes);
  // After a failed flush or compaction RocksDB refuses writes until somebody says that the cause is
  // gone.
  if (!status.ok() && impl_->db->Resume().ok()) status = impl_->db->Write(options, &changes);
  if (!status.ok()) return failed(status, "writing");
  return {};
}

// Once a write of the manifest has failed, RocksDB 7.8 may say that all is well and have flushed
// nothing: who believed it would unlink the log of what is in memory only.
Result<void> Store::Impl::flush(Family family) {
  go_on_damaged();
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  constexpr int kAttempts = 3;  // a memtable may have filled up beside the first
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    rocksdb::Status status = db->Flush(options, handles[family]);
    if (!status.ok() && db->Resume().ok()) status = db->Flush(options, handles[family]);
    if (!status.ok()) return failed(status, fmt::format("flushing {}", kFamilyNames[family]));
    std::uint64_t left = 0;
    const bool known =
        db->GetIntProperty(handles[family], rocksdb::DB::Properties::kNumImmutableMemTable, &left);
    if (known && left == 0) return {};
  }
  // No Resume() here: asked for in this state, it has waited for ever.
  return fail(ErrorCode::io,
              fmt::format("store: flushing {}: something is left in memory", kFamilyNames[family]),
              "nothing is lost: the log has it; close the database and open it again");
}

Result<void> Store::Impl::compact(Family family, const rocksdb::Slice* from,
                                  const rocksdb::Slice* to, std::atomic<bool>* cancel,
                                  rocksdb::BottommostLevelCompaction bottom) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = bottom;
  // What flushes and other compactions do meanwhile goes on.
  options.exclusive_manual_compaction = false;
  options.canceled = cancel;
  const rocksdb::Status status = db->CompactRange(options, handles[family], from, to);
  if (status.IsIncomplete() && cancel != nullptr && cancel->load()) return {};
  if (!status.ok()) return failed(status, fmt::format("compacting {}", kFamilyNames[family]));
  return {};
}

Result<bool> Store::Impl::holds_deletions(const rocksdb::Slice& from,
                                          const rocksdb::Slice& to) const {
  const rocksdb::Range range(from, to);
  rocksdb::TablePropertiesCollection tables;
  const rocksdb::Status status =
      db->GetPropertiesOfTablesInRange(handles[kChunks], &range, 1, &tables);
  if (!status.ok()) return failed(status, "reading the properties of chunk files");
  return std::any_of(tables.begin(), tables.end(),
                     [](const auto& table) { return table.second->num_deletions > 0; });
}

// `meta` last: what it says (high-water, presence) must never be ahead of what it speaks of.
Result<void> Store::flush() {
  if (auto flushed = flush_data(); !flushed) return flushed;
  return flush_meta();
}

Result<void> Store::flush_data() {
  if (auto flushed = impl_->flush(kSeries); !flushed) return flushed;
  if (auto flushed = impl_->flush(kCells); !flushed) return flushed;
  return impl_->flush(kChunks);
}

Result<void> Store::flush_meta() { return impl_->flush(kMeta); }

Result<void> Store::compact(std::atomic<bool>* cancel) {
  for (const Family family : {kChunks, kCells, kSeries, kMeta}) {
    auto compacted = impl_->compact(family, nullptr, nullptr, cancel);
    if (!compacted) return compacted;
  }
  return {};
}

Result<void> Store::compact_partition(std::int32_t partition, std::span<const DurationMs> tiers,
                                      std::atomic<bool>* cancel) {
  for (const DurationMs tier : tiers) {
    const auto resolution_ms = static_cast<std::uint32_t>(tier);
    const std::string first = encode_key(CellKey{resolution_ms, partition, 0});
    const std::string last = encode_key(CellKey{resolution_ms, partition, 0xffff'ffffU});
    const rocksdb::Slice begin = slice(first);
    const rocksdb::Slice end = slice(last);
    if (auto done = impl_->compact(kCells, &begin, &end, cancel); !done) return done;
  }
  const PartitionKeys keys(partition);
  const rocksdb::Slice from = slice(keys.from);
  const rocksdb::Slice to = slice(keys.to);
  const std::uint64_t change = last_change();
  // One that RocksDB had begun under the seal's snapshot may run beside the first and bring out
  // what was replaced once more.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto compacted = impl_->compact(kChunks, &from, &to, cancel,
                                    rocksdb::BottommostLevelCompaction::kForceOptimized);
    if (!compacted) return compacted;
    if ((cancel != nullptr && cancel->load()) || has_snapshot_before(change)) return {};
    const auto left = impl_->holds_deletions(from, to);
    if (!left) return tl::unexpected<Error>(left.error());
    if (!*left) return {};
  }
  return {};
}

Result<void> Store::drop_files(std::int32_t partition) {
  constexpr ChunkKey kPast{0, ~0U, ~0U, static_cast<std::uint16_t>(~0U)};
  ChunkKey last = kPast;
  last.partition = partition;
  const std::string from = encode_key({partition, 0, 0, 0});
  const std::string to = encode_key(last);
  const rocksdb::Slice begin = slice(from);
  const rocksdb::Slice end = slice(to);
  const rocksdb::Status status =
      rocksdb::DeleteFilesInRange(impl_->db.get(), impl_->handles[kChunks], &begin, &end);
  if (!status.ok()) return failed(status, "dropping files");
  return {};
}

Result<bool> Store::rewrite_files(std::span<const std::pair<ChunkKey, ChunkKey>> chunks,
                                  std::span<const std::pair<CellKey, CellKey>> cells) {
  const auto live = [&] {
    std::vector<rocksdb::LiveFileMetaData> files;
    impl_->db->GetLiveFilesMetaData(&files);
    std::set<std::string> names;
    for (const rocksdb::LiveFileMetaData& file : files) names.insert(file.name.substr(1));
    return names;
  };
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  std::set<std::string> before;
  const auto rewrite = [&](Family family, const std::string& from,
                           const std::string& to) -> Result<void> {
    before.merge(live());
    const rocksdb::Slice begin = slice(from);
    const rocksdb::Slice end = slice(to);
    const rocksdb::Status status =
        impl_->db->CompactRange(options, impl_->handles[family], &begin, &end);
    if (!status.ok()) return failed(status, fmt::format("compacting {}", kFamilyNames[family]));
    return {};
  };
  for (const auto& [first, last] : chunks) {
    auto done = rewrite(kChunks, encode_key(first), encode_key(last));
    if (!done) return tl::unexpected<Error>(done.error());
  }
  for (const auto& [first, last] : cells) {
    auto done = rewrite(kCells, encode_key(first), encode_key(last));
    if (!done) return tl::unexpected<Error>(done.error());
  }
  // Turning deletions on again looks through the directory and unlinks what nothing needs.
  rocksdb::Status status = impl_->db->DisableFileDeletions();
  if (status.ok()) status = impl_->db->EnableFileDeletions(/*force=*/false);
  if (!status.ok()) return failed(status, "unlinking old files");
  const std::set<std::string> after = live();
  return std::none_of(before.begin(), before.end(), [&](const std::string& name) {
    return !after.contains(name) && impl_->db->GetEnv()->FileExists(impl_->dir + "/" + name).ok();
  });
}

std::uint64_t Store::last_change() const { return impl_->db->GetLatestSequenceNumber(); }

bool Store::has_snapshot_before(std::uint64_t number) const {
  std::uint64_t oldest = 0;
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest);
  return oldest != 0 && oldest < number;
}

StoreSnapshotPtr Store::snapshot() const {
  return std::make_shared<StoreSnapshot>(impl_->db.get());
}

ChunkScan Store::scan(StoreSnapshotPtr snapshot, ScanUse use) const {
  auto impl = std::make_unique<ChunkScan::Impl>();
  impl->db = impl_->db.get();
  impl->family = impl_->handles[kChunks];
  impl->snapshot = std::move(snapshot);
  impl->use = use;
  impl->begin();
  return ChunkScan(std::move(impl));
}

CellScan Store::cell_scan(StoreSnapshotPtr snapshot) const {
  auto impl = std::make_unique<CellScan::Impl>();
  impl->db = impl_->db.get();
  if (impl_->handles.size() > kCells) impl->family = impl_->handles[kCells];
  impl->snapshot = std::move(snapshot);
  return CellScan(std::move(impl));
}

Result<bool> Store::get_cells(const StoreSnapshotPtr& snapshot, const CellKey& key,
                              std::string& out) const {
  out.clear();
  if (impl_->handles.size() <= kCells) return false;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot->get();
  options.verify_checksums = true;
  const rocksdb::Status status =
      impl_->db->Get(options, impl_->handles[kCells], encode_key(key), &out);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return failed(status, "reading cells");
  return true;
}

Result<void> Store::scan_cells(
    const StoreSnapshotPtr& snapshot,
    const std::function<Result<void>(const CellKey&, Bytes)>& visit) const {
  if (impl_->handles.size() <= kCells) return {};
  rocksdb::ReadOptions options;
  options.snapshot = snapshot->get();
  options.verify_checksums = true;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(
      impl_->db->NewIterator(options, impl_->handles[kCells]));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const auto key = decode_cell_key(bytes(at->key()));
    if (!key) return fail(ErrorCode::corruption, "store: a key of family cells is no cell key");
    auto visited = visit(*key, bytes(at->value()));
    if (!visited) return visited;
  }
  if (!at->status().ok()) return failed(at->status(), "reading cells");
  return {};
}

Result<std::optional<std::string>> Store::get_meta(std::string_view name) const {
  std::string value;
  const rocksdb::Status status =
      impl_->db->Get(rocksdb::ReadOptions(), impl_->handles[kMeta], slice(name), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return failed(status, fmt::format("reading meta entry {}", name));
  return std::optional<std::string>(std::move(value));
}

Result<void> Store::scan_meta(
    std::string_view prefix,
    const std::function<Result<void>(std::string_view, Bytes)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(
      impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->handles[kMeta]));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
    auto visited = visit({at->key().data(), at->key().size()}, bytes(at->value()));
    if (!visited) return visited;
  }
  if (!at->status().ok()) return failed(at->status(), "reading meta");
  return {};
}

Result<void> Store::scan_series(
    const std::function<Result<void>(std::uint32_t, Bytes)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(
      impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->handles[kSeries]));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const auto series = decode_series_key(bytes(at->key()));
    if (!series) return fail(ErrorCode::corruption, "store: a key of family series is no id");
    auto visited = visit(*series, bytes(at->value()));
    if (!visited) return visited;
  }
  if (!at->status().ok()) return failed(at->status(), "reading series");
  return {};
}

// A store of format 1 that is open for reading has no cells.
std::uint64_t Store::Impl::file_bytes(Family family) const {
  if (handles.size() <= family) return 0;
  rocksdb::ColumnFamilyMetaData meta;
  db->GetColumnFamilyMetaData(handles[family], &meta);
  return meta.size;
}

std::uint64_t Store::Impl::file_bytes(Family family, const rocksdb::Slice& from,
                                      const rocksdb::Slice& to) const {
  if (handles.size() <= family) return 0;
  const rocksdb::Range range(from, to);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = false;
  options.include_files = true;
  std::uint64_t out = 0;
  const rocksdb::Status status = db->GetApproximateSizes(options, handles[family], &range, 1, &out);
  return status.ok() ? out : 0;
}

std::uint64_t Store::chunk_file_bytes() const { return impl_->file_bytes(kChunks); }

std::uint64_t Store::cell_file_bytes() const { return impl_->file_bytes(kCells); }

std::uint64_t Store::chunk_file_bytes(std::int32_t partition) const {
  const PartitionKeys keys(partition);
  return impl_->file_bytes(kChunks, slice(keys.from), slice(keys.to));
}

std::uint64_t Store::cell_file_bytes(std::int32_t partition,
                                     std::span<const DurationMs> tiers) const {
  std::uint64_t out = 0;
  for (const DurationMs tier : tiers) {
    const auto resolution_ms = static_cast<std::uint32_t>(tier);
    const std::string from = encode_key(CellKey{resolution_ms, partition, 0});
    const std::string to = encode_key(CellKey{resolution_ms, partition, 0xffff'ffffU});
    out += impl_->file_bytes(kCells, slice(from), slice(to));
  }
  return out;
}

Result<void> Store::verify_checksums(
    const std::function<void(std::string_view, std::string_view)>& damaged) const {
  std::vector<rocksdb::LiveFileMetaData> files;
  impl_->db->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    rocksdb::Options options;
    options.info_log = std::make_shared<NoLog>();
    rocksdb::SstFileReader reader(options);
    rocksdb::Status status = reader.Open(file.db_path + file.name);
    if (status.ok()) status = reader.VerifyChecksum();
    // A file that a compaction has replaced meanwhile is not damage.
    if (status.IsPathNotFound() || status.IsNotFound()) continue;
    if (!status.ok()) damaged("store" + file.name, status.ToString());
  }
  return {};
}

std::uint64_t Store::memtable_bytes() const {
  std::uint64_t out = 0;
  impl_->db->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &out);
  return out;
}

std::uint64_t Store::cache_bytes() const { return impl_->cache->GetUsage(); }

StoreCounters Store::counters() const noexcept {
  const Listener& listener = *impl_->listener;
  return {listener.flushes.load(), listener.flush_bytes.load(), listener.compactions.load(),
          listener.compaction_bytes.load(), listener.stalls.load()};
}

}  // namespace hygge::storage
