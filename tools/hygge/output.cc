#include "output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "interrupt.h"

namespace hygge::command {

namespace {

constexpr std::size_t kFlushBytes = 64 * 1024;
std::atomic<bool> gone = false;

Error system_error(const std::string& what, int code) {
  const ErrorCode kind = code == ENOSPC || code == EDQUOT                   ? ErrorCode::no_space
                         : code == ENOENT || code == ENOTDIR                ? ErrorCode::not_found
                         : code == EROFS || code == EACCES || code == EPERM ? ErrorCode::read_only
                                                                            : ErrorCode::io;
  return {kind, fmt::format("{}: {}", what, std::generic_category().message(code)), "", {}};
}

}  // namespace

Result<Output> Output::to_file(const std::string& path) {
  Output out;
  out.path_ = path;
  struct stat found {};
  const bool there = ::stat(path.c_str(), &found) == 0;
  if (there && !S_ISREG(found.st_mode)) {
    if (S_ISDIR(found.st_mode)) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is a folder", path),
                  "name a file after -o");
    }
    out.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    out.partial_ = fmt::format("{}.partial-{}", path, ::getpid());
    make_removable(out.partial_, [&out](const std::string& partial) {
      out.descriptor_ = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
      return out.descriptor_ >= 0;
    });
  }
  if (out.descriptor_ < 0) {
    out.partial_.clear();
    return tl::unexpected<Error>(system_error(fmt::format("cannot write {}", path), errno));
  }
  return out;
}

Output::Output(Output&& other) noexcept
    : pending_(std::move(other.pending_)),
      path_(std::exchange(other.path_, "")),
      partial_(std::exchange(other.partial_, "")),
      descriptor_(std::exchange(other.descriptor_, 1)) {}

Output& Output::operator=(Output&& other) noexcept {
  if (this == &other) return *this;
  drop();
  pending_ = std::move(other.pending_);
  path_ = std::exchange(other.path_, "");
  partial_ = std::exchange(other.partial_, "");
  descriptor_ = std::exchange(other.descriptor_, 1);
  return *this;
}

Output::~Output() { drop(); }

void Output::drop() noexcept {
  if (descriptor_ > 2) ::close(descriptor_);
  descriptor_ = 1;
  if (!partial_.empty()) ::unlink(partial_.c_str());
  partial_.clear();
}

Result<void> Output::write(std::string_view text) {
  pending_ += text;
  return pending_.size() >= kFlushBytes ? flush() : Result<void>();
}

Result<void> Output::flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(descriptor_, rest.data(), rest.size());
    if (wrote >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(wrote));
      continue;
    }
    if (errno == EINTR) continue;
    const int code = errno;
    pending_.clear();
    if (code == EPIPE) {
      gone = true;
      return fail(ErrorCode::cancelled, "the reader has gone");
    }
    return tl::unexpected<Error>(
        system_error(path_.empty() ? "writing stdout" : fmt::format("writing {}", path_), code));
  }
  pending_.clear();
  return {};
}

Result<void> Output::finish() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (path_.empty()) return {};
  if (::close(std::exchange(descriptor_, 1)) != 0) {
    return tl::unexpected<Error>(system_error(fmt::format("writing {}", path_), errno));
  }
  if (partial_.empty()) return {};
  if (::rename(partial_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    drop();
    return tl::unexpected<Error>(system_error(fmt::format("cannot write {}", path_), code));
  }
  partial_.clear();
  return {};
}

bool Output::reader_gone() noexcept { return gone; }

}  // namespace hygge::command
