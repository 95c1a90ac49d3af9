// Window functions over cells: what function.h computes from samples, from their merged state.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <optional>

#include "window/cell_builder.h"
#include "window/function.h"

namespace hygge::windows {

/// Whether merged cells say what `function` needs: all but quantile, see cell_quantiles.h.
[[nodiscard]] bool cells_suffice(Function function) noexcept;

/// The parts of a cell that `function` reads.
[[nodiscard]] CellParts parts_of(Function function) noexcept;

/// `spec` over the window that ends at `end_ms`, for a step at `at_ms`. `window` holds exactly the
/// samples of the window, merged with the spec's lookback; `before` those before it that are known
/// (only its last sample is read, for the functions that count the step into the window).
[[nodiscard]] std::optional<double> apply(const Spec& spec, const Cell& window, const Cell& before,
                                          TimeMs end_ms, TimeMs at_ms) noexcept;

}  // namespace hygge::windows
