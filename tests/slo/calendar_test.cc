#include "slo/calendar.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "slo/method.h"

namespace hygge::slo {
namespace {

TimeMs at(const char* iso) {
  // Days since the epoch by the civil calendar, so that the test shares nothing with the zones.
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, offset = 0;
  EXPECT_EQ(std::sscanf(iso, "%d-%d-%d %d:%d %d", &year, &month, &day, &hour, &minute, &offset), 6);
  const int y = month <= 2 ? year - 1 : year;
  const int m = (month + 9) % 12;
  const int days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
  return days * kDayMs + hour * kHourMs + minute * kMinuteMs - offset * kMinuteMs;
}

TEST(CalendarWindow, IsTheLocalPeriodThatHoldsTheEnd) {
  using Unit = Calendar::Unit;
  struct Case {
    const char* name;
    Calendar calendar;
    const char *at, *from, *to, *end;  ///< local time and offset in minutes
  };
  const Case cases[] = {
      {"month",
       {Unit::month, "UTC", 1},
       "2026-02-10 12:00 0",
       "2026-02-01 00:00 0",
       "2026-02-10 12:00 0",
       "2026-03-01 00:00 0"},
      {"on the boundary: the month that ended",
       {Unit::month, "Asia/Tokyo", 1},
       "2026-04-01 00:00 540",
       "2026-03-01 00:00 540",
       "2026-04-01 00:00 540",
       "2026-04-01 00:00 540"},
      {"March in New York has an hour less",
       {Unit::month, "America/New_York", 1},
       "2026-03-15 00:00 -240",
       "2026-03-01 00:00 -300",
       "2026-03-15 00:00 -240",
       "2026-04-01 00:00 -240"},
      {"weeks begin on Monday",
       {Unit::week, "UTC", 1},
       "2026-03-08 23:59 0",
       "2026-03-02 00:00 0",
       "2026-03-08 23:59 0",
       "2026-03-09 00:00 0"},
      {"quarter of a fiscal year from April",
       {Unit::quarter, "UTC", 4},
       "2026-01-20 00:00 0",
       "2026-01-01 00:00 0",
       "2026-01-20 00:00 0",
       "2026-04-01 00:00 0"},
      {"quarter of a fiscal year from February",
       {Unit::quarter, "UTC", 2},
       "2026-01-20 00:00 0",
       "2025-11-01 00:00 0",
       "2026-01-20 00:00 0",
       "2026-02-01 00:00 0"},
      {"fiscal year",
       {Unit::year, "UTC", 4},
       "2026-01-20 00:00 0",
       "2025-04-01 00:00 0",
       "2026-01-20 00:00 0",
       "2026-04-01 00:00 0"},
      {"a month that begins without midnight",
       {Unit::month, "America/Asuncion", 1},
       "2017-10-10 00:00 -180",
       "2017-10-01 01:00 -180",
       "2017-10-10 00:00 -180",
       "2017-11-01 00:00 -180"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Definition definition;
    definition.calendar = c.calendar;
    const Window window = window_at(definition, at(c.at));
    EXPECT_EQ(window.judged.after, at(c.from));
    EXPECT_EQ(window.judged.until, at(c.to));
    EXPECT_EQ(window.end_ms, at(c.end));
  }
}

TEST(CalendarWindow, StepMustDivideTheDaysOfItsZone) {
  Calendar calendar;
  calendar.tz = "Asia/Kolkata";  // 5 h 30 min
  EXPECT_FALSE(step_fits(calendar, kHourMs));
  EXPECT_TRUE(step_fits(calendar, 30 * kMinuteMs));
  calendar.tz = "Asia/Kathmandu";  // 5 h 45 min
  EXPECT_FALSE(step_fits(calendar, 30 * kMinuteMs));
  EXPECT_TRUE(step_fits(calendar, 15 * kMinuteMs));
}

TEST(RollingWindow, IsOfWholeSlicesAndSinceCutsIt) {
  Definition definition;
  definition.window_ms = kHourMs;
  EXPECT_EQ(report_range(definition, kDayMs + 30'000), (TimeRange{kDayMs - kHourMs, kDayMs}));
  definition.since_ms = kDayMs - 90'000;  // the slice that it cuts is not judged
  EXPECT_EQ(report_range(definition, kDayMs), (TimeRange{kDayMs - kMinuteMs, kDayMs}));
  definition.since_ms = 2 * kDayMs;
  EXPECT_TRUE(report_range(definition, kDayMs).empty());
  definition.since_ms = 0;
  EXPECT_EQ(report_range(definition, kDayMs).after, kDayMs - kHourMs);
}

std::string marked(const Exclusion& exclusion, const char* from, int slices, DurationMs step) {
  Definition definition;
  definition.step_ms = step;
  definition.exclusions = {exclusion};
  std::string out;
  for (const std::int32_t owner :
       excluded_slices(definition, {at(from), at(from) + slices * step})) {
    out += owner == 0 ? 'x' : '.';
  }
  return out;
}

TEST(Exclusions, TakeEverySliceThatTheyOverlap) {
  Exclusion exclusion;
  exclusion.range = {at("2026-03-01 02:00 0") + 30'000, at("2026-03-01 02:02 0")};
  EXPECT_EQ(marked(exclusion, "2026-03-01 01:59 0", 4, kMinuteMs), ".xx.");
  exclusion.range = {at("2026-03-01 02:00 0"), at("2026-03-01 02:00 0") + 1};
  EXPECT_EQ(marked(exclusion, "2026-03-01 01:59 0", 3, kMinuteMs), ".x.");
  exclusion.range = {0, at("2026-03-01 02:00 0")};
  EXPECT_EQ(marked(exclusion, "2026-03-01 01:58 0", 3, kMinuteMs), "xx.");
}

TEST(Exclusions, ComeBackInTheirZone) {
  Exclusion exclusion;
  exclusion.every = Exclusion::Every{6, 2 * 60, 3 * 60, "UTC"};  // Sun 02:00-03:00
  EXPECT_EQ(marked(exclusion, "2026-03-01 00:00 0", 24, kHourMs), "..x.....................")
      << "the 1st is a Sunday";
  EXPECT_EQ(marked(exclusion, "2026-03-02 00:00 0", 24, kHourMs), "........................");
  // daily 23:30-00:30 crosses midnight.
  exclusion.every = Exclusion::Every{std::nullopt, 23 * 60 + 30, 30, "Asia/Tokyo"};
  EXPECT_EQ(marked(exclusion, "2026-03-02 00:00 540", 48, 30 * kMinuteMs),
            "x..............................................x");
  // New York skips 02:00-03:00 on 2026-03-08: the hour moves forward. It has 01:00-02:00 twice on
  // 2026-11-01: the first one counts.
  exclusion.every = Exclusion::Every{std::nullopt, 2 * 60, 3 * 60, "America/New_York"};
  EXPECT_EQ(marked(exclusion, "2026-03-08 00:00 -300", 6, 30 * kMinuteMs), "......")
      << "an interval that begins where it ends is none";
  exclusion.every = Exclusion::Every{std::nullopt, 2 * 60 + 30, 4 * 60, "America/New_York"};
  EXPECT_EQ(marked(exclusion, "2026-03-08 00:00 -300", 8, 30 * kMinuteMs), ".....x..");
  exclusion.every = Exclusion::Every{std::nullopt, 60, 60 + 30, "America/New_York"};
  EXPECT_EQ(marked(exclusion, "2026-11-01 00:00 -240", 6, 30 * kMinuteMs), "..x...");
}

TEST(Exclusions, FirstOneOwnsTheSlice) {
  Definition definition;
  Exclusion one;
  one.range = {0, 2 * kMinuteMs};
  Exclusion two;
  two.range = {kMinuteMs, 3 * kMinuteMs};
  definition.exclusions = {one, two};
  EXPECT_EQ(excluded_slices(definition, {0, 4 * kMinuteMs}),
            (std::vector<std::int32_t>{0, 0, 1, -1}));
}

TEST(Report, AllExcludedHasNoCoverageAndAlertsAreOk) {
  Definition definition;
  definition.objective = Rational::of(9, 10);
  definition.window_ms = 4 * kMinuteMs;
  Exclusion all;
  all.range = {0, kDayMs};
  definition.exclusions = {all};
  AlertRule rule;
  rule.long_ms = rule.short_ms = 2 * kMinuteMs;
  rule.factor = {1, 1};
  definition.alerts = {rule};
  RawSlices raw;
  raw.slices.resize(4);
  for (Slice& slice : raw.slices) slice = {5, 5, State::measured, false, false, false, 0, 0, 0};
  raw.first_data_ms = 0;
  const Track track = make_track(definition, raw).value();
  const Report got = report(track, definition, 4 * kMinuteMs);
  EXPECT_FALSE(got.coverage);
  EXPECT_EQ(got.verdict, Verdict::insufficient);
  EXPECT_EQ(got.exclusions.at(0).bad, 20);
  EXPECT_EQ(got.sli_without_exclusions, 0);
  EXPECT_EQ(got.allowed_s, 0);
  const BurnState state = burn(track, definition, 4 * kMinuteMs);
  EXPECT_EQ(state.state, RuleState::ok);
  EXPECT_FALSE(state.rules[0].long_coverage);
  EXPECT_FALSE(state.rules[0].long_burn);
  // Without the exclusion it is an outage.
  definition.exclusions.clear();
  const Track plain = make_track(definition, raw).value();
  EXPECT_EQ(burn(plain, definition, 4 * kMinuteMs).state, RuleState::firing);
  EXPECT_EQ(report(plain, definition, 4 * kMinuteMs).verdict, Verdict::breached);
}

TEST(Report, RunningPeriodProjectsToItsEndWithoutWhatWillBeDropped) {
  Definition definition;
  definition.objective = Rational::of(9, 10);
  definition.step_ms = kHourMs;
  definition.calendar = Calendar{Calendar::Unit::week, "UTC", 1};
  definition.window_ms = 7 * kDayMs;
  Exclusion later;  // a day of what is still to come
  later.range = {at("2026-03-05 00:00 0"), at("2026-03-06 00:00 0")};
  definition.exclusions = {later};
  const TimeMs monday = at("2026-03-02 00:00 0");
  RawSlices raw;
  raw.t0_ms = monday;
  raw.slices.resize(24);
  for (Slice& slice : raw.slices) slice = {1, 100, State::measured, false, false, false, 0, 0, 0};
  raw.first_data_ms = monday;
  const Track track = make_track(definition, raw).value();
  const Report got = report(track, definition, monday + kDayMs);
  EXPECT_DOUBLE_EQ(got.allowed.value(), 240);
  EXPECT_DOUBLE_EQ(got.allowed_projected.value(), 6 * 240);
  EXPECT_DOUBLE_EQ(got.allowed_s, 6 * 86'400 * 0.1);
  EXPECT_DOUBLE_EQ(got.consumed.value(), 0.1);
  EXPECT_DOUBLE_EQ(got.consumed_projected.value(), 0.1 / 6);
}

}  // namespace
}  // namespace hygge::slo
