// Gorilla: runs of (time, value) samples to bytes and back, bit for bit. Standard library only.
//
// A payload holds 1 … 65,535 samples, times any int64 (milliseconds as a rule), values any double:
//
//   varint n
//   varint zigzag(t[0])
//   varint zigzag(t[1] − t[0])      if n >= 2
//   varint B                        if n >= 3: bytes of the next field
//   B bytes  delta-of-delta codes   samples 2 … n−1
//   rest     value codes            samples 0 … n−1
//
// Bit strings run from the most significant bit of the first byte; the last byte is filled with
// zeros. Arithmetic on times is modulo 2^64, so every pair of times is legal.
//
//   delta of delta     code               value            code
//   0                  0                  same bits        0
//   −31 … 32           10    + 6 bits     in the window    10 + the window's bits of the XOR
//   −511 … 512         110   + 10         new window       11 + lead (5) + length (6) + XOR bits
//   −65535 … 65536     1110  + 17
//   −(2^31−1) … 2^31   11110 + 32         The window (lead, length) is the part of the XOR with the
//   any                11111 + 64         value before that may differ from zero.
//
// After T. Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB 2015;
// the classes are re-cut for milliseconds, and a window that wastes more than 11 bits is replaced.
// The format is specified in docs/format/gorilla.md.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace hygge::gorilla {

static_assert(std::endian::native == std::endian::little, "words are loaded as they lie");

inline constexpr std::size_t kMaxSamples = 65'535;
/// Bytes that must be readable behind a payload given to decode_padded().
inline constexpr std::size_t kReadPadBytes = 64;

/// Why bytes are no payload. After an error, outputs are unspecified.
enum class Error : std::uint8_t {
  none,
  truncated,   ///< the bytes end before their codes do
  bad_count,   ///< zero samples, or more than kMaxSamples
  bad_header,  ///< a varint that is not in its shortest form
  bad_code,    ///< a window is used before one was given, or is wider than 64 bits
  trailing,    ///< bytes or set bits after the last code
};

[[nodiscard]] constexpr const char* to_string(Error error) noexcept {
  switch (error) {
    case Error::none:
      return "none";
    case Error::truncated:
      return "truncated";
    case Error::bad_count:
      return "bad_count";
    case Error::bad_header:
      return "bad_header";
    case Error::bad_code:
      return "bad_code";
    case Error::trailing:
      return "trailing";
  }
  return "unknown";
}

/// Decoded samples, t[i] with v[i].
struct Samples {
  std::vector<std::int64_t> t;
  std::vector<double> v;
};

namespace detail {

inline constexpr unsigned kMaxLead = 31;
inline constexpr unsigned kWindowSlackBits = 11;
inline constexpr unsigned kNewWindowBits = 2 + 5 + 6;
inline constexpr unsigned kMaxDodCodeBits = 5 + 64;
inline constexpr unsigned kMaxValueCodeBits = kNewWindowBits + 64;

[[nodiscard]] constexpr std::uint64_t zigzag(std::uint64_t x) noexcept {
  return (x << 1U) ^ (0U - (x >> 63U));
}
[[nodiscard]] constexpr std::uint64_t unzigzag(std::uint64_t x) noexcept {
  return (x >> 1U) ^ (0U - (x & 1U));
}

inline std::uint8_t* write_varint(std::uint8_t* at, std::uint64_t x) noexcept {
  for (; x >= 0x80; x >>= 7U) *at++ = static_cast<std::uint8_t>(x | 0x80U);
  *at++ = static_cast<std::uint8_t>(x);
  return at;
}

[[nodiscard]] inline std::uint64_t load_be64(const std::uint8_t* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return __builtin_bswap64(word);
}
inline void store_be64(std::uint8_t* at, std::uint64_t word) noexcept {
  word = __builtin_bswap64(word);
  std::memcpy(at, &word, sizeof word);
}

// A code as one or two pieces: a second one only where both would not fit 64 bits.
struct Code {
  std::uint64_t head;
  unsigned head_bits;
  std::uint64_t tail;
  unsigned tail_bits;
};

[[nodiscard]] constexpr bool fits(std::uint64_t dod, unsigned bits) noexcept {
  // −(2^(bits−1) − 1) … 2^(bits−1), shifted to start at 0.
  return dod + ((1ULL << (bits - 1)) - 1) < (1ULL << bits);
}

[[nodiscard]] inline Code dod_code(std::uint64_t dod) noexcept {
  const auto piece = [dod](std::uint64_t prefix, unsigned prefix_bits, unsigned bits) {
    const std::uint64_t low = dod & ((1ULL << bits) - 1);
    return Code{(prefix << bits) | low, prefix_bits + bits, 0, 0};
  };
  if (dod == 0) return {0, 1, 0, 0};
  if (fits(dod, 6)) return piece(0b10, 2, 6);
  if (fits(dod, 10)) return piece(0b110, 3, 10);
  if (fits(dod, 17)) return piece(0b1110, 4, 17);
  if (fits(dod, 32)) return piece(0b11110, 5, 32);
  return {0b11111, 5, dod, 64};
}

// The XOR coder's state: the value before, and the window; length 0 means that none was given yet.
struct XorState {
  std::uint64_t previous = 0;
  unsigned lead = 0;
  unsigned length = 0;

