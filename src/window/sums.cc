// sum, avg, stddev, stdvar: state that adds up, over two stacks where windows overlap much. Nothing
// is ever added and later subtracted: one NaN or infinity would stay for ever.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "window/compensated.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

// A queue with the aggregate of all it holds: two stacks, each entry the aggregate of those below.
template <typename State>
class SlidingAggregate {
 public:
  explicit SlidingAggregate(std::span<const double> v) : v_(v) {}

  // Moves the window to [lo, hi), never backwards, and gives its aggregate.
  State move_to(std::size_t lo, std::size_t hi) {
    for (; hi_ < hi; ++hi_) back_.add(v_[hi_]);
    if (lo >= split_) turn_over(lo);
    if (lo >= split_) return State();
    State all = front_[lo - front_begin_];
    all.add(back_);
    return all;
  }

 private:
  // The front stack is used up: everything left becomes the front.
  void turn_over(std::size_t lo) {
    front_begin_ = lo;
    split_ = hi_;
    back_ = State();
    front_.resize(split_ - lo);
    State state;
    for (std::size_t i = split_; i > lo; --i) {
      state.add(v_[i - 1]);
      front_[i - 1 - lo] = state;
    }
  }

  std::span<const double> v_;
  std::vector<State> front_;  ///< front_[i]: of [front_begin_ + i, split_)
  State back_;                ///< of [split_, hi_)
  std::size_t front_begin_ = 0;
  std::size_t split_ = 0;
  std::size_t hi_ = 0;
};

// Sums that may overflow on their way depend on the order of addition: such rows are added up from
// left to right, as Prometheus does.
bool may_exceed(std::span<const double> v, double limit) {
  double largest = 0;
  for (const double x : v) {
    const double size = std::fabs(x);
    if (size > largest && size <= std::numeric_limits<double>::max()) largest = size;
  }
  return largest > limit;
}

bool sum_may_overflow(std::span<const double> v) {
  constexpr double kMax = std::numeric_limits<double>::max();
  return may_exceed(v, kMax / 2 / static_cast<double>(v.size() + 1));
}

bool square_may_overflow(std::span<const double> v) {
  constexpr double kRootOfMax = 1e154;
  return may_exceed(v, kRootOfMax / 4 / static_cast<double>(v.size() + 1));
}

CompensatedSum sum_of(std::span<const double> v) {
  CompensatedSum sum;
  for (const double x : v) sum.add(x);
  return sum;
}

double mean_of_sum(const CompensatedSum& sum, std::size_t count) {
  const auto n = static_cast<double>(count);
  return std::isinf(sum.sum) ? sum.sum : sum.sum / n + sum.lost / n;
}

// The sum over n, until the sum overflows: then a mean that takes in one value after the other.
double mean_of(std::span<const double> v) {
  CompensatedSum sum;
  std::size_t i = 0;
  for (; i < v.size(); ++i) {
    CompensatedSum next = sum;
    next.add(v[i]);
    if (i > 0 && std::isinf(next.sum)) break;
    sum = next;
  }
  if (i == v.size()) return mean_of_sum(sum, i);
  const auto before = static_cast<double>(i);
  CompensatedSum mean{sum.sum / before, sum.lost / before};
  for (; i < v.size(); ++i) {
    const auto n = static_cast<double>(i + 1);
    const double share = (n - 1) / n;
    mean = {share * mean.sum, share * mean.lost};
    mean.add(v[i] / n);
  }
  return mean.value();
}

// Welford's mean and M2 (D. Knuth, TAOCP 2, 4.2.2), both compensated as in Prometheus; merged by
// Chan, Golub and LeVeque, 1979.
struct Spread {
  double n = 0;
  CompensatedSum mean;
  CompensatedSum m2;

  void add(double x) noexcept {
    n += 1;
    const double before = x - mean.value();
    mean.add(before / n);
    m2.add(before * (x - mean.value()));
  }
  void add(const Spread& other) noexcept {
    if (other.n == 0) return;
    if (n == 0) {
      *this = other;
      return;
    }
    const double total = n + other.n;
    const double between = (other.mean.sum - mean.sum) + (other.mean.lost - mean.lost);
    mean.add(between * (other.n / total));
    m2.add(other.m2);
    m2.add(between * between * (n * other.n / total));
    n = total;
  }
  [[nodiscard]] double variance() const noexcept { return m2.value() / n; }
};

}  // namespace

void sums(const Input& in) {
  const bool avg = in.spec.function == Function::avg;
  if (overlaps_much(in) && !sum_may_overflow(in.v)) {
    SlidingAggregate<CompensatedSum> aggregate(in.v);
    return for_each_window(in, [&](const Slice& w) {
      if (w.empty()) return;
      const CompensatedSum sum = aggregate.move_to(w.lo, w.hi);
      in.out.set(w.step, avg ? mean_of_sum(sum, w.size()) : sum.value());
    });
  }
  for_each_window(in, [&](const Slice& w) {
    if (w.empty()) return;
    const auto samples = in.v.subspan(w.lo, w.size());
    in.out.set(w.step, avg ? mean_of(samples) : sum_of(samples).value());
  });
}

void spreads(const Input& in) {
  const bool root = in.spec.function == Function::stddev;
  const auto set = [&](const Slice& w, const Spread& spread) {
    in.out.set(w.step, root ? std::sqrt(spread.variance()) : spread.variance());
  };
  if (overlaps_much(in) && !square_may_overflow(in.v)) {
    SlidingAggregate<Spread> aggregate(in.v);
    return for_each_window(in, [&](const Slice& w) {
      if (!w.empty()) set(w, aggregate.move_to(w.lo, w.hi));
    });
  }
  for_each_window(in, [&](const Slice& w) {
    if (w.empty()) return;
    Spread spread;
    for (std::size_t i = w.lo; i < w.hi; ++i) spread.add(in.v[i]);
    set(w, spread);
  });
}

}  // namespace hygge::windows
