// From text to a typed tree: recursive descent, with a precedence table for the operators.
#pragma once

#include <memory>
#include <string_view>

#include "promql/ast.h"

namespace hygge::promql {

/// What durations may depend on: `step()` and `range()` of the query that is about to run.
struct Bindings {
  DurationMs step_ms = 0;  ///< 0 in an instant query
  DurationMs range_ms = 0;
};

/// The tree of `text`; also after `check`. Errors as promql::parse. Without `bindings` durations
/// that depend on them have no value, and root.bound_to_steps says that the text is to be parsed
/// again.
[[nodiscard]] Result<NodePtr> parse_tree(std::string_view text, const Bindings* bindings = nullptr,
                                         Dialect dialect = Dialect::hygge);

/// What parses and cannot be evaluated yet, in or below `node`. Errors: invalid_argument, with its
/// place.
[[nodiscard]] Result<void> check_supported(std::string_view text, const Node& node);

/// What Prometheus refuses before it evaluates: types, numbers of arguments, modifiers that do not
/// go together. Looks at this node only, not below it: the parser
/// calls it for each node it has made. Sets the node's type.
[[nodiscard]] Result<void> check_node(std::string_view text, Node& node);

}  // namespace hygge::promql
