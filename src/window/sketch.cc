#include "window/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/assert.h"

namespace hygge::windows {

namespace {

constexpr std::uint64_t kSign = 1ULL << 63U;
constexpr unsigned kFractionBits = 52;
constexpr std::uint64_t kFraction = (1ULL << kFractionBits) - 1;
constexpr std::uint64_t kInfinity = 0x7ffULL << kFractionBits;
constexpr std::uint64_t kOne = 0x3ffULL << kFractionBits;

// The largest double of which the power is not above 2.
double root_of_two(std::int32_t power) {
  double least = 1;
  double above = 2.5;
  for (;;) {
    const double middle = least + (above - least) / 2;
    if (middle == least || middle == above) return least;
    double product = 1;
    for (std::int32_t i = 0; i < power; ++i) product *= middle;
    (product <= 2 ? least : above) = middle;
  }
}

}  // namespace

// False: the buckets are too wide.
bool SketchScale::try_buckets(std::int32_t per_binade, double accuracy) {
  per_binade_ = per_binade;
  const double root = root_of_two(per_binade);
  begins_.assign(1, 1);
  middles_.clear();
  for (std::int32_t k = 1; k <= per_binade; ++k) {
    const double begin = begins_.back();
    const double end = k == per_binade ? 2 : begin * root;
    if ((end - begin) / (end + begin) > accuracy) return false;
    begins_.push_back(end);
    middles_.push_back(2 * begin * end / (begin + end));  // equally far, in shares, from both ends
  }
  return true;
}

SketchScale::SketchScale(std::uint32_t accuracy_ppm) : accuracy_ppm_(accuracy_ppm) {
  HYGGE_ASSERT(accuracy_ppm >= kMinSketchPpm && accuracy_ppm <= kMaxSketchPpm);
  // A little is left for the rounding of middles.
  const double accuracy = static_cast<double>(accuracy_ppm) / 1e6 * (1 - 1e-12);
  // ln(2) / ln((1 + α) / (1 − α)) of them are needed, a little less than ln(2) / 2α.
  std::int32_t fewest = static_cast<std::int32_t>(0.34658 / accuracy) + 1;
  while (fewest > 1 && try_buckets(fewest - 1, accuracy)) --fewest;
  const bool enough = try_buckets(fewest, accuracy);
  HYGGE_ASSERT(enough);
  static_cast<void>(enough);
  std::int32_t k = 0;
  for (std::uint64_t slot = 0; slot < (1U << kSlotBits); ++slot) {
    const auto least = std::bit_cast<double>(kOne | slot << (kFractionBits - kSlotBits));
    while (least >= begins_[static_cast<std::size_t>(k) + 1]) ++k;
    by_top_.push_back(k);
  }
}

SketchKey SketchScale::key_of(double v) const noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  const std::uint64_t size = bits & ~kSign;
  SketchKey key = 0;
  if (size >= kInfinity) {
    if (size > kInfinity) return nan_key();
    key = infinity_key();
  } else if (size > kFraction) {
    const std::uint64_t fraction = size & kFraction;
    const auto scaled = std::bit_cast<double>(kOne | fraction);
    auto k = static_cast<std::size_t>(by_top_[fraction >> (kFractionBits - kSlotBits)]);
    while (scaled >= begins_[k + 1]) ++k;
    const auto binade = static_cast<std::int32_t>(size >> kFractionBits) - 1;
    key = 1 + binade * per_binade_ + static_cast<std::int32_t>(k);
  }
  return (bits & kSign) != 0 ? -key : key;
}

double SketchScale::value_of(SketchKey key) const noexcept {
  HYGGE_ASSERT(is_key(key));
  if (key == 0) return 0;
  if (key == nan_key()) return std::numeric_limits<double>::quiet_NaN();
  const SketchKey size = std::abs(key);
  const double sign = key < 0 ? -1 : 1;
  if (size == infinity_key()) return sign * std::numeric_limits<double>::infinity();
  const std::int32_t binade = (size - 1) / per_binade_;
  const auto k = static_cast<std::size_t>((size - 1) % per_binade_);
  return sign * std::ldexp(middles_[k], binade + std::numeric_limits<double>::min_exponent - 1);
}

const SketchScale& SketchScales::of(std::uint32_t accuracy_ppm) {
  if (!scale_ || scale_->accuracy_ppm() != accuracy_ppm) scale_.emplace(accuracy_ppm);
  return *scale_;
}

void CellSketches::push_back(const CellSketches& from, std::size_t cell) {
  for (std::size_t i = from.begin_of(cell); i < from.ends[cell]; ++i) {
    keys.push_back(from.keys[i]);
    counts.push_back(from.counts[i]);
  }
  ends.push_back(keys.size());
}

void SketchBuilder::add(SketchKey key, std::uint64_t count) {
  if (!pending_.empty() && pending_.back().key == key) {
    pending_.back().count += count;
  } else {
    pending_.push_back({key, count});
  }
}

