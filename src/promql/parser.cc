#include "promql/parser.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "model/quote.h"
#include "model/selector_parser.h"
#include "promql/parser_impl.h"

namespace hygge::promql {

Result<NodePtr> Parser::parse() {
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

Parser::Failure Parser::error_at(TextSpan span, std::string_view message,
                                 std::string detail) const {
  return Failure(text_error(ErrorCode::parse, text_, span, message, std::move(detail)));
}

Parser::Failure Parser::unexpected(std::string_view context, std::string_view expected) const {
  return Failure(in_.unexpected(context, expected));
}

void Parser::deepen(Node& node, const Node* child) {
  if (child == nullptr) return;
  node.depth = std::max(node.depth, child->depth + 1);
  node.bound_to_steps = node.bound_to_steps || child->bound_to_steps;
}

Parser::Failure Parser::too_deep(TextSpan span) const {
  return Failure(text_error(
      ErrorCode::limit, text_, span,
      fmt::format("the expression is nested deeper than {}: simplify it, or use a regex matcher "
                  "instead of a long chain of operators",
                  kMaxDepth)));
}

const OperatorRow* Parser::binary_operator() const {
  for (const OperatorRow& row : kOperators) {
    if (row.word.empty() ? in_.is(row.kind) : in_.is_word(row.word)) return &row;
  }
  return nullptr;
}

// `let NAME = EXPRESSION;`, any number of times. No query of Prometheus begins so.
Result<void> Parser::bind_names() {
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

const Node* Parser::find_let(std::string_view name) const {
  for (const Let::Binding& one : lets_) {
    if (one.name == name) return one.value.get();
  }
  return nullptr;
}

// A name that stands for an expression.
Result<NodePtr> Parser::reference(const Node& target) {
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
Result<NodePtr> Parser::expression(int lowest) {
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

Result<NodePtr> Parser::binary(NodePtr left, const OperatorRow& row) {
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

Result<void> Parser::binary_modifiers(Binary& form) {
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
Result<void> Parser::fill_modifiers(Binary& form) {
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

Result<double> Parser::fill_value() {
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
Result<std::vector<std::string>> Parser::label_list() {
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

Result<NodePtr> Parser::operand() {
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
Result<NodePtr> Parser::postfix() {
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

Result<NodePtr> Parser::primary() {
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

Result<NodePtr> Parser::number() {
  const TextSpan span = in_.token().span;
  auto value = literal_value();
  if (!value) return Failure(value.error());
  return finish(NumberLiteral{*value}, span, {});
}

// The value in seconds or as is of a number or duration token, which is passed.
Result<double> Parser::literal_value() {
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

Result<NodePtr> Parser::paren() {
  const std::size_t begin = in_.token().span.begin;
  in_.advance();
  auto child = expression(kOr);
  if (!child) return child;
  if (!in_.skip(TokenKind::right_paren)) return unexpected("parenthesised expression", "\")\"");
  const Node* const c = child->get();
  return finish(Paren{std::move(*child)}, {begin, in_.last_end()}, {c});
}

Result<NodePtr> Parser::vector_selector(bool may_match_all) {
  const std::size_t begin = in_.token().span.begin;
  auto selector = read_selector(in_, may_match_all);
  if (!selector) return Failure(selector.error());
  return finish(VectorSelector{std::move(*selector), {}}, {begin, in_.last_end()}, {});
}

Result<NodePtr> parse_tree(std::string_view text, const Bindings* bindings, Dialect dialect) {
  return Parser(text, bindings, dialect).parse();
}

}  // namespace hygge::promql
