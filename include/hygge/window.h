// Window functions over a view: a row per series, a value per step.
#pragma once

#include <hygge/cell.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/time.h>
#include <hygge/view.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hygge {

/// A function over the samples of (T − range, T]: left-open, right-closed. What each one needs and
/// gives stands in src/window/function.h; steps without enough samples have no value.
class Window {
 public:
  using Ms = std::chrono::milliseconds;

  static Window last(Ms range) noexcept;
  static Window first(Ms range) noexcept;
  static Window count(Ms range) noexcept;
  static Window present(Ms range) noexcept;
  static Window sum(Ms range) noexcept;
  static Window avg(Ms range) noexcept;
  static Window min(Ms range) noexcept;
  static Window max(Ms range) noexcept;
  static Window stddev(Ms range) noexcept;
  static Window stdvar(Ms range) noexcept;
  static Window quantile(double q, Ms range) noexcept;
  /// Exact: the sum of the reset-adjusted steps that end in the window, the one from the sample
  /// before the window included if that lies at most `lookback` before. Nothing is extrapolated,
  /// integers stay integers, and increase(a, c] = increase(a, b] + increase(b, c].
  static Window increase(Ms range, Ms lookback = std::chrono::hours(1)) noexcept;
  /// increase / range, per second.
  static Window rate(Ms range, Ms lookback = std::chrono::hours(1)) noexcept;
  /// Last value minus the one before the window (within `lookback`), or the first in it.
  static Window delta(Ms range, Ms lookback = std::chrono::hours(1)) noexcept;
  static Window changes(Ms range) noexcept;
  static Window resets(Ms range) noexcept;
  static Window deriv(Ms range) noexcept;
  static Window predict_linear(Ms ahead, Ms range) noexcept;
  static Window irate(Ms range) noexcept;
  static Window idelta(Ms range) noexcept;
  /// Prometheus' forms, which extrapolate to the window's edges.
  static Window prom_rate(Ms range) noexcept;
  static Window prom_increase(Ms range) noexcept;
  static Window prom_delta(Ms range) noexcept;

  /// How far before a step the function reads.
  [[nodiscard]] DurationMs reach_ms() const noexcept;

  // For the engine.
  [[nodiscard]] std::uint8_t function() const noexcept { return function_; }
  [[nodiscard]] DurationMs range_ms() const noexcept { return range_ms_; }
  [[nodiscard]] DurationMs lookback_ms() const noexcept { return lookback_ms_; }
  [[nodiscard]] double parameter() const noexcept { return parameter_; }

 private:
  Window(std::uint8_t function, Ms range, double parameter, Ms lookback) noexcept;
  std::uint8_t function_;
  DurationMs range_ms_;
  DurationMs lookback_ms_;
  double parameter_;
};

/// The range that a view needs for `window` over `steps`.
[[nodiscard]] TimeRange range_for(const Window& window, const Steps& steps) noexcept;

/// One series' values over the steps.
struct Row {
  Labels labels;
  std::vector<double> v;
  std::vector<std::uint64_t> valid;  ///< bit i of word i / 64: v[i] is a value (NaN is one too)

  [[nodiscard]] bool has(std::size_t step) const noexcept {
    return ((valid[step / 64] >> (step % 64)) & 1U) != 0;
  }
};

struct Rows {
  Steps steps;
  std::vector<Row> rows;  ///< in the order of the view; series without any value are left out
};

/// `window` over the series of selector `index` of `view`, at each of `steps`. Staleness markers
/// are no samples. One thread at a time per view. O(samples + steps) per series for nearly all
/// functions. Errors: invalid_argument (the view's range is too small; says which would do; or no
/// such selector), and those of reading.
[[nodiscard]] Result<Rows> window(const View& view, std::size_t index, const Window& window,
                                  const Steps& steps);

/// The cells of one series, oldest first; intervals without samples have none.
struct SeriesCells {
  Labels labels;
  std::vector<TimedCell> cells;
};

/// The cells of resolution R over the view's range, per series: intervals (k·R, (k + 1)·R],
/// computed from the samples. Errors: invalid_argument (a resolution that is not positive), and
/// those of reading.
[[nodiscard]] Result<std::vector<SeriesCells>> downsample(const View& view, std::size_t index,
                                                          std::chrono::milliseconds resolution);

}  // namespace hygge
