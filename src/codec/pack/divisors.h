// Which divisor turns a run of doubles into integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "codec/pack/kernels.h"

namespace hygge::pack {

/// v · D rounded to the nearest integer, and how far the integer's quotient lies from v; none if
/// that is out of reach.
struct Scaled {
  std::int64_t q = 0;
  std::int64_t ulps = 0;  ///< bits(v) − bits(double(q) / D)
};
[[nodiscard]] std::optional<Scaled> scaled(double v, double divisor) noexcept;

/// The smallest power of ten, by its index, under which all of v are integers bit for bit.
[[nodiscard]] std::optional<std::size_t> exact_decimal(std::span<const double> v,
                                                       const Kernels& with) noexcept;
/// The first of the other divisors that does the same.
[[nodiscard]] std::optional<std::size_t> exact_other(std::span<const double> v,
                                                     const Kernels& with) noexcept;
/// The power of ten with the fewest values that are none, if these are at most n / 16.
[[nodiscard]] std::optional<std::size_t> decimal_with_exceptions(std::span<const double> v,
                                                                 const Kernels& with) noexcept;
/// The first of 10^0 … 10^9 and the others under which all of v are integers but for their last
/// bits; else the first that leaves at most n / 32.
[[nodiscard]] std::optional<std::size_t> near_divisor(std::span<const double> v) noexcept;

}  // namespace hygge::pack
