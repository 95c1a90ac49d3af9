// Cells of runs of samples, a few nanoseconds a sample: for sealing and for windows over what has
// no cells yet.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <cstdint>
#include <span>
#include <vector>

namespace hygge::windows {

/// Adds samples, staleness markers among them, to the cells of (k·R, (k + 1)·R] that they fall in.
/// `t` rises, and is later than all that `cells` holds. `resolution_ms` > 0. Parts that are not
/// asked for may be left 0. Equal samples in one call give equal cells.
void add_to_cells(std::span<const TimeMs> t, std::span<const double> v, DurationMs resolution_ms,
                  std::vector<TimedCell>& cells, CellParts parts = {});

/// Merges cells into those of a resolution that theirs divides, in order of time: behind those in
/// `out`, the last of which may go on. `out` is not what `cells` lie in.
void coarser(std::span<const TimedCell> cells, DurationMs resolution_ms,
             std::vector<TimedCell>& out);

/// The start of the interval (k·R, (k + 1)·R] that holds `t_ms`.
[[nodiscard]] TimeMs interval_start(TimeMs t_ms, DurationMs resolution_ms) noexcept;

}  // namespace hygge::windows
