// When the budget will be gone, if things go on as of late.
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/calendar.h"
#include "slo/mean.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

constexpr double kNothing = 0;

double times(const Rational& r, double x) {
  return static_cast<double>(static_cast<long double>(r.num) * static_cast<long double>(x) /
                             static_cast<long double>(r.den));
}

Exhaustion gone_in(double seconds, TimeMs to_ms) {
  constexpr double kFarSeconds = 1e12;  // 31,700 years: no time that could be written
  if (!(seconds <= kFarSeconds)) return {};
  return {seconds, to_ms + static_cast<TimeMs>(std::llround(seconds * kSecondMs))};
}

class Forecaster {
 public:
  Forecaster(const Track& track, const Definition& definition, const Mean& mean, Forecast& out)
      : track_(track),
        definition_(definition),
        mean_(mean),
        out_(out),
        window_(window_at(definition, out.to_ms)),
        counts_(track.sum(window_.judged)),
        step_s_(static_cast<double>(track.step_ms()) / kSecondMs) {}

  void run() {
    if (definition_.calendar) return run_calendar();
    if (!(counts_.total > 0)) return;
    set_consumed(counts_.bad, times(definition_.budget(), counts_.total));
    if (exhausted(above(counts_.bad, counts_.total, definition_.budget(), true))) return;
    if (!out_.covered) return;
    if (out_.burn && *out_.burn > 0) {
      // Of a window that since: has cut, the budget is that of its own length.
      const double window_s =
          static_cast<double>(window_.judged.until - window_.judged.after) / kSecondMs;
      out_.naive = gone_in(*out_.remaining * window_s / *out_.burn, out_.to_ms);
    }
    run_rolling();
  }

 private:
  void set_consumed(double bad, double allowed) {
    if (!(allowed > 0)) return;
    out_.consumed = bad / allowed;
    out_.remaining = 1 - *out_.consumed;
  }
  bool exhausted(bool gone) {
    if (gone) out_.naive = out_.aware = {kNothing, out_.to_ms};
    return gone;
  }

  // Each future end of the window: what is left of the history, and what has come since; both
  // times the lookback's slices, so that they are exact while the counts are.
  void run_rolling() {
    if (mean_.bad == 0) return;
    const std::int64_t slices = definition_.window_ms / track_.step_ms();
    for (std::int64_t k = 1; k <= slices; ++k) {
      const TimeMs end = out_.to_ms + k * track_.step_ms();
      // A window that since: has cut grows until it is whole.
      const TimeMs begin = std::max(end - definition_.window_ms, window_.judged.after);
      const Counts left = track_.sum({begin, out_.to_ms});
      const auto more = static_cast<double>(k);
      if (!above(left.bad * mean_.slices + mean_.bad * more,
                 left.total * mean_.slices + mean_.total * more, definition_.budget(), true)) {
        continue;
      }
      out_.aware = {static_cast<double>(k) * step_s_, end};
      return;
    }
  }

  void run_calendar() {
    out_.resets_at_ms = window_.end_ms;
    if (!out_.covered) return;
    // Dropped slices of the rest hold nothing.
    const auto owners = excluded_slices(definition_, {out_.to_ms, window_.end_ms});
    const auto dropped = [&](std::int32_t owner) {
      return owner >= 0 && !definition_.exclusions[static_cast<std::size_t>(owner)].as_good;
    };
    const auto rest = static_cast<double>(owners.size()) -
                      static_cast<double>(std::count_if(owners.begin(), owners.end(), dropped));
    // n times the total of the period, for exact comparisons.
    const double total = counts_.total * mean_.slices + mean_.total * rest;
    const auto gone = [&](double more) {
      return above(counts_.bad * mean_.slices + mean_.bad * more, total, definition_.budget(),
                   true);
    };
    const double allowed = times(definition_.budget(), total) / mean_.slices;
    set_consumed(counts_.bad, allowed);
    if (!out_.consumed || exhausted(gone(0)) || mean_.bad == 0) return;
    out_.naive = gone_in((allowed - counts_.bad) * mean_.slices / mean_.bad * step_s_, out_.to_ms);
    double more = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (!dropped(owners[i])) more += 1;
      if (!gone(more)) continue;
      const auto k = static_cast<std::int64_t>(i) + 1;
      out_.aware = {static_cast<double>(k) * step_s_, out_.to_ms + k * track_.step_ms()};
      return;
    }
  }

  const Track& track_;
  const Definition& definition_;
  const Mean& mean_;
  Forecast& out_;
  const Window window_;
  const Counts counts_;
  const double step_s_;
};

}  // namespace

Forecast forecast(const Track& track, const Definition& definition, TimeMs at_ms,
                  DurationMs lookback_ms) {
  Forecast out;
  out.at_ms = at_ms;
  out.to_ms = slice_floor(std::clamp(at_ms, kMinTimeMs, kMaxTimeMs), track.step_ms());
  out.lookback_ms = lookback_ms;
  const TimeRange lookback{out.to_ms - lookback_ms, out.to_ms};
  const Mean mean = mean_of(track, lookback);
  out.covered = mean.slices > 0;
  if (out.covered) {
    const Counts late = track.sum(lookback);
    const Rational budget = definition.budget();
    out.burn = 0;
    if (late.total > 0) {
      out.burn = late.bad * static_cast<double>(budget.den) /
                 (late.total * static_cast<double>(budget.num));
    }
  }
  Forecaster(track, definition, mean, out).run();
  out.covered = out.covered && out.consumed.has_value();
  return out;
}

TimeRange forecast_range(const Definition& definition, TimeMs at_ms, DurationMs lookback_ms) {
  TimeRange out = report_range(definition, at_ms);
  out.after = std::min(out.after, slice_floor(out.until - lookback_ms, definition.step_ms));
  return out;
}

}  // namespace hygge::slo
