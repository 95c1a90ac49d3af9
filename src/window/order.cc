// min, max, quantile: a queue of candidates, and values kept sorted.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

// The samples that may still become the extreme of a window, best first, later ones behind: a
// better newcomer outlives whatever it beats. Of equal values the first stays in front, or the last
// if `better` says that an equal one beats. `emit(window, sample)`; no sample: all are NaN.
template <typename Better, typename Emit>
void extremes_by(const Input& in, Better better, Emit emit) {
  // Each sample enters once: no entry is ever overwritten before it has left.
  std::vector<std::size_t> queue(in.v.size());
  std::size_t head = 0;
  std::size_t tail = 0;
  std::size_t seen = 0;
  for_each_window(in, [&](const Slice& w) {
    for (; seen < w.hi; ++seen) {
      const double x = in.v[seen];
      if (std::isnan(x)) continue;
      while (tail > head && better(x, in.v[queue[tail - 1]])) --tail;
      queue[tail++] = seen;
    }
    while (head < tail && queue[head] < w.lo) ++head;
    if (w.empty()) return;
    emit(w, head < tail ? std::optional(queue[head]) : std::nullopt);
  });
}

template <typename Better>
void extreme_values(const Input& in, Better better) {
  extremes_by(in, better, [&](const Slice& w, std::optional<std::size_t> sample) {
    in.out.set(w.step, in.v[sample.value_or(w.lo)]);
  });
}

template <typename Better>
void extreme_times(const Input& in, Better better) {
  extremes_by(in, better, [&](const Slice& w, std::optional<std::size_t> sample) {
    in.out.set(w.step, seconds(0, in.t[sample.value_or(w.hi - 1)]));
  });
}

// NaN sorts below everything, so that a window's values are an ordered array.
bool below(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

}  // namespace

void extremes(const Input& in) {
  switch (in.spec.function) {
    case Function::max:
      return extreme_values(in, [](double a, double b) { return a > b; });
    case Function::max_time:
      return extreme_times(in, [](double a, double b) { return a >= b; });
    case Function::min_time:
      return extreme_times(in, [](double a, double b) { return a <= b; });
    default:
      return extreme_values(in, [](double a, double b) { return a < b; });
  }
}

void quantiles(const Input& in) {
  std::vector<double> sorted;
  std::size_t lo = 0;  // `sorted` holds [lo, hi)
  std::size_t hi = 0;
  const bool sliding = overlaps_much(in);
  for_each_window(in, [&](const Slice& w) {
    if (sliding && w.lo < hi) {
      for (; lo < w.lo; ++lo) {
        sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), in.v[lo], below));
      }
      for (; hi < w.hi; ++hi) {
        sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), in.v[hi], below), in.v[hi]);
      }
    } else {
      lo = w.lo;
      hi = w.hi;
      sorted.assign(in.v.begin() + static_cast<std::ptrdiff_t>(lo),
                    in.v.begin() + static_cast<std::ptrdiff_t>(hi));
      std::sort(sorted.begin(), sorted.end(), below);
    }
    if (!sorted.empty()) in.out.set(w.step, quantile_of_sorted(in.spec.parameter, sorted));
  });
}

double quantile_of_sorted(double q, std::span<const double> sorted) noexcept {
  HYGGE_ASSERT(!sorted.empty());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(q)) return q;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  const double rank = q * (static_cast<double>(sorted.size()) - 1);
  const double lower = std::floor(rank);
  const auto at = static_cast<std::size_t>(lower);
  const std::size_t above = std::min(at + 1, sorted.size() - 1);
  const double weight = rank - lower;
  return sorted[at] * (1 - weight) + sorted[above] * weight;
}

}  // namespace hygge::windows
