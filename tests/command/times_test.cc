// Times, ranges and steps as people type them: tables, with the odd days of real zones.
#include "times.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hygge::command {
namespace {

constexpr TimeMs kNow = 1'772'356'530'250;  // 2026-03-01T09:15:30.250Z, a Sunday

TimeSetting setting_in(const char* zone) {
  TimeSetting setting;
  setting.now_ms = kNow;
  setting.zone = parse_zone(zone).value();
  setting.bounds = []() -> Result<TimeBounds> { return TimeBounds{1'000, 2'000}; };
  return setting;
}

std::string time_in(const char* text, const char* zone) {
  const TimeSetting setting = setting_in(zone);
  const auto t_ms = parse_time(text, setting);
  return t_ms ? format_time(*t_ms, cctz::utc_time_zone())
              : std::string(to_string(t_ms.error().code));
}

TEST(ParseTime, ReadsEveryForm) {
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"},
      {"2026-03-01t09:00:00z", "2026-03-01T09:00:00Z"},
      {"2026-03-01T09:00:00.25Z", "2026-03-01T09:00:00.250Z"},
      {"2026-03-01T09:00:00.123999Z", "2026-03-01T09:00:00.123Z"},
      {"2026-03-01T09:00:00+09:00", "2026-03-01T00:00:00Z"},
      {"2026-03-01T00:00:00-05:30", "2026-03-01T05:30:00Z"},
      {"2026-03-01T09:00Z", "2026-03-01T09:00:00Z"},
      {"2026-03-01", "2026-03-01T00:00:00Z"},
      {"2026-03-01 09:00", "2026-03-01T09:00:00Z"},
      {"2026-03-01 09:00:30", "2026-03-01T09:00:30Z"},
      {"2024-02-29", "2024-02-29T00:00:00Z"},
      {"0001-01-01", "1-01-01T00:00:00Z"},
      {"@0", "1970-01-01T00:00:00Z"},
      {"@1700000000", "2023-11-14T22:13:20Z"},
      {"@1700000000.5", "2023-11-14T22:13:20.500Z"},
      {"@1700000000.1239", "2023-11-14T22:13:20.123Z"},
      {"@1700000000000", "2023-11-14T22:13:20Z"},
      {"@99999999999", "5138-11-16T09:46:39Z"},
      {"@100000000000", "1973-03-03T09:46:40Z"},
      {"@-1.5", "1969-12-31T23:59:58.500Z"},
      {"@-1.0005", "1969-12-31T23:59:58.999Z"},
      {"@1700000000-1h", "2023-11-14T21:13:20Z"},
      {"now", "2026-03-01T09:15:30.250Z"},
      {"now-1h", "2026-03-01T08:15:30.250Z"},
      {"now+1h30m", "2026-03-01T10:45:30.250Z"},
      {"now-1d-1h", "2026-02-28T08:15:30.250Z"},
      {"now/s", "2026-03-01T09:15:30Z"},
      {"now/m", "2026-03-01T09:15:00Z"},
      {"now/h", "2026-03-01T09:00:00Z"},
      {"now/d", "2026-03-01T00:00:00Z"},
      {"now/w", "2026-02-23T00:00:00Z"},
      {"now/M", "2026-03-01T00:00:00Z"},
      {"now/y", "2026-01-01T00:00:00Z"},
      {"now-1d/d", "2026-02-28T00:00:00Z"},
      {"now/d-1h", "2026-02-28T23:00:00Z"},
      {"first", "1970-01-01T00:00:01Z"},
      {"last", "1970-01-01T00:00:02Z"},
      {"last-1s", "1970-01-01T00:00:01Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(time_in(c.text, "UTC"), c.expected);
  }
}

TEST(ParseTime, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "yesterday",
                           "nowx",
                           "now-",
                           "now-1",
                           "now/x",
                           "now/",
                           "now 1h",
                           "1h",
                           "1700000000",
                           "@",
                           "@x",
                           "@1.",
                           "@1e9",
                           "@1700000000000.5",
                           "2026-02-29",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-3-1",
                           "2026-03-01T",
                           "2026-03-01T25:00:00Z",
                           "2026-03-01T09:60:00Z",
                           "2026-03-01T09:00:60Z",
                           "2026-03-01T09:00:00+9",
                           "2026-03-01T09:00:00ZZ",
                           "2026-03-01_09:00",
                           "2026-03-01T09",
                           "20260301",
                           "lastt",
                           "first/"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(time_in(text, "UTC"), "parse");
  }
  EXPECT_EQ(time_in("@999999999999999999", "UTC"), "out_of_range");
  EXPECT_EQ(time_in("@1700000000000000000000", "UTC"), "out_of_range");
}

