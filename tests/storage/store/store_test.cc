#include "storage/store/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/support/damage.h"
#include "tests/support/temp_dir.h"

namespace hygge::storage {
namespace {

std::shared_ptr<Store> open_store(const std::string& dir, bool read_only = false) {
  StoreOptions options;
  options.create = !read_only;
  options.read_only = read_only;
  auto store = Store::open(dir, options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? *store : nullptr;
}

TEST(ChunkKey, SortsAsItsFieldsDo) {
  std::mt19937_64 random(5);
  std::vector<ChunkKey> keys;
  for (int i = 0; i < 2'000; ++i) {
    keys.push_back({static_cast<std::int32_t>(random() % 5) - 2,
                    static_cast<std::uint32_t>(random() % 3 * 0x7fffffff),
                    static_cast<std::uint32_t>(random() % kDayMs) + 1,
                    static_cast<std::uint16_t>(random() % 3)});
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 1; i < keys.size(); ++i) {
    EXPECT_LE(encode_key(keys[i - 1]), encode_key(keys[i]));
    EXPECT_EQ(decode_chunk_key(as_bytes(encode_key(keys[i]))), keys[i]);
  }
}

TEST(ChunkKey, RefusesWhatIsNone) {
  EXPECT_FALSE(decode_chunk_key(as_bytes("short")));
  EXPECT_FALSE(decode_chunk_key(as_bytes(std::string(14, '\0'))));
  EXPECT_FALSE(decode_chunk_key(as_bytes(std::string(14, '\xff'))));
}

// A scan skips the seek where it stands right already: steps and seeks, mixed, as in a sorted set.
TEST(ChunkScan, StandsWhereASortedSetSays) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  std::mt19937_64 random(11);
  const auto random_key = [&random] {
    return ChunkKey{
        static_cast<std::int32_t>(random() % 2), static_cast<std::uint32_t>(random() % 4),
        static_cast<std::uint32_t>(random() % 3) + 1,
        random() % 4 == 0 ? std::uint16_t{0xffff} : static_cast<std::uint16_t>(random() % 2)};
  };
  std::set<ChunkKey> keys;
  StoreBatch batch;
  for (int i = 0; i < 40; ++i) {
    const ChunkKey key = random_key();
    keys.insert(key);
    batch.put_chunk(key, "chunk");
  }
  ASSERT_TRUE(store->apply(batch));
  ChunkScan scan = store->scan(store->snapshot());
  auto at = keys.begin();
  scan.seek(*at);
  for (int i = 0; i < 20'000; ++i) {
    if (at != keys.end() && random() % 3 == 0) {
      ++at;
      scan.next();
    } else {
      // Often where it stands, or right behind what it has left.
      ChunkKey key = random_key();
      if (at != keys.end() && random() % 2 == 0) key = *at;
      if (at != keys.begin() && random() % 3 == 0) key = *std::prev(at);
      at = keys.lower_bound(key);
      scan.seek(key);
    }
    ASSERT_EQ(scan.valid(), at != keys.end()) << i;
    if (at != keys.end()) {
      ASSERT_EQ(scan.key(), *at) << i;
    }
  }
}

// As a seal does it: chunks are replaced while a snapshot reads them, and RocksDB compacts
// meanwhile.
// Whatever order keys are asked for in, before and after writes that the snapshot does not have.
TEST(CellScan, FindsWhatAMapHolds) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  std::mt19937_64 random(12);
  const auto random_key = [&random] {
    return CellKey{static_cast<std::uint32_t>(random() % 2 == 0 ? kHourMs : 5 * kMinuteMs),
                   static_cast<std::int32_t>(random() % 3) - 1,
                   static_cast<std::uint32_t>(random() % 60)};
  };
  std::map<CellKey, std::string> rows;
  StoreBatch batch;
  for (int i = 0; i < 200; ++i) {
    const CellKey key = random_key();
    rows[key] = std::to_string(i);
    batch.put_cells(key, rows[key]);
  }
  ASSERT_TRUE(store->apply(batch));
  CellScan scan = store->cell_scan(store->snapshot());
  StoreBatch later;
  for (int i = 0; i < 20; ++i) later.put_cells(random_key(), "later");
  ASSERT_TRUE(store->apply(later));
  CellKey key = random_key();
  for (int i = 0; i < 20'000; ++i) {
    SCOPED_TRACE(i);
    // Mostly forwards: the same key, its neighbours, or beyond what a few steps reach.
    if (random() % 8 == 0) {
      key = random_key();
    } else {
      key.series += static_cast<std::uint32_t>(random() % 16 == 0 ? 20 : random() % 3);
    }
    const auto found = scan.find(key);
    ASSERT_TRUE(found);
    const auto want = rows.find(key);
    ASSERT_EQ(found->has_value(), want != rows.end());
    if (*found) {
      EXPECT_EQ(std::string((*found)->begin(), (*found)->end()), want->second);
    }
  }
}

TEST(Store, CompactingAPartitionLeavesNothingOfWhatWasReplaced) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  std::mt19937_64 random(3);
  const auto noise = [&random] {
    std::string out(1'000, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  };
  StoreBatch old_chunks;
  for (std::uint32_t i = 1; i <= 2'000; ++i) old_chunks.put_chunk({19'000, 7, i, 0}, noise());
  ASSERT_TRUE(store->apply(old_chunks));
  ASSERT_TRUE(store->flush());
  auto snapshot = store->snapshot();
  StoreBatch batch;
  for (std::uint32_t i = 1; i <= 2'000; ++i) batch.delete_chunk({19'000, 7, i, 0});
  batch.put_chunk({19'000, 7, 2'001, 0}, noise());
  ASSERT_TRUE(store->apply(batch));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->compact());
  EXPECT_GT(store->chunk_file_bytes(19'000), 1'900'000U) << "the snapshot needs them";
  snapshot.reset();
  ASSERT_TRUE(store->compact_partition(19'000, {}));
  EXPECT_LT(store->chunk_file_bytes(19'000), 10'000U);
  ChunkScan scan = store->scan(store->snapshot());
  scan.seek({19'000, 0, 0, 0});
  ASSERT_TRUE(scan.valid());
  EXPECT_EQ(scan.key(), (ChunkKey{19'000, 7, 2'001, 0}));
}

// Files pile up; then they are compacted as before.
TEST(Store, CompactsNothingByItselfWhileThatIsHeld) {
  const test::TempDir dir;
  const auto store = open_store(dir / "store");
  const auto add_file = [&](std::uint32_t n) {
    StoreBatch batch;
    batch.put_chunk({1, n % 3, n + 1, 0}, "chunk");
    ASSERT_TRUE(store->apply(batch));
    ASSERT_TRUE(store->flush_data());
  };
  std::uint32_t n = 0;
  {
    const auto held = store->hold_compactions();
    { const auto twice = store->hold_compactions(); }
    while (n < 40) add_file(n++);
    EXPECT_EQ(store->counters().compactions, 0U);
  }
  while (store->counters().compactions == 0 && n < 400) add_file(n++);
  EXPECT_GT(store->counters().compactions, 0U);
  std::size_t chunks = 0;
  ChunkScan scan = store->scan(store->snapshot());
  for (scan.seek({}); scan.valid(); scan.next()) ++chunks;
  EXPECT_EQ(chunks, n);
}

TEST(Store, KeepsWhatWasFlushed) {
  const test::TempDir dir;
  {
    auto store = open_store(dir / "store");
    StoreBatch batch;
    batch.put_chunk({19'000, 7, 1, 0}, "first");
    batch.put_chunk({19'000, 7, 2, 1}, "second");
    batch.put_series(7, "labels");
    batch.put_meta("high_water", "7");
    batch.put_meta("presence/1", "x");
    ASSERT_TRUE(store->apply(batch));
    ASSERT_TRUE(store->flush());
    EXPECT_GE(store->counters().flushes, 3U);
  }
  auto store = open_store(dir / "store", /*read_only=*/true);
  ChunkScan scan = store->scan(store->snapshot());
  scan.seek({19'000, 7, 0, 0});
  ASSERT_TRUE(scan.valid());
  EXPECT_EQ(as_text(scan.value()), "first");
  scan.next();
  ASSERT_TRUE(scan.valid());
  EXPECT_EQ(scan.key(), (ChunkKey{19'000, 7, 2, 1}));
  scan.next();
  EXPECT_FALSE(scan.valid());
  EXPECT_EQ(scan.error(), nullptr);
  EXPECT_EQ(store->get_meta("high_water").value(), "7");
  EXPECT_EQ(store->get_meta("absent").value(), std::nullopt);
  int presence = 0;
  ASSERT_TRUE(store->scan_meta("presence/", [&](std::string_view, Bytes) -> Result<void> {
    ++presence;
    return {};
  }));
  EXPECT_EQ(presence, 1);
  StoreBatch batch;
  batch.put_meta("a", "b");
  EXPECT_FALSE(store->apply(batch));
}

TEST(Store, ASnapshotDoesNotMove) {
  const test::TempDir dir;
  auto store = open_store(dir / "store");
  const StoreSnapshotPtr before = store->snapshot();
  StoreBatch batch;
  batch.put_chunk({1, 1, 1, 0}, "late");
  ASSERT_TRUE(store->apply(batch));
  ChunkScan scan = store->scan(before);
  scan.seek({0, 0, 0, 0});
  EXPECT_FALSE(scan.valid());
}

TEST(Store, NamesTheFileThatIsDamaged) {
  const test::TempDir dir;
  {
    auto store = open_store(dir / "store");
    StoreBatch batch;
    for (std::uint32_t series = 1; series < 2'000; ++series) {
      batch.put_chunk({1, series, 1, 0}, std::string(200, static_cast<char>(series)));
    }
    ASSERT_TRUE(store->apply(batch));
    ASSERT_TRUE(store->flush());
  }
  const std::filesystem::path largest = test::largest_table(dir / "store");
  test::flip(largest, 50'000, 3);
  auto store = open_store(dir / "store");
  std::vector<std::string> files;
  ASSERT_TRUE(store->verify_checksums(
      [&](std::string_view file, std::string_view) { files.emplace_back(file); }));
  ASSERT_EQ(files.size(), 1U);
  EXPECT_NE(files[0].find(largest.filename().string()), std::string::npos);
  ChunkScan scan = store->scan(store->snapshot());
  scan.seek({0, 0, 0, 0});
  while (scan.valid()) scan.next();
  ASSERT_NE(scan.error(), nullptr);
  EXPECT_EQ(scan.error()->code, ErrorCode::corruption);
}

}  // namespace
}  // namespace hygge::storage
