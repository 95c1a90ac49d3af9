#include "promql/db_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/near.h"
#include "model/quote.h"
#include "model/selector_match.h"
#include "promql/evaluator.h"

namespace hygge::promql {

namespace {

// How many series are looked at, and how far back at first, for the time of the last sample.
constexpr std::size_t kSeriesToAsk = 1'000;
constexpr DurationMs kFirstLookMs = kHourMs;

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string_view near = nearest(name, names);
  return near.empty() ? std::string() : fmt::format(" (did you mean {}?)", quoted(near));
}

bool contains(const std::vector<std::string>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// The time of the last sample up to `until`; ever wider windows, so that a long history is not
// read for its end.
Result<std::optional<TimeMs>> last_sample(const Series& series, TimeMs until) {
  for (DurationMs look_ms = kFirstLookMs;; look_ms *= 32) {
    const bool all = look_ms > kMaxTimeMs / 32 || until < kMinTimeMs + look_ms;
    const TimeRange range{all ? everything().after : until - look_ms, until};
    const auto samples = series.samples(range);
    if (!samples) return tl::unexpected(samples.error());
    if (!samples->t.empty()) return samples->t.back();
    if (all) return std::nullopt;
  }
}

// The floor below which the rules keep neither samples nor cells of `labels`; none: there is none.
std::optional<TimeMs> floor_of_all(std::span<const RetentionFloors> rules,
                                   std::span<const DurationMs> tiers, const Labels& labels) {
  for (const RetentionFloors& rule : rules) {
    if (!SelectorMatch(rule.rule.selector).matches(labels)) continue;
    std::optional<TimeMs> floor = rule.samples_ms;
    if (!rule.rule.cells) return floor;
    for (const DurationMs tier : tiers) {
      const auto named = std::find_if(rule.cells_ms.begin(), rule.cells_ms.end(),
                                      [&](const auto& one) { return one.first == tier; });
      if (!floor || named == rule.cells_ms.end() || !named->second) return std::nullopt;
      floor = std::min(*floor, *named->second);
    }
    return floor;
  }
  return std::nullopt;
}

}  // namespace

Result<void> DbSource::open(std::span<const SourceRequest> requests) {
  requests_.assign(requests.begin(), requests.end());
  if (requests_.empty()) return {};
  std::vector<Selector> selectors;
  TimeRange hull = requests_[0].range;
  for (const SourceRequest& request : requests_) {
    selectors.push_back(request.selector);
    hull.after = std::min(hull.after, request.range.after);
    hull.until = std::max(hull.until, request.range.until);
  }
  auto view = db_.view(selectors, hull);
  if (!view) return tl::unexpected(std::move(view.error()));
  view_ = std::move(*view);
  return {};
}

std::size_t DbSource::series_count(std::size_t request) const {
  return view_->series(request).size();
}

const Labels& DbSource::labels(std::size_t request, std::size_t series) const {
  return view_->series(request)[series].labels();
}

Result<void> DbSource::read(std::size_t request, std::size_t series, SeriesSamples& into) const {
  return view_->series(request)[series].samples(requests_[request].range, into);
}

std::string DbSource::why_empty(std::size_t request) const {
  const auto& [selector, range] = requests_[request];
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op != MatchOp::equal || matcher.value.empty()) continue;
    const bool metric = matcher.name == kNameLabel;
    const auto values = db_.label_values(matcher.name);
    if (!values || contains(*values, matcher.value)) continue;
    if (metric) {
      return fmt::format("no metric is called {}{}", quoted(matcher.value),
                         did_you_mean(matcher.value, *values));
    }
    const auto names = db_.label_names();
    if (names && !contains(*names, matcher.name)) {
      return fmt::format("no series has a label {}{}", quoted(matcher.name),
                         did_you_mean(matcher.name, *names));
    }
    return fmt::format("no series has {}={}{}", matcher.name, quoted(matcher.value),
                       did_you_mean(matcher.value, *values));
  }
  const auto view = db_.view({selector}, everything());
  if (!view || view->series(0).empty()) {
    return fmt::format("no series matches {}", hygge::to_string(selector));
  }
  const auto series = view->series(0);
  const auto floors = db_.retention_floors();
  std::optional<TimeMs> forgotten;
  for (std::size_t i = 0; i < std::min(series.size(), kSeriesToAsk); ++i) {
    const auto floor = floor_of_all(floors, view->tiers(), series[i].labels());
    if (!floor || *floor < range.until) {
      forgotten.reset();
      break;
    }
    forgotten = std::min(forgotten.value_or(*floor), *floor);
  }
  if (forgotten) {
    return fmt::format("of {} nothing is kept up to {}: retention has taken samples and cells",
                       hygge::to_string(selector), format_time_utc(*forgotten));
  }
  std::optional<TimeMs> last_ms;
  for (std::size_t i = 0; i < std::min(series.size(), kSeriesToAsk); ++i) {
    const auto found = last_sample(series[i], range.until);
    if (found && *found && (!last_ms || **found > *last_ms)) last_ms = **found;
  }
  if (!last_ms) {
    return fmt::format("{} has samples only after {}", hygge::to_string(selector),
                       format_time_utc(range.until));
  }
  return fmt::format("the last sample of {} before {} is of {}", hygge::to_string(selector),
                     format_time_utc(range.until), format_time_utc(*last_ms));
}

Result<Answer> query(const Db& db, const Expression& expression, Steps when,
                     const QueryOptions& options) {
  DbSource source(db);
  return evaluate(expression, source, when, options);
}

Result<Answer> query(const Db& db, std::string_view text, Steps when, const QueryOptions& options) {
  const auto expression = parse(text);
  if (!expression) return tl::unexpected(expression.error());
  return query(db, *expression, when, options);
}

}  // namespace hygge::promql
