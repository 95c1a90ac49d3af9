// Window functions over the columns of cells: first, last and number of samples of a window, and
// the resets between; nothing is merged.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "window/cell_windows.h"
#include "window/extrapolation.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

struct CountInput {
  const Spec& spec;
  const CellCounts& cells;  // each has samples
  const Steps& grid;
  DurationMs offset_ms;
  RowOut out;
};

// The cells [lo, hi) of a step's window: at least one.
struct CountSlice {
  std::size_t step, lo, hi;
  TimeMs end_ms;
};

// Those of the steps [from, until).
template <typename Visit>
void for_each_slice(const CountInput& in, std::size_t from, std::size_t until, Visit&& visit) {
  const std::vector<TimeMs>& start_ms = in.cells.start_ms;
  const std::size_t count = start_ms.size();
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (std::size_t step = from; step < until; ++step) {
    const TimeMs end_ms = in.grid.at(step) - in.offset_ms;
    while (hi < count && start_ms[hi] < end_ms) ++hi;
    while (lo < hi && start_ms[lo] < end_ms - in.spec.range_ms) ++lo;
    if (lo < hi) visit(CountSlice{step, lo, hi, end_ms});
  }
}
template <typename Visit>
void for_each_slice(const CountInput& in, Visit&& visit) {
  for_each_slice(in, 0, in.grid.count(), std::forward<Visit>(visit));
}

// seen[i]: samples of the cells before i. Integers, so that differences are exact.
std::vector<std::uint64_t> samples_before(const CellCounts& cells) {
  std::vector<std::uint64_t> seen(cells.size() + 1);
  for (std::size_t i = 0; i < cells.size(); ++i) seen[i + 1] = seen[i] + cells.n[i];
  return seen;
}

// The values just before falls, in order of time. They are found once per series, so that a window
// costs what it holds of them.
class Falls {
 public:
  explicit Falls(const CellCounts& cells) {
    constexpr std::size_t kBlock = 64;
    for (std::size_t from = 0; from < cells.size(); from += kBlock) {
      const std::size_t until = std::min(from + kBlock, cells.size());
      if (any(cells, from, until)) find(cells, from, until);
    }
  }

  [[nodiscard]] bool none() const noexcept { return falls_.empty(); }

  // Their sum within the cells [lo, hi); `lo` must not go down from call to call.
  double sum(std::size_t lo, std::size_t hi) noexcept {
    skip_to(lo);
    double sum = 0;
    for (std::size_t i = next_; i < falls_.size() && falls_[i].place < 2 * hi; ++i) {
      sum += falls_[i].before;
    }
    return sum;
  }

  // The same of many windows, each `width` cells from lo + i·stride on: each fall is added to those
  // that hold it. `sums` are 0 before.
  void add_sums(std::size_t lo, std::size_t stride, std::size_t width,
                std::span<double> sums) noexcept {
    skip_to(lo);
    for (std::size_t i = next_; i < falls_.size(); ++i) {
      const std::size_t past = falls_[i].place - 2 * lo;  // at least 1
      const std::size_t first = past < 2 * width ? 0 : (past - 2 * width) / (2 * stride) + 1;
      if (first >= sums.size()) return;
      const std::size_t end = std::min((past + 2 * stride - 1) / (2 * stride), sums.size());
      for (std::size_t window = first; window < end; ++window) sums[window] += falls_[i].before;
    }
  }

 private:
  struct Fall {
    std::size_t place;  ///< 2·i: into cell i from the one before; 2·i + 1: inside of it
    double before;
  };

  // Most blocks have none, which bits tell without a comparison a cell: a fall makes a difference
  // negative, and of `fallen` more than the sign is set. What they tell too much of, find() does
  // not find.
  static bool any(const CellCounts& cells, std::size_t from, std::size_t until) noexcept {
    const double* const first = cells.v_first.data();
    const double* const last = cells.v_last.data();
    const double* const fallen = cells.fallen.data();
    constexpr std::uint64_t kSign = 1ULL << 63U;
    std::uint64_t into = 0;
    std::uint64_t inside = 0;
    for (std::size_t i = from; i < until; ++i) inside |= std::bit_cast<std::uint64_t>(fallen[i]);
    for (std::size_t i = std::max<std::size_t>(from, 1); i < until; ++i) {
      into |= std::bit_cast<std::uint64_t>(first[i] - last[i - 1]);
    }
    return (inside & ~kSign) != 0 || (into & kSign) != 0;
  }

  void find(const CellCounts& cells, std::size_t from, std::size_t until) {
    for (std::size_t i = from; i < until; ++i) {
      if (i > 0 && cells.v_first[i] < cells.v_last[i - 1]) {
        falls_.push_back({2 * i, cells.v_last[i - 1]});
      }
      if (!(cells.fallen[i] == 0)) falls_.push_back({2 * i + 1, cells.fallen[i]});
    }
  }

  void skip_to(std::size_t lo) noexcept {
    while (next_ < falls_.size() && falls_[next_].place <= 2 * lo) ++next_;
  }

  std::vector<Fall> falls_;
  std::size_t next_ = 0;
};

