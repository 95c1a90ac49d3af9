// sort, sort_desc, sort_by_label and sort_by_label_desc.
#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "promql/evaluator.h"
#include "promql/functions.h"

namespace hygge::promql {

namespace {

// The digits at the start of `text`, without leading zeros; `text` loses them.
std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

// Digits compare as numbers: cpu2 comes before cpu10.
int natural_compare(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view x = take_number(a);
      const std::string_view y = take_number(b);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (const int order = x.compare(y); order != 0) return order;
      continue;
    }
    const auto left = static_cast<unsigned char>(a[0]);
    const auto right = static_cast<unsigned char>(b[0]);
    if (left != right) return left < right ? -1 : 1;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.empty() == b.empty() ? 0 : a.empty() ? -1 : 1;
}

bool value_before(const Row& a, const Row& b, bool descending) {
  const double x = a.v[0];
  const double y = b.v[0];
  if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
  return descending ? x > y : x < y;
}

bool labels_before(const Row& a, const Row& b, const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    const int order = natural_compare(a.labels.get(name), b.labels.get(name));
    if (order != 0) return order < 0;
    if (a.labels.get(name) != b.labels.get(name)) return a.labels.get(name) < b.labels.get(name);
  }
  return a.labels < b.labels;
}

}  // namespace

Result<void> sort_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  const Node& argument = *call.arguments[0];
  if (!evaluator.query().instant) {
    evaluator.query().annotations.warn(
        node.span,
        "sort is ineffective for range queries since results are always ordered by labels");
    return evaluator.rows(argument, sink);
  }
  auto set = evaluator.collect(argument);
  if (!set) return tl::unexpected(std::move(set.error()));
  const bool descending = call.function->name.ends_with("_desc");
  if (call.function->kind == FunctionKind::sort) {
    std::stable_sort(set->rows.begin(), set->rows.end(), [descending](const Row& a, const Row& b) {
      return value_before(a, b, descending);
    });
  } else {
    std::vector<std::string_view> names;
    for (std::size_t i = 1; i < call.arguments.size(); ++i) {
      names.emplace_back(std::get<StringLiteral>(bare(*call.arguments[i]).form).value);
    }
    std::stable_sort(set->rows.begin(), set->rows.end(), [&](const Row& a, const Row& b) {
      return descending ? labels_before(b, a, names) : labels_before(a, b, names);
    });
  }
  for (Row& row : set->rows) {
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

}  // namespace hygge::promql
