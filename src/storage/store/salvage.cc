#include "storage/store/salvage.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "storage/store/rocks.h"

namespace hygge::storage {

namespace {

namespace fs = std::filesystem;

Bytes bytes_of(const rocksdb::Slice& text) { return as_bytes({text.data(), text.size()}); }

// A key as a number, to look for the next readable one: its first bytes, then zeros.
class KeyNumber {
 public:
  static constexpr std::size_t kBytes = 40;

  static KeyNumber of(const std::string& key) {
    KeyNumber out;
    std::copy_n(key.begin(), std::min(key.size(), kBytes), out.bytes_.begin());
    return out;
  }
  [[nodiscard]] std::string key() const { return {bytes_.begin(), bytes_.end()}; }

  /// Plus 2^bit; false when that is too large.
  bool add_bit(std::size_t bit) {
    std::size_t at = kBytes - 1 - bit / 8;
    unsigned carry = 1U << (bit % 8);
    while (carry != 0) {
      const unsigned sum = static_cast<unsigned char>(bytes_[at]) + carry;
      bytes_[at] = static_cast<char>(sum & 0xffU);
      carry = sum >> 8U;
      if (carry != 0 && at-- == 0) return false;
    }
    return true;
  }
  static KeyNumber middle(const KeyNumber& a, const KeyNumber& b) {
    KeyNumber out;
    unsigned carry = 0;
    std::array<unsigned, kBytes> sum{};
    for (std::size_t i = kBytes; i-- > 0;) {
      const unsigned two = static_cast<unsigned char>(a.bytes_[i]) +
                           static_cast<unsigned>(static_cast<unsigned char>(b.bytes_[i])) + carry;
      sum[i] = two & 0xffU;
      carry = two >> 8U;
    }
    for (std::size_t i = 0; i < kBytes; ++i) {
      const unsigned from_above = i == 0 ? carry : sum[i - 1] & 1U;
      out.bytes_[i] = static_cast<char>((from_above << 7U) | (sum[i] >> 1U));
    }
    return out;
  }
  friend bool operator==(const KeyNumber&, const KeyNumber&) = default;

 private:
  std::array<char, kBytes> bytes_{};
};

class Table {
 public:
  Table() : reader_(options()) {}

  rocksdb::Status open(const std::string& path) { return reader_.Open(path); }
  rocksdb::Status check() {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    return reader_.VerifyChecksum(options);
  }
  [[nodiscard]] std::string family() const {
    const auto properties = reader_.GetTableProperties();
    return properties ? properties->column_family_name : std::string();
  }

  /// Visits every readable entry; calls `damaged` for each place that is not.
  template <typename Visit, typename Damaged>
  void read(Visit visit, Damaged damaged) {
    auto at = iterator();
    std::string last;
    at->SeekToFirst();
    while (true) {
      for (; at->Valid(); at->Next()) {
        // The greatest: damage may have put keys out of order.
        if (at->key().compare(last) > 0) last = at->key().ToString();
        visit(at->key(), at->value());
      }
      if (at->status().ok()) return;
      damaged(at->status().ToString());
      const auto next = next_readable(last);
      if (!next) return;
      at = iterator();
      at->Seek(*next);
      // Otherwise nothing would end this.
      if (at->Valid() && at->key().compare(last) <= 0) return;
    }
  }

 private:
  static rocksdb::Options options() {
    rocksdb::Options options;
    options.info_log = std::make_shared<NoLog>();
    return options;
  }
  std::unique_ptr<rocksdb::Iterator> iterator() {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(reader_.NewIterator(options));
  }
  bool readable(const KeyNumber& from) {
    auto at = iterator();
    at->Seek(from.key());
    return at->Valid() || at->status().ok();
  }

  // Where reading can go on behind a damaged block that follows `last`: in growing steps, then
  // halving the last one.
  std::optional<std::string> next_readable(const std::string& last) {
    KeyNumber bad = KeyNumber::of(last);
    KeyNumber good = bad;
    for (std::size_t bit = 0;; ++bit) {
      good = bad;
      // Past all keys nothing is unreadable.
      if (bit == 8 * KeyNumber::kBytes || !good.add_bit(bit)) return std::nullopt;
      if (readable(good)) break;
      bad = good;
    }
    for (KeyNumber middle = KeyNumber::middle(bad, good); middle != bad && middle != good;
         middle = KeyNumber::middle(bad, good)) {
      (readable(middle) ? good : bad) = middle;
    }
    return good.key();
  }