// Steps whose windows are `width` cells that follow each other without a gap and have two samples
// or more: the window of step first_step + i is the cells from first_cell + i·stride on. What it is
// made of is then found in each column at the same distance, and all of them at once.
struct EvenWindows {
  std::size_t first_step = 0, end_step = 0;
  std::size_t first_cell = 0, stride = 1, width = 0;
  DurationMs cell_ms = 0;
};

// Whether each cell begins where the one before it ends, and has samples enough.
bool is_even(const CellCounts& cells, DurationMs cell_ms) {
  const auto count = static_cast<DurationMs>(cells.size());
  if (cells.start_ms.back() - cells.start_ms.front() != (count - 1) * cell_ms) return false;
  // Gathered without a branch: differences of 0, and of n − 2 the sign.
  std::uint64_t odd = 0;
  std::uint64_t few = 0;
  TimeMs want_ms = cells.start_ms[0];
  for (std::size_t i = 0; i < cells.size(); ++i, want_ms += cell_ms) {
    odd |= static_cast<std::uint64_t>(cells.start_ms[i] ^ want_ms);
    few |= cells.n[i] - 2;
  }
  return odd == 0 && (few >> 63U) == 0;
}

EvenWindows even_windows(const CountInput& in) {
  const CellCounts& cells = in.cells;
  EvenWindows out;
  if (cells.size() < 2) return out;
  out.cell_ms = cells.start_ms[1] - cells.start_ms[0];
  const DurationMs first_end_ms = in.grid.at(0) - in.offset_ms - cells.start_ms[0];
  const bool whole = in.spec.range_ms % out.cell_ms == 0 && in.grid.step_ms % out.cell_ms == 0 &&
                     first_end_ms % out.cell_ms == 0;
  if (!whole || !is_even(cells, out.cell_ms)) return out;
  // The window of step s ends behind `first_end + s·stride` cells.
  const std::int64_t first_end = first_end_ms / out.cell_ms;
  const auto stride = std::max<std::int64_t>(in.grid.step_ms / out.cell_ms, 1);
  const std::int64_t width = in.spec.range_ms / out.cell_ms;
  const auto first_step_behind = [&](std::int64_t hi) {
    const std::int64_t steps = hi <= first_end ? 0 : (hi - first_end + stride - 1) / stride;
    return std::min(static_cast<std::size_t>(steps), in.grid.count());
  };
  out.first_step = first_step_behind(width);
  out.end_step = first_step_behind(static_cast<std::int64_t>(cells.size()) + 1);
  out.stride = static_cast<std::size_t>(stride);
  out.width = static_cast<std::size_t>(width);
  const auto first_step = static_cast<std::int64_t>(out.first_step);
  if (out.first_step < out.end_step) {
    out.first_cell = static_cast<std::size_t>(first_end + first_step * stride - width);
  }
  return out;
}

// Of 0 … 2^52 − 1, as the last bits of a double of that size: what a vector unit does at once,
// where conversions of 64 bits go one by one.
double small(std::int64_t x) noexcept {
  constexpr double kOffset = 0x1p52;
  const auto bits = static_cast<std::uint64_t>(x) | std::bit_cast<std::uint64_t>(kOffset);
  return std::bit_cast<double>(bits) - kOffset;
}

class Extrapolation {
 public:
  explicit Extrapolation(const CountInput& in)
      : in_(in),
        counter_(in.spec.function != Function::prom_delta),
        seen_(samples_before(in.cells)),
        falls_(in.cells),
        row_(in.out, counter_,
             in.spec.function == Function::prom_rate
                 ? static_cast<double>(in.spec.range_ms) / kMsPerSecond
                 : 1) {}

  void run() {
    const EvenWindows even = even_windows(in_);
    const auto one = [this](const CountSlice& w) { add(w); };
    for_each_slice(in_, 0, even.first_step, one);
    if (even.first_step < even.end_step) add_all(even);
    for_each_slice(in_, std::max(even.first_step, even.end_step), in_.grid.count(), one);
  }

 private:
  void add(const CountSlice& w) {
    const CellCounts& cells = in_.cells;
    const std::uint64_t n = seen_[w.hi] - seen_[w.lo];
    if (n < 2) return;
    const double fallen = counter_ ? falls_.sum(w.lo, w.hi) : 0;
    const Sampled sampled{cells.t_first_ms[w.lo],
                          cells.t_last_ms[w.hi - 1],
                          cells.v_first[w.lo],
                          static_cast<std::size_t>(n),
                          {w.end_ms - in_.spec.range_ms, w.end_ms}};
    row_.add(w.step, sampled, cells.v_last[w.hi - 1] - cells.v_first[w.lo] + fallen);
  }

  void add_all(const EvenWindows& even) { even.stride == 1 ? add_all<1>(even) : add_all<0>(even); }

