// histogram_quantile of classic histograms: series `…_bucket` that differ in `le`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "model/quote.h"
#include "promql/evaluator.h"
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

class HistogramQuantile {
 public:
  HistogramQuantile(Evaluator& evaluator, const Call& call)
      : evaluator_(evaluator),
        parameter_(*call.arguments[0]),
        argument_(*call.arguments[1]),
        grouping_(Grouping::all_but_these({"le"})),
        charge_(evaluator.query().budget) {}

  Result<void> run(const RowSink& sink) {
    auto q = evaluator_.scalar(parameter_);
    if (!q) return tl::unexpected(std::move(q.error()));
    auto done = evaluator_.rows(argument_, [&](Row& row) { return take(row); });
    if (!done) return done;
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      if (auto taken = emit(group, *q, sink); !taken) return taken;
    }
    return {};
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

  Result<void> emit(std::size_t group, const Scalar& q, const RowSink& sink) {
    auto& members = groups_[group];
    std::stable_sort(members.begin(), members.end(),
                     [](const BucketRow& a, const BucketRow& b) { return a.bound < b.bound; });
    Row out;
    out.reset(evaluator_.steps());
    out.labels = grouping_.labels(group);
    out.drop_name = true;
    Forced forced;
    std::vector<Bucket> buckets;
    for (std::size_t step = 0; step < evaluator_.steps(); ++step) {
      buckets.clear();
      for (const BucketRow& member : members) {
        if (member.row.valid.test(step)) buckets.push_back({member.bound, member.row.v[step]});
      }
      if (buckets.empty()) continue;
      warn_of_quantile(evaluator_, parameter_, q[step]);
      bool changed = false;
      out.set(step, bucket_quantile(q[step], buckets, forced, changed));
      if (changed) {
        if (forced.samples++ == 0) forced.first_ms = evaluator_.grid().at(step);
        forced.last_ms = evaluator_.grid().at(step);
      }
    }
    if (forced.samples > 0) inform(out.labels, forced);
    if (!out.valid.any()) return {};
    return sink(out);
  }

  static std::string metric_text(const Labels& labels) {
    if (labels.metric().empty()) return {};
    return fmt::format(" for metric name {}", quoted(labels.metric()));
  }

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
  const Node& parameter_;
  const Node& argument_;
  Grouping grouping_;
  std::vector<std::vector<BucketRow>> groups_;
  Charge charge_;
};

}  // namespace

Result<void> histogram_quantile_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  return HistogramQuantile(evaluator, std::get<Call>(node.form)).run(sink);
}

}  // namespace hygge::promql
