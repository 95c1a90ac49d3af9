// Aggregations that look at all series of a step at once: topk, bottomk, quantile, count_values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/checksum.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "model/canonical.h"
#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/grouping.h"
#include "window/function.h"

namespace hygge::promql {

namespace {

struct Grouped {
  RowSet set;
  Grouping grouping;
  std::vector<std::vector<std::size_t>> members;  // rows of each group
};

Result<Grouped> collect_groups(Evaluator& evaluator, const Aggregation& form,
                               std::vector<std::string> labels) {
  auto set = evaluator.collect(*form.child);
  if (!set) return tl::unexpected(std::move(set.error()));
  Grouped result{std::move(*set), Grouping(form.without, std::move(labels)), {}};
  for (std::size_t i = 0; i < result.set.rows.size(); ++i) {
    const std::size_t group = result.grouping.group_of(result.set.rows[i].labels);
    if (group == result.members.size()) result.members.emplace_back();
    result.members[group].push_back(i);
  }
  return result;
}

// --- topk and bottomk ---------------------------------------------------------------------------

// How many of each group, per step. 0 everywhere: nothing to select.
Result<std::vector<std::size_t>> wanted_counts(Evaluator& evaluator, const Node& parameter) {
  auto values = evaluator.scalar(parameter);
  if (!values) return tl::unexpected(std::move(values.error()));
  std::vector<std::size_t> counts(values->size());
  const auto all = values->values();
  if (std::any_of(all.begin(), all.end(), [](double k) { return std::isnan(k); })) {
    return evaluator.error(parameter, "Parameter value is NaN");
  }
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  if (*high < 1) return counts;
  constexpr double kBeyond = 9223372036854775808.0;  // 2^63
  if (*low < -kBeyond || *high >= kBeyond) {
    const bool under = *low < -kBeyond;
    return evaluator.error(parameter,
                           fmt::format("Scalar value {} {} int64", go_number(under ? *low : *high),
                                       under ? "underflows" : "overflows"));
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = all[i] < 1 ? 0 : static_cast<std::size_t>(all[i]);
  }
  return counts;
}

class Selection {
 public:
  Selection(Evaluator& evaluator, const Aggregation& form, std::vector<std::size_t> counts)
      : evaluator_(evaluator), top_(form.op == AggregateOp::topk), counts_(std::move(counts)) {}

  Result<void> run(Grouped& grouped, const RowSink& sink) {
    for (const auto& members : grouped.members) {
      std::vector<Bits> chosen(members.size(), Bits(evaluator_.steps()));
      for (std::size_t step = 0; step < evaluator_.steps(); ++step) {
        choose(grouped.set.rows, members, step, chosen);
      }
      // In an instant query the best comes first; `order_` is left from its only step.
      std::vector<std::size_t> order(members.size());
      std::iota(order.begin(), order.end(), 0U);
      if (evaluator_.query().instant && evaluator_.steps() == 1) order = order_;
      for (const std::size_t m : order) {
        Row& row = grouped.set.rows[members[m]];
        row.valid &= chosen[m];
        if (!row.valid.any()) continue;
        if (auto taken = sink(row); !taken) return taken;
      }
    }
    return {};
  }

 private:
  void choose(const std::vector<Row>& rows, const std::vector<std::size_t>& members,
              std::size_t step, std::vector<Bits>& chosen) {
    order_.clear();
    for (std::size_t m = 0; m < members.size(); ++m) {
      if (rows[members[m]].valid.test(step)) order_.push_back(m);
    }
    const auto value = [&](std::size_t m) { return rows[members[m]].v[step]; };
    const auto better = [&](std::size_t a, std::size_t b) {
      const double x = value(a);
      const double y = value(b);
      if (std::isnan(x) || std::isnan(y)) {
        if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
        return a < b;
      }
      if (x != y) return top_ ? x > y : x < y;
      return a < b;
    };
    const std::size_t count = std::min(counts_[step], order_.size());
    std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count),
                      order_.end(), better);
    order_.resize(count);
    for (const std::size_t m : order_) chosen[m].set(step);
  }

  Evaluator& evaluator_;
  bool top_;
  std::vector<std::size_t> counts_;
  std::vector<std::size_t> order_;
};

// --- limitk and limit_ratio ---------------------------------------------------------------------

// The first of each group in the order of labels, which does not depend on the data.
Result<void> limit_rows(const std::vector<std::size_t>& counts, Grouped& grouped,
                        const RowSink& sink) {
  auto& rows = grouped.set.rows;
  for (auto& members : grouped.members) {
    std::stable_sort(members.begin(), members.end(),
                     [&](std::size_t a, std::size_t b) { return rows[a].labels < rows[b].labels; });
    std::vector<std::size_t> left = counts;
    for (const std::size_t m : members) {
      Row& row = rows[m];
      row.valid.for_each([&](std::size_t step) {
        if (left[step] == 0) {
          row.valid.clear(step);
        } else {
          --left[step];
        }
      });
      if (!row.valid.any()) continue;
      if (auto taken = sink(row); !taken) return taken;
    }
  }
  return {};
}

