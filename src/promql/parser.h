// From text to a typed tree: recursive descent, with a precedence table for the operators.
#pragma once

#include <memory>
#include <string_view>

#include "promql/ast.h"

namespace hygge::promql {

/// The tree of `text`; also after `check`. Errors as promql::parse.
[[nodiscard]] Result<NodePtr> parse_tree(std::string_view text);

/// What Prometheus refuses before it evaluates: types, numbers of arguments, modifiers that do not
/// go together; and what is not supported yet. Looks at this node only, not below it: the parser
/// calls it for each node it has made. Sets the node's type.
[[nodiscard]] Result<void> check_node(std::string_view text, Node& node);

}  // namespace hygge::promql
