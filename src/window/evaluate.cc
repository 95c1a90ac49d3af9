// Which algorithm for which function; and the functions that only look at a place in the window.
//
// Where a window is at most four steps long the function is computed anew for each; otherwise
// (window_bench: 200,000 samples, windows of 1 h every 15 s, CPU ms anew and as here, 2 cores of a
// virtual machine, g++ 12 -O3):
//
//   sum, avg         two stacks of compensated sums            48 → 1.2
//   stddev, stdvar   two stacks of (n, mean, M2)              203 → 3.4
//   min, max         a queue of candidates                    128 → 2.3
//   increase, rate   first, last and the resets between        14 → 0.8
//   quantile         a sorted array, one in, one out         1106 → 18
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

void places(const Input& in) {
  for_each_window(in, [&](const Slice& w) {
    if (w.empty()) return;
    switch (in.spec.function) {
      case Function::first:
        return in.out.set(w.step, in.v[w.lo]);
      case Function::count:
        return in.out.set(w.step, static_cast<double>(count_of(in, w)));
      case Function::present:
        return in.out.set(w.step, 1);
      case Function::first_time:
        return in.out.set(w.step, seconds(0, in.t[w.lo]));
      case Function::last_time:
        return in.out.set(w.step, seconds(0, in.t[w.hi - 1]));
      default:
        return in.out.set(w.step, in.v[w.hi - 1]);
    }
  });
}

}  // namespace

void RowOut::set_all(std::size_t from, std::span<const double> values) const noexcept {
  std::copy(values.begin(), values.end(), v.begin() + static_cast<std::ptrdiff_t>(from));
  const std::size_t until = from + values.size();
  for (std::size_t step = from; step < until; step = (step / 64 + 1) * 64) {
    const std::size_t end = std::min(until, (step / 64 + 1) * 64);
    const std::uint64_t bits = end - step == 64 ? ~0ULL : (1ULL << (end - step)) - 1;
    valid[step / 64] |= bits << (step % 64);
  }
}

DurationMs reach_ms(const Spec& spec) noexcept {
  const bool looks_back = spec.function == Function::increase || spec.function == Function::rate ||
                          spec.function == Function::delta;
  if (!looks_back) return spec.range_ms;
  DurationMs reach = 0;
  const bool over = __builtin_add_overflow(spec.range_ms, spec.lookback_ms, &reach);
  return over ? std::numeric_limits<DurationMs>::max() : reach;
}

bool ends_suffice(Function function) noexcept {
  switch (function) {
    case Function::last:
    case Function::first:
    case Function::count:
    case Function::present:
    case Function::min:
    case Function::max:
    case Function::resets:
    case Function::increase:
    case Function::rate:
    case Function::delta:
    case Function::prom_increase:
    case Function::prom_rate:
    case Function::prom_delta:
    case Function::first_time:
    case Function::last_time:
      return true;
    default:
      return false;
  }
}

void evaluate(const Spec& spec, std::span<const TimeMs> t, std::span<const double> v,
              const Steps& grid, DurationMs offset_ms, RowOut out,
              std::span<const std::uint64_t> ordinals) {
  HYGGE_ASSERT(t.size() == v.size());
  HYGGE_ASSERT(out.v.size() >= grid.count());
  HYGGE_ASSERT(out.valid.size() * 64 >= grid.count());
  HYGGE_ASSERT(spec.range_ms > 0);
  HYGGE_ASSERT(ordinals.empty() || (ordinals.size() == t.size() && ends_suffice(spec.function)));
  const Input in{spec, t, v, grid, offset_ms, out, ordinals};
  switch (spec.function) {
    case Function::last:
    case Function::first:
    case Function::count:
    case Function::present:
    case Function::first_time:
    case Function::last_time:
      return places(in);
    case Function::sum:
    case Function::avg:
      return sums(in);
    case Function::min:
    case Function::max:
    case Function::min_time:
    case Function::max_time:
      return extremes(in);
    case Function::stddev:
    case Function::stdvar:
      return spreads(in);
    case Function::quantile:
      return quantiles(in);
    case Function::changes:
    case Function::resets:
      return transitions(in);
    case Function::increase:
    case Function::rate:
      return exact_counts(in);
    case Function::delta:
      return exact_deltas(in);
    case Function::deriv:
    case Function::predict_linear:
      return regressions(in);
    case Function::irate:
    case Function::idelta:
      return last_pairs(in);
    case Function::prom_increase:
    case Function::prom_rate:
    case Function::prom_delta:
      return extrapolations(in);
    case Function::newest:
    case Function::newest_time:
      HYGGE_ASSERT(false);  // the markers have been taken out
      return;
  }
}

}  // namespace hygge::windows
