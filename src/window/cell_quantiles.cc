#include "window/cell_quantiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/assert.h"

namespace hygge::windows {

namespace {

// NaN sorts below everything.
bool below(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

// Samples by value. Counts are exact, so that samples may leave as they came; sums of counts are
// kept in a tree (Fenwick, 1994), so that a rank is found without going over all values.
class Ranks {
 public:
  explicit Ranks(const std::vector<double>& v) : sorted_(v) {
    std::sort(sorted_.begin(), sorted_.end(), below);
    const auto same = [](double a, double b) { return !below(a, b) && !below(b, a); };
    sorted_.erase(std::unique(sorted_.begin(), sorted_.end(), same), sorted_.end());
    counts_.resize(sorted_.size() + 1);
  }

  [[nodiscard]] std::size_t place_of(double v) const {
    const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), v, below);
    return static_cast<std::size_t>(at - sorted_.begin());
  }
  // `count` modulo 2^64: what was added can be taken away.
  void add(std::size_t place, std::uint64_t count) noexcept {
    total_ += count;
    for (std::size_t i = place + 1; i < counts_.size(); i += i & (0 - i)) counts_[i] += count;
  }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  // The value of the sample with `rank` less ones before it; rank < total.
  [[nodiscard]] double at(std::uint64_t rank) const noexcept {
    std::size_t place = 0;
    for (std::size_t step = std::bit_floor(sorted_.size()); step > 0; step /= 2) {
      if (place + step > sorted_.size() || counts_[place + step] > rank) continue;
      place += step;
      rank -= counts_[place];
    }
    return sorted_[place];
  }

 private:
  std::vector<double> sorted_;
  std::vector<std::uint64_t> counts_;  // counts_[i]: of the values (i − lowest bit of i, i]
  std::uint64_t total_ = 0;
};

// The samples of the cells [lo, hi).
class SlidingRanks {
 public:
  explicit SlidingRanks(const CellValues& values) : values_(values), ranks_(values.v) {
    places_.reserve(values.v.size());
    for (const double v : values.v) places_.push_back(ranks_.place_of(v));
    for (const double one : values.accuracy) worst_ = std::max(worst_, one);
  }

  // Never backwards.
  void move_to(std::size_t lo, std::size_t hi) {
    for (; lo_ < lo; ++lo_) {
      if (lo_ < hi_) add(lo_, 0 - std::uint64_t{1});
    }
    for (hi_ = std::max(hi_, lo_); hi_ < hi; ++hi_) add(hi_, 1);
  }
  [[nodiscard]] const Ranks& ranks() const noexcept { return ranks_; }
  [[nodiscard]] double accuracy() const noexcept { return sketched_ > 0 ? worst_ : 0; }

 private:
  void add(std::size_t cell, std::uint64_t sign) {
    for (std::size_t i = values_.begin_of(cell); i < values_.ends[cell]; ++i) {
      ranks_.add(places_[i], sign * values_.n[i]);
    }
    if (values_.accuracy[cell] > 0) sketched_ += sign;
  }

  const CellValues& values_;
  Ranks ranks_;
  std::vector<std::size_t> places_;  // of the entries
  double worst_ = 0;
  std::uint64_t sketched_ = 0;
  std::size_t lo_ = 0;
  std::size_t hi_ = 0;
};

struct Neighbours {
  double lower, above, weight;  // of the one above
};

// As quantile_of_sorted().
Neighbours neighbours(double q, const Ranks& ranks) {
  const double rank = q * (static_cast<double>(ranks.total()) - 1);
  const double floor = std::floor(rank);
  const auto at = static_cast<std::uint64_t>(floor);
  return {ranks.at(at), ranks.at(std::min(at + 1, ranks.total() - 1)), rank - floor};
}

double quantile(double q, const Neighbours& of) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(q)) return q;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  return of.lower * (1 - of.weight) + of.above * of.weight;
}

// A value is within α of itself, hence within α / (1 − α) of what stands for it; infinities and NaN
// stand for themselves.
double bound_of(double accuracy, const Neighbours& of) {
  const double share = accuracy / (1 - accuracy);
  const auto part = [&](double v, double weight) {
    return std::isfinite(v) ? share * std::fabs(v) * weight : 0;
  };
  return part(of.lower, 1 - of.weight) + part(of.above, of.weight);
}

}  // namespace

std::vector<QuantileBound> quantiles(const Spec& spec, std::span<const TimedCell> cells,
                                     const CellValues& values, std::span<const TimeMs> ends,
                                     const Steps& grid, DurationMs offset_ms, RowOut out) {
  HYGGE_ASSERT(spec.function == Function::quantile);
  HYGGE_ASSERT(values.size() == cells.size() && ends.size() == cells.size());
  std::vector<QuantileBound> bounds(grid.count());
  SlidingRanks sliding(values);
  const double q = spec.parameter;
  const bool inside = q >= 0 && q <= 1;  // not NaN either
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (std::size_t step = 0; step < bounds.size(); ++step) {
    const TimeMs end_ms = grid.at(step) - offset_ms;
    while (hi < cells.size() && ends[hi] <= end_ms) ++hi;
    while (lo < hi && cells[lo].start_ms < end_ms - spec.range_ms) ++lo;
    sliding.move_to(lo, hi);
    const Ranks& ranks = sliding.ranks();
    if (ranks.total() == 0) continue;
    const Neighbours of = inside ? neighbours(q, ranks) : Neighbours{0, 0, 0};
    out.set(step, quantile(q, of));
    if (inside) bounds[step] = {sliding.accuracy(), bound_of(sliding.accuracy(), of)};
  }
  return bounds;
}

}  // namespace hygge::windows
