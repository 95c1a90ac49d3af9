// What a page shows of an SLO, worked out from its track.
#include <hygge/slo_page.h>

#include <algorithm>

#include "formats/slo_time.h"

namespace hygge::formats {

namespace {

constexpr std::size_t kMostDays = 400;

bool has_slices(const slo::Definition& definition) {
  return !definition.composite || definition.composite->has_slices();
}

// The definition's own alerts; and google's, where they differ and are meant for such a window.
std::vector<slo::Policy> policies_of(const slo::Definition& definition) {
  std::vector<slo::Policy> out;
  const slo::Policy own = slo::own_policy(definition);
  if (!own.rules.empty()) out.push_back(own);
  if (own.name != "google" && definition.window_ms >= 7 * kDayMs) {
    out.push_back({"google", slo::google_alerts(definition.window_ms)});
  }
  return out;
}

std::optional<double> ratio(double bad, double total) {
  return total > 0 ? std::optional(bad / total) : std::nullopt;
}

// The window in parts of equal length: how much of the budget is left after each, and its worst
// slice, which a mean would hide.
std::vector<PagePoint> points_of(const slo::Track& track, const slo::Report& report) {
  std::vector<PagePoint> out;
  const TimeRange window = report.window;
  const DurationMs step = track.step_ms();
  const std::int64_t slices = (window.until - window.after) / step;
  const auto most = static_cast<std::int64_t>(kPagePoints);
  const DurationMs length = (slices + most - 1) / most * step;
  for (TimeMs after = window.after; after < window.until; after += length) {
    PagePoint& point = out.emplace_back();
    point.end_ms = std::min(after + length, window.until);
    if (report.allowed_projected && *report.allowed_projected > 0) {
      point.remaining = 1 - track.sum({window.after, point.end_ms}).bad / *report.allowed_projected;
    }
    const TimeMs first = std::max(after, track.range().after);
    const TimeMs last = std::min(point.end_ms, track.range().until);
    for (TimeMs end = first + step; end <= last; end += step) {
      const slo::Slice& slice =
          track.slices()[static_cast<std::size_t>((end - track.range().after) / step - 1)];
      point.worst = std::max(point.worst, ratio(slice.bad, slice.total));
    }
  }
  return out;
}

std::vector<PageDay> days_of(const slo::Track& track, const slo::Definition& definition,
                             TimeRange window, const std::string& tz) {
  std::vector<PageDay> out;
  for (TimeMs until = window.until; until > window.after && out.size() < kMostDays;) {
    const TimeMs begin = std::max(local_day_before(until, tz), window.after);
    PageDay& day = out.emplace_back();
    day.range = {begin, until};
    // The slices that end in it.
    const auto floor = [&](TimeMs t) {
      return t - ((t % track.step_ms()) + track.step_ms()) % track.step_ms();
    };
    day.counts = track.sum({floor(begin), floor(until)});
    if (const auto errors = ratio(day.counts.bad, day.counts.total)) {
      day.burn = *errors / definition.budget().value();
    }
    until = begin;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<PageExclusion> exclusions_of(const slo::Track& track, TimeRange window) {
  std::vector<PageExclusion> out;
  for (const slo::ExcludedSlice& slice : track.excluded(window)) {
    const TimeMs begin = slice.end_ms - track.step_ms();
    if (!out.empty() && out.back().exclusion == slice.exclusion &&
        out.back().range.until == begin) {
      out.back().range.until = slice.end_ms;
    } else {
      out.push_back({{begin, slice.end_ms}, slice.exclusion});
    }
  }
  return out;
}

}  // namespace

TimeRange page_range(const slo::Definition& definition, TimeMs at_ms, const PageOptions& options) {
  TimeRange out = slo::report_range(definition, at_ms);
  if (!has_slices(definition)) return out;
  const TimeRange window = out;
  for (const TimeRange& one : {slo::burn_range(definition, at_ms),
                               slo::forecast_range(definition, at_ms, options.lookback_ms),
                               slo::backtest_range(definition, policies_of(definition), window)}) {
    out.after = std::min(out.after, one.after);
    out.until = std::max(out.until, one.until);
  }
  return out;
}

PageSlo page_slo(const slo::Track& track, const slo::Definition& definition, TimeMs at_ms,
                 const PageOptions& options) {
  PageSlo out;
  out.definition = definition;
  out.tz = definition.calendar ? definition.calendar->tz : options.tz;
  out.report = slo::report(track, definition, at_ms);
  if (!has_slices(definition)) return out;
  out.burn = slo::burn(track, definition, at_ms);
  out.forecast = slo::forecast(track, definition, at_ms, options.lookback_ms);
  const TimeRange judged{out.report.effective_from_ms, out.report.window.until};
  slo::BacktestOptions backtest;
  backtest.incidents = options.incidents;
  backtest.score.tz = out.tz;
  out.backtest = slo::backtest(track, definition, policies_of(definition), judged, backtest);
  out.points = points_of(track, out.report);
  out.days = days_of(track, definition, out.report.window, out.tz);
  out.exclusions = exclusions_of(track, out.report.window);
  return out;
}

}  // namespace hygge::formats
