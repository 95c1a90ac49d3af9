#include "formats/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace hygge::formats {

Source::Source(int descriptor, bool owned, std::string text, std::string name)
    : descriptor_(descriptor), owned_(owned), text_(std::move(text)), name_(std::move(name)) {
  if (descriptor_ < 0) {
    total_ = text_.size();
    return;
  }
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return;
  start_ = std::max<std::int64_t>(::lseek(descriptor_, 0, SEEK_CUR), 0);
  total_ = static_cast<std::uint64_t>(std::max<std::int64_t>(info.st_size - start_, 0));
}

Source::~Source() {
  if (owned_) ::close(descriptor_);
}

Error Source::error(int number) const {
  const ErrorCode code = number == ENOSPC || number == EDQUOT ? ErrorCode::no_space : ErrorCode::io;
  return {code, fmt::format("{}: {}", name_, std::generic_category().message(number)), {}, {}};
}

// Returns when a read would not wait; calls `waiting_` in between.
Result<void> Source::wait() const {
  if (!waiting_ || start_ >= 0) return {};
  pollfd ready{descriptor_, POLLIN, 0};
  while (true) {
    const int count = ::poll(&ready, 1, static_cast<int>(wait_every_.count()));
    if (count > 0) return {};
    if (count < 0 && errno != EINTR) return tl::unexpected<Error>(error(errno));
    if (auto called = waiting_(); !called) return called;
  }
}

Result<std::size_t> Source::read(char* to, std::size_t size) {
  if (descriptor_ < 0) {
    const std::size_t count = std::min(size, text_.size() - at_);
    std::memcpy(to, text_.data() + at_, count);
    at_ += count;
    return count;
  }
  while (true) {
    if (auto waited = wait(); !waited) return tl::unexpected<Error>(waited.error());
    const ssize_t got = ::read(descriptor_, to, size);
    if (got >= 0) {
      at_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR && errno != EAGAIN) return tl::unexpected<Error>(error(errno));
  }
}

Result<void> Source::make_rewindable(const std::string& folder) {
  if (is_seekable()) return {};
  if (at_ > 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: a pipe, already read from", name_));
  }
  std::error_code ignored;
  const std::filesystem::path parent = folder.empty()
                                           ? std::filesystem::temp_directory_path(ignored)
                                           : std::filesystem::path(folder);
  std::string path = (parent / "hygge-import-XXXXXX").string();
  const int copy = ::mkostemp(path.data(), O_CLOEXEC);
  if (copy < 0) return tl::unexpected<Error>(error(errno));
  ::unlink(path.c_str());
  std::vector<char> block(256 * 1024);
  while (true) {
    auto got = read(block.data(), block.size());
    if (got && *got == 0) break;
    for (std::size_t done = 0; got && done < *got;) {
      const ssize_t put = ::write(copy, block.data() + done, *got - done);
      if (put >= 0) {
        done += static_cast<std::size_t>(put);
      } else if (errno != EINTR) {
        got = tl::unexpected<Error>(error(errno));
      }
    }
    if (!got) {
      ::close(copy);
      return tl::unexpected<Error>(got.error());
    }
  }
  if (owned_) ::close(descriptor_);
  descriptor_ = copy;
  owned_ = true;
  start_ = 0;
  total_ = at_;
  return rewind();
}

Result<void> Source::rewind() {
  if (!is_seekable()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: a pipe is read once", name_));
  }
  if (descriptor_ >= 0 && ::lseek(descriptor_, start_, SEEK_SET) < 0) {
    return tl::unexpected<Error>(error(errno));
  }
  at_ = 0;
  return {};
}

}  // namespace hygge::formats
