// What the families of window functions share: the input, and the walk over its windows.
// evaluate.cc chooses the family.
#pragma once

#include <hygge/time.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "window/function.h"

namespace hygge::windows {

inline constexpr double kMsPerSecond = 1e3;

[[nodiscard]] inline double seconds(TimeMs from_ms, TimeMs to_ms) noexcept {
  return static_cast<double>(to_ms - from_ms) / kMsPerSecond;
}

struct Input {
  const Spec& spec;
  std::span<const TimeMs> t;
  std::span<const double> v;
  const Steps& grid;
  DurationMs offset_ms;
  RowOut out;
  std::span<const std::uint64_t> ordinals = {};  ///< see evaluate(); empty: 0, 1, 2, …

  [[nodiscard]] double range_seconds() const noexcept {
    return static_cast<double>(spec.range_ms) / kMsPerSecond;
  }
};

/// The window of one step: the samples [lo, hi).
struct Slice {
  std::size_t step;
  std::size_t lo;
  std::size_t hi;
  TimeMs end_ms;  ///< of the window, offset applied
  TimeMs at_ms;   ///< of the step itself

  [[nodiscard]] bool empty() const noexcept { return lo == hi; }
  [[nodiscard]] std::size_t size() const noexcept { return hi - lo; }
};

/// The samples that a window holds, those that were left out too. Not of an empty one.
[[nodiscard]] inline std::size_t count_of(const Input& in, const Slice& w) noexcept {
  if (in.ordinals.empty()) return w.size();
  return static_cast<std::size_t>(in.ordinals[w.hi - 1] - in.ordinals[w.lo]) + 1;
}

/// The first sample from `from` on that is later than `t_ms`. It is a few further where steps are
/// close to each other; in strides that double it is found as fast where a step passes many.
[[nodiscard]] inline std::size_t first_later(std::span<const TimeMs> t, std::size_t from,
                                             TimeMs t_ms) noexcept {
  constexpr std::size_t kNear = 16;
  const std::size_t near = std::min(t.size(), from + kNear);
  while (from < near && t[from] <= t_ms) ++from;
  if (from < near || from == t.size()) return from;
  std::size_t stride = kNear;
  for (; stride < t.size() - from && t[from + stride] <= t_ms; stride *= 2) from += stride;
  const auto begin = t.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(stride, t.size() - from));
  return static_cast<std::size_t>(std::upper_bound(begin, end, t_ms) - t.begin());
}

/// Calls visit(i) for each sample that is less than the one before. Where none of many is, signs
/// tell so without a comparison a sample.
template <typename Visit>
void for_each_fall(std::span<const double> v, Visit&& visit) {
  constexpr std::size_t kBlock = 64;
  for (std::size_t from = 1; from < v.size(); from += kBlock) {
    const std::size_t until = std::min(from + kBlock, v.size());
    std::uint64_t signs = 0;
    for (std::size_t i = from; i < until; ++i)
      signs |= std::bit_cast<std::uint64_t>(v[i] - v[i - 1]);
    if ((signs >> 63U) == 0) continue;
    for (std::size_t i = from; i < until; ++i) {
      if (v[i] < v[i - 1]) visit(i);
    }
  }
}

/// Calls visit(slice) for each step in order; both edges only ever move to the right.
template <typename Visit>
void for_each_window(const Input& in, Visit&& visit) {
  std::size_t lo = 0;
  std::size_t hi = 0;
  const std::size_t steps = in.grid.count();
  for (std::size_t step = 0; step < steps; ++step) {
    const TimeMs at_ms = in.grid.at(step);
    const TimeMs end_ms = at_ms - in.offset_ms;
    hi = first_later(in.t, hi, end_ms);
    lo = first_later(in.t.first(hi), lo, end_ms - in.spec.range_ms);
    visit(Slice{step, lo, hi, end_ms, at_ms});
  }
}

/// Whether state that slides along pays: up to four steps per window, computing anew is as fast.
[[nodiscard]] inline bool overlaps_much(const Input& in) noexcept {
  constexpr DurationMs kRecomputeUpTo = 4;
  return in.grid.step_ms > 0 && in.spec.range_ms / in.grid.step_ms > kRecomputeUpTo;
}

/// Two samples of the same value, NaN being one, are no change.
[[nodiscard]] inline bool is_change(double before, double after) noexcept {
  return before != after && !(std::isnan(before) && std::isnan(after));
}

// One function per family; each fills in.out.
void sums(const Input& in);            // sum avg
void spreads(const Input& in);         // stddev stdvar
void extremes(const Input& in);        // min max min_time max_time
void quantiles(const Input& in);       // quantile
void transitions(const Input& in);     // changes resets
void exact_counts(const Input& in);    // increase rate
void exact_deltas(const Input& in);    // delta
void extrapolations(const Input& in);  // prom_increase prom_rate prom_delta
void last_pairs(const Input& in);      // irate idelta
void regressions(const Input& in);     // deriv predict_linear

}  // namespace hygge::windows
