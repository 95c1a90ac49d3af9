// What Prometheus refuses between parsing and evaluating, in its words.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "model/quote.h"
#include "promql/dates.h"
#include "promql/functions.h"
#include "promql/parser.h"

namespace hygge::promql {

namespace {

std::string_view documented(ValueType type) {
  switch (type) {
    case ValueType::scalar:
      return "scalar";
    case ValueType::vector:
      return "instant vector";
    case ValueType::matrix:
      return "range vector";
    case ValueType::string:
      return "string";
  }
  return "scalar";
}

class Checker {
 public:
  Checker(std::string_view text, Node& node) : text_(text), node_(node) {}

  Result<void> operator()(const NumberLiteral& /*form*/) { return is(ValueType::scalar); }
  Result<void> operator()(const StringLiteral& /*form*/) { return is(ValueType::string); }
  Result<void> operator()(const VectorSelector& /*form*/) { return is(ValueType::vector); }
  Result<void> operator()(const MatrixSelector& /*form*/) { return is(ValueType::matrix); }
  Result<void> operator()(const Paren& form) { return is(form.child->type); }
  Result<void> operator()(const Let& form) { return is(form.body->type); }
  Result<void> operator()(const Reference& form) { return is(form.target->type); }

  Result<void> operator()(const Subquery& form) {
    if (form.child->type != ValueType::vector) {
      return refuse(node_.span,
                    fmt::format("subquery is only allowed on instant vector, got {} instead",
                                to_string(form.child->type)));
    }
    return is(ValueType::matrix);
  }

  Result<void> operator()(const Unary& form) {
    if (!is_operand(*form.child)) {
      return refuse(node_.span, fmt::format("unary expression only allowed on expressions of type "
                                            "scalar or instant vector, got {}",
                                            quoted(documented(form.child->type))));
    }
    return is(form.child->type);
  }

  Result<void> operator()(const Call& form) {
    const Function& function = *form.function;
    const std::size_t count = form.arguments.size();
    const std::size_t least = function.least_arguments();
    if (function.variadic == 0 && count != least) return bad_count("", least, form);
    if (count < least) return bad_count("at least ", least, form);
    if (function.variadic > 0 && count > function.argument_count) {
      return bad_count("at most ", function.argument_count, form);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const ValueType wanted = function.arguments[std::min(i, function.argument_count - 1)];
      const Node& argument = *form.arguments[i];
      // hour("Asia/Tokyo"): the step's time, in a zone.
      const bool zone_only =
          function.kind == FunctionKind::date && function.argument_count == 2 && count == 1;
      if (zone_only && argument.type == ValueType::string) continue;
      if (argument.type != wanted) {
        return refuse(argument.span, fmt::format("expected type {} in call to function {}, got {}",
                                                 documented(wanted), quoted(function.name),
                                                 documented(argument.type)));
      }
    }
    if (function.kind == FunctionKind::date && count > 0 &&
        form.arguments.back()->type == ValueType::string) {
      const Node& zone = *form.arguments.back();
      const std::string& name = std::get<StringLiteral>(bare(zone).form).value;
      if (!find_zone(name)) {
        return refuse(zone.span, fmt::format("no time zone is called {}", quoted(name)));
      }
    }
    return is(function.returns);
  }

  Result<void> operator()(const Aggregation& form) {
    if (auto good = expect(*form.child, ValueType::vector, "aggregation expression"); !good) {
      return good;
    }
    if (form.parameter) {
      const ValueType wanted =
          form.op == AggregateOp::count_values ? ValueType::string : ValueType::scalar;
      if (auto good = expect(*form.parameter, wanted, "aggregation parameter"); !good) return good;
    }
    return is(ValueType::vector);
  }

  Result<void> operator()(const Binary& form) {
    const bool comparison = is_comparison(form.op);
    const bool scalars =
        form.left->type == ValueType::scalar && form.right->type == ValueType::scalar;
    if (form.return_bool && !comparison) {
      return refuse(form.op_span, "bool modifier can only be used on comparison operators");
    }
    if (comparison && !form.return_bool && scalars) {
      return refuse(form.op_span, "comparisons between scalars must use BOOL modifier");
    }
    if (auto good = check_matching(form); !good) return good;
    for (const Node* side : {form.left.get(), form.right.get()}) {
      if (!is_operand(*side)) {
        return refuse(side->span,
                      "binary expression must contain only scalar and instant vector types");
      }
    }
    const bool vectors =
        form.left->type == ValueType::vector && form.right->type == ValueType::vector;
    if (!vectors && form.matching.written && !form.matching.labels.empty()) {
      return refuse(form.op_span, "vector matching only allowed between instant vectors");
    }
    if (!vectors && is_set_operator(form.op)) {
      return refuse(form.op_span,
                    fmt::format("set operator {} not allowed in binary scalar expression",
                                quoted(to_string(form.op))));
    }
    return is(scalars ? ValueType::scalar : ValueType::vector);
  }

