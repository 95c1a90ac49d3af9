#include "window/cell_functions.h"

#include <cmath>
#include <limits>

#include "base/assert.h"
#include "window/extrapolation.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

using Value = std::optional<double>;

double range_seconds(const Spec& spec) { return static_cast<double>(spec.range_ms) / kMsPerSecond; }

Value exact_increase(const Spec& spec, const Cell& window, const Cell& before) {
  const Cell::Counter& inside = window.counter;
  const Cell::Counter& into = before.counter;
  if (inside.n == 0) return std::nullopt;
  double increase = inside.increase;
  if (into.n > 0 && inside.t_first_ms - into.t_last_ms <= spec.lookback_ms) {
    increase += inside.v_first < into.v_last ? inside.v_first : inside.v_first - into.v_last;
  }
  return spec.function == Function::rate ? increase / range_seconds(spec) : increase;
}

Value exact_delta(const Spec& spec, const Cell& window, const Cell& before) {
  const bool counts = before.n > 0 && window.t_first_ms - before.t_last_ms <= spec.lookback_ms;
  return window.v_last - (counts ? before.v_last : window.v_first);
}

Value extrapolated(const Spec& spec, const Cell& window, TimeMs end_ms) {
  if (window.n < 2) return std::nullopt;
  const bool counter = spec.function != Function::prom_delta;
  const double change = window.v_last - window.v_first + (counter ? window.fallen : 0);
  const Sampled sampled{window.t_first_ms,
                        window.t_last_ms,
                        window.v_first,
                        static_cast<std::size_t>(window.n),
                        {end_ms - spec.range_ms, end_ms}};
  const double per = spec.function == Function::prom_rate ? range_seconds(spec) : 1;
  Extrapolations one;
  one.add(sampled, change);
  one.run(counter, per);
  return one.out()[0];
}

Value last_pair(const Spec& spec, const Cell& window) {
  if (window.n < 2) return std::nullopt;
  if (spec.function == Function::idelta) return window.v_last - window.v_before_last;
  const double change =
      window.v_last < window.v_before_last ? window.v_last : window.v_last - window.v_before_last;
  return change / seconds(window.t_before_last_ms, window.t_last_ms);
}

Value regression(const Spec& spec, const Cell& window, TimeMs at_ms) {
  if (window.n < 2) return std::nullopt;
  const bool deriv = spec.function == Function::deriv;
  if (window.changes == 0 && !std::isnan(window.v_first)) {  // a constant is exactly flat
    if (std::isinf(window.v_first)) return std::numeric_limits<double>::quiet_NaN();
    return deriv ? 0 : window.v_first;
  }
  const double slope = window.tv_m2 / window.t_m2;
  if (deriv) return slope;
  const double ahead = seconds(window.t_first_ms, at_ms) - window.t_mean + spec.parameter;
  return window.mean + slope * ahead;
}

}  // namespace

bool cells_suffice(Function function) noexcept { return function != Function::quantile; }

CellParts parts_of(Function function) noexcept {
  switch (function) {
    case Function::sum:
    case Function::avg:
    case Function::min:
    case Function::max:
    case Function::min_time:
    case Function::max_time:
    case Function::stddev:
    case Function::stdvar:
      return {true, false};
    case Function::deriv:
    case Function::predict_linear:
      return {true, true};
    case Function::quantile:
      return {true, false, true};
    default:
      return {false, false};
  }
}

std::optional<double> apply(const Spec& spec, const Cell& window, const Cell& before, TimeMs end_ms,
                            TimeMs at_ms) noexcept {
  HYGGE_ASSERT(cells_suffice(spec.function));
  if (window.empty()) return std::nullopt;
  switch (spec.function) {
    case Function::last:
      return window.v_last;
    case Function::first:
      return window.v_first;
    case Function::count:
      return static_cast<double>(window.n);
    case Function::present:
      return 1;
    case Function::sum:
      return window.sum_value();
    case Function::avg:
      return window.avg();
    case Function::min:
      return window.min;
    case Function::max:
      return window.max;
    case Function::stddev:
      return std::sqrt(*window.stdvar());
    case Function::stdvar:
      return window.stdvar();
    case Function::quantile:
      return std::nullopt;
    case Function::changes:
      return static_cast<double>(window.changes);
    case Function::resets:
      return static_cast<double>(window.resets);
    case Function::increase:
    case Function::rate:
      return exact_increase(spec, window, before);
    case Function::delta:
      return exact_delta(spec, window, before);
    case Function::deriv:
    case Function::predict_linear:
      return regression(spec, window, at_ms);
    case Function::irate:
    case Function::idelta:
      return last_pair(spec, window);
    case Function::prom_increase:
    case Function::prom_rate:
    case Function::prom_delta:
      return extrapolated(spec, window, end_ms);
    case Function::first_time:
      return seconds(0, window.t_first_ms);
    case Function::last_time:
      return seconds(0, window.t_last_ms);
    case Function::min_time:
      return seconds(0, window.t_min_ms);
    case Function::max_time:
      return seconds(0, window.t_max_ms);
    case Function::newest:
      return window.stale_at_end ? Value() : window.v_last;
    case Function::newest_time:
      return window.stale_at_end ? Value() : seconds(0, window.t_last_ms);
  }
  return std::nullopt;
}

}  // namespace hygge::windows
