#include "model/lexer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace hygge {
namespace {

std::vector<TokenKind> kinds(std::string_view text) {
  Lexer lexer(text);
  std::vector<TokenKind> result;
  for (;;) {
    result.push_back(lexer.next().kind);
    if (result.back() == TokenKind::end || result.back() == TokenKind::error) return result;
  }
}

TEST(Lexer, ReadsTokensWithTheirBytes) {
  Lexer lexer("a:b{x=~\"y\"}[5m] # rest\n>= 1e3");
  struct Expected {
    TokenKind kind;
    TextSpan span;
  };
  const Expected expected[] = {{TokenKind::identifier, {0, 3}},
                               {TokenKind::left_brace, {3, 4}},
                               {TokenKind::identifier, {4, 5}},
                               {TokenKind::match_regex, {5, 7}},
                               {TokenKind::string, {7, 10}},
                               {TokenKind::right_brace, {10, 11}},
                               {TokenKind::left_bracket, {11, 12}},
                               {TokenKind::duration, {12, 14}},
                               {TokenKind::right_bracket, {14, 15}},
                               {TokenKind::greater_equal, {23, 25}},
                               {TokenKind::number, {26, 29}},
                               {TokenKind::end, {29, 29}},
                               {TokenKind::end, {29, 29}}};
  for (const Expected& e : expected) {
    const Token token = lexer.next();
    EXPECT_EQ(token.kind, e.kind);
    EXPECT_EQ(token.span, e.span) << token.span.begin;
  }
}

TEST(Lexer, BracesAndBracketsChangeWhatACharacterIs) {
  using K = TokenKind;
  EXPECT_EQ(kinds("a:b"), (std::vector<K>{K::identifier, K::end}));
  EXPECT_EQ(kinds("[a:b]"), (std::vector<K>{K::left_bracket, K::identifier, K::colon, K::identifier,
                                            K::right_bracket, K::end}));
  EXPECT_EQ(kinds("{a:"), (std::vector<K>{K::left_brace, K::identifier, K::error}));
  EXPECT_EQ(kinds("a==b"), (std::vector<K>{K::identifier, K::equal, K::identifier, K::end}));
  EXPECT_EQ(kinds("{a==b}"), (std::vector<K>{K::left_brace, K::identifier, K::assign, K::assign,
                                             K::identifier, K::right_brace, K::end}));
  EXPECT_EQ(kinds("{1}"), (std::vector<K>{K::left_brace, K::error}));
  EXPECT_EQ(kinds("a </ b >/ c"), (std::vector<K>{K::identifier, K::trim_upper, K::identifier,
                                                  K::trim_lower, K::identifier, K::end}));
}

TEST(Lexer, NumbersHaveTheirValues) {
  struct Case {
    const char* text;
    double value;
  };
  const double inf = std::numeric_limits<double>::infinity();
  for (const Case& c :
       {Case{"0", 0}, Case{"1_000", 1000}, Case{".5", 0.5}, Case{"5.", 5}, Case{"1e3", 1000},
        Case{"1.5E-2", 0.015}, Case{"0x1F", 31}, Case{"010", 8}, Case{"089", 89}, Case{"08.5", 8.5},
        Case{"00", 0}, Case{"1e-400", 0}, Case{"5e-324", 5e-324},
        Case{"1.7976931348623157e308", 1.7976931348623157e308},
        Case{"9007199254740993", 9007199254740992.0}, Case{"0.000001e2", 1e-4},
        Case{"1e+2", 100}}) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(kinds(c.text), (std::vector<TokenKind>{TokenKind::number, TokenKind::end}));
    const auto value = number_value(c.text);
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, c.value);
    EXPECT_NE(*value, inf);
  }
  EXPECT_EQ(number_value("0." + std::string(400, '0') + "1").value(), 0);
  EXPECT_FALSE(number_value("1" + std::string(400, '0')));
  EXPECT_FALSE(number_value("1e400"));
  EXPECT_FALSE(number_value("0x1ffffffffffffffff"));
  EXPECT_EQ(number_value("1" + std::string(400, '0') + "e-400").value(), 1);
}

