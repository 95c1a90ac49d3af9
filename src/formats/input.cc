// Input: a source, decompressed by its magic.
#include <fcntl.h>
#include <fmt/format.h>
#include <hygge/formats.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "formats/source.h"

namespace hygge::formats {

namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

struct ZstdDelete {
  void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
};

}  // namespace

class Input::Impl {
 public:
  Impl(int descriptor, bool owned, std::string text, std::string name)
      : source_(descriptor, owned, std::move(text), std::move(name)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (kind_ == Kind::gzip) inflateEnd(&gzip_);
  }

  Result<std::size_t> read(char* to, std::size_t size) {
    if (peeked_at_ < peeked_.size()) {
      const std::size_t count = std::min(size, peeked_.size() - peeked_at_);
      std::memcpy(to, peeked_.data() + peeked_at_, count);
      peeked_at_ += count;
      return count;
    }
    return decompress(to, size);
  }

  Result<std::string_view> peek(std::size_t size) {
    if (peeked_at_ == peeked_.size()) {
      peeked_.resize(size);
      peeked_at_ = 0;
      auto got = decompress(peeked_.data(), size);
      peeked_.resize(got ? *got : 0);
      if (!got) return tl::unexpected<Error>(got.error());
    }
    return std::string_view(peeked_).substr(peeked_at_, size);
  }

  Result<void> rewind() {
    if (auto done = source_.rewind(); !done) return done;
    if (kind_ == Kind::gzip) inflateEnd(&gzip_);
    gzip_ = {};
    zstd_.reset();
    kind_ = Kind::unknown;
    peeked_.clear();
    peeked_at_ = 0;
    member_done_ = false;
    damage_.reset();
    return {};
  }

  Source source_;

 private:
  enum class Kind : std::uint8_t { unknown, plain, gzip, zstd };

  Result<std::size_t> decompress(char* to, std::size_t size) {
    if (damage_) return tl::unexpected<Error>(*damage_);
    if (kind_ == Kind::unknown) {
      if (auto known = recognise(); !known) return tl::unexpected<Error>(known.error());
    }
    switch (kind_) {
      case Kind::gzip:
        return read_gzip(to, size);
      case Kind::zstd:
        return read_zstd(to, size);
      default:
        return read_plain(to, size);
    }
  }

  Result<void> fill() {
    buffer_.resize(kBlockBytes);
    auto got = source_.read(buffer_.data(), buffer_.size());
    if (!got) return tl::unexpected<Error>(got.error());
    buffer_.resize(*got);
    at_ = 0;
    ended_ = *got == 0;
    return {};
  }

  Result<void> recognise() {
    // A pipe may give its first bytes one at a time. Most texts are told by their first.
    std::string head;
    while (head.size() < kZstdMagic.size()) {
      if (auto filled = fill(); !filled) return filled;
      if (ended_) break;
      head += buffer_;
      if (head[0] != kGzipMagic[0] && head[0] != kZstdMagic[0]) break;
    }
    buffer_ = std::move(head);
    at_ = 0;
    ended_ = false;
    const std::string_view start(buffer_);
    const auto no_memory = [&] {
      return fail(ErrorCode::limit, fmt::format("{}: no memory to decompress", source_.name()));
    };
    if (start.starts_with(kGzipMagic)) {
      if (inflateInit2(&gzip_, 16 + MAX_WBITS) != Z_OK) return no_memory();
      kind_ = Kind::gzip;
    } else if (start.starts_with(kZstdMagic)) {
      zstd_.reset(ZSTD_createDStream());
      if (zstd_ == nullptr) return no_memory();
      kind_ = Kind::zstd;
    } else {
      kind_ = Kind::plain;
    }
    return {};
  }

  Result<std::size_t> read_plain(char* to, std::size_t size) {
    if (at_ < buffer_.size()) {
      const std::size_t count = std::min(size, buffer_.size() - at_);
      std::memcpy(to, buffer_.data() + at_, count);
      at_ += count;
      return count;
    }
    return source_.read(to, size);
  }