  [[nodiscard]] Code code(std::uint64_t bits) noexcept {
    const std::uint64_t x = bits ^ previous;
    previous = bits;
    if (x == 0) return {0, 1, 0, 0};
    const unsigned l = std::min(static_cast<unsigned>(std::countl_zero(x)), kMaxLead);
    const auto trail = static_cast<unsigned>(std::countr_zero(x));
    const unsigned meaningful = 64 - l - trail;
    const unsigned window_trail = 64 - lead - length;
    if (length != 0 && l >= lead && trail >= window_trail &&
        length <= meaningful + kWindowSlackBits) {
      const std::uint64_t payload = x >> window_trail;
      if (length <= 62) return {(2ULL << length) | payload, 2 + length, 0, 0};
      return {0b10, 2, payload, length};
    }
    lead = l;
    length = meaningful;
    const std::uint64_t head = (0b11ULL << 11U) | (static_cast<std::uint64_t>(l) << 6U) |
                               static_cast<std::uint64_t>(length & 63U);
    const std::uint64_t payload = x >> trail;
    if (length <= 64 - kNewWindowBits) {
      return {(head << length) | payload, kNewWindowBits + length, 0, 0};
    }
    return {head, kNewWindowBits, payload, length};
  }
};

// Writes bits, most significant first, into a buffer that has room for them and one word more.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* at) noexcept : begin_(at), at_(at) {}

  void put(const Code& code) noexcept {
    put(code.head, code.head_bits);
    if (code.tail_bits != 0) put(code.tail, code.tail_bits);
  }
  // 1 <= count <= 64, value < 2^count.
  void put(std::uint64_t value, unsigned count) noexcept {
    if (count < room_) {
      room_ -= count;
      word_ |= value << room_;
      return;
    }
    const unsigned rest = count - room_;
    store_be64(at_, word_ | (value >> rest));
    at_ += 8;
    room_ = 64 - rest;
    word_ = rest == 0 ? 0 : value << room_;
  }
  // Bytes written, the last one filled with zeros.
  [[nodiscard]] std::size_t finish() noexcept {
    store_be64(at_, word_);
    return static_cast<std::size_t>(at_ - begin_) + (64 - room_ + 7) / 8;
  }

 private:
  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint64_t word_ = 0;
  unsigned room_ = 64;
};

[[nodiscard]] constexpr std::size_t string_room(std::size_t bits) noexcept {
  return (bits + 63) / 64 * 8 + 8;
}
inline constexpr std::size_t kMaxHeaderBytes = 3 + 10 + 10 + 4;

// A cursor over the header. A failed read gives 0 and keeps the first reason.
struct HeaderReader {
  const std::uint8_t* at;
  const std::uint8_t* end;
  Error error = Error::none;