TEST(Lexer, DurationsAreTokens) {
  using K = TokenKind;
  for (const char* text : {"5m", "1h30m", "250ms", "1y2w3d4h5m6s7ms"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(kinds(text), (std::vector<K>{K::duration, K::end}));
  }
}

TEST(Lexer, StringsAreReadWithGoEscapes) {
  struct Case {
    const char* text;
    std::string value;
  };
  const Case cases[] = {
      {R"("a b")", "a b"},
      {R"('a"b')", "a\"b"},
      {R"("a\"b\\c")", "a\"b\\c"},
      {R"("\a\b\f\n\r\t\v")", "\a\b\f\n\r\t\v"},
      {R"("\x41\101\u00e9\U0001F600z")", "AA\xc3\xa9\xf0\x9f\x98\x80z"},
      {R"("\xff")", "\xff"},
      {"`raw \\n \n \"x\"`", "raw \\n \n \"x\""},
      {R"("")", ""},
      {"``", ""},
      {R"("\000x")", std::string("\0x", 2)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(kinds(c.text), (std::vector<TokenKind>{TokenKind::string, TokenKind::end}));
    EXPECT_EQ(string_value(c.text), c.value);
  }
}

TEST(Lexer, RefusesTheRestWithReasonAndPlace) {
  struct Case {
    std::string text;
    const char* reason;
    std::size_t begin;
  };
  const Case cases[] = {
      {"\"abc", "unterminated quoted string", 0},
      {"a + \"x\n\"", "unterminated quoted string", 4},
      {"`abc", "unterminated raw string", 0},
      {R"("\q")", "unknown escape sequence 'q'", 1},
      {R"("\'")", "unknown escape sequence '''", 1},
      {R"("\x4")", "escape sequence needs more digits", 1},
      {R"("\ud800")", "escape sequence is an invalid Unicode code point", 1},
      {R"("\400")", "escape sequence is an invalid Unicode code point", 1},
      {"\"\\", "escape sequence not terminated", 1},
      {"5x", "bad number or duration syntax: \"5x\"", 0},
      {"1.5m", "bad number or duration syntax: \"1.5m\"", 0},
      {"5m1h", "bad number or duration syntax: \"5m1h\"", 0},
      {"1__0", "bad number or duration syntax: \"1__0\"", 0},
      {"0X_f", "bad number or duration syntax: \"0X_f\"", 0},
      {"0xZ", "bad number or duration syntax: \"0xZ\"", 0},
      {"1.2.3", "bad number or duration syntax: \"1.2\"", 0},
      {"a $", "unexpected character: '$'", 2},
      {"\xc3\xa9", "unexpected character: '\xc3\xa9'", 0},
      {"(a", "unclosed left parenthesis", 2},
      {"a)", "unexpected right parenthesis ')'", 1},
      {"a[5m", "unclosed left bracket", 4},
      {"a]", "unexpected right bracket ']'", 1},
      {"a[[", "unexpected left bracket '['", 2},
      {"{a", "unexpected end of input inside braces", 2},
      {"a}", "unexpected right brace '}'", 1},
      {"{{", "unexpected character inside braces: '{'", 1},
      {"{a!b}", "unexpected character after '!' inside braces: 'b'", 2},
      {std::string("a\0", 2), "unexpected character: '\\x00'", 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    Lexer lexer(c.text);
    Token token = lexer.next();
    while (token.kind != TokenKind::end && token.kind != TokenKind::error) token = lexer.next();
    EXPECT_EQ(token.kind, TokenKind::error);
    EXPECT_EQ(lexer.error(), c.reason);
    EXPECT_EQ(token.span.begin, c.begin);
    EXPECT_EQ(lexer.next().kind, TokenKind::error);
  }
}

TEST(TextError, CountsLinesAndColumnsFromOne) {
  const Error error = text_error(ErrorCode::parse, "ab\ncd\nef", {4, 5}, "no");
  EXPECT_EQ(error.message, "2:2: parse error: no");
  EXPECT_EQ(error.place.line, 2U);
  EXPECT_EQ(error.place.column, 2U);
  EXPECT_EQ(error.place.begin, 4U);
  EXPECT_EQ(error.place.end, 5U);
  EXPECT_EQ(text_error(ErrorCode::invalid_argument, "ab", {1, 2}, "no").message, "1:2: no");
}

}  // namespace
}  // namespace hygge
