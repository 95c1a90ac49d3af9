// The parser, member by member: expressions and operands stand in parser.cc, words and calls in
// parser_calls.cc, durations in parser_durations.cc, and what shifts or widens the time of a
// selector in parser_shifts.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/lexer.h"
#include "promql/parser.h"

namespace hygge::promql {

// Bounds the stack of all that walks a tree.
inline constexpr std::uint32_t kMaxDepth = 300;

// Low to high; unary plus and minus stand between `*` and `^`.
inline constexpr int kOr = 1;
inline constexpr int kAnd = 2;
inline constexpr int kCompare = 3;
inline constexpr int kAdd = 4;
inline constexpr int kMultiply = 5;
inline constexpr int kPower = 6;

struct OperatorRow {
  TokenKind kind;
  std::string_view word;  // for operators that are words
  BinaryOp op;
  int precedence;
};
inline constexpr std::array<OperatorRow, 18> kOperators{{
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

class Parser {
 public:
  Parser(std::string_view text, const Bindings* bindings, Dialect dialect)
      : text_(text), in_(text), bindings_(bindings), dialect_(dialect) {}

  Result<NodePtr> parse();

 private:
  using Failure = tl::unexpected<Error>;

  Failure error_at(TextSpan span, std::string_view message, std::string detail = {}) const;
  Failure unexpected(std::string_view context, std::string_view expected) const;
  Failure too_deep(TextSpan span) const;
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
  static void deepen(Node& node, const Node* child);

  // parser.cc
  const OperatorRow* binary_operator() const;
  Result<void> bind_names();
  const Node* find_let(std::string_view name) const;
  Result<NodePtr> reference(const Node& target);
  Result<NodePtr> expression(int lowest);
  Result<NodePtr> binary(NodePtr left, const OperatorRow& row);
  Result<void> binary_modifiers(Binary& form);
  Result<void> fill_modifiers(Binary& form);
  Result<double> fill_value();
  Result<std::vector<std::string>> label_list();
  Result<NodePtr> operand();
  Result<NodePtr> postfix();
  Result<NodePtr> primary();
  Result<NodePtr> number();
  Result<double> literal_value();
  Result<NodePtr> paren();
  Result<NodePtr> vector_selector(bool may_match_all = false);

  // parser_calls.cc
  Result<NodePtr> word();
  bool grouping_follows() const;
  Result<bool> grouping(Aggregation& form);
  Result<NodePtr> aggregation(AggregateOp op);
  Result<NodePtr> call();
  Result<NodePtr> complete_info(NodePtr node);
  static TimeShift first_shift(const Node& node);
  static const Node* first_child(const Node& node);
  static std::string near_name(std::string_view name);
  Result<std::vector<NodePtr>> call_arguments(std::string_view context, bool info = false);

  // parser_durations.cc
  // A number in a duration: its seconds, and how it is printed.
  struct Term {
    double seconds = 0;
    std::string text;
    bool literal = false;
  };
  Result<Term> duration_sum(int lowest);
  // Whether numbers stand for what they will be: without bindings step() is only a place.
  [[nodiscard]] bool bindings_known() const { return bindings_ != nullptr || !bound_to_steps_; }
  Result<Term> duration_operand();
  Result<Term> duration_primary();
  Result<Term> query_duration();
  Result<Term> extreme_duration();
  Result<Duration> duration(bool after_offset);

  // parser_shifts.cc
  Result<NodePtr> brackets(NodePtr node);
  static TimeShift* shift_of(Node& node);
  Result<NodePtr> offset(NodePtr node);
  Result<NodePtr> edges(NodePtr node);
  Result<NodePtr> pin(NodePtr node);
  Result<TimeShift> pin_value();

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

}  // namespace hygge::promql
