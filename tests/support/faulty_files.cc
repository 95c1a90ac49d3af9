#include "tests/support/faulty_files.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hygge::test {

namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

tl::unexpected<Error> failed(ErrorCode code, const char* doing, const std::string& path) {
  return fail(code, std::string(doing) + " " + path + ": made to fail, " +
                        std::string(hygge::to_string(code)));
}

tl::unexpected<Error> not_found(const std::string& path) {
  return fail(ErrorCode::not_found, "opening " + path + ": there is no such file");
}

}  // namespace

const char* to_string(FileOperation operation) {
  constexpr const char* kNames[kFileOperations] = {"create",   "write",  "preallocate",
                                                   "truncate", "sync",   "sync_directory",
                                                   "rename",   "unlink", "read"};
  return kNames[static_cast<std::size_t>(operation)];
}

/// An open file; of no use once the power went.
class FaultyFile : public storage::File {
 public:
  FaultyFile(FaultyFiles& files, FaultyFiles::NodePtr node, std::string path)
      : files_(files), node_(std::move(node)), path_(std::move(path)), epoch_(files.epoch_) {}

  Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
    files_.begin(FileOperation::write);
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "writing", path_);
    return files_.write(*node_, path_, offset, as_text(bytes));
  }
  Result<std::string> read_at(std::uint64_t offset, std::size_t count) override {
    files_.begin(FileOperation::read);
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "reading", path_);
    return files_.read(*node_, path_, offset, count);
  }
  Result<void> preallocate(std::uint64_t bytes) override {
    files_.begin(FileOperation::preallocate);
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "reserving", path_);
    return files_.resize(*node_, path_, FileOperation::preallocate, bytes);
  }
  Result<void> truncate(std::uint64_t bytes) override {
    files_.begin(FileOperation::truncate);
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "truncating", path_);
    return files_.resize(*node_, path_, FileOperation::truncate, bytes);
  }
  Result<void> sync() override {
    files_.begin(FileOperation::sync);
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "syncing", path_);
    return files_.sync(*node_, path_);
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard lock(files_.mutex_);
    if (gone()) return failed(ErrorCode::io, "reading the size of", path_);
    return node_->now.size();
  }

 private:
  [[nodiscard]] bool gone() const { return epoch_ != files_.epoch_; }

  FaultyFiles& files_;
  FaultyFiles::NodePtr node_;
  std::string path_;
  std::uint64_t epoch_;
};

FaultyFiles::FaultyFiles() = default;
FaultyFiles::~FaultyFiles() = default;

// Faults.

void FaultyFiles::fail(FileOperation operation, int nth, ErrorCode code, int times) {
  const std::lock_guard lock(mutex_);
  const int first = counts_[static_cast<std::size_t>(operation)] + nth;
  fault_ = Fault{operation, first, first + times - 1, code, 0};
  fired_ = false;
}

void FaultyFiles::fail_write(int nth, ErrorCode code, std::size_t kept_bytes) {
  fail(FileOperation::write, nth, code);
  const std::lock_guard lock(mutex_);
  fault_->kept_bytes = kept_bytes;
}

void FaultyFiles::fail_sync(int nth, ErrorCode code) { fail(FileOperation::sync, nth, code); }

void FaultyFiles::stop_at(int nth, std::size_t kept_bytes) {
  const std::lock_guard lock(mutex_);
  fault_ = Fault{std::nullopt, changes_ + nth, std::numeric_limits<int>::max(), ErrorCode::io,
                 kept_bytes};
  fired_ = false;
}

bool FaultyFiles::fault_fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

void FaultyFiles::clear_faults() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}

void FaultyFiles::limit_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_bytes_ = bytes;
}

void FaultyFiles::on_read(std::function<void(const std::string&, std::string&)> hook) {
  const std::lock_guard lock(mutex_);
  on_read_ = std::move(hook);
}

