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
#include <atomic>
#include <set>
#include <utility>

#include "storage/store/store_impl.h"

namespace hygge::storage {

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

// A new store is opened with the default family alone and gets the others at once: RocksDB would
// make those that are missing one by one, and with each write its options anew, sync and read them
// back.
rocksdb::Status make(const rocksdb::DBOptions& options, const std::string& dir,
                     const std::vector<rocksdb::ColumnFamilyDescriptor>& all,
                     std::vector<rocksdb::ColumnFamilyHandle*>* handles, rocksdb::DB** db) {
  rocksdb::Status status = rocksdb::DB::Open(options, dir, {all[kDefault]}, handles, db);
  if (!status.ok()) return status;
  std::vector<rocksdb::ColumnFamilyHandle*> others;
  status = (*db)->CreateColumnFamilies({all.begin() + kDefault + 1, all.end()}, &others);
  handles->insert(handles->end(), others.begin(), others.end());
  return status;
}

}  // namespace

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
  db_options.max_file_opening_threads = opening_threads(dir);
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
  // An open that was killed while it made a store has left one without some of its families.
  const bool is_new = options.create && !rocksdb::Env::Default()->FileExists(dir + "/CURRENT").ok();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      is_new ? make(db_options, dir, descriptors, &impl->handles, &db)
      : options.read_only
          ? rocksdb::DB::OpenForReadOnly(db_options, dir, descriptors, &impl->handles, &db)
          : rocksdb::DB::Open(db_options, dir, descriptors, &impl->handles, &db);
  impl->db.reset(db);
  if (!status.ok()) return failed(status, fmt::format("opening {}", dir));
  impl->recovery = std::make_unique<Recovery>(*db);
  impl->own_compactions = std::make_unique<OwnCompactions>(*db, *impl->handles[kChunks]);
  return std::shared_ptr<Store>(new Store(std::move(impl)));
}

// The compaction would be tried again every second and never succeed, young files would pile up
// behind it, and then RocksDB would hold up writes. Until the next open they are taken all the
// same, and read slower the more of them there are.
void Store::Impl::go_on_damaged() {
  if (listener->damaged.exchange(false)) own_compactions->stop();
  own_compactions->settle();
}

std::shared_ptr<void> Store::hold_compactions() {
  OwnCompactions* const own = impl_->own_compactions.get();
  own->hold();
  return {own, [](OwnCompactions* held) { held->release(); }};
}

namespace {

constexpr const char* kOpenAgain =
    "nothing is lost: the log has it; close the database and open it again";

// What Resume() has not mended; where it never came back, a new open does.
tl::unexpected<Error> stays_failed(const rocksdb::Status& status, const rocksdb::Status& resumed,
                                   std::string_view doing) {
  auto out = failed(status, doing);
  if (resumed.IsTimedOut()) out.value().detail = kOpenAgain;
  return out;
}

}  // namespace

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
  if (status.ok()) return {};
  const rocksdb::Status resumed = impl_->recovery->resume();
  if (resumed.ok()) status = impl_->db->Write(options, &changes);
  if (!status.ok()) return stays_failed(status, resumed, "writing");
  return {};
}

// Once a write of the manifest has failed, RocksDB 7.8 may say that all is well and have flushed
// nothing: who believed it would unlink the log of what is in memory only.
Result<void> Store::Impl::flush(Family family) {
  go_on_damaged();
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  rocksdb::Status status;
  rocksdb::Status resumed;
  const std::string doing = fmt::format("flushing {}", kFamilyNames[family]);
  constexpr int kAttempts = 3;  // a memtable may have filled up beside the first
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = db->Flush(options, handles[family]);
    std::uint64_t left = 0;
    const bool known =
        db->GetIntProperty(handles[family], rocksdb::DB::Properties::kNumImmutableMemTable, &left);
    if (status.ok() && known && left == 0) return {};
    resumed = recovery->resume();
    if (!resumed.ok()) break;
  }
  if (!status.ok()) return stays_failed(status, resumed, doing);
  return fail(ErrorCode::io, fmt::format("store: {}: something is left in memory", doing),
              kOpenAgain);
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
