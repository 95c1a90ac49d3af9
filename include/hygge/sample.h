// Samples and the staleness marker.
#pragma once

#include <hygge/time.h>

#include <bit>
#include <cstdint>

namespace hygge {

/// A value at a time. Any double is a value, NaN too.
struct Sample {
  TimeMs t_ms = 0;
  double v = 0;
};

/// The bits of the NaN that says "this series has ended here" (Prometheus' marker).
inline constexpr std::uint64_t kStaleBits = 0x7ff0'0000'0000'0002;

[[nodiscard]] inline double stale_marker() noexcept { return std::bit_cast<double>(kStaleBits); }
[[nodiscard]] inline bool is_stale(double v) noexcept {
  return std::bit_cast<std::uint64_t>(v) == kStaleBits;
}
/// Equal bit for bit: what makes a sample a duplicate.
[[nodiscard]] inline bool same_bits(double a, double b) noexcept {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace hygge
