// Walks the tree: scalars as an array over the steps, vectors as rows that are handed on one by
// one, so that `sum(rate(…))` holds the groups and a single row.
#pragma once

#include <hygge/promql.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "promql/annotations.h"
#include "promql/ast.h"
#include "promql/budget.h"
#include "promql/plan.h"
#include "promql/profile.h"
#include "promql/rows.h"
#include "promql/source.h"
#include "promql/workers.h"
#include "query/tiers.h"

namespace hygge::promql {

/// Rows that are kept, with what they cost.
struct RowSet {
  explicit RowSet(Budget& budget) noexcept : charge(budget) {}
  std::vector<Row> rows;
  Charge charge;
};

/// Notes where samples or cells of a query came from.
void note_tier(std::vector<DurationMs>& tiers, DurationMs tier_ms);

/// What one query shares: its text, its samples, its limits, its annotations.
struct Query {
  Query(std::string_view query_text, const QueryOptions& query_options, Steps query_steps,
        bool is_instant, Plan query_plan, SeriesSource& query_source)
      : text(query_text),
        options(query_options),
        steps(query_steps),
        instant(is_instant),
        plan(std::move(query_plan)),
        source(query_source),
        budget(query_options.max_bytes, query_options.max_samples),
        annotations(query_text),
        cache(plan.slots.size()),
        slot_samples(plan.slots.size()),
        cache_charge(budget) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
      ahead_charges.emplace_back(budget);
    }
  }

  std::string_view text;
  const QueryOptions& options;
  Steps steps;
  bool instant;
  Plan plan;
  SeriesSource& source;
  Budget budget;
  Annotations annotations;
  QueryStats stats;
  std::mutex cache_mutex;
  /// Decoded samples of slots that several selectors use, by slot and series; what is there stays.
  std::vector<std::vector<std::optional<SeriesSamples>>> cache;  ///< guarded by cache_mutex
  std::vector<std::uint64_t> slot_samples;                       ///< decoded, by slot
  Charge cache_charge;                                           ///< guarded by cache_mutex
  std::vector<Charge> ahead_charges;  ///< of the rows of cells that each thread has read ahead
  Profile* profile = nullptr;         ///< of an explained query
  Workers workers;                    ///< as many as there was something to share for
  std::size_t at_work = 1;            ///< threads, with the one that asks
  /// What names bound by let stand for, by what they name and the steps.
  struct Named {
    std::optional<RowSet> rows;
    std::optional<Scalar> scalar;
  };
  std::map<std::tuple<const Node*, TimeMs, DurationMs, std::size_t>, Named> named;
};

/// Evaluates on one grid of steps, which has at least one.
class Evaluator {
 public:
  Evaluator(Query& query, const Grid& grid) noexcept : query_(query), grid_(grid) {}

  /// The value of a scalar expression at each step.
  [[nodiscard]] Result<Scalar> scalar(const Node& node);
  /// The same value at each step.
  [[nodiscard]] Result<Scalar> constant(double value, const Node& node);
  /// Hands each row of a vector expression to `sink`.
  [[nodiscard]] Result<void> rows(const Node& node, const RowSink& sink);
  /// All rows at once.
  [[nodiscard]] Result<RowSet> collect(const Node& node);

  /// An error of evaluation, with the place of `node`.
  [[nodiscard]] tl::unexpected<Error> error(const Node& node, std::string message) const;

  [[nodiscard]] Query& query() noexcept { return query_; }
  [[nodiscard]] const Grid& grid() const noexcept { return grid_; }
  [[nodiscard]] std::size_t steps() const noexcept { return grid_.count; }

 private:
  [[nodiscard]] bool is_folded(const Node& node) const {
    return steps() > 1 && query_.plan.same_at_all_steps.contains(&node);
  }
  [[nodiscard]] Result<void> folded_rows(const Node& node, const RowSink& sink);
  [[nodiscard]] Result<void> plain_rows(const Node& node, const RowSink& sink);
  [[nodiscard]] Result<void> named_rows(const Node& target, const RowSink& sink);
  [[nodiscard]] Result<Scalar> plain_scalar(const Node& node);
  [[nodiscard]] Result<Scalar> named_scalar(const Node& target);
  [[nodiscard]] Query::Named& named(const Node& target) {
    return query_.named[{&target, grid_.start_ms, grid_.step_ms, grid_.count}];
  }

  Query& query_;
  Grid grid_;
};

/// Appends `row` to `set` against the budget.
[[nodiscard]] Result<void> keep(RowSet& set, Row&& row, const Node& node);

/// Equal for rows that will be the same series in an answer: labels, and whether the name goes.
[[nodiscard]] std::string row_key(const Row& row);

/// Joins rows of equal keys that have no step in common. Errors: "vector cannot contain metrics
/// with the same labelset".
[[nodiscard]] Result<void> merge_equal(std::vector<Row>& rows, const Node& node);

// Forms of vectors, a file each.