  // Stays: what a decompressor does after an error is anyone's guess.
  tl::unexpected<Error> damaged(std::string_view what) {
    damage_ = Error{ErrorCode::parse,
                    fmt::format("{}: {}", source_.name(), what),
                    "the file is damaged or cut short; what came before it has been read",
                    {}};
    return tl::unexpected<Error>(*damage_);
  }

  Result<std::size_t> read_gzip(char* to, std::size_t size) {
    gzip_.next_out = reinterpret_cast<Bytef*>(to);
    gzip_.avail_out = static_cast<uInt>(size);
    while (gzip_.avail_out == size) {
      if (at_ == buffer_.size()) {
        if (auto filled = fill(); !filled) return tl::unexpected<Error>(filled.error());
        if (ended_) {
          if (!member_done_) return damaged("the gzip data ends early");
          return std::size_t{0};
        }
      }
      if (member_done_) {
        // Another member: files that were appended to each other.
        if (inflateReset(&gzip_) != Z_OK) return damaged("damaged gzip data");
        member_done_ = false;
      }
      gzip_.next_in = reinterpret_cast<Bytef*>(buffer_.data() + at_);
      gzip_.avail_in = static_cast<uInt>(buffer_.size() - at_);
      const int status = inflate(&gzip_, Z_NO_FLUSH);
      at_ = buffer_.size() - gzip_.avail_in;
      if (status == Z_STREAM_END) {
        member_done_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return damaged("damaged gzip data");
      }
    }
    return size - gzip_.avail_out;
  }

  Result<std::size_t> read_zstd(char* to, std::size_t size) {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (at_ == buffer_.size() && !ended_) {
        if (auto filled = fill(); !filled) return tl::unexpected<Error>(filled.error());
      }
      const bool at_end = ended_ && at_ == buffer_.size();
      if (at_end && member_done_) return std::size_t{0};
      // At the end too: the last block may still wait for room.
      ZSTD_inBuffer in{buffer_.data(), buffer_.size(), at_};
      const std::size_t status = ZSTD_decompressStream(zstd_.get(), &out, &in);
      if (ZSTD_isError(status) != 0) {
        return damaged(fmt::format("damaged zstd data ({})", ZSTD_getErrorName(status)));
      }
      at_ = in.pos;
      member_done_ = status == 0;
      if (at_end && out.pos == 0 && !member_done_) return damaged("the zstd data ends early");
    }
    return out.pos;
  }

  Kind kind_ = Kind::unknown;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool member_done_ = false;  ///< between two gzip members or zstd frames
  std::optional<Error> damage_;
  std::string peeked_;
  std::size_t peeked_at_ = 0;
  z_stream gzip_{};
  std::unique_ptr<ZSTD_DStream, ZstdDelete> zstd_;
};

Input::Input(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

Result<Input> Input::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found
                           : errno == EACCES                   ? ErrorCode::read_only
                                                               : ErrorCode::io;
    return fail(code, fmt::format("opening {}: {}", path, std::generic_category().message(errno)));
  }
  struct stat info {};
  if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::invalid_argument, fmt::format("{} is a folder", path), "name its files");
  }
  return Input(std::make_unique<Impl>(descriptor, true, std::string(), path));
}

Input Input::from_descriptor(int descriptor, std::string name) {
  return Input(std::make_unique<Impl>(descriptor, false, std::string(), std::move(name)));
}

Input Input::from_text(std::string text, std::string name) {
  return Input(std::make_unique<Impl>(-1, false, std::move(text), std::move(name)));
}

Result<std::size_t> Input::read(char* to, std::size_t size) { return impl_->read(to, size); }
Result<std::string_view> Input::peek(std::size_t size) { return impl_->peek(size); }
Result<void> Input::make_rewindable(const std::string& folder) {
  return impl_->source_.make_rewindable(folder);
}
Result<void> Input::rewind() { return impl_->rewind(); }
void Input::while_waiting(std::chrono::milliseconds every, std::function<Result<void>()> call) {
  impl_->source_.while_waiting(every, std::move(call));
}
const std::string& Input::name() const noexcept { return impl_->source_.name(); }
std::uint64_t Input::consumed() const noexcept { return impl_->source_.consumed(); }
std::optional<std::uint64_t> Input::total() const noexcept { return impl_->source_.total(); }

}  // namespace hygge::formats
