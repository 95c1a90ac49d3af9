// What may follow an operand: [range], [range:step], offset, @, anchored and smoothed.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "promql/parser_impl.h"

namespace hygge::promql {

Result<NodePtr> Parser::brackets(NodePtr node) {
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
    return finish(Subquery{std::move(node), std::move(*range), std::move(step), {}}, span, {child});
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

TimeShift* Parser::shift_of(Node& node) {
  if (auto* vector = std::get_if<VectorSelector>(&node.form)) return &vector->shift;
  if (auto* matrix = std::get_if<MatrixSelector>(&node.form)) return &matrix->shift;
  if (auto* subquery = std::get_if<Subquery>(&node.form)) return &subquery->shift;
  return nullptr;
}

Result<NodePtr> Parser::offset(NodePtr node) {
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

Result<NodePtr> Parser::edges(NodePtr node) {
  TimeShift* shift = shift_of(*node);
  const Edges asked = in_.is_word("anchored") ? Edges::anchored : Edges::smoothed;
  const TextSpan word = in_.token().span;
  in_.advance();
  const TextSpan span{node->span.begin, word.end};
  if (shift == nullptr || std::holds_alternative<Subquery>(node->form)) {
    return error_at(span, fmt::format("{} modifier must be preceded by an instant or range vector "
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

Result<NodePtr> Parser::pin(NodePtr node) {
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

Result<TimeShift> Parser::pin_value() {
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

}  // namespace hygge::promql
