// topk_range(k, "max", v[, "label=rest"]): the k series with the largest aggregate over all steps
// of the query, and the sum of all others. Unlike topk, the same series at every step.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/functions.h"
#include "window/compensated.h"

namespace hygge::promql {

namespace {

enum class Over { sum, avg, min, max, last };

std::optional<Over> over_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"sum", "avg", "min", "max", "last"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Over>(i);
  }
  return std::nullopt;
}

const std::string& string_of(const Node& node) {
  return std::get<StringLiteral>(bare(node).form).value;
}

// Of a row with a value; NaN only if all are.
double aggregate(Over over, const Row& row) {
  windows::CompensatedSum sum;
  double count = 0;
  double extreme = std::numeric_limits<double>::quiet_NaN();
  double last = extreme;
  row.valid.for_each([&](std::size_t i) {
    const double v = row.v[i];
    last = v;
    if (std::isnan(v)) return;
    sum.add(v);
    ++count;
    const bool better = std::isnan(extreme) || (over == Over::min ? v < extreme : v > extreme);
    if (better) extreme = v;
  });
  switch (over) {
    case Over::sum:
      return count == 0 ? extreme : sum.value();
    case Over::avg:
      return sum.value() / count;
    case Over::last:
      return last;
    default:
      return extreme;
  }
}

// The sum of rows at each step where one has a value.
Row sum_of(std::span<const Row> rows, std::size_t steps) {
  std::vector<windows::CompensatedSum> sums(steps);
  Row result;
  result.reset(steps);
  for (const Row& row : rows) {
    row.valid.for_each([&](std::size_t i) { sums[i].add(row.v[i]); });
    result.valid |= row.valid;
  }
  for (std::size_t i = 0; i < steps; ++i) result.v[i] = sums[i].value();
  return result;
}

Result<std::size_t> wanted(Evaluator& evaluator, const Node& parameter) {
  const auto values = evaluator.scalar(parameter);
  if (!values) return tl::unexpected(values.error());
  const double k = (*values)[0];
  if (std::isnan(k)) return evaluator.error(parameter, "Parameter value is NaN");
  constexpr double kMost = 1e15;
  return k < 1 ? 0 : static_cast<std::size_t>(std::min(k, kMost));
}

}  // namespace

Result<void> topk_range_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  const auto k = wanted(evaluator, *call.arguments[0]);
  if (!k) return tl::unexpected(k.error());
  const auto over = over_of(string_of(*call.arguments[1]));
  if (!over) {
    return evaluator.error(*call.arguments[1], fmt::format("{} is none of sum, avg, min, max, last",
                                                           quoted(string_of(*call.arguments[1]))));
  }
  std::string rest_label;
  std::string rest_value;
  if (call.arguments.size() > 3) {
    const std::string& text = string_of(*call.arguments[3]);
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || !is_utf8(text)) {
      return evaluator.error(*call.arguments[3], fmt::format("{} is no label=value", quoted(text)));
    }
    rest_label = text.substr(0, equals);
    rest_value = text.substr(equals + 1);
  }
  auto set = evaluator.collect(*call.arguments[2]);
  if (!set) return tl::unexpected(std::move(set.error()));
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < set->rows.size(); ++i) {
    order.emplace_back(aggregate(*over, set->rows[i]), i);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    if (std::isnan(a.first) || std::isnan(b.first)) {
      return !std::isnan(a.first) && std::isnan(b.first);
    }
    return a.first > b.first;
  });
  const std::size_t taken = std::min(*k, order.size());
  for (std::size_t i = 0; i < taken; ++i) {
    if (auto good = sink(set->rows[order[i].second]); !good) return good;
  }
  if (rest_label.empty() || taken == order.size()) return {};
  std::vector<Row> others;
  for (std::size_t i = taken; i < order.size(); ++i) {
    others.push_back(std::move(set->rows[order[i].second]));
  }
  Row rest = sum_of(others, evaluator.steps());
  rest.labels.set(rest_label, rest_value);
  return sink(rest);
}

}  // namespace hygge::promql
