// The range functions written the plain way: one window at a time, from its samples. What the
// streamed forms are compared with.
#pragma once

#include <hygge/time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hygge::test {

enum class RangeFunction : std::uint8_t {
  rate,
  increase,
  delta,
  irate,
  idelta,
  resets,
  changes,
  avg_over_time,
  sum_over_time,
  min_over_time,
  max_over_time,
  count_over_time,
  last_over_time,
  first_over_time,
  present_over_time,
  quantile_over_time,
  stddev_over_time,
  stdvar_over_time,
  deriv,
  predict_linear,
};

/// The samples with `after_ms` < t <= `until_ms`, at least one, without staleness markers.
struct Window {
  std::span<const TimeMs> t;
  std::span<const double> v;
  TimeMs after_ms = 0;
  TimeMs until_ms = 0;
  TimeMs step_ms = 0;    ///< the step's own time, whatever offset and `@` say
  double parameter = 0;  ///< the quantile, or how many seconds predict_linear looks ahead
};

/// Adds `x`; the sum is `sum + compensation`. Once infinite there is nothing to compensate.
inline void kahan_add(double x, double& sum, double& compensation) noexcept {
  const double total = sum + x;
  if (std::isinf(total)) {
    compensation = 0;
  } else if (std::abs(sum) >= std::abs(x)) {
    compensation += (sum - total) + x;
  } else {
    compensation += (x - total) + sum;
  }
  sum = total;
}

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

inline double seconds(DurationMs ms) { return static_cast<double>(ms) / 1000.0; }

// Prometheus' rate, increase and delta: the change between first and last sample, extrapolated to
// the window's edges: all the way where the gap is usual (below 1.1 of the average), else by half
// an average gap; a counter not further back than where it would have been 0.
inline std::optional<double> extrapolated(const Window& window, bool counter, bool per_second) {
  const std::size_t n = window.v.size();
  if (n < 2) return std::nullopt;
  double change = window.v.back() - window.v.front();
  if (counter) {
    for (std::size_t i = 1; i < n; ++i) {
      if (window.v[i] < window.v[i - 1]) change += window.v[i - 1];
    }
  }
  const double sampled = seconds(window.t.back() - window.t.front());
  const double average_gap = sampled / static_cast<double>(n - 1);
  double to_start = seconds(window.t.front() - window.after_ms);
  double to_end = seconds(window.until_ms - window.t.back());
  if (to_start >= average_gap * 1.1) to_start = average_gap / 2;
  if (counter && change > 0 && window.v.front() >= 0) {
    to_start = std::min(to_start, sampled * (window.v.front() / change));
  }
  if (to_end >= average_gap * 1.1) to_end = average_gap / 2;
  double factor = (sampled + to_start + to_end) / sampled;
  if (per_second) factor /= seconds(window.until_ms - window.after_ms);
  return change * factor;
}

inline std::optional<double> last_two(const Window& window, bool per_second) {
  const std::size_t n = window.v.size();
  if (n < 2) return std::nullopt;
  const double last = window.v[n - 1];
  const double before = window.v[n - 2];
  // irate: a fall is a reset, the counter started from 0.
  const double change = per_second && last < before ? last : last - before;
  return per_second ? change / seconds(window.t[n - 1] - window.t[n - 2]) : change;
}

inline double changes(std::span<const double> v) {
  double count = 0;
  for (std::size_t i = 1; i < v.size(); ++i) {
    if (v[i] != v[i - 1] && !(std::isnan(v[i]) && std::isnan(v[i - 1]))) ++count;
  }
  return count;
}

inline double resets(std::span<const double> v) {
  double count = 0;
  for (std::size_t i = 1; i < v.size(); ++i) {
    if (v[i] < v[i - 1]) ++count;
  }
  return count;
}

inline double sum(std::span<const double> v) {
  double total = 0;
  double compensation = 0;
  for (const double x : v) kahan_add(x, total, compensation);
  return total + compensation;
}

// A plain mean; from where the sum would overflow on, the mean itself step by step.
inline double average(std::span<const double> v) {
  double total = 0;
  double compensation = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    double next = total;
    double next_compensation = compensation;
    kahan_add(v[i], next, next_compensation);
    if (i == 0 || !std::isinf(next)) {
      total = next;
      compensation = next_compensation;
      continue;
    }
    double mean = total / static_cast<double>(i);
    compensation /= static_cast<double>(i);
    for (; i < v.size(); ++i) {
      const double n = static_cast<double>(i + 1);
      const double q = (n - 1) / n;
      mean *= q;
      compensation *= q;
      kahan_add(v[i] / n, mean, compensation);
    }
    return mean + compensation;
  }
  const double n = static_cast<double>(v.size());
  return total / n + compensation / n;
}

