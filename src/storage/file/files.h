// Files as the engine needs them, behind an interface that tests replace by one that fails.
//
// Errors of every function: no_space (full disk or quota), read_only (file system or permissions),
// not_found, io; the message names operation, path and reason.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hygge::storage {

/// An open file. One writer at a time; sync() may run beside write_at() from another thread.
class File {
 public:
  virtual ~File() = default;

  /// Writes all of `bytes` or fails; after a failure some of them may be there.
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset, Bytes bytes) = 0;
  /// Reads up to `count` bytes; fewer only at the end of the file.
  [[nodiscard]] virtual Result<std::string> read_at(std::uint64_t offset, std::size_t count) = 0;
  /// Reserves space, reading as zeros, up to `bytes` in all. Nothing where the file system cannot.
  [[nodiscard]] virtual Result<void> preallocate(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t bytes) = 0;
  /// fdatasync: what was written before this call survives a power cut. A failure is final for what
  /// was written since the last success: the kernel may have dropped it.
  [[nodiscard]] virtual Result<void> sync() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
};

struct FileInfo {
  std::string name;
  std::uint64_t bytes = 0;
  bool directory = false;
};

class Files {
 public:
  virtual ~Files() = default;

  /// Makes a new file for writing; an old one of that name is an error (already_exists).
  [[nodiscard]] virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open_read(const std::string& path) = 0;
  /// For reading and writing; the file must be there.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open_write(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::string> read(const std::string& path) = 0;
  /// Makes or replaces a small file, synced.
  [[nodiscard]] virtual Result<void> write_synced(const std::string& path,
                                                  std::string_view text) = 0;

  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  /// Sorted by name.
  [[nodiscard]] virtual Result<std::vector<FileInfo>> list(const std::string& dir) = 0;
  /// With its parents; fine if it is there.
  [[nodiscard]] virtual Result<void> create_directories(const std::string& dir) = 0;
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> unlink(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> remove_tree(const std::string& dir) = 0;
  /// fsync of a directory: its entries survive a power cut.
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& dir) = 0;
  /// Bytes of all files below `dir`.
  [[nodiscard]] virtual Result<std::uint64_t> tree_bytes(const std::string& dir) = 0;

  /// Takes an exclusive lock (flock) on `path`, made if absent, and writes our process id into it;
  /// held until the result is destroyed. Errors: busy, which names the holder's process id.
  [[nodiscard]] virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;
};

/// The operating system's. Thread-safe.
[[nodiscard]] Files& posix_files();

/// What an errno means, as an Error: "writing PATH: No space left on device".
[[nodiscard]] Error errno_error(int number, std::string_view doing, std::string_view path);

}  // namespace hygge::storage
