// Lint: what is wrong with a definition, by itself and against the data.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "slo/load.h"
#include "slo/no_match.h"
#include "slo/read.h"
#include "slo/slices.h"

namespace hygge::slo {

std::vector<Finding> lint(const Definition& definition) {
  std::vector<Finding> out;
  const Rational budget = definition.budget();
  for (std::size_t i = 0; i < definition.alerts.size(); ++i) {
    const AlertRule& rule = definition.alerts[i];
    const Rational threshold = rule.factor * budget;
    // All events bad is a ratio of 1: a threshold at or above it is out of reach.
    const bool never =
        rule.or_equal ? threshold.num > threshold.den : threshold.num >= threshold.den;
    if (never) {
      out.push_back(
          {Finding::Level::error, "L_NEVER", i,
           fmt::format("the rule can never fire: factor {:g} x budget {:g} = {:g}, and an "
                       "error ratio is at most 1",
                       rule.factor.value(), budget.value(), threshold.value()),
           rule.line});
    }
    if (2 * rule.short_ms > rule.long_ms && rule.short_ms < rule.long_ms) {
      out.push_back({Finding::Level::warning, "L_SHORT", i,
                     fmt::format("the short window {} is more than half of the long one {}: it "
                                 "resets hardly sooner",
                                 window_text(rule.short_ms), window_text(rule.long_ms)),
                     rule.line});
    }
  }
  return out;
}

namespace {

// The values of `le` that the series of a selector without its `le` matcher have.
Result<std::vector<std::string>> bucket_bounds(const Db& db, const Selector& selector) {
  Selector without;
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name != "le") without.matchers.push_back(matcher);
  }
  auto view = db.view({without}, everything());
  if (!view) return tl::unexpected<Error>(view.error());
  std::vector<std::string> bounds;
  for (const Series& series : view->series(0)) {
    const std::string le(series.labels().get("le"));
    if (!le.empty()) bounds.push_back(le);
  }
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  return bounds;
}

// The bound that `selector` asks for and its histogram has not.
Result<std::optional<Finding>> check_bucket(const Db& db, const char* key, const Selector& selector,
                                            std::uint32_t line) {
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name != "le" || matcher.op != MatchOp::equal) continue;
    const auto bounds = bucket_bounds(db, selector);
    if (!bounds) return tl::unexpected<Error>(bounds.error());
    if (bounds->empty() || std::binary_search(bounds->begin(), bounds->end(), matcher.value)) {
      continue;
    }
    return Finding{Finding::Level::error, "L_BUCKET", std::nullopt,
                   fmt::format("{}: le=\"{}\" is no bound of this histogram; it has {}", key,
                               matcher.value, fmt::join(*bounds, ", ")),
                   line};
  }
  return std::nullopt;
}

Result<std::optional<Finding>> check_selector(const Db& db, const char* key,
                                              const Selector& selector, std::uint32_t line) {
  auto bucket = check_bucket(db, key, selector, line);
  if (!bucket || *bucket) return bucket;
  auto view = db.view({selector}, everything());
  if (!view) return tl::unexpected<Error>(view.error());
  if (!view->series(0).empty()) return std::nullopt;
  return Finding{Finding::Level::error, "L_NO_MATCH", std::nullopt,
                 fmt::format("{} matches nothing: {}", key, why_no_match(db, selector)), line};
}

