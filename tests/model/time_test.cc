#include <gtest/gtest.h>
#include <hygge/time.h>

#include <limits>

namespace hygge {
namespace {

TEST(Duration, IsReadAndWritten) {
  struct Case {
    const char* text;
    DurationMs ms;
    const char* written;
  };
  for (const Case& c :
       {Case{"1h30m", 5'400'000, "1h30m"}, Case{"90s", 90'000, "1m30s"},
        Case{"250ms", 250, "250ms"}, Case{"30d", 30 * kDayMs, "30d"}, Case{"2w", 14 * kDayMs, "2w"},
        Case{"-5m", -300'000, "-5m"}, Case{"0s", 0, "0s"}, Case{"1d12h", 36 * kHourMs, "1d12h"}}) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse_duration(c.text).value(), c.ms);
    EXPECT_EQ(format_duration(c.ms), c.written);
    EXPECT_EQ(parse_duration(c.written).value(), c.ms);
  }
}

TEST(Duration, RefusesTheRestWithItsPlace) {
  struct Case {
    const char* text;
    std::uint32_t column;
  };
  for (const Case& c : {Case{"", 1}, Case{"5", 2}, Case{"5x", 2}, Case{"5m1h", 4}, Case{"h", 1},
                        Case{"1m1m", 4}, Case{"99999999999999999999d", 1}}) {
    SCOPED_TRACE(c.text);
    const auto result = parse_duration(c.text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::parse);
    EXPECT_EQ(result.error().place.column, c.column);
  }
}

TEST(Time, IsWrittenInUtc) {
  EXPECT_EQ(format_time_utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time_utc(1'767'225'600'250), "2026-01-01T00:00:00.250Z");
  EXPECT_EQ(format_time_utc(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time_utc(1'709'164'800'000), "2024-02-29T00:00:00Z");
  EXPECT_FALSE(format_time_utc(std::numeric_limits<TimeMs>::min()).empty());
}

TEST(Steps, AreCountedWithBothEnds) {
  EXPECT_EQ(steps(0, 10, std::chrono::milliseconds(5)).count(), 3U);
  EXPECT_EQ(steps(0, 9, std::chrono::milliseconds(5)).count(), 2U);
  EXPECT_EQ(instant(7).count(), 1U);
  EXPECT_EQ(steps(5, 4, std::chrono::milliseconds(1)).count(), 0U);
}

}  // namespace
}  // namespace hygge