  std::uint64_t varint() noexcept {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at == end) return fail(Error::truncated);
      const std::uint8_t b = *at++;
      if (shift == 63 && b > 1) return fail(Error::bad_header);
      x |= static_cast<std::uint64_t>(b & 0x7fU) << shift;
      if (b < 0x80) return b == 0 && shift > 0 ? fail(Error::bad_header) : x;
    }
    return fail(Error::bad_header);
  }

 private:
  std::uint64_t fail(Error why) noexcept {
    if (error == Error::none) error = why;
    at = end;
    return 0;
  }
};

// The parts of a payload, checked so far that no count can ask for more than its bytes justify.
struct Layout {
  std::size_t n = 0;
  std::uint64_t t0 = 0;
  std::uint64_t delta = 0;
  std::span<const std::uint8_t> dods;
  std::span<const std::uint8_t> values;
};

[[nodiscard]] inline Error read_layout(std::span<const std::uint8_t> payload,
                                       Layout& out) noexcept {
  HeaderReader in{payload.data(), payload.data() + payload.size()};
  const std::uint64_t n = in.varint();
  const std::uint64_t t0 = unzigzag(in.varint());
  const std::uint64_t delta = n >= 2 ? unzigzag(in.varint()) : 0;
  const std::uint64_t dod_bytes = n >= 3 ? in.varint() : 0;
  if (in.error != Error::none) return in.error;
  if (n == 0 || n > kMaxSamples) return Error::bad_count;
  const auto left = static_cast<std::size_t>(in.end - in.at);
  if (dod_bytes > left) return Error::truncated;
  const auto dod_count = static_cast<std::size_t>(dod_bytes);
  out.n = static_cast<std::size_t>(n);
  out.t0 = t0;
  out.delta = delta;
  out.dods = {in.at, dod_count};
  out.values = {in.at + dod_count, left - dod_count};
  // Every sample has at least one bit in each string.
  if (n >= 3 && n - 2 > 8 * dod_bytes) return Error::truncated;
  if (out.values.size() < 8 || n - 1 > 8 * (out.values.size() - 8)) return Error::truncated;
  return Error::none;
}

// At least 57 valid bits from bit `pos` on, at the top of the word.
[[nodiscard]] inline std::uint64_t peek(const std::uint8_t* base, std::size_t pos) noexcept {
  return load_be64(base + (pos >> 3U)) << (pos & 7U);
}
// `count` bits, 1 … 64, at `pos`: beyond 57 a ninth byte is needed.
[[nodiscard]] inline std::uint64_t peek_bits(const std::uint8_t* base, std::size_t pos,
                                             unsigned count) noexcept {
  std::uint64_t word = peek(base, pos);
  if (count > 57) {
    word |= (static_cast<std::uint64_t>(base[(pos >> 3U) + 8]) << (pos & 7U)) >> 8U;
  }
  return word >> (64 - count);
}

// The last code must end in the last byte, and the bits behind it must be zero.
[[nodiscard]] inline Error check_end(std::span<const std::uint8_t> string,
                                     std::size_t pos) noexcept {
  const std::size_t end = 8 * string.size();
  if (pos > end) return Error::truncated;
  const std::size_t spare = end - pos;
  if (spare >= 8) return Error::trailing;
  if (spare != 0 && (string.back() & ((1U << spare) - 1U)) != 0) return Error::trailing;
  return Error::none;
}

// A run of `0` codes at the top of a word, at most as long as its valid bits.
inline constexpr std::uint64_t kRunStop = 0x80;
inline constexpr unsigned kMaxRun = 56;

inline constexpr unsigned kDodBits[4] = {6, 10, 17, 32};

