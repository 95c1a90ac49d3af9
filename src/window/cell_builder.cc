#include "window/cell_builder.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "window/compensated.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

struct Run {
  std::span<const TimeMs> t;
  std::span<const double> v;
};

void add_transitions(Cell& cell, const Run& run) {
  std::uint64_t changes = 0;
  for (std::size_t i = 1; i < run.v.size(); ++i) {
    const double before = run.v[i - 1];
    const double now = run.v[i];
    changes += before != now ? 1 : 0;
    if (now < before) {
      cell.resets += 1;
      cell.fallen += before;
    }
  }
  cell.changes = changes;
}

void find_extremes(Cell& cell, const Run& run) {
  cell.min = cell.max = run.v[0];
  std::size_t least = 0;
  std::size_t most = 0;
  for (std::size_t i = 1; i < run.v.size(); ++i) {
    const double x = run.v[i];
    if (x <= cell.min) {
      if (x < cell.min) cell.min = x;
      least = i;
    }
    if (x >= cell.max) {
      if (x > cell.max) cell.max = x;
      most = i;
    }
  }
  cell.t_min_ms = run.t[least];
  cell.t_max_ms = run.t[most];
}

// The mean is known: the second pass of the two-pass algorithm, with the correction for what
// rounding took from the mean (Chan, Golub and LeVeque, 1983). Two sums at a time hide latency.
void add_spread(Cell& cell, const Run& run) {
  const auto n = static_cast<double>(run.v.size());
  double squares[2] = {0, 0};
  double left[2] = {0, 0};
  for (std::size_t i = 0; i < run.v.size(); ++i) {
    const double d = run.v[i] - cell.mean;
    squares[i & 1U] += d * d;
    left[i & 1U] += d;
  }
  const double off = left[0] + left[1];
  cell.m2 = std::max(0.0, squares[0] + squares[1] - off * off / n);
}

void add_regression(Cell& cell, const Run& run) {
  const auto n = static_cast<double>(run.t.size());
  double total = 0;
  for (const TimeMs t : run.t) total += static_cast<double>(t - cell.t_first_ms);
  cell.t_mean = total / n / kMsPerSecond;
  for (std::size_t i = 0; i < run.t.size(); ++i) {
    const double x = seconds(cell.t_first_ms, run.t[i]) - cell.t_mean;
    cell.t_m2 += x * x;
    cell.tv_m2 += x * (run.v[i] - cell.mean);
  }
}

// Of finite values. False: their sum has overflowed, and only one after the other gives a mean.
bool build(Cell& cell, const Run& run, CellParts parts) {
  const std::size_t n = run.v.size();
  cell.n = n;
  cell.t_first_ms = run.t.front();
  cell.v_first = run.v.front();
  cell.t_last_ms = run.t.back();
  cell.v_last = run.v.back();
  if (n >= 2) {
    cell.t_before_last_ms = run.t[n - 2];
    cell.v_before_last = run.v[n - 2];
  }
  add_transitions(cell, run);
  cell.counter = {n,
                  cell.t_first_ms,
                  cell.t_last_ms,
                  cell.v_first,
                  cell.v_last,
                  cell.v_last - cell.v_first + cell.fallen};
  if (!parts.spread && !parts.regression) return true;
  CompensatedSum sum;
  for (const double x : run.v) sum.add(x);
  if (std::isinf(sum.sum)) return false;
  cell.sum = sum.sum;
  cell.sum_lost = sum.lost;
  cell.mean = sum.value() / static_cast<double>(n);
  find_extremes(cell, run);
  add_spread(cell, run);
  if (parts.regression) add_regression(cell, run);
  return true;
}

Cell one_by_one(const Run& run) {
  Cell cell;
  for (std::size_t i = 0; i < run.t.size(); ++i) cell.add({run.t[i], run.v[i]});
  return cell;
}

Cell cell_of(const Run& run, CellParts parts) {
  // An infinity or a NaN among them makes the difference a NaN.
  double spoilt = 0;
  for (const double x : run.v) spoilt += x - x;
  if (spoilt != 0 || std::isnan(spoilt)) return one_by_one(run);
  Cell cell;
  return build(cell, run, parts) ? cell : one_by_one(run);
}

}  // namespace

TimeMs interval_start(TimeMs t_ms, DurationMs resolution_ms) noexcept {
  const std::int64_t k = t_ms / resolution_ms;
  return (t_ms % resolution_ms > 0 ? k : k - 1) * resolution_ms;
}

void add_to_cells(std::span<const TimeMs> t, std::span<const double> v, DurationMs resolution_ms,
                  std::vector<TimedCell>& cells, CellParts parts) {
  HYGGE_ASSERT(t.size() == v.size());
  HYGGE_ASSERT(resolution_ms > 0);
  for (std::size_t from = 0; from < t.size();) {
    const TimeMs start_ms = interval_start(t[from], resolution_ms);
    std::size_t end = from + 1;
    while (end < t.size() && t[end] - start_ms <= resolution_ms) ++end;
    const Cell cell = cell_of({t.subspan(from, end - from), v.subspan(from, end - from)}, parts);
    if (!cells.empty() && cells.back().start_ms == start_ms) {
      cells.back().cell.merge(cell);
    } else {
      cells.push_back({start_ms, cell});
    }
    from = end;
  }
}

std::vector<TimedCell> coarser(std::span<const TimedCell> cells, DurationMs resolution_ms) {
  std::vector<TimedCell> out;
  for (const TimedCell& one : cells) {
    const TimeMs start_ms = interval_start(one.start_ms + 1, resolution_ms);
    if (out.empty() || out.back().start_ms != start_ms) out.push_back({start_ms, {}});
    out.back().cell.merge(one.cell);
  }
  return out;
}

}  // namespace hygge::windows
