// Functions of instant vectors and of numbers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "promql/dates.h"
#include "promql/evaluator.h"
#include "promql/functions.h"

namespace hygge::promql {

namespace {

using Elementwise = double (*)(double);

double sign_of(double x) {
  if (x > 0) return 1;
  if (x < 0) return -1;
  return x;  // NaN, and 0 with its sign
}

struct ElementwiseRow {
  std::string_view name;
  Elementwise function;
};
constexpr ElementwiseRow kElementwise[] = {
    {"abs", [](double x) { return std::abs(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"ln", [](double x) { return std::log(x); }},
    {"log2", [](double x) { return std::log2(x); }},
    {"log10", [](double x) { return std::log10(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"sgn", sign_of},
    {"deg", [](double x) { return x * 180 / std::numbers::pi; }},
    {"rad", [](double x) { return x * std::numbers::pi / 180; }},
    {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"tan", [](double x) { return std::tan(x); }},
    {"asin", [](double x) { return std::asin(x); }},
    {"acos", [](double x) { return std::acos(x); }},
    {"atan", [](double x) { return std::atan(x); }},
    {"sinh", [](double x) { return std::sinh(x); }},
    {"cosh", [](double x) { return std::cosh(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"asinh", [](double x) { return std::asinh(x); }},
    {"acosh", [](double x) { return std::acosh(x); }},
    {"atanh", [](double x) { return std::atanh(x); }},
};

Elementwise elementwise(std::string_view name) {
  const auto* at = std::find_if(std::begin(kElementwise), std::end(kElementwise),
                                [name](const ElementwiseRow& row) { return row.name == name; });
  HYGGE_ASSERT(at != std::end(kElementwise));
  return at->function;
}

// max and min as Go has them: NaN wins, except over +Inf in max and −Inf in min.
double max_nan(double a, double b) {
  const double inf = std::numeric_limits<double>::infinity();
  if (a == inf || b == inf) return inf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return a > b ? a : b;
}
double min_nan(double a, double b) { return -max_nan(-a, -b); }

// Hands on the argument's rows with each value replaced by f(value, step).
template <typename F>
Result<void> mapped(Evaluator& evaluator, const Node& argument, const RowSink& sink, F&& f) {
  return evaluator.rows(argument, [&](Row& row) {
    for (std::size_t i = 0; i < row.v.size(); ++i) row.v[i] = f(row.v[i], i);
    row.drop_name = true;
    return sink(row);
  });
}

Result<void> constant_row(Evaluator& evaluator, std::vector<double> values, const RowSink& sink) {
  Row row;
  row.reset(evaluator.steps());
  row.v = std::move(values);
  row.valid.set_all();
  return sink(row);
}

// The steps' times, in seconds.
Result<Scalar> step_seconds(Evaluator& evaluator, const Node& node) {
  auto result = evaluator.constant(0, node);
  for (std::size_t i = 0; result && i < evaluator.steps(); ++i) {
    (*result)[i] = static_cast<double>(evaluator.grid().at(i)) / 1000.0;
  }
  return result;
}

// The scalar argument at `index`, or `otherwise` where there is none.
Result<Scalar> scalar_argument(Evaluator& evaluator, const Node& node, std::size_t index,
                               double otherwise) {
  const auto& arguments = std::get<Call>(node.form).arguments;
  if (index >= arguments.size()) return evaluator.constant(otherwise, node);
  return evaluator.scalar(*arguments[index]);
}

Result<void> round_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto to_nearest = scalar_argument(evaluator, node, 1, 1);
  if (!to_nearest) return tl::unexpected(to_nearest.error());
  const Node& argument = *std::get<Call>(node.form).arguments[0];
  return mapped(evaluator, argument, sink, [&](double value, std::size_t step) {
    // The inverse, as Prometheus: multiplying by 1/0.1 is exact where dividing by 0.1 is not.
    const double inverse = 1.0 / (*to_nearest)[step];
    return std::floor(value * inverse + 0.5) / inverse;
  });
}

Result<void> clamp_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  const FunctionKind kind = call.function->kind;
  // clamp_min and clamp_max have one bound, which then stands for both.
  const auto first = evaluator.scalar(*call.arguments[1]);
  if (!first) return tl::unexpected(first.error());
  const auto second = scalar_argument(evaluator, node, 2, 0);
  if (!second) return tl::unexpected(second.error());
  const Scalar& low = *first;
  const Scalar& high = kind == FunctionKind::clamp ? *second : *first;
  return evaluator.rows(*call.arguments[0], [&](Row& row) -> Result<void> {
    row.valid.for_each([&](std::size_t i) {
      double& value = row.v[i];
      if (kind == FunctionKind::clamp_min) {
        value = max_nan(value, low[i]);
      } else if (kind == FunctionKind::clamp_max) {
        value = min_nan(high[i], value);
      } else if (high[i] < low[i]) {
        row.valid.clear(i);
      } else {
        value = max_nan(low[i], min_nan(high[i], value));
      }
    });
    row.drop_name = true;
    if (!row.valid.any()) return {};
    return sink(row);
  });
}

Result<void> date_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  const DatePart part = date_part(call.function->name);
  std::optional<cctz::time_zone> zone;
  std::size_t count = call.arguments.size();
  if (count > 0 && call.arguments.back()->type == ValueType::string) {
    zone = find_zone(std::get<StringLiteral>(bare(*call.arguments[--count]).form).value);
  }
  const cctz::time_zone* const where = zone ? &*zone : nullptr;
  if (count == 0) {
    auto seconds = step_seconds(evaluator, node);
    if (!seconds) return tl::unexpected(std::move(seconds.error()));
    std::vector<double> values = std::move(*seconds).take();
    for (double& value : values) value = part_of(part, value, where);
    return constant_row(evaluator, std::move(values), sink);
  }
  return mapped(
      evaluator, *call.arguments[0], sink,
      [part, where](double value, std::size_t /*step*/) { return part_of(part, value, where); });
}

Result<void> timestamp_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const Node& argument = *std::get<Call>(node.form).arguments[0];
  if (std::holds_alternative<VectorSelector>(bare(argument).form)) {
    return selector_time_rows(evaluator, bare(argument), [&](Row& row) {
      row.drop_name = true;
      return sink(row);
    });
  }
  const auto seconds = step_seconds(evaluator, node);
  if (!seconds) return tl::unexpected(seconds.error());
  return mapped(evaluator, argument, sink,
                [&](double /*value*/, std::size_t step) { return (*seconds)[step]; });
}

Result<void> absent_rows(Evaluator& evaluator, const Call& call, const RowSink& sink) {
  Bits present(evaluator.steps());
  const Node& argument = *call.arguments[0];
  auto done = evaluator.rows(argument, [&](Row& row) -> Result<void> {
    present |= row.valid;
    return {};
  });
  if (!done) return done;
  return emit_absent(evaluator, argument, present, sink);
}

// The query's, in seconds, also inside a subquery.
double query_time(const Steps& query, std::string_view name) {
  const TimeMs ms = name == "start"   ? query.start_ms
                    : name == "end"   ? query.end_ms
                    : name == "range" ? query.end_ms - query.start_ms
                                      : query.step_ms;
  return static_cast<double>(ms) / 1000.0;
}

Result<Scalar> extreme_of(Evaluator& evaluator, const Call& call) {
  auto result = evaluator.scalar(*call.arguments[0]);
  if (!result) return result;
  const auto other = evaluator.scalar(*call.arguments[1]);
  if (!other) return tl::unexpected(other.error());
  const bool most = call.function->name == "max_of";
  for (std::size_t i = 0; i < evaluator.steps(); ++i) {
    double& value = (*result)[i];
    value = most ? max_nan(value, (*other)[i]) : min_nan(value, (*other)[i]);
  }
  return result;
}

Result<Scalar> scalar_of_vector(Evaluator& evaluator, const Node& argument) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  auto result = evaluator.constant(kNan, argument);
  if (!result) return result;
  Bits seen(evaluator.steps());
  auto done = evaluator.rows(argument, [&](Row& row) -> Result<void> {
    row.valid.for_each([&](std::size_t i) {
      (*result)[i] = seen.test(i) ? kNan : row.v[i];
      seen.set(i);
    });
    return {};
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  return result;
}

}  // namespace

Result<void> emit_absent(Evaluator& evaluator, const Node& argument, const Bits& present,
                         const RowSink& sink) {
  Row row;
  row.reset(evaluator.steps());
  for (std::size_t i = 0; i < evaluator.steps(); ++i) {
    if (!present.test(i)) row.set(i, 1);
  }
  if (!row.valid.any()) return {};
  const Selector* selector = nullptr;
  if (const auto* vector = std::get_if<VectorSelector>(&argument.form)) {
    selector = &vector->selector;
  } else if (const auto* matrix = std::get_if<MatrixSelector>(&argument.form)) {
    selector = &matrix->selector;
  }
  if (selector != nullptr) {
    // The first `=` on a label sets it, a later matcher on that label takes it away again.
    std::vector<std::string_view> seen;
    for (const Matcher& matcher : selector->matchers) {
      if (matcher.name == kNameLabel) continue;
      const bool repeated = std::find(seen.begin(), seen.end(), matcher.name) != seen.end();
      if (matcher.op == MatchOp::equal && !repeated) {
        row.labels.set(matcher.name, matcher.value);
        seen.push_back(matcher.name);
      } else {
        row.labels.set(matcher.name, "");
      }
    }
  }
  return sink(row);
}

Result<Scalar> call_scalar(Evaluator& evaluator, const Node& node) {
  const auto& call = std::get<Call>(node.form);
  switch (call.function->kind) {
    case FunctionKind::time:
      return step_seconds(evaluator, node);
    case FunctionKind::pi:
      return evaluator.constant(std::numbers::pi, node);
    case FunctionKind::query_time:
      return evaluator.constant(query_time(evaluator.query().steps, call.function->name), node);
    case FunctionKind::extreme_of:
      return extreme_of(evaluator, call);
    default:
      HYGGE_ASSERT(call.function->kind == FunctionKind::scalar);
      return scalar_of_vector(evaluator, *call.arguments[0]);
  }
}

Result<void> call_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  switch (call.function->kind) {
    case FunctionKind::range:
      return range_rows(evaluator, node, sink);
    case FunctionKind::absent_over_time:
      return absent_range_rows(evaluator, node, sink);
    case FunctionKind::elementwise: {
      const Elementwise function = elementwise(call.function->name);
      return mapped(evaluator, *call.arguments[0], sink,
                    [function](double value, std::size_t /*step*/) { return function(value); });
    }
    case FunctionKind::round:
      return round_rows(evaluator, node, sink);
    case FunctionKind::clamp:
    case FunctionKind::clamp_min:
    case FunctionKind::clamp_max:
      return clamp_rows(evaluator, node, sink);
    case FunctionKind::date:
      return date_rows(evaluator, node, sink);
    case FunctionKind::timestamp:
      return timestamp_rows(evaluator, node, sink);
    case FunctionKind::vector: {
      auto values = evaluator.scalar(*call.arguments[0]);
      if (!values) return tl::unexpected(std::move(values.error()));
      return constant_row(evaluator, std::move(*values).take(), sink);
    }
    case FunctionKind::absent:
      return absent_rows(evaluator, call, sink);
    case FunctionKind::sort:
    case FunctionKind::sort_by_label:
      return sort_rows(evaluator, node, sink);
    case FunctionKind::window:
      return window_rows(evaluator, node, sink);
    case FunctionKind::info:
      return info_rows(evaluator, node, sink);
    case FunctionKind::topk_range:
      return topk_range_rows(evaluator, node, sink);
    case FunctionKind::label_replace:
    case FunctionKind::label_join:
      return label_function_rows(evaluator, node, sink);
    case FunctionKind::histogram_quantile:
    case FunctionKind::histogram_quantiles:
    case FunctionKind::histogram_fraction:
      return histogram_rows(evaluator, node, sink);
    default:
      // check_node lets nothing else through.
      return evaluator.error(node, "function cannot be evaluated");
  }
}

}  // namespace hygge::promql
