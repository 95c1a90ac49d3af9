#include "storage/index/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "model/canonical.h"

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

TEST(Index, FindsManyAtOnceAsOneByOne) {
  Index index;
  std::vector<std::string> sets;
  for (std::uint32_t i = 0; i < 100; ++i) {
    std::vector<Label> list{{"__name__", "up"}, {"job", std::to_string(i)}};
    sets.push_back(canonical(labels(list)));
    if (i % 3 != 0) add(index, 1'000 + i, list);
  }
  sets.emplace_back();
  const std::vector<std::string_view> asked(sets.begin(), sets.end());
  std::vector<std::optional<std::uint32_t>> found(asked.size(), 7);
  index.find(asked, found);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(found[i], index.find(asked[i])) << i;
    EXPECT_EQ(found[i].has_value(), i < 100 && i % 3 != 0) << i;
  }
  index.find({}, {});
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

TEST(Index, AnEmptyIndexAnswers) {
  const Index index;
  EXPECT_EQ(index.find(""), std::nullopt);
  EXPECT_EQ(index.find("x"), std::nullopt);
  EXPECT_FALSE(index.contains(0));
  EXPECT_FALSE(index.contains(UINT32_MAX));
  EXPECT_EQ(index.series_count(), 0U);
  EXPECT_TRUE(index.label_names().empty());
  EXPECT_TRUE(index.label_values("job").empty());
  EXPECT_EQ(select(index, {{"job", MatchOp::equal, ""}}), Ids{});
  EXPECT_EQ(select(index, {}), Ids{});
}

TEST(Index, SelectsByTwoMatchersOnOneLabel) {
  Index index;
  for (std::uint32_t id = 1; id <= 9; ++id) {
    add(index, id, {{"__name__", "up"}, {"job", "j" + std::to_string(id)}});
  }
  add(index, 10, {{"__name__", "up"}});
  EXPECT_EQ(
      select(index, {{"job", MatchOp::regex, "j[1-4]"}, {"job", MatchOp::not_regex, "j[12]"}}),
      (Ids{3, 4}));
  EXPECT_EQ(select(index, {{"job", MatchOp::equal, "j1"}, {"job", MatchOp::equal, "j2"}}), Ids{});
  EXPECT_EQ(select(index, {{"job", MatchOp::not_equal, ""}, {"job", MatchOp::regex, "j[89]|"}}),
            (Ids{8, 9}));
}

TEST(Index, KeepsIdsWithGapsAndExtremes) {
  Index index;
  const Ids ids{0, 1, 1'000, 70'000, 5'000'000, 4'000'000'000, UINT32_MAX};
  for (const std::uint32_t id : ids) {
    add(index, id, {{"__name__", "up"}, {"n", std::to_string(id)}});
  }
  EXPECT_EQ(select(index, {{"__name__", MatchOp::equal, "up"}}), ids);
  for (const std::uint32_t id : ids) {
    SCOPED_TRACE(id);
    const Labels expected = labels({{"__name__", "up"}, {"n", std::to_string(id)}});
    EXPECT_TRUE(index.contains(id));
    EXPECT_EQ(index.labels(id), expected);
    EXPECT_EQ(index.find(canonical(expected)), id);
  }
  EXPECT_FALSE(index.contains(2));
  EXPECT_FALSE(index.contains(4'000'000'001));
  EXPECT_LT(index.memory_bytes(), 64U << 20U) << "an id far away costs no memory in between";
}

// Commits may reach the index in another order than that in which their ids were given out.
TEST(Index, SelectsSortedWhateverTheOrderOfIds) {
  Index index;
  std::vector<std::uint32_t> order(1'000);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(3 * i + 1);
  const Ids expected = order;
  std::mt19937_64 random(7);
  std::shuffle(order.begin(), order.end(), random);
  for (const std::uint32_t id : order) {
    add(index, id,
        {{"__name__", "up"}, {"n", std::to_string(id)}, {"few", std::to_string(id / 90)}});
  }
  EXPECT_EQ(select(index, {{"__name__", MatchOp::equal, "up"}}), expected);
  Ids few;
  std::copy_if(expected.begin(), expected.end(), std::back_inserter(few),
               [](std::uint32_t id) { return id / 90 == 7; });
  EXPECT_EQ(select(index, {{"few", MatchOp::equal, "7"}}), few);
}

TEST(Index, KeepsLabelsOfAnyLengthAndNumber) {
  Index index;
  std::vector<std::string> series;
  const std::size_t sizes[] = {1, 7, 8, 127, 128, 16'384, 3U << 20U, 10U << 20U, 5};
  for (const std::size_t size : sizes) {
    series.push_back(canonical(labels({{"__name__", "big"}, {"v", std::string(size, 'x')}})));
  }
  std::string many;  // more than a block of the table holds
  for (int i = 0; i < 600'000; ++i) {
    put_text(many, "n" + std::to_string(1'000'000 + i));
    put_text(many, "v");
  }
  series.push_back(many);
  series.push_back(canonical(labels({{"__name__", "small"}})));
  std::uint32_t id = 0;
  for (const std::string& bytes : series) index.add(++id, bytes);
  id = 0;
  for (const std::string& bytes : series) {
    SCOPED_TRACE(id);
    EXPECT_EQ(index.find(bytes), ++id);
    EXPECT_TRUE(index.canonical(id) == bytes);
  }
}

TEST(Index, RefusesAnInvalidRegex) {
  Index index;
  add(index, 1, {{"job", "a"}});
  for (const char* name : {"job", "absent"}) {
    for (const MatchOp op : {MatchOp::regex, MatchOp::not_regex}) {
      const auto ids = index.select({{{"job", MatchOp::equal, "none"}, {name, op, "a("}}});
      ASSERT_FALSE(ids);
      EXPECT_EQ(ids.error().code, ErrorCode::parse);
    }
  }
}

TEST(Index, AHostileRegexIsBoundedOverManyValues) {
  Index index;
  for (std::uint32_t id = 1; id <= 200; ++id) {
    add(index, id, {{"v", std::string(1'000, 'a') + std::to_string(id)}});
  }
  EXPECT_EQ(select(index, {{"v", MatchOp::regex, "(a*)*b"}}), Ids{});
}

TEST(Index, ManyRegexesDoNotFillTheMemory) {
  Index index;
  for (std::uint32_t id = 1; id <= 5'000; ++id) {
    add(index, id, {{"v", std::to_string(id)}});
  }
  const std::size_t before = index.memory_bytes();
  for (int i = 0; i < 300; ++i) {
    select(index, {{"v", MatchOp::not_regex, "x" + std::to_string(i) + ".?"}});
    select(index, {{"v", MatchOp::regex, ".+|x" + std::to_string(i)}});
  }
  EXPECT_GT(index.memory_bytes(), before) << "answers are kept, and counted";
  EXPECT_LT(index.memory_bytes(), before + (8U << 20U));
}

TEST(Index, SelectsBesideOtherSelects) {
  Index index;
  for (std::uint32_t id = 1; id <= 2'000; ++id) {
    add(index, id, {{"__name__", "m"}, {"v", std::to_string(id % 500)}});
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto ids = index.select({{{"v", MatchOp::regex, std::to_string(i % 40) + "[0-9]?"}}});
        // n itself and n0 … n9; for 0 the second digit makes no value.
        const std::size_t expected = i % 40 == 0 ? 4 : 44;
        if (!ids || ids->size() != expected) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace hygge::storage
