// Window functions over cells: what function.h computes from samples, from their merged state.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <optional>
#include <span>
#include <vector>

#include "window/function.h"

namespace hygge::windows {

/// Whether cells hold what `function` needs: all but quantile.
[[nodiscard]] bool cells_suffice(Function function) noexcept;

/// `spec` over the window that ends at `end_ms`, for a step at `at_ms`. `window` holds exactly the
/// samples of the window, merged with the spec's lookback; `before` those before it that are known
/// (only its last sample is read, for the functions that count the step into the window).
[[nodiscard]] std::optional<double> apply(const Spec& spec, const Cell& window, const Cell& before,
                                          TimeMs end_ms, TimeMs at_ms) noexcept;

/// Adds samples, staleness markers among them, to the cells of (k·R, (k + 1)·R] that they fall in.
/// `t` rises, and is later than all that `cells` holds. `resolution_ms` > 0.
void add_to_cells(std::span<const TimeMs> t, std::span<const double> v, DurationMs resolution_ms,
                  std::vector<TimedCell>& cells);

}  // namespace hygge::windows
