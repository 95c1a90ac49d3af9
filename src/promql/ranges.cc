// Functions of range vectors, over selectors and subqueries.
#include <fmt/format.h>
#include <hygge/sample.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/functions.h"
#include "window/function.h"

namespace hygge::promql {

namespace {

using WindowFunction = windows::Function;

// PromQL's rate, increase and delta extrapolate.
WindowFunction window_function(std::string_view name) {
  struct Entry {
    std::string_view name;
    WindowFunction function;
  };
  constexpr std::array<Entry, 24> kEntries{{
      {"rate", WindowFunction::prom_rate},
      {"increase", WindowFunction::prom_increase},
      {"delta", WindowFunction::prom_delta},
      {"irate", WindowFunction::irate},
      {"idelta", WindowFunction::idelta},
      {"resets", WindowFunction::resets},
      {"changes", WindowFunction::changes},
      {"avg_over_time", WindowFunction::avg},
      {"sum_over_time", WindowFunction::sum},
      {"min_over_time", WindowFunction::min},
      {"max_over_time", WindowFunction::max},
      {"count_over_time", WindowFunction::count},
      {"last_over_time", WindowFunction::last},
      {"first_over_time", WindowFunction::first},
      {"present_over_time", WindowFunction::present},
      {"quantile_over_time", WindowFunction::quantile},
      {"stddev_over_time", WindowFunction::stddev},
      {"stdvar_over_time", WindowFunction::stdvar},
      {"ts_of_first_over_time", WindowFunction::first_time},
      {"ts_of_last_over_time", WindowFunction::last_time},
      {"ts_of_min_over_time", WindowFunction::min_time},
      {"ts_of_max_over_time", WindowFunction::max_time},
      {"deriv", WindowFunction::deriv},
      {"predict_linear", WindowFunction::predict_linear},
  }};
  const auto* at = std::find_if(kEntries.begin(), kEntries.end(),
                                [name](const Entry& entry) { return entry.name == name; });
  HYGGE_ASSERT(at != kEntries.end());
  return at->function;
}

// What stands in the brackets of a range selector or subquery.
struct RangeForm {
  DurationMs range_ms;
  const TimeShift* shift;
};

RangeForm range_form(const Node& node) {
  if (const auto* matrix = std::get_if<MatrixSelector>(&node.form)) {
    return {matrix->range.ms, &matrix->shift};
  }
  const auto& subquery = std::get<Subquery>(node.form);
  return {subquery.range.ms, &subquery.shift};
}

// Samples without staleness markers, which mean nothing in a range.
class Fresh {
 public:
  SeriesData of(const SeriesData& series) {
    if (!any_stale(series.v)) return series;
    t_.clear();
    v_.clear();
    for (std::size_t i = 0; i < series.v.size(); ++i) {
      if (is_stale(series.v[i])) continue;
      t_.push_back(series.t[i]);
      v_.push_back(series.v[i]);
    }
    return {series.labels, series.drop_name, t_, v_};
  }

