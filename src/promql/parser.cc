#include "promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/near.h"
#include "base/utf8.h"
#include "model/lexer.h"
#include "model/quote.h"
#include "model/selector_parser.h"
#include "promql/functions.h"

namespace hygge::promql {

namespace {

// Bounds the stack of all that walks a tree.
constexpr std::uint32_t kMaxDepth = 300;

// Low to high; unary plus and minus stand between `*` and `^`.
constexpr int kOr = 1;
constexpr int kAnd = 2;
constexpr int kCompare = 3;
constexpr int kAdd = 4;
constexpr int kMultiply = 5;
constexpr int kPower = 6;

struct OperatorRow {
  TokenKind kind;
  std::string_view word;  // for operators that are words
  BinaryOp op;
  int precedence;
};
constexpr std::array<OperatorRow, 18> kOperators{{
    {TokenKind::identifier, "or", BinaryOp::set_or, kOr},
    {TokenKind::identifier, "and", BinaryOp::set_and, kAnd},
    {TokenKind::identifier, "unless", BinaryOp::set_unless, kAnd},
    {TokenKind::equal, "", BinaryOp::equal, kCompare},
    {TokenKind::not_equal, "", BinaryOp::not_equal, kCompare},
    {TokenKind::less, "", BinaryOp::less, kCompare},
    {TokenKind::less_equal, "", BinaryOp::less_equal, kCompare},
    {TokenKind::greater, "", BinaryOp::greater, kCompare},
    {TokenKind::greater_equal, "", BinaryOp::greater_equal, kCompare},
    {TokenKind::trim_upper, "", BinaryOp::trim_upper, kCompare},
    {TokenKind::trim_lower, "", BinaryOp::trim_lower, kCompare},
    {TokenKind::add, "", BinaryOp::add, kAdd},
    {TokenKind::subtract, "", BinaryOp::subtract, kAdd},
    {TokenKind::multiply, "", BinaryOp::multiply, kMultiply},
    {TokenKind::divide, "", BinaryOp::divide, kMultiply},
    {TokenKind::modulo, "", BinaryOp::modulo, kMultiply},
    {TokenKind::identifier, "atan2", BinaryOp::atan2, kMultiply},
    {TokenKind::power, "", BinaryOp::power, kPower},
}};

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

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), in_(text) {}

  Result<NodePtr> parse() {
    if (in_.is(TokenKind::end)) {
      return tl::unexpected(
          text_error(ErrorCode::parse, text_, {0, text_.size()}, "no expression found in input"));
    }
    auto root = expression(kOr);
    if (root && !in_.is(TokenKind::end)) return tl::unexpected(in_.unexpected("", ""));
    return root;
  }

 private:
  using Failure = tl::unexpected<Error>;

  Failure error_at(TextSpan span, std::string_view message, std::string detail = {}) const {
    return Failure(text_error(ErrorCode::parse, text_, span, message, std::move(detail)));
  }
  Failure unsupported(TextSpan span, std::string_view what) const {
    return Failure(text_error(ErrorCode::invalid_argument, text_, span,
                              fmt::format("{} not supported yet", what)));
  }
  Failure unexpected(std::string_view context, std::string_view expected) const {
    return Failure(in_.unexpected(context, expected));
  }

  // Makes a node, with its depth and, by check_node, its type.
  template <typename Form>
  Result<NodePtr> finish(Form form, TextSpan span, std::initializer_list<const Node*> children) {
    auto node = std::make_unique<Node>();
    node->span = span;
    for (const Node* child : children) deepen(*node, child);
    if constexpr (std::is_same_v<Form, Call>) {
      for (const NodePtr& argument : form.arguments) deepen(*node, argument.get());
    }
    node->form = std::move(form);
    if (node->depth > kMaxDepth) return too_deep(span);
    if (auto good = check_node(text_, *node); !good) return Failure(good.error());
    return node;
  }
  static void deepen(Node& node, const Node* child) {
    if (child != nullptr) node.depth = std::max(node.depth, child->depth + 1);
  }
  Failure too_deep(TextSpan span) const {
    return Failure(text_error(
        ErrorCode::limit, text_, span,
        fmt::format("the expression is nested deeper than {}: simplify it, or use a regex matcher "
                    "instead of a long chain of operators",
                    kMaxDepth)));
  }

