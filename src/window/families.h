// What the families of window functions share: the input, and the walk over its windows.
// evaluate.cc chooses the family.
#pragma once

#include <hygge/time.h>

#include <cmath>
#include <cstddef>
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

/// Calls visit(slice) for each step in order; both edges only ever move to the right.
template <typename Visit>
void for_each_window(const Input& in, Visit&& visit) {
  std::size_t lo = 0;
  std::size_t hi = 0;
  const std::size_t steps = in.grid.count();
  for (std::size_t step = 0; step < steps; ++step) {
    const TimeMs at_ms = in.grid.at(step);
    const TimeMs end_ms = at_ms - in.offset_ms;
    while (hi < in.t.size() && in.t[hi] <= end_ms) ++hi;
    while (lo < hi && in.t[lo] <= end_ms - in.spec.range_ms) ++lo;
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
