#include "model/regex.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>
#include <string>
#include <vector>

namespace hygge {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto regex = LabelRegex::compile(pattern);
  EXPECT_TRUE(regex) << pattern;
  return regex && regex->matches(text);
}

TEST(LabelRegex, IsAnchoredAndItsDotMatchesNewline) {
  EXPECT_TRUE(matches("a.c", "a\nc"));
  EXPECT_FALSE(matches("b", "abc"));
  EXPECT_FALSE(matches("b.?", "ab"));
  EXPECT_FALSE(matches("b.?", "bcd"));
  EXPECT_FALSE(matches("a.c", "abc\n"));
  EXPECT_TRUE(matches("(?i)ABC", "abc"));
}

TEST(LabelRegex, AnchorsTheWholeAlternation) {
  EXPECT_TRUE(matches("a|b", "b"));
  EXPECT_FALSE(matches("a|b", "ab"));
  EXPECT_FALSE(matches("a.|b.", "axb"));
  EXPECT_FALSE(matches("a.|b", "xb"));
}

TEST(LabelRegex, ItsWordsAreAlternativesOnlyWithoutAnyOperator) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(LabelRegex::compile("b|a|b")->alternatives(), (Words{"a", "b"}));
  EXPECT_EQ(LabelRegex::compile("one")->alternatives(), Words{"one"});
  EXPECT_EQ(LabelRegex::compile("")->alternatives(), Words{""});
  EXPECT_EQ(LabelRegex::compile("a|")->alternatives(), (Words{"", "a"}));
  EXPECT_EQ(LabelRegex::compile("ä ö|€")->alternatives(), (Words{"ä ö", "€"}));
  for (const char* pattern : {"a|b.", "(a)|b", "a\\.b", "[ab]", "a{2}", "^a", "a$", "a?"}) {
    EXPECT_TRUE(LabelRegex::compile(pattern)->alternatives().empty()) << pattern;
  }
}

TEST(LabelRegex, ALiteralStartDoesNotOutlastItsRepetition) {
  EXPECT_TRUE(matches("ab?", "a"));
  EXPECT_TRUE(matches("ab*c", "ac"));
  EXPECT_TRUE(matches("ab{0}c", "ac"));
  EXPECT_TRUE(matches("aé?", "a")) << "a repetition is of a character, not of its last byte";
  EXPECT_TRUE(matches("aa(?i)?", "a"));
  EXPECT_TRUE(matches("aa\\Q\\E?", "a"));
  EXPECT_TRUE(matches("ab+", "abb"));
  EXPECT_TRUE(matches("ab.*|cd", "cd"));
  EXPECT_TRUE(matches("ab(|c)", "ab"));
}

TEST(LabelRegex, RefusesWhatIsNone) {
  const struct {
    const char* pattern;
    const char* message;
  } cases[] = {
      {"a(", "missing )"},
      {"a)b", "unexpected )"},
      {"[", "missing ]"},
      {"(?=a)", "invalid perl operator"},
      {"(a)\\1", "invalid escape sequence"},
      {"a{1001}", "invalid repetition size"},
      {"\xff", "invalid UTF-8"},
      {"\xff|a", "invalid UTF-8"},
      {"((a{30}){30}){1000}b", "invalid repetition size"},
      {"((\\pL{30}){30})\\PL", "pattern too large"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pattern);
    const auto bad = LabelRegex::compile(c.pattern);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::parse);
    EXPECT_NE(bad.error().message.find(c.message), std::string::npos) << bad.error().message;
  }
}

TEST(LabelRegex, SaysNothingOnStderr) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(LabelRegex::compile("a("));
  // Its automaton has more states than memory: RE2 goes on without it.
  const auto regex = LabelRegex::compile("(a|b)*a(a|b){20}(a|b)*c");
  ASSERT_TRUE(regex);
  std::mt19937_64 random(1);
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += random() % 2 == 0 ? 'a' : 'b';
  EXPECT_FALSE(regex->matches(text));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// A backtracking matcher would need 2^100000 steps.
TEST(LabelRegex, IsLinearOnHostilePatterns) {
  const std::string text(100'000, 'a');
  for (const char* pattern : {"(a*)*b", "(a|aa)+b", "(a+)+$b", "(.*a){12}b", "(a?){50}a{50}b"}) {
    EXPECT_FALSE(matches(pattern, text)) << pattern;
  }
}

// Oracle: the definition, `^(?s:…)$` sought anywhere, without any of our short cuts.
TEST(LabelRegexModel, MatchesWhatTheDefinitionMatches) {
  const std::vector<std::string> pieces{"a",  "b",  "ab", "é", "|", "|", ".",   "*",   "?",
                                        "+",  "(",  ")",  "[", "]", "^", "$",   "{2}", "(?i)",
                                        "\\", "\n", "A",  "-", " ", "1", "\\d", "\\Q", "\\E"};
  const std::vector<std::string> letters{"a", "b", "A", "é", "\n", "1", "-", " ", "$"};
  int valid = 0;
  int matched = 0;
  for (std::uint64_t seed = 0; seed < 40'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::string pattern;
    for (std::uint64_t n = random() % 7; n > 0; --n) pattern += pieces[random() % pieces.size()];
    const auto regex = LabelRegex::compile(pattern);
    // Alone first: within the brackets "a)(b" would be valid.
    const bool is_valid = re2::RE2(pattern, re2::RE2::Quiet).ok();
    ASSERT_EQ(regex.has_value(), is_valid) << pattern;
    if (!is_valid) continue;
    ++valid;
    const bool open = !re2::RE2("(" + pattern + ")", re2::RE2::Quiet).ok();  // by a \Q
    const re2::RE2 oracle("^(?s:" + pattern + (open ? "\\E)$" : ")$"), re2::RE2::Quiet);
    ASSERT_TRUE(oracle.ok()) << pattern;
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (std::uint64_t n = random() % 4; n > 0; --n) text += letters[random() % letters.size()];
      const bool expected = re2::RE2::PartialMatch(text, oracle);
      ASSERT_EQ(regex->matches(text), expected) << pattern << " on " << text;
      matched += expected ? 1 : 0;
    }
  }
  EXPECT_GT(valid, 5'000);
  EXPECT_GT(matched, 5'000);
}

}  // namespace
}  // namespace hygge