// The middle one; 0 of none.
template <typename Number>
Number median(std::vector<Number> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Result<DurationMs> median_spacing(const View& view) {
  std::vector<DurationMs> spacings;
  for (const Series& series : view.series(1)) {
    std::optional<TimeMs> before;
    BlockCursor blocks = series.blocks();
    while (const Block* block = blocks.next()) {
      for (const TimeMs t : block->t) {
        if (before) spacings.push_back(t - *before);
        before = t;
      }
    }
    if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  }
  return median(std::move(spacings));
}

void check_idle(const Counts& counts, std::vector<Finding>& out) {
  const std::uint32_t idle = counts.slices[static_cast<std::size_t>(State::idle)];
  const std::uint32_t known = counts.slices[static_cast<std::size_t>(State::measured)] + idle;
  constexpr std::uint32_t kOneIn = 5;  // more than 20 %
  if (kOneIn * idle <= known) return;
  out.push_back({Finding::Level::warning, "L_IDLE", std::nullopt,
                 fmt::format("{} of {} slices with data had no event", idle, known), 0});
}

// Rules that a handful of bad events an hour set off.
void check_traffic(const Track& track, const Definition& definition, std::vector<Finding>& out) {
  std::vector<double> hourly;
  const TimeRange range = track.range();
  for (TimeMs t = range.until; t - kHourMs >= range.after; t -= kHourMs) {
    const Counts counts = track.sum({t - kHourMs, t});
    if (counts.slices[static_cast<std::size_t>(State::no_data)] == 0) {
      hourly.push_back(counts.total);
    }
  }
  if (hourly.empty()) return;
  const double typical = median(std::move(hourly));
  for (std::size_t i = 0; i < definition.alerts.size(); ++i) {
    const AlertRule& rule = definition.alerts[i];
    constexpr double kFewEvents = 5;
    const double needed = typical * (rule.factor * definition.budget()).value();
    if (needed >= kFewEvents || static_cast<double>(rule.min_bad) >= kFewEvents) continue;
    out.push_back({Finding::Level::warning, "L_LOW_TRAFFIC", i,
                   fmt::format("at {:g} events an hour {:g} bad ones fire this rule: set "
                               "`min_bad: {:g}` or more",
                               typical, std::max(1.0, std::ceil(needed)), kFewEvents),
                   rule.line});
  }
}

void check_length(const Db& db, const Definition& definition, std::vector<Finding>& out) {
  const auto bounds = db.time_bounds();
  if (!bounds || definition.since_ms) return;
  const DurationMs held = bounds->last_ms - bounds->first_ms;
  if (held >= definition.window_ms) return;
  out.push_back({Finding::Level::warning, "L_RETENTION", std::nullopt,
                 fmt::format("the database holds {} of data, the window is {}: set `since`, or "
                             "reports will be insufficient",
                             format_duration(held / kMinuteMs * kMinuteMs),
                             window_text(definition.window_ms)),
                 0});
}

// Whether a report decodes more samples than anybody wants to wait for, and the step that reads
// cells instead.
void check_load(const View& view, const Definition& definition, DurationMs spacing,
                std::vector<Finding>& out) {
  if (spacing <= 0 || tier_for(definition, view.tiers()) > 0) return;
  std::set<std::uint32_t> series;
  for (const std::size_t selector : {std::size_t{0}, std::size_t{1}}) {
    for (const Series& one : view.series(selector)) series.insert(one.id().value);
  }
  constexpr double kMost = 50e6;
  const double samples = static_cast<double>(series.size()) *
                         static_cast<double>(definition.window_ms) / static_cast<double>(spacing);
  if (samples <= kMost) return;
  std::string message = fmt::format("a report reads some {:.0f} million samples", samples / 1e6);
  if (!view.tiers().empty()) {
    message +=
        fmt::format(": with `step: {}` it would read cells", format_duration(view.tiers().front()));
  }
  out.push_back({Finding::Level::warning, "L_LOAD", std::nullopt, std::move(message), 0});
}

// A window that reaches below the floor of the samples, with no cells that serve the step.
Result<void> check_expired(const Db& db, const Definition& definition, TimeMs at_ms,
                           std::vector<Finding>& out) {
  const auto view = view_of(db, definition, report_range(definition, at_ms));
  if (!view) return tl::unexpected<Error>(view.error());
  if (!view->any_expired()) return {};
  const auto track = load(*view, definition, report_range(definition, at_ms));
  if (!track) return tl::unexpected<Error>(track.error());
  if (!track->source().unserved_until_ms) return {};
  out.push_back({Finding::Level::warning, "L_EXPIRED", std::nullopt,
                 "the window reaches below what is left of the samples: " +
                     unserved_text(track->source(), definition),
                 0});
  return {};
}

// What the last day tells of spacing and traffic.
Result<void> check_data(const Db& db, const Definition& definition, TimeMs at_ms,
                        std::vector<Finding>& out) {
  Definition events = definition;
  events.method = Method::occurrences;
  events.exclusions.clear();
  TimeRange range = report_range(events, at_ms);
  range.after = std::max(range.after, slice_floor(range.until - kDayMs, events.step_ms));
  const auto view = db.view({events.part, events.total}, needed_range(events, range));
  if (!view) return tl::unexpected<Error>(view.error());
  const auto spacing = median_spacing(*view);
  if (!spacing) return tl::unexpected<Error>(spacing.error());
  if (2 * *spacing > events.step_ms) {
    out.push_back({Finding::Level::warning, "L_SPARSE", std::nullopt,
                   fmt::format("samples are {} apart, more than half of the step {}: slices will "
                               "miss data; a step of {} would do",
                               format_duration(*spacing), format_duration(events.step_ms),
                               format_duration(2 * *spacing)),
                   0});
  }
  check_load(*view, events, *spacing, out);
  const auto track = load(*view, events, range);
  if (!track) return tl::unexpected<Error>(track.error());
  check_idle(track->sum(track->range()), out);
  check_traffic(*track, events, out);
  return {};
}

}  // namespace

Result<std::vector<Finding>> lint(const Db& db, const Definition& definition, TimeMs at_ms) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  std::vector<Finding> out = lint(definition);
  if (definition.composite) {
    // Its components are looked at as SLOs of their own.
    check_length(db, definition, out);
    return out;
  }
  struct Named {
    const char* key;
    const Selector& selector;
    std::uint32_t line;
  };
  std::vector<Named> selectors{
      {definition.ok ? "ok" : "total", definition.total, definition.total_line}};
  if (!definition.ok) {
    selectors.push_back(
        {definition.part_is_good ? "good" : "bad", definition.part, definition.part_line});
  }
  bool all_match = true;
  for (const Named& one : selectors) {
    auto finding = check_selector(db, one.key, one.selector, one.line);
    if (!finding) return tl::unexpected<Error>(finding.error());
    if (!*finding) continue;
    all_match = false;
    out.push_back(std::move(**finding));
  }
  check_length(db, definition, out);
  if (auto done = check_expired(db, definition, at_ms, out); !done) {
    return tl::unexpected<Error>(done.error());
  }
  if (!all_match) return out;  // what the data says then says nothing of this SLO
  if (auto done = check_data(db, definition, at_ms, out); !done) {
    return tl::unexpected<Error>(done.error());
  }
  return out;
}

}  // namespace hygge::slo
