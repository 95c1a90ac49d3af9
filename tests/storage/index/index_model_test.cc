#include <gtest/gtest.h>
#include <malloc.h>
#include <re2/re2.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/canonical.h"
#include "storage/index/index.h"
#include "tests/support/sanitizer.h"

namespace hygge::storage {
namespace {

using Ids = std::vector<std::uint32_t>;
using Model = std::map<std::uint32_t, Labels>;

// Regexes compiled once each, by their definition.
class Regexes {
 public:
  bool matches(const std::string& pattern, const std::string& text) {
    auto& regex = compiled_[pattern];
    if (!regex) regex = std::make_unique<re2::RE2>("^(?s:" + pattern + ")$");
    return re2::RE2::PartialMatch(text, *regex);
  }

 private:
  std::map<std::string, std::unique_ptr<re2::RE2>> compiled_;
};

// Oracle: each matcher tried on each label set.
bool holds(const Matcher& matcher, const Labels& set, Regexes& regexes) {
  const std::string value(set.get(matcher.name));
  switch (matcher.op) {
    case MatchOp::equal:
      return value == matcher.value;
    case MatchOp::not_equal:
      return value != matcher.value;
    case MatchOp::regex:
      return regexes.matches(matcher.value, value);
    case MatchOp::not_regex:
      return !regexes.matches(matcher.value, value);
  }
  return false;
}

Ids brute_force(const Model& model, const Selector& selector, Regexes& regexes) {
  Ids out;
  for (const auto& [id, set] : model) {
    const bool all =
        std::all_of(selector.matchers.begin(), selector.matchers.end(),
                    [&, &of = set](const Matcher& m) { return holds(m, of, regexes); });
    if (all) out.push_back(id);
  }
  return out;
}

const std::vector<std::string> kValues{"a", "b", "ab", "c1", "c2", "ABC", "é", "x\ny", "a.b", ""};
const std::vector<std::string> kPatterns{
    "a",       "a|b",      "a|b|none", "a.*",     "c[12]",  "c1|c2|", ".*",       ".+", "",    "b?",
    "(?i)abc", "(a|c1)b?", "x.y",      "a\\.b|é", "[^a].*", "none",   "(?i:A|B)", "c.", "^a$", "|"};
const char* const kNames[] = {"__name__", "x", "y", "z", "none"};

template <typename List>
const auto& pick(const List& list, std::mt19937_64& random) {
  return list[random() % std::size(list)];
}

Selector random_selector(std::mt19937_64& random) {
  Selector selector;
  for (std::uint64_t n = random() % 4; n > 0; --n) {
    const auto op = static_cast<MatchOp>(random() % 4);
    const bool regex = op == MatchOp::regex || op == MatchOp::not_regex;
    const std::string name = pick(kNames, random);
    const std::string metric = "m" + std::to_string(random() % 4);
    selector.matchers.push_back({name, op,
                                 name == "__name__" ? (regex ? metric + "|m[01]" : metric)
                                 : regex            ? pick(kPatterns, random)
                                                    : pick(kValues, random)});
  }
  return selector;
}

void check_names_and_values(const Index& index, const Model& model) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& [id, set] : model) {
    for (const Label& label : set) values[label.name].insert(label.value);
  }
  std::vector<std::string> names;
  for (const auto& [name, of_name] : values) {
    names.push_back(name);
    ASSERT_EQ(index.label_values(name), std::vector<std::string>(of_name.begin(), of_name.end()));
  }
  ASSERT_EQ(index.label_names(), names);
  ASSERT_EQ(index.series_count(), model.size());
}

// One of three series leaves, from whatever place.
void remove_some(Index& index, Model& model, std::mt19937_64& random) {
  for (auto at = model.begin(); at != model.end();) {
    if (random() % 3 != 0) {
      ++at;
      continue;
    }
    index.remove(at->first);
    ASSERT_FALSE(index.contains(at->first));
    ASSERT_FALSE(index.find(canonical(at->second)));
    at = model.erase(at);
  }
}

