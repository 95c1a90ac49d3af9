// Aggregations that need one pass over the rows: each row is added to its group's arrays and
// forgotten. Memory is groups × steps.
#include <cmath>
#include <limits>

#include "promql/evaluator.h"
#include "promql/grouping.h"
#include "window/compensated.h"

namespace hygge::promql {

namespace {

// Arrays over the steps; which of them an operation uses is up to it.
struct Group {
  bool drop_name = false;
  Bits valid;
  std::vector<double> value;  // extreme, count, or sum of squared distances
  // Compensated sums; avg: of the values, or their mean if `overflowed`.
  std::vector<double> sum;
  std::vector<double> lost;
  std::vector<double> count;
  std::vector<double> mean;
  Bits overflowed;  // avg: the sum would be infinite
};

class Accumulator {
 public:
  Accumulator(AggregateOp op, std::size_t steps) : op_(op), steps_(steps) {}

  [[nodiscard]] std::size_t group_bytes() const {
    return sizeof(Group) + steps_ * (sizeof(double) * arrays() + 1);
  }

  Group make() const {
    Group group;
    group.valid.reset(steps_);
    group.value.assign(steps_, 0);
    if (sums()) group.sum.assign(steps_, 0);
    if (sums()) group.lost.assign(steps_, 0);
    if (counts()) group.count.assign(steps_, 0);
    if (spreads()) group.mean.assign(steps_, 0);
    if (op_ == AggregateOp::avg) group.overflowed.reset(steps_);
    return group;
  }

  void add(Group& group, const Row& row) const {
    group.drop_name = group.drop_name || row.drop_name;
    if (op_ == AggregateOp::sum && row.valid.all() && group.valid.all()) {
      windows::add_each(group.sum.data(), group.lost.data(), row.v);
      return;
    }
    row.valid.for_each([&](std::size_t i) {
      if (group.valid.test(i)) {
        add_next(group, i, row.v[i]);
      } else {
        group.valid.set(i);
        add_first(group, i, row.v[i]);
      }
    });
  }

  // The group's arrays become the row.
  Row finish(Group&& group, const Labels& labels) const {
    Row row;
    row.labels = labels;
    row.drop_name = group.drop_name;
    group.valid.for_each([&](std::size_t i) { group.value[i] = result(group, i); });
    row.v = std::move(group.value);
    row.valid = std::move(group.valid);
    return row;
  }

 private:
  [[nodiscard]] bool sums() const { return op_ == AggregateOp::sum || op_ == AggregateOp::avg; }
  [[nodiscard]] bool spreads() const {
    return op_ == AggregateOp::stddev || op_ == AggregateOp::stdvar;
  }
  [[nodiscard]] bool counts() const { return op_ == AggregateOp::avg || spreads(); }
  [[nodiscard]] std::size_t arrays() const {
    return std::size_t{1} + (sums() ? 2U : 0U) + (counts() ? 1U : 0U) + (spreads() ? 1U : 0U);
  }

  void add_first(Group& group, std::size_t i, double x) const {
    switch (op_) {
      case AggregateOp::count:
      case AggregateOp::group:
        group.value[i] = 1;
        break;
      case AggregateOp::stddev:
      case AggregateOp::stdvar:
        group.count[i] = 1;
        group.mean[i] = x;
        group.value[i] = std::isfinite(x) ? 0 : std::numeric_limits<double>::quiet_NaN();
        break;
      case AggregateOp::avg:
        group.count[i] = 1;
        group.sum[i] = x;
        break;
      case AggregateOp::sum:
        group.sum[i] = x;
        break;
      default:
        group.value[i] = x;
    }
  }

  void add_next(Group& group, std::size_t i, double x) const {
    switch (op_) {
      case AggregateOp::sum:
        windows::add_each(&group.sum[i], &group.lost[i], {&x, 1});
        break;
      case AggregateOp::avg:
        add_to_average(group, i, x);
        break;
      case AggregateOp::min:
        if (group.value[i] > x || std::isnan(group.value[i])) group.value[i] = x;
        break;
      case AggregateOp::max:
        if (group.value[i] < x || std::isnan(group.value[i])) group.value[i] = x;
        break;
      case AggregateOp::count:
        group.value[i] += 1;
        break;
      case AggregateOp::stddev:
      case AggregateOp::stdvar: {
        // Welford.
        group.count[i] += 1;
        const double distance = x - group.mean[i];
        group.mean[i] += distance / group.count[i];
        group.value[i] += distance * (x - group.mean[i]);
        break;
      }
      default:
        break;
    }
  }

  // A plain sum, until it would overflow; from there on the mean itself, step by step.
  static void add_to_average(Group& group, std::size_t i, double x) {
    const auto keep = [&](const windows::CompensatedSum& sum) {
      group.sum[i] = sum.sum;
      group.lost[i] = sum.lost;
    };
    windows::CompensatedSum sum{group.sum[i], group.lost[i]};
    const double n = group.count[i] += 1;
    if (!group.overflowed.test(i)) {
      windows::CompensatedSum next = sum;
      next.add(x);
      if (!std::isinf(next.sum)) return keep(next);
      group.overflowed.set(i);
      sum = {sum.sum / (n - 1), sum.lost / (n - 1)};
    }
    const double q = (n - 1) / n;
    sum = {q * sum.sum, q * sum.lost};
    sum.add(x / n);
    keep(sum);
  }

  [[nodiscard]] double result(const Group& group, std::size_t i) const {
    switch (op_) {
      case AggregateOp::sum:
        return group.sum[i] + group.lost[i];
      case AggregateOp::avg:
        if (group.overflowed.test(i)) return group.sum[i] + group.lost[i];
        return group.sum[i] / group.count[i] + group.lost[i] / group.count[i];
      case AggregateOp::stddev:
        return std::sqrt(group.value[i] / group.count[i]);
      case AggregateOp::stdvar:
        return group.value[i] / group.count[i];
      default:
        return group.value[i];
    }
  }

  AggregateOp op_;
  std::size_t steps_;
};

}  // namespace

Result<void> aggregate_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& form = std::get<Aggregation>(node.form);
  const Accumulator accumulator(form.op, evaluator.steps());
  Grouping grouping(form.without, form.labels);
  std::vector<Group> groups;
  Charge charge(evaluator.query().budget);
  auto done = evaluator.rows(*form.child, [&](Row& row) -> Result<void> {
    const std::size_t index = grouping.group_of(row.labels);
    if (index == groups.size()) {
      auto charged = charge.add(accumulator.group_bytes(), evaluator.steps(), node);
      if (!charged) return charged;
      groups.push_back(accumulator.make());
    }
    accumulator.add(groups[index], row);
    return {};
  });
  if (!done) return done;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Row row = accumulator.finish(std::move(groups[i]), grouping.labels(i));
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

}  // namespace hygge::promql