[[nodiscard]] inline Error decode_times(const Layout& layout, std::int64_t* out) noexcept {
  const std::uint8_t* const base = layout.dods.data();
  const std::size_t end = 8 * layout.dods.size();
  const std::size_t n = layout.n;
  std::uint64_t t = layout.t0;
  std::uint64_t delta = layout.delta;
  std::size_t pos = 0;
  out[0] = static_cast<std::int64_t>(t);
  if (n >= 2) out[1] = static_cast<std::int64_t>(t += delta);
  for (std::size_t i = 2; i < n;) {
    std::uint64_t word = peek(base, pos);
    if ((word >> 63U) == 0) {
      const std::size_t run =
          std::min<std::size_t>(static_cast<unsigned>(std::countl_zero(word | kRunStop)), n - i);
      for (std::size_t k = 0; k < run; ++k) out[i + k] = static_cast<std::int64_t>(t += delta);
      i += run;
      pos += run;
    } else {
      const auto ones = static_cast<unsigned>(std::countl_one(word));
      if (ones >= 5) {
        delta += peek_bits(base, pos + 5, 64);
        pos += kMaxDodCodeBits;
      } else {
        const unsigned bits = kDodBits[ones - 1];
        std::uint64_t dod = (word << (ones + 1)) >> (64 - bits);
        if (dod > 1ULL << (bits - 1)) dod -= 1ULL << bits;
        delta += dod;
        pos += ones + 1 + bits;
      }
      out[i++] = static_cast<std::int64_t>(t += delta);
    }
    if (pos > end) return Error::truncated;
  }
  return check_end(layout.dods, pos);
}

[[nodiscard]] inline Error decode_values(const Layout& layout, double* out) noexcept {
  const std::uint8_t* const base = layout.values.data();
  const std::size_t end = 8 * layout.values.size();
  const std::size_t n = layout.n;
  std::uint64_t bits = load_be64(base);
  std::size_t pos = 64;
  unsigned length = 0;
  unsigned trail = 0;
  out[0] = std::bit_cast<double>(bits);
  for (std::size_t i = 1; i < n;) {
    const std::uint64_t word = peek(base, pos);
    if ((word >> 63U) == 0) {
      const std::size_t run =
          std::min<std::size_t>(static_cast<unsigned>(std::countl_zero(word | kRunStop)), n - i);
      const double same = std::bit_cast<double>(bits);
      for (std::size_t k = 0; k < run; ++k) out[i + k] = same;
      i += run;
      pos += run;
    } else {
      if ((word & (1ULL << 62U)) == 0) {
        if (length == 0) return Error::bad_code;
        const std::uint64_t x =
            length <= 55 ? (word << 2U) >> (64 - length) : peek_bits(base, pos + 2, length);
        bits ^= x << trail;
        pos += 2 + length;
      } else {
        const auto lead = static_cast<unsigned>(word >> 57U) & 31U;
        length = static_cast<unsigned>(word >> 51U) & 63U;
        if (length == 0) length = 64;
        if (lead + length > 64) return Error::bad_code;
        trail = 64 - lead - length;
        const std::uint64_t x = length <= 57 - kNewWindowBits
                                    ? (word << kNewWindowBits) >> (64 - length)
                                    : peek_bits(base, pos + kNewWindowBits, length);
        bits ^= x << trail;
        pos += kNewWindowBits + length;
      }
      out[i++] = std::bit_cast<double>(bits);
    }
    if (pos > end) return Error::truncated;
  }
  return check_end(layout.values, pos);
}

}  // namespace detail

/// Encodes runs of samples; keeps its scratch memory between calls. One thread at a time.
class Encoder {
 public:
  /// Appends the payload of 1 … kMaxSamples samples to `out` (t and v of equal length; anything
  /// else appends nothing). Equal input gives equal bytes. O(n).
  template <typename Bytes>
  void append(std::span<const std::int64_t> t, std::span<const double> v, Bytes& out) {
    const std::size_t n = t.size();
    if (n == 0 || n > kMaxSamples || v.size() != n) return;
    const std::size_t dod_room = detail::string_room(n * detail::kMaxDodCodeBits);
    const std::size_t value_room = detail::string_room(64 + n * detail::kMaxValueCodeBits);
    if (scratch_.size() < dod_room + value_room) scratch_.resize(dod_room + value_room);
    std::uint8_t* const dods = scratch_.data();
    std::uint8_t* const values = dods + dod_room;
    const std::size_t dod_bytes = encode_times(t, dods);
    const std::size_t value_bytes = encode_values(v, values);
    std::uint8_t header[detail::kMaxHeaderBytes];
    std::uint8_t* at = detail::write_varint(header, n);
    at = detail::write_varint(at, detail::zigzag(static_cast<std::uint64_t>(t[0])));
    if (n >= 2) at = detail::write_varint(at, detail::zigzag(difference(t[1], t[0])));
    if (n >= 3) at = detail::write_varint(at, dod_bytes);
    put(out, header, static_cast<std::size_t>(at - header));
    if (n >= 3) put(out, dods, dod_bytes);
    put(out, values, value_bytes);
  }

