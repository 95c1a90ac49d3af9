#include "storage/db/partitions.h"

#include <gtest/gtest.h>

#include <roaring/roaring.hh>

#include "model/partition.h"

namespace hygge::storage {
namespace {

constexpr std::int32_t kDay = 20'000;
constexpr TimeMs kNow = 1'800'000'000'000;
using Ids = std::vector<std::uint32_t>;

TimeMs inside(std::int32_t partition) { return partition_range(partition).after + 1; }

void touch(Partitions& partitions, std::int32_t partition, std::uint32_t series) {
  Partitions::Toucher(partitions, kNow).touch(series, inside(partition));
}

void seal(Partitions& partitions, PartitionState state = PartitionState::sealed) {
  partitions.begin(kDay);
  partitions.finish(kDay, state, {}, kNow);
}

// As an open does, from what the changes left in `meta`.
Partitions reloaded(Partitions& partitions) {
  Partitions out;
  for (const auto& [name, value] : partitions.take_changes()) {
    if (!value) continue;
    const bool state = name.starts_with(Partitions::kStatePrefix);
    const auto loaded =
        state ? out.load_state(name, as_bytes(*value)) : out.load_dirty(name, as_bytes(*value));
    EXPECT_TRUE(loaded) << loaded.error().message;
  }
  return out;
}

TEST(Partitions, AnOpenPartitionMarksNothing) {
  Partitions partitions;
  touch(partitions, kDay, 7);
  EXPECT_EQ(partitions.state(kDay), PartitionState::open);
  EXPECT_TRUE(partitions.take_changes().empty());
  EXPECT_EQ(partitions.touched_ms(kDay), kNow);
  EXPECT_EQ(partitions.touched_ms(kDay + 1), Partitions::kNever);
}

TEST(Partitions, ASampleOfAReplayBringsBackWhatHadExpired) {
  Partitions partitions;
  partitions.expire(kDay, 5);
  partitions.expire(kDay, 6);
  touch(partitions, kDay, 5);
  EXPECT_FALSE(partitions.expired(kDay, 5));
  EXPECT_TRUE(partitions.expired(kDay, 6));
  EXPECT_EQ(partitions.state(kDay), PartitionState::open);
}

TEST(Partitions, ASampleForASealedOneMarksItsSeries) {
  Partitions partitions;
  seal(partitions);
  touch(partitions, kDay, 7);
  touch(partitions, kDay, 3);
  touch(partitions, kDay + 1, 9);
  EXPECT_EQ(partitions.dirty(kDay), (Ids{3, 7}));
  EXPECT_EQ(partitions.dirty_partitions(), (std::vector<std::int32_t>{kDay}));
  const Partitions again = reloaded(partitions);
  EXPECT_EQ(again.state(kDay), PartitionState::sealed);
  EXPECT_EQ(again.dirty(kDay), (Ids{3, 7}));
  EXPECT_TRUE(again.dirty(kDay, 7));
  EXPECT_FALSE(again.dirty(kDay, 9));
}

TEST(Partitions, WhatComesDuringASealIsDirtyAfterIt) {
  Partitions partitions;
  partitions.begin(kDay);
  touch(partitions, kDay, 7);
  EXPECT_TRUE(partitions.take_changes().empty()) << "the partition is still open";
  EXPECT_FALSE(partitions.dirty(kDay, 7));
  partitions.finish(kDay, PartitionState::sealed, {}, kNow);
  EXPECT_EQ(reloaded(partitions).dirty(kDay), Ids{7});
}

TEST(Partitions, ARedoClearsWhatItSawAndNothingElse) {
  Partitions partitions;
  seal(partitions);
  for (const std::uint32_t series : {1U, 2U, 3U}) touch(partitions, kDay, series);
  partitions.begin(kDay);
  touch(partitions, kDay, 2);
  touch(partitions, kDay, 9);
  EXPECT_EQ(reloaded(partitions).dirty(kDay), (Ids{1, 2, 3, 9})) << "a crash now: all again";
  const Ids left{3};
  partitions.finish(kDay, PartitionState::sealed, left, kNow);
  EXPECT_EQ(partitions.dirty(kDay), (Ids{2, 3, 9}));
  EXPECT_EQ(reloaded(partitions).dirty(kDay), (Ids{2, 3, 9}));
}

TEST(Partitions, AStepCutShortLeavesAllAsItWas) {
  Partitions partitions;
  partitions.begin(kDay);
  touch(partitions, kDay, 7);
  partitions.abandon(kDay);
  EXPECT_EQ(partitions.state(kDay), PartitionState::open);
  EXPECT_EQ(partitions.dirty_count(kDay), 0U);
  seal(partitions);
  touch(partitions, kDay, 1);
  partitions.begin(kDay);
  touch(partitions, kDay, 2);
  partitions.abandon(kDay);
  EXPECT_EQ(partitions.dirty(kDay), (Ids{1, 2}));
}

TEST(Partitions, OneSealedEarlyIsOpenedByItsNextSample) {
  Partitions partitions;
  seal(partitions, PartitionState::sealed_early);
  EXPECT_EQ(reloaded(partitions).state(kDay), PartitionState::sealed_early);
  touch(partitions, kDay, 1);
  EXPECT_EQ(partitions.state(kDay), PartitionState::open);
  const MetaChanges changes = partitions.take_changes();
  ASSERT_EQ(changes.size(), 4U);
  for (const auto& [name, value] : changes) EXPECT_FALSE(value) << name << " stays";
  partitions.begin(kDay);
  touch(partitions, kDay, 1);
  partitions.finish(kDay, PartitionState::sealed_early, {}, kNow);
  EXPECT_EQ(partitions.state(kDay), PartitionState::open) << "one came during the seal";
}

TEST(Partitions, ACopyDoesNotMove) {
  Partitions partitions;
  seal(partitions);
  touch(partitions, kDay, 1);
  const Partitions copy = partitions;
  touch(partitions, kDay, 2);
  EXPECT_EQ(copy.dirty(kDay), Ids{1});
}

TEST(Partitions, RefusesDamagedEntries) {
  Partitions partitions;
  EXPECT_EQ(partitions.load_state("partition/80004e20", as_bytes("")).error().code,
            ErrorCode::corruption);
  EXPECT_EQ(partitions.load_state("partition/80004e20", as_bytes("\x09")).error().code,
            ErrorCode::version);
  EXPECT_EQ(partitions.load_state("partition/8000", as_bytes("\x01")).error().code,
            ErrorCode::corruption);
  EXPECT_EQ(partitions.load_dirty("dirty/80004e20", as_bytes("no set")).error().code,
            ErrorCode::corruption);
  EXPECT_EQ(partitions.load_dirty("dirty/80004G20", as_bytes("")).error().code,
            ErrorCode::corruption);
}

}  // namespace
}  // namespace hygge::storage
