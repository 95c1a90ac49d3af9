// The rollup cell: what a window function needs to know about an interval, so that the function
// over cells is the function over the samples.
#pragma once

#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>

namespace hygge {

/// The state of the samples of one series in (k·R, (k + 1)·R]. A value type; times of samples that
/// are added rise, and cells that are merged follow each other.
struct Cell {
  std::uint64_t n = 0;  ///< samples; staleness markers are none
  TimeMs t_first_ms = 0, t_last_ms = 0;
  double v_first = 0, v_last = 0;
  TimeMs t_before_last_ms = 0;  ///< the last but one; n >= 2
  double v_before_last = 0;
  bool stale_at_end = false;  ///< a staleness marker follows the last sample

  double increase = 0;  ///< sum of reset-adjusted steps between samples inside
  std::uint64_t resets = 0;
  std::uint64_t changes = 0;

  double min = 0, max = 0;  ///< NaN only if all are
  TimeMs t_min_ms = 0, t_max_ms = 0;
  double sum = 0, sum_lost = 0;  ///< compensated: the sum is their sum
  double mean = 0, m2 = 0;       ///< Σ(v − mean)²

  /// Adds a sample later than all before; a staleness marker too.
  void add(const Sample& sample) noexcept;
  /// Adds the cell of an interval that follows.
  void merge(const Cell& next) noexcept;

  [[nodiscard]] bool empty() const noexcept { return n == 0; }
  [[nodiscard]] double sum_value() const noexcept;
  [[nodiscard]] std::optional<double> avg() const noexcept;
  [[nodiscard]] std::optional<double> stdvar() const noexcept;
};

/// A cell and its interval (start_ms, start_ms + resolution].
struct TimedCell {
  TimeMs start_ms = 0;
  Cell cell;
};

}  // namespace hygge
