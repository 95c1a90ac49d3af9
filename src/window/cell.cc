#include <hygge/cell.h>

#include <cmath>

#include "window/compensated.h"

namespace hygge {

namespace {

bool is_change(double before, double after) {
  return before != after && !(std::isnan(before) && std::isnan(after));
}

double step(double before, double after) { return after < before ? after : after - before; }

}  // namespace

void Cell::add(const Sample& sample) noexcept {
  if (is_stale(sample.v)) {
    stale_at_end = true;
    return;
  }
  Cell one;
  one.n = 1;
  one.t_first_ms = one.t_last_ms = one.t_min_ms = one.t_max_ms = sample.t_ms;
  one.v_first = one.v_last = one.min = one.max = one.sum = one.mean = sample.v;
  merge(one);
}

void Cell::merge(const Cell& next) noexcept {
  if (next.n == 0) {
    stale_at_end = stale_at_end || next.stale_at_end;
    return;
  }
  if (n == 0) {
    *this = next;
    return;
  }
  increase += step(v_last, next.v_first) + next.increase;
  resets += (next.v_first < v_last ? 1 : 0) + next.resets;
  changes += (is_change(v_last, next.v_first) ? 1 : 0) + next.changes;
  // The first of equal values keeps its time.
  if (std::isnan(min) || next.min < min) {
    min = next.min;
    t_min_ms = next.t_min_ms;
  }
  if (std::isnan(max) || next.max > max) {
    max = next.max;
    t_max_ms = next.t_max_ms;
  }
  windows::CompensatedSum total{sum, sum_lost};
  total.add(windows::CompensatedSum{next.sum, next.sum_lost});
  sum = total.sum;
  sum_lost = total.lost;
  // Chan, Golub, LeVeque 1979.
  const auto left = static_cast<double>(n);
  const auto right = static_cast<double>(next.n);
  const double between = next.mean - mean;
  mean += between * right / (left + right);
  m2 += next.m2 + between * between * left * right / (left + right);
  t_before_last_ms = next.n >= 2 ? next.t_before_last_ms : t_last_ms;
  v_before_last = next.n >= 2 ? next.v_before_last : v_last;
  t_last_ms = next.t_last_ms;
  v_last = next.v_last;
  stale_at_end = next.stale_at_end;
  n += next.n;
}

double Cell::sum_value() const noexcept { return windows::CompensatedSum{sum, sum_lost}.value(); }

std::optional<double> Cell::avg() const noexcept {
  if (n == 0) return std::nullopt;
  // A sum that has overflowed says nothing; the mean still does.
  return std::isinf(sum) ? mean : sum_value() / static_cast<double>(n);
}

std::optional<double> Cell::stdvar() const noexcept {
  if (n == 0) return std::nullopt;
  return m2 / static_cast<double>(n);
}

}  // namespace hygge
