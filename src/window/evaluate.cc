// The algorithms. Where a window is at most four steps long the function is computed anew for each;
// otherwise (promql.md 5 measured them, 200,000 samples, 1 h windows every 15 s):
//
//   sum, avg         two stacks of compensated sums          130 → 1.3 ms
//   stddev           two stacks of (n, mean, M2), Chan's merge
//   min, max         a deque of candidates                    96 → 3.2
//   increase, rate   first, last and the resets between       38 → 0.9
//   quantile         a sorted array, one in, one out        1814 → 44
//
// Nothing is ever added and later subtracted: one NaN or infinity would stay for ever.
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <vector>

#include "base/assert.h"
#include "window/compensated.h"
#include "window/function.h"

namespace hygge::windows {

namespace {

constexpr double kMsPerSecond = 1e3;
constexpr std::size_t kRecomputeUpTo = 4;  // windows of up to this many steps

double seconds(TimeMs from_ms, TimeMs to_ms) {
  return static_cast<double>(to_ms - from_ms) / kMsPerSecond;
}

// The samples [lo, hi) of the window that ends at `end_ms`.
struct Window {
  std::size_t step;
  std::size_t lo;
  std::size_t hi;
  TimeMs end_ms;  ///< offset applied
  TimeMs at_ms;   ///< the step itself
};

struct Input {
  const Spec& spec;
  std::span<const TimeMs> t;
  std::span<const double> v;
  const Steps& grid;
  DurationMs offset_ms;
  RowOut out;
};

// Calls visit(window) for each step in order; both edges only ever move to the right.
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
    visit(Window{step, lo, hi, end_ms, at_ms});
  }
}

// The incremental mean, for sums that overflow.
double mean_of(std::span<const double> v) {
  CompensatedSum mean;
  double n = 0;
  for (const double x : v) {
    n += 1;
    if (std::isinf(mean.sum)) {
      // An infinity of the same sign, or anything finite, changes nothing.
      if (std::isinf(x) && (mean.sum > 0) == (x > 0)) continue;
      if (!std::isinf(x) && !std::isnan(x)) continue;
    }
    const double value = mean.sum + mean.lost;
    mean.add(x / n - value / n);
  }
  return mean.value();
}

double avg_of(const CompensatedSum& sum, std::span<const double> v) {
  const auto n = static_cast<double>(v.size());
  if (!std::isinf(sum.sum)) return sum.sum / n + sum.lost / n;
  return mean_of(v);
}

// Welford's mean and M2 (D. Knuth, TAOCP 2, 4.2.2), merged by Chan, Golub and LeVeque, 1979.
struct Spread {
  double n = 0;
  double mean = 0;
  double m2 = 0;

  void add(double x) noexcept {
    n += 1;
    const double before = x - mean;
    mean += before / n;
    m2 += before * (x - mean);
  }
  void add(const Spread& other) noexcept {
    if (other.n == 0) return;
    if (n == 0) {
      *this = other;
      return;
    }
    const double total = n + other.n;
    const double between = other.mean - mean;
    mean += between * other.n / total;
    m2 += other.m2 + between * between * n * other.n / total;
    n = total;
  }
};

// A queue with the aggregate of all it holds: two stacks, each entry the aggregate of those below
// it.
template <typename State>
class SlidingAggregate {
 public:
  explicit SlidingAggregate(std::span<const double> v) : v_(v) {}

  // Moves the window to [lo, hi), never backwards, and gives its aggregate.
  State move_to(std::size_t lo, std::size_t hi) {
    for (; hi_ < hi; ++hi_) back_.add(v_[hi_]);
    if (lo >= split_) {
      // The front stack is used up: everything left becomes the front.
      lo_ = lo;
      split_ = hi_;
      back_ = State();
      front_.resize(split_ - lo_);
      State state;
      for (std::size_t i = split_; i > lo_; --i) {
        state.add(v_[i - 1]);
        front_[i - 1 - lo_] = state;
      }
    }
    State all = lo < split_ ? front_[lo - lo_] : State();
    all.add(back_);
    return all;
  }

 private:
  std::span<const double> v_;
  std::vector<State> front_;  ///< front_[i]: of [lo_ + i, split_)
  State back_;                ///< of [split_, hi_)
  std::size_t lo_ = 0;
  std::size_t split_ = 0;
  std::size_t hi_ = 0;
};

