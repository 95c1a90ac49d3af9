#include "storage/index/postings.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/index/block_array.h"
#include "storage/index/hash_slots.h"

namespace hygge::storage {
namespace {

std::vector<std::uint32_t> ids_of(const Postings& postings) {
  if (postings.bitmap() == nullptr) return {postings.list().begin(), postings.list().end()};
  std::vector<std::uint32_t> out(postings.bitmap()->cardinality());
  postings.bitmap()->toUint32Array(out.data());
  return out;
}

TEST(Postings, HoldWhatASetHoldsInEachOfTheirForms) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const bool rising = seed % 2 == 0;
    Postings postings{};
    std::set<std::uint32_t> model;
    std::uint32_t next = 0;
    for (std::uint32_t n = 1; n <= 2 * Postings::kMaxListed + 5; ++n) {
      next += 1 + static_cast<std::uint32_t>(random() % 100'000);
      const auto id = rising ? next : static_cast<std::uint32_t>(random());
      if (!model.insert(id).second) continue;
      postings.add(id);
      ASSERT_EQ(postings.count(), model.size());
      ASSERT_EQ(ids_of(postings), std::vector<std::uint32_t>(model.begin(), model.end()));
      ASSERT_EQ(postings.bitmap() != nullptr, model.size() > Postings::kMaxListed);
      ASSERT_TRUE(postings.contains(id));
      ASSERT_EQ(postings.contains(id + 1), model.count(id + 1) == 1);
    }
    while (!model.empty()) {
      const auto gone =
          std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
      postings.remove(*gone);
      ASSERT_FALSE(postings.contains(*gone));
      model.erase(gone);
      ASSERT_EQ(postings.count(), model.size());
      ASSERT_EQ(ids_of(postings), std::vector<std::uint32_t>(model.begin(), model.end()));
    }
    postings.release();
    EXPECT_EQ(postings.count(), 0U);
    EXPECT_EQ(postings.memory_bytes(), 0U);
  }
}

TEST(BlockArray, UnitsStandSideBySideAndStayWhatTheyAre) {
  BlockArray<std::uint32_t> array;
  std::mt19937_64 random(3);
  struct Run {
    std::uint32_t place;
    std::size_t count;
  };
  std::vector<Run> runs;
  for (int i = 0; i < 3'000; ++i) {
    // Most small, some larger than a block of 2 MiB.
    const std::size_t count = i % 500 == 499 ? 700'000 + random() % 600'000 : 1 + random() % 2'000;
    const std::uint32_t place = array.allocate(count);
    for (std::size_t k = 0; k < count; ++k) {
      ASSERT_EQ(array.at(place)[k], 0U);
      array.at(place)[k] = place + static_cast<std::uint32_t>(k);
    }
    runs.push_back({place, count});
  }
  for (const Run& run : runs) {
    for (std::size_t k = 0; k < run.count; ++k) {
      ASSERT_EQ(array.at(run.place)[k], run.place + k);
      ASSERT_EQ(*array.at(run.place + static_cast<std::uint32_t>(k)), run.place + k);
    }
  }
}

TEST(HashSlots, FindEachOfManyWithOneHash) {
  HashSlots slots;
  EXPECT_EQ(slots.find(7, [](std::uint32_t) { return true; }), std::nullopt);
  for (std::uint32_t n = 1; n <= 100; ++n) slots.add(UINT32_MAX, n);  // wraps around the end
  for (std::uint32_t n = 1; n <= 100; ++n) {
    EXPECT_EQ(slots.find(UINT32_MAX, [n](std::uint32_t at) { return at == n; }), n);
  }
  EXPECT_EQ(slots.find(UINT32_MAX, [](std::uint32_t) { return false; }), std::nullopt);
  EXPECT_EQ(slots.find(0, [](std::uint32_t) { return true; }), std::nullopt);
}

TEST(HashSlots, KeepEverythingWhileTheyGrow) {
  HashSlots slots;
  std::mt19937 random(5);
  std::vector<std::uint32_t> hashes{0};
  for (std::uint32_t n = 1; n <= 200'000; ++n) {
    hashes.push_back(static_cast<std::uint32_t>(random()));
    slots.add(hashes[n], n);
  }
  for (std::uint32_t n = 1; n <= 200'000; ++n) {
    ASSERT_EQ(slots.find(hashes[n], [n](std::uint32_t at) { return at == n; }), n);
  }
}

}  // namespace
}  // namespace hygge::storage
