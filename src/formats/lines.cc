#include "formats/lines.h"

#include <cstring>
#include <utility>

namespace hygge::formats {

namespace {
constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::string_view kBom = "\xef\xbb\xbf";
}  // namespace

// Moves what is unread to the front and reads more behind it. False: there is no more.
Result<bool> Lines::fill() {
  if (at_end_) return false;
  const std::size_t kept = end_ - begin_;
  if (capacity_ < kept + kReadBytes) {
    capacity_ = 2 * (kept + kReadBytes);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (kept > 0) std::memcpy(larger.get(), buffer_.get() + begin_, kept);
    buffer_ = std::move(larger);
  } else if (kept > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
  }
  begin_ = 0;
  end_ = kept;
  auto got = input_.read(buffer_.get() + kept, kReadBytes);
  if (!got) return tl::unexpected<Error>(got.error());
  end_ += *got;
  at_end_ = *got == 0;
  if (auto told = importer_.block_read(); !told) return tl::unexpected<Error>(told.error());
  return !at_end_;
}

// The next `length` bytes are the line, and an LF follows or not.
void Lines::take(std::size_t length, bool ended) {
  line_ = {buffer_.get() + begin_, length};
  begin_ += length + (ended ? 1 : 0);
  ended_ = ended;
  ++number_;
  if (number_ == 1 && line_.starts_with(kBom)) line_.remove_prefix(kBom.size());
  had_cr_ = !line_.empty() && line_.back() == '\r';
  if (had_cr_) line_.remove_suffix(1);
  too_long_ = too_long_ || line_.size() > kMaxLineBytes;
  if (too_long_) line_ = {};
}

Result<bool> Lines::next() {
  too_long_ = false;
  std::size_t searched = 0;
  while (true) {
    const char* const from = buffer_.get() + begin_;
    const std::size_t size = end_ - begin_;
    const void* const lf =
        size == searched ? nullptr : std::memchr(from + searched, '\n', size - searched);
    if (lf != nullptr) {
      take(static_cast<std::size_t>(static_cast<const char*>(lf) - from), true);
      return true;
    }
    searched = size;
    if (size > kMaxLineBytes + 1) {
      // Forgotten as it comes: memory does not grow with the line.
      too_long_ = true;
      begin_ = end_;
      searched = 0;
    }
    auto more = fill();
    if (!more) return more;
    if (*more) continue;
    if (begin_ == end_ && !too_long_) return false;
    take(end_ - begin_, false);
    return true;
  }
}

}  // namespace hygge::formats
