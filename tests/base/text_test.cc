#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include "base/decimal.h"
#include "base/near.h"
#include "base/utf8.h"

namespace hygge {
namespace {

TEST(Near, CountsEdits) {
  struct Case {
    const char *a, *b;
    std::size_t edits;
  };
  for (const Case& c : {Case{"exclude", "exlude", 1}, Case{"query", "qurey", 1}, Case{"", "ab", 2},
                        Case{"import", "export", 2}, Case{"a", "abcd", 3}}) {
    SCOPED_TRACE(c.b);
    EXPECT_EQ(edit_distance(c.a, c.b, 2), c.edits);
  }
}

TEST(Near, OffersTheNearestWithinReach) {
  const std::string names[] = {"import", "export", "query"};
  EXPECT_EQ(nearest("qeury", std::span<const std::string>(names)), "query");
  EXPECT_EQ(nearest("zzz", std::span<const std::string>(names)), "");
}

TEST(Decimal, AreTheFewestDigitsThenZeros) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {0.1, "0.1"},
      {1e-7, "0.0000001"},
      {9007199254740991.0, "9007199254740991"},
      {9007199254740992.0, "9007199254740992"},
      {9007199254740993.0, "9007199254740992"},
      {-1.2345678901234567e20, "-123456789012345670000"},
      {1e23, "100000000000000000000000"},
  };
  for (const auto& [value, expected] : cases) {
    std::string out = ">";
    append_fixed(out, value);
    EXPECT_EQ(out, std::string(">") + expected);
  }
  for (const double value : {std::numeric_limits<double>::max(), 5e-324, 1.1e-308, 1.7e308}) {
    std::string out;
    append_fixed(out, -value);
    EXPECT_EQ(std::strtod(out.c_str(), nullptr), -value) << out;
    EXPECT_LE(out.size(), 400U);
  }
}

TEST(Utf8, TellsWellFormedFromTheRest) {
  for (const char* good :
       {"", "plain ascii, long enough for words", "é", "日本", "\xf0\x9f\x98\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ascii....\xff"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace hygge