void FaultyFiles::on_operation(std::function<void(FileOperation)> hook) {
  const std::lock_guard lock(mutex_);
  on_operation_ = std::move(hook);
}

int FaultyFiles::count(FileOperation operation) const {
  const std::lock_guard lock(mutex_);
  return counts_[static_cast<std::size_t>(operation)];
}

void FaultyFiles::begin(FileOperation operation) {
  std::function<void(FileOperation)> hook;
  {
    const std::lock_guard lock(mutex_);
    hook = on_operation_;
  }
  if (hook) hook(operation);
}

std::optional<ErrorCode> FaultyFiles::meets(FileOperation operation) {
  const int index = counts_[static_cast<std::size_t>(operation)]++;
  const bool changes = operation != FileOperation::read;
  const int change = changes ? changes_++ : -1;
  if (!fault_) return std::nullopt;
  if (fault_->operation && *fault_->operation != operation) return std::nullopt;
  const int at = fault_->operation ? index : change;
  if (at < fault_->first || at > fault_->last) return std::nullopt;
  // Only the operation at which the power goes does a part of its work.
  if (!fault_->operation && at > fault_->first) fault_->kept_bytes = 0;
  fired_ = true;
  return fault_->code;
}

// Bytes and entries.

void FaultyFiles::apply(std::string& bytes, const Change& change) {
  if (change.resize) {
    if (change.shrinks || change.offset > bytes.size()) bytes.resize(change.offset);
    return;
  }
  if (change.bytes.empty()) return;
  bytes.resize(std::max(bytes.size(), change.offset + change.bytes.size()));
  bytes.replace(change.offset, change.bytes.size(), change.bytes);
}

void FaultyFiles::apply(Entries& entries, const EntryChange& change) {
  for (const auto& [path, node] : change) {
    if (node) {
      entries[path] = node;
    } else {
      entries.erase(path);
    }
  }
}

void FaultyFiles::change_node(Node& node, Change change) {
  apply(node.now, change);
  node.unsynced.push_back(std::move(change));
}

void FaultyFiles::change_entries(EntryChange change) {
  apply(now_, change);
  unsynced_entries_.push_back(std::move(change));
}

std::uint64_t FaultyFiles::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, node] : now_) bytes += node->now.size();
  return bytes;
}

Result<void> FaultyFiles::write(Node& node, const std::string& path, std::uint64_t offset,
                                std::string_view bytes) {
  std::optional<ErrorCode> fault = meets(FileOperation::write);
  std::size_t kept = fault ? std::min(bytes.size(), fault_->kept_bytes) : bytes.size();
  const std::uint64_t others = used() - node.now.size();
  const std::uint64_t room = limit_bytes_ > others ? limit_bytes_ - others : 0;
  const std::uint64_t end = std::max<std::uint64_t>(room, node.now.size());
  if (offset + kept > end) {
    kept = end > offset ? static_cast<std::size_t>(end - offset) : 0;
    if (!fault) fault = ErrorCode::no_space;
  }
  change_node(node, {false, offset, true, std::string(bytes.substr(0, kept))});
  if (fault) return failed(*fault, "writing", path);
  return {};
}

Result<void> FaultyFiles::resize(Node& node, const std::string& path, FileOperation operation,
                                 std::uint64_t bytes) {
  const char* const doing = to_string(operation);
  if (const auto fault = meets(operation)) return failed(*fault, doing, path);
  const bool reserves = operation == FileOperation::preallocate;
  if (reserves && bytes <= node.now.size()) return {};
  if (bytes > node.now.size() && used() - node.now.size() + bytes > limit_bytes_) {
    return failed(ErrorCode::no_space, doing, path);
  }
  change_node(node, {true, bytes, !reserves, {}});
  return {};
}

Result<void> FaultyFiles::sync(Node& node, const std::string& path) {
  const auto fault = meets(FileOperation::sync);
  if (!fault) {
    for (const Change& change : node.unsynced) apply(node.durable, change);
  }
  node.unsynced.clear();
  if (fault) return failed(*fault, "syncing", path);
  return {};
}

