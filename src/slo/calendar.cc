#include "slo/calendar.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>

#include "slo/slices.h"

namespace hygge::slo {

namespace {

using cctz::civil_day;
using cctz::civil_second;

cctz::time_zone zone_of(const std::string& tz) {
  cctz::time_zone zone;  // UTC, also when there is no such zone: validate() has refused that
  cctz::load_time_zone(tz, &zone);
  return zone;
}

TimeMs to_ms(const cctz::time_point<cctz::seconds>& t) {
  return t.time_since_epoch().count() * kSecondMs;
}
civil_day local_day(TimeMs t_ms, const cctz::time_zone& zone) {
  const cctz::time_point<cctz::seconds> t(cctz::seconds(slice_floor(t_ms, kSecondMs) / kSecondMs));
  return civil_day(cctz::convert(t, zone));
}

// The first instant of a local date: midnight, its first one, or what comes when it is skipped.
TimeMs first_instant(civil_day day, const cctz::time_zone& zone) {
  const auto midnight = zone.lookup(civil_second(day));
  return to_ms(midnight.kind == cctz::time_zone::civil_lookup::SKIPPED ? midnight.trans
                                                                       : midnight.pre);
}
// A time that is skipped moves forward by the gap; of two the first.
TimeMs instant_of(civil_second time, const cctz::time_zone& zone) {
  return to_ms(zone.lookup(time).pre);
}

struct Period {
  civil_day begin, end;
};
Period period_of(civil_day day, const Calendar& calendar) {
  if (calendar.unit == Calendar::Unit::week) {
    const int since_monday = static_cast<int>(cctz::get_weekday(day));
    return {day - since_monday, day - since_monday + 7};
  }
  const int months = calendar.unit == Calendar::Unit::month     ? 1
                     : calendar.unit == Calendar::Unit::quarter ? 3
                                                                : 12;
  const int into_year = (day.month() - calendar.fiscal_start + 12) % 12;
  const cctz::civil_month begin = cctz::civil_month(day) - into_year % months;
  return {civil_day(begin), civil_day(begin + months)};
}

// Of far-off times nothing is asked that would overflow.
TimeMs slice_at(const Definition& definition, TimeMs at_ms) {
  return slice_floor(std::clamp(at_ms, kMinTimeMs, kMaxTimeMs), definition.step_ms);
}

}  // namespace

int local_hour(TimeMs t_ms, const std::string& tz) {
  const cctz::time_point<cctz::seconds> t(cctz::seconds(slice_floor(t_ms, kSecondMs) / kSecondMs));
  return cctz::convert(t, zone_of(tz)).hour();
}

bool is_zone(const std::string& tz) {
  cctz::time_zone zone;
  return cctz::load_time_zone(tz, &zone);
}

bool step_fits(const Calendar& calendar, DurationMs step_ms) {
  // No zone of these years is off by other than quarters of an hour.
  constexpr DurationMs kQuarterMs = 15 * kMinuteMs;
  if (kQuarterMs % step_ms == 0) return true;
  const cctz::time_zone zone = zone_of(calendar.tz);
  const cctz::civil_month last(2100, 12);
  for (cctz::civil_month month(2000, 1); month <= last; ++month) {
    if (first_instant(civil_day(month), zone) % step_ms != 0) return false;
  }
  return true;
}

Window window_at(const Definition& definition, TimeMs at_ms) {
  const TimeMs to = slice_at(definition, at_ms);
  Window out{{to - definition.window_ms, to}, to};
  if (definition.calendar) {
    const cctz::time_zone zone = zone_of(definition.calendar->tz);
    // On a boundary it is the period that has just ended.
    const Period period = period_of(local_day(to - 1, zone), *definition.calendar);
    out.judged.after = slice_floor(first_instant(period.begin, zone), definition.step_ms);
    out.end_ms = slice_floor(first_instant(period.end, zone), definition.step_ms);
  }
  if (definition.since_ms) {
    const TimeMs since = slice_end(*definition.since_ms, definition.step_ms);
    out.judged.after = std::clamp(since, out.judged.after, to);
  }
  return out;
}

namespace {

class Exclusions {
 public:
  Exclusions(const Definition& definition, TimeRange range)
      : definition_(definition),
        range_(range),
        owners_(range.empty()
                    ? 0
                    : static_cast<std::size_t>((range.until - range.after) / definition.step_ms),
                -1) {}

