// Which samples an expression needs: equal selectors whose ranges touch share one slot, so that
// they share the lookup and the decoding.
#pragma once

#include <hygge/labels.h>

#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "promql/ast.h"
#include "promql/rows.h"
#include "promql/source.h"

namespace hygge::promql {

struct Plan {
  struct Slot {
    SourceRequest request;
    std::size_t uses = 0;
  };
  std::vector<Slot> slots;
  std::unordered_map<const Node*, std::size_t> slot_of;  ///< by selector node
  std::unordered_map<const Node*, TimeRange> range_of;   ///< what the node needs of its slot
  /// Parts that are the same at all steps though they read samples: whatever they select is pinned
  /// by `@`, and nothing in them asks for the step's time.
  std::unordered_set<const Node*> same_at_all_steps;
  /// By selector node: the name of the metric that it asks for, where of the labels of its series
  /// nothing else is read: all of them go into one group. A fifth of a sum over a day's cells was
  /// making labels.
  std::unordered_map<const Node*, Labels> name_suffices;
};

/// What a plan depends on beside the tree.
struct PlanSettings {
  Steps query;  ///< `@ start()` and `@ end()` are its ends, also where no step is the end
  DurationMs lookback_ms = 0;
  DurationMs subquery_step_ms = 0;
};

[[nodiscard]] Plan make_plan(const Node& root, const PlanSettings& settings);

/// The steps that a selector or subquery looks back from: `grid` moved by offset and `@`. Pinned,
/// it has one step only, which stands for all.
[[nodiscard]] Grid shifted_grid(const Grid& grid, const TimeShift& shift, const Steps& query);

/// The steps that a subquery's child is evaluated at. Absolute: the multiples of the step after the
/// earliest window's start, up to the last window's end. `count` may be 0.
[[nodiscard]] Grid subquery_grid(const Grid& windows, DurationMs range_ms, DurationMs step_ms);

}  // namespace hygge::promql