Result<std::string> FaultyFiles::read(const Node& node, const std::string& path,
                                      std::uint64_t offset, std::size_t count) {
  if (const auto fault = meets(FileOperation::read)) return failed(*fault, "reading", path);
  std::string bytes = offset < node.now.size() ? node.now.substr(offset, count) : std::string();
  if (on_read_) on_read_(path, bytes);
  return bytes;
}

// The power goes.

void FaultyFiles::lose_unsynced() {
  const std::lock_guard lock(mutex_);
  end_power_cut();
}

void FaultyFiles::lose_unsynced(std::mt19937_64& random, std::size_t page_bytes) {
  const std::lock_guard lock(mutex_);
  // Often all or nothing of a kind, or the interesting mixtures would be rare.
  const auto chances = [&] { return random() % 3; };
  for (const auto& [path, node] : now_) {
    const auto chance = chances();
    const auto kept = [&] { return chance == 2 || (chance == 1 && random() % 2 == 0); };
    for (const Change& change : node->unsynced) {
      if (change.resize) {
        if (kept()) apply(node->durable, change);
        continue;
      }
      for (std::size_t done = 0; done < change.bytes.size();) {
        const std::size_t page_end = page_bytes - (change.offset + done) % page_bytes;
        const std::size_t piece = std::min(page_end, change.bytes.size() - done);
        if (kept()) {
          apply(node->durable,
                {false, change.offset + done, true, change.bytes.substr(done, piece)});
        }
        done += piece;
      }
    }
  }
  for (const EntryChange& change : unsynced_entries_) {
    if (random() % 2 == 0) apply(durable_, change);
  }
  end_power_cut();
}

void FaultyFiles::end_power_cut() {
  now_ = durable_;
  drop_orphans();
  durable_ = now_;
  for (const auto& [path, node] : now_) {
    node->now = node->durable;
    node->unsynced.clear();
    node->locked = false;
  }
  unsynced_entries_.clear();
  ++epoch_;
  fault_.reset();
}

void FaultyFiles::drop_orphans() {
  for (auto at = now_.begin(); at != now_.end();) {
    const std::string parent = parent_of(at->first);
    // Parents sort before what they hold, so they have been looked at.
    at = parent.empty() || now_.contains(parent) ? std::next(at) : now_.erase(at);
  }
}

// Looking and damaging.

std::string FaultyFiles::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto at = now_.find(path);
  return at == now_.end() ? std::string() : at->second->now;
}

void FaultyFiles::put(const std::string& path, std::string text) {
  const std::lock_guard lock(mutex_);
  NodePtr& node = now_[path];
  if (!node) node = std::make_shared<Node>();
  node->now = text;
  node->durable = std::move(text);
  node->unsynced.clear();
  durable_[path] = node;
}

// storage::Files.

Result<std::unique_ptr<storage::File>> FaultyFiles::create(const std::string& path) {
  begin(FileOperation::create);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::create)) return failed(*fault, "creating", path);
  if (now_.contains(path)) return failed(ErrorCode::already_exists, "creating", path);
  const std::string parent = parent_of(path);
  if (!parent.empty() && !now_.contains(parent)) return not_found(path);
  const auto node = std::make_shared<Node>();
  change_entries({{path, node}});
  return std::unique_ptr<storage::File>(std::make_unique<FaultyFile>(*this, node, path));
}

Result<std::unique_ptr<storage::File>> FaultyFiles::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto at = now_.find(path);
  if (at == now_.end()) return not_found(path);
  return std::unique_ptr<storage::File>(std::make_unique<FaultyFile>(*this, at->second, path));
}

Result<std::unique_ptr<storage::File>> FaultyFiles::open_read(const std::string& path) {
  return open(path);
}

Result<std::unique_ptr<storage::File>> FaultyFiles::open_write(const std::string& path) {
  return open(path);
}

