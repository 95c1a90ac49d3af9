// Lint: what is wrong with a definition, by itself and against the data.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "base/near.h"
#include "slo/load.h"

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
                                 format_duration(rule.short_ms), format_duration(rule.long_ms)),
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
  auto view = db.view({without}, {0, 0});
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

// Why a selector matches nothing, as far as names tell.
std::string nothing_matches(const Db& db, const Selector& selector) {
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op != MatchOp::equal) continue;
    const auto values = db.label_values(matcher.name);
    if (!values || std::find(values->begin(), values->end(), matcher.value) != values->end()) {
      continue;
    }
    const std::string_view near = nearest(matcher.value, std::span<const std::string>(*values), 3);
    const std::string what =
        matcher.name == kNameLabel
            ? fmt::format("there is no metric {}", matcher.value)
            : fmt::format("no series has {}=\"{}\"", matcher.name, matcher.value);
    return near.empty() ? what : fmt::format("{} (did you mean {}?)", what, near);
  }
  return "each label value exists, but no series has them all";
}

Result<void> check_selector(const Db& db, const char* key, const Selector& selector,
                            std::vector<Finding>& out) {
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name != "le" || matcher.op != MatchOp::equal) continue;
    const auto bounds = bucket_bounds(db, selector);
    if (!bounds) return tl::unexpected<Error>(bounds.error());
    if (bounds->empty() ||
        std::find(bounds->begin(), bounds->end(), matcher.value) != bounds->end()) {
      continue;
    }
    out.push_back({Finding::Level::error, "L_BUCKET", std::nullopt,
                   fmt::format("{}: le=\"{}\" is no bound of this histogram; it has {}", key,
                               matcher.value, fmt::join(*bounds, ", ")),
                   0});
    return {};
  }
  auto view = db.view({selector}, {0, 0});
  if (!view) return tl::unexpected<Error>(view.error());
  if (!view->series(0).empty()) return {};
  out.push_back({Finding::Level::error, "L_NO_MATCH", std::nullopt,
                 fmt::format("{} matches nothing: {}", key, nothing_matches(db, selector)), 0});
  return {};
}

DurationMs median_spacing(const View& view) {
  std::vector<DurationMs> spacings;
  for (const Series& series : view.series(1)) {
    const auto samples = series.samples();
    if (!samples) continue;
    for (std::size_t i = 1; i < samples->t.size(); ++i) {
      spacings.push_back(samples->t[i] - samples->t[i - 1]);
    }
  }
  if (spacings.empty()) return 0;
  const auto middle = spacings.begin() + static_cast<std::ptrdiff_t>(spacings.size() / 2);
  std::nth_element(spacings.begin(), middle, spacings.end());
  return *middle;
}

void check_traffic(const Track& track, const Definition& definition, std::vector<Finding>& out) {
  std::vector<double> hourly;
  const TimeRange range = track.range();
  for (TimeMs t = slice_end(range.after, kHourMs); t + kHourMs <= range.until; t += kHourMs) {
    const Counts counts = track.sum({t, t + kHourMs});
    if (counts.slices[static_cast<std::size_t>(State::no_data)] == 0)
      hourly.push_back(counts.total);
  }
  const Counts all = track.sum(range);
  const std::uint32_t known = all.slices[0] + all.slices[1];
  const std::uint32_t idle = all.slices[static_cast<std::size_t>(State::idle)];
  if (known > 0 && 5 * idle > known) {
    out.push_back({Finding::Level::warning, "L_IDLE", std::nullopt,
                   fmt::format("{} of {} slices with data had no event", idle, known), 0});
  }
  if (hourly.empty()) return;
  const auto middle = hourly.begin() + static_cast<std::ptrdiff_t>(hourly.size() / 2);
  std::nth_element(hourly.begin(), middle, hourly.end());
  for (std::size_t i = 0; i < definition.alerts.size(); ++i) {
    const AlertRule& rule = definition.alerts[i];
    const double threshold = (rule.factor * definition.budget()).value();
    constexpr double kFewEvents = 5;
    if (*middle * threshold >= kFewEvents) continue;
    out.push_back({Finding::Level::warning, "L_LOW_TRAFFIC", i,
                   fmt::format("at {:g} events an hour {:g} bad ones fire this rule: set "
                               "`min_bad: {}` or more",
                               *middle, std::max(1.0, std::ceil(*middle * threshold)), 5),
                   rule.line});
  }
}

}  // namespace

Result<std::vector<Finding>> lint(const Db& db, const Definition& definition, TimeMs at_ms) {
  std::vector<Finding> out = lint(definition);
  const auto checks = {std::pair{definition.part_is_good ? "good" : "bad", &definition.part},
                       std::pair{"total", &definition.total}};
  const std::size_t before = out.size();
  for (const auto& [key, selector] : checks) {
    if (auto done = check_selector(db, key, *selector, out); !done) {
      return tl::unexpected<Error>(done.error());
    }
  }
  if (const auto bounds = db.time_bounds();
      bounds && bounds->last_ms - bounds->first_ms < definition.window_ms && !definition.since_ms) {
    out.push_back(
        {Finding::Level::warning, "L_RETENTION", std::nullopt,
         fmt::format("the database holds {} of data, the window is {}: set `since`, or "
                     "reports will be insufficient",
                     format_duration((bounds->last_ms - bounds->first_ms) / kMinuteMs * kMinuteMs),
                     format_duration(definition.window_ms)),
         0});
  }
  if (out.size() > before && out.back().code != "L_RETENTION") return out;
  // A day at most: enough to know the traffic.
  TimeRange range = report_range(definition, at_ms);
  range.after = std::max(range.after, slice_floor(range.until - kDayMs, definition.step_ms));
  const auto view = db.view({definition.part, definition.total},
                            {range.after - definition.lookback_ms, range.until});
  if (!view) return tl::unexpected<Error>(view.error());
  if (2 * median_spacing(*view) > definition.step_ms) {
    out.push_back(
        {Finding::Level::warning, "L_SPARSE", std::nullopt,
         fmt::format("samples are {} apart, half of the step {} or more: slices will miss "
                     "data; a step of {} would do",
                     format_duration(median_spacing(*view)), format_duration(definition.step_ms),
                     format_duration(2 * median_spacing(*view))),
         0});
  }
  const auto track = load(*view, definition, range);
  if (!track) return tl::unexpected<Error>(track.error());
  check_traffic(*track, definition, out);
  return out;
}

}  // namespace hygge::slo