// A share of all series: those whose labels' hash is below it. −r is the complement of 1 − r.
Result<void> limit_ratio_rows(Evaluator& evaluator, const Aggregation& form, const RowSink& sink) {
  auto ratios = evaluator.scalar(*form.parameter);
  if (!ratios) return tl::unexpected(std::move(ratios.error()));
  for (std::size_t step = 0; step < evaluator.steps(); ++step) {
    double& ratio = (*ratios)[step];
    if (std::isnan(ratio)) return evaluator.error(*form.parameter, "Ratio value is NaN");
    if (ratio >= -1 && ratio <= 1) continue;
    const double capped = ratio > 1 ? 1 : -1;
    evaluator.query().annotations.warn(
        form.parameter->span,
        fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                    go_number(ratio), go_number(capped)));
    ratio = capped;
  }
  return evaluator.rows(*form.child, [&](Row& row) -> Result<void> {
    const std::string bytes = canonical(row.labels);
    constexpr double kAll = 18446744073709551616.0;  // 2^64
    const double hash = static_cast<double>(hash64(as_bytes(bytes))) / kAll;
    row.valid.for_each([&](std::size_t step) {
      const double ratio = (*ratios)[step];
      const bool kept = ratio >= 0 ? hash < ratio || ratio == 1 : hash >= 1 + ratio;
      if (!kept) row.valid.clear(step);
    });
    if (!row.valid.any()) return {};
    return sink(row);
  });
}

// --- quantile -----------------------------------------------------------------------------------

Result<void> quantile_rows(Evaluator& evaluator, const Aggregation& form, Grouped& grouped,
                           const RowSink& sink) {
  const auto q = evaluator.scalar(*form.parameter);
  if (!q) return tl::unexpected(q.error());
  std::vector<double> values;
  Row row;
  for (std::size_t group = 0; group < grouped.members.size(); ++group) {
    row.reset(evaluator.steps());
    row.labels = grouped.grouping.labels(group);
    row.drop_name = false;
    for (const std::size_t m : grouped.members[group]) {
      row.drop_name = row.drop_name || grouped.set.rows[m].drop_name;
    }
    for (std::size_t step = 0; step < evaluator.steps(); ++step) {
      values.clear();
      for (const std::size_t m : grouped.members[group]) {
        const Row& member = grouped.set.rows[m];
        if (member.valid.test(step)) values.push_back(member.v[step]);
      }
      if (values.empty()) continue;
      warn_of_quantile(evaluator, *form.parameter, (*q)[step]);
      std::sort(values.begin(), values.end(),
                [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
      row.set(step, windows::quantile_of_sorted((*q)[step], values));
    }
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

// --- count_values -------------------------------------------------------------------------------

// Go's shortest `f` form: 1e100 in full digits.
std::string value_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::string digits;
  append_fixed(digits, value);
  return digits;
}

Result<void> count_values_rows(Evaluator& evaluator, const Aggregation& form, const Node& node,
                               const RowSink& sink) {
  const auto& label = std::get<StringLiteral>(bare(*form.parameter).form).value;
  if (label.empty() || !is_utf8(label)) {
    return evaluator.error(*form.parameter, "invalid label name " + quoted(label));
  }
  auto grouped = collect_groups(evaluator, form, form.labels);
  if (!grouped) return tl::unexpected(std::move(grouped.error()));
  // By the result's labels: where the label is one of the grouping's, groups fall together.
  std::unordered_map<std::string, std::size_t> index;
  RowSet result(evaluator.query().budget);
  for (std::size_t group = 0; group < grouped->members.size(); ++group) {
    for (const std::size_t m : grouped->members[group]) {
      const Row& member = grouped->set.rows[m];
      for (std::size_t step = 0; step < evaluator.steps(); ++step) {
        if (!member.valid.test(step)) continue;
        Labels labels = grouped->grouping.labels(group);
        labels.set(label, value_text(member.v[step]));
        const auto [at, is_new] = index.try_emplace(canonical(labels), result.rows.size());
        if (is_new) {
          Row row;
          row.reset(evaluator.steps());
          row.labels = std::move(labels);
          if (auto kept = keep(result, std::move(row), node); !kept) return kept;
        }
        Row& row = result.rows[at->second];
        row.set(step, (row.valid.test(step) ? row.v[step] : 0) + 1);
        row.drop_name = row.drop_name || member.drop_name;
      }
    }
  }
  for (Row& row : result.rows) {
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

}  // namespace

void warn_of_quantile(Evaluator& evaluator, const Node& parameter, double q) {
  if (q >= 0 && q <= 1) return;
  evaluator.query().annotations.warn(
      parameter.span,
      fmt::format("quantile value should be between 0 and 1, got {}", go_number(q)));
}

Result<void> ranking_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& form = std::get<Aggregation>(node.form);
  if (form.op == AggregateOp::count_values) {
    return count_values_rows(evaluator, form, node, sink);
  }
  if (form.op == AggregateOp::limit_ratio) return limit_ratio_rows(evaluator, form, sink);
  std::vector<std::size_t> counts;
  if (form.op != AggregateOp::quantile) {
    auto wanted = wanted_counts(evaluator, *form.parameter);
    if (!wanted) return tl::unexpected(std::move(wanted.error()));
    counts = std::move(*wanted);
    const bool none = std::all_of(counts.begin(), counts.end(), [](auto k) { return k == 0; });
    if (none) return {};
  }
  auto grouped = collect_groups(evaluator, form, form.labels);
  if (!grouped) return tl::unexpected(std::move(grouped.error()));
  if (form.op == AggregateOp::quantile) return quantile_rows(evaluator, form, *grouped, sink);
  if (form.op == AggregateOp::limitk) return limit_rows(counts, *grouped, sink);
  return Selection(evaluator, form, std::move(counts)).run(*grouped, sink);
}

}  // namespace hygge::promql
