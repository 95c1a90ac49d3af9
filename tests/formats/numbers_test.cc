// Numbers and times of the text formats, against strtod and against big integers.
#include "formats/numbers.h"

#include <gtest/gtest.h>
#include <hygge/formats.h>
#include <hygge/sample.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace hygge::formats {
namespace {

TEST(ParseNumber, ReadsWhatGoWrites) {
  struct Case {
    const char* text;
    double value;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"0", 0},
      {"-0", -0.0},
      {"+5", 5},
      {"007", 7},
      {".5", 0.5},
      {"5.", 5},
      {"-.5", -0.5},
      {"1e3", 1000},
      {"1E+3", 1000},
      {"1e-3", 0.001},
      {"0.1", 0.1},
      {"0.30000000000000004", 0.1 + 0.2},
      {"123456789012345678", 123456789012345678.0},
      {"9007199254740993", 9007199254740992.0},  // 2^53 + 1: ties to even
      {"9007199254740993.0", 9007199254740992.0},
      {"9007199254740995", 9007199254740996.0},
      {"12345678901234567890", 12345678901234567890.0},
      {"1.7976931348623157e308", std::numeric_limits<double>::max()},
      {"5e-324", std::numeric_limits<double>::denorm_min()},
      {"2e-324", 0},
      {"-1e-999", -0.0},
      {"0e999", 0},
      {"0x1p-1080", 0},
      {"0x1.8p1", 3},
      {"-0x1p-2", -0.25},
      {"0XfF", 255},
      {"0x.8p0", 0.5},
      {"Inf", infinity},
      {"+inf", infinity},
      {"-INF", -infinity},
      {"infinity", infinity},
      {"-Infinity", -infinity},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto value = parse_number(c.text);
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(same_bits(*value, c.value)) << *value;
  }
  ASSERT_TRUE(parse_number("nan").has_value());
  EXPECT_EQ(std::bit_cast<std::uint64_t>(*parse_number("NaN")), kNanBits);
}

