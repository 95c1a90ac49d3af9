#include "formats/lines.h"

#include <cstring>

namespace hygge::formats {

namespace {
constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::string_view kBom = "\xef\xbb\xbf";
}  // namespace

// Keeps what is unread and reads more behind it. False: there is no more.
Result<bool> Lines::fill() {
  if (end_) return false;
  if (options_.cancel.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kReadBytes);
  auto got = input_.read(buffer_.data() + kept, kReadBytes);
  buffer_.resize(kept + (got ? *got : 0));
  if (!got) return tl::unexpected<Error>(got.error());
  end_ = *got == 0;
  if (options_.progress) options_.progress(input_.consumed());
  return !end_;
}

Result<bool> Lines::next() {
  too_long_ = false;
  std::size_t searched = 0;
  while (true) {
    const char* const from = buffer_.data() + at_ + searched;
    const std::size_t left = buffer_.size() - at_ - searched;
    const void* const lf = left == 0 ? nullptr : std::memchr(from, '\n', left);
    if (lf != nullptr) {
      const auto length =
          static_cast<std::size_t>(static_cast<const char*>(lf) - (buffer_.data() + at_));
      line_ = std::string_view(buffer_).substr(at_, length);
      at_ += length + 1;
      line_ended_ = true;
      break;
    }
    searched = buffer_.size() - at_;
    if (searched > kMaxLineBytes) {
      // Keep the start for the message, forget the rest as it comes.
      too_long_ = true;
      buffer_.resize(at_ + kMaxLineBytes);
      searched = kMaxLineBytes;
    }
    auto more = fill();
    if (!more) return tl::unexpected<Error>(more.error());
    if (*more) continue;
    if (at_ == buffer_.size()) return false;
    line_ = std::string_view(buffer_).substr(at_);
    at_ = buffer_.size();
    line_ended_ = false;
    break;
  }
  if (line_.size() > kMaxLineBytes) too_long_ = true;
  if (too_long_) line_ = line_.substr(0, kMaxLineBytes);
  ++number_;
  if (number_ == 1 && line_.starts_with(kBom)) line_.remove_prefix(kBom.size());
  if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
  return true;
}

}  // namespace hygge::formats