// Welford's variance of the population, its sums compensated.
inline double variance(std::span<const double> v) {
  double n = 0;
  double mean = 0;
  double mean_compensation = 0;
  double squares = 0;
  double squares_compensation = 0;
  for (const double x : v) {
    n += 1;
    const double distance = x - (mean + mean_compensation);
    kahan_add(distance / n, mean, mean_compensation);
    kahan_add(distance * (x - (mean + mean_compensation)), squares, squares_compensation);
  }
  return (squares + squares_compensation) / n;
}

template <typename Better>
double extreme(std::span<const double> v, Better better) {
  double best = v[0];
  for (const double x : v) {
    if (better(x, best) || std::isnan(best)) best = x;
  }
  return best;
}

struct Line {
  double slope;
  double intercept;
};

// Least squares, with x in seconds from `origin_ms`.
inline Line regression(const Window& window, TimeMs origin_ms) {
  const double first = window.v.front();
  if (std::all_of(window.v.begin(), window.v.end(), [first](double y) { return y == first; })) {
    return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  }
  std::array<double, 4> sums{};
  std::array<double, 4> compensations{};
  for (std::size_t i = 0; i < window.v.size(); ++i) {
    const double x = seconds(window.t[i] - origin_ms);
    const double y = window.v[i];
    const std::array<double, 4> terms{x, y, x * y, x * x};
    for (std::size_t k = 0; k < terms.size(); ++k) kahan_add(terms[k], sums[k], compensations[k]);
  }
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += compensations[k];
  const auto [x, y, xy, xx] = sums;
  const double n = static_cast<double>(window.v.size());
  const double slope = (xy - x * y / n) / (xx - x * x / n);
  return {slope, y / n - slope * x / n};
}

inline double quantile(double q, std::vector<double> values) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -std::numeric_limits<double>::infinity();
  if (q > 1) return std::numeric_limits<double>::infinity();
  std::sort(values.begin(), values.end(),
            [](double a, double b) { return a < b || (std::isnan(a) && !std::isnan(b)); });
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto lower = static_cast<std::size_t>(rank);
  const std::size_t upper = std::min(values.size() - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[lower] * (1 - weight) + values[upper] * weight;
}

inline std::optional<RangeFunction> range_function(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 20> kNames{"rate",
                                                    "increase",
                                                    "delta",
                                                    "irate",
                                                    "idelta",
                                                    "resets",
                                                    "changes",
                                                    "avg_over_time",
                                                    "sum_over_time",
                                                    "min_over_time",
                                                    "max_over_time",
                                                    "count_over_time",
                                                    "last_over_time",
                                                    "first_over_time",
                                                    "present_over_time",
                                                    "quantile_over_time",
                                                    "stddev_over_time",
                                                    "stdvar_over_time",
                                                    "deriv",
                                                    "predict_linear"};
  const auto* at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<RangeFunction>(at - kNames.begin());
}

inline std::optional<double> apply(RangeFunction function, const Window& window) {
  const auto& v = window.v;
  switch (function) {
    case RangeFunction::rate:
      return extrapolated(window, true, true);
    case RangeFunction::increase:
      return extrapolated(window, true, false);
    case RangeFunction::delta:
      return extrapolated(window, false, false);
    case RangeFunction::irate:
      return last_two(window, true);
    case RangeFunction::idelta:
      return last_two(window, false);
    case RangeFunction::resets:
      return resets(v);
    case RangeFunction::changes:
      return changes(v);
    case RangeFunction::avg_over_time:
      return average(v);
    case RangeFunction::sum_over_time:
      return sum(v);
    case RangeFunction::min_over_time:
      return extreme(v, [](double x, double best) { return x < best; });
    case RangeFunction::max_over_time:
      return extreme(v, [](double x, double best) { return x > best; });
    case RangeFunction::count_over_time:
      return static_cast<double>(v.size());
    case RangeFunction::last_over_time:
      return v.back();
    case RangeFunction::first_over_time:
      return v.front();
    case RangeFunction::present_over_time:
      return 1;
    case RangeFunction::quantile_over_time:
      return quantile(window.parameter, {v.begin(), v.end()});
    case RangeFunction::stddev_over_time:
      return std::sqrt(variance(v));
    case RangeFunction::stdvar_over_time:
      return variance(v);
    case RangeFunction::deriv:
      if (v.size() < 2) return std::nullopt;
      return regression(window, window.t.front()).slope;
    case RangeFunction::predict_linear: {
      if (v.size() < 2) return std::nullopt;
      const Line line = regression(window, window.step_ms);
      return line.slope * window.parameter + line.intercept;
    }
  }
  return std::nullopt;
}

}  // namespace hygge::test