 private:
  using Byte = std::uint8_t;
  static std::uint64_t difference(std::int64_t a, std::int64_t b) noexcept {
    return static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b);
  }
  static std::size_t encode_times(std::span<const std::int64_t> t, Byte* at) noexcept {
    if (t.size() < 3) return 0;
    detail::BitWriter bits(at);
    std::uint64_t delta = difference(t[1], t[0]);
    for (std::size_t i = 2; i < t.size(); ++i) {
      const std::uint64_t next = difference(t[i], t[i - 1]);
      const std::uint64_t dod = next - delta;
      if (dod == 0) {
        bits.put(0, 1);
      } else {
        bits.put(detail::dod_code(dod));
      }
      delta = next;
    }
    return bits.finish();
  }
  static std::size_t encode_values(std::span<const double> v, Byte* at) noexcept {
    detail::BitWriter bits(at);
    detail::XorState state{std::bit_cast<std::uint64_t>(v[0])};
    bits.put(state.previous, 64);
    for (std::size_t i = 1; i < v.size(); ++i) {
      const auto next = std::bit_cast<std::uint64_t>(v[i]);
      if (next == state.previous) {
        bits.put(0, 1);
      } else {
        bits.put(state.code(next));
      }
    }
    return bits.finish();
  }
  template <typename Bytes>
  static void put(Bytes& out, const Byte* from, std::size_t count) {
    const std::size_t size = out.size();
    out.resize(size + count);
    std::memcpy(out.data() + size, from, count);
  }

  std::vector<Byte> scratch_;
};

/// The payload of 1 … kMaxSamples samples; empty for any other number. O(n).
[[nodiscard]] inline std::vector<std::uint8_t> encode(std::span<const std::int64_t> t,
                                                      std::span<const double> v) {
  std::vector<std::uint8_t> out;
  Encoder encoder;
  encoder.append(t, v, out);
  return out;
}

/// Replaces `out` by the samples of `payload`, behind which kReadPadBytes bytes must be readable
/// (their content does not matter). No other byte is read. O(n).
[[nodiscard]] inline Error decode_padded(std::span<const std::uint8_t> payload, Samples& out) {
  detail::Layout layout;
  if (const Error error = detail::read_layout(payload, layout); error != Error::none) return error;
  out.t.resize(layout.n);
  out.v.resize(layout.n);
  const Error times = detail::decode_times(layout, out.t.data());
  return times != Error::none ? times : detail::decode_values(layout, out.v.data());
}

/// The same for bytes that may be anything and lie anywhere: copied first, then decoded.
[[nodiscard]] inline Error decode(std::span<const std::uint8_t> payload, Samples& out) {
  constexpr std::size_t kOnStack = 4096;
  std::uint8_t on_stack[kOnStack + kReadPadBytes];
  std::vector<std::uint8_t> on_heap;
  std::uint8_t* copy = on_stack;
  if (payload.size() > kOnStack) {
    on_heap.resize(payload.size() + kReadPadBytes);
    copy = on_heap.data();
  }
  if (!payload.empty()) std::memcpy(copy, payload.data(), payload.size());
  std::memset(copy + payload.size(), 0, kReadPadBytes);
  return decode_padded({copy, payload.size()}, out);
}

/// How many samples a payload says it holds, without decoding it; 0 if it cannot be one.
[[nodiscard]] inline std::size_t count(std::span<const std::uint8_t> payload) noexcept {
  detail::Layout layout;
  return detail::read_layout(payload, layout) == Error::none ? layout.n : 0;
}

