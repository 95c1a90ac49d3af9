// Reading the store: what walks it and what finds in it.
#include <fmt/format.h>

#include <utility>

#include "storage/store/store_impl.h"

namespace hygge::storage {

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

}  // namespace hygge::storage
