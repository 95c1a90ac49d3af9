// Bytes from a file, a descriptor or memory, decompressed by their magic.
#include <fcntl.h>
#include <fmt/format.h>
#include <hygge/formats.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hygge::formats {

namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

// The raw bytes, with a few of them looked at in advance.
class Source {
 public:
  Source(int descriptor, bool owned, std::string text, std::string name)
      : descriptor_(descriptor), owned_(owned), text_(std::move(text)), name_(std::move(name)) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (owned_) ::close(descriptor_);
  }

  Result<std::size_t> read(char* to, std::size_t size) {
    if (descriptor_ < 0) {
      const std::size_t count = std::min(size, text_.size() - at_);
      std::memcpy(to, text_.data() + at_, count);
      at_ += count;
      return count;
    }
    while (true) {
      const ssize_t got = ::read(descriptor_, to, size);
      if (got >= 0) {
        at_ += static_cast<std::size_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno == EINTR) continue;
      return fail(ErrorCode::io,
                  fmt::format("reading {}: {}", name_, std::generic_category().message(errno)));
    }
  }
  [[nodiscard]] std::uint64_t consumed() const noexcept { return at_; }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept {
    if (descriptor_ < 0) return text_.size();
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return static_cast<std::uint64_t>(info.st_size);
  }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  int descriptor_;
  bool owned_;
  std::string text_;
  std::string name_;
  std::size_t at_ = 0;
};

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

  Source source_;

 private:
  enum class Kind : std::uint8_t { unknown, plain, gzip, zstd };

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
    // A pipe may give its first bytes one at a time.
    std::string head;
    while (head.size() < kZstdMagic.size()) {
      if (auto filled = fill(); !filled) return filled;
      if (ended_) break;
      head += buffer_;
    }
    buffer_ = std::move(head);
    at_ = 0;
    ended_ = false;
    const std::string_view start(buffer_);
    kind_ = Kind::plain;
    if (start.starts_with(kGzipMagic)) {
      kind_ = Kind::gzip;
      if (inflateInit2(&gzip_, 16 + MAX_WBITS) != Z_OK) return damaged("gzip: no memory");
    } else if (start.starts_with(kZstdMagic)) {
      kind_ = Kind::zstd;
      zstd_.reset(ZSTD_createDStream());
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

  tl::unexpected<Error> damaged(std::string_view what) const {
    return fail(ErrorCode::parse, fmt::format("{}: {}", source_.name(), what),
                "the file is damaged or cut short; what came before it has been read");
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
        inflateReset(&gzip_);
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
      if (at_ == buffer_.size()) {
        if (auto filled = fill(); !filled) return tl::unexpected<Error>(filled.error());
        if (ended_) {
          if (!member_done_) return damaged("the zstd data ends early");
          return std::size_t{0};
        }
      }
      ZSTD_inBuffer in{buffer_.data(), buffer_.size(), at_};
      const std::size_t status = ZSTD_decompressStream(zstd_.get(), &out, &in);
      if (ZSTD_isError(status) != 0) return damaged(ZSTD_getErrorName(status));
      at_ = in.pos;
      member_done_ = status == 0;
    }
    return out.pos;
  }

  Kind kind_ = Kind::unknown;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool member_done_ = false;
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
const std::string& Input::name() const noexcept { return impl_->source_.name(); }
std::uint64_t Input::consumed() const noexcept { return impl_->source_.consumed(); }
std::optional<std::uint64_t> Input::total() const noexcept { return impl_->source_.total(); }

}  // namespace hygge::formats