// What is pending becomes a cell's sketch. Many keys that lie near each other are counted in a
// table, others sorted.
void SketchBuilder::close(CellSketches& out) {
  constexpr std::int64_t kSlotsPerKey = 8;
  if (pending_.empty()) {
    out.ends.push_back(out.keys.size());
    return;
  }
  const auto [least, most] =
      std::minmax_element(pending_.begin(), pending_.end(),
                          [](const Bucket& a, const Bucket& b) { return a.key < b.key; });
  const std::int64_t first = least->key;
  const std::int64_t span = most->key - first + 1;
  if (span <= kSlotsPerKey * static_cast<std::int64_t>(pending_.size())) {
    tally_.assign(static_cast<std::size_t>(span), 0);
    for (const Bucket& one : pending_) {
      tally_[static_cast<std::size_t>(one.key - first)] += one.count;
    }
    for (std::size_t i = 0; i < tally_.size(); ++i) {
      if (tally_[i] == 0) continue;
      out.keys.push_back(static_cast<SketchKey>(first + static_cast<std::int64_t>(i)));
      out.counts.push_back(tally_[i]);
    }
  } else {
    std::sort(pending_.begin(), pending_.end(),
              [](const Bucket& a, const Bucket& b) { return a.key < b.key; });
    const std::size_t begin = out.keys.size();
    for (const Bucket& one : pending_) {
      if (out.keys.size() > begin && out.keys.back() == one.key) {
        out.counts.back() += one.count;
      } else {
        out.keys.push_back(one.key);
        out.counts.push_back(one.count);
      }
    }
  }
  pending_.clear();
  out.ends.push_back(out.keys.size());
}

void SketchBuilder::build(std::span<const TimeMs> t, std::span<const double> v,
                          std::span<const TimedCell> cells, DurationMs resolution_ms,
                          const SketchScale& scale, CellSketches& out) {
  HYGGE_ASSERT(t.size() == v.size());
  out.clear();
  out.accuracy_ppm = scale.accuracy_ppm();
  std::size_t i = 0;
  for (const TimedCell& one : cells) {
    for (; i < t.size() && t[i] - one.start_ms <= resolution_ms; ++i) {
      HYGGE_ASSERT(t[i] > one.start_ms);
      if (!is_stale(v[i])) add(scale.key_of(v[i]), 1);
    }
    close(out);
  }
  HYGGE_ASSERT(i == t.size());
}

void SketchBuilder::coarser(std::span<const TimedCell> finer, const CellSketches& of_finer,
                            std::span<const TimedCell> cells, DurationMs resolution_ms,
                            CellSketches& out) {
  HYGGE_ASSERT(of_finer.ends.size() == finer.size());
  out.clear();
  out.accuracy_ppm = of_finer.accuracy_ppm;
  std::size_t i = 0;
  for (const TimedCell& one : cells) {
    for (; i < finer.size() && finer[i].start_ms - one.start_ms < resolution_ms; ++i) {
      for (std::size_t b = of_finer.begin_of(i); b < of_finer.ends[i]; ++b) {
        add(of_finer.keys[b], of_finer.counts[b]);
      }
    }
    close(out);
  }
  HYGGE_ASSERT(i == finer.size());
}

namespace {

// One of the samples in the lowest bucket that are numbers is the least of the cell, and one in the
// highest the greatest.
void append_buckets(const Cell& cell, const CellSketches& sketches, std::size_t begin,
                    std::size_t end, const SketchScale& scale, CellValues& out) {
  if (begin < end && sketches.keys[begin] == scale.nan_key()) {
    out.add(scale.value_of(scale.nan_key()), sketches.counts[begin]);
    ++begin;
  }
  if (begin < end && cell.min != cell.max) {
    out.accuracy.back() = static_cast<double>(sketches.accuracy_ppm) / 1e6;
  }
  for (std::size_t i = begin; i < end; ++i) {
    std::uint64_t between = sketches.counts[i];
    const auto take = [&](bool yes, double v) {
      if (!yes || between == 0) return;
      out.add(v, 1);
      --between;
    };
    take(i == begin, cell.min);
    take(i + 1 == end, cell.max);
    const double middle = scale.value_of(sketches.keys[i]);
    if (between > 0) out.add(std::min(std::max(middle, cell.min), cell.max), between);
  }
}

}  // namespace

void append_values(std::span<const TimedCell> cells, const CellSketches& sketches,
                   const SketchScale& scale, CellValues& out) {
  HYGGE_ASSERT(sketches.ends.size() == cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out.resize(out.size() + 1);
    const Cell& cell = cells[i].cell;
    if (cell.n > kSamplesInCell) {
      append_buckets(cell, sketches, sketches.begin_of(i), sketches.ends[i], scale, out);
      continue;
    }
    if (cell.n > 0) out.add(cell.v_last, 1);
    if (cell.n > 1) out.add(cell.v_first, 1);
    if (cell.n > 2) out.add(cell.v_before_last, 1);
  }
}

void add_to_values(std::span<const TimeMs> t, std::span<const double> v, DurationMs resolution_ms,
                   std::span<const TimedCell> cells, CellValues& out) {
  std::size_t at = out.size() == 0 ? 0 : out.size() - 1;
  for (std::size_t i = 0; i < t.size(); ++i) {
    while (t[i] - cells[at].start_ms > resolution_ms) ++at;
    if (out.size() <= at) out.resize(at + 1);
    if (!is_stale(v[i])) out.add(v[i], 1);
  }
}

}  // namespace hygge::windows