 private:
  std::vector<TimeMs> t_;
  std::vector<double> v_;
};

// The child's rows are the series.
Result<void> subquery_series(Evaluator& evaluator, const Node& node, const SeriesVisitor& visit) {
  Query& query = evaluator.query();
  const auto& form = std::get<Subquery>(node.form);
  const DurationMs step = form.step.ms == 0 ? query.options.subquery_step_ms : form.step.ms;
  const Grid grid =
      subquery_grid(shifted_grid(evaluator.grid(), form.shift, query.steps), form.range.ms, step);
  if (grid.count == 0) return {};
  // One row and its samples, before they are there: even one may be more than there is room for.
  Charge charge(query.budget);
  constexpr std::size_t kRowBytes = 2 * sizeof(double) + sizeof(TimeMs);
  if (grid.count > std::numeric_limits<std::size_t>::max() / kRowBytes) {
    return evaluator.error(node, "the subquery has too many steps");
  }
  if (auto charged = charge.add(grid.count * kRowBytes, grid.count, node); !charged) {
    return charged;
  }
  Evaluator inner(query, grid);
  std::vector<TimeMs> t;
  std::vector<double> v;
  return inner.rows(*form.child, [&](Row& row) -> Result<void> {
    t.clear();
    v.clear();
    row.valid.for_each([&](std::size_t i) {
      t.push_back(grid.at(i));
      v.push_back(row.v[i]);
    });
    return visit({row.labels, row.drop_name, t, v});
  });
}

Result<void> range_series(Evaluator& evaluator, const Node& node, const SeriesVisitor& visit) {
  if (std::holds_alternative<Subquery>(node.form)) return subquery_series(evaluator, node, visit);
  Fresh fresh;
  return for_each_series(evaluator.query(), node,
                         [&](const SeriesData& series) { return visit(fresh.of(series)); });
}

// The samples in (until − range, until].
SeriesData in_window(const SeriesData& series, TimeMs until, DurationMs range_ms) {
  const auto first = std::upper_bound(series.t.begin(), series.t.end(), until - range_ms);
  const auto end = std::upper_bound(first, series.t.end(), until);
  const auto at = static_cast<std::size_t>(first - series.t.begin());
  const auto count = static_cast<std::size_t>(end - first);
  return {series.labels, series.drop_name, series.t.subspan(at, count),
          series.v.subspan(at, count)};
}

// The rows that have a value, of what `fill` makes of a range vector's series: a selector's threads
// share.
Result<void> range_vector_rows(Evaluator& evaluator, const Node& node,
                               const std::optional<tiers::Windows>& windows, const SampleFill& fill,
                               const RowSink& sink) {
  if (std::holds_alternative<MatrixSelector>(node.form)) {
    return series_rows(evaluator, node, windows, Markers::dropped, fill,
                       [&](const Labels& labels, Row& row) {
                         row.labels = labels;
                         row.drop_name = false;
                         return sink(row);
                       });
  }
  Row row;
  return subquery_series(evaluator, node, [&](const SeriesData& series) -> Result<void> {
    row.reset(evaluator.steps());
    fill(series, row);
    if (!row.valid.any()) return {};
    row.labels = series.labels;
    row.drop_name = series.drop_name;
    return sink(row);
  });
}

// One call of a range function over all series.
class RangeCall {
 public:
  RangeCall(Evaluator& evaluator, const Call& call, WindowFunction function)
      : evaluator_(evaluator), function_(function) {
    for (const NodePtr& argument : call.arguments) {
      (argument->type == ValueType::matrix ? matrix_ : scalar_) = argument.get();
    }
    const RangeForm form = range_form(bare(*matrix_));
    range_ms_ = form.range_ms;
    windows_ = shifted_grid(evaluator.grid(), *form.shift, evaluator.query().steps);
    pinned_ = form.shift->pin != TimeShift::Pin::none;
  }

  Result<void> run(const RowSink& sink) {
    if (scalar_ != nullptr) {
      auto values = evaluator_.scalar(*scalar_);
      if (!values) return tl::unexpected(std::move(values.error()));
      parameters_.emplace(std::move(*values));
      const auto all = parameters_->values();
      steady_ =
          std::all_of(all.begin(), all.end(), [&all](double p) { return same_bits(p, all[0]); });
    }
    const bool keeps_name = function_ == WindowFunction::last || function_ == WindowFunction::first;
    return range_vector_rows(
        evaluator_, bare(*matrix_), plan_tiers(),
        [this](const SeriesData& series, Row& row) { fill(series, row); },
        [&](Row& row) {
          if (one_window()) repeat_first(row);
          annotate(row);
          row.drop_name = row.drop_name || !keeps_name;
          return sink(row);
        });
  }

 private:
  // Where cells may answer; told why or why not.
  std::optional<tiers::Windows> plan_tiers() {
    Query& query = evaluator_.query();
    const Node& node = bare(*matrix_);
    const View* const view = query.source.view();
    if ((pinned_ ? !one_window() : !steady_) || view == nullptr || view->tiers().empty() ||
        !std::holds_alternative<MatrixSelector>(node.form)) {
      return std::nullopt;
    }
    tiers::Windows windows(spec(parameters_ ? (*parameters_)[0] : 0), steps(), offset_ms(), *view,
                           query.options.tier);
    if (query.profile != nullptr) {
      const Profile::Turn turn(*query.profile, &node);
      query.profile->say_tier(
          fmt::format("{}: {}", windows.tier_ms() > 0 ? format_duration(windows.tier_ms()) : "raw",
                      windows.why()));
    }
    if (windows.tier_ms() == 0 && !windows.thins() && !view->any_expired()) return std::nullopt;
    return windows;
  }

  [[nodiscard]] windows::Spec spec(double parameter) const {
    return {function_, range_ms_, parameter, 0};
  }

