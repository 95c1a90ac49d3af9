// Words in front of an operand: aggregations, functions, numbers and metrics.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/near.h"
#include "model/quote.h"
#include "promql/functions.h"
#include "promql/parser_impl.h"

namespace hygge::promql {

namespace {

struct AggregateRow {
  std::string_view word;
  AggregateOp op;
};
constexpr std::array<AggregateRow, 14> kAggregates{{
    {"sum", AggregateOp::sum},
    {"avg", AggregateOp::avg},
    {"min", AggregateOp::min},
    {"max", AggregateOp::max},
    {"count", AggregateOp::count},
    {"group", AggregateOp::group},
    {"stddev", AggregateOp::stddev},
    {"stdvar", AggregateOp::stdvar},
    {"quantile", AggregateOp::quantile},
    {"topk", AggregateOp::topk},
    {"bottomk", AggregateOp::bottomk},
    {"count_values", AggregateOp::count_values},
    {"limitk", AggregateOp::limitk},
    {"limit_ratio", AggregateOp::limit_ratio},
}};

// Words that are no metric name where an operand may stand.
constexpr std::array<std::string_view, 6> kNoOperand{"bool",       "on",          "ignoring",
                                                     "group_left", "group_right", "atan2"};

}  // namespace

// A word in front of an operand: aggregation, function, number or metric.
Result<NodePtr> Parser::word() {
  const TokenKind after = in_.peek().kind;
  const TextSpan span = in_.token().span;
  for (const AggregateRow& row : kAggregates) {
    if (in_.is_word(row.word) && (after == TokenKind::left_paren || grouping_follows())) {
      return aggregation(row.op);
    }
  }
  if (in_.is_word("inf") || in_.is_word("nan")) {
    const double value = in_.is_word("inf") ? std::numeric_limits<double>::infinity()
                                            : std::numeric_limits<double>::quiet_NaN();
    in_.advance();
    return finish(NumberLiteral{value}, span, {});
  }
  for (const std::string_view reserved : kNoOperand) {
    if (in_.is_word(reserved)) return error_at(span, fmt::format("unexpected <{}>", reserved));
  }
  if (after == TokenKind::left_paren) return call();
  if (in_.token_text() == being_bound_) {
    return error_at(span, fmt::format("{} is bound by let to an expression that names it",
                                      quoted(being_bound_)));
  }
  if (const Node* target = find_let(in_.token_text())) return reference(*target);
  return vector_selector();
}

bool Parser::grouping_follows() const {
  const Token after = in_.peek();
  if (after.kind != TokenKind::identifier) return false;
  const std::string_view text = in_.text_of(after);
  return same_word(text, "by") || same_word(text, "without");
}

Result<bool> Parser::grouping(Aggregation& form) {
  if (!in_.is_word("by") && !in_.is_word("without")) return false;
  form.without = in_.is_word("without");
  in_.advance();
  auto labels = label_list();
  if (!labels) return Failure(labels.error());
  form.labels = std::move(*labels);
  return true;
}

Result<NodePtr> Parser::aggregation(AggregateOp op) {
  const std::size_t begin = in_.token().span.begin;
  Aggregation form;
  form.op = op;
  in_.advance();
  auto grouped = grouping(form);
  if (!grouped) return Failure(grouped.error());
  auto arguments = call_arguments("aggregation");
  if (!arguments) return Failure(arguments.error());
  if (!*grouped) {
    grouped = grouping(form);
    if (!grouped) return Failure(grouped.error());
  }
  const TextSpan span{begin, in_.last_end()};
  const std::size_t expected = takes_parameter(op) ? 2 : 1;
  if (arguments->empty()) {
    return error_at(span, "no arguments for aggregate expression provided");
  }
  if (arguments->size() != expected) {
    return error_at(span, fmt::format("wrong number of arguments for aggregate expression "
                                      "provided, expected {}, got {}",
                                      expected, arguments->size()));
  }
  form.child = std::move(arguments->back());
  if (expected == 2) form.parameter = std::move(arguments->front());
  const Node* const child = form.child.get();
  const Node* const parameter = form.parameter.get();
  return finish(std::move(form), span, {child, parameter});
}

Result<NodePtr> Parser::call() {
  const TextSpan name_span = in_.token().span;
  const std::string name(in_.token_text());
  const Function* function = find_function(name);
  const bool ours = function != nullptr && function->kind == FunctionKind::topk_range;
  if (function == nullptr || (ours && dialect_ == Dialect::promql)) {
    return error_at(name_span, "unknown function with name " + quoted(name), near_name(name));
  }
  in_.advance();
  if (function->kind == FunctionKind::date && dialect_ == Dialect::promql) {
    function = &function_without_zone(function->name);
  }
  const bool info = function->kind == FunctionKind::info;
  auto arguments = call_arguments("function call", info);
  if (!arguments) return Failure(arguments.error());
  auto node =
      finish(Call{function, std::move(*arguments), nullptr}, {name_span.begin, in_.last_end()}, {});
  return node && info ? complete_info(std::move(*node)) : std::move(node);
}

// The second argument of info() names labels; what it selects is said by its `__name__` matchers,
// `target_info` without any, as of the time that the first argument looks at.
Result<NodePtr> Parser::complete_info(NodePtr node) {
  auto& call = std::get<Call>(node->form);
  Selector selector;
  TextSpan span = node->span;
  if (call.arguments.size() > 1) {
    auto* written = std::get_if<VectorSelector>(&call.arguments[1]->form);
    span = call.arguments[1]->span;
    if (written == nullptr || text_[span.begin] != '{') {
      return error_at(span, "expected label selectors only, got vector selector instead");
    }
    selector = written->selector;
    call.written_selector = std::move(call.arguments[1]);
    call.arguments.pop_back();
  }
  const auto names = [](const Matcher& m) { return m.name == kNameLabel; };
  const auto positive = [&](const Matcher& m) {
    return names(m) && (m.op == MatchOp::equal || m.op == MatchOp::regex);
  };
  auto& matchers = selector.matchers;
  if (std::none_of(matchers.begin(), matchers.end(), names)) {
    matchers.push_back({std::string(kNameLabel), MatchOp::equal, "target_info"});
  } else if (std::none_of(matchers.begin(), matchers.end(), positive)) {
    matchers.push_back({std::string(kNameLabel), MatchOp::regex, ".+_info"});
  }
  auto infos = finish(VectorSelector{std::move(selector), {}}, span, {});
  if (!infos) return infos;
  std::get<VectorSelector>((*infos)->form).shift = first_shift(*call.arguments[0]);
  call.arguments.push_back(std::move(*infos));
  return node;
}

// Where the first selector below `node` looks: offsets add up through subqueries, up to an `@`.
TimeShift Parser::first_shift(const Node& node) {
  std::vector<const TimeShift*> outside;
  const Node* at = &node;
  TimeShift result;
  while (at != nullptr) {
    at = &bare(*at);
    if (const auto* subquery = std::get_if<Subquery>(&at->form)) {
      outside.push_back(&subquery->shift);
      at = subquery->child.get();
      continue;
    }
    if (const auto* vector = std::get_if<VectorSelector>(&at->form)) result = vector->shift;
    if (const auto* matrix = std::get_if<MatrixSelector>(&at->form)) result = matrix->shift;
    at = first_child(*at);
  }
  for (; result.pin == TimeShift::Pin::none && !outside.empty(); outside.pop_back()) {
    const TimeShift& outer = *outside.back();
    result.offset.ms += outer.offset.ms;
    result.pin = outer.pin;
    result.pin_ms = outer.pin_ms;
  }
  result.edges = Edges::plain;
  return result;
}

// The child that holds the first selector, or null.
const Node* Parser::first_child(const Node& node) {
  const auto has_selector = [](const NodePtr& child) {
    return child && (child->type == ValueType::vector || child->type == ValueType::matrix);
  };
  if (const auto* call = std::get_if<Call>(&node.form)) {
    const auto child = std::find_if(call->arguments.begin(), call->arguments.end(), has_selector);
    return child == call->arguments.end() ? nullptr : child->get();
  }
  if (const auto* aggregation = std::get_if<Aggregation>(&node.form)) {
    return aggregation->child.get();
  }
  if (const auto* unary = std::get_if<Unary>(&node.form)) return unary->child.get();
  if (const auto* binary = std::get_if<Binary>(&node.form)) {
    return has_selector(binary->left) ? binary->left.get() : binary->right.get();
  }
  return nullptr;
}

std::string Parser::near_name(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Function& function : all_functions()) names.push_back(function.name);
  for (const AggregateRow& row : kAggregates) names.push_back(row.word);
  const std::string_view near = nearest(name, names);
  return near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near);
}

Result<std::vector<NodePtr>> Parser::call_arguments(std::string_view context, bool info) {
  if (!in_.skip(TokenKind::left_paren)) return unexpected(context, "\"(\"");
  std::vector<NodePtr> arguments;
  while (!in_.is(TokenKind::right_paren) || !arguments.empty()) {
    const bool any_labels = info && arguments.size() == 1 && in_.is(TokenKind::left_brace);
    auto argument = any_labels ? vector_selector(true) : expression(kOr);
    if (!argument) return Failure(argument.error());
    arguments.push_back(std::move(*argument));
    if (in_.is(TokenKind::right_paren)) break;
    if (!in_.skip(TokenKind::comma)) return unexpected(context, "\",\" or \")\"");
    if (in_.is(TokenKind::right_paren)) {
      return error_at(in_.token().span, "trailing commas not allowed in function call args");
    }
  }
  in_.advance();
  return arguments;
}

}  // namespace hygge::promql
