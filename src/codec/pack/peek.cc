// Count and first value of a payload, without unpacking more than first residuals: width and mask
// bytes say where everything else lies.
#include <bit>

#include "codec/pack/pack.h"

namespace hygge::pack {

namespace {

unsigned ones(unsigned mask) noexcept { return static_cast<unsigned>(std::popcount(mask)); }

// The first `w` bits at the beginning of `bytes`, which are there.
std::uint64_t low_bits(Bytes bytes, unsigned w) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 8; ++i) {
    word |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return w == 0 ? 0 : word & (~std::uint64_t{0} >> (64 - w));
}

// Walks over the groups of n residuals; gives the first of them.
std::uint64_t first_residual(ByteReader& in, std::size_t n) noexcept {
  const Bytes widths = in.bytes(group_count(n));
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < n && in.ok(); i += kHalf) {
    const std::uint8_t width_byte = widths[i / kGroup];
    const unsigned w = width_byte & kWidthMask;
    if ((w > kMaxPackedWidth && w != kFullWidth) || width_byte == kSparse) {
      static_cast<void>(in.bytes(in.left() + 1));  // no such width: nothing behind it can be found
      break;
    }
    if (w == 0) continue;
    std::size_t count = n - i < kHalf ? n - i : kHalf;
    bool has_first = true;
    if (width_byte >= kSparse) {
      const unsigned mask = in.byte();
      has_first = (mask & 1U) != 0;
      count = ones(mask);
    }
    const Bytes body = in.bytes((count * w + 7) / 8);
    if (i == 0 && has_first) first = low_bits(body, w);
  }
  return first;
}

// The first of a block of integers.
std::uint64_t first_integer(ByteReader& in, std::size_t n) noexcept {
  const std::uint8_t header = in.byte();
  const unsigned shift = (header & kHasShift) != 0 ? in.byte() & 63U : 0;
  const auto first = static_cast<std::uint64_t>(in.zigzag_varint());
  const auto base = static_cast<std::uint64_t>(in.zigzag_varint());
  const auto predictor = static_cast<Predictor>(header & kPredictorMask);
  std::uint64_t x = 0;
  if (predictor == Predictor::frame) x = base;
  if (predictor == Predictor::grid) x = static_cast<std::uint64_t>(in.zigzag_varint());
  if ((header & kAllZero) == 0) {
    const std::uint64_t r = first_residual(in, n);
    const bool plain = predictor == Predictor::frame || predictor == Predictor::grid;
    x += plain ? r : static_cast<std::uint64_t>(unzigzag(r));
  }
  return first + (x << shift);
}

double first_scaled(ByteReader& in, std::uint8_t kind, std::size_t n) noexcept {
  std::optional<double> exception;
  if ((kind & kHasExceptions) != 0) {
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      const std::uint64_t gap = in.varint();
      const auto bits = in.le<std::uint64_t>();
      if (i == 0 && gap == 0) exception = std::bit_cast<double>(bits);
    }
  }
  std::uint64_t ulps = 0;
  if ((kind & kUlps) != 0) {
    ulps = static_cast<std::uint64_t>(unzigzag(first_residual(in, n)));
  }
  const auto q = static_cast<std::int64_t>(first_integer(in, n));
  const double quotient = static_cast<double>(q) / kDivisors[kind & kDivisorMask];
  return exception.value_or(std::bit_cast<double>(std::bit_cast<std::uint64_t>(quotient) + ulps));
}

}  // namespace

std::optional<double> first_value(Bytes payload) noexcept {
  ByteReader in(payload);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count == 0 || count > kMaxSamples) return std::nullopt;
  const auto n = static_cast<std::size_t>(count);
  first_integer(in, n);  // the times: only walked over
  const std::uint8_t kind = in.byte();
  double out = 0;
  if (kind == kConstant) {
    out = std::bit_cast<double>(in.le<std::uint64_t>());
  } else if (kind == kXor) {
    const unsigned shift = in.byte() & 63U;
    const auto first = in.le<std::uint64_t>();
    out = std::bit_cast<double>(first ^ first_residual(in, n) << shift);
  } else if ((kind & kNotScaled) == 0) {
    out = first_scaled(in, kind, n);
  } else {
    return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return out;
}

}  // namespace hygge::pack
