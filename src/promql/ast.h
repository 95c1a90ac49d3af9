// The typed tree of an expression. Nodes know the bytes of the text they stand for; a parsed tree
// is immutable.
#pragma once

#include <hygge/promql.h>
#include <hygge/selector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/lexer.h"

namespace hygge::promql {

struct Function;  // functions.h
struct Node;
using NodePtr = std::unique_ptr<Node>;

struct NumberLiteral {
  double value = 0;
};

struct StringLiteral {
  std::string value;
};

/// A duration, in brackets or after `offset`. One that depends on the query's steps (`step()`) has
/// its value once the text has been parsed for a query; see Bindings in parser.h.
struct Duration {
  DurationMs ms = 0;
  std::string text;  ///< how an expression is printed; "" for a plain duration
  friend bool operator==(const Duration&, const Duration&) = default;
};

/// `anchored` and `smoothed`: how a window's edges are treated.
enum class Edges : std::uint8_t { plain, anchored, smoothed };

/// `offset`, `@`, `anchored` and `smoothed`.
struct TimeShift {
  enum class Pin : std::uint8_t { none, time, start, end };
  bool has_offset = false;
  Duration offset;
  Pin pin = Pin::none;
  TimeMs pin_ms = 0;  ///< for Pin::time
  Edges edges = Edges::plain;
  friend bool operator==(const TimeShift&, const TimeShift&) = default;
};

struct VectorSelector {
  Selector selector;
  TimeShift shift;
};

struct MatrixSelector {
  Selector selector;
  Duration range;
  TimeShift shift;
};

struct Subquery {
  NodePtr child;
  Duration range;
  Duration step;  ///< 0 ms: the default
  TimeShift shift;
};

struct Call {
  const Function* function = nullptr;
  std::vector<NodePtr> arguments;
  /// Of info(): the selector as it was written, or null. `arguments` has what it stands for.
  NodePtr written_selector;
};

enum class AggregateOp : std::uint8_t {
  sum,
  avg,
  min,
  max,
  count,
  group,
  stddev,
  stdvar,
  quantile,
  topk,
  bottomk,
  count_values,
  limitk,
  limit_ratio,
};

struct Aggregation {
  AggregateOp op = AggregateOp::sum;
  NodePtr parameter;  ///< null unless the operation takes one
  NodePtr child;
  bool without = false;
  std::vector<std::string> labels;
};

struct Unary {
  bool negative = false;
  NodePtr child;
};

enum class BinaryOp : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  modulo,
  power,
  atan2,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  trim_upper,
  trim_lower,
  set_and,
  set_or,
  set_unless,
};
[[nodiscard]] constexpr bool is_comparison(BinaryOp op) noexcept {
  return op >= BinaryOp::equal && op <= BinaryOp::greater_equal;
}
[[nodiscard]] constexpr bool is_set_operator(BinaryOp op) noexcept {
  return op >= BinaryOp::set_and;
}
[[nodiscard]] std::string_view to_string(BinaryOp op) noexcept;
[[nodiscard]] std::string_view to_string(AggregateOp op) noexcept;
[[nodiscard]] constexpr bool takes_parameter(AggregateOp op) noexcept {
  return op >= AggregateOp::quantile;
}

enum class Cardinality : std::uint8_t { one_to_one, many_to_one, one_to_many, many_to_many };

/// How the series of two vectors find each other.
struct Matching {
  Cardinality cardinality = Cardinality::one_to_one;
  bool on = false;                   ///< else `ignoring`
  std::vector<std::string> labels;   ///< of on or ignoring
  std::vector<std::string> include;  ///< of group_left or group_right
  bool written = false;              ///< on or ignoring stand in the text
  /// fill, fill_left, fill_right: what stands for a side's missing sample.
  std::optional<double> fill_left;
  std::optional<double> fill_right;
};

struct Binary {
  BinaryOp op = BinaryOp::add;
  NodePtr left;
  NodePtr right;
  bool return_bool = false;
  Matching matching;
  TextSpan op_span;
};

struct Paren {
  NodePtr child;
};

/// Names for expressions, in front of the one that uses them.
struct Let {
  struct Binding {
    std::string name;
    NodePtr value;
  };
  std::vector<Binding> bindings;
  NodePtr body;
};

/// A name bound by let.
struct Reference {
  std::string name;
  const Node* target = nullptr;  ///< in the Let at the root
};

struct Node {
  std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Subquery, Call,
               Aggregation, Unary, Binary, Paren, Let, Reference>
      form;
  TextSpan span;
  ValueType type = ValueType::scalar;  ///< set by the parser
  std::uint32_t depth = 1;             ///< of the tree below, this node included
  bool bound_to_steps = false;         ///< a duration in or below it depends on the query's steps
};

/// The node without the parentheses and names around it.
[[nodiscard]] const Node& bare(const Node& node) noexcept;

/// PromQL's usual form.
[[nodiscard]] std::string to_text(const Node& node);

}  // namespace hygge::promql