TEST(ParseTime, FollowsTheZone) {
  struct Case {
    const char* zone;
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"Asia/Tokyo", "2026-03-01", "2026-02-28T15:00:00Z"},
      {"Asia/Tokyo", "now/d", "2026-02-28T15:00:00Z"},
      {"Asia/Kathmandu", "now/h", "2026-03-01T09:15:00Z"},
      // Skipped: 02:30 does not exist on this day and moves forward by the hour that is skipped.
      {"Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z"},
      {"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00Z"},
      {"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
      // Twice: the first.
      {"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"},
      {"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
      {"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"},
      // Midnight itself is skipped: the day begins at one.
      {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
      // An offset in the text wins.
      {"Asia/Tokyo", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"},
      {"Asia/Tokyo", "@0", "1970-01-01T00:00:00Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.zone) + " " + c.text);
    EXPECT_EQ(time_in(c.text, c.zone), c.expected);
  }
}

TEST(ParseRange, ReadsEveryForm) {
  struct Case {
    const char* zone;
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"UTC", "1h", "2026-03-01T08:15:30.250Z 2026-03-01T09:15:30.250Z"},
      {"UTC", "-7d..-1d", "2026-02-22T09:15:30.250Z 2026-02-28T09:15:30.250Z"},
      {"UTC", "-1h..+1h", "2026-03-01T08:15:30.250Z 2026-03-01T10:15:30.250Z"},
      {"UTC", "2026-03-01..2026-04-01", "2026-03-01T00:00:00Z 2026-04-01T00:00:00Z"},
      {"UTC", "@1700000000..now", "2023-11-14T22:13:20Z 2026-03-01T09:15:30.250Z"},
      {"UTC", "-1h..now", "2026-03-01T08:15:30.250Z 2026-03-01T09:15:30.250Z"},
      {"UTC", "first..last", "1970-01-01T00:00:01Z 1970-01-01T00:00:02Z"},
      {"UTC", "today", "2026-03-01T00:00:00Z 2026-03-01T09:15:30.250Z"},
      {"UTC", "yesterday", "2026-02-28T00:00:00Z 2026-03-01T00:00:00Z"},
      {"UTC", "this-month", "2026-03-01T00:00:00Z 2026-03-01T09:15:30.250Z"},
      {"UTC", "last-month", "2026-02-01T00:00:00Z 2026-03-01T00:00:00Z"},
      {"Asia/Tokyo", "yesterday", "2026-02-27T15:00:00Z 2026-02-28T15:00:00Z"},
      {"UTC", "", "parse"},
      {"UTC", "..", "parse"},
      {"UTC", "1h..", "parse"},
      {"UTC", "0s", "parse"},
      {"UTC", "-1h", "parse"},
      {"UTC", "2026-03-01", "parse"},
      {"UTC", "tomorrow", "parse"},
      {"UTC", "now..-1h", "invalid_argument"},
      {"UTC", "now..now", "invalid_argument"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto range = parse_range(c.text, setting_in(c.zone), kNow);
    EXPECT_EQ(range ? format_time(range->after, cctz::utc_time_zone()) + " " +
                          format_time(range->until, cctz::utc_time_zone())
                    : std::string(to_string(range.error().code)),
              c.expected);
  }
  EXPECT_EQ(parse_range("all", setting_in("UTC"), kNow).value(), everything());
}

TEST(ParseRange, ADayOfTheClockChangeHasItsOwnLength) {
  const TimeSetting setting = setting_in("Europe/Berlin");
  const auto hours = [&](const char* text) {
    const TimeRange range = parse_range(text, setting, kNow).value();
    return (range.until - range.after) / kHourMs;
  };
  EXPECT_EQ(hours("2026-03-29..2026-03-30"), 23);
  EXPECT_EQ(hours("2026-10-25..2026-10-26"), 25);
}

TEST(DefaultStep, IsA240thRoundedUp) {
  struct Case {
    DurationMs range_ms, step_ms;
  };
  const Case cases[] = {
      {1, kSecondMs},
      {240 * kSecondMs, kSecondMs},
      {240 * kSecondMs + 1, 5 * kSecondMs},
      {kHourMs, 15 * kSecondMs},
      {6 * kHourMs, 5 * kMinuteMs},
      {kDayMs, 15 * kMinuteMs},
      {7 * kDayMs, kHourMs},
      {30 * kDayMs, 3 * kHourMs},
      {120 * kDayMs, 12 * kHourMs},
      {120 * kDayMs + 1, kDayMs},
      {500 * kDayMs, 3 * kDayMs},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.range_ms);
    EXPECT_EQ(default_step(c.range_ms), c.step_ms);
  }
}

TEST(StepsOf, StandsOnMultiplesUnlessTheStepWasGiven) {
  EXPECT_EQ(steps_of({kNow - kHourMs, kNow}, kMinuteMs), (Steps{kNow - kHourMs, kNow, kMinuteMs}));
  const Steps steps = steps_of({kNow - kHourMs, kNow}, 0);
  EXPECT_EQ(steps.step_ms, 15 * kSecondMs);
  EXPECT_EQ(steps.start_ms % steps.step_ms, 0);
  EXPECT_EQ(format_time(steps.start_ms, cctz::utc_time_zone()), "2026-03-01T08:15:45Z");
  EXPECT_EQ(format_time(steps.end_ms, cctz::utc_time_zone()), "2026-03-01T09:15:30Z");
  EXPECT_EQ(steps_of({0, kHourMs}, 0).start_ms, 0) << "an end that is a multiple is a step";
  EXPECT_EQ(steps_of({100, 900}, 0), (Steps{100, 900, kSecondMs})) << "none lies in the range";
  EXPECT_EQ(steps_of({-1'500, -500}, 0), (Steps{-1'000, -1'000, kSecondMs}));
}

TEST(FormatTime, NamesTheOffset) {
  EXPECT_EQ(format_time(kNow, parse_zone("Asia/Tokyo").value()), "2026-03-01T18:15:30.250+09:00");
  EXPECT_EQ(format_time(-1, cctz::utc_time_zone()), "1969-12-31T23:59:59.999Z");
}

TEST(FormatTime, ParseTimeReadsItBack) {
  const cctz::time_zone zone = parse_zone("America/New_York").value();
  TimeSetting setting;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    // 1900 to 2100, in ms; older offsets have seconds, which RFC 3339 cannot say.
    const TimeMs t_ms = static_cast<TimeMs>(random() % 6'311'347'200'000ULL) - 2'208'988'800'000;
    EXPECT_EQ(parse_time(format_time(t_ms, zone), setting).value(), t_ms);
  }
}

TEST(ParseZone, KnowsIanaNames) {
  for (const char* name : {"UTC", "local", "Asia/Tokyo", "Etc/GMT+3"})
    EXPECT_TRUE(parse_zone(name));
  for (const char* name : {"", "Asia/Tokio", "/etc/passwd", "../x", "JSTX"}) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(parse_zone(name));
  }
}

}  // namespace
}  // namespace hygge::command
