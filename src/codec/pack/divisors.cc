#include "codec/pack/divisors.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hygge::pack {

namespace {

// The nearest integer, to even between two, for |x| < 2^53; without a call to the library.
double nearest(double x) noexcept {
  constexpr double kNoFraction = 4'503'599'627'370'496.0;  // 2^52
  if (std::fabs(x) >= kNoFraction) return x;
  const double shift = std::copysign(kNoFraction, x);
  return (x + shift) - shift;
}

// Values looked at before a divisor is given up.
constexpr std::size_t kStride = 64;

bool exact(double v, std::size_t d) noexcept {
  const auto found = scaled(v, kDivisors[d]);
  return found && found->ulps == 0;
}

bool all_exact(std::span<const double> v, std::size_t d, const Kernels& with) noexcept {
  for (std::size_t i = 0; i < v.size(); i += kStride) {
    const std::size_t count = std::min(kStride, v.size() - i);
    if (with.count_inexact(v.data() + i, count, kDivisors[d]) != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Scaled> scaled(double v, double divisor) noexcept {
  const double product = v * divisor;
  if (!(std::fabs(product) < kScaledLimit)) return std::nullopt;
  Scaled out;
  out.q = static_cast<std::int64_t>(nearest(product));
  const auto back = std::bit_cast<std::uint64_t>(static_cast<double>(out.q) / divisor);
  out.ulps = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(v) - back);
  return out;
}

std::optional<std::size_t> exact_decimal(std::span<const double> v, const Kernels& with) noexcept {
  std::size_t d = 0;
  std::size_t raised_at = 0;  // values before it were last seen under a smaller d
  for (std::size_t i = 0; i < v.size(); i += kStride) {
    const std::span<const double> some = v.subspan(i, std::min(kStride, v.size() - i));
    if (with.count_inexact(some.data(), some.size(), kDivisors[d]) == 0) continue;
    for (const double value : some) {
      while (d < kDecimals && !exact(value, d)) ++d;
    }
    if (d == kDecimals) return std::nullopt;
    raised_at = i + some.size();
  }
  // Being an integer under d does not make a value one under a larger d.
  if (all_exact(v.first(raised_at), d, with)) return d;
  for (++d; d < kDecimals; ++d) {
    if (all_exact(v, d, with)) return d;
  }
  return std::nullopt;
}

std::optional<std::size_t> exact_other(std::span<const double> v, const Kernels& with) noexcept {
  for (std::size_t d = kDecimals; d < kDivisorCount; ++d) {
    if (exact(v[0], d) && all_exact(v, d, with)) return d;
  }
  return std::nullopt;
}

std::optional<std::size_t> decimal_with_exceptions(std::span<const double> v,
                                                   const Kernels& with) noexcept {
  std::size_t fewest = v.size() / 16 + 1;
  std::optional<std::size_t> best;
  for (std::size_t d = 0; d < kDecimals; ++d) {
    std::size_t bad = 0;
    for (std::size_t i = 0; i < v.size() && bad < fewest; i += kStride) {
      const std::size_t count = std::min(kStride, v.size() - i);
      bad += with.count_inexact(v.data() + i, count, kDivisors[d]);
    }
    if (bad >= fewest) continue;
    fewest = bad;
    best = d;
  }
  return best;
}

std::optional<std::size_t> near_divisor(std::span<const double> v) noexcept {
  constexpr std::size_t kNearDecimals = 10;
  const std::size_t limit = v.size() / 32;
  std::optional<std::size_t> with_exceptions;
  for (std::size_t d = 0; d < kDivisorCount; ++d) {
    if (d >= kNearDecimals && d < kDecimals) continue;
    std::size_t bad = 0;
    for (std::size_t i = 0; i < v.size() && bad <= limit; ++i) {
      const auto found = scaled(v[i], kDivisors[d]);
      bad += found && found->ulps >= -kMaxUlps && found->ulps <= kMaxUlps ? 0U : 1U;
    }
    if (bad == 0) return d;
    if (bad <= limit && !with_exceptions) with_exceptions = d;
  }
  return with_exceptions;
}

}  // namespace hygge::pack