  // kStride: 0 where it is not known beforehand.
  template <std::size_t kStride>
  void add_all(const EvenWindows& even) {
    const CellCounts& cells = in_.cells;
    const std::size_t stride = kStride == 0 ? even.stride : kStride;
    const auto range_ms = static_cast<double>(in_.spec.range_ms);
    using Columns = Extrapolations::Columns;
    row_.add_all(even.first_step, even.end_step - even.first_step,
                 [&](const Columns& to, std::size_t step, std::size_t count) {
                   const std::size_t lo = even.first_cell + step * stride;
                   const std::size_t last = lo + even.width - 1;
                   for (std::size_t i = 0; i < count; ++i) {
                     const std::size_t first_at = lo + i * stride;
                     const std::size_t last_at = last + i * stride;
                     const TimeMs after_ms = cells.start_ms[first_at];
                     to.left_ms[i] = small(cells.t_first_ms[first_at] - after_ms);
                     to.right_ms[i] =
                         small(cells.start_ms[last_at] + even.cell_ms - cells.t_last_ms[last_at]);
                     to.sampled_ms[i] = range_ms - to.left_ms[i] - to.right_ms[i];
                     to.gaps[i] =
                         small(static_cast<std::int64_t>(seen_[last_at + 1] - seen_[first_at] - 1));
                     to.first[i] = cells.v_first[first_at];
                     to.change[i] = cells.v_last[last_at] - cells.v_first[first_at];
                   }
                   if (!counter_ || falls_.none()) return;
                   double fallen[Extrapolations::kMost] = {};
                   falls_.add_sums(lo, stride, even.width, {fallen, count});
                   for (std::size_t i = 0; i < count; ++i) to.change[i] += fallen[i];
                 });
  }

  const CountInput& in_;
  const bool counter_;
  const std::vector<std::uint64_t> seen_;
  Falls falls_;
  ExtrapolatedRow row_;
};

void count_samples(const CountInput& in) {
  const std::vector<std::uint64_t> seen = samples_before(in.cells);
  for_each_slice(in, [&](const CountSlice& w) {
    in.out.set(w.step, static_cast<double>(seen[w.hi] - seen[w.lo]));
  });
}

// Here cells without samples speak too.
void find_newest(const CountInput& in) {
  const bool time = in.spec.function == Function::newest_time;
  for_each_slice(in, [&](const CountSlice& w) {
    const std::size_t last = w.hi - 1;
    if (in.cells.stale_at_end[last] != 0) return;
    in.out.set(w.step, time ? seconds(0, in.cells.t_last_ms[last]) : in.cells.v_last[last]);
  });
}

// Cells that hold nothing but a staleness marker say nothing of a window.
CellCounts with_samples(const CellCounts& cells) {
  CellCounts out;
  out.resize(cells.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells.n[i] == 0) continue;
    out.start_ms[kept] = cells.start_ms[i];
    out.t_first_ms[kept] = cells.t_first_ms[i];
    out.t_last_ms[kept] = cells.t_last_ms[i];
    out.n[kept] = cells.n[i];
    out.v_first[kept] = cells.v_first[i];
    out.v_last[kept] = cells.v_last[i];
    out.fallen[kept] = cells.fallen[i];
    out.stale_at_end[kept++] = cells.stale_at_end[i];
  }
  out.resize(kept);
  return out;
}

void dispatch(const CountInput& in) {
  switch (in.spec.function) {
    case Function::last:
      return for_each_slice(
          in, [&](const CountSlice& w) { in.out.set(w.step, in.cells.v_last[w.hi - 1]); });
    case Function::first:
      return for_each_slice(
          in, [&](const CountSlice& w) { in.out.set(w.step, in.cells.v_first[w.lo]); });
    case Function::present:
      return for_each_slice(in, [&](const CountSlice& w) { in.out.set(w.step, 1); });
    case Function::count:
      return count_samples(in);
    case Function::first_time:
      return for_each_slice(in, [&](const CountSlice& w) {
        in.out.set(w.step, seconds(0, in.cells.t_first_ms[w.lo]));
      });
    case Function::last_time:
      return for_each_slice(in, [&](const CountSlice& w) {
        in.out.set(w.step, seconds(0, in.cells.t_last_ms[w.hi - 1]));
      });
    case Function::newest:
    case Function::newest_time:
      return find_newest(in);
    default:
      return Extrapolation(in).run();
  }
}

}  // namespace

bool counts_suffice(Function function) noexcept {
  switch (function) {
    case Function::last:
    case Function::first:
    case Function::count:
    case Function::present:
    case Function::prom_rate:
    case Function::prom_increase:
    case Function::prom_delta:
    case Function::first_time:
    case Function::last_time:
    case Function::newest:
    case Function::newest_time:
      return true;
    default:
      return false;
  }
}

void evaluate(const Spec& spec, const CellCounts& cells, const Steps& grid, DurationMs offset_ms,
              RowOut out) {
  HYGGE_ASSERT(counts_suffice(spec.function));
  const bool newest = spec.function == Function::newest || spec.function == Function::newest_time;
  const bool empty = !newest && std::find(cells.n.begin(), cells.n.end(), 0U) != cells.n.end();
  if (!empty) return dispatch({spec, cells, grid, offset_ms, out});
  const CellCounts kept = with_samples(cells);
  dispatch({spec, kept, grid, offset_ms, out});
}

}  // namespace hygge::windows
