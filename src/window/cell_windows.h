// Window functions over cells, for every step of a grid at once: evaluate() of function.h, where
// the samples are cells.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <span>

#include "window/function.h"

namespace hygge::windows {

/// Merges the `parts` of a cell that follows, and all that every cell has.
void merge(Cell& into, const Cell& next, DurationMs lookback_ms, CellParts parts) noexcept;

/// Fills `out` for the windows that end at grid.at(i) − offset_ms. `cells` rise, each holds the
/// samples after its start and not after the next one's, and none reaches over the beginning or the
/// end of a window. They need to hold the samples of (first step − offset − reach, last step −
/// offset]. Only for functions that cells suffice for. O(cells + steps), some of them twice.
void evaluate(const Spec& spec, std::span<const TimedCell> cells, const Steps& grid,
              DurationMs offset_ms, RowOut out);

/// The same where a cell may reach over the beginning or the end of a window, which then goes
/// without it: `ends[i]` is where cells[i] ends. Both rise.
void evaluate(const Spec& spec, std::span<const TimedCell> cells, std::span<const TimeMs> ends,
              const Steps& grid, DurationMs offset_ms, RowOut out);

/// Whether `function` reads nothing of cells but what CellCounts has.
[[nodiscard]] bool counts_suffice(Function function) noexcept;

/// The same for functions that counts suffice for, several times as fast; equal but for the order
/// in which values before resets are added up.
void evaluate(const Spec& spec, const CellCounts& cells, const Steps& grid, DurationMs offset_ms,
              RowOut out);

}  // namespace hygge::windows
