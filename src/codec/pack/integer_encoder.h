// Chooses how a block of integers is packed, and packs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/pack/kernels.h"

namespace hygge::pack {

/// Memory of one block at a time.
class IntegerEncoder {
 public:
  explicit IntegerEncoder(const Kernels& with) : with_(&with) {}

  /// Decides: of the four predictors the one that takes the fewest bytes, of equals the first.
  /// Returns the bytes of the whole block. O(n).
  std::size_t plan(std::span<const std::int64_t> q);
  /// Writes the block planned last. Returns its end; kWriteSlackBytes behind it are touched.
  std::uint8_t* write(std::uint8_t* at) const noexcept;

 private:
  struct Choice {
    IntegerRule rule;
    std::size_t bytes = 0;  // of base, low and groups
    bool all_zero = false;
    std::vector<std::uint64_t> residuals;
    std::vector<std::uint8_t> widths;
  };
  void reserve(std::size_t n);
  void measure(Choice& choice);
  [[nodiscard]] static bool cannot_be_less(const Choice& choice) noexcept;
  [[nodiscard]] std::int64_t middle_step(std::size_t count);

  const Kernels* with_;
  std::size_t n_ = 0;
  std::vector<std::int64_t> x_;      // distances from the first, shifted
  std::vector<std::int64_t> steps_;  // x[i+1] − x[i]
  std::vector<std::int64_t> sorted_;
  Choice best_;
  Choice other_;
};

}  // namespace hygge::pack