  rocksdb::SstFileReader reader_;
};

// A store opened for reading whatever state its tables are in; it orders the versions of a key.
struct Judge {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  Judge() = default;
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  ~Judge() { close(); }
  void close() {
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    handles.clear();
    if (db) db->Close().PermitUncheckedError();
    db.reset();
  }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(std::string_view name) const {
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      if (handle->GetName() == name) return handle;
    }
    return nullptr;
  }
};

rocksdb::DBOptions lenient_options() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<NoLog>();
  options.info_log_level = rocksdb::InfoLogLevel::FATAL_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.paranoid_checks = false;
  options.skip_stats_update_on_db_open = true;
  return options;
}

// Of a store that is there.
std::vector<rocksdb::ColumnFamilyDescriptor> families_of(const std::string& dir) {
  auto out = families(rocksdb::NewLRUCache(8U << 20U), StoreOptions{});
  if (lacks_cells(dir)) out.pop_back();
  return out;
}

rocksdb::Status open_judge(const std::string& dir, Judge& judge) {
  const auto descriptors = families_of(dir);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(lenient_options(), dir, descriptors, &judge.handles, &db);
  if (status.ok()) judge.db.reset(db);
  return status;
}

std::vector<fs::path> tables_in(const fs::path& dir) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir, ignored)) {
    if (entry.path().extension() == ".sst") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Without a usable manifest: one is made for links to the tables, aside.
rocksdb::Status rebuild_judge(const std::string& from, const std::string& work, Judge& judge) {
  std::error_code error;
  fs::remove_all(work, error);
  fs::create_directories(work, error);
  for (const fs::path& table : tables_in(from)) {
    const fs::path to = fs::path(work) / table.filename();
    fs::create_hard_link(table, to, error);
    if (error) fs::copy_file(table, to, error);
    if (error) return rocksdb::Status::IOError(error.message(), table.string());
  }
  const auto descriptors = families(rocksdb::NewLRUCache(8U << 20U), StoreOptions{});
  rocksdb::DBOptions options = lenient_options();
  options.create_if_missing = true;
  rocksdb::Status status = rocksdb::RepairDB(work, options, descriptors);
  return status.ok() ? open_judge(work, judge) : status;
}

// Collects entries and writes them in pieces.
class NewStore {
 public:
  Result<void> open(const std::string& dir) {
    rocksdb::DBOptions options = lenient_options();
    options.paranoid_checks = true;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    rocksdb::DB* db = nullptr;
    const auto descriptors = families(rocksdb::NewLRUCache(8U << 20U), StoreOptions{});
    const auto status = rocksdb::DB::Open(options, dir, descriptors, &store_.handles, &db);
    if (!status.ok()) return tl::unexpected<Error>(to_error(status, "making " + dir));
    store_.db.reset(db);
    return {};
  }
  Result<void> put(std::string_view family, const rocksdb::Slice& key,
                   const rocksdb::Slice& value) {
    rocksdb::ColumnFamilyHandle* const handle = store_.family(family);
    if (handle == nullptr) return {};
    rocksdb::Status status = batch_.Put(handle, key, value);
    constexpr std::size_t kBatchBytes = 1U << 20U;
    if (status.ok() && batch_.GetDataSize() > kBatchBytes) status = write();
    if (!status.ok()) return tl::unexpected<Error>(to_error(status, "writing what was read"));
    return {};
  }
  Result<void> finish() {
    rocksdb::Status status = write();
    rocksdb::FlushOptions flush;
    flush.allow_write_stall = true;
    if (status.ok()) status = store_.db->Flush(flush, store_.handles);
    if (!status.ok()) return tl::unexpected<Error>(to_error(status, "flushing the new store"));
    store_.close();
    return {};
  }

 private:
  rocksdb::Status write() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    rocksdb::Status status = store_.db->Write(options, &batch_);
    batch_.Clear();
    return status;
  }
  Judge store_;
  rocksdb::WriteBatch batch_;
};

struct Source {
  std::string path;
  std::string name;
  bool known = false;  ///< the judge has it
  std::uint64_t newest = 0;
};