TEST(ParseNumber, RefusesWhatIsNone) {
  const char* const cases[] = {
      "",         "+",    "-",    ".",      "+-1",   "--1",    "1 ",      " 1",
      "1_0",      "1e",   "1e+",  "e5",     "0x",    "0xp1",   "0x-1",    "0xinf",
      "0xnan",    "+nan", "-nan", "nan(5)", "1e309", "-1e309", "1.8e308", "1e99999999999999999999",
      "0x1p2000", "infx", "in",   "1.2.3",  "1,5",   "१",      "0b1",     "1f"};
  for (const char* text : cases) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_number(text).has_value());
  }
  EXPECT_FALSE(parse_number(std::string_view("1\0", 2)).has_value());
  EXPECT_FALSE(parse_number(std::string(300'000, '9')).has_value());
  EXPECT_EQ(parse_number("0." + std::string(300'000, '0') + "1"), 0.0);
  EXPECT_EQ(parse_number(std::string(300'000, '0') + "1"), 1.0);
}

// Oracle: strtod, which rounds correctly. Short decimals, long ones, and the neighbours of doubles.
TEST(ParseNumber, IsCorrectlyRounded) {
  for (std::uint64_t seed = 0; seed < 50'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string text;
    switch (random() % 3) {
      case 0: {
        text = std::to_string(random() >> (random() % 64));
        text.insert(random() % (text.size() + 1), ".");
        if (text == ".") text = "0.";
        break;
      }
      case 1: {
        text = std::to_string(random()) + std::to_string(random());
        text.insert(1, ".");
        text += "e" + std::to_string(static_cast<int>(random() % 660) - 340);
        break;
      }
      default: {
        const double v = std::abs(std::bit_cast<double>(random()));
        if (!std::isfinite(v)) continue;
        append_number(text, v);
        break;
      }
    }
    if (random() % 2 == 0) text = "-" + text;
    const double expected = std::strtod(text.c_str(), nullptr);
    const auto value = parse_number(text);
    if (std::isinf(expected)) {
      ASSERT_FALSE(value.has_value()) << text;
    } else {
      ASSERT_TRUE(value && same_bits(*value, expected)) << text;
    }
  }
}

TEST(AppendNumber, ReadsBackBitForBit) {
  for (std::uint64_t seed = 0; seed < 30'000; ++seed) {
    std::mt19937_64 random(seed);
    const double v = std::bit_cast<double>(random());
    if (std::isnan(v)) continue;
    std::string text;
    append_number(text, v);
    const auto back = parse_number(text);
    ASSERT_TRUE(back && same_bits(*back, v)) << text;
  }
}

// Oracle: the digits as an integer of the given scale, divided exactly.
TEST(ParseSeconds, FloorsWithoutADouble) {
  for (std::uint64_t seed = 0; seed < 30'000; ++seed) {
    std::mt19937_64 random(seed);
    const std::int64_t digits = static_cast<std::int64_t>(random() >> (1 + random() % 60));
    const int decimals = static_cast<int>(random() % 12);
    std::string text = std::to_string(digits);
    if (text.size() <= static_cast<std::size_t>(decimals)) {
      text.insert(0, static_cast<std::size_t>(decimals) + 1 - text.size(), '0');
    }
    if (decimals > 0) text.insert(text.size() - static_cast<std::size_t>(decimals), ".");
    const bool negative = random() % 2 == 0;
    __extension__ using Wide = __int128;
    Wide scale = 1;
    for (int i = 0; i < decimals; ++i) scale *= 10;
    const Wide numerator = static_cast<Wide>(digits) * 1000 * (negative ? -1 : 1);
    Wide ms = numerator / scale;
    if (numerator % scale != 0 && negative) --ms;
    const int shift = static_cast<int>(random() % 9) - 4;  // the same written with an exponent
    std::string shifted = std::to_string(digits) + "e" + std::to_string(-decimals);
    if (shift >= 0) {
      shifted = std::to_string(digits) + std::string(static_cast<std::size_t>(shift), '0') + "E" +
                std::to_string(-decimals - shift);
    }
    if (negative) {
      text.insert(0, "-");
      shifted.insert(0, "-");
    }
    SCOPED_TRACE(text + " " + shifted);
    if (ms > kMaxTimeMs || ms < -kMaxTimeMs) continue;
    ASSERT_EQ(parse_seconds(text), static_cast<TimeMs>(ms));
    ASSERT_EQ(parse_seconds(shifted), static_cast<TimeMs>(ms));
  }
}

TEST(ParseSeconds, ReadsBackWhatIsWritten) {
  const TimeMs times[] = {0,
                          1,
                          -1,
                          10,
                          -10,
                          100,
                          999,
                          1000,
                          -1000,
                          -1001,
                          1767225600250,
                          1767225600001,
                          4'000'000'000'000,
                          -62'135'596'800'000};
  for (const TimeMs t_ms : times) {
    std::string text;
    append_seconds(text, t_ms);
    EXPECT_EQ(parse_seconds(text), t_ms) << text;
  }
  std::string text;
  append_seconds(text, 1767225600250);
  EXPECT_EQ(text, "1767225600.25");
  text.clear();
  append_seconds(text, -1050);
  EXPECT_EQ(text, "-1.05");
}

TEST(ParseSeconds, RefusesWhatIsNone) {
  for (const char* text : {"", ".", "-", "+-1", "1e", "1e+-5", "1e+", "0x10", "nan", "inf", "1 ",
                           "1.2.3", "1e5x", "9e99", "180000000000000"}) {
    EXPECT_FALSE(parse_seconds(text).has_value()) << text;
  }
  EXPECT_EQ(parse_seconds("0e99999999999"), 0);
  EXPECT_EQ(parse_seconds("1e-99999999999"), 0);
  EXPECT_EQ(parse_seconds("-1e-99999999999"), -1);
  EXPECT_EQ(parse_seconds("0." + std::string(100'000, '0') + "1"), 0);
  EXPECT_EQ(parse_seconds("1." + std::string(100'000, '9')), 1999);
}

TEST(ParseMilliseconds, TakesIntegersThatCanBeStored) {
  EXPECT_EQ(parse_milliseconds("1767225600000"), 1767225600000);
  EXPECT_EQ(parse_milliseconds("+5"), 5);
  EXPECT_EQ(parse_milliseconds("-5"), -5);
  for (const char* text : {"", "+", "+-5", "5.0", "1e3", "9223372036854775808", "x", " 5", "5 ",
                           "180000000000000001", "-180000000000000001"}) {
    EXPECT_FALSE(parse_milliseconds(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hygge::formats
