// Files in memory that fail on demand and forget, on demand, what was not synced.
//
// What survives a power cut is kept apart from what a reader sees: a file's bytes once the file was
// synced, a directory's entries once the directory was. A failed sync drops what it covered, as the
// kernel does: readers go on seeing it, and no later sync makes it durable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/file/files.h"

namespace hygge::test {

enum class FileOperation : std::uint8_t {
  create,
  write,
  preallocate,
  truncate,
  sync,
  sync_directory,
  rename,
  unlink,
  read,
};
inline constexpr std::size_t kFileOperations = 9;
[[nodiscard]] const char* to_string(FileOperation operation);

class FaultyFiles : public storage::Files {
 public:
  FaultyFiles();
  ~FaultyFiles() override;

  // Faults. `nth` counts from 0, from now on; one fault at a time.
  /// Fails `times` operations of a kind, from the nth.
  void fail(FileOperation operation, int nth, ErrorCode code, int times = 1);
  /// The nth write fails after `kept_bytes` of it.
  void fail_write(int nth, ErrorCode code, std::size_t kept_bytes = 0);
  void fail_sync(int nth, ErrorCode code = ErrorCode::io);
  /// Everything that changes something fails, from the nth such operation on; a write at that point
  /// leaves `kept_bytes` of it.
  void stop_at(int nth, std::size_t kept_bytes = 0);
  [[nodiscard]] bool fault_fired() const;
  void clear_faults();
  /// A disk of so many bytes; writes and reservations past it fail with no_space.
  void limit_bytes(std::uint64_t bytes);

  /// Called after each read with the path and the bytes, which it may change.
  void on_read(std::function<void(const std::string&, std::string&)> hook);
  /// Called before each operation, outside of all locks.
  void on_operation(std::function<void(FileOperation)> hook);

  // The power goes. Files that were open fail from then on, locks are free, faults are cleared.
  /// Everything that was not synced is lost.
  void lose_unsynced();
  /// Of what was not synced, each page of each write, each change of size and of a directory is
  /// lost or not, by chance.
  void lose_unsynced(std::mt19937_64& random, std::size_t page_bytes = 4096);

  // Looking at files and damaging them; durable at once.
  [[nodiscard]] std::string content(const std::string& path) const;
  void put(const std::string& path, std::string text);
  [[nodiscard]] int count(FileOperation operation) const;

  // storage::Files
  [[nodiscard]] Result<std::unique_ptr<storage::File>> create(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<storage::File>> open_read(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<storage::File>> open_write(const std::string& path) override;
  [[nodiscard]] Result<std::string> read(const std::string& path) override;
  [[nodiscard]] Result<void> write_synced(const std::string& path, std::string_view text) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Result<std::vector<storage::FileInfo>> list(const std::string& dir) override;
  [[nodiscard]] Result<void> create_directories(const std::string& dir) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<void> unlink(const std::string& path) override;
  [[nodiscard]] Result<void> remove_tree(const std::string& dir) override;
  [[nodiscard]] Result<void> sync_directory(const std::string& dir) override;
  [[nodiscard]] Result<std::uint64_t> tree_bytes(const std::string& dir) override;
  [[nodiscard]] Result<std::shared_ptr<void>> lock(const std::string& path) override;

 private:
  friend class FaultyFile;

  struct Change {
    bool resize = false;
    std::uint64_t offset = 0;  ///< of a write; the new size of a resize
    bool shrinks = true;       ///< a resize that only reserves does not
    std::string bytes;
  };
  struct Node {
    bool directory = false;
    std::string now;
    std::string durable;
    std::vector<Change> unsynced;
    bool locked = false;
  };
  using NodePtr = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePtr>;
  /// Entries set (or, with null, removed) by one operation.
  using EntryChange = std::vector<std::pair<std::string, NodePtr>>;

  static void apply(std::string& bytes, const Change& change);
  static void apply(Entries& entries, const EntryChange& change);
  void change_node(Node& node, Change change);
  void change_entries(EntryChange change);
  void drop_orphans();
  void end_power_cut();
  [[nodiscard]] std::uint64_t used() const;
  /// The fault that this operation meets.
  [[nodiscard]] std::optional<ErrorCode> meets(FileOperation operation);
  void begin(FileOperation operation);
  Result<std::unique_ptr<storage::File>> open(const std::string& path);
  Result<void> write(Node& node, const std::string& path, std::uint64_t offset,
                     std::string_view bytes);
  Result<void> resize(Node& node, const std::string& path, FileOperation operation,
                      std::uint64_t bytes);
  Result<void> sync(Node& node, const std::string& path);
  Result<std::string> read(const Node& node, const std::string& path, std::uint64_t offset,
                           std::size_t count);

  mutable std::mutex mutex_;  ///< guards all below
  Entries now_;
  Entries durable_;
  std::vector<EntryChange> unsynced_entries_;
  std::array<int, kFileOperations> counts_{};
  int changes_ = 0;  ///< operations that change something
  std::uint64_t epoch_ = 0;
  std::uint64_t limit_bytes_ = UINT64_MAX;
  struct Fault {
    std::optional<FileOperation> operation;  ///< empty: whatever changes something
    int first = 0;
    int last = 0;
    ErrorCode code = ErrorCode::io;
    std::size_t kept_bytes = 0;
  };
  std::optional<Fault> fault_;
  bool fired_ = false;
  std::function<void(const std::string&, std::string&)> on_read_;
  std::function<void(FileOperation)> on_operation_;
};

}  // namespace hygge::test
