// The public face of a parsed expression.
#include <utility>

#include "promql/parser.h"

namespace hygge::promql {

std::string_view to_string(ValueType type) noexcept {
  switch (type) {
    case ValueType::scalar:
      return "scalar";
    case ValueType::vector:
      return "vector";
    case ValueType::matrix:
      return "matrix";
    case ValueType::string:
      return "string";
  }
  return "scalar";
}

Expression::Expression(std::shared_ptr<const Node> root,
                       std::shared_ptr<const std::string> text) noexcept
    : root_(std::move(root)), text_(std::move(text)) {}

ValueType Expression::type() const noexcept { return root_->type; }

const std::string& Expression::text() const noexcept { return *text_; }

Result<Expression> parse(std::string_view text, Dialect dialect) {
  auto tree = parse_tree(text, nullptr, dialect);
  if (!tree) return tl::unexpected(std::move(tree.error()));
  return Expression(std::shared_ptr<const Node>(std::move(*tree)),
                    std::make_shared<const std::string>(text));
}

Result<void> supported(const Expression& expression) {
  return check_supported(expression.text(), expression.root());
}

std::string to_string(const Expression& expression) { return to_text(expression.root()); }

}  // namespace hygge::promql