bool overlaps_much(const Input& in) {
  if (in.grid.step_ms <= 0) return false;
  return in.spec.range_ms / in.grid.step_ms > static_cast<DurationMs>(kRecomputeUpTo);
}

void sums(const Input& in) {
  const bool avg = in.spec.function == Function::avg;
  const bool sliding = overlaps_much(in);
  SlidingAggregate<CompensatedSum> aggregate(in.v);
  for_each_window(in, [&](const Window& w) {
    if (w.lo == w.hi) return;
    const auto samples = in.v.subspan(w.lo, w.hi - w.lo);
    CompensatedSum sum;
    if (sliding) {
      sum = aggregate.move_to(w.lo, w.hi);
    } else {
      for (const double x : samples) sum.add(x);
    }
    in.out.set(w.step, avg ? avg_of(sum, samples) : sum.value());
  });
}

void spreads(const Input& in) {
  const bool root = in.spec.function == Function::stddev;
  const bool sliding = overlaps_much(in);
  SlidingAggregate<Spread> aggregate(in.v);
  for_each_window(in, [&](const Window& w) {
    if (w.lo == w.hi) return;
    Spread spread;
    if (sliding) {
      spread = aggregate.move_to(w.lo, w.hi);
    } else {
      for (std::size_t i = w.lo; i < w.hi; ++i) spread.add(in.v[i]);
    }
    const double variance = spread.m2 / spread.n;
    in.out.set(w.step, root ? std::sqrt(variance) : variance);
  });
}

void extremes(const Input& in) {
  const bool max = in.spec.function == Function::max;
  const auto better = [max](double a, double b) { return max ? a > b : a < b; };
  // Candidates that may still become the extreme, best first; never a NaN.
  std::deque<std::size_t> candidates;
  std::size_t seen = 0;
  for_each_window(in, [&](const Window& w) {
    for (; seen < w.hi; ++seen) {
      if (std::isnan(in.v[seen])) continue;
      while (!candidates.empty() && better(in.v[seen], in.v[candidates.back()])) {
        candidates.pop_back();
      }
      candidates.push_back(seen);
    }
    while (!candidates.empty() && candidates.front() < w.lo) candidates.pop_front();
    if (w.lo == w.hi) return;
    in.out.set(w.step, candidates.empty() ? in.v[w.lo] : in.v[candidates.front()]);
  });
}

// NaN sorts below everything, so that a window's values are an ordered array.
bool below(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

void quantiles(const Input& in) {
  std::vector<double> sorted;
  std::size_t lo = 0;
  std::size_t hi = 0;
  const bool sliding = overlaps_much(in);
  for_each_window(in, [&](const Window& w) {
    if (sliding) {
      for (; lo < w.lo && lo < hi; ++lo) {
        sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), in.v[lo], below));
      }
      lo = w.lo;
      hi = std::max(hi, lo);
      for (; hi < w.hi; ++hi) {
        sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), in.v[hi], below), in.v[hi]);
      }
    } else {
      sorted.assign(in.v.begin() + static_cast<std::ptrdiff_t>(w.lo),
                    in.v.begin() + static_cast<std::ptrdiff_t>(w.hi));
      std::sort(sorted.begin(), sorted.end(), below);
    }
    if (sorted.empty()) return;
    in.out.set(w.step, quantile_of_sorted(in.spec.parameter, sorted));
  });
}

bool is_change(double before, double after) {
  return before != after && !(std::isnan(before) && std::isnan(after));
}

void transitions(const Input& in) {
  const bool resets = in.spec.function == Function::resets;
  // counts[i]: transitions between neighbours up to sample i.
  std::vector<std::uint32_t> counts(in.t.size());
  for (std::size_t i = 1; i < in.t.size(); ++i) {
    const bool one = resets ? in.v[i] < in.v[i - 1] : is_change(in.v[i - 1], in.v[i]);
    counts[i] = counts[i - 1] + (one ? 1 : 0);
  }
  for_each_window(in, [&](const Window& w) {
    if (w.lo < w.hi) in.out.set(w.step, counts[w.hi - 1] - counts[w.lo]);
  });
}

