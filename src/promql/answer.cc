// A whole query: from an expression and steps to an answer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>

#include "model/canonical.h"
#include "promql/evaluator.h"
#include "promql/parser.h"

namespace hygge::promql {

namespace {

Result<void> check_steps(const Steps& when, const QueryOptions& options) {
  if (when.start_ms < kMinTimeMs || when.end_ms > kMaxTimeMs || when.start_ms > kMaxTimeMs) {
    return fail(ErrorCode::out_of_range, "the query's time is beyond what can be stored");
  }
  if (when.end_ms < when.start_ms) {
    return fail(ErrorCode::invalid_argument, "end timestamp must not be before start time");
  }
  if (when.step_ms < 0 || (when.step_ms == 0 && when.start_ms != when.end_ms)) {
    return fail(ErrorCode::invalid_argument,
                "zero or negative query resolution step widths are not accepted. Try a positive "
                "integer");
  }
  for (const DurationMs setting : {options.lookback_ms, options.subquery_step_ms}) {
    if (setting <= 0 || setting > kMaxTimeMs) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("lookback and subquery step must be positive, not {} ms", setting));
    }
  }
  if (options.threads < 1 || options.threads > 1'024) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a query has 1 to 1,024 threads, not {}", options.threads));
  }
  if (options.max_steps != 0 && when.count() > options.max_steps) {
    return fail(
        ErrorCode::limit,
        fmt::format("the query has {} steps, the limit is {}", when.count(), options.max_steps),
        "ask for a longer step or a shorter range");
  }
  return {};
}

// The labels that name a metric go at the very end.
Labels without_name(Labels labels) {
  for (const char* name : {"__name__", "__type__", "__unit__"}) labels.set(name, "");
  return labels;
}

// The samples of `other` are put between those of `series`. False if they share a time.
bool merge_into(AnswerSeries& series, const AnswerSeries& other) {
  AnswerSeries merged;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < series.t.size() || j < other.t.size()) {
    if (i < series.t.size() && j < other.t.size() && series.t[i] == other.t[j]) return false;
    const bool first = j == other.t.size() || (i < series.t.size() && series.t[i] < other.t[j]);
    merged.t.push_back(first ? series.t[i] : other.t[j]);
    merged.v.push_back(first ? series.v[i++] : other.v[j++]);
  }
  series.t = std::move(merged.t);
  series.v = std::move(merged.v);
  return true;
}

// Collects the answer's series; those that lose their name may become the same.
class Collector {
 public:
  explicit Collector(Evaluator& evaluator, const Node& root)
      : evaluator_(evaluator), root_(root), charge_(evaluator.query().budget) {}

  Result<void> add(AnswerSeries&& series, bool drop_name) {
    const std::size_t count = series.t.size();
    auto charged = charge_.add(count * (sizeof(TimeMs) + sizeof(double)), count, root_);
    if (!charged) return charged;
    any_dropped_ = any_dropped_ || drop_name;
    if (drop_name) series.labels = without_name(std::move(series.labels));
    series_.push_back(std::move(series));
    return {};
  }

  Result<std::vector<AnswerSeries>> finish(bool sorted) {
    if (any_dropped_) {
      if (auto merged = merge(); !merged) return tl::unexpected(std::move(merged.error()));
    }
    if (sorted) {
      std::sort(series_.begin(), series_.end(),
                [](const AnswerSeries& a, const AnswerSeries& b) { return a.labels < b.labels; });
    }
    return std::move(series_);
  }

 private:
  Result<void> merge() {
    std::unordered_map<std::string, std::size_t> first_of;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const auto [at, is_new] = first_of.try_emplace(canonical(series_[i].labels), kept);
      if (!is_new) {
        if (!merge_into(series_[at->second], series_[i])) {
          Error error =
              evaluator_.error(root_, "vector cannot contain metrics with the same labelset")
                  .value();
          error.detail = fmt::format("two series of the result become {} without their name",
                                     to_string(series_[i].labels));
          return tl::unexpected(std::move(error));
        }
        continue;
      }
      if (kept != i) series_[kept] = std::move(series_[i]);
      ++kept;
    }
    series_.resize(kept);
    return {};
  }

  Evaluator& evaluator_;
  const Node& root_;
  Charge charge_;
  std::vector<AnswerSeries> series_;
  bool any_dropped_ = false;
};

