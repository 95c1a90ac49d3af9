#include "storage/upkeep/seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "codec/smallest.h"
#include "model/partition.h"
#include "tests/support/damage.h"
#include "tests/support/temp_dir.h"

namespace hygge::storage {
namespace {

constexpr std::int32_t kDay = 20'500;
const TimeMs kAfter = partition_range(kDay).after;
using Samples = std::map<TimeMs, double>;
using Dump = std::vector<std::pair<ChunkKey, std::string>>;

std::shared_ptr<Store> open_store(const std::string& dir) {
  StoreOptions options;
  options.create = true;
  auto store = Store::open(dir, options);
  EXPECT_TRUE(store) << store.error().message;
  return *store;
}

// As the head writes it; `sealed`: as a seal does.
void put(Store& store, std::uint32_t series, std::uint16_t ordinal, const Samples& samples,
         std::int32_t partition = kDay, bool sealed = false) {
  std::vector<TimeMs> t;
  std::vector<double> v;
  for (const auto& [time, value] : samples) {
    t.push_back(time);
    v.push_back(value);
  }
  const auto start = static_cast<std::uint32_t>(t.front() - partition_range(partition).after);
  StoreBatch batch;
  batch.put_chunk({partition, series, start, ordinal},
                  sealed ? smallest_encoding(t, v) : encode_chunk(t, v));
  ASSERT_TRUE(store.apply(batch));
}

Samples run_of(int from, int count, double v = 1) {
  Samples out;
  for (int i = from; i < from + count; ++i) out[kAfter + 1 + i * 10'000] = v + i % 7;
  return out;
}

Dump dump(const Store& store) {
  Dump out;
  ChunkScan scan = store.scan(store.snapshot());
  for (scan.seek({std::numeric_limits<std::int32_t>::min(), 0, 0, 0}); scan.valid(); scan.next()) {
    out.emplace_back(scan.key(), as_text(scan.value()));
  }
  EXPECT_EQ(scan.error(), nullptr);
  return out;
}

// What a reader sees of a series: the higher ordinal wins.
Samples read(const Store& store, std::uint32_t series) {
  std::map<TimeMs, std::pair<std::uint16_t, double>> by_rank;
  for (const auto& [key, value] : dump(store)) {
    if (key.series != series) continue;
    ChunkSamples samples;
    EXPECT_TRUE(decode_chunk(as_bytes(value), key.start_ms(), samples));
    for (std::size_t i = 0; i < samples.t.size(); ++i) {
      auto& slot = by_rank[samples.t[i]];
      if (key.ordinal >= slot.first) slot = {key.ordinal, samples.v[i]};
    }
  }
  Samples out;
  for (const auto& [t, slot] : by_rank) out[t] = slot.second;
  return out;
}

ResealReport reseal(Store& store, std::vector<std::uint32_t> series = {},
                    const ResealOptions& options = {}) {
  auto report = reseal_partition(store, store.snapshot(), kDay, series, options);
  EXPECT_TRUE(report) << report.error().message;
  return *report;
}

std::string wrong_order(const Store& store) {
  SealedOrder order;
  for (const auto& [key, value] : dump(store)) {
    const auto envelope = read_envelope(as_bytes(value));
    std::string what =
        order.next(key, key.start_ms() + envelope->span_ms, chunk_count(as_bytes(value)).value());
    if (!what.empty()) return what;
  }
  return {};
}

TEST(Reseal, MergesCutsAndKeepsTheOtherPartitions) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (int chunk = 0; chunk < 10; ++chunk) put(*store, 7, 0, run_of(chunk * 240, 240));
  put(*store, 7, 1, run_of(100, 300, 50));
  put(*store, 7, 2, run_of(200, 5, 90));
  put(*store, 7, 3, {{kAfter + 7, 3.5}});
  put(*store, 9, 0, run_of(0, 3), kDay, /*sealed=*/true);
  put(*store, 7, 0, {{partition_range(kDay + 1).after + 5, 1}}, kDay + 1);
  put(*store, 7, 4, {{partition_range(kDay - 1).after + 5, 1}}, kDay - 1);
  const Samples before = read(*store, 7);
  const ResealReport report = reseal(*store);
  EXPECT_EQ(report.series, 2U);
  EXPECT_EQ(report.series_rewritten, 1U) << "series 9 is one chunk already";
  EXPECT_EQ(report.chunks_read, 14U);
  EXPECT_EQ(report.chunks_written, 3U);
  EXPECT_EQ(report.samples, 2'401U);
  EXPECT_EQ(read(*store, 7), before);
  const Dump after = dump(*store);
  ASSERT_EQ(after.size(), 1U + 3U + 1U + 1U);
  EXPECT_EQ(after[0].first.ordinal, 4) << "the day before is not touched";
  EXPECT_EQ(chunk_count(as_bytes(after[1].second)), 1'024U);
  EXPECT_EQ(chunk_count(as_bytes(after[2].second)), 1'024U);
  EXPECT_EQ(chunk_count(as_bytes(after[3].second)), 353U);
}

TEST(Reseal, WritesNothingWhereNothingChanges) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (int chunk = 0; chunk < 10; ++chunk) put(*store, 7, 0, run_of(chunk * 240, 240));
  reseal(*store);
  const Dump before = dump(*store);
  const ResealReport report = reseal(*store);
  EXPECT_EQ(report.series, 1U);
  EXPECT_EQ(report.series_rewritten, 0U);
  EXPECT_EQ(report.bytes_written, 0U);
  EXPECT_EQ(dump(*store), before);
}

TEST(Reseal, LeavesWhatWasPutAfterItsSnapshot) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (int chunk = 0; chunk < 10; ++chunk) put(*store, 7, 0, run_of(chunk * 240, 240));
  const StoreSnapshotPtr snapshot = store->snapshot();
  put(*store, 7, 1, run_of(5, 2, 77));
  put(*store, 8, 0, run_of(0, 2));
  ASSERT_TRUE(reseal_partition(*store, snapshot, kDay, {}, {}));
  EXPECT_EQ(read(*store, 7).at(kAfter + 1 + 50'000), 77 + 5);
  EXPECT_EQ(read(*store, 7).size(), 2'400U);
  EXPECT_EQ(read(*store, 8).size(), 2U);
  EXPECT_NE(wrong_order(*store), "");
  reseal(*store);
  EXPECT_EQ(wrong_order(*store), "");
  EXPECT_EQ(read(*store, 7).at(kAfter + 1 + 50'000), 77 + 5);
}

TEST(Reseal, DoesOnlyWhatIsListed) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (const std::uint32_t series : {1U, 2U, 3U, 4U}) {
    put(*store, series, 0, run_of(0, 5));
    put(*store, series, 1, run_of(2, 5, 10));
  }
  ResealOptions options;
  options.whole_partition = false;
  const ResealReport report = reseal(*store, {2, 3, 77}, options);
  EXPECT_EQ(report.series_rewritten, 2U);
  std::map<std::uint32_t, int> chunks;
  for (const auto& [key, value] : dump(*store)) ++chunks[key.series];
  EXPECT_EQ(chunks, (std::map<std::uint32_t, int>{{1, 2}, {2, 1}, {3, 1}, {4, 2}}));
}

TEST(Reseal, CutShortReadsTheSameAndIsDoneAgain) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (std::uint32_t series = 1; series <= 20; ++series) {
    put(*store, series, 0, run_of(0, 5));
    put(*store, series, 1, run_of(2, 5, 10));
  }
  const Samples before = read(*store, 3);
  for (std::uint64_t stop_after = 1; stop_after < 20; stop_after += 6) {
    ResealOptions options;
    options.batch_bytes = 1;
    options.go_on = [&](std::uint64_t done) { return done < stop_after; };
    const ResealReport report = reseal(*store, {}, options);
    EXPECT_FALSE(report.finished);
    EXPECT_EQ(report.series, stop_after);
    for (std::uint32_t series = 1; series <= 20; ++series) EXPECT_EQ(read(*store, series), before);
  }
  EXPECT_EQ(reseal(*store).series_rewritten, 1U) << "19 were done";
  EXPECT_EQ(wrong_order(*store), "");
}

TEST(Reseal, ADamagedChunkCostsItsSeriesTheMerge) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  for (const std::uint32_t series : {1U, 2U, 3U}) {
    put(*store, series, 0, run_of(0, 5));
    put(*store, series, 1, run_of(2, 5, 10));
  }
  StoreBatch batch;
  batch.put_chunk({kDay, 2, 1, 0}, std::string("\x00\x05garbage", 9));
  ASSERT_TRUE(store->apply(batch));
  const ResealReport report = reseal(*store, {1, 2, 3});
  EXPECT_EQ(report.damaged, std::vector<std::uint32_t>{2});
  EXPECT_EQ(report.series_rewritten, 2U);
  EXPECT_EQ(dump(*store).size(), 1U + 2U + 1U);
}

// A block whose checksum is wrong stops an iterator: the series behind it are sealed all the same.
TEST(Reseal, GoesOnBehindADamagedBlock) {
  const test::TempDir dir;
  std::vector<std::uint32_t> listed;
  {
    auto store = open_store(dir / "store");
    std::mt19937_64 random(3);
    for (std::uint32_t series = 1; series <= 200; ++series) {
      for (int half = 0; half < 2; ++half) {
        Samples samples;
        for (int i = 0; i < 120; ++i) {
          samples[kAfter + 1 + (i + half * 120) * 10'000] = static_cast<double>(random());
        }
        put(*store, series, 0, samples);
      }
      listed.push_back(series);
    }
    ASSERT_TRUE(store->flush());
  }
  const std::filesystem::path largest = test::largest_table(dir / "store");
  test::flip(largest, std::filesystem::file_size(largest) / 2, 3);
  auto store = open_store(dir / "store");
  const ResealReport report = reseal(*store, listed);
  EXPECT_TRUE(report.finished);
  EXPECT_GE(report.damaged.size(), 1U);
  EXPECT_LE(report.damaged.size(), 20U) << "a block's worth";
  EXPECT_EQ(report.series_rewritten + std::set(report.damaged.begin(), report.damaged.end()).size(),
            200U);
}

// Oracle: a std::map. Any split of the samples into chunks, late ones too, gives the same bytes.
TEST(ResealModel, AnySplitGivesTheSameBytes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    auto store = open_store(dir / "store");
    Samples all;
    const std::uint64_t count = 1 + random() % 3'000;
    for (std::uint64_t i = 0; i < count; ++i) {
      all[kAfter + 1 + static_cast<TimeMs>(random() % 86'400'000)] =
          static_cast<double>(random() % 9);
    }
    // Shuffled, in chunks of their own ordinal; some samples twice, first with another value.
    std::vector<std::pair<TimeMs, double>> shuffled(all.begin(), all.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::uint16_t ordinal = 0;
    for (std::size_t from = 0; from < shuffled.size();) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 240, shuffled.size() - from);
      Samples chunk;
      for (std::size_t i = from; i < from + length; ++i) chunk.insert(shuffled[i]);
      for (std::size_t extra = from + length; extra < std::min(from + length + 9, shuffled.size());
           ++extra) {
        chunk.emplace(shuffled[extra].first, -1.0);
      }
      put(*store, 1, ordinal++, chunk);
      from += length;
    }
    reseal(*store);
    EXPECT_EQ(wrong_order(*store), "");
    EXPECT_EQ(read(*store, 1), all);
    const Dump got = dump(*store);
    const test::TempDir other;
    auto straight = open_store(other / "store");
    put(*straight, 1, 0, all);
    reseal(*straight);
    EXPECT_EQ(got, dump(*straight));
  }
}

TEST(SealedOrder, SaysWhatASealDoesNotLeave) {
  const auto first = [](ChunkKey key, TimeMs last_ms, std::uint32_t samples) {
    SealedOrder order;
    EXPECT_EQ(order.next({kDay, 1, 1, 0}, kAfter + 1'000, 1'024), "");
    return order.next(key, last_ms, samples);
  };
  EXPECT_EQ(first({kDay, 1, 1'001, 0}, kAfter + 2'000, 3), "");
  EXPECT_NE(first({kDay, 1, 1'000, 0}, kAfter + 2'000, 3), "") << "overlaps";
  EXPECT_NE(first({kDay, 1, 1'001, 1}, kAfter + 2'000, 3), "") << "late";
  EXPECT_NE(first({kDay, 1, 1'001, 0}, kAfter + 2'000, 1'025), "") << "too long";
  EXPECT_EQ(first({kDay, 2, 5, 0}, kAfter + 2'000, 3), "") << "another series";
  SealedOrder order;
  EXPECT_EQ(order.next({kDay, 1, 1, 0}, kAfter + 1'000, 1'000), "");
  EXPECT_NE(order.next({kDay, 1, 1'001, 0}, kAfter + 2'000, 3), "") << "the first is not full";
}

}  // namespace
}  // namespace hygge::storage
