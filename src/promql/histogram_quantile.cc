// histogram_quantile, histogram_quantiles and histogram_fraction of classic histograms: series
// `…_bucket` that differ in `le`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/functions.h"
#include "promql/grouping.h"

namespace hygge::promql {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Bucket {
  double bound = 0;
  double count = 0;  // of observations up to the bound
};

struct BucketRow {
  double bound;
  Row row;
};

std::optional<double> bound_of(std::string_view le) {
  if (le == "+Inf" || le == "Inf" || le == "+inf" || le == "inf") return kInf;
  if (le == "-Inf" || le == "-inf") return -kInf;
  if (!le.empty() && le[0] == '+') le.remove_prefix(1);
  double value = 0;
  const auto [end, status] = std::from_chars(le.data(), le.data() + le.size(), value);
  if (le.empty() || end != le.data() + le.size() || status != std::errc()) return std::nullopt;
  return value;
}

// What had to be mended, over all steps: one info for each metric.
struct Forced {
  double lowest = kInf;
  double highest = -kInf;
  double difference = 0;
  std::size_t samples = 0;
  TimeMs first_ms = 0;
  TimeMs last_ms = 0;
};

// Equal bounds are added up.
void merge_bounds(std::vector<Bucket>& buckets) {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].bound == buckets[kept].bound) {
      buckets[kept].count += buckets[i].count;
    } else {
      buckets[++kept] = buckets[i];
    }
  }
  buckets.resize(kept + 1);
}

bool almost_equal(double a, double b, double epsilon) {
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kSmallest = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kSmallest) return difference < epsilon * kSmallest;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < epsilon;
}

// Counts must not fall. Rounding is mended silently; returns whether more had to be.
bool make_monotonic(std::vector<Bucket>& buckets, Forced& forced) {
  bool changed = false;
  double previous = buckets[0].count;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    double& count = buckets[i].count;
    if (count == previous) continue;
    if (almost_equal(previous, count, 1e-12)) {
      count = previous;
    } else if (count < previous) {
      changed = true;
      forced.lowest = std::min(forced.lowest, buckets[i].bound);
      forced.highest = std::max(forced.highest, buckets[i].bound);
      forced.difference = std::max(forced.difference, previous - count);
      count = previous;
    } else {
      previous = count;
    }
  }
  return changed;
}

double bucket_quantile(double q, std::vector<Bucket>& buckets, Forced& forced, bool& changed) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (buckets.back().bound != kInf) return kNan;
  merge_bounds(buckets);
  changed = make_monotonic(buckets, forced);
  if (buckets.size() < 2) return kNan;
  const double total = buckets.back().count;
  if (total == 0 || std::isnan(total)) return kNan;
  double rank = q * total;
  const auto at = std::find_if(buckets.begin(), buckets.end() - 1,
                               [rank](const Bucket& b) { return b.count >= rank; });
  const auto b = static_cast<std::size_t>(at - buckets.begin());
  if (b == buckets.size() - 1) return buckets[b - 1].bound;
  if (b == 0 && buckets[0].bound <= 0) return buckets[0].bound;
  const double end = buckets[b].bound;
  const double start = b == 0 ? 0 : buckets[b - 1].bound;
  double count = buckets[b].count;
  if (b > 0) {
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  return start + (end - start) * (rank / count);
}

// The observations up to `value`: linear inside a bucket, from 0 in the first. What lies in a first
// bucket that ends at or below 0 counts whole, what lies in the +Inf bucket not at all.
double count_up_to(double value, const std::vector<Bucket>& buckets) {
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const Bucket& bucket = buckets[i];
    const double start = i > 0 ? buckets[i - 1].bound : -kInf;
    if (start >= value) return below;
    if (bucket.bound > value) {
      if (bucket.bound == kInf) return below;
      if (i == 0 && bucket.bound <= 0) return bucket.count;
      const double from = i == 0 ? 0 : start;
      const double share = (value - from) / (bucket.bound - from);
      return below + (bucket.count - below) * std::max(share, 0.0);
    }
    below = bucket.count;
  }
  return below;
}