Result<std::vector<AnswerSeries>> vector_answer(Evaluator& evaluator, const Node& root) {
  Collector collector(evaluator, root);
  auto done = evaluator.rows(root, [&](Row& row) {
    AnswerSeries series;
    series.labels = std::move(row.labels);
    const std::size_t count = row.valid.count();
    series.t.reserve(count);
    if (count == evaluator.steps()) {  // as most are
      for (std::size_t i = 0; i < count; ++i) series.t.push_back(evaluator.grid().at(i));
      series.v = std::move(row.v);
      return collector.add(std::move(series), row.drop_name);
    }
    series.v.reserve(count);
    row.valid.for_each([&](std::size_t i) {
      series.t.push_back(evaluator.grid().at(i));
      series.v.push_back(row.v[i]);
    });
    return collector.add(std::move(series), row.drop_name);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  return collector.finish(!evaluator.query().instant);
}

Result<std::vector<AnswerSeries>> matrix_answer(Evaluator& evaluator, const Node& root) {
  Collector collector(evaluator, root);
  auto done = matrix_series(evaluator, root, [&](const SeriesData& series) {
    return collector.add(
        {series.labels, {series.t.begin(), series.t.end()}, {series.v.begin(), series.v.end()}},
        series.drop_name);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  return collector.finish(true);
}

Result<std::vector<AnswerSeries>> scalar_answer(Evaluator& evaluator, const Node& root) {
  auto values = evaluator.scalar(root);
  if (!values) return tl::unexpected(std::move(values.error()));
  AnswerSeries series;
  for (std::size_t i = 0; i < evaluator.steps(); ++i) {
    series.t.push_back(evaluator.grid().at(i));
  }
  series.v = std::move(*values).take();
  return std::vector<AnswerSeries>{std::move(series)};
}

Result<std::vector<AnswerSeries>> series_of(Evaluator& evaluator, const Node& root) {
  switch (root.type) {
    case ValueType::scalar:
      return scalar_answer(evaluator, root);
    case ValueType::vector:
      return vector_answer(evaluator, root);
    case ValueType::matrix:
      return matrix_answer(evaluator, root);
    case ValueType::string:
      break;
  }
  return std::vector<AnswerSeries>{};
}

// Line and column of errors that know their bytes only.
tl::unexpected<Error> located(Error error, std::string_view text) {
  if (error.place.line == 0 && error.place.end > 0) {
    error.place = text_error(error.code, text, {error.place.begin, error.place.end}, "").place;
  }
  return tl::unexpected(std::move(error));
}

Result<void> check_range_type(const Node& root) {
  if (root.type == ValueType::scalar || root.type == ValueType::vector) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("invalid expression type \"{}\" for range query, must be Scalar or "
                          "instant Vector",
                          root.type == ValueType::matrix ? "range vector" : "string"));
}

}  // namespace

Result<Answer> evaluate(const Expression& expression, SeriesSource& source, Steps when,
                        const QueryOptions& options) {
  if (auto good = check_steps(when, options); !good) return tl::unexpected(good.error());
  const bool instant = when.step_ms == 0;
  NodePtr bound;
  if (expression.root().bound_to_steps) {
    const Bindings bindings{when.step_ms, when.end_ms - when.start_ms};
    auto tree = parse_tree(expression.text(), &bindings);
    if (!tree) return tl::unexpected(std::move(tree.error()));
    bound = std::move(*tree);
  }
  const Node& root = bound ? *bound : expression.root();
  if (auto good = check_supported(expression.text(), root); !good) {
    return tl::unexpected(good.error());
  }
  if (!instant) {
    if (auto good = check_range_type(root); !good) return tl::unexpected(good.error());
  }
  const Grid grid{when.start_ms, when.step_ms, when.count()};
  Query query(expression.text(), options, when, instant,
              make_plan(root, {when, options.lookback_ms, options.subquery_step_ms}), source);
  std::vector<SourceRequest> requests;
  for (const Plan::Slot& slot : query.plan.slots) requests.push_back(slot.request);
  if (auto opened = source.open(requests); !opened) return tl::unexpected(opened.error());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::size_t count = source.series_count(i);
    query.stats.series += count;
    if (query.plan.slots[i].uses > 1) query.cache[i].resize(count);
  }

  std::optional<Profile> profile;
  if (options.explain) query.profile = &profile.emplace(query.budget);
  Evaluator evaluator(query, grid);
  auto series = series_of(evaluator, root);
  if (!series) return located(std::move(series.error()), query.text);
  Answer answer;
  answer.type = instant ? root.type : ValueType::matrix;
  answer.series = std::move(*series);
  if (root.type == ValueType::string) answer.text = std::get<StringLiteral>(bare(root).form).value;
  answer.warnings = query.annotations.warnings();
  answer.infos = query.annotations.infos();
  if (answer.series.empty() && root.type != ValueType::string) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (query.slot_samples[i] > 0) continue;
      if (std::string why = source.why_empty(i); !why.empty()) {
        answer.infos.push_back(std::move(why));
      }
    }
  }
  if (profile) answer.nodes = profile->nodes(root);
  answer.stats = query.stats;
  answer.stats.bytes = query.budget.peak_bytes();
  answer.stats.peak_samples = query.budget.peak_samples();
  return answer;
}

}  // namespace hygge::promql
