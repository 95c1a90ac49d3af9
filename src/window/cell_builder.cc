#include "window/cell_builder.h"

#include <algorithm>
#include <bit>
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

// Loops over a run go in lanes, four values at a time that do not wait for each other, and without
// branches that values decide: gauges rise and fall as they like.
constexpr std::size_t kLanes = 4;

// `v` if `yes`, else 0. A choice between two doubles would become a branch.
double only_if(bool yes, double v) {
  const std::uint64_t mask = 0U - static_cast<std::uint64_t>(yes);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(v) & mask);
}

void add_transitions(Cell& cell, const Run& run) {
  std::uint64_t falls = 0;
  std::uint64_t rises = 0;
  double fallen = 0;
  for (std::size_t i = 1; i < run.v.size(); ++i) {
    const double before = run.v[i - 1];
    const double now = run.v[i];
    const bool falls_here = now < before;
    falls += falls_here ? 1 : 0;
    rises += now > before ? 1 : 0;
    fallen += only_if(falls_here, before);
  }
  cell.resets = falls;
  cell.changes = falls + rises;
  cell.fallen = fallen;
}

// Of equal values the first stands, with the time of the last.
void find_extremes(Cell& cell, const Run& run) {
  const std::size_t n = run.v.size();
  double least[kLanes];
  double most[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) least[lane] = most[lane] = run.v[0];
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double x = run.v[i + lane];
      least[lane] = x < least[lane] ? x : least[lane];
      most[lane] = x > most[lane] ? x : most[lane];
    }
  }
  for (; i < n; ++i) {
    least[0] = std::min(least[0], run.v[i]);
    most[0] = std::max(most[0], run.v[i]);
  }
  for (std::size_t lane = 1; lane < kLanes; ++lane) {
    least[0] = std::min(least[0], least[lane]);
    most[0] = std::max(most[0], most[lane]);
  }
  const auto first = [&run](double x) {
    std::size_t at = 0;
    while (run.v[at] != x) ++at;
    return run.v[at];  // of 0 and -0, which are equal, the one that came
  };
  const auto last = [&run, n](double x) {
    std::size_t at = n - 1;
    while (run.v[at] != x) --at;
    return run.t[at];
  };
  cell.min = first(least[0]);
  cell.max = first(most[0]);
  cell.t_min_ms = last(least[0]);
  cell.t_max_ms = last(most[0]);
}

// Each lane adds up for itself, with what rounding loses (Knuth, TAOCP 2, 4.2.2).
CompensatedSum sum_of(std::span<const double> v) {
  CompensatedSum out;
  std::size_t i = 0;
  if (v.size() >= 2 * kLanes) {
    double sum[kLanes] = {};
    double lost[kLanes] = {};
    for (; i + kLanes <= v.size(); i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double x = v[i + lane];
        const double total = sum[lane] + x;
        const double added = total - sum[lane];
        lost[lane] += (sum[lane] - (total - added)) + (x - added);
        sum[lane] = total;
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out.add(CompensatedSum{sum[lane], lost[lane]});
    }
  }
  for (; i < v.size(); ++i) out.add(v[i]);
  return out;
}

// An infinity or a NaN among them.
bool any_not_finite(std::span<const double> v) {
  constexpr std::uint64_t kExponent = 0x7ff0'0000'0000'0000U;
  std::uint64_t found = 0;
  for (const double x : v) {
    found |= (std::bit_cast<std::uint64_t>(x) & kExponent) == kExponent ? 1U : 0U;
  }
  return found != 0;
}

// The mean is known: the second pass of the two-pass algorithm, with the correction for what
// rounding took from the mean (Chan, Golub and LeVeque, 1983).
void add_spread(Cell& cell, const Run& run) {
  const auto n = static_cast<double>(run.v.size());
  double squares[kLanes] = {};
  double left[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= run.v.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double d = run.v[i + lane] - cell.mean;
      squares[lane] += d * d;
      left[lane] += d;
    }
  }
  for (; i < run.v.size(); ++i) {
    const double d = run.v[i] - cell.mean;
    squares[0] += d * d;
    left[0] += d;
  }
  const double off = (left[0] + left[1]) + (left[2] + left[3]);
  const double square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
  cell.m2 = std::max(0.0, square - off * off / n);
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
  const CompensatedSum sum = sum_of(run.v);
  if (!std::isfinite(sum.sum)) return false;
  cell.sum = sum.sum;
  cell.sum_lost = sum.lost;
  cell.mean = sum.value() / static_cast<double>(n);
  find_extremes(cell, run);
  add_spread(cell, run);
  if (parts.regression) add_regression(cell, run);
  return true;
}

// Fills an empty cell.
void fill(Cell& cell, const Run& run, CellParts parts) {
  if (!any_not_finite(run.v)) {
    if (build(cell, run, parts)) return;
    cell = {};
  }
  for (std::size_t i = 0; i < run.t.size(); ++i) cell.add({run.t[i], run.v[i]});
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
    const bool next = !cells.empty() && t[from] > cells.back().start_ms + resolution_ms &&
                      t[from] <= cells.back().start_ms + 2 * resolution_ms;
    const TimeMs start_ms = next ? cells.back().start_ms + resolution_ms  // as most are
                                 : interval_start(t[from], resolution_ms);
    std::size_t end = from + 1;
    while (end < t.size() && t[end] - start_ms <= resolution_ms) ++end;
    const Run run{t.subspan(from, end - from), v.subspan(from, end - from)};
    if (cells.empty() || cells.back().start_ms != start_ms) {
      cells.emplace_back().start_ms = start_ms;
      fill(cells.back().cell, run, parts);
    } else {
      Cell cell;
      fill(cell, run, parts);
      cells.back().cell.merge(cell);
    }
    from = end;
  }
}

void coarser(std::span<const TimedCell> cells, DurationMs resolution_ms,
             std::vector<TimedCell>& out) {
  for (const TimedCell& one : cells) {
    const TimeMs start_ms = interval_start(one.start_ms + 1, resolution_ms);
    if (out.empty() || out.back().start_ms != start_ms) out.push_back({start_ms, {}});
    out.back().cell.merge(one.cell);
  }
}

}  // namespace hygge::windows
