// clone() and snapshot(): a database of its own beside another, which somebody may be writing.
//
// The copy is what a crash at this moment would leave: the store's files as they are, and the log's
// records after the mark that was there before them; its first open replays them. So it needs no
// lock, changes nothing in the original, and holds whole batches only.
//
// All of it grows in TO.tmp, which holds the file CLONING until it has its name: what a copy cut
// short leaves is known by it and removed by the next.
#include <fmt/format.h>
#include <hygge/clock.h>
#include <hygge/house.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/db/directory.h"
#include "storage/file/link.h"
#include "storage/log/payloads.h"
#include "storage/log/replay.h"
#include "storage/log/writer.h"
#include "storage/store/salvage.h"

namespace hygge {

using storage::Files;
using storage::join;

namespace {

constexpr std::string_view kUnfinishedFile = "CLONING";
constexpr std::size_t kBlockBytes = 1U << 20U;

// The folder in which a copy grows; gone with this unless it was given its name.
class Workshop {
 public:
  static Result<Workshop> make(Files& files, const std::string& to);
  Workshop(Workshop&& other) noexcept
      : files_(other.files_),
        to_(std::move(other.to_)),
        path_(std::exchange(other.path_, {})),
        lock_(std::move(other.lock_)) {}
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop() {
    if (!path_.empty()) static_cast<void>(files_.remove_tree(path_));
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Begins again: nothing but the lock and the sign are left.
  Result<void> clear();
  /// Gives the folder its name, durably.
  Result<void> finish();

 private:
  Workshop(Files& files, std::string to) : files_(files), to_(std::move(to)) {}

  Files& files_;
  std::string to_;
  std::string path_;  ///< empty: nothing of ours to remove
  std::shared_ptr<void> lock_;
};

tl::unexpected<Error> there_already(const std::string& path) {
  return fail(ErrorCode::already_exists, fmt::format("{} is there already", path),
              "name a place that is free, or remove it first");
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<Workshop> Workshop::make(Files& files, const std::string& to) {
  if (files.exists(to)) return there_already(to);
  Workshop out(files, to);
  const std::string path = to + ".tmp";
  if (files.exists(path)) {
    // A copy that was cut short says so; one cut shorter still is empty.
    auto entries = files.list(path);
    if (!entries) return tl::unexpected<Error>(entries.error());
    const bool ours = files.exists(join(path, kUnfinishedFile)) ||
                      std::all_of(entries->begin(), entries->end(), [](const auto& entry) {
                        return entry.name == storage::kLockFile;
                      });
    if (!ours) return there_already(path);
  }
  if (auto made = files.create_directories(path); !made) {
    return tl::unexpected<Error>(made.error());
  }
  auto lock = files.lock(join(path, storage::kLockFile));
  if (!lock) return tl::unexpected<Error>(lock.error());
  out.lock_ = std::move(*lock);
  out.path_ = path;
  return out;
}

Result<void> Workshop::clear() {
  if (auto wrote = files_.write_synced(join(path_, kUnfinishedFile), ""); !wrote) return wrote;
  if (auto synced = files_.sync_directory(path_); !synced) return synced;
  auto entries = files_.list(path_);
  if (!entries) return tl::unexpected<Error>(entries.error());
  for (const storage::FileInfo& entry : *entries) {
    if (entry.name == storage::kLockFile || entry.name == kUnfinishedFile) continue;
    if (auto gone = files_.remove_tree(join(path_, entry.name)); !gone) return gone;
  }
  for (const std::string_view name : {storage::kStoreDir, storage::kLogDir}) {
    if (auto made = files_.create_directories(join(path_, name)); !made) return made;
  }
  return {};
}

Result<void> Workshop::finish() {
  for (const std::string& dir :
       {join(path_, storage::kStoreDir), join(path_, storage::kLogDir), path_}) {
    if (auto synced = files_.sync_directory(dir); !synced) return synced;
  }
  // An empty folder would be replaced by the rename below.
  if (files_.exists(to_)) return there_already(to_);
  if (auto moved = files_.rename(path_, to_); !moved) return moved;
  path_.clear();
  if (auto synced = files_.sync_directory(parent_of(to_)); !synced) return synced;
  return files_.unlink(join(to_, kUnfinishedFile));
}

// Copies all that a file has, and says how much that was.
Result<std::uint64_t> copy_bytes(Files& files, storage::File& source, const std::string& to) {
  auto target = files.create(to);
  if (!target) return tl::unexpected<Error>(target.error());
  std::uint64_t done = 0;
  while (true) {
    auto block = source.read_at(done, kBlockBytes);
    if (!block) return tl::unexpected<Error>(block.error());
    if (block->empty()) break;
    if (auto wrote = (*target)->write_at(done, as_bytes(*block)); !wrote) {
      return tl::unexpected<Error>(wrote.error());
    }
    done += block->size();
  }
  if (auto synced = (*target)->sync(); !synced) return tl::unexpected<Error>(synced.error());
  return done;
}

// One file that the copy's store is made of.
struct TakenFile {
  std::string name;
  std::uint64_t bytes = 0;
  bool table = false;                             ///< never written again: its bytes can be shared
  std::optional<std::string> text;                ///< what a small file held when it was read
  std::unique_ptr<storage::File> open = nullptr;  ///< a table that is to be copied
  bool linked = false;                            ///< a table that has its place in the copy
};

// A table that is gone may be one that the manifest does not name; keep_what_is_used() finds out.
Result<void> unless_gone(const Result<void>& done) {
  if (!done && done.error().code == ErrorCode::not_found) return {};
  return done;
}

// Tables opened before their turn, at most: descriptors are few.
constexpr std::size_t kOpenTables = 128;

// Links the tables, or opens those that cannot be linked: the writer may remove any of them while
// the rest is copied.
Result<void> hold_tables(Files& files, const std::string& from_dir, const std::string& to_dir,
                         std::vector<TakenFile>& taken) {
  std::size_t opened = 0;
  for (TakenFile& file : taken) {
    if (!file.table) continue;
    const std::string from = join(from_dir, file.name);
    auto linked = storage::link_file(from, join(to_dir, file.name));
    if (!linked) {
      if (linked.error().code == ErrorCode::not_found) continue;
      return tl::unexpected<Error>(linked.error());
    }
    file.linked = *linked;
    if (file.linked || opened == kOpenTables) continue;
    if (auto open = files.open_read(from)) {
      file.open = std::move(*open);
      ++opened;
    }
  }
  return {};
}

Result<void> take_file(Files& files, const std::string& from_dir, const std::string& to_dir,
                       TakenFile& file, CopyReport& report) {
  const std::string to = join(to_dir, file.name);
  ++report.files;
  if (file.text) {
    report.copied_bytes += file.text->size();
    return files.write_synced(to, *file.text);
  }
  if (file.linked) {
    report.linked_bytes += file.bytes;
    return {};
  }
  if (!file.open) {
    auto open = files.open_read(join(from_dir, file.name));
    if (!open) return tl::unexpected<Error>(open.error());
    file.open = std::move(*open);
  }
  auto copied = copy_bytes(files, *file.open, to);
  file.open.reset();
  if (!copied) return tl::unexpected<Error>(copied.error());
  report.copied_bytes += *copied;
  return {};
}

// The log of the copy. A mark among the records speaks of a newer store than the copy's, and is
// made to say what holds of this one; a gap takes one number, as the records are numbered anew.
class FreshLog {
 public:
  static Result<FreshLog> begin(Files& files, const std::string& to, const storage::DatabaseId& id,
                                std::uint64_t mark) {
    auto writer = storage::LogWriter::create(files, join(to, storage::kLogDir), id, mark + 1, {});
    if (!writer) return tl::unexpected<Error>(writer.error());
    return FreshLog(std::move(*writer), mark);
  }
  Result<void> add(const storage::LogRecord& record) {
    storage::PendingRecord pending{record.type, {}};
    if (record.type == storage::RecordType::mark) {
      storage::encode_mark(pending.payload, mark_);
    } else if (record.type == storage::RecordType::gap) {
      storage::encode_gap(pending.payload, next_);
    } else {
      pending.payload = as_text(record.payload);
    }
    auto sequence = writer_->append(std::span(&pending, 1));
    if (!sequence) return tl::unexpected<Error>(sequence.error());
    ++next_;
    return {};
  }
  Result<void> finish() { return writer_->sync(); }

 private:
  FreshLog(std::unique_ptr<storage::LogWriter> writer, std::uint64_t mark)
      : writer_(std::move(writer)), mark_(mark), next_(mark + 1) {}
  std::unique_ptr<storage::LogWriter> writer_;
  std::uint64_t mark_;
  std::uint64_t next_;
};

// The store's files beside a writer that may replace them at any moment: CURRENT and its manifest
// first, then the tables; too many are taken, and what the manifest does not name goes again.
Result<std::vector<TakenFile>> files_beside_writer(Files& files, const std::string& dir) {
  const std::string store = join(dir, storage::kStoreDir);
  auto current = files.read(join(store, "CURRENT"));
  if (!current) return tl::unexpected<Error>(current.error());
  const std::string manifest = current->substr(0, current->find('\n'));
  auto steps = files.read(join(store, manifest));
  if (!steps) return tl::unexpected<Error>(steps.error());
  std::vector<TakenFile> out;
  out.push_back({manifest, steps->size(), false, std::move(*steps)});
  out.push_back({"CURRENT", current->size(), false, std::move(*current)});
  auto entries = files.list(store);
  if (!entries) return tl::unexpected<Error>(entries.error());
  for (const storage::FileInfo& entry : *entries) {
    if (entry.name.ends_with(".sst")) {
      out.push_back({entry.name, entry.bytes, true, {}});
    }
  }
  return out;
}

// Opens the copied store as a reader would, which fails if a file is missing, and removes the
// tables that it does not use: a writer may still be at work on them.
Result<void> keep_what_is_used(Files& files, const std::string& store_dir,
                               const std::vector<TakenFile>& taken) {
  auto names = storage::tables_of(store_dir);
  if (!names) return tl::unexpected<Error>(names.error());
  const std::set<std::string> used(names->begin(), names->end());
  for (const TakenFile& file : taken) {
    if (!file.table || used.contains(file.name)) continue;
    if (auto gone = unless_gone(files.unlink(join(store_dir, file.name))); !gone) return gone;
  }
  return {};
}

// One attempt, which may meet a file that a writer has just removed.
Result<void> fill(Files& files, const std::string& dir, const storage::Identity& original,
                  const std::string& to, const storage::DatabaseId& id, CopyReport& report) {
  const std::string log_dir = join(dir, storage::kLogDir);
  const std::string store_dir = join(to, storage::kStoreDir);
  storage::HeldSegments held;
  if (auto took = held.take(files, log_dir, original.id); !took) return took;
  // The mark before the store: a store is then never older than the mark.
  const auto mark = storage::find_mark(files, log_dir, original.id);
  if (!mark) return tl::unexpected<Error>(mark.error());
  auto taken = files_beside_writer(files, dir);
  if (!taken) return tl::unexpected<Error>(taken.error());
  const std::string original_store = join(dir, storage::kStoreDir);
  if (auto tables = hold_tables(files, original_store, store_dir, *taken); !tables) return tables;
  // All that the store holds a part of stands in these segments: a record comes before its chunks.
  if (auto took = held.take(files, log_dir, original.id); !took) return took;
  for (TakenFile& file : *taken) {
    auto took = take_file(files, original_store, store_dir, file, report);
    if (file.table) took = unless_gone(took);
    if (!took) return took;
  }
  if (auto kept = keep_what_is_used(files, store_dir, *taken); !kept) return kept;
  auto log = FreshLog::begin(files, to, id, *mark);
  if (!log) return tl::unexpected<Error>(log.error());
  storage::ReplayOptions options;
  options.read_only = true;
  options.mark = *mark;
  options.held = &held;
  const auto replayed =
      storage::replay(files, log_dir, original.id, options,
                      [&](const storage::LogRecord& record) { return log->add(record); });
  if (!replayed) return tl::unexpected<Error>(replayed.error());
  return log->finish();
}

Result<CopyReport> copy(const std::string& dir, std::string to, bool snapshot) {
  Files& files = storage::posix_files();
  while (to.size() > 1 && to.back() == '/') to.pop_back();
  if (to.empty()) return fail(ErrorCode::invalid_argument, "a copy needs a place to go");
  if (auto there = storage::check_there(files, dir); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const auto original = storage::read_identity(files, dir);
  if (!original) return tl::unexpected<Error>(original.error());
  auto workshop = Workshop::make(files, to);
  if (!workshop) return tl::unexpected<Error>(workshop.error());
  const storage::Identity identity{storage::kFormatVersion, storage::random_id(), system_clock()(),
                                   snapshot};
  CopyReport report;
  constexpr int kAttempts = 20;
  Result<void> filled;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    report = {};
    filled = workshop->clear();
    if (!filled) break;
    filled = fill(files, dir, *original, workshop->path(), identity.id, report);
    // Another attempt helps only against a writer that is faster.
    if (filled || filled.error().code == ErrorCode::no_space) break;
  }
  if (filled) filled = storage::write_identity(files, workshop->path(), identity);
  if (filled) filled = workshop->finish();
  if (!filled) return tl::unexpected<Error>(filled.error());
  return report;
}

}  // namespace

Result<CopyReport> clone(const std::string& dir, const std::string& to) {
  return copy(dir, to, /*snapshot=*/false);
}

Result<CopyReport> snapshot(const std::string& dir, const std::string& to) {
  return copy(dir, to, /*snapshot=*/true);
}

}  // namespace hygge
