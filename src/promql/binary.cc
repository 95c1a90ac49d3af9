// Operators between numbers, and between a vector and a number.
#include <cmath>

#include "promql/evaluator.h"

namespace hygge::promql {

namespace {

// The vector's value stays where the comparison holds; with `bool` it becomes 0 or 1.
void compare_row(const Binary& form, bool vector_left, const Scalar& scalar, Row& row) {
  row.valid.for_each([&](std::size_t i) {
    const double result =
        vector_left ? apply(form.op, row.v[i], scalar[i]) : apply(form.op, scalar[i], row.v[i]);
    if (form.return_bool) {
      row.v[i] = result;
    } else if (result == 0) {
      row.valid.clear(i);
    }
  });
  if (form.return_bool) row.drop_name = true;
}

void calculate_row(const Binary& form, bool vector_left, const Scalar& scalar, Row& row) {
  // All steps, gaps too: faster than asking the bitmap.
  for (std::size_t i = 0; i < row.v.size(); ++i) {
    row.v[i] =
        vector_left ? apply(form.op, row.v[i], scalar[i]) : apply(form.op, scalar[i], row.v[i]);
  }
  row.drop_name = true;
}

}  // namespace

double apply(BinaryOp op, double left, double right) noexcept {
  switch (op) {
    case BinaryOp::add:
      return left + right;
    case BinaryOp::subtract:
      return left - right;
    case BinaryOp::multiply:
      return left * right;
    case BinaryOp::divide:
      return left / right;
    case BinaryOp::modulo:
      return std::fmod(left, right);
    case BinaryOp::power:
      return std::pow(left, right);
    case BinaryOp::atan2:
      return std::atan2(left, right);
    case BinaryOp::equal:
      return left == right ? 1 : 0;
    case BinaryOp::not_equal:
      return left != right ? 1 : 0;
    case BinaryOp::less:
      return left < right ? 1 : 0;
    case BinaryOp::less_equal:
      return left <= right ? 1 : 0;
    case BinaryOp::greater:
      return left > right ? 1 : 0;
    case BinaryOp::greater_equal:
      return left >= right ? 1 : 0;
    default:
      HYGGE_ASSERT(false);  // set operators and trims have no numbers
      return 0;
  }
}

Result<void> binary_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& form = std::get<Binary>(node.form);
  const bool vector_left = form.left->type == ValueType::vector;
  if (vector_left && form.right->type == ValueType::vector) {
    return vector_binary_rows(evaluator, node, sink);
  }
  const auto scalar = evaluator.scalar(vector_left ? *form.right : *form.left);
  if (!scalar) return tl::unexpected(scalar.error());
  return evaluator.rows(vector_left ? *form.left : *form.right, [&](Row& row) -> Result<void> {
    if (is_comparison(form.op)) {
      compare_row(form, vector_left, *scalar, row);
      if (!row.valid.any()) return {};
    } else {
      calculate_row(form, vector_left, *scalar, row);
    }
    return sink(row);
  });
}

}  // namespace hygge::promql
