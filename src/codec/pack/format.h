// Pack, codec id 1: what the bytes of a payload mean.
//
//   varint n | integer block of the times | value block
//
// Groups: n residuals (uint64). First ceil(n / 16) width bytes, then the bodies of the groups
// of 16.
//
//   width byte   bits 0–6 width w (0 … 57, 64), bit 7 sparse
//   body         per half of 8 (the last may have m < 8); none if w = 0
//     dense      m residuals of w bits, least significant bit first, ceil(m·w / 8) bytes
//     sparse     mask byte, bit k: residual k is not zero; then only those, packed the same way
//
// Integer block: q[i] = first + (x[i] << s), modulo 2^64
//
//   byte         bits 0–1 predictor, bit 3 a shift follows, bit 7 all residuals are zero
//   byte         shift s, 1 … 63              with bit 3
//   varint       zigzag(first)
//   varint       zigzag(base)
//   varint       zigzag(low)                  GRID only
//   groups       r[0 … n−1]                   without bit 7
//
//   FOR          x[i] = r[i] + base
//   GRID         x[i] = r[i] + low + i·base
//   DELTA        x[−1] = −base,               x[i] = x[i−1] + unzigzag(r[i]) + base
//   DELTA2       x[−1] = −base, d[−1] = base, d[i] = d[i−1] + unzigzag(r[i]), x[i] = x[i−1] + d[i]
//
// Value block: a kind byte, then
//
//   0x40         u64le                        all n have these bits
//   0x41         byte s, u64le first, groups  bits: b[−1] = first, b[i] = b[i−1] XOR (r[i] << s)
//   0x00 + d     integer block                v = double(q) / kDivisors[d]
//   0x20         set: exceptions come first   varint count, then varint gap, u64le bits of each
//   0x80         set: groups c come before the integer block; bits(v) += unzigzag(c[i])
#pragma once

#include <cstddef>
#include <cstdint>

namespace hygge::pack {

inline constexpr std::size_t kMaxSamples = 65'535;
/// Bytes that must be readable behind a payload that the kernels get.
inline constexpr std::size_t kReadPadBytes = 64;

inline constexpr std::size_t kGroup = 16;  // residuals behind one width byte
inline constexpr std::size_t kHalf = 8;
inline constexpr unsigned kMaxPackedWidth = 57;  // wider residuals are stored in 64 bits
inline constexpr unsigned kFullWidth = 64;
inline constexpr std::uint8_t kSparse = 0x80;
inline constexpr std::uint8_t kWidthMask = 0x7f;

inline constexpr std::uint8_t kPredictorMask = 0x03;
inline constexpr std::uint8_t kHasShift = 0x08;
inline constexpr std::uint8_t kAllZero = 0x80;

inline constexpr std::uint8_t kDivisorMask = 0x1f;
inline constexpr std::uint8_t kHasExceptions = 0x20;
inline constexpr std::uint8_t kNotScaled = 0x40;
inline constexpr std::uint8_t kConstant = 0x40;
inline constexpr std::uint8_t kXor = 0x41;
inline constexpr std::uint8_t kUlps = 0x80;

enum class Predictor : std::uint8_t { frame = 0, grid = 1, delta = 2, delta2 = 3 };
inline constexpr std::size_t kPredictors = 4;

/// Powers of ten first, then what rates and ratios are divided by.
inline constexpr std::size_t kDecimals = 16;
inline constexpr std::size_t kDivisorCount = 32;
inline constexpr double kDivisors[kDivisorCount] = {
    1e0,   1e1,  1e2,  1e3,   1e4,   1e5,   1e6,         1e7,    //
    1e8,   1e9,  1e10, 1e11,  1e12,  1e13,  1e14,        1e15,   //
    3.0,   6.0,  7.0,  12.0,  15.0,  30.0,  60.0,        600.0,  //
    300.0, 3600, 6000, 60000, 256.0, 1024., 1'048'576.0, 1'073'741'824.0};

/// Scaled values stay below 2^53, where integers are exact.
inline constexpr double kScaledLimit = 9.0e15;
inline constexpr std::int64_t kMaxUlps = 32;

// Each file has its own copy of these: see kernels.h.
[[nodiscard]] static constexpr std::size_t group_count(std::size_t n) noexcept {
  return (n + kGroup - 1) / kGroup;
}
/// Room for n residuals in whole groups.
[[nodiscard]] static constexpr std::size_t lane_room(std::size_t n) noexcept {
  return group_count(n) * kGroup;
}

}  // namespace hygge::pack
