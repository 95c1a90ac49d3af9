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
#include "promql/evaluator.h"
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
  Parser(std::string_view text, const Bindings* bindings, Dialect dialect)
      : text_(text), in_(text), bindings_(bindings), dialect_(dialect) {}

  Result<NodePtr> parse() {
    if (in_.is(TokenKind::end)) {
      return tl::unexpected(
          text_error(ErrorCode::parse, text_, {0, text_.size()}, "no expression found in input"));
    }
    if (auto bound = bind_names(); !bound) return Failure(bound.error());
    auto root = expression(kOr);
    if (root && !in_.is(TokenKind::end)) return tl::unexpected(in_.unexpected("", ""));
    if (!root || lets_.empty()) return root;
    const Node* const body = root->get();
    const TextSpan span{0, body->span.end};
    auto let = finish(Let{std::move(lets_), std::move(*root)}, span, {body});
    if (let) {
      for (const Let::Binding& one : std::get<Let>((*let)->form).bindings) {
        deepen(**let, one.value.get());
      }
    }
    return let;
  }

 private:
  using Failure = tl::unexpected<Error>;

  Failure error_at(TextSpan span, std::string_view message, std::string detail = {}) const {
    return Failure(text_error(ErrorCode::parse, text_, span, message, std::move(detail)));
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
    node->bound_to_steps = node->bound_to_steps || std::exchange(bound_to_steps_, false);
    if (node->depth > kMaxDepth) return too_deep(span);
    if (auto good = check_node(text_, *node); !good) return Failure(good.error());
    return node;
  }
  static void deepen(Node& node, const Node* child) {
    if (child == nullptr) return;
    node.depth = std::max(node.depth, child->depth + 1);
    node.bound_to_steps = node.bound_to_steps || child->bound_to_steps;
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

  // `let NAME = EXPRESSION;`, any number of times. No query of Prometheus begins so.
  Result<void> bind_names() {
    while (dialect_ == Dialect::hygge && in_.is_word("let") &&
           in_.peek().kind == TokenKind::identifier) {
      in_.advance();
      const TextSpan span = in_.token().span;
      const std::string_view name = in_.token_text();
      if (!is_label_name(name)) {
        return error_at(span, fmt::format("{} cannot be the name of a let", quoted(name)));
      }
      if (find_let(name) != nullptr) {
        return error_at(span, fmt::format("{} is bound by let twice", quoted(name)));
      }
      in_.advance();
      if (!in_.skip(TokenKind::assign)) return unexpected("let", "\"=\"");
      being_bound_ = name;
      auto value = expression(kOr);
      being_bound_ = {};
      if (!value) return Failure(value.error());
      if (!in_.skip(TokenKind::semicolon)) return unexpected("let", "\";\"");
      lets_.push_back({std::string(name), std::move(*value)});
    }
    return {};
  }

  const Node* find_let(std::string_view name) const {
    for (const Let::Binding& one : lets_) {
      if (one.name == name) return one.value.get();
    }
    return nullptr;
  }

  // A name that stands for an expression.
  Result<NodePtr> reference(const Node& target) {
    const TextSpan span = in_.token().span;
    std::string name(in_.token_text());
    in_.advance();
    if (in_.is(TokenKind::left_brace)) {
      return error_at(
          {span.begin, in_.token().span.end},
          fmt::format("{} is bound by let and is no metric: it takes no matchers", quoted(name)));
    }
    return finish(Reference{std::move(name), &target}, span, {&target});
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
    if (!in_.is_word("on") && !in_.is_word("ignoring")) return fill_modifiers(form);
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
    return fill_modifiers(form);
  }

  // `fill(0)`, or fill_left and fill_right, each at most once. A metric may have these names.
  Result<void> fill_modifiers(Binary& form) {
    Matching& matching = form.matching;
    while (in_.peek().kind == TokenKind::left_paren) {
      const bool both = in_.is_word("fill");
      const bool left = both || in_.is_word("fill_left");
      const bool right = both || in_.is_word("fill_right");
      if (!left && !right) break;
      const TextSpan span = in_.token().span;
      if (is_set_operator(form.op)) {
        return error_at(span, fmt::format("no fill modifier allowed for {} operation",
                                          quoted(to_string(form.op))));
      }
      if ((left && matching.fill_left) || (right && matching.fill_right)) {
        return error_at(span, "a side may not be filled twice");
      }
      const auto value = fill_value();
      if (!value) return Failure(value.error());
      if (left) matching.fill_left = *value;
      if (right) matching.fill_right = *value;
    }
    return {};
  }

  Result<double> fill_value() {
    constexpr std::string_view kContext = "fill modifier";
    in_.advance();
    in_.advance();
    bool negative = false;
    if (in_.is(TokenKind::add) || in_.is(TokenKind::subtract)) {
      negative = in_.is(TokenKind::subtract);
      in_.advance();
    }
    double value = 0;
    if (in_.is_word("inf") || in_.is_word("nan")) {
      value = in_.is_word("inf") ? std::numeric_limits<double>::infinity()
                                 : std::numeric_limits<double>::quiet_NaN();
      in_.advance();
    } else if (in_.is(TokenKind::number) || in_.is(TokenKind::duration)) {
      const auto read = literal_value();
      if (!read) return Failure(read.error());
      value = *read;
    } else {
      return unexpected(kContext, "number");
    }
    if (!in_.skip(TokenKind::right_paren)) return unexpected(kContext, "\")\"");
    return negative ? -value : value;
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
        node = edges(std::move(*node));
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

  Result<NodePtr> vector_selector(bool may_match_all = false) {
    const std::size_t begin = in_.token().span.begin;
    auto selector = read_selector(in_, may_match_all);
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
    if (after == TokenKind::left_paren) return call();
    if (in_.token_text() == being_bound_) {
      return error_at(span, fmt::format("{} is bound by let to an expression that names it",
                                        quoted(being_bound_)));
    }
    if (const Node* target = find_let(in_.token_text())) return reference(*target);
    return vector_selector();
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
    auto node = finish(Call{function, std::move(*arguments), nullptr},
                       {name_span.begin, in_.last_end()}, {});
    return node && info ? complete_info(std::move(*node)) : std::move(node);
  }

  // The second argument of info() names labels; what it selects is said by its `__name__` matchers,
  // `target_info` without any, as of the time that the first argument looks at.
  Result<NodePtr> complete_info(NodePtr node) {
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
  static TimeShift first_shift(const Node& node) {
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
  static const Node* first_child(const Node& node) {
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

  static std::string near_name(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Function& function : all_functions()) names.push_back(function.name);
    for (const AggregateRow& row : kAggregates) names.push_back(row.word);
    const std::string_view near = nearest(name, names);
    return near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near);
  }

  Result<std::vector<NodePtr>> call_arguments(std::string_view context, bool info = false) {
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

  // A number in a duration: its seconds, and how it is printed.
  struct Term {
    double seconds = 0;
    std::string text;
    bool literal = false;
  };

  Result<Term> duration_sum(int lowest) {
    if (++nesting_ > kMaxDepth) return too_deep(in_.token().span);
    auto left = duration_operand();
    while (left) {
      const OperatorRow* row = binary_operator();
      const bool arithmetic = row != nullptr && row->op <= BinaryOp::power;
      if (!arithmetic || row->precedence < lowest) break;
      const TextSpan span = in_.token().span;
      in_.advance();
      const auto right = duration_sum(row->precedence == kPower ? kPower : row->precedence + 1);
      if (!right) return right;
      if (bindings_known() && right->seconds == 0 &&
          (row->op == BinaryOp::divide || row->op == BinaryOp::modulo)) {
        return error_at(span, row->op == BinaryOp::divide ? "division by zero" : "modulo by zero");
      }
      left->seconds = apply(row->op, left->seconds, right->seconds);
      left->text = fmt::format("{} {} {}", left->text, to_string(row->op), right->text);
      left->literal = false;
    }
    --nesting_;
    return left;
  }

  // Whether numbers stand for what they will be: without bindings step() is only a place.
  [[nodiscard]] bool bindings_known() const { return bindings_ != nullptr || !bound_to_steps_; }

  Result<Term> duration_operand() {
    if (in_.is(TokenKind::add) || in_.is(TokenKind::subtract)) {
      const bool negative = in_.is(TokenKind::subtract);
      in_.advance();
      auto term = duration_sum(kPower);
      if (!term) return term;
      if (negative) term->seconds = -term->seconds;
      term->text = (negative ? "-" : "+") + term->text;
      return term;
    }
    return duration_primary();
  }

  Result<Term> duration_primary() {
    constexpr std::string_view kContext = "duration";
    if (in_.is(TokenKind::number) || in_.is(TokenKind::duration)) {
      std::string text(in_.token_text());
      const auto seconds = literal_value();
      if (!seconds) return Failure(seconds.error());
      return Term{*seconds, std::move(text), true};
    }
    if (in_.skip(TokenKind::left_paren)) {
      auto inner = duration_sum(kAdd);
      if (!inner) return inner;
      if (!in_.skip(TokenKind::right_paren)) return unexpected(kContext, "\")\"");
      inner->text = "(" + inner->text + ")";
      inner->literal = false;
      return inner;
    }
    if (in_.peek().kind == TokenKind::left_paren) {
      if (in_.is_word("step") || in_.is_word("range")) return query_duration();
      if (in_.is_word("min_of") || in_.is_word("max_of")) return extreme_duration();
    }
    return unexpected(duration_context_, "number, duration, step(), or range()");
  }

  Result<Term> query_duration() {
    const bool step = in_.is_word("step");
    in_.advance();
    in_.advance();
    if (!in_.skip(TokenKind::right_paren)) return unexpected("duration", "\")\"");
    bound_to_steps_ = true;
    const DurationMs ms = bindings_ == nullptr ? 0
                          : step               ? bindings_->step_ms
                                               : bindings_->range_ms;
    return Term{static_cast<double>(ms) / 1000.0, step ? "step()" : "range()", false};
  }

  Result<Term> extreme_duration() {
    const bool least = in_.is_word("min_of");
    in_.advance();
    in_.advance();
    auto first = duration_sum(kAdd);
    if (!first) return first;
    if (!in_.skip(TokenKind::comma)) return unexpected("duration", "\",\"");
    const auto second = duration_sum(kAdd);
    if (!second) return second;
    if (!in_.skip(TokenKind::right_paren)) return unexpected("duration", "\")\"");
    first->seconds = least ? std::min(first->seconds, second->seconds)
                           : std::max(first->seconds, second->seconds);
    first->text = fmt::format("{}({}, {})", least ? "min_of" : "max_of", first->text, second->text);
    first->literal = false;
    return first;
  }

  // In brackets: an expression. After `offset` one in parentheses only, but with a sign.
  Result<Duration> duration(bool after_offset) {
    const std::size_t begin = in_.token().span.begin;
    const bool was_bound = std::exchange(bound_to_steps_, false);
    duration_context_ = after_offset ? "offset" : "subquery or range selector";
    bool negative = false;
    if (after_offset && (in_.is(TokenKind::add) || in_.is(TokenKind::subtract))) {
      negative = in_.is(TokenKind::subtract);
      in_.advance();
    }
    auto term = after_offset ? duration_primary() : duration_sum(kAdd);
    if (!term) return Failure(term.error());
    if (negative) {
      term->seconds = -term->seconds;
      if (!term->literal) term->text = "-" + term->text;
    }
    const TextSpan span{begin, in_.last_end()};
    const bool known = bindings_known();
    bound_to_steps_ = bound_to_steps_ || was_bound;
    Duration result;
    if (!term->literal) result.text = std::move(term->text);
    if (!known) return result;
    // By nanoseconds, as Prometheus: 1001ms are 1.001 s, a thousand of which are not quite 1001.
    const double ms = std::trunc(std::round(term->seconds * 1e9) / 1e6);
    // About 292 years, as far as Prometheus goes.
    if (!(std::abs(ms) <= 9.2e12)) return error_at(span, "duration out of range");
    if (!after_offset && ms <= 0) return error_at(span, "duration must be greater than 0");
    result.ms = static_cast<DurationMs>(ms);
    return result;
  }

  Result<NodePtr> brackets(NodePtr node) {
    constexpr std::string_view kContext = "subquery or range selector";
    in_.advance();
    auto range = duration(false);
    if (!range) return Failure(range.error());
    Duration step;
    const bool subquery = in_.skip(TokenKind::colon);
    if (subquery && !in_.is(TokenKind::right_bracket)) {
      auto read = duration(false);
      if (!read) return Failure(read.error());
      step = std::move(*read);
    }
    if (!in_.skip(TokenKind::right_bracket)) return unexpected(kContext, "\"]\"");
    const TextSpan span{node->span.begin, in_.last_end()};
    if (subquery) {
      const Node* const child = node.get();
      return finish(Subquery{std::move(node), std::move(*range), std::move(step), {}}, span,
                    {child});
    }
    auto* selector = std::get_if<VectorSelector>(&node->form);
    if (selector == nullptr) return error_at(span, "ranges only allowed for vector selectors");
    if (selector->shift.has_offset) {
      return error_at(span, "no offset modifiers allowed before range");
    }
    if (selector->shift.pin != TimeShift::Pin::none) {
      return error_at(span, "no @ modifiers allowed before range");
    }
    return finish(MatrixSelector{std::move(selector->selector), std::move(*range), {}}, span, {});
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
    auto by = duration(true);
    if (!by) return Failure(by.error());
    const TextSpan span{node->span.begin, in_.last_end()};
    if (shift == nullptr) {
      return error_at({node->span.begin, word.end},
                      "offset modifier must be preceded by an instant vector selector or range "
                      "vector selector or a subquery");
    }
    if (shift->has_offset) return error_at(span, "offset may not be set multiple times");
    shift->has_offset = true;
    shift->offset = std::move(*by);
    node->span = span;
    node->bound_to_steps = node->bound_to_steps || std::exchange(bound_to_steps_, false);
    return node;
  }

  Result<NodePtr> edges(NodePtr node) {
    TimeShift* shift = shift_of(*node);
    const Edges asked = in_.is_word("anchored") ? Edges::anchored : Edges::smoothed;
    const TextSpan word = in_.token().span;
    in_.advance();
    const TextSpan span{node->span.begin, word.end};
    if (shift == nullptr || std::holds_alternative<Subquery>(node->form)) {
      return error_at(span,
                      fmt::format("{} modifier must be preceded by an instant or range vector "
                                  "selector, but follows a {} instead",
                                  asked == Edges::anchored ? "anchored" : "smoothed",
                                  shift == nullptr ? to_string(node->type) : "subquery"));
    }
    if (shift->edges != Edges::plain) {
      return error_at(span, "anchored and smoothed modifiers cannot be used together");
    }
    shift->edges = asked;
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
  const Bindings* bindings_;  // null: not known yet
  Dialect dialect_;
  std::vector<Let::Binding> lets_;
  std::string_view being_bound_;  // the name of the let that is being read
  std::uint32_t nesting_ = 0;
  bool bound_to_steps_ = false;        // a duration that the next node takes
  std::string_view duration_context_;  ///< where the duration that is read stands, for errors
};

}  // namespace

Result<NodePtr> parse_tree(std::string_view text, const Bindings* bindings, Dialect dialect) {
  return Parser(text, bindings, dialect).parse();
}

}  // namespace hygge::promql
