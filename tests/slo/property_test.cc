// Properties of slo.md 6 that have no oracle of their own, over histories that RapidCheck makes and
// shrinks; and windows of the calendar against the C library's zones, which know nothing of ours.
#include <gtest/gtest.h>
#include <hygge/slo.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "slo/calendar.h"

namespace hygge::slo {
namespace {

// A minute of a service: at most 40 requests, some of which fail.
struct Minute {
  int total = 0;
  int bad = 0;
};

rc::Gen<std::vector<Minute>> history() {
  return rc::gen::container<std::vector<Minute>>(rc::gen::map(
      rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange(0, 40)),
      [](const std::pair<int, int>& drawn) {
        return Minute{std::max(drawn.first, drawn.second), std::min(drawn.first, drawn.second)};
      }));
}
rc::Gen<Rational> objective() {
  return rc::gen::map(rc::gen::inRange(0, 1000),
                      [](int permille) { return Rational::of(permille, 1000); });
}

Track track_of(const std::vector<Minute>& minutes) {
  std::vector<double> bad, total;
  for (const Minute& one : minutes) {
    bad.push_back(one.bad);
    total.push_back(one.total);
  }
  return Track::from_counts(0, kMinuteMs, bad, total).value();
}
TimeMs end_of(const std::vector<Minute>& minutes) {
  return static_cast<TimeMs>(minutes.size()) * kMinuteMs;
}

Definition definition_of(const Rational& objective, DurationMs window_ms) {
  Definition out;
  out.name = "s";
  out.objective = objective;
  out.window_ms = window_ms;
  return out;
}
Definition over_all(const std::vector<Minute>& minutes, const Rational& objective) {
  return definition_of(
      objective, std::max<DurationMs>(2, static_cast<DurationMs>(minutes.size())) * kMinuteMs);
}

// P-c.
RC_GTEST_PROP(SloProperty, AnIdleSliceChangesNoNumberOfOccurrences, ()) {
  const auto minutes = *history();
  const auto at = *rc::gen::inRange<std::size_t>(0, minutes.size() + 1);
  auto more = minutes;
  more.insert(more.begin() + static_cast<std::ptrdiff_t>(at), Minute{});
  const Rational target = *objective();
  const Report before = report(track_of(minutes), over_all(more, target), end_of(minutes));
  const Report after = report(track_of(more), over_all(more, target), end_of(more));
  RC_ASSERT(before.sli == after.sli);
  RC_ASSERT(before.allowed == after.allowed);
  RC_ASSERT(before.consumed == after.consumed);
  RC_ASSERT(before.remaining == after.remaining);
  RC_ASSERT(before.interval.has_value() == after.interval.has_value());
  if (before.interval) RC_ASSERT(before.interval->low == after.interval->low);
}

// P-d.
RC_GTEST_PROP(SloProperty, LessRemainsAsMoreIsBad, ()) {
  const auto minutes = *rc::gen::nonEmpty(history());
  auto worse = minutes;
  Minute& one = worse[*rc::gen::inRange<std::size_t>(0, worse.size())];
  RC_PRE(one.bad < one.total);
  ++one.bad;
  const Definition definition = over_all(minutes, *objective());
  const Report before = report(track_of(minutes), definition, end_of(minutes));
  const Report after = report(track_of(worse), definition, end_of(minutes));
  RC_ASSERT(*after.remaining < *before.remaining);
  RC_ASSERT(*after.sli < *before.sli);
  // The verdict never gets better for it.
  RC_ASSERT(!(before.verdict == Verdict::breached && after.verdict == Verdict::met));
}

// P-e.
RC_GTEST_PROP(SloProperty, BurnOverTheWholeWindowIsWhatIsConsumed, ()) {
  const auto minutes = *history();
  const Definition definition = over_all(minutes, *objective());
  const Track track = track_of(minutes);
  const DurationMs windows[] = {definition.window_ms};
  const auto burned = burn(track, definition, end_of(minutes), windows).windows[0].burn;
  const auto consumed = report(track, definition, end_of(minutes)).consumed;
  if (!consumed) {
    RC_ASSERT(burned.value_or(0) == 0);  // no event: nothing burns
    return;
  }
  RC_ASSERT(burned == consumed);
}

// P-h.
RC_GTEST_PROP(SloProperty, AHigherTargetNeverLeavesMore, ()) {
  const auto minutes = *history();
  const Rational a = *objective();
  const Rational b = *objective();
  RC_PRE(a.value() < b.value());
  const Track track = track_of(minutes);
  const Report low = report(track, over_all(minutes, a), end_of(minutes));
  const Report high = report(track, over_all(minutes, b), end_of(minutes));
  RC_ASSERT(low.remaining.has_value() == high.remaining.has_value());
  if (low.remaining) RC_ASSERT(*high.remaining <= *low.remaining);
  RC_ASSERT(!(low.verdict == Verdict::breached && high.verdict == Verdict::met));
}

// P-i, for what a replay does not share with it: an alert at a slice is burn() of the track up to
// it.
RC_GTEST_PROP(SloProperty, WhatComesLaterChangesNoAlert, ()) {
  const auto minutes = *rc::gen::nonEmpty(history());
  Definition definition = over_all(minutes, *objective());
  AlertRule rule;
  rule.long_ms = *rc::gen::inRange(2, 20) * kMinuteMs;
  rule.short_ms = std::min<DurationMs>(rule.long_ms, *rc::gen::inRange(1, 5) * kMinuteMs);
  rule.factor = Rational::of(*rc::gen::inRange(0, 40), 10);
  definition.alerts = {rule};
  const auto cut = *rc::gen::inRange<std::size_t>(1, minutes.size() + 1);
  const std::vector<Minute> head(minutes.begin(),
                                 minutes.begin() + static_cast<std::ptrdiff_t>(cut));
  const auto whole = burn(track_of(minutes), definition, end_of(head));
  const auto alone = burn(track_of(head), definition, end_of(head));
  RC_ASSERT(whole.state == alone.state);
  RC_ASSERT(whole.rules[0].long_burn == alone.rules[0].long_burn);
  RC_ASSERT(whole.rules[0].short_burn == alone.rules[0].short_burn);
}

// Forecasts: more errors never give the budget longer.
RC_GTEST_PROP(SloProperty, MoreErrorsNeverMakeABudgetLastLonger, ()) {
  const auto minutes = *rc::gen::nonEmpty(history());
  auto worse = minutes;
  Minute& one = worse.back();
  RC_PRE(one.bad < one.total);
  ++one.bad;
  const Definition definition = over_all(minutes, *objective());
  const DurationMs lookback = std::min<DurationMs>(5 * kMinuteMs, end_of(minutes));
  const Forecast before = forecast(track_of(minutes), definition, end_of(minutes), lookback);
  const Forecast after = forecast(track_of(worse), definition, end_of(minutes), lookback);
  if (before.aware.in_s) {
    RC_ASSERT(after.aware.in_s.has_value());
    RC_ASSERT(*after.aware.in_s <= *before.aware.in_s);
  }
}

// --- calendars, by the C library ---

// TZ for a scope.
class InZone {
 public:
  explicit InZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~InZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
  InZone(const InZone&) = delete;
  InZone& operator=(const InZone&) = delete;
};

// A number for the local period that the instant lies in; weeks are counted by their Monday.
long period_of(TimeMs t_ms, const Calendar& calendar) {
  const std::time_t t = t_ms / kSecondMs - (t_ms % kSecondMs < 0 ? 1 : 0);
  std::tm local{};
  ::localtime_r(&t, &local);
  const long month = (local.tm_year + 1900L) * 12 + local.tm_mon - (calendar.fiscal_start - 1);
  switch (calendar.unit) {
    case Calendar::Unit::week: {
      std::tm noon{};
      noon.tm_year = local.tm_year;
      noon.tm_mon = local.tm_mon;
      noon.tm_mday = local.tm_mday - (local.tm_wday + 6) % 7;
      noon.tm_hour = 12;
      return static_cast<long>(::timegm(&noon) / 86400);
    }
    case Calendar::Unit::month:
      return month;
    case Calendar::Unit::quarter:
      return month >= 0 ? month / 3 : -1;
    case Calendar::Unit::year:
      break;
  }
  return month / 12;
}

TEST(SloCalendarProperty, PeriodsAreThoseOfTheCLibrary) {
  // Hours that come twice or not at all, half an hour of summer time, and none.
  for (const char* zone : {"America/New_York", "Australia/Lord_Howe", "Asia/Tokyo",
                           "America/Havana", "Europe/London"}) {
    const InZone here(zone);
    for (const auto unit : {Calendar::Unit::week, Calendar::Unit::month, Calendar::Unit::quarter,
                            Calendar::Unit::year}) {
      SCOPED_TRACE(std::string(zone) + " " + std::string(to_string(unit)));
      Definition definition;
      definition.calendar = Calendar{unit, zone, unit == Calendar::Unit::week ? 1 : 4};
      const Calendar& calendar = *definition.calendar;
      // Every 5 h 37 min of four years, and each minute around each boundary that this meets.
      const TimeMs start = 1'735'689'600'000;  // 2025
      TimeMs boundary = 0;
      for (TimeMs t = start; t < start + 4 * 365 * kDayMs; t += 337 * kMinuteMs) {
        const Window window = window_at(definition, t);
        ASSERT_EQ(window.judged.until, t);
        ASSERT_LT(window.judged.after, t);
        ASSERT_GE(window.end_ms, t);
        // Everything in (from, end] is of one period; both ends are where it changes.
        const long period = period_of(t - 1, calendar);
        ASSERT_EQ(period_of(window.judged.after, calendar), period);
        ASSERT_NE(period_of(window.judged.after - 1, calendar), period);
        ASSERT_EQ(period_of(window.end_ms - 1, calendar), period);
        ASSERT_NE(period_of(window.end_ms, calendar), period);
        if (window.end_ms == boundary) continue;
        boundary = window.end_ms;
        for (TimeMs near = boundary - 2 * kHourMs; near <= boundary + 2 * kHourMs;
             near += kMinuteMs) {
          const bool before = near <= boundary;
          const Window at = window_at(definition, near);
          ASSERT_EQ(before ? at.end_ms : at.judged.after, boundary);
        }
      }
    }
  }
}

// What a report of a month of minutes says over a change of the clocks: its length, exactly.
TEST(SloCalendarProperty, MonthsHaveTheMinutesOfTheirZone) {
  struct Case {
    const char* tz;
    TimeMs end;  ///< the first instant of the next month
    std::int64_t minutes;
  };
  const Case cases[] = {
      {"America/New_York", 1'775'016'000'000, 44'580},     // March 2026, an hour less
      {"America/New_York", 1'796'101'200'000, 43'260},     // November, an hour more
      {"Europe/London", 1'774'998'000'000, 44'580},        // March
      {"Australia/Lord_Howe", 1'777'555'800'000, 43'230},  // April: half an hour more
      {"Asia/Tokyo", 1'774'969'200'000, 44'640},           // March
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.tz);
    Definition definition = definition_of(Rational::of(99, 100), 30 * kDayMs);
    definition.calendar = Calendar{Calendar::Unit::month, c.tz, 1};
    const std::vector<double> total(50'000, 1), bad(50'000, 0);
    const Track track =
        Track::from_counts(c.end - 45'000 * kMinuteMs, kMinuteMs, bad, total).value();
    const Report got = report(track, definition, c.end);
    EXPECT_EQ(got.window.until, c.end);
    EXPECT_EQ(got.end_ms, c.end);
    EXPECT_EQ(got.counts.total, static_cast<double>(c.minutes));
    EXPECT_DOUBLE_EQ(got.allowed_s, 0.01 * 60 * static_cast<double>(c.minutes));
  }
}

}  // namespace
}  // namespace hygge::slo
