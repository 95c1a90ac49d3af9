// Window functions over the columns of cells: first, last and number of samples of a window, and
// the resets between; nothing is merged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
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

template <typename Visit>
void for_each_slice(const CountInput& in, Visit&& visit) {
  const std::vector<TimeMs>& start_ms = in.cells.start_ms;
  const std::size_t count = start_ms.size();
  const std::size_t steps = in.grid.count();
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    const TimeMs end_ms = in.grid.at(step) - in.offset_ms;
    while (hi < count && start_ms[hi] < end_ms) ++hi;
    while (lo < hi && start_ms[lo] < end_ms - in.spec.range_ms) ++lo;
    if (lo < hi) visit(CountSlice{step, lo, hi, end_ms});
  }
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
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0 && cells.v_first[i] < cells.v_last[i - 1]) {
        falls_.push_back({2 * i, cells.v_last[i - 1]});
      }
      if (!(cells.fallen[i] == 0)) falls_.push_back({2 * i + 1, cells.fallen[i]});
    }
  }

  // Their sum within the cells [lo, hi); `lo` must not go down from call to call.
  double sum(std::size_t lo, std::size_t hi) noexcept {
    if (next_ == falls_.size()) return 0;
    while (next_ < falls_.size() && falls_[next_].place <= 2 * lo) ++next_;
    double sum = 0;
    for (std::size_t i = next_; i < falls_.size() && falls_[i].place < 2 * hi; ++i) {
      sum += falls_[i].before;
    }
    return sum;
  }

 private:
  struct Fall {
    std::size_t place;  ///< 2·i: into cell i from the one before; 2·i + 1: inside of it
    double before;
  };
  std::vector<Fall> falls_;
  std::size_t next_ = 0;
};

void extrapolate(const CountInput& in) {
  const bool counter = in.spec.function != Function::prom_delta;
  const double per = in.spec.function == Function::prom_rate
                         ? static_cast<double>(in.spec.range_ms) / kMsPerSecond
                         : 1;
  const CellCounts& cells = in.cells;
  const std::vector<std::uint64_t> seen = samples_before(cells);
  Falls falls(cells);
  ExtrapolatedRow row(in.out, counter, per);
  for_each_slice(in, [&](const CountSlice& w) {
    const std::uint64_t n = seen[w.hi] - seen[w.lo];
    if (n < 2) return;
    const double fallen = counter ? falls.sum(w.lo, w.hi) : 0;
    const double change = cells.v_last[w.hi - 1] - cells.v_first[w.lo] + fallen;
    const Sampled sampled{cells.t_first_ms[w.lo],
                          cells.t_last_ms[w.hi - 1],
                          cells.v_first[w.lo],
                          static_cast<std::size_t>(n),
                          {w.end_ms - in.spec.range_ms, w.end_ms}};
    row.add(w.step, sampled, change);
  });
}

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
      return extrapolate(in);
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
