// What happens between samples: increases, deltas, changes, resets, and Prometheus' forms of them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "window/extrapolation.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

// The sum of the steps between the samples [lo, hi): last − first, corrected where a step is not
// the plain difference. Those places are found once per series, so that a window costs what it
// holds of them, and nothing is lost by adding up what cancels.
class StepSum {
 public:
  void correct(std::size_t at, double by) { corrections_.push_back({at, by}); }

  // `lo` must not fall from call to call.
  double of(std::span<const double> v, std::size_t lo, std::size_t hi) {
    while (next_ < corrections_.size() && corrections_[next_].at <= lo) ++next_;
    double sum = v[hi - 1] - v[lo];
    for (std::size_t i = next_; i < corrections_.size() && corrections_[i].at < hi; ++i) {
      sum += corrections_[i].by;
    }
    return sum;
  }

 private:
  struct Correction {
    std::size_t at;  ///< the step that leads to this sample
    double by;
  };
  std::vector<Correction> corrections_;
  std::size_t next_ = 0;
};

bool is_reset(std::span<const double> v, std::size_t i) { return v[i] < v[i - 1]; }

// Samples of which all are finite.
void count_finite(const Input& in) {
  StepSum steps;
  for (std::size_t i = 1; i < in.v.size(); ++i) {
    if (in.t[i] - in.t[i - 1] > in.spec.lookback_ms) {
      steps.correct(i, in.v[i - 1] - in.v[i]);  // too long ago: the step counts nothing
    } else if (is_reset(in.v, i)) {
      steps.correct(i, in.v[i - 1]);
    }
  }
  const double per = in.spec.function == Function::rate ? in.range_seconds() : 1;
  for_each_window(in, [&](const Slice& w) {
    if (w.empty()) return;
    in.out.set(w.step, steps.of(in.v, w.lo > 0 ? w.lo - 1 : 0, w.hi) / per);
  });
}

}  // namespace

void exact_counts(const Input& in) {
  const auto is_finite = [](double x) { return std::isfinite(x); };
  if (std::all_of(in.v.begin(), in.v.end(), is_finite)) return count_finite(in);
  // A count is a number: NaN and infinities are no samples of a counter.
  std::vector<TimeMs> t;
  std::vector<double> v;
  for (std::size_t i = 0; i < in.v.size(); ++i) {
    if (!is_finite(in.v[i])) continue;
    t.push_back(in.t[i]);
    v.push_back(in.v[i]);
  }
  count_finite({in.spec, t, v, in.grid, in.offset_ms, in.out});
}

void exact_deltas(const Input& in) {
  for_each_window(in, [&](const Slice& w) {
    if (w.empty()) return;
    const bool before = w.lo > 0 && in.t[w.lo] - in.t[w.lo - 1] <= in.spec.lookback_ms;
    in.out.set(w.step, in.v[w.hi - 1] - in.v[before ? w.lo - 1 : w.lo]);
  });
}

void transitions(const Input& in) {
  const bool resets = in.spec.function == Function::resets;
  // counts[i]: transitions between neighbours up to sample i.
  std::vector<std::uint64_t> counts(in.v.size());
  for (std::size_t i = 1; i < in.v.size(); ++i) {
    const bool one = resets ? is_reset(in.v, i) : is_change(in.v[i - 1], in.v[i]);
    counts[i] = counts[i - 1] + (one ? 1 : 0);
  }
  for_each_window(in, [&](const Slice& w) {
    if (!w.empty()) in.out.set(w.step, static_cast<double>(counts[w.hi - 1] - counts[w.lo]));
  });
}

void extrapolations(const Input& in) {
  const bool counter = in.spec.function != Function::prom_delta;
  const double per = in.spec.function == Function::prom_rate ? in.range_seconds() : 1;
  StepSum steps;
  if (counter) for_each_fall(in.v, [&](std::size_t i) { steps.correct(i, in.v[i - 1]); });
  ExtrapolatedRow row(in.out, counter, per);
  for_each_window(in, [&](const Slice& w) {
    if (w.size() < 2) return;
    const Sampled sampled{in.t[w.lo],
                          in.t[w.hi - 1],
                          in.v[w.lo],
                          count_of(in, w),
                          {w.end_ms - in.spec.range_ms, w.end_ms}};
    row.add(w.step, sampled, steps.of(in.v, w.lo, w.hi));
  });
}

void last_pairs(const Input& in) {
  const bool rate = in.spec.function == Function::irate;
  for_each_window(in, [&](const Slice& w) {
    if (w.size() < 2) return;
    const double before = in.v[w.hi - 2];
    const double last = in.v[w.hi - 1];
    if (!rate) return in.out.set(w.step, last - before);
    const double change = last < before ? last : last - before;
    in.out.set(w.step, change / seconds(in.t[w.hi - 2], in.t[w.hi - 1]));
  });
}

}  // namespace hygge::windows
