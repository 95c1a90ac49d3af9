// Files by POSIX calls. Interrupted calls are repeated, short writes continued.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "storage/file/files.h"

namespace hygge::storage {

namespace fs = std::filesystem;

Error errno_error(int number, std::string_view doing, std::string_view path) {
  ErrorCode code = ErrorCode::io;
  std::string detail;
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::no_space;
      detail = "free some space; the database goes on by itself";
      break;
    case EROFS:
    case EACCES:
    case EPERM:
      code = ErrorCode::read_only;
      detail = "the file system or the permissions do not allow writing; reading may still work";
      break;
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::not_found;
      break;
    case EEXIST:
      code = ErrorCode::already_exists;
      break;
    default:
      break;
  }
  return {code,
          fmt::format("{} {}: {}", doing, path, std::generic_category().message(number)),
          std::move(detail),
          {}};
}

namespace {

tl::unexpected<Error> failed(std::string_view doing, std::string_view path, int number = errno) {
  return tl::unexpected<Error>(errno_error(number, doing, path));
}

template <typename Call>
auto repeated(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

class PosixFile : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
    while (!bytes.empty()) {
      const auto wrote = repeated([&] {
        return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (wrote < 0) return failed("writing", path_);
      offset += static_cast<std::uint64_t>(wrote);
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
  }

  Result<std::string> read_at(std::uint64_t offset, std::size_t count) override {
    auto bytes = size();
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    const std::uint64_t there = offset < *bytes ? *bytes - offset : 0;
    std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(there, count)), '\0');
    std::size_t done = 0;
    while (done < out.size()) {
      const auto got = repeated([&] {
        return ::pread(fd_.get(), out.data() + done, out.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (got < 0) return failed("reading", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return out;
  }

  Result<void> preallocate(std::uint64_t bytes) override {
    const int result =
        repeated([&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(bytes)); });
    if (result < 0 && errno != EOPNOTSUPP && errno != ENOSYS) return failed("reserving", path_);
    return {};
  }

  Result<void> truncate(std::uint64_t bytes) override {
    if (repeated([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); }) < 0) {
      return failed("truncating", path_);
    }
    return {};
  }

  Result<void> sync() override {
    if (repeated([&] { return ::fdatasync(fd_.get()); }) < 0) return failed("syncing", path_);
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) < 0) return failed("reading the size of", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

Result<Descriptor> open_path(const std::string& path, int flags, std::string_view doing) {
  const int fd = repeated([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
  if (fd < 0) return failed(doing, path);
  return Descriptor(fd);
}

class PosixFiles : public Files {
 public:
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    return open(path, O_RDWR | O_CREAT | O_EXCL, "creating");
  }
  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    return open(path, O_RDONLY, "opening");
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return open(path, O_RDWR, "opening");
  }

  Result<std::string> read(const std::string& path) override {
    auto file = open_read(path);
    if (!file) return tl::unexpected<Error>(file.error());
    auto bytes = (*file)->size();
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    return (*file)->read_at(0, static_cast<std::size_t>(*bytes));
  }

  Result<void> write_synced(const std::string& path, std::string_view text) override {
    auto file = open(path, O_RDWR | O_CREAT | O_TRUNC, "creating");
    if (!file) return tl::unexpected<Error>(file.error());
    if (auto wrote = (*file)->write_at(0, as_bytes(text)); !wrote) return wrote;
    return (*file)->sync();
  }

  bool exists(const std::string& path) override {
    std::error_code ignored;
    return fs::exists(path, ignored);
  }

  Result<std::vector<FileInfo>> list(const std::string& dir) override {
    std::vector<FileInfo> out;
    std::error_code error;
    for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
      std::error_code gone;  // somebody else may unlink it meanwhile
      const bool directory = at->is_directory(gone);
      const std::uint64_t bytes = directory ? 0 : at->file_size(gone);
      if (gone) continue;
      out.push_back({at->path().filename().string(), bytes, directory});
    }
    if (error) return failed("listing", dir, error.value());
    std::sort(out.begin(), out.end(),
              [](const FileInfo& a, const FileInfo& b) { return a.name < b.name; });
    return out;
  }

  Result<void> create_directories(const std::string& dir) override {
    std::error_code error;
    fs::create_directories(dir, error);
    if (error) return failed("creating", dir, error.value());
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return failed("renaming", from);
    return {};
  }

  Result<void> unlink(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) return failed("removing", path);
    return {};
  }

  Result<void> remove_tree(const std::string& dir) override {
    std::error_code error;
    fs::remove_all(dir, error);
    if (error) return failed("removing", dir, error.value());
    return {};
  }

  Result<void> sync_directory(const std::string& dir) override {
    auto fd = open_path(dir, O_RDONLY | O_DIRECTORY, "opening");
    if (!fd) return tl::unexpected<Error>(fd.error());
    if (repeated([&] { return ::fsync(fd->get()); }) < 0) return failed("syncing", dir);
    return {};
  }

  Result<std::uint64_t> tree_bytes(const std::string& dir) override {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(dir, error), end; !error && at != end;
         at.increment(error)) {
      std::error_code gone;
      const std::uint64_t size = at->is_regular_file(gone) ? at->file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    // A folder that vanished under the walk ends it early; what was counted stands.
    if (error && error.value() != ENOENT) return failed("listing", dir, error.value());
    return bytes;
  }

  Result<std::shared_ptr<void>> lock(const std::string& path) override {
    auto fd = open_path(path, O_RDWR | O_CREAT, "locking");
    if (!fd) return tl::unexpected<Error>(fd.error());
    if (repeated([&] { return ::flock(fd->get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno != EWOULDBLOCK) return failed("locking", path);
      return busy(*fd, path);
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    const bool wrote =
        ::ftruncate(fd->get(), 0) == 0 &&
        ::pwrite(fd->get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
    if (!wrote) return failed("writing", path);
    // Given back by hand: a child forked meanwhile shares the lock, and closing our end would leave
    // it to the child.
    return std::shared_ptr<void>(new Descriptor(std::move(*fd)), [](Descriptor* held) {
      static_cast<void>(::flock(held->get(), LOCK_UN));
      delete held;
    });
  }

 private:
  static Result<std::unique_ptr<File>> open(const std::string& path, int flags,
                                            std::string_view doing) {
    auto fd = open_path(path, flags, doing);
    if (!fd) return tl::unexpected<Error>(fd.error());
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(*fd), path));
  }

  static tl::unexpected<Error> busy(const Descriptor& fd, const std::string& path) {
    std::array<char, 32> text{};
    const auto got = ::pread(fd.get(), text.data(), text.size() - 1, 0);
    const std::string_view holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::string_view pid = holder.substr(0, holder.find('\n'));
    const bool ours = pid == fmt::format("{}", ::getpid());
    return fail(ErrorCode::busy,
                fmt::format("{} is held by {}{}", path,
                            pid.empty() ? "another process" : fmt::format("process {}", pid),
                            ours ? ", this one" : ""),
                ours ? "use the database that is open already, or open it for reading only"
                     : "end that process, or open the database for reading only");
  }
};

}  // namespace

Files& posix_files() {
  static PosixFiles files;
  return files;
}

}  // namespace hygge::storage
