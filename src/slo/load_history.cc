// Histories from a database: as far back as its data goes.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>

#include "slo/load.h"
#include "slo/no_match.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

// Where the definition's own data may begin, at or after `after`: the first sample of a series of
// total, but nothing is older than the database.
TimeMs first_of(const View& view, TimeMs after, TimeMs until, const TimeBounds& bounds) {
  TimeMs first = until;
  for (std::size_t total = 1; total < view.selector_count(); total += 2) {
    for (const Series& series : view.series(total)) first = std::min(first, series.birth_ms() - 1);
  }
  return std::clamp(std::max(first, bounds.first_ms - 1), std::min(after, until), until);
}

// The track of a range and of `lead` before it, both cut to the data.
Result<Track> load_history(const Db& db, const Definition& definition, TimeRange range,
                           DurationMs lead_ms, std::vector<std::string>& notes) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  const DurationMs step = definition.step_ms;
  const auto bounds = db.time_bounds();
  const TimeMs until = slice_floor(std::clamp(range.until, kMinTimeMs, kMaxTimeMs), step);
  if (!bounds) return Track::from_slices(until, step, {});
  const TimeMs wanted =
      std::max(std::min(range.after - lead_ms, until), std::min(bounds->first_ms - step, until));
  const auto view = view_of(db, definition, {slice_floor(wanted, step), until});
  if (!view) return tl::unexpected<Error>(view.error());
  note_no_match(db, *view, definition, notes);
  const TimeMs after = slice_floor(first_of(*view, wanted, until, *bounds), step);
  if ((until - after) / step > kMaxSlices) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("SLO {}: a history of {} slices of {}", definition.name,
                            (until - after) / step, format_duration(step)),
                fmt::format("at most {}: take a shorter range or a larger step", kMaxSlices));
  }
  auto track = load(*view, definition, {after, until});
  if (track) note_unserved(*track, definition, notes);
  return track;
}

}  // namespace

Result<Backtest> backtest(const Db& db, const Definition& definition,
                          std::span<const Policy> policies, TimeRange range,
                          const BacktestOptions& options) {
  if (auto possible = needs_slices(definition, "backtest"); !possible) {
    return tl::unexpected<Error>(possible.error());
  }
  const DurationMs lead = range.after - backtest_range(definition, policies, range).after;
  std::vector<std::string> notes;
  const auto track = load_history(db, definition, range, lead, notes);
  if (!track) return tl::unexpected<Error>(track.error());
  const TimeMs until = track->range().until;
  TimeMs after = std::max(slice_end(std::max(range.after, kMinTimeMs), definition.step_ms),
                          track->range().after);
  after = std::min(std::max(after, track->first_data_ms().value_or(until)), until);
  Backtest out = backtest(*track, definition, policies, {after, until}, options);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

Result<WhatIf> whatif(const Db& db, const Definition& definition, const Grid& grid,
                      std::span<const MethodChoice> methods, TimeMs at_ms) {
  if (auto possible = needs_slices(definition, "whatif"); !possible) {
    return tl::unexpected<Error>(possible.error());
  }
  std::vector<Definition> variants;
  for (const MethodChoice& choice : methods) variants.push_back(with_method(definition, choice));
  if (definition.composite && !methods.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("SLO {} is a composite, which has no other method", definition.name));
  }
  if (variants.empty()) variants.push_back(definition);
  std::vector<WhatIf> parts;
  for (const Definition& variant : variants) {
    DurationMs longest = 0;
    for (const AlertRule& rule : variant.alerts) longest = std::max(longest, rule.long_ms);
    std::vector<std::string> notes;
    const TimeRange range{grid.after_ms.value_or(kMinTimeMs), at_ms};
    const auto track = load_history(db, variant, range, 2 * longest, notes);
    if (!track) return tl::unexpected<Error>(track.error());
    auto part = whatif(*track, variant, grid, at_ms);
    if (!part) return part;
    part->notes = std::move(notes);
    parts.push_back(std::move(*part));
  }
  if (parts.size() == 1) return std::move(parts[0]);
  WhatIf out{parts[0].range, {}, parts[0].notes};
  for (std::size_t i = 0; i < parts[0].rows.size(); ++i) {
    for (WhatIf& part : parts) out.rows.push_back(std::move(part.rows[i]));
  }
  return out;
}

Result<std::vector<Report>> report_by(const Db& db, const Definition& definition,
                                      const Calendar& calendar, std::size_t last, TimeMs at_ms) {
  const Definition period = with_calendar(definition, calendar);
  if (auto valid = validate(period); !valid) return tl::unexpected<Error>(valid.error());
  TimeRange range = report_range(period, at_ms);
  const auto bounds = db.time_bounds();
  for (std::size_t i = 1; i < last && bounds && range.after >= bounds->first_ms; ++i) {
    range.after = report_range(period, range.after).after;
  }
  std::vector<std::string> notes;
  const auto track = load_history(db, period, range, 0, notes);
  if (!track) return tl::unexpected<Error>(track.error());
  return report_by(*track, definition, calendar, last, at_ms);
}

Result<Forecast> forecast(const Db& db, const Definition& definition, TimeMs at_ms,
                          DurationMs lookback_ms) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  if (lookback_ms <= 0 || lookback_ms % definition.step_ms != 0 ||
      lookback_ms / definition.step_ms > kMaxSlices) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a lookback of {} is no multiple of the step {} of SLO {}, or too long",
                            format_duration(lookback_ms), format_duration(definition.step_ms),
                            definition.name));
  }
  if (auto possible = needs_slices(definition, "forecast"); !possible) {
    return tl::unexpected<Error>(possible.error());
  }
  std::vector<std::string> notes;
  const auto track = load(db, definition, forecast_range(definition, at_ms, lookback_ms), notes);
  if (!track) return tl::unexpected<Error>(track.error());
  Forecast out = forecast(*track, definition, at_ms, lookback_ms);
  out.notes.insert(out.notes.end(), notes.begin(), notes.end());
  return out;
}

}  // namespace hygge::slo
