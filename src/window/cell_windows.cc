#include "window/cell_windows.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "window/cell_functions.h"

namespace hygge::windows {

namespace {

struct Merging {
  DurationMs lookback_ms;
  CellParts parts;

  void add(Cell& into, const Cell& next) const { merge(into, next, lookback_ms, parts); }
};

// A queue of cells with what they merge into: two stacks, as in sums.cc. Nothing is ever taken out
// of a merged cell.
class SlidingCell {
 public:
  SlidingCell(std::span<const TimedCell> cells, Merging how) : cells_(cells), how_(how) {}

  // Moves the window to [lo, hi), never backwards.
  Cell move_to(std::size_t lo, std::size_t hi) {
    for (; hi_ < hi; ++hi_) how_.add(back_, cells_[hi_].cell);
    if (lo >= split_) turn_over(lo);
    if (lo >= split_) return {};
    Cell all = front_[lo - front_begin_];
    how_.add(all, back_);
    return all;
  }

 private:
  void turn_over(std::size_t lo) {
    front_begin_ = lo;
    split_ = std::max(hi_, lo);
    hi_ = split_;
    back_ = {};
    front_.resize(split_ - lo);
    Cell later;
    for (std::size_t i = split_; i > lo; --i) {
      Cell cell = cells_[i - 1].cell;
      how_.add(cell, later);
      later = cell;
      front_[i - 1 - lo] = later;
    }
  }

  std::span<const TimedCell> cells_;
  Merging how_;
  std::vector<Cell> front_;  // front_[i]: of [front_begin_ + i, split_)
  Cell back_;                // of [split_, hi_)
  std::size_t front_begin_ = 0;
  std::size_t split_ = 0;
  std::size_t hi_ = 0;
};

// The last cell before `lo` that says where the first step into the window began.
const Cell& before(const Spec& spec, std::span<const TimedCell> cells, std::size_t lo) {
  static const Cell kNone;
  const bool counts = spec.function == Function::increase || spec.function == Function::rate;
  if (!counts && spec.function != Function::delta) return kNone;
  for (; lo > 0; --lo) {
    const Cell& cell = cells[lo - 1].cell;
    if (counts ? cell.counter.n > 0 : cell.n > 0) return cell;
  }
  return kNone;
}

}  // namespace

void evaluate(const Spec& spec, std::span<const TimedCell> cells, const Steps& grid,
              DurationMs offset_ms, RowOut out) {
  evaluate(spec, cells, {}, grid, offset_ms, out);
}

void evaluate(const Spec& spec, std::span<const TimedCell> cells, std::span<const TimeMs> ends,
              const Steps& grid, DurationMs offset_ms, RowOut out) {
  HYGGE_ASSERT(cells_suffice(spec.function));
  HYGGE_ASSERT(ends.empty() || ends.size() == cells.size());
  const auto is_before = [&](std::size_t i, TimeMs end_ms) {
    return ends.empty() ? cells[i].start_ms < end_ms : ends[i] <= end_ms;
  };
  const Merging how{spec.lookback_ms, parts_of(spec.function)};
  SlidingCell sliding(cells, how);
  // Up to four steps per window, merging anew is as fast.
  constexpr DurationMs kAnewUpTo = 4;
  const bool slides = grid.step_ms > 0 && spec.range_ms / grid.step_ms > kAnewUpTo;
  std::size_t lo = 0;
  std::size_t hi = 0;
  const std::size_t steps = grid.count();
  for (std::size_t step = 0; step < steps; ++step) {
    const TimeMs at_ms = grid.at(step);
    const TimeMs end_ms = at_ms - offset_ms;
    while (hi < cells.size() && is_before(hi, end_ms)) ++hi;
    while (lo < hi && cells[lo].start_ms < end_ms - spec.range_ms) ++lo;
    if (lo == hi) continue;
    Cell window;
    if (slides) {
      window = sliding.move_to(lo, hi);
    } else {
      for (std::size_t i = lo; i < hi; ++i) how.add(window, cells[i].cell);
    }
    const auto value = apply(spec, window, before(spec, cells, lo), end_ms, at_ms);
    if (value) out.set(step, *value);
  }
}

}  // namespace hygge::windows