  const OperatorRow* binary_operator() const {
    for (const OperatorRow& row : kOperators) {
      if (row.word.empty() ? in_.is(row.kind) : in_.is_word(row.word)) return &row;
    }
    return nullptr;
  }

  // An expression of operators that bind at least as tightly as `lowest`.
  Result<NodePtr> expression(int lowest) {
    if (++nesting_ > kMaxDepth) return too_deep(in_.token().span);
    auto left = operand();
    while (left) {
      const OperatorRow* row = binary_operator();
      if (row == nullptr || row->precedence < lowest) break;
      left = binary(std::move(*left), *row);
    }
    --nesting_;
    return left;
  }

  Result<NodePtr> binary(NodePtr left, const OperatorRow& row) {
    Binary form;
    form.op = row.op;
    form.op_span = in_.token().span;
    in_.advance();
    if (auto good = binary_modifiers(form); !good) return Failure(good.error());
    // `^` is right-associative: its right operand may be another `^`.
    auto right = expression(row.precedence == kPower ? kPower : row.precedence + 1);
    if (!right) return right;
    const TextSpan span{left->span.begin, (*right)->span.end};
    form.left = std::move(left);
    form.right = std::move(*right);
    const Node* const l = form.left.get();
    const Node* const r = form.right.get();
    return finish(std::move(form), span, {l, r});
  }

  Result<void> binary_modifiers(Binary& form) {
    if (in_.is_word("bool")) {
      form.return_bool = true;
      in_.advance();
    }
    Matching& matching = form.matching;
    if (is_set_operator(form.op)) matching.cardinality = Cardinality::many_to_many;
    if (!in_.is_word("on") && !in_.is_word("ignoring")) return fill_modifier();
    matching.written = true;
    matching.on = in_.is_word("on");
    in_.advance();
    auto labels = label_list();
    if (!labels) return Failure(labels.error());
    matching.labels = std::move(*labels);
    if (in_.is_word("group_left") || in_.is_word("group_right")) {
      const TextSpan span = in_.token().span;
      if (is_set_operator(form.op)) {
        return error_at(
            span, fmt::format("no grouping allowed for {} operation", quoted(to_string(form.op))));
      }
      matching.cardinality =
          in_.is_word("group_left") ? Cardinality::many_to_one : Cardinality::one_to_many;
      in_.advance();
      if (in_.is(TokenKind::left_paren)) {
        auto include = label_list();
        if (!include) return Failure(include.error());
        matching.include = std::move(*include);
      }
    }
    return fill_modifier();
  }

  Result<void> fill_modifier() {
    for (const std::string_view word : {"fill", "fill_left", "fill_right"}) {
      if (in_.is_word(word) && in_.peek().kind == TokenKind::left_paren) {
        return unsupported(in_.token().span, fmt::format("the modifier {} is", word));
      }
    }
    return {};
  }

  // `(a, b, "quoted", )`, of by, without, on, ignoring, group_left and group_right.
  Result<std::vector<std::string>> label_list() {
    constexpr std::string_view kContext = "grouping opts";
    if (!in_.skip(TokenKind::left_paren)) return unexpected(kContext, "\"(\"");
    std::vector<std::string> labels;
    while (!in_.is(TokenKind::right_paren)) {
      const bool name = in_.is(TokenKind::identifier) && is_label_name(in_.token_text());
      if (!name && !in_.is(TokenKind::string)) return unexpected(kContext, "label");
      labels.push_back(name ? std::string(in_.token_text()) : string_value(in_.token_text()));
      if (labels.back().empty() || !is_utf8(labels.back())) return unexpected(kContext, "label");
      in_.advance();
      if (in_.is(TokenKind::right_paren)) break;
      if (!in_.skip(TokenKind::comma)) return unexpected(kContext, "\",\" or \")\"");
    }
    in_.advance();
    return labels;
  }

