// Compensated sums (Neumaier's variant of Kahan's; A. Neumaier, ZAMM 54, 1974), as Prometheus adds.
#pragma once

#include <cmath>

namespace hygge::windows {

struct CompensatedSum {
  double sum = 0;
  double lost = 0;  ///< what rounding took

  void add(double x) noexcept {
    const double total = sum + x;
    if (std::isinf(total)) {
      lost = 0;
    } else if (std::fabs(sum) >= std::fabs(x)) {
      lost += (sum - total) + x;
    } else {
      lost += (x - total) + sum;
    }
    sum = total;
  }
  void add(const CompensatedSum& other) noexcept {
    add(other.sum);
    if (!std::isinf(sum)) lost += other.lost;
  }
  [[nodiscard]] double value() const noexcept { return std::isinf(sum) ? sum : sum + lost; }
};

}  // namespace hygge::windows
