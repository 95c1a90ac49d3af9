#include "storage/index/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>

#include "model/canonical.h"
#include "model/regex.h"

namespace hygge::storage {
namespace {

Labels labels(std::vector<Label> list) { return Labels::from(std::move(list)).value(); }

std::uint32_t add(Index& index, std::uint32_t id, std::vector<Label> list) {
  index.add(id, canonical(labels(std::move(list))));
  return id;
}

std::vector<std::uint32_t> select(const Index& index, std::vector<Matcher> matchers) {
  auto ids = index.select({std::move(matchers)});
  EXPECT_TRUE(ids) << ids.error().message;
  return ids.value_or(std::vector<std::uint32_t>());
}

using Ids = std::vector<std::uint32_t>;

TEST(LabelRegex, IsAnchoredAndItsDotMatchesNewline) {
  EXPECT_TRUE(LabelRegex::compile("a.c")->matches("a\nc"));
  EXPECT_FALSE(LabelRegex::compile("b")->matches("abc"));
  EXPECT_TRUE(LabelRegex::compile("")->matches(""));
  EXPECT_TRUE(LabelRegex::compile("a|b")->matches("b"));
  EXPECT_FALSE(LabelRegex::compile("a|b")->matches("ab"));
  EXPECT_TRUE(LabelRegex::compile("ab?")->matches("a"));
  EXPECT_TRUE(LabelRegex::compile("(?i)ABC")->matches("abc"));
  EXPECT_EQ(LabelRegex::compile("b|a|b")->alternatives(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(LabelRegex::compile("a|b.")->alternatives().empty());
}

TEST(LabelRegex, RefusesWhatIsNone) {
  const auto bad = LabelRegex::compile("a(");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::parse);
}

TEST(LabelRegex, IsLinearOnHostilePatterns) {
  EXPECT_FALSE(LabelRegex::compile("(a*)*b")->matches(std::string(100'000, 'a')));
}

TEST(Index, FindsByLabelsAndById) {
  Index index;
  add(index, 3, {{"__name__", "up"}, {"job", "a"}});
  add(index, 9, {{"__name__", "up"}, {"job", "b"}});
  EXPECT_EQ(index.find(canonical(labels({{"job", "b"}, {"__name__", "up"}}))), 9U);
  EXPECT_EQ(index.find(canonical(labels({{"__name__", "up"}}))), std::nullopt);
  EXPECT_TRUE(index.contains(3));
  EXPECT_FALSE(index.contains(4));
  EXPECT_EQ(index.labels(9), labels({{"__name__", "up"}, {"job", "b"}}));
  EXPECT_EQ(index.label_names(), (std::vector<std::string>{"__name__", "job"}));
  EXPECT_EQ(index.label_values("job"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(index.series_count(), 2U);
}

TEST(Index, SelectsByEveryOperator) {
  Index index;
  add(index, 1, {{"__name__", "up"}, {"job", "a"}});
  add(index, 2, {{"__name__", "up"}, {"job", "b"}});
  add(index, 3, {{"__name__", "up"}});
  const Matcher up{"__name__", MatchOp::equal, "up"};
  EXPECT_EQ(select(index, {up, {"job", MatchOp::equal, "a"}}), Ids{1});
  EXPECT_EQ(select(index, {up, {"job", MatchOp::not_equal, "a"}}), (Ids{2, 3}));
  EXPECT_EQ(select(index, {up, {"job", MatchOp::regex, "a|b"}}), (Ids{1, 2}));
  EXPECT_EQ(select(index, {up, {"job", MatchOp::not_regex, "a.*"}}), (Ids{2, 3}));
  EXPECT_EQ(select(index, {up, {"job", MatchOp::equal, ""}}), Ids{3});
  EXPECT_EQ(select(index, {up, {"job", MatchOp::not_equal, ""}}), (Ids{1, 2}));
  EXPECT_EQ(select(index, {up, {"job", MatchOp::regex, "a?"}}), (Ids{1, 3}));
  EXPECT_EQ(select(index, {up, {"absent", MatchOp::equal, ""}}), (Ids{1, 2, 3}));
  EXPECT_EQ(select(index, {up, {"absent", MatchOp::regex, ".+"}}), Ids{});
}

TEST(Index, ARegexSeesValuesThatCameLater) {
  Index index;
  add(index, 1, {{"__name__", "up"}, {"job", "a1"}});
  const Matcher matcher{"job", MatchOp::regex, "a."};
  EXPECT_EQ(select(index, {matcher}), Ids{1});
  add(index, 2, {{"__name__", "up"}, {"job", "a2"}});
  EXPECT_EQ(select(index, {matcher}), (Ids{1, 2}));
  add(index, 3, {{"__name__", "down"}, {"job", "a2"}});
  EXPECT_EQ(select(index, {matcher}), (Ids{1, 2, 3})) << "same values, another series";
}

// Oracle: each matcher tried on each label set, regexes by std::regex.
bool brute_force(const Labels& set, const Matcher& matcher) {
  const std::string value(set.get(matcher.name));
  switch (matcher.op) {
    case MatchOp::equal:
      return value == matcher.value;
    case MatchOp::not_equal:
      return value != matcher.value;
    case MatchOp::regex:
      return std::regex_match(value, std::regex(matcher.value));
    case MatchOp::not_regex:
      return !std::regex_match(value, std::regex(matcher.value));
  }
  return false;
}

TEST(IndexModel, SelectsWhatBruteForceSelects) {
  const std::vector<std::string> values{"a", "b", "ab", "c1", "c2", ""};
  const std::vector<std::string> patterns{"a",  "a|b", "a.*", "c[12]",   ".*",
                                          ".+", "",    "b?",  "(a|c1)b?"};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
    Index index;
    std::map<std::uint32_t, Labels> model;
    std::uint32_t id = 0;
    for (int i = 0; i < 60; ++i) {
      const Labels set = labels({{"__name__", "m" + std::to_string(random() % 3)},
                                 {"x", pick(values)},
                                 {"y", pick(values)},
                                 {"z", pick(values)}});
      if (index.find(canonical(set))) continue;
      id += 1 + static_cast<std::uint32_t>(random() % 5);
      index.add(id, canonical(set));
      model[id] = set;
      const char* names[] = {"x", "y", "z", "none"};
      Selector selector;
      for (std::uint64_t n = random() % 3 + 1; n > 0; --n) {
        const auto op = static_cast<MatchOp>(random() % 4);
        const bool regex = op == MatchOp::regex || op == MatchOp::not_regex;
        selector.matchers.push_back(
            {names[random() % 4], op, regex ? pick(patterns) : pick(values)});
      }
      Ids expected;
      for (const auto& [at, candidate] : model) {
        const bool all = std::all_of(selector.matchers.begin(), selector.matchers.end(),
                                     [&](const Matcher& m) { return brute_force(candidate, m); });
        if (all) expected.push_back(at);
      }
      ASSERT_EQ(select(index, selector.matchers), expected) << to_string(selector);
    }
  }
}

}  // namespace
}  // namespace hygge::storage