  std::vector<std::int32_t> mark() {
    if (owners_.empty()) return std::move(owners_);
    for (std::size_t i = 0; i < definition_.exclusions.size(); ++i) {
      const Exclusion& exclusion = definition_.exclusions[i];
      if (exclusion.every) {
        mark_every(*exclusion.every, static_cast<std::int32_t>(i));
      } else {
        mark_range(exclusion.range, static_cast<std::int32_t>(i));
      }
    }
    return std::move(owners_);
  }

 private:
  // The slices with more than an instant in common with `range`.
  void mark_range(TimeRange range, std::int32_t owner) {
    const DurationMs step = definition_.step_ms;
    const TimeMs from = std::max(range.after, range_.after);
    const TimeMs to = std::min(range.until, range_.until);
    if (to <= from) return;
    const auto begin = static_cast<std::size_t>((slice_floor(from, step) - range_.after) / step);
    const auto end = static_cast<std::size_t>((slice_end(to, step) - range_.after) / step);
    for (std::size_t i = begin; i < end; ++i) {
      if (owners_[i] < 0) owners_[i] = owner;
    }
  }

  void mark_every(const Exclusion::Every& every, std::int32_t owner) {
    const cctz::time_zone zone = zone_of(every.tz);
    const bool over_midnight = every.to_minute <= every.from_minute;
    const civil_day last = local_day(range_.until, zone) + 1;
    for (civil_day day = local_day(range_.after, zone) - 2; day <= last; ++day) {
      if (every.weekday && *every.weekday != static_cast<int>(cctz::get_weekday(day))) continue;
      const civil_second begin = civil_second(day) + 60 * every.from_minute;
      const civil_second end = civil_second(day + (over_midnight ? 1 : 0)) + 60 * every.to_minute;
      mark_range({instant_of(begin, zone), instant_of(end, zone)}, owner);
    }
  }

  const Definition& definition_;
  const TimeRange range_;
  std::vector<std::int32_t> owners_;
};

}  // namespace

std::vector<std::int32_t> excluded_slices(const Definition& definition, TimeRange range) {
  return Exclusions(definition, range).mark();
}

TimeRange report_range(const Definition& definition, TimeMs at_ms) {
  return window_at(definition, at_ms).judged;
}

TimeRange burn_range(const Definition& definition, TimeMs at_ms,
                     std::span<const DurationMs> windows) {
  const TimeMs to = slice_at(definition, at_ms);
  DurationMs longest = definition.step_ms;
  // Twice: an unknown rule looks back for as long as its window is.
  for (const AlertRule& rule : definition.alerts) longest = std::max(longest, 2 * rule.long_ms);
  for (const DurationMs window : windows) longest = std::max(longest, window);
  return {slice_floor(to - longest, definition.step_ms), to};
}

std::string_view to_string(Calendar::Unit unit) noexcept {
  switch (unit) {
    case Calendar::Unit::week:
      return "week";
    case Calendar::Unit::month:
      return "month";
    case Calendar::Unit::quarter:
      return "quarter";
    case Calendar::Unit::year:
      break;
  }
  return "year";
}

DurationMs nominal_length(Calendar::Unit unit) noexcept {
  switch (unit) {
    case Calendar::Unit::week:
      return 7 * kDayMs;
    case Calendar::Unit::month:
      return 30 * kDayMs;
    case Calendar::Unit::quarter:
      return 90 * kDayMs;
    case Calendar::Unit::year:
      break;
  }
  return 365 * kDayMs;
}

}  // namespace hygge::slo
