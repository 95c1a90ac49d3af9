#include <hygge/cell.h>

#include <cmath>

#include "base/assert.h"
#include "window/cell_windows.h"
#include "window/compensated.h"
#include "window/families.h"

namespace hygge {

namespace {

double reset_adjusted(double before, double after) {
  return after < before ? after : after - before;
}

// Counts, extremes and the step between two neighbours: everything that is compared, not added up.
void merge_steps(Cell& cell, const Cell& next) {
  if (next.v_first < cell.v_last) {
    cell.resets += 1;
    cell.fallen += cell.v_last;
  }
  cell.resets += next.resets;
  cell.fallen += next.fallen;
  cell.changes += (windows::is_change(cell.v_last, next.v_first) ? 1 : 0) + next.changes;
}

void merge_counter(Cell::Counter& counter, const Cell::Counter& next, DurationMs lookback_ms) {
  if (next.n == 0) return;
  if (counter.n == 0) {
    counter = next;
    return;
  }
  if (next.t_first_ms - counter.t_last_ms <= lookback_ms) {
    counter.increase += reset_adjusted(counter.v_last, next.v_first);
  }
  counter.increase += next.increase;
  counter.n += next.n;
  counter.t_last_ms = next.t_last_ms;
  counter.v_last = next.v_last;
}

// Of equal values the first stands, with the time of the last; any number replaces a NaN.
void merge_extremes(Cell& cell, const Cell& next) {
  if (next.min <= cell.min || std::isnan(cell.min)) {
    if (!(next.min == cell.min)) cell.min = next.min;
    cell.t_min_ms = next.t_min_ms;
  }
  if (next.max >= cell.max || std::isnan(cell.max)) {
    if (!(next.max == cell.max)) cell.max = next.max;
    cell.t_max_ms = next.t_max_ms;
  }
}

// Means and central moments, by Chan, Golub and LeVeque, 1979.
void merge_moments(Cell& cell, const Cell& next, bool regression) {
  windows::CompensatedSum total{cell.sum, cell.sum_lost};
  total.add(windows::CompensatedSum{next.sum, next.sum_lost});
  cell.sum = total.sum;
  cell.sum_lost = total.lost;

  const auto left = static_cast<double>(cell.n);
  const auto right = static_cast<double>(next.n);
  const double share = right / (left + right);
  const double weight = left * share;
  const double v_between = next.mean - cell.mean;
  cell.mean += v_between * share;
  cell.m2 += next.m2 + v_between * v_between * weight;
  if (!regression) return;
  const double t_between =
      windows::seconds(cell.t_first_ms, next.t_first_ms) + next.t_mean - cell.t_mean;
  cell.t_mean += t_between * share;
  cell.t_m2 += next.t_m2 + t_between * t_between * weight;
  cell.tv_m2 += next.tv_m2 + t_between * v_between * weight;
}

Cell cell_of(const Sample& sample) {
  Cell one;
  one.n = 1;
  one.t_first_ms = one.t_last_ms = one.t_min_ms = one.t_max_ms = sample.t_ms;
  one.v_first = one.v_last = one.min = one.max = one.sum = one.mean = sample.v;
  // 0; NaN for an infinity, which has neither spread nor slope, wherever it stands.
  one.m2 = one.tv_m2 = sample.v - sample.v;
  if (std::isfinite(sample.v)) {
    one.counter = {1, sample.t_ms, sample.t_ms, sample.v, sample.v, 0};
  }
  return one;
}

}  // namespace

void Cell::add(const Sample& sample) noexcept {
  if (is_stale(sample.v)) {
    stale_at_end = true;
    return;
  }
  merge(cell_of(sample));
}

void Cell::merge(const Cell& next, DurationMs lookback_ms) noexcept {
  windows::merge(*this, next, lookback_ms, {true, true});
}

void windows::merge(Cell& into, const Cell& next, DurationMs lookback_ms,
                    CellParts parts) noexcept {
  if (next.n == 0) {
    into.stale_at_end = into.stale_at_end || next.stale_at_end;
    return;
  }
  if (into.n == 0) {
    into = next;
    return;
  }
  HYGGE_ASSERT(into.t_last_ms < next.t_first_ms);
  merge_steps(into, next);
  merge_counter(into.counter, next.counter, lookback_ms);
  if (parts.spread || parts.regression) {
    merge_extremes(into, next);
    merge_moments(into, next, parts.regression);
  }
  into.t_before_last_ms = next.n >= 2 ? next.t_before_last_ms : into.t_last_ms;
  into.v_before_last = next.n >= 2 ? next.v_before_last : into.v_last;
  into.t_last_ms = next.t_last_ms;
  into.v_last = next.v_last;
  into.stale_at_end = next.stale_at_end;
  into.n += next.n;
}

double Cell::sum_value() const noexcept { return windows::CompensatedSum{sum, sum_lost}.value(); }

std::optional<double> Cell::avg() const noexcept {
  if (n == 0) return std::nullopt;
  // A sum of finite values that has overflowed says nothing; their mean still does.
  if (std::isinf(sum)) return counter.n == n ? mean : sum;
  const auto count = static_cast<double>(n);
  return sum / count + sum_lost / count;
}

std::optional<double> Cell::stdvar() const noexcept {
  if (n == 0) return std::nullopt;
  return m2 / static_cast<double>(n);
}

void CellValues::resize(std::size_t cells) {
  const std::size_t entries = cells == 0 ? 0 : cells <= ends.size() ? ends[cells - 1] : v.size();
  v.resize(entries);
  n.resize(entries);
  ends.resize(cells, entries);
  accuracy.resize(cells);
}

void CellValues::push_back(const CellValues& from, std::size_t cell) {
  const auto begin = static_cast<std::ptrdiff_t>(from.begin_of(cell));
  const auto end = static_cast<std::ptrdiff_t>(from.ends[cell]);
  v.insert(v.end(), from.v.begin() + begin, from.v.begin() + end);
  n.insert(n.end(), from.n.begin() + begin, from.n.begin() + end);
  ends.push_back(v.size());
  accuracy.push_back(from.accuracy[cell]);
}

std::size_t CellValues::memory_bytes() const noexcept {
  return v.capacity() * sizeof(v[0]) + n.capacity() * sizeof(n[0]) +
         ends.capacity() * sizeof(ends[0]) + accuracy.capacity() * sizeof(accuracy[0]);
}

namespace {

template <typename Counts, typename Visit>
void for_each_column(Counts& counts, Visit&& visit) {
  visit(counts.start_ms);
  visit(counts.t_first_ms);
  visit(counts.t_last_ms);
  visit(counts.n);
  visit(counts.v_first);
  visit(counts.v_last);
  visit(counts.fallen);
  visit(counts.stale_at_end);
}

}  // namespace

void CellCounts::resize(std::size_t count) {
  for_each_column(*this, [count](auto& column) { column.resize(count); });
}

void CellCounts::set(std::size_t index, const TimedCell& cell) {
  start_ms[index] = cell.start_ms;
  t_first_ms[index] = cell.cell.t_first_ms;
  t_last_ms[index] = cell.cell.t_last_ms;
  n[index] = cell.cell.n;
  v_first[index] = cell.cell.v_first;
  v_last[index] = cell.cell.v_last;
  fallen[index] = cell.cell.fallen;
  stale_at_end[index] = cell.cell.stale_at_end ? 1 : 0;
}

void CellCounts::push_back(const TimedCell& cell) {
  resize(size() + 1);
  set(size() - 1, cell);
}

std::size_t CellCounts::memory_bytes() const noexcept {
  std::size_t bytes = 0;
  for_each_column(*this,
                  [&bytes](const auto& column) { bytes += column.capacity() * sizeof(column[0]); });
  return bytes;
}

}  // namespace hygge