  // Pinned, and nothing else depends on the step: the first step's answer is that of all.
  [[nodiscard]] bool one_window() const noexcept { return pinned_ && scalar_ == nullptr; }
  // What is evaluated in one go, and how far back of it the windows end.
  [[nodiscard]] Steps steps() const {
    const Grid& grid = evaluator_.grid();
    if (one_window()) return instant(windows_.start_ms);
    return {grid.start_ms, grid.last(), grid.step_ms};
  }
  [[nodiscard]] DurationMs offset_ms() const {
    return one_window() ? 0 : evaluator_.grid().start_ms - windows_.start_ms;
  }

  void fill(const SeriesData& series, Row& row) const {
    if (one_window() || (!pinned_ && steady_)) {
      evaluate(spec(parameters_ ? (*parameters_)[0] : 0), series.t, series.v, steps(), offset_ms(),
               {row.v, row.valid.words()});
    } else {
      // The parameter changes, or the step's own time plays a part: step by step.
      const Grid& grid = evaluator_.grid();
      for (std::size_t i = 0; i < grid.count; ++i) {
        const TimeMs until = windows_.at(pinned_ ? 0 : i);
        const SeriesData window = in_window(series, until, range_ms_);
        double value = 0;
        std::uint64_t valid = 0;
        evaluate(spec((*parameters_)[i]), window.t, window.v, instant(grid.at(i)),
                 grid.at(i) - until, {{&value, 1}, {&valid, 1}});
        if (valid != 0) row.set(i, value);
      }
    }
  }

  void annotate(const Row& row) {
    if (function_ == WindowFunction::prom_rate || function_ == WindowFunction::prom_increase) {
      const std::string_view metric = row.labels.metric();
      const auto ends = [metric](std::string_view suffix) { return metric.ends_with(suffix); };
      if (metric.empty() || ends("_total") || ends("_sum") || ends("_count") || ends("_bucket")) {
        return;
      }
      evaluator_.query().annotations.inform(
          matrix_->span, fmt::format("metric might not be a counter, name does not end in "
                                     "_total/_sum/_count/_bucket: {}",
                                     quoted(metric)));
    } else if (function_ == WindowFunction::quantile) {
      row.valid.for_each(
          [&](std::size_t step) { warn_of_quantile(evaluator_, *scalar_, (*parameters_)[step]); });
    }
  }

  Evaluator& evaluator_;
  WindowFunction function_;
  const Node* matrix_ = nullptr;
  const Node* scalar_ = nullptr;
  DurationMs range_ms_ = 0;
  Grid windows_;
  bool pinned_ = false;
  bool steady_ = true;  // the parameter is the same at all steps
  std::optional<Scalar> parameters_;
};

}  // namespace

Result<void> range_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  return RangeCall(evaluator, call, window_function(call.function->name)).run(sink);
}

Result<void> windowed_rows(Evaluator& evaluator, const Node& range_vector, const WindowFill& fill,
                           const RowSink& sink) {
  const Node& inner = bare(range_vector);
  const RangeForm form = range_form(inner);
  const Grid windows = shifted_grid(evaluator.grid(), *form.shift, evaluator.query().steps);
  const bool pinned = form.shift->pin != TimeShift::Pin::none;
  const WindowAt at = [&](const SeriesData& series, std::size_t step) {
    return in_window(series, windows.at(pinned ? 0 : step), form.range_ms);
  };
  return range_vector_rows(
      evaluator, inner, std::nullopt,
      [&](const SeriesData& series, Row& row) { fill(series, at, row); },
      [&](Row& row) {
        row.drop_name = true;
        return sink(row);
      });
}

Result<void> absent_range_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  Bits present(evaluator.steps());
  auto done =
      RangeCall(evaluator, call, WindowFunction::present).run([&present](Row& row) -> Result<void> {
        present |= row.valid;
        return {};
      });
  if (!done) return done;
  return emit_absent(evaluator, *call.arguments[0], present, sink);
}

Result<void> matrix_series(Evaluator& evaluator, const Node& node, const SeriesVisitor& visit) {
  const Node& inner = bare(node);
  const RangeForm form = range_form(inner);
  const Grid window = shifted_grid(evaluator.grid(), *form.shift, evaluator.query().steps);
  return range_series(evaluator, inner, [&](const SeriesData& series) -> Result<void> {
    const SeriesData inside = in_window(series, window.start_ms, form.range_ms);
    if (inside.t.empty()) return {};
    return visit(inside);
  });
}

}  // namespace hygge::promql