Result<std::string> FaultyFiles::read(const std::string& path) {
  begin(FileOperation::read);
  const std::lock_guard lock(mutex_);
  const auto at = now_.find(path);
  if (at == now_.end()) return not_found(path);
  return read(*at->second, path, 0, std::numeric_limits<std::size_t>::max());
}

Result<void> FaultyFiles::write_synced(const std::string& path, std::string_view text) {
  auto file = exists(path) ? open_write(path) : create(path);
  if (!file) return tl::unexpected<Error>(file.error());
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  if (auto wrote = (*file)->write_at(0, as_bytes(text)); !wrote) return wrote;
  return (*file)->sync();
}

bool FaultyFiles::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return now_.contains(path);
}

Result<std::vector<storage::FileInfo>> FaultyFiles::list(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  if (!dir.empty() && !now_.contains(dir)) return not_found(dir);
  std::vector<storage::FileInfo> out;
  for (const auto& [path, node] : now_) {
    if (parent_of(path) != dir) continue;
    const std::string name = dir.empty() ? path : path.substr(dir.size() + 1);
    out.push_back({name, node->now.size(), node->directory});
  }
  return out;
}

Result<void> FaultyFiles::create_directories(const std::string& dir) {
  begin(FileOperation::create);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::create)) return failed(*fault, "creating", dir);
  for (std::size_t end = dir.find('/');; end = dir.find('/', end + 1)) {
    const std::string path = dir.substr(0, end);
    if (!now_.contains(path)) {
      const auto node = std::make_shared<Node>();
      node->directory = true;
      change_entries({{path, node}});
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> FaultyFiles::rename(const std::string& from, const std::string& to) {
  begin(FileOperation::rename);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::rename)) return failed(*fault, "renaming", from);
  const auto at = now_.find(from);
  if (at == now_.end()) return not_found(from);
  change_entries({{to, at->second}, {from, nullptr}});
  return {};
}

Result<void> FaultyFiles::unlink(const std::string& path) {
  begin(FileOperation::unlink);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::unlink)) return failed(*fault, "removing", path);
  if (!now_.contains(path)) return not_found(path);
  change_entries({{path, nullptr}});
  return {};
}

Result<void> FaultyFiles::remove_tree(const std::string& dir) {
  begin(FileOperation::unlink);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::unlink)) return failed(*fault, "removing", dir);
  EntryChange change;
  for (const auto& [path, node] : now_) {
    if (path == dir || path.starts_with(dir + "/")) change.emplace_back(path, nullptr);
  }
  change_entries(std::move(change));
  return {};
}

Result<void> FaultyFiles::sync_directory(const std::string& dir) {
  begin(FileOperation::sync_directory);
  const std::lock_guard lock(mutex_);
  if (const auto fault = meets(FileOperation::sync_directory)) {
    return failed(*fault, "syncing", dir);
  }
  if (!dir.empty() && !now_.contains(dir)) return not_found(dir);
  const auto here = [&](const EntryChange& change) {
    return std::any_of(change.begin(), change.end(),
                       [&](const auto& entry) { return parent_of(entry.first) == dir; });
  };
  for (const EntryChange& change : unsynced_entries_) {
    if (here(change)) apply(durable_, change);
  }
  std::erase_if(unsynced_entries_, here);
  return {};
}

Result<std::uint64_t> FaultyFiles::tree_bytes(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [path, node] : now_) {
    if (path.starts_with(dir + "/")) bytes += node->now.size();
  }
  return bytes;
}

Result<std::shared_ptr<void>> FaultyFiles::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  NodePtr node = now_.contains(path) ? now_[path] : std::make_shared<Node>();
  if (!now_.contains(path)) change_entries({{path, node}});
  if (node->locked) return hygge::fail(ErrorCode::busy, path + " is held by process 1");
  node->locked = true;
  return std::shared_ptr<void>(node.get(), [node](void*) { node->locked = false; });
}

}  // namespace hygge::test