 private:
  Result<void> is(ValueType type) {
    node_.type = type;
    return {};
  }
  [[nodiscard]] Result<void> refuse(TextSpan span, std::string_view message) const {
    return tl::unexpected(text_error(ErrorCode::parse, text_, span, message));
  }
  [[nodiscard]] Result<void> bad_count(std::string_view bound, std::size_t count,
                                       const Call& form) const {
    return refuse(node_.span,
                  fmt::format("expected {}{} argument(s) in call to {}, got {}", bound, count,
                              quoted(form.function->name), form.arguments.size()));
  }
  [[nodiscard]] Result<void> expect(const Node& node, ValueType wanted,
                                    std::string_view context) const {
    if (node.type == wanted) return {};
    return refuse(node.span, fmt::format("expected type {} in {}, got {}", documented(wanted),
                                         context, documented(node.type)));
  }
  static bool is_operand(const Node& node) {
    return node.type == ValueType::scalar || node.type == ValueType::vector;
  }

  [[nodiscard]] Result<void> check_matching(const Binary& form) const {
    if (!form.matching.on) return {};
    for (const std::string& label : form.matching.labels) {
      const auto& include = form.matching.include;
      if (std::find(include.begin(), include.end(), label) != include.end()) {
        return refuse(
            form.op_span,
            fmt::format("label {} must not occur in ON and GROUP clause at once", quoted(label)));
      }
    }
    return {};
  }

  std::string_view text_;
  Node& node_;
};

class Support {
 public:
  explicit Support(std::string_view text) : text_(text) {}

  Result<void> check(const Node& node) {
    return std::visit([&](const auto& form) { return look(node, form); }, node.form);
  }

 private:
  Result<void> look(const Node& /*node*/, const NumberLiteral& /*form*/) { return {}; }
  Result<void> look(const Node& /*node*/, const StringLiteral& /*form*/) { return {}; }
  Result<void> look(const Node& node, const VectorSelector& form) {
    return edges(node, form.shift);
  }
  Result<void> look(const Node& node, const MatrixSelector& form) {
    return edges(node, form.shift);
  }
  Result<void> look(const Node& /*node*/, const Subquery& form) { return check(*form.child); }
  Result<void> look(const Node& /*node*/, const Unary& form) { return check(*form.child); }
  Result<void> look(const Node& /*node*/, const Paren& form) { return check(*form.child); }
  Result<void> look(const Node& /*node*/, const Reference& /*form*/) { return {}; }
  Result<void> look(const Node& /*node*/, const Let& form) {
    for (const Let::Binding& one : form.bindings) {
      if (auto good = check(*one.value); !good) return good;
    }
    return check(*form.body);
  }
  Result<void> look(const Node& node, const Call& form) {
    if (form.function->kind == FunctionKind::unsupported) {
      return refuse(node.span, fmt::format("the function {}() is", form.function->name));
    }
    for (const NodePtr& argument : form.arguments) {
      if (auto good = check(*argument); !good) return good;
    }
    return {};
  }
  Result<void> look(const Node& /*node*/, const Aggregation& form) {
    if (form.parameter) {
      if (auto good = check(*form.parameter); !good) return good;
    }
    return check(*form.child);
  }
  Result<void> look(const Node& /*node*/, const Binary& form) {
    if (form.op == BinaryOp::trim_upper || form.op == BinaryOp::trim_lower) {
      return refuse(form.op_span, fmt::format("the operator {} is", to_string(form.op)));
    }
    if (auto good = check(*form.left); !good) return good;
    return check(*form.right);
  }

  Result<void> edges(const Node& node, const TimeShift& shift) {
    if (shift.edges == Edges::plain) return {};
    return refuse(node.span, fmt::format("the modifier {} is",
                                         shift.edges == Edges::anchored ? "anchored" : "smoothed"));
  }
  [[nodiscard]] Result<void> refuse(TextSpan span, std::string_view what) const {
    return tl::unexpected(text_error(ErrorCode::invalid_argument, text_, span,
                                     fmt::format("{} not supported yet", what)));
  }

  std::string_view text_;
};

}  // namespace

Result<void> check_supported(std::string_view text, const Node& node) {
  return Support(text).check(node);
}

Result<void> check_node(std::string_view text, Node& node) {
  return std::visit(Checker(text, node), node.form);
}

}  // namespace hygge::promql
