#include <gtest/gtest.h>
#include <hygge/selector.h>

#include <random>
#include <string>

namespace hygge {
namespace {

TEST(Selector, ReadsWhatPromqlWrites) {
  struct Case {
    const char* text;
    Selector expected;
    const char* written;
  };
  const auto name = [](const char* metric) { return Matcher{"__name__", MatchOp::equal, metric}; };
  const Case cases[] = {
      {"up", {{name("up")}}, "up"},
      {" job:rate:5m ", {{name("job:rate:5m")}}, "job:rate:5m"},
      {"up{}", {{name("up")}}, "up"},
      {R"(up{job="a",})", {{name("up"), {"job", MatchOp::equal, "a"}}}, R"(up{job="a"})"},
      {R"(up{ a != 'b' , c=~"d.*",e!~`f` })",
       {{name("up"),
         {"a", MatchOp::not_equal, "b"},
         {"c", MatchOp::regex, "d.*"},
         {"e", MatchOp::not_regex, "f"}}},
       R"(up{a!="b",c=~"d.*",e!~"f"})"},
      {R"({"http.requests","a.b"="c"})",
       {{name("http.requests"), {"a.b", MatchOp::equal, "c"}}},
       R"({"http.requests","a.b"="c"})"},
      {R"({a="1","up"})", {{{"a", MatchOp::equal, "1"}, name("up")}}, R"({a="1",__name__="up"})"},
      {R"({__name__=~"a|b"})", {{{"__name__", MatchOp::regex, "a|b"}}}, R"({__name__=~"a|b"})"},
      {R"({__name__="up",a=""})", {{name("up"), {"a", MatchOp::equal, ""}}}, R"(up{a=""})"},
      {R"({"on",sum="x"})", {{name("on"), {"sum", MatchOp::equal, "x"}}}, R"({"on",sum="x"})"},
      {R"(sum{by="1",inf="2"})",
       {{name("sum"), {"by", MatchOp::equal, "1"}, {"inf", MatchOp::equal, "2"}}},
       R"(sum{by="1",inf="2"})"},
      {R"({a!="",b="1"})",
       {{{"a", MatchOp::not_equal, ""}, {"b", MatchOp::equal, "1"}}},
       R"({a!="",b="1"})"},
      {R"({a=~".+"})", {{{"a", MatchOp::regex, ".+"}}}, R"({a=~".+"})"},
      {R"({__name__="\xd5"})", {{name("\xd5")}}, R"({__name__="\xd5"})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto read = selector(c.text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, c.expected);
    EXPECT_EQ(to_string(*read), c.written);
    EXPECT_EQ(selector(c.written).value(), c.expected);
  }
}

TEST(Selector, RefusesTheRestWithItsPlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", R"(1:1: parse error: unexpected end of input in selector, expected metric name or "{")"},
      {"5", R"(1:1: parse error: unexpected number "5" in selector, expected metric name or "{")"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {R"({a=""})",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {R"({a=~".*",b!="x"})",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {R"({a!~"x"})",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {R"({a=~"x|"})",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {R"(up{a})",
       R"(1:5: parse error: unexpected "}" in label matching, expected label matching operator)"},
      {R"(up{a=})", R"(1:6: parse error: unexpected "}" in label matching, expected string)"},
      {R"(up{a=b})",
       R"(1:6: parse error: unexpected identifier "b" in label matching, expected string)"},
      {R"(up{,})",
       R"(1:4: parse error: unexpected "," in label matching, expected identifier or "}")"},
      {R"(up{a="1" b="2"})",
       R"(1:10: parse error: unexpected identifier "b" in label matching, expected "," or "}")"},
      {R"(up{a="1")", "1:9: parse error: unexpected end of input inside braces"},
      {R"(up{a=~"("})", "1:7: parse error: error parsing regexp: missing ): ("},
      {"up[5m]", R"(1:3: parse error: unexpected "[" in selector, expected end of input)"},
      {"up offset 5m",
       R"(1:4: parse error: unexpected identifier "offset" in selector, expected end of input)"},
      {R"(up{__name__="x"})",
       R"(1:1: parse error: metric name must not be set twice: "up" or "x")"},
      {R"(up{"x"})", R"(1:4: parse error: metric name must not be set twice: "up" or "x")"},
      {R"({"x","y"})", R"(1:6: parse error: metric name must not be set twice: "x" or "y")"},
      {"{\n  \"a\\xff\"=\"1\"}", R"(2:3: parse error: invalid label name: "a\xff")"},
      {R"({""="1"})", R"(1:2: parse error: invalid label name: "")"},
      {R"({"\xff"})", R"(1:2: parse error: invalid metric name: "\xff")"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto read = selector(c.text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::parse);
    EXPECT_EQ(read.error().message, c.message);
    EXPECT_GT(read.error().place.line, 0U);
  }
}

TEST(Selector, WrittenAndReadIsTheSame) {
  const std::string_view texts[] = {"up",  "a.b", "on",    "NaN", "x\"y\\", "é",   "a\nb",
                                    "sum", "_",   ":rate", "9",   " ",      "\x01"};
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&] { return std::string(texts[random() % std::size(texts)]); };
    Selector written;
    if (random() % 2 == 0) written.matchers.push_back({"__name__", MatchOp::equal, pick()});
    written.matchers.push_back({"always", MatchOp::regex, ".+"});
    for (std::uint64_t i = random() % 4; i > 0; --i) {
      const auto op = static_cast<MatchOp>(random() % 2);
      const std::string name = random() % 8 == 0 ? "__name__" : pick();
      written.matchers.push_back({name, op, random() % 5 == 0 ? "" : pick()});
    }
    const auto read = selector(to_string(written));
    ASSERT_TRUE(read) << to_string(written) << ": " << read.error().message;
    EXPECT_EQ(*read, written) << to_string(written);
  }
}

}  // namespace
}  // namespace hygge