/// Builds a payload sample by sample. About 140 bytes, and the bits of what it holds; a copy goes
/// on by itself. One thread at a time.
class Builder {
 public:
  /// False, and nothing has changed, when it holds kMaxSamples. O(1) amortised.
  bool append(std::int64_t t, double v) {
    if (n_ == kMaxSamples) return false;
    const auto bits = std::bit_cast<std::uint64_t>(v);
    const auto time = static_cast<std::uint64_t>(t);
    if (n_ == 0) {
      first_t_ = time;
      xors_.previous = bits;
      values_.put({bits, 64, 0, 0});
    } else {
      const std::uint64_t delta = time - last_t_;
      if (n_ == 1) {
        first_delta_ = delta;
      } else {
        dods_.put(detail::dod_code(delta - delta_));
      }
      delta_ = delta;
      values_.put(xors_.code(bits));
    }
    last_t_ = time;
    ++n_;
    return true;
  }

  [[nodiscard]] std::size_t count() const noexcept { return n_; }

  /// Appends to `out` what encode() gives for the samples so far; nothing if there are none. O(n).
  template <typename Bytes>
  void append_payload(Bytes& out) const {
    if (n_ == 0) return;
    const std::size_t dod_bytes = dods_.bytes();
    std::uint8_t header[detail::kMaxHeaderBytes];
    std::uint8_t* at = detail::write_varint(header, n_);
    at = detail::write_varint(at, detail::zigzag(first_t_));
    if (n_ >= 2) at = detail::write_varint(at, detail::zigzag(first_delta_));
    if (n_ >= 3) at = detail::write_varint(at, dod_bytes);
    const auto header_bytes = static_cast<std::size_t>(at - header);
    const std::size_t size = out.size();
    out.resize(size + header_bytes + dod_bytes + values_.bytes());
    auto* to = reinterpret_cast<std::uint8_t*>(out.data()) + size;
    std::memcpy(to, header, header_bytes);
    dods_.copy_to(to + header_bytes);
    values_.copy_to(to + header_bytes + dod_bytes);
  }

  /// Back to no samples; memory is kept for the next ones.
  void clear() noexcept {
    xors_ = {};
    dods_.clear();
    values_.clear();
    n_ = 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + dods_.memory_bytes() + values_.memory_bytes();
  }
  /// A hint that appends come soon, for who has many in turn.
  void prefetch() const noexcept {
    for (std::size_t line = 0; line < sizeof *this; line += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(this) + line, 1);
    }
  }
  void prefetch_bits() const noexcept { values_.prefetch(); }

 private:
  // A bit string: whole words as they will lie in the payload, and the one that is being filled.
  class Bits {
   public:
    void put(const detail::Code& code) {
      put(code.head, code.head_bits);
      if (code.tail_bits != 0) put(code.tail, code.tail_bits);
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
      return 8 * words_.size() + (64 - room_ + 7) / 8;
    }
    void copy_to(std::uint8_t* to) const noexcept {
      if (!words_.empty()) std::memcpy(to, words_.data(), 8 * words_.size());
      const std::uint64_t last = __builtin_bswap64(word_);
      std::memcpy(to + 8 * words_.size(), &last, (64 - room_ + 7) / 8);
    }
    void clear() noexcept {
      words_.clear();
      word_ = 0;
      room_ = 64;
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return 8 * words_.capacity(); }
    void prefetch() const noexcept { __builtin_prefetch(words_.data() + words_.size(), 1); }

   private:
    // 1 <= count <= 64, value < 2^count.
    void put(std::uint64_t value, unsigned count) {
      if (count < room_) {
        room_ -= count;
        word_ |= value << room_;
        return;
      }
      const unsigned rest = count - room_;
      if (words_.empty()) words_.reserve(8);
      words_.push_back(__builtin_bswap64(word_ | (value >> rest)));
      room_ = 64 - rest;
      word_ = rest == 0 ? 0 : value << room_;
    }

    std::vector<std::uint64_t> words_;
    std::uint64_t word_ = 0;
    unsigned room_ = 64;
  };

  std::uint64_t first_t_ = 0;
  std::uint64_t first_delta_ = 0;
  std::uint64_t last_t_ = 0;
  std::uint64_t delta_ = 0;
  detail::XorState xors_;
  Bits dods_;
  Bits values_;
  std::size_t n_ = 0;
};

