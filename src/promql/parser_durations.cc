// Durations, which may be expressions: [5m], [step() * 2], offset (1h + 30m).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "promql/evaluator.h"
#include "promql/parser_impl.h"

namespace hygge::promql {

Result<Parser::Term> Parser::duration_sum(int lowest) {
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

Result<Parser::Term> Parser::duration_operand() {
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

Result<Parser::Term> Parser::duration_primary() {
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

Result<Parser::Term> Parser::query_duration() {
  const bool step = in_.is_word("step");
  in_.advance();
  in_.advance();
  if (!in_.skip(TokenKind::right_paren)) return unexpected("duration", "\")\"");
  bound_to_steps_ = true;
  const DurationMs ms = bindings_ == nullptr ? 0 : step ? bindings_->step_ms : bindings_->range_ms;
  return Term{static_cast<double>(ms) / 1000.0, step ? "step()" : "range()", false};
}

Result<Parser::Term> Parser::extreme_duration() {
  const bool least = in_.is_word("min_of");
  in_.advance();
  in_.advance();
  auto first = duration_sum(kAdd);
  if (!first) return first;
  if (!in_.skip(TokenKind::comma)) return unexpected("duration", "\",\"");
  const auto second = duration_sum(kAdd);
  if (!second) return second;
  if (!in_.skip(TokenKind::right_paren)) return unexpected("duration", "\")\"");
  first->seconds =
      least ? std::min(first->seconds, second->seconds) : std::max(first->seconds, second->seconds);
  first->text = fmt::format("{}({}, {})", least ? "min_of" : "max_of", first->text, second->text);
  first->literal = false;
  return first;
}

// In brackets: an expression. After `offset` one in parentheses only, but with a sign.
Result<Duration> Parser::duration(bool after_offset) {
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

}  // namespace hygge::promql