double bucket_fraction(double lower, double upper, std::vector<Bucket>& buckets) {
  if (buckets.back().bound != kInf) return kNan;
  merge_bounds(buckets);
  const double total = buckets.back().count;
  if (total == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  const double from = std::min(count_up_to(lower, buckets), total);
  return (std::min(count_up_to(upper, buckets), total) - from) / total;
}

std::string metric_text(const Labels& labels) {
  if (labels.metric().empty()) return {};
  return fmt::format(" for metric name {}", quoted(labels.metric()));
}

// The histograms of a vector: its rows, by all labels but `le`.
class Histograms {
 public:
  Histograms(Evaluator& evaluator, const Node& argument)
      : evaluator_(evaluator),
        argument_(argument),
        grouping_(Grouping::all_but_these({"le"})),
        charge_(evaluator.query().budget) {}

  Result<void> read() {
    auto done = evaluator_.rows(argument_, [&](Row& row) { return take(row); });
    if (!done) return done;
    for (auto& members : groups_) {
      std::stable_sort(members.begin(), members.end(),
                       [](const BucketRow& a, const BucketRow& b) { return a.bound < b.bound; });
    }
    return {};
  }

  [[nodiscard]] std::size_t size() const { return groups_.size(); }
  [[nodiscard]] const Labels& labels(std::size_t group) const { return grouping_.labels(group); }

  // `value_of(buckets, step)` for each step with a bucket.
  template <typename ValueOf>
  void fill(std::size_t group, Row& out, ValueOf&& value_of) const {
    out.reset(evaluator_.steps());
    out.labels = labels(group);
    out.drop_name = true;
    std::vector<Bucket> buckets;
    for (std::size_t step = 0; step < evaluator_.steps(); ++step) {
      buckets.clear();
      for (const BucketRow& member : groups_[group]) {
        if (member.row.valid.test(step)) buckets.push_back({member.bound, member.row.v[step]});
      }
      if (!buckets.empty()) out.set(step, value_of(buckets, step));
    }
  }

 private:
  Result<void> take(Row& row) {
    const std::string le(row.labels.get("le"));
    const auto bound = bound_of(le);
    if (!bound) {
      evaluator_.query().annotations.warn(
          argument_.span,
          fmt::format("bucket label \"le\" is missing or has a malformed value of {}{}", quoted(le),
                      metric_text(row.labels)));
      return {};
    }
    const std::size_t group = grouping_.group_of(row.labels);
    if (group == groups_.size()) groups_.emplace_back();
    auto charged = charge_.add(row.v.size() * sizeof(double), row.valid.count(), argument_);
    if (!charged) return charged;
    groups_[group].push_back({*bound, std::move(row)});
    return {};
  }

  Evaluator& evaluator_;
  const Node& argument_;
  Grouping grouping_;
  std::vector<std::vector<BucketRow>> groups_;
  Charge charge_;
};

class Quantiles {
 public:
  Quantiles(Evaluator& evaluator, const Node& argument)
      : evaluator_(evaluator), argument_(argument), histograms_(evaluator, argument) {}

  Result<void> read() { return histograms_.read(); }

  // Rows of one quantile, with the label `name` = `value` unless `name` is empty.
  Result<void> rows(const Node& parameter, std::string_view name, std::string_view value,
                    const Scalar& q, const RowSink& sink) {
    Row out;
    for (std::size_t group = 0; group < histograms_.size(); ++group) {
      Forced forced;
      histograms_.fill(group, out, [&](std::vector<Bucket>& buckets, std::size_t step) {
        warn_of_quantile(evaluator_, parameter, q[step]);
        bool changed = false;
        const double result = bucket_quantile(q[step], buckets, forced, changed);
        if (changed) {
          if (forced.samples++ == 0) forced.first_ms = evaluator_.grid().at(step);
          forced.last_ms = evaluator_.grid().at(step);
        }
        return result;
      });
      if (forced.samples > 0) inform(out.labels, forced);
      if (!out.valid.any()) continue;
      if (!name.empty()) out.labels.set(name, value);
      if (auto taken = sink(out); !taken) return taken;
    }
    return {};
  }

 private:
  void inform(const Labels& labels, const Forced& forced) {
    evaluator_.query().annotations.inform(
        argument_.span,
        fmt::format(
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
            "{}, from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {}",
            metric_text(labels), go_number(forced.lowest), go_number(forced.highest),
            forced.difference, forced.samples, format_time_utc(forced.first_ms),
            format_time_utc(forced.last_ms)));
  }

  Evaluator& evaluator_;
  const Node& argument_;
  Histograms histograms_;
};

// As OpenMetrics writes a float: "0.5", "1.0".
std::string openmetrics_number(double value) {
  std::string text = go_number(value);
  const bool plain = text.find_first_not_of("-0123456789") == std::string::npos;
  return plain ? text + ".0" : text;
}

Result<void> classic_quantile_rows(Evaluator& evaluator, const Call& call, const RowSink& sink) {
  const auto q = evaluator.scalar(*call.arguments[0]);
  if (!q) return tl::unexpected(q.error());
  Quantiles quantiles(evaluator, *call.arguments[1]);
  if (auto read = quantiles.read(); !read) return read;
  return quantiles.rows(*call.arguments[0], "", "", *q, sink);
}

Result<void> quantiles_rows(Evaluator& evaluator, const Node& node, const Call& call,
                            const RowSink& sink) {
  const Node& label = *call.arguments[1];
  const std::string& name = std::get<StringLiteral>(bare(label).form).value;
  if (name.empty() || !is_utf8(name)) {
    return evaluator.error(label, "invalid label name " + quoted(name));
  }
  Quantiles quantiles(evaluator, *call.arguments[0]);
  if (auto read = quantiles.read(); !read) return read;
  RowSet all(evaluator.query().budget);
  for (std::size_t i = 2; i < call.arguments.size(); ++i) {
    const auto q = evaluator.scalar(*call.arguments[i]);
    if (!q) return tl::unexpected(q.error());
    auto done = quantiles.rows(*call.arguments[i], name, openmetrics_number((*q)[0]), *q,
                               [&](Row& row) { return keep(all, std::move(row), node); });
    if (!done) return done;
  }
  if (auto merged = merge_equal(all.rows, node); !merged) return merged;
  for (Row& row : all.rows) {
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

Result<void> fraction_rows(Evaluator& evaluator, const Call& call, const RowSink& sink) {
  const auto lower = evaluator.scalar(*call.arguments[0]);
  if (!lower) return tl::unexpected(lower.error());
  const auto upper = evaluator.scalar(*call.arguments[1]);
  if (!upper) return tl::unexpected(upper.error());
  Histograms histograms(evaluator, *call.arguments[2]);
  if (auto read = histograms.read(); !read) return read;
  Row out;
  for (std::size_t group = 0; group < histograms.size(); ++group) {
    histograms.fill(group, out, [&](std::vector<Bucket>& buckets, std::size_t step) {
      return bucket_fraction((*lower)[step], (*upper)[step], buckets);
    });
    if (!out.valid.any()) continue;
    if (auto taken = sink(out); !taken) return taken;
  }
  return {};
}

}  // namespace

Result<void> histogram_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  switch (call.function->kind) {
    case FunctionKind::histogram_quantiles:
      return quantiles_rows(evaluator, node, call, sink);
    case FunctionKind::histogram_fraction:
      return fraction_rows(evaluator, call, sink);
    default:
      return classic_quantile_rows(evaluator, call, sink);
  }
}

}  // namespace hygge::promql
