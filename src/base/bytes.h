// Reading and writing of bytes: fixed widths, LEB128 varints, zigzag. Readers are bounded: a
// ByteReader never passes its end, and says so once instead of at each call.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace hygge {

static_assert(std::endian::native == std::endian::little, "fixed widths are loaded as they lie");

using Bytes = std::span<const std::uint8_t>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
[[nodiscard]] T load_le(const std::uint8_t* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T>
void store_le(std::uint8_t* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}
template <typename T>
void put_le(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

/// Big-endian, for keys: bytes then sort as the numbers do.
template <typename T>
void put_be(std::string& out, T value) {
  for (std::size_t i = sizeof value; i-- > 0;) {
    // Widened first: a shift of a narrow type is one of int, which may change its sign.
    out.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xffU));
  }
}
template <typename T>
[[nodiscard]] T load_be(const std::uint8_t* at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<T>(static_cast<T>(value << 8U) | at[i]);
  }
  return value;
}

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t x) noexcept {
  return (static_cast<std::uint64_t>(x) << 1U) ^ static_cast<std::uint64_t>(x >> 63U);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t x) noexcept {
  return static_cast<std::int64_t>((x >> 1U) ^ (0U - (x & 1U)));
}

inline constexpr std::size_t kMaxVarintBytes = 10;

/// LEB128: seven bits a byte, low bits first. Writes at most 10 bytes at `at`; returns the end.
inline std::uint8_t* write_varint(std::uint8_t* at, std::uint64_t x) noexcept {
  for (; x >= 0x80; x >>= 7U) *at++ = static_cast<std::uint8_t>(x | 0x80U);
  *at++ = static_cast<std::uint8_t>(x);
  return at;
}
inline void put_varint(std::string& out, std::uint64_t x) {
  std::uint8_t bytes[kMaxVarintBytes];
  const std::uint8_t* end = write_varint(bytes, x);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}
inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

/// Walks bytes that may be anything. After a read past the end, or a varint that is not in its
/// shortest form, ok() is false for good and every read gives zeros.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) noexcept
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// Good so far, and nothing left.
  [[nodiscard]] bool done() const noexcept { return ok_ && at_ == end_; }

  std::uint8_t byte() noexcept {
    if (at_ == end_) return fail();
    return *at_++;
  }
  template <typename T>
  T le() noexcept {
    if (left() < sizeof(T)) return static_cast<T>(fail());
    const T value = load_le<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  std::uint64_t varint() noexcept {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return fail();
      const std::uint8_t b = *at_++;
      if (shift == 63 && b > 1) return fail();
      x |= static_cast<std::uint64_t>(b & 0x7fU) << shift;
      if (b < 0x80) return (b == 0 && shift > 0) ? fail() : x;
    }
    return fail();
  }
  std::int64_t zigzag_varint() noexcept { return unzigzag(varint()); }
  Bytes bytes(std::size_t count) noexcept {
    if (left() < count) {
      fail();
      return {};
    }
    const Bytes out{at_, count};
    at_ += count;
    return out;
  }
  /// A varint length and that many bytes.
  std::string_view text() noexcept {
    const std::uint64_t size = varint();
    if (size > left()) {
      fail();
      return {};
    }
    return as_text(bytes(static_cast<std::size_t>(size)));
  }
  Bytes rest() noexcept { return bytes(left()); }

 private:
  std::uint8_t fail() noexcept {
    ok_ = false;
    at_ = end_;
    return 0;
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace hygge