// Oldest first. Tables that the judge knows nothing of come before all.
std::vector<Source> sources(const std::string& from, bool rebuilt, const Judge& judge,
                            std::vector<FileDamage>& damage) {
  std::map<std::string, std::uint64_t> live;
  if (judge.db) {
    std::vector<rocksdb::LiveFileMetaData> files;
    judge.db->GetLiveFilesMetaData(&files);
    for (const auto& file : files) live.emplace(file.relative_filename, file.largest_seqno);
  }
  std::vector<Source> out;
  for (const fs::path& table : tables_in(from)) {
    const std::string name = table.filename().string();
    const auto at = live.find(name);
    // With a manifest of its own, what that does not name had been replaced.
    if (at == live.end() && judge.db && !rebuilt) continue;
    out.push_back({table.string(), name, at != live.end(), at != live.end() ? at->second : 0});
    if (at != live.end()) live.erase(at);
  }
  for (const auto& [name, newest] : live) {
    damage.push_back({"store/" + name, "the file is missing"});
  }
  std::stable_sort(out.begin(), out.end(), [](const Source& a, const Source& b) {
    return std::pair(a.known, a.newest) < std::pair(b.known, b.newest);
  });
  return out;
}

}  // namespace

std::vector<FileDamage> examine_store(const std::string& dir) {
  std::vector<FileDamage> out;
  Judge judge;
  StoreOptions strict;
  strict.read_only = true;
  if (auto opened = Store::open(dir, strict); !opened) {
    out.push_back({"store", opened.error().message});
  }
  static_cast<void>(open_judge(dir, judge));
  for (const Source& source : sources(dir, false, judge, out)) {
    Table table;
    rocksdb::Status status = table.open(source.path);
    if (status.ok()) status = table.check();
    if (!status.ok()) out.push_back({"store/" + source.name, status.ToString()});
  }
  return out;
}

Result<std::vector<std::string>> tables_of(const std::string& dir) {
  rocksdb::DBOptions options = lenient_options();
  options.paranoid_checks = true;
  Judge store;
  const auto descriptors = families_of(dir);
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, dir, descriptors, &store.handles, &db);
  if (!status.ok()) return tl::unexpected<Error>(to_error(status, "opening " + dir));
  store.db.reset(db);
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  std::vector<std::string> out;
  out.reserve(files.size());
  for (const rocksdb::LiveFileMetaData& file : files) out.push_back(file.relative_filename);
  return out;
}

Result<SalvageReport> salvage_store(
    const std::string& from, const std::string& to, bool all_tables,
    const std::function<bool(std::string_view, Bytes, Bytes)>& keep) {
  const std::string work = to + ".work";
  std::error_code ignored;
  fs::remove_all(to, ignored);
  Judge judge;
  bool rebuilt = false;
  SalvageReport report;
  const auto opened = all_tables ? rocksdb::Status::Corruption("the manifest has lost its end")
                                 : open_judge(from, judge);
  if (!opened.ok()) {
    report.damage.push_back({"store", opened.ToString()});
    rebuilt = true;
    if (const auto made = rebuild_judge(from, work, judge); !made.ok()) judge.close();
  }
  NewStore store;
  if (auto made = store.open(to); !made) return tl::unexpected<Error>(made.error());
  Result<void> wrote;
  for (const Source& source : sources(from, rebuilt, judge, report.damage)) {
    Table table;
    if (const auto status = table.open(source.path); !status.ok()) {
      report.damage.push_back({"store/" + source.name, status.ToString()});
      continue;
    }
    const std::string family = table.family();
    rocksdb::ColumnFamilyHandle* const handle = judge.db ? judge.family(family) : nullptr;
    table.read(
        [&](const rocksdb::Slice& key, const rocksdb::Slice& found) {
          if (!wrote) return;
          std::string value = found.ToString();
          if (handle != nullptr) {
            std::string newest;
            const auto got = judge.db->Get(rocksdb::ReadOptions(), handle, key, &newest);
            if (got.IsNotFound() && source.known) return;  // deleted since
            if (got.ok()) value = std::move(newest);
            if (!got.ok() && !got.IsNotFound()) ++report.uncertain;
          }
          if (!keep(family, bytes_of(key), as_bytes(value))) {
            ++report.dropped;
            return;
          }
          ++report.entries;
          wrote = store.put(family, key, value);
        },
        [&](const std::string& what) {
          report.damage.push_back({"store/" + source.name, what});
        });
    if (!wrote) return tl::unexpected<Error>(wrote.error());
  }
  judge.close();
  fs::remove_all(work, ignored);
  if (auto finished = store.finish(); !finished) return tl::unexpected<Error>(finished.error());
  return report;
}

}  // namespace hygge::storage
