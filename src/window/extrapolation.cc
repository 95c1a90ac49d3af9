#include "window/extrapolation.h"

#include "window/families.h"

namespace hygge::windows {

// Written without branches, so that the compiler makes vectors of it. Neither it nor the wider
// instructions change a bit: nothing is fused or put in another order.
template <bool kCounter>
[[gnu::always_inline]] inline void Extrapolations::compute(std::size_t count, double per) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const double sampled = sampled_[i] / kMsPerSecond;
    const double gap = sampled / gaps_[i];
    const double threshold = gap * 1.1;
    const double half = gap / 2;
    double left = left_[i] / kMsPerSecond;
    double right = right_[i] / kMsPerSecond;
    left = left >= threshold ? half : left;
    if constexpr (kCounter) {
      const double to_zero = sampled * (first_[i] / change_[i]);
      const double nearer = to_zero < left ? to_zero : left;
      const double from_zero = first_[i] >= 0 ? nearer : left;
      left = change_[i] > 0 ? from_zero : left;
    }
    right = right >= threshold ? half : right;
    out_[i] = change_[i] * ((sampled + left + right) / sampled / per);
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2")]] void Extrapolations::compute_wide(std::size_t count, bool counter,
                                                          double per) noexcept {
  counter ? compute<true>(count, per) : compute<false>(count, per);
}
static bool has_wide() noexcept { return __builtin_cpu_supports("avx2") != 0; }
#else
void Extrapolations::compute_wide(std::size_t, bool, double) noexcept {}
static bool has_wide() noexcept { return false; }
#endif

void Extrapolations::run(bool counter, double per, Width width) noexcept {
  // Whole vectors: what stands behind the last window is computed too.
  constexpr std::size_t kLanes = 8;
  static_assert(kMost % kLanes == 0);
  const std::size_t count = (count_ + kLanes - 1) / kLanes * kLanes;
  for (std::size_t i = count_; i < count; ++i) {
    sampled_[i] = left_[i] = right_[i] = gaps_[i] = first_[i] = change_[i] = 1;
  }
  static const bool kWide = has_wide();
  if (kWide && width == Width::widest) return compute_wide(count, counter, per);
  counter ? compute<true>(count, per) : compute<false>(count, per);
}

}  // namespace hygge::windows