  Result<NodePtr> operand() {
    if (!in_.is(TokenKind::add) && !in_.is(TokenKind::subtract)) return postfix();
    const std::size_t begin = in_.token().span.begin;
    const bool negative = in_.is(TokenKind::subtract);
    in_.advance();
    auto child = expression(kPower);
    if (!child) return child;
    const TextSpan span{begin, (*child)->span.end};
    if (auto* number = std::get_if<NumberLiteral>(&(*child)->form)) {
      if (negative) number->value = -number->value;
      (*child)->span = span;
      return child;
    }
    const Node* const c = child->get();
    return finish(Unary{negative, std::move(*child)}, span, {c});
  }

  // An operand with what may follow it: [range], [range:step], offset, @.
  Result<NodePtr> postfix() {
    auto node = primary();
    while (node) {
      if (in_.is(TokenKind::left_bracket)) {
        node = brackets(std::move(*node));
      } else if (in_.is_word("offset")) {
        node = offset(std::move(*node));
      } else if (in_.is(TokenKind::at)) {
        node = pin(std::move(*node));
      } else if (in_.is_word("anchored") || in_.is_word("smoothed")) {
        return unsupported(in_.token().span, fmt::format("the modifier {} is", in_.token_text()));
      } else {
        break;
      }
    }
    return node;
  }

  Result<NodePtr> primary() {
    switch (in_.token().kind) {
      case TokenKind::number:
      case TokenKind::duration:
        return number();
      case TokenKind::string: {
        const TextSpan span = in_.token().span;
        std::string value = string_value(in_.token_text());
        in_.advance();
        return finish(StringLiteral{std::move(value)}, span, {});
      }
      case TokenKind::left_paren:
        return paren();
      case TokenKind::left_brace:
        return vector_selector();
      case TokenKind::identifier:
        return word();
      default:
        return unexpected("", "");
    }
  }

  Result<NodePtr> number() {
    const TextSpan span = in_.token().span;
    auto value = literal_value();
    if (!value) return Failure(value.error());
    return finish(NumberLiteral{*value}, span, {});
  }

  // The value in seconds or as is of a number or duration token, which is passed.
  Result<double> literal_value() {
    const std::string_view text = in_.token_text();
    double value = 0;
    if (in_.is(TokenKind::duration)) {
      const auto ms = parse_duration(text);
      if (!ms) return error_at(in_.token().span, ms.error().message);
      value = static_cast<double>(*ms) / 1000.0;
    } else {
      const auto parsed = number_value(text);
      if (!parsed) {
        return error_at(in_.token().span, "error parsing number: " + parsed.error().message);
      }
      value = *parsed;
    }
    in_.advance();
    return value;
  }

  Result<NodePtr> paren() {
    const std::size_t begin = in_.token().span.begin;
    in_.advance();
    auto child = expression(kOr);
    if (!child) return child;
    if (!in_.skip(TokenKind::right_paren)) return unexpected("parenthesised expression", "\")\"");
    const Node* const c = child->get();
    return finish(Paren{std::move(*child)}, {begin, in_.last_end()}, {c});
  }

  Result<NodePtr> vector_selector() {
    const std::size_t begin = in_.token().span.begin;
    auto selector = read_selector(in_);
    if (!selector) return Failure(selector.error());
    return finish(VectorSelector{std::move(*selector), {}}, {begin, in_.last_end()}, {});
  }

  // A word in front of an operand: aggregation, function, number or metric.
  Result<NodePtr> word() {
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
    return after == TokenKind::left_paren ? call() : vector_selector();
  }

  bool grouping_follows() const {
    const Token after = in_.peek();
    if (after.kind != TokenKind::identifier) return false;
    const std::string_view text = in_.text_of(after);
    return same_word(text, "by") || same_word(text, "without");
  }

