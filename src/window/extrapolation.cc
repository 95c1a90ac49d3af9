#include "window/extrapolation.h"

#include "window/families.h"

namespace hygge::windows {

// Written without branches, so that the compiler makes vectors of it. Neither it nor the wider
// instructions change a bit: nothing is fused or put in another order.
//
// kGap: some gap at an edge may reach the threshold; kToZero: some line may meet zero before its
// window begins.
template <bool kToZero, bool kGap>
[[gnu::always_inline]] inline void Extrapolations::compute(std::size_t count, double per) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const double sampled = sampled_[i] / kMsPerSecond;
    double left = left_[i] / kMsPerSecond;
    double right = right_[i] / kMsPerSecond;
    if constexpr (kGap) {
      const double gap = sampled / gaps_[i];
      const double threshold = gap * 1.1;
      const double half = gap / 2;
      left = left >= threshold ? half : left;
      right = right >= threshold ? half : right;
    }
    if constexpr (kToZero) {
      const double to_zero = sampled * (first_[i] / change_[i]);
      const double nearer = to_zero < left ? to_zero : left;
      const double from_zero = first_[i] >= 0 ? nearer : left;
      left = change_[i] > 0 ? from_zero : left;
    }
    out_[i] = (sampled + left + right) / sampled;
  }
  if (per != 1) {
    for (std::size_t i = 0; i < count; ++i) out_[i] /= per;
  }
  for (std::size_t i = 0; i < count; ++i) out_[i] *= change_[i];
}

// An edge within 1.09 average gaps is below the threshold of 1.1 whatever rounding does. Then the
// left one is less than 1.1 times the time from first to last sample, and a first value of 1.5
// times the change puts zero further away than that.
[[gnu::always_inline]] inline void Extrapolations::choose(std::size_t count, bool counter,
                                                          double per) noexcept {
  std::uint64_t wide = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double edge = left_[i] > right_[i] ? left_[i] : right_[i];
    wide |= edge * gaps_[i] < sampled_[i] * 1.09 ? 0U : 1U;
    const bool is_low = first_[i] < change_[i] * 1.5;
    low |= static_cast<std::uint64_t>(is_low & (change_[i] > 0) & (first_[i] >= 0));
  }
  if (counter && low != 0)
    return wide != 0 ? compute<true, true>(count, per) : compute<true, false>(count, per);
  wide != 0 ? compute<false, true>(count, per) : compute<false, false>(count, per);
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2")]] void Extrapolations::choose_wide(std::size_t count, bool counter,
                                                         double per) noexcept {
  choose(count, counter, per);
}
static bool has_wide() noexcept { return __builtin_cpu_supports("avx2") != 0; }
#else
void Extrapolations::choose_wide(std::size_t, bool, double) noexcept {}
static bool has_wide() noexcept { return false; }
#endif

void Extrapolations::run(bool counter, double per, Width width) noexcept {
  // Whole vectors: what stands behind the last window is computed too.
  constexpr std::size_t kLanes = 8;
  static_assert(kMost % kLanes == 0);
  const std::size_t count = (count_ + kLanes - 1) / kLanes * kLanes;
  for (std::size_t i = count_; i < count; ++i) {
    sampled_[i] = left_[i] = right_[i] = gaps_[i] = change_[i] = 1;
    first_[i] = 2;
  }
  static const bool kWide = has_wide();
  if (kWide && width == Width::widest) return choose_wide(count, counter, per);
  choose(count, counter, per);
}

}  // namespace hygge::windows
