// quantile_over_time over the values of cells: each sample by its place among the others, each
// window as good as its cells are.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <span>
#include <vector>

#include "window/function.h"

namespace hygge::windows {

/// How far the quantile of a step may be off.
struct QuantileBound {
  /// Each of the two values between which it lies is off by at most this share of itself. 0: exact.
  double accuracy = 0;
  double bound = 0;  ///< what that amounts to
};

/// Fills `out` for the windows that end at grid.at(i) − offset_ms, from cells that lie whole in
/// them. `values` are those of `cells`, ends[i] is where cells[i] ends; starts and ends rise.
/// O((entries + steps) · log entries).
[[nodiscard]] std::vector<QuantileBound> quantiles(const Spec& spec,
                                                   std::span<const TimedCell> cells,
                                                   const CellValues& values,
                                                   std::span<const TimeMs> ends, const Steps& grid,
                                                   DurationMs offset_ms, RowOut out);

}  // namespace hygge::windows