  Result<bool> grouping(Aggregation& form) {
    if (!in_.is_word("by") && !in_.is_word("without")) return false;
    form.without = in_.is_word("without");
    in_.advance();
    auto labels = label_list();
    if (!labels) return Failure(labels.error());
    form.labels = std::move(*labels);
    return true;
  }

  Result<NodePtr> aggregation(AggregateOp op) {
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

  Result<NodePtr> call() {
    const TextSpan name_span = in_.token().span;
    const std::string name(in_.token_text());
    const Function* function = find_function(name);
    if (function == nullptr) {
      return error_at(name_span, "unknown function with name " + quoted(name), near_name(name));
    }
    in_.advance();
    auto arguments = call_arguments("function call");
    if (!arguments) return Failure(arguments.error());
    return finish(Call{function, std::move(*arguments)}, {name_span.begin, in_.last_end()}, {});
  }

  static std::string near_name(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Function& function : all_functions()) names.push_back(function.name);
    for (const AggregateRow& row : kAggregates) names.push_back(row.word);
    const std::string_view near = nearest(name, names);
    return near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near);
  }

  Result<std::vector<NodePtr>> call_arguments(std::string_view context) {
    if (!in_.skip(TokenKind::left_paren)) return unexpected(context, "\"(\"");
    std::vector<NodePtr> arguments;
    while (!in_.is(TokenKind::right_paren) || !arguments.empty()) {
      auto argument = expression(kOr);
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

  // A literal duration in ms, in brackets or after offset, with an optional sign.
  Result<DurationMs> duration(std::string_view context, bool may_be_negative) {
    const TextSpan begin = in_.token().span;
    bool negative = false;
    if (may_be_negative && (in_.is(TokenKind::add) || in_.is(TokenKind::subtract))) {
      negative = in_.is(TokenKind::subtract);
      in_.advance();
    }
    const bool call = in_.is(TokenKind::identifier) && in_.peek().kind == TokenKind::left_paren;
    if (call || in_.is(TokenKind::left_paren) || in_.is(TokenKind::add) ||
        in_.is(TokenKind::subtract)) {
      return unsupported(in_.token().span, "arithmetic with durations is");
    }
    if (!in_.is(TokenKind::number) && !in_.is(TokenKind::duration)) {
      return unexpected(context, "number, duration, step(), or range()");
    }
    const auto seconds = literal_value();
    if (!seconds) return Failure(seconds.error());
    const TextSpan span{begin.begin, in_.last_end()};
    const double ms = std::trunc((negative ? -*seconds : *seconds) * 1000.0);
    // About 292 years, as far as Prometheus goes.
    if (!(std::abs(ms) <= 9.2e12)) return error_at(span, "duration out of range");
    if (!may_be_negative && ms <= 0) return error_at(span, "duration must be greater than 0");
    return static_cast<DurationMs>(ms);
  }

  Result<NodePtr> brackets(NodePtr node) {
    constexpr std::string_view kContext = "subquery or range selector";
    in_.advance();
    auto range = duration(kContext, false);
    if (!range) return Failure(range.error());
    DurationMs step_ms = 0;
    const bool subquery = in_.skip(TokenKind::colon);
    if (subquery && !in_.is(TokenKind::right_bracket)) {
      auto step = duration(kContext, false);
      if (!step) return Failure(step.error());
      step_ms = *step;
    }
    if (binary_operator() != nullptr) {
      return unsupported(in_.token().span, "arithmetic with durations is");
    }
    if (!in_.skip(TokenKind::right_bracket)) return unexpected(kContext, "\"]\"");
    const TextSpan span{node->span.begin, in_.last_end()};
    if (subquery) {
      const Node* const child = node.get();
      return finish(Subquery{std::move(node), *range, step_ms, {}}, span, {child});
    }
    auto* selector = std::get_if<VectorSelector>(&node->form);
    if (selector == nullptr) return error_at(span, "ranges only allowed for vector selectors");
    if (selector->shift.has_offset) {
      return error_at(span, "no offset modifiers allowed before range");
    }
    if (selector->shift.pin != TimeShift::Pin::none) {
      return error_at(span, "no @ modifiers allowed before range");
    }
    return finish(MatrixSelector{std::move(selector->selector), *range, {}}, span, {});
  }

  static TimeShift* shift_of(Node& node) {
    if (auto* vector = std::get_if<VectorSelector>(&node.form)) return &vector->shift;
    if (auto* matrix = std::get_if<MatrixSelector>(&node.form)) return &matrix->shift;
    if (auto* subquery = std::get_if<Subquery>(&node.form)) return &subquery->shift;
    return nullptr;
  }

  Result<NodePtr> offset(NodePtr node) {
    TimeShift* shift = shift_of(*node);
    const TextSpan word = in_.token().span;
    in_.advance();
    const auto ms = duration("offset", true);
    if (!ms) return Failure(ms.error());
    const TextSpan span{node->span.begin, in_.last_end()};
    if (shift == nullptr) {
      return error_at({node->span.begin, word.end},
                      "offset modifier must be preceded by an instant vector selector or range "
                      "vector selector or a subquery");
    }
    if (shift->has_offset) return error_at(span, "offset may not be set multiple times");
    shift->has_offset = true;
    shift->offset_ms = *ms;
    node->span = span;
    return node;
  }

  Result<NodePtr> pin(NodePtr node) {
    TimeShift* shift = shift_of(*node);
    const TextSpan at = in_.token().span;
    in_.advance();
    auto pinned = pin_value();
    if (!pinned) return Failure(pinned.error());
    const TextSpan span{node->span.begin, in_.last_end()};
    if (shift == nullptr) {
      return error_at({node->span.begin, at.end},
                      "@ modifier must be preceded by an instant vector selector or range vector "
                      "selector or a subquery");
    }
    if (shift->pin != TimeShift::Pin::none) {
      return error_at(span, "@ <timestamp> may not be set multiple times");
    }
    shift->pin = pinned->pin;
    shift->pin_ms = pinned->pin_ms;
    node->span = span;
    return node;
  }

  Result<TimeShift> pin_value() {
    constexpr std::string_view kContext = "@";
    TimeShift result;
    if (in_.is_word("start") || in_.is_word("end")) {
      result.pin = in_.is_word("start") ? TimeShift::Pin::start : TimeShift::Pin::end;
      in_.advance();
      if (!in_.skip(TokenKind::left_paren)) return unexpected(kContext, "\"(\"");
      if (!in_.skip(TokenKind::right_paren)) return unexpected(kContext, "\")\"");
      return result;
    }
    const std::size_t begin = in_.token().span.begin;
    bool negative = false;
    if (in_.is(TokenKind::add) || in_.is(TokenKind::subtract)) {
      negative = in_.is(TokenKind::subtract);
      in_.advance();
    }
    double seconds = 0;
    if (in_.is(TokenKind::number) || in_.is(TokenKind::duration)) {
      const auto value = literal_value();
      if (!value) return Failure(value.error());
      seconds = negative ? -*value : *value;
    } else {
      return unexpected(kContext, "timestamp");
    }
    const double ms = std::round(seconds * 1000.0);
    if (!(std::abs(ms) <= static_cast<double>(kMaxTimeMs))) {
      return error_at({begin, in_.last_end()},
                      fmt::format("timestamp out of bounds for @ modifier: {:f}", seconds));
    }
    result.pin = TimeShift::Pin::time;
    result.pin_ms = static_cast<TimeMs>(ms);
    return result;
  }

  std::string_view text_;
  TokenStream in_;
  std::uint32_t nesting_ = 0;
};

}  // namespace

Result<NodePtr> parse_tree(std::string_view text) { return Parser(text).parse(); }

}  // namespace hygge::promql