// Where the value falls: sample i is the first after a reset.
std::vector<std::size_t> find_resets(std::span<const double> v) {
  std::vector<std::size_t> resets;
  for (std::size_t i = 1; i < v.size(); ++i) {
    if (v[i] < v[i - 1]) resets.push_back(i);
  }
  return resets;
}

// last − first of [lo, hi), plus the value before each reset inside.
class CounterSpan {
 public:
  explicit CounterSpan(std::span<const double> v) : v_(v), resets_(find_resets(v)) {}

  double increase(std::size_t lo, std::size_t hi) {
    while (next_ < resets_.size() && resets_[next_] <= lo) ++next_;
    double sum = v_[hi - 1] - v_[lo];
    for (std::size_t i = next_; i < resets_.size() && resets_[i] < hi; ++i) {
      sum += v_[resets_[i] - 1];
    }
    return sum;
  }

 private:
  std::span<const double> v_;
  std::vector<std::size_t> resets_;
  std::size_t next_ = 0;  ///< first reset that may lie in this window; windows only move right
};

// Exact increase: the sum of the steps that end in the window. A step longer than the lookback
// counts nothing, so the span splits there.
void exact_increases(const Input& in) {
  const bool rate = in.spec.function == Function::rate;
  const double per = rate ? static_cast<double>(in.spec.range_ms) / kMsPerSecond : 1;
  CounterSpan counter(in.v);
  std::vector<std::size_t> gaps;  // sample i comes too late after sample i − 1
  for (std::size_t i = 1; i < in.t.size(); ++i) {
    if (in.t[i] - in.t[i - 1] > in.spec.lookback_ms) gaps.push_back(i);
  }
  std::size_t next_gap = 0;
  for_each_window(in, [&](const Window& w) {
    if (w.lo == w.hi) return;
    std::size_t from = w.lo > 0 ? w.lo - 1 : 0;
    while (next_gap < gaps.size() && gaps[next_gap] <= from) ++next_gap;
    double sum = 0;
    for (std::size_t i = next_gap; i < gaps.size() && gaps[i] < w.hi; ++i) {
      sum += counter.increase(from, gaps[i]);
      from = gaps[i];
    }
    sum += counter.increase(from, w.hi);
    in.out.set(w.step, sum / per);
  });
}

void exact_deltas(const Input& in) {
  for_each_window(in, [&](const Window& w) {
    if (w.lo == w.hi) return;
    const bool before = w.lo > 0 && in.t[w.lo] - in.t[w.lo - 1] <= in.spec.lookback_ms;
    in.out.set(w.step, in.v[w.hi - 1] - in.v[before ? w.lo - 1 : w.lo]);
  });
}

// Prometheus' extrapolation to the window's edges (promql/functions.go, extrapolatedRate, described
// in its documentation of rate()): below 1.1 average gaps up to the edge, otherwise half a gap; a
// counter no further than to where its line meets zero.
double extrapolated(const Input& in, const Window& w, double sum, bool counter) {
  const TimeMs first_ms = in.t[w.lo];
  const TimeMs last_ms = in.t[w.hi - 1];
  const double sampled = seconds(first_ms, last_ms);
  const double gap = sampled / static_cast<double>(w.hi - w.lo - 1);
  const double threshold = gap * 1.1;
  double left = seconds(w.end_ms - in.spec.range_ms, first_ms);
  double right = seconds(last_ms, w.end_ms);
  if (left >= threshold) left = gap / 2;
  if (counter && sum > 0 && in.v[w.lo] >= 0) {
    left = std::min(left, sampled * (in.v[w.lo] / sum));
  }
  if (right >= threshold) right = gap / 2;
  double factor = (sampled + left + right) / sampled;
  if (in.spec.function == Function::prom_rate) {
    factor /= static_cast<double>(in.spec.range_ms) / kMsPerSecond;
  }
  return sum * factor;
}

void extrapolations(const Input& in) {
  const bool counter = in.spec.function != Function::prom_delta;
  CounterSpan spans(in.v);
  for_each_window(in, [&](const Window& w) {
    if (w.hi - w.lo < 2) return;
    const double sum = counter ? spans.increase(w.lo, w.hi) : in.v[w.hi - 1] - in.v[w.lo];
    in.out.set(w.step, extrapolated(in, w, sum, counter));
  });
}