// Series come and go between questions, so that kept answers of regexes grow old.
TEST(IndexModel, SelectsWhatBruteForceSelects) {
  Regexes regexes;
  std::size_t selected = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Index index;
    Model model;
    std::uint32_t id = static_cast<std::uint32_t>(random() % 2);
    const int rounds = seed % 10 == 0 ? 1'500 : 80;  // enough for bitmaps, and for lists alone
    for (int i = 0; i < rounds; ++i) {
      const Labels set = Labels::from({{"__name__", "m" + std::to_string(random() % 3)},
                                       {"x", pick(kValues, random)},
                                       {"y", pick(kValues, random)},
                                       {"z", pick(kValues, random)}})
                             .value();
      if (const auto known = index.find(canonical(set))) {
        ASSERT_EQ(model.at(*known), set);
        continue;
      }
      ASSERT_TRUE(std::none_of(model.begin(), model.end(),
                               [&](const auto& entry) { return entry.second == set; }));
      id += 1 + static_cast<std::uint32_t>(random() % 5 == 0 ? random() % 50'000 : random() % 3);
      index.add(id, canonical(set));
      model[id] = set;
      if (seed % 3 == 0 && random() % 30 == 0) remove_some(index, model, random);
      if (rounds > 100 && random() % 10 != 0) continue;
      const Selector selector = random_selector(random);
      const Ids expected = brute_force(model, selector, regexes);
      const auto ids = index.select(selector);
      ASSERT_TRUE(ids) << ids.error().message;
      ASSERT_EQ(*ids, expected) << to_string(selector);
      selected += expected.size();
    }
    check_names_and_values(index, model);
    for (const auto& [known, set] : model) {
      ASSERT_EQ(index.labels(known), set);
      ASSERT_EQ(index.canonical(known), canonical(set));
      ASSERT_FALSE(index.contains(known + 1) && model.count(known + 1) == 0);
    }
  }
  EXPECT_GT(selected, 100'000U);
}

TEST(IndexModel, HoldsForAHundredThousandSeries) {
  Index index;
  Model model;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Labels set = Labels::from({{"__name__", "m" + std::to_string(i % 40)},
                                     {"instance", "host-" + std::to_string(i / 40)},
                                     {"zone", i % 3 == 0 ? "" : "z" + std::to_string(i / 40 % 7)},
                                     {"path", "/p/" + std::to_string(i % 11)}})
                           .value();
    index.add(3 * i + 1, canonical(set));
    model[3 * i + 1] = set;
  }
  Regexes regexes;
  const Matcher metric{"__name__", MatchOp::equal, "m7"};
  const Selector selectors[] = {
      {},
      {{metric}},
      {{metric, {"zone", MatchOp::equal, ""}}},
      {{metric, {"zone", MatchOp::not_equal, "z3"}, {"path", MatchOp::not_regex, "/p/1.*"}}},
      {{{"instance", MatchOp::regex, "host-1.*"}}},
      {{{"instance", MatchOp::regex, "host-1|host-77|none"}, {"path", MatchOp::regex, "/p/[1-5]"}}},
      {{{"zone", MatchOp::regex, "z[0-3]|"}, {"instance", MatchOp::not_regex, "host-.*[02468]"}}},
      {{{"zone", MatchOp::regex, "z1|"}, {"path", MatchOp::equal, "/p/10"}, metric}},
      {{{"zone", MatchOp::not_regex, ""}, {"instance", MatchOp::equal, "host-2499"}}},
  };
  for (const Selector& selector : selectors) {
    for (int again = 0; again < 2; ++again) {
      SCOPED_TRACE(to_string(selector));
      const Ids expected = brute_force(model, selector, regexes);
      EXPECT_FALSE(expected.empty());
      ASSERT_EQ(index.select(selector).value(), expected);
    }
  }
  for (const auto& [id, set] : model) ASSERT_EQ(index.find(canonical(set)), id);
  EXPECT_EQ(index.find(canonical(Labels::from({{"__name__", "m7"}}).value())), std::nullopt);
}

// A budget is kept with this number: it has to be what the process really grows by.
TEST(IndexMemory, SaysWhatItTakes) {
#ifdef HYGGE_UNDER_SANITIZER
  GTEST_SKIP() << "the sanitizer pads allocations";
#else
  const auto resident_bytes = [] {
    malloc_trim(0);  // what earlier tests gave back must not be had again for nothing
    std::ifstream status("/proc/self/status");
    std::string word;
    std::size_t kib = 0;
    while (status >> word && word != "VmRSS:") continue;
    status >> kib;
    return kib * 1024;
  };
  std::vector<std::string> series;
  for (int i = 0; i < 200'000; ++i) {
    series.push_back(canonical(Labels::from({{"__name__", "m" + std::to_string(i % 50)},
                                             {"instance", "host-" + std::to_string(i / 50)},
                                             {"le", std::to_string(i % 13)},
                                             {"id", "unique-" + std::to_string(i)}})
                                   .value()));
  }
  const std::size_t before = resident_bytes();
  Index index;
  std::uint32_t id = 0;
  for (const std::string& bytes : series) index.add(++id, bytes);
  const auto grown = static_cast<double>(resident_bytes() - before);
  const auto told = static_cast<double>(index.memory_bytes());
  EXPECT_GT(told, 0.85 * grown);
  EXPECT_LT(told, 1.15 * grown);
#endif
}

}  // namespace
}  // namespace hygge::storage
