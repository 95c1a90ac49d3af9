#include "storage/head/head.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "model/partition.h"

namespace hygge::storage {
namespace {

constexpr TimeMs kNoon = 19'000 * kDayMs + kDayMs / 2;

Head::Outcome append(Head& head, std::uint32_t series, TimeMs t_ms, double v,
                     std::uint64_t sequence = 1) {
  const auto partition = static_cast<std::int32_t>(partition_of(t_ms));
  if (!head.knows(series, partition)) head.adopt(series, partition, {});
  return head.append(series, t_ms, v, sequence, /*minute=*/0);
}

// Everything that the head holds of a series; late samples beat those in order.
std::map<TimeMs, double> read(const Head& head, std::uint32_t series,
                              TimeRange range = everything()) {
  std::vector<HeadPiece> pieces;
  head.capture(series, range, pieces);
  std::map<std::pair<TimeMs, int>, double> ranked;
  for (const HeadPiece& piece : pieces) {
    const std::string& value = piece.waiting ? piece.waiting->value : piece.value;
    ChunkSamples samples{piece.waiting ? piece.waiting->late_t : piece.late_t,
                         piece.waiting ? piece.waiting->late_v : piece.late_v};
    if (!value.empty()) {
      const auto decoded = decode_chunk(as_bytes(value), piece.key.start_ms(), samples);
      EXPECT_TRUE(decoded) << decoded.error().message;
    }
    for (std::size_t i = 0; i < samples.t.size(); ++i) {
      ranked[{samples.t[i], piece.key.ordinal}] = samples.v[i];
    }
  }
  std::map<TimeMs, double> out;
  for (const auto& [at, v] : ranked) out[at.first] = v;
  return out;
}

TEST(Head, ClosesAChunkAt240Samples) {
  Head head;
  for (int i = 0; i < 241; ++i) append(head, 1, kNoon + i, i);
  ASSERT_EQ(head.waiting().size(), 1U);
  EXPECT_EQ(chunk_count(as_bytes(head.waiting()[0]->value)).value(), 240U);
  EXPECT_EQ(read(head, 1).size(), 241U);
}

TEST(Head, ClosesAChunkAtTwoHours) {
  Head head;
  append(head, 1, kNoon, 1);
  append(head, 1, kNoon + kHeadChunkSpanMs - 1, 2);
  EXPECT_TRUE(head.waiting().empty());
  append(head, 1, kNoon + kHeadChunkSpanMs, 3);
  EXPECT_EQ(head.waiting().size(), 1U);
}

TEST(Head, ClosesAChunkAtMidnight) {
  Head head;
  const TimeMs midnight = 19'001 * kDayMs;
  append(head, 1, midnight - 1, 1);
  append(head, 1, midnight, 2);
  EXPECT_TRUE(head.waiting().empty()) << "midnight belongs to the day it ends";
  append(head, 1, midnight + 1, 3);
  ASSERT_EQ(head.waiting().size(), 1U);
  EXPECT_EQ(head.waiting()[0]->last_ms, midnight);
  append(head, 1, midnight + 2 * kDayMs, 4);
  append(head, 1, midnight - 5, 5);
  EXPECT_EQ(read(head, 1).size(), 5U);
}

TEST(Head, TellsWhatBecameOfASample) {
  Head head;
  EXPECT_EQ(append(head, 1, kNoon, 1), Head::Outcome::in_order);
  EXPECT_EQ(append(head, 1, kNoon, 1), Head::Outcome::duplicate);
  EXPECT_EQ(append(head, 1, kNoon, 2), Head::Outcome::replaced);
  EXPECT_EQ(append(head, 1, kNoon, 2), Head::Outcome::duplicate);
  EXPECT_EQ(append(head, 1, kNoon - 10, 3), Head::Outcome::late);
  EXPECT_EQ(append(head, 1, kNoon - 10, 3), Head::Outcome::duplicate);
  EXPECT_EQ(read(head, 1), (std::map<TimeMs, double>{{kNoon - 10, 3}, {kNoon, 2}}));
}

TEST(Head, WhatTheStoreHoldsMakesASampleLate) {
  Head head;
  head.adopt(1, static_cast<std::int32_t>(partition_of(kNoon)), {kNoon, 4});
  EXPECT_EQ(head.append(1, kNoon, 1, 1, 0), Head::Outcome::late);
  EXPECT_EQ(head.append(1, kNoon + 1, 1, 1, 0), Head::Outcome::in_order);
  head.close_all();
  for (const WaitingChunkPtr& chunk : head.waiting()) {
    EXPECT_EQ(chunk->key.ordinal, chunk->late() ? 4 : 0);
  }
}

TEST(Head, KnowsTheLowestSequenceItHolds) {
  Head head;
  EXPECT_EQ(head.lowest_sequence(), std::nullopt);
  append(head, 1, kNoon, 1, 5);
  append(head, 2, kNoon, 1, 7);
  append(head, 1, kNoon - 1, 1, 9);
  EXPECT_EQ(head.lowest_sequence(), 5U);
  head.close_all();
  EXPECT_EQ(head.lowest_sequence(), 5U);
  head.drop(head.waiting());
  EXPECT_EQ(head.lowest_sequence(), std::nullopt);
  EXPECT_EQ(head.sample_count(), 0U);
  EXPECT_EQ(head.waiting_bytes(), 0U);
}

TEST(Head, SilenceCloses) {
  Head head;
  const auto partition = static_cast<std::int32_t>(partition_of(kNoon));
  head.adopt(1, partition, {});
  head.adopt(2, partition, {});
  head.append(1, kNoon, 1, 1, /*minute=*/10);
  head.append(2, kNoon, 1, 1, /*minute=*/11);
  head.close_idle(11);
  ASSERT_EQ(head.waiting().size(), 1U);
  EXPECT_EQ(head.waiting()[0]->key.series, 1U);
}

TEST(Head, RemembersTheBirth) {
  Head head;
  append(head, 1, kNoon, 1);
  append(head, 1, kNoon - 100, 1);
  EXPECT_EQ(head.birth_ms(1), kNoon - 100);
  EXPECT_EQ(head.take_new_births(), std::vector<std::uint32_t>{1});
  append(head, 1, kNoon + 1, 1);
  EXPECT_TRUE(head.take_new_births().empty());
}

// Each ordinal once: with all of them used, a late buffer stays open and loses nothing.
TEST(HeadLate, NoOrdinalIsGivenOutTwice) {
  Head head;
  append(head, 1, kNoon, 0);
  std::set<std::uint16_t> ordinals;
  constexpr int kRounds = 65'600;
  for (int i = 1; i <= kRounds; ++i) {
    append(head, 1, kNoon - i, i, static_cast<std::uint64_t>(i));
    head.close_late();
    const auto waiting = head.waiting();
    for (const WaitingChunkPtr& chunk : waiting) {
      EXPECT_TRUE(ordinals.insert(chunk->key.ordinal).second) << chunk->key.ordinal;
    }
    head.drop(waiting);
  }
  EXPECT_EQ(ordinals.size(), kMaxOrdinal - 1U);
  EXPECT_FALSE(ordinals.contains(0));
  EXPECT_FALSE(ordinals.contains(kMaxOrdinal)) << "an open buffer is captured under it";
  EXPECT_EQ(read(head, 1).size(), kRounds + 1U - ordinals.size());
  EXPECT_EQ(head.lowest_sequence(), 1U) << "the first sample of the open chunk";
}

TEST(HeadLate, ACrowdedPairIsHeldUntilItIsMerged) {
  Head head(/*late_chunks=*/4);
  append(head, 1, kNoon, 0);
  for (int i = 1; i <= 2; ++i) {
    EXPECT_FALSE(head.crowded());
    append(head, 1, kNoon - i, i);
    head.close_late();
  }
  EXPECT_TRUE(head.crowded());
  append(head, 1, kNoon - 3, 3);
  const auto pairs = head.hold_crowded();
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(head.open_count(), 0U);
  append(head, 1, kNoon - 4, 4);
  head.close_all();
  EXPECT_EQ(head.open_count(), 1U) << "held";
  head.release(pairs[0], /*merged=*/false);
  EXPECT_TRUE(head.crowded()) << "tried again";
  ASSERT_EQ(head.hold_crowded().size(), 1U);
  append(head, 1, kNoon - 5, 5);
  head.release(pairs[0], /*merged=*/true);
  EXPECT_FALSE(head.crowded());
  head.drop(head.waiting());
  append(head, 1, kNoon - 6, 6);
  head.close_all();
  ASSERT_EQ(head.waiting().size(), 1U);
  EXPECT_EQ(head.waiting()[0]->key.ordinal, 1U);
}

// What the store said before a merge may be adopted after it: nothing may get stuck by that.
TEST(HeadLate, APairAdoptedBesideAMergeIsMergedAgain) {
  Head head(/*late_chunks=*/4);
  const auto day = static_cast<std::int32_t>(partition_of(kNoon));
  head.adopt(1, day, {kNoon, 5, true});
  head.forget(1, day);
  const auto pairs = head.hold_crowded();
  ASSERT_EQ(pairs.size(), 1U);
  head.adopt(1, day, {kNoon, 5, true});
  head.release(pairs[0], /*merged=*/true);
  append(head, 1, kNoon - 1, 1);
  head.close_all();
  EXPECT_EQ(head.open_count(), 1U) << "no ordinal is left, as far as the head knows";
  ASSERT_EQ(head.hold_crowded().size(), 1U);
  head.release(pairs[0], /*merged=*/true);
  head.close_all();
  EXPECT_EQ(head.open_count(), 0U);
  EXPECT_FALSE(head.crowded());
}

// A chunk holds 65,535 samples at most.
TEST(HeadLate, ABufferThatGrewBeyondAChunkClosesInPieces) {
  Head head(/*late_chunks=*/2);
  append(head, 1, kNoon, 0);
  for (int i = 1; i <= 2; ++i) {
    append(head, 1, kNoon - i, i);
    head.close_late();
  }
  head.drop(head.waiting());
  constexpr int kSamples = 70'000;
  for (int i = 0; i < kSamples; ++i) append(head, 1, kNoon - 100 - kSamples + i, i);
  for (const Head::Pair& pair : head.hold_crowded()) head.release(pair, /*merged=*/true);
  head.close_all();
  EXPECT_EQ(head.open_count(), 0U);
  std::size_t samples = 0;
  std::set<TimeMs> starts;
  for (const WaitingChunkPtr& chunk : head.waiting()) {
    if (!chunk->late()) continue;
    EXPECT_EQ(chunk->key.ordinal, 1U);
    EXPECT_TRUE(starts.insert(chunk->key.start_ms()).second);
    EXPECT_LE(chunk->sample_count(), 240U);
    samples += chunk->sample_count();
  }
  EXPECT_EQ(samples, kSamples + 0U);
  EXPECT_EQ(head.sample_count(), read(head, 1).size());
}

TEST(HeadLate, WhatTheStoreHoldsCountsAsUsed) {
  Head head(/*late_chunks=*/4);
  head.adopt(1, static_cast<std::int32_t>(partition_of(kNoon)), {kNoon, 5, true});
  EXPECT_TRUE(head.crowded());
  append(head, 1, kNoon - 1, 1);
  head.close_all();
  EXPECT_TRUE(head.waiting().empty());
  EXPECT_EQ(read(head, 1).size(), 1U);
}

TEST(HeadLate, ADeleteTakesSamplesOutOfABufferThatCannotClose) {
  Head head(/*late_chunks=*/2);
  append(head, 1, kNoon, 0, 1);
  for (int i = 1; i <= 2; ++i) {
    append(head, 1, kNoon - i, i, 2);
    head.close_late();
  }
  append(head, 1, kNoon - 3, 3, 3);
  append(head, 1, kNoon - 4, 4, 3);
  const std::uint32_t id = 1;
  static_cast<void>(head.erase(std::span(&id, 1), {kNoon - 4, kNoon}));
  EXPECT_EQ(read(head, 1), (std::map<TimeMs, double>{{kNoon - 4, 4}}));
  append(head, 1, kNoon - 3, 5, 9);
  EXPECT_EQ(head.sample_count(), 2U);
  for (const Head::Pair& pair : head.hold_crowded()) head.release(pair, /*merged=*/true);
  head.close_all();
  ASSERT_EQ(head.waiting().size(), 1U);
  EXPECT_EQ(head.waiting()[0]->last_sequence, 9U) << "a delete before it holds it back";
  static_cast<void>(head.erase(std::span(&id, 1), everything()));
  EXPECT_EQ(head.sample_count(), 0U);
  EXPECT_EQ(head.open_count(), 0U);
}

// Oracle: a std::map; the last write of a time wins. The trace is the seed to repeat.
TEST(HeadModel, ReadsWhatTheMapHolds) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Head head;
    std::map<TimeMs, double> oracle;
    TimeMs newest = kNoon;
    for (int step = 0; step < 400; ++step) {
      // Mostly in order, some late, some twice, now and then the next day.
      const std::uint64_t kind = random() % 10;
      TimeMs t = newest;
      if (kind < 6) t = newest += static_cast<TimeMs>(random() % 20'000) + 1;
      if (kind >= 6 && kind < 9) t = newest - static_cast<TimeMs>(random() % 64'000);
      if (random() % 200 == 0) t = newest += kDayMs;
      const double v = static_cast<double>(random() % 4);
      append(head, 3, t, v);
      oracle[t] = v;
      if (random() % 50 == 0) head.close_late();
      if (random() % 80 == 0) head.close_all();
    }
    ASSERT_EQ(read(head, 3), oracle);
  }
}

}  // namespace
}  // namespace hygge::storage