struct Line {
  double slope;
  double intercept;
};

// Least squares with time counted from `origin_ms`, in seconds; a constant is exactly flat.
Line regression(const Input& in, const Window& w, TimeMs origin_ms) {
  CompensatedSum x_sum, y_sum, xy_sum, xx_sum;
  const double first = in.v[w.lo];
  bool constant = true;
  for (std::size_t i = w.lo; i < w.hi; ++i) {
    const double x = seconds(origin_ms, in.t[i]);
    const double y = in.v[i];
    constant = constant && y == first;
    x_sum.add(x);
    y_sum.add(y);
    xy_sum.add(x * y);
    xx_sum.add(x * x);
  }
  if (constant) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  }
  const auto n = static_cast<double>(w.hi - w.lo);
  const double sx = x_sum.sum + x_sum.lost;
  const double sy = y_sum.sum + y_sum.lost;
  const double covariance = xy_sum.sum + xy_sum.lost - sx * sy / n;
  const double variance = xx_sum.sum + xx_sum.lost - sx * sx / n;
  const double slope = covariance / variance;
  return {slope, sy / n - slope * sx / n};
}

void regressions(const Input& in) {
  const bool deriv = in.spec.function == Function::deriv;
  for_each_window(in, [&](const Window& w) {
    if (w.hi - w.lo < 2) return;
    const Line line = regression(in, w, deriv ? in.t[w.lo] : w.at_ms);
    in.out.set(w.step, deriv ? line.slope : line.slope * in.spec.parameter + line.intercept);
  });
}

void instants(const Input& in) {
  const bool rate = in.spec.function == Function::irate;
  for_each_window(in, [&](const Window& w) {
    if (w.hi - w.lo < 2) return;
    const double before = in.v[w.hi - 2];
    const double last = in.v[w.hi - 1];
    const double difference = rate && last < before ? last : last - before;
    const double over = rate ? seconds(in.t[w.hi - 2], in.t[w.hi - 1]) : 1;
    in.out.set(w.step, difference / over);
  });
}

void places(const Input& in) {
  for_each_window(in, [&](const Window& w) {
    if (w.lo == w.hi) return;
    switch (in.spec.function) {
      case Function::first:
        return in.out.set(w.step, in.v[w.lo]);
      case Function::count:
        return in.out.set(w.step, static_cast<double>(w.hi - w.lo));
      case Function::present:
        return in.out.set(w.step, 1);
      default:
        return in.out.set(w.step, in.v[w.hi - 1]);
    }
  });
}

}  // namespace

DurationMs reach_ms(const Spec& spec) noexcept {
  const bool looks_back = spec.function == Function::increase || spec.function == Function::rate ||
                          spec.function == Function::delta;
  return spec.range_ms + (looks_back ? spec.lookback_ms : 0);
}

double quantile_of_sorted(double q, std::span<const double> sorted) noexcept {
  HYGGE_ASSERT(!sorted.empty());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(q)) return q;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  const double rank = q * (static_cast<double>(sorted.size()) - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const auto at = static_cast<std::size_t>(lower);
  const std::size_t above = std::min(at + 1, sorted.size() - 1);
  const double weight = rank - std::floor(rank);
  return sorted[at] * (1 - weight) + sorted[above] * weight;
}

void evaluate(const Spec& spec, std::span<const TimeMs> t, std::span<const double> v,
              const Steps& grid, DurationMs offset_ms, RowOut out) {
  HYGGE_ASSERT(t.size() == v.size());
  HYGGE_ASSERT(out.v.size() >= grid.count());
  const Input in{spec, t, v, grid, offset_ms, out};
  switch (spec.function) {
    case Function::last:
    case Function::first:
    case Function::count:
    case Function::present:
      return places(in);
    case Function::sum:
    case Function::avg:
      return sums(in);
    case Function::min:
    case Function::max:
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
      return exact_increases(in);
    case Function::delta:
      return exact_deltas(in);
    case Function::deriv:
    case Function::predict_linear:
      return regressions(in);
    case Function::irate:
    case Function::idelta:
      return instants(in);
    case Function::prom_increase:
    case Function::prom_rate:
    case Function::prom_delta:
      return extrapolations(in);
  }
}

}  // namespace hygge::windows