/// A chunk that one thread appends to while any thread reads it, without a lock. About 100 bytes
/// when young; bit segments are added as it grows and never move.
class OpenChunk {
 public:
  /// `capacity`: samples that it takes, 1 … kMaxSamples.
  explicit OpenChunk(std::size_t capacity) noexcept
      : capacity_(static_cast<std::uint32_t>(std::min(capacity, kMaxSamples))) {}
  OpenChunk(const OpenChunk&) = delete;
  OpenChunk& operator=(const OpenChunk&) = delete;

  /// Writer only. False, and nothing has changed, when the chunk is full. O(1).
  bool append(std::int64_t t, double v) {
    if (n_ == capacity_) return false;
    const auto bits = std::bit_cast<std::uint64_t>(v);
    const auto time = static_cast<std::uint64_t>(t);
    if (n_ == 0) {
      first_t_ = t;
      xors_.previous = bits;
      values_.put(bits, 64);
    } else {
      const std::uint64_t delta = time - last_t_;
      if (n_ == 1) {
        first_delta_ = delta;
      } else {
        dods_.put(detail::dod_code(delta - delta_));
      }
      delta_ = delta;
      values_.put(xors_.code(bits));
    }
    last_t_ = time;
    ++n_;
    state_.store((static_cast<std::uint64_t>(n_) << 48U) | (dods_.bits() << 24U) | values_.bits(),
                 std::memory_order_release);
    return true;
  }

  /// Writer only: a hint that an append comes soon, for who has many chunks in turn.
  void prefetch() const noexcept {
    dods_.prefetch();
    values_.prefetch();
  }

  /// Any thread: samples that have been published.
  [[nodiscard]] std::size_t count() const noexcept {
    return static_cast<std::size_t>(state_.load(std::memory_order_acquire) >> 48U);
  }

  /// Any thread: appends to `out` what encode() gives for the samples published when the call
  /// began; nothing if there are none. O(n).
  template <typename Bytes>
  void append_snapshot(Bytes& out) const {
    const std::uint64_t state = state_.load(std::memory_order_acquire);
    const std::uint64_t n = state >> 48U;
    if (n == 0) return;
    const std::uint64_t dod_bits = (state >> 24U) & 0xff'ffffU;
    const std::uint64_t value_bits = state & 0xff'ffffU;
    std::uint8_t header[detail::kMaxHeaderBytes];
    std::uint8_t* at = detail::write_varint(header, n);
    at = detail::write_varint(at, detail::zigzag(static_cast<std::uint64_t>(first_t_)));
    // Written once, before the count that covers it; not touched by a reader that sees n = 1.
    if (n >= 2) at = detail::write_varint(at, detail::zigzag(first_delta_));
    if (n >= 3) at = detail::write_varint(at, (dod_bits + 7) / 8);
    const auto header_bytes = static_cast<std::size_t>(at - header);
    const std::size_t size = out.size();
    const auto dod_bytes = static_cast<std::size_t>((dod_bits + 7) / 8);
    const auto value_bytes = static_cast<std::size_t>((value_bits + 7) / 8);
    out.resize(size + header_bytes + dod_bytes + value_bytes);
    auto* to = reinterpret_cast<std::uint8_t*>(out.data()) + size;
    std::memcpy(to, header, header_bytes);
    dods_.copy_to(to + header_bytes, dod_bits);
    values_.copy_to(to + header_bytes + dod_bytes, value_bits);
  }
  [[nodiscard]] std::vector<std::uint8_t> snapshot() const {
    std::vector<std::uint8_t> out;
    append_snapshot(out);
    return out;
  }