/// selectors.cc
/// One series' samples, times strictly rising.
struct SeriesData {
  const Labels& labels;
  bool drop_name;
  std::span<const TimeMs> t;
  std::span<const double> v;
};
using SeriesVisitor = std::function<Result<void>(const SeriesData& series)>;
/// Calls `visit` for each series of a VectorSelector or MatrixSelector node, sorted by labels; the
/// samples may reach beyond what the node needs, on both sides.
[[nodiscard]] Result<void> for_each_series(Query& query, const Node& node,
                                           const SeriesVisitor& visit);
/// Whether there is a staleness marker. Most series have none, so all are looked at, many at a
/// time.
[[nodiscard]] bool any_stale(std::span<const double> values) noexcept;
/// What samples for `fill` have of staleness markers.
enum class Markers : std::uint8_t { dropped, kept };
/// Makes a row, which is reset, of a series' samples. Of several threads at once.
using SampleFill = std::function<void(const SeriesData& series, Row& row)>;
using LabelledRowSink = std::function<Result<void>(const Labels& labels, Row& row)>;
/// The rows of a selector node that have a value, in the order of its series: from cells where
/// `windows` are and cells too, else of what `fill` makes of the samples.
[[nodiscard]] Result<void> series_rows(Evaluator& evaluator, const Node& node,
                                       const std::optional<tiers::Windows>& windows,
                                       Markers markers, const SampleFill& fill,
                                       const LabelledRowSink& visit);
[[nodiscard]] Result<void> selector_rows(Evaluator& evaluator, const Node& node,
                                         const RowSink& sink);
/// The same with the samples' times (in seconds) as values: timestamp() of a selector.
[[nodiscard]] Result<void> selector_time_rows(Evaluator& evaluator, const Node& node,
                                              const RowSink& sink);

/// ranges.cc: functions of range vectors.
[[nodiscard]] Result<void> range_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);
/// absent_over_time.
[[nodiscard]] Result<void> absent_range_rows(Evaluator& evaluator, const Node& node,
                                             const RowSink& sink);
/// A bare range selector in an instant query: each series' samples, or those of a subquery.
[[nodiscard]] Result<void> matrix_series(Evaluator& evaluator, const Node& node,
                                         const SeriesVisitor& visit);

/// The samples of `series` in the window of a step.
using WindowAt = std::function<SeriesData(const SeriesData& series, std::size_t step)>;
/// Makes a row, which is reset, of a series' samples, with what cuts out its windows. Of several
/// threads at once.
using WindowFill = std::function<void(const SeriesData& series, const WindowAt& at, Row& row)>;
/// Hands on, without the metric's name, the rows that `fill` makes of a range vector's series and
/// that have a value.
[[nodiscard]] Result<void> windowed_rows(Evaluator& evaluator, const Node& range_vector,
                                         const WindowFill& fill, const RowSink& sink);
/// window_functions.cc: functions of range vectors that are computed anew for each window.
[[nodiscard]] Result<void> window_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);

/// sort_functions.cc
[[nodiscard]] Result<void> sort_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);
/// topk_range.cc
[[nodiscard]] Result<void> topk_range_rows(Evaluator& evaluator, const Node& node,
                                           const RowSink& sink);
/// info.cc
[[nodiscard]] Result<void> info_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);

/// calls.cc: all other functions.
[[nodiscard]] Result<void> call_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);
[[nodiscard]] Result<Scalar> call_scalar(Evaluator& evaluator, const Node& node);
/// The row that absent() gives: 1 where `present` is not set; labels from a bare selector.
[[nodiscard]] Result<void> emit_absent(Evaluator& evaluator, const Node& argument,
                                       const Bits& present, const RowSink& sink);

/// label_functions.cc: label_replace and label_join.
[[nodiscard]] Result<void> label_function_rows(Evaluator& evaluator, const Node& node,
                                               const RowSink& sink);
/// histogram_quantile.cc: histogram_quantile, histogram_quantiles and histogram_fraction of classic
/// histograms.
[[nodiscard]] Result<void> histogram_rows(Evaluator& evaluator, const Node& node,
                                          const RowSink& sink);

/// aggregate.cc
[[nodiscard]] Result<void> aggregate_rows(Evaluator& evaluator, const Node& node,
                                          const RowSink& sink);
/// select_rows.cc: topk, bottomk, quantile and count_values, which need all rows at once.
[[nodiscard]] Result<void> ranking_rows(Evaluator& evaluator, const Node& node,
                                        const RowSink& sink);

/// The warning about a quantile outside 0 to 1, at its parameter.
void warn_of_quantile(Evaluator& evaluator, const Node& parameter, double q);

/// binary.cc
[[nodiscard]] double apply(BinaryOp op, double left, double right) noexcept;
[[nodiscard]] Result<void> binary_rows(Evaluator& evaluator, const Node& node, const RowSink& sink);
/// matching.cc: both sides are vectors.
[[nodiscard]] Result<void> vector_binary_rows(Evaluator& evaluator, const Node& node,
                                              const RowSink& sink);

/// answer.cc: the whole query.
[[nodiscard]] Result<Answer> evaluate(const Expression& expression, SeriesSource& source,
                                      Steps when, const QueryOptions& options);

}  // namespace hygge::promql
