// Late chunks beyond what a pair (series, day) has ordinals for, with few of them.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <map>
#include <optional>
#include <random>

#include "storage/store/store.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kDay0 = 20'000 * kDayMs;
constexpr TimeMs kNoon = kDay0 + kDayMs / 2;
using test::Samples;

Options few(std::size_t late_chunks = 4) {
  Options options = test::manual_options(kNoon + kHourMs, Sync());
  options.tuning.late_chunks = late_chunks;
  return options;
}

void write(Db& db, Samples& model, TimeMs first, int count, double v) {
  Batch batch;
  for (int i = 0; i < count; ++i) {
    batch.add({{"__name__", "m"}}, first + i, v + i);
    model[first + i] = v + i;
  }
  const auto written = db.write(batch);
  ASSERT_TRUE(written) << written.error().message;
}

Samples read(const Db& db) { return test::read(db, "m"); }

// The ordinals of all stored chunks, of a copy of the directory.
std::map<std::uint16_t, int> ordinals(const std::string& dir) {
  storage::StoreOptions options;
  options.read_only = true;
  auto store = storage::Store::open(dir + "/store", options).value();
  std::map<std::uint16_t, int> out;
  storage::ChunkScan scan = store->scan(store->snapshot());
  for (scan.seek({std::numeric_limits<std::int32_t>::min(), 0, 0, 0}); scan.valid(); scan.next()) {
    ++out[scan.key().ordinal];
  }
  return out;
}

TEST(Crowded, LateSamplesBeyondTheirOrdinalsWaitAndAreMerged) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", few()).value());
  Samples model;
  write(*db, model, kNoon, 10, 0);
  // Full late buffers, no maintenance between: four get an ordinal, the rest stays open.
  for (int round = 0; round < 9; ++round) {
    write(*db, model, kNoon - 100'000 + round % 2 * 100, 240, 1'000 * round);
    ASSERT_EQ(read(*db), model) << round;
  }
  test::copy_directory(dir / "db", dir / "killed");
  {
    Db killed = Db::open(dir / "killed", few()).value();
    EXPECT_EQ(read(killed), model);
    ASSERT_TRUE(killed.close());
    EXPECT_EQ(ordinals(dir / "killed").begin()->first, 0U);
  }
  EXPECT_EQ(read(*Db::open_read_only(dir / "db", few())), model);
  ASSERT_TRUE(db->maintain());
  EXPECT_GT(db->stats()->late_merges, 0U);
  EXPECT_EQ(read(*db), model);
  EXPECT_TRUE(db->verify()->ok());
  test::copy_directory(dir / "db", dir / "merged");
  EXPECT_EQ(read(*Db::open(dir / "merged", few())), model);
  ASSERT_TRUE(db->close());
  for (const auto& [ordinal, count] : ordinals(dir / "db")) EXPECT_LE(ordinal, 4U) << count;
  db.emplace(Db::open(dir / "db", few()).value());
  EXPECT_EQ(db->open_report().replayed_samples, 0U) << "a close leaves nothing to replay";
  EXPECT_EQ(read(*db), model);
}

TEST(Crowded, ACloseAFlushAndASealMergeFirst) {
  const test::TempDir dir;
  for (const int how : {0, 1, 2}) {
    SCOPED_TRACE(how);
    const std::string path = dir / std::to_string(how);
    Db db = Db::open(path, few(2)).value();
    Samples model;
    write(db, model, kNoon, 1, 0);
    for (int round = 1; round < 8; ++round) write(db, model, kNoon - 1'000, 240, round);
    const Result<void> done = how == 0       ? db.close()
                              : how == 1     ? db.flush()
                              : db.compact() ? Result<void>()
                                             : fail(ErrorCode::io, "compact");
    ASSERT_TRUE(done) << done.error().message;
    Db after = Db::open_read_only(path, few(2)).value();
    EXPECT_EQ(after.open_report().replayed_samples, 0U);
    EXPECT_EQ(read(after), model);
    EXPECT_TRUE(after.verify()->ok());
  }
}

// A delete, and a write of the same times after it, while the buffer cannot close.
TEST(Crowded, DeletesMeetOpenBuffers) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", few(2)).value();
  Samples model;
  write(db, model, kNoon, 1, 0);
  for (int round = 1; round < 6; ++round) write(db, model, kNoon - 1'000, 240, round);
  ASSERT_TRUE(db.erase(selector("m").value(), {kNoon - 950, kNoon - 900}));
  for (TimeMs t = kNoon - 949; t <= kNoon - 900; ++t) model.erase(t);
  EXPECT_EQ(read(db), model);
  write(db, model, kNoon - 930, 10, 77);
  EXPECT_EQ(read(db), model);
  test::copy_directory(dir / "db", dir / "killed");
  Db killed = Db::open(dir / "killed", few(2)).value();
  EXPECT_EQ(read(killed), model);
  for (Db* const one : {&db, &killed}) {
    ASSERT_TRUE(one->maintain());
    EXPECT_EQ(read(*one), model);
    ASSERT_TRUE(one->flush());
    EXPECT_EQ(read(*one), model);
    EXPECT_TRUE(one->verify()->ok());
  }
}

// A directory written with more ordinals than are allowed now.
TEST(Crowded, AnOpenThatAllowsFewerGoesOn) {
  const test::TempDir dir;
  Samples model;
  {
    Db db = Db::open(dir / "db", few(1'000)).value();
    write(db, model, kNoon, 1, 0);
    for (int i = 1; i < 40; ++i) {
      write(db, model, kNoon - i, 1, i);
      ASSERT_TRUE(db.flush());
    }
  }
  Db db = Db::open(dir / "db", few()).value();
  write(db, model, kNoon - 7, 1, -1);
  write(db, model, kNoon - 50, 1, -2);
  EXPECT_EQ(read(db), model);
  ASSERT_TRUE(db.maintain());
  EXPECT_EQ(read(db), model);
  ASSERT_TRUE(db.close());
  for (const auto& [ordinal, count] : ordinals(dir / "db")) EXPECT_LE(ordinal, 4U) << count;
}

// Oracle: a std::map. Late single samples over and over, flushes, kills.
TEST(Crowded, ReadsWhatTheMapHolds) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    std::string path = dir / "0";
    std::optional<Db> db(Db::open(path, few(2 + random() % 4)).value());
    Samples model;
    write(*db, model, kNoon, 1, 0);
    for (int step = 0; step < 100; ++step) {
      const std::uint64_t what = random() % 20;
      const auto at = static_cast<TimeMs>(random() % 40);
      if (what < 14) write(*db, model, kNoon - at, 1, static_cast<double>(random() % 1'000));
      if (what == 14) write(*db, model, kNoon + step, 1, step);
      if (what == 15) write(*db, model, kNoon - 1'000 - at, 240, step);
      if (what == 16) {
        ASSERT_TRUE(db->flush());
      }
      if (what == 17) {
        ASSERT_TRUE(db->maintain());
      }
      if (what == 18) {
        const TimeRange range{kNoon - at - 3, kNoon - at};
        ASSERT_TRUE(db->erase(selector("m").value(), range));
        std::erase_if(model, [&](const auto& one) { return range.contains(one.first); });
      }
      if (what == 19) {
        const std::string next = dir / std::to_string(step + 1);
        test::copy_directory(path, next);
        db.reset();
        path = next;
        db.emplace(Db::open(path, few(2 + random() % 4)).value());
      }
      ASSERT_EQ(read(*db), model) << step;
    }
    EXPECT_TRUE(db->verify()->ok());
  }
}

}  // namespace
}  // namespace hygge