  /// Writer only: bytes of memory, this object included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + dods_.memory_bytes() + values_.memory_bytes();
  }

 private:
  // A bit string in words that never move: segments of 4, 8, 16, … words, linked as they are
  // needed. A word is written again and again while it fills, and bits only ever turn from 0 to 1,
  // so a reader that masks what it was not promised needs no more order than the release of
  // `state_`.
  class SharedBits {
   public:
    SharedBits() = default;
    SharedBits(const SharedBits&) = delete;
    SharedBits& operator=(const SharedBits&) = delete;
    ~SharedBits() {
      for (Segment* segment = first_; segment != nullptr;) {
        Segment* const next = segment->next;
        delete[] segment->words;
        delete segment;
        segment = next;
      }
    }

    [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }
    void prefetch() const noexcept { __builtin_prefetch(words_ + at_, 1); }

    void put(const detail::Code& code) {
      put(code.head, code.head_bits);
      if (code.tail_bits != 0) put(code.tail, code.tail_bits);
    }

    void put(std::uint64_t value, unsigned count) {
      if (at_ == size_) grow();
      const auto room = 64U - static_cast<unsigned>(bits_ & 63U);
      bits_ += count;
      if (count < room) {
        word_ |= value << (room - count);
        words_[at_].store(word_, std::memory_order_relaxed);
        return;
      }
      const unsigned rest = count - room;
      words_[at_].store(word_ | (value >> rest), std::memory_order_relaxed);
      ++at_;
      word_ = 0;
      if (rest == 0) return;
      if (at_ == size_) grow();
      word_ = value << (64 - rest);
      words_[at_].store(word_, std::memory_order_relaxed);
    }

    // Copies ceil(bits / 8) bytes; what lies behind `bits` becomes zero.
    void copy_to(std::uint8_t* to, std::uint64_t bits) const noexcept {
      if (bits == 0) return;  // the writer may be publishing its first segment
      const Segment* segment = first_;
      std::uint32_t at = 0;
      for (std::uint64_t done = 0; done < bits; done += 64) {
        if (at == segment->size) {
          segment = segment->next;
          at = 0;
        }
        std::uint64_t word = segment->words[at++].load(std::memory_order_relaxed);
        const std::uint64_t left = bits - done;
        if (left < 64) word &= ~0ULL << (64 - left);
        word = __builtin_bswap64(word);
        const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>((left + 7) / 8, 8));
        std::memcpy(to, &word, bytes);
        to += bytes;
      }
    }

    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      std::size_t bytes = 0;
      for (const Segment* segment = first_; segment != nullptr; segment = segment->next) {
        bytes += sizeof *segment + segment->size * sizeof(std::uint64_t);
      }
      return bytes;
    }

   private:
    struct Segment {
      Segment* next = nullptr;  // written before any bit behind it is published
      std::uint32_t size = 0;
      std::atomic<std::uint64_t>* words = nullptr;
    };

    void grow() {
      constexpr std::uint32_t kFirst = 4;
      constexpr std::uint32_t kLargest = 64;
      auto segment = std::make_unique<Segment>();
      segment->size = last_ == nullptr ? kFirst : std::min(2 * last_->size, kLargest);
      segment->words = new std::atomic<std::uint64_t>[segment->size]();
      (last_ == nullptr ? first_ : last_->next) = segment.get();
      last_ = segment.release();
      words_ = last_->words;
      size_ = last_->size;
      at_ = 0;
    }

    Segment* first_ = nullptr;
    Segment* last_ = nullptr;  // writer only, as all below
    std::uint64_t word_ = 0;   // the word that is being filled
    std::uint64_t bits_ = 0;
    // Of `last_`, kept here: with thousands of chunks in turn, a look into the segment is a cache
    // miss to wait for, and a store to its words is not.
    std::atomic<std::uint64_t>* words_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t at_ = 0;  // the place of `word_`
  };

  std::uint32_t capacity_;
  std::uint32_t n_ = 0;
  std::int64_t first_t_ = 0;
  std::uint64_t first_delta_ = 0;
  std::uint64_t last_t_ = 0;
  std::uint64_t delta_ = 0;
  detail::XorState xors_;
  SharedBits dods_;
  SharedBits values_;
  std::atomic<std::uint64_t> state_{0};
};

}  // namespace hygge::gorilla
