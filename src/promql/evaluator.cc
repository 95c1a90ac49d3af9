#include "promql/evaluator.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "model/canonical.h"

namespace hygge::promql {

namespace {

// What a row takes beside its values, roughly.
std::size_t row_bytes(const Row& row) {
  std::size_t bytes = sizeof(Row) + row.v.capacity() * sizeof(double) + row.valid.size() / 8;
  for (const Label& label : row.labels) {
    bytes += sizeof(Label) + label.name.size() + label.value.size();
  }
  return bytes;
}

Result<void> unary_rows(Evaluator& evaluator, const Unary& form, const RowSink& sink) {
  if (!form.negative) return evaluator.rows(*form.child, sink);
  return evaluator.rows(*form.child, [&](Row& row) {
    for (double& value : row.v) value = -value;
    row.drop_name = true;
    return sink(row);
  });
}

}  // namespace

tl::unexpected<Error> Evaluator::error(const Node& node, std::string message) const {
  Error result = text_error(ErrorCode::invalid_argument, query_.text, node.span, "");
  result.message = std::move(message);
  return tl::unexpected(std::move(result));
}

Result<Scalar> Evaluator::constant(double value, const Node& node) {
  return Scalar::filled(query_.budget, steps(), value, node);
}

Result<Scalar> Evaluator::scalar(const Node& node) {
  if (query_.profile == nullptr) return plain_scalar(node);
  const Profile::Turn turn(*query_.profile, &node);
  return plain_scalar(node);
}

Result<Scalar> Evaluator::named_scalar(const Node& target) {
  Query::Named& known = named(target);
  if (!known.scalar) {
    auto values = scalar(target);
    if (!values) return values;
    known.scalar = std::move(*values);
  }
  auto copy = constant(0, target);
  for (std::size_t i = 0; copy && i < steps(); ++i) (*copy)[i] = (*known.scalar)[i];
  return copy;
}

// Evaluated at one step, and given at all.
Result<void> Evaluator::folded_rows(const Node& node, const RowSink& sink) {
  Evaluator once(query_, {grid_.start_ms, 0, 1});
  return once.plain_rows(node, [&](Row& row) {
    const double value = row.v[0];
    row.v.assign(steps(), value);
    row.valid.reset(steps());
    row.valid.set_all();
    return sink(row);
  });
}

Result<Scalar> Evaluator::plain_scalar(const Node& node) {
  if (is_folded(node)) {
    const auto value = Evaluator(query_, {grid_.start_ms, 0, 1}).plain_scalar(node);
    if (!value) return tl::unexpected(value.error());
    return constant((*value)[0], node);
  }
  if (const auto* let = std::get_if<Let>(&node.form)) return scalar(*let->body);
  if (const auto* reference = std::get_if<Reference>(&node.form)) {
    return named_scalar(*reference->target);
  }
  if (const auto* number = std::get_if<NumberLiteral>(&node.form)) {
    return constant(number->value, node);
  }
  if (const auto* paren = std::get_if<Paren>(&node.form)) return scalar(*paren->child);
  if (const auto* unary = std::get_if<Unary>(&node.form)) {
    auto values = scalar(*unary->child);
    if (values && unary->negative) {
      for (std::size_t i = 0; i < steps(); ++i) (*values)[i] = -(*values)[i];
    }
    return values;
  }
  if (const auto* binary = std::get_if<Binary>(&node.form)) {
    auto left = scalar(*binary->left);
    if (!left) return left;
    const auto right = scalar(*binary->right);
    if (!right) return tl::unexpected(right.error());
    for (std::size_t i = 0; i < steps(); ++i) {
      (*left)[i] = apply(binary->op, (*left)[i], (*right)[i]);
    }
    return left;
  }
  return call_scalar(*this, node);
}

Result<void> Evaluator::rows(const Node& node, const RowSink& sink) {
  if (query_.profile == nullptr) return plain_rows(node, sink);
  Profile& profile = *query_.profile;
  const Profile::Turn turn(profile, &node);
  return plain_rows(node, [&](Row& row) {
    profile.count_row(row.valid.count());
    const Profile::Turn above(profile, turn.before());
    return sink(row);
  });
}

// Evaluated once for the same steps, however often it is named.
Result<void> Evaluator::named_rows(const Node& target, const RowSink& sink) {
  Query::Named& known = named(target);
  if (!known.rows) {
    auto set = collect(target);
    if (!set) return tl::unexpected(std::move(set.error()));
    known.rows = std::move(*set);
  }
  for (const Row& row : known.rows->rows) {
    Row copy = row;
    if (auto taken = sink(copy); !taken) return taken;
  }
  return {};
}

Result<void> Evaluator::plain_rows(const Node& node, const RowSink& sink) {
  if (is_folded(node)) return folded_rows(node, sink);
  if (const auto* let = std::get_if<Let>(&node.form)) return rows(*let->body, sink);
  if (const auto* reference = std::get_if<Reference>(&node.form)) {
    return named_rows(*reference->target, sink);
  }
  if (const auto* paren = std::get_if<Paren>(&node.form)) return rows(*paren->child, sink);
  if (const auto* unary = std::get_if<Unary>(&node.form)) return unary_rows(*this, *unary, sink);
  if (std::holds_alternative<VectorSelector>(node.form)) return selector_rows(*this, node, sink);
  if (std::holds_alternative<Binary>(node.form)) return binary_rows(*this, node, sink);
  if (const auto* aggregation = std::get_if<Aggregation>(&node.form)) {
    return takes_parameter(aggregation->op) ? ranking_rows(*this, node, sink)
                                            : aggregate_rows(*this, node, sink);
  }
  HYGGE_ASSERT(std::holds_alternative<Call>(node.form));
  return call_rows(*this, node, sink);
}

Result<RowSet> Evaluator::collect(const Node& node) {
  RowSet set(query_.budget);
  auto done = rows(node, [&](Row& row) { return keep(set, std::move(row), node); });
  if (!done) return tl::unexpected(std::move(done.error()));
  return set;
}

Result<void> keep(RowSet& set, Row&& row, const Node& node) {
  auto charged = set.charge.add(row_bytes(row), row.valid.count(), node);
  if (charged) set.rows.push_back(std::move(row));
  return charged;
}

std::string row_key(const Row& row) { return canonical(row.labels) + (row.drop_name ? '-' : '+'); }

Result<void> merge_equal(std::vector<Row>& rows, const Node& node) {
  std::unordered_map<std::string, std::size_t> first_of;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [at, is_new] = first_of.try_emplace(row_key(rows[i]), kept);
    if (is_new) {
      if (kept != i) rows[kept] = std::move(rows[i]);
      ++kept;
      continue;
    }
    Row& first = rows[at->second];
    if (first.valid.intersects(rows[i].valid)) {
      Error error{ErrorCode::invalid_argument,
                  "vector cannot contain metrics with the same labelset",
                  fmt::format("two series of the result are {}", to_string(first.labels)),
                  {}};
      error.place = {0, 0, node.span.begin, node.span.end};
      return tl::unexpected(std::move(error));
    }
    rows[i].valid.for_each([&](std::size_t step) { first.set(step, rows[i].v[step]); });
  }
  rows.resize(kept);
  return {};
}

}  // namespace hygge::promql
