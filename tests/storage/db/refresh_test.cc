// A reader that catches up, and copies through an open handle.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 20'000 * kDayMs;
using test::count_samples;

Options manual() { return test::manual_options(kStart + kDayMs, Sync()); }

void write(Db& db, int first, int count) {
  Batch batch;
  for (int i = first; i < first + count; ++i) {
    batch.add({{"__name__", "m"}}, kStart + i * kSecondMs, i);
  }
  const auto written = db.write(batch);
  ASSERT_TRUE(written) << written.error().message;
}

TEST(Refresh, AReaderSeesWhatCameSince) {
  const test::TempDir dir;
  Db writer = Db::open(dir / "db", manual()).value();
  write(writer, 1, 10);
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  const View before = reader.view({selector("m").value()}, everything()).value();
  write(writer, 11, 300);
  EXPECT_EQ(count_samples(reader, "m"), 10U) << "as it was opened";
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(count_samples(reader, "m"), 310U);
  EXPECT_EQ(reader.time_bounds()->last_ms, kStart + 310 * kSecondMs);
  EXPECT_EQ(count_samples(before), 10U) << "views stay as they are";
  ASSERT_TRUE(writer.compact());
  ASSERT_TRUE(writer.erase(selector("m").value(), {kStart, kStart + 100 * kSecondMs}));
  ASSERT_TRUE(writer.set_retention_cap(1U << 30U));
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(count_samples(reader, "m"), 210U);
  EXPECT_EQ(reader.retention().cap_bytes, 1U << 30U);
  ASSERT_TRUE(writer.refresh()) << "nothing to do";
  ASSERT_TRUE(writer.close());
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(count_samples(reader, "m"), 210U);
  EXPECT_EQ(reader.open_report().replayed_samples, 0U);
}

TEST(Refresh, AFailedOneLeavesTheReaderAsItWas) {
  const test::TempDir dir;
  {
    Db writer = Db::open(dir / "db", manual()).value();
    write(writer, 1, 10);
  }
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  std::filesystem::rename(dir / "db", dir / "away");
  EXPECT_EQ(reader.refresh().error().code, ErrorCode::not_found);
  EXPECT_EQ(count_samples(reader, "m"), 10U);
  std::filesystem::rename(dir / "away", dir / "db");
  EXPECT_TRUE(reader.refresh());
  EXPECT_TRUE(reader.close());
  EXPECT_EQ(reader.refresh().error().code, ErrorCode::invalid_argument);
}

TEST(Refresh, BesideAWriterAndOtherReadsItNeverGoesBack) {
  const test::TempDir dir;
  Options options = manual();
  options.maintenance = Maintenance::thread;
  options.tuning.put_bytes = 4 * 1024;
  options.tuning.mark_bytes = 16 * 1024;
  options.tuning.log_segment_bytes = 8 * 1024;
  Db writer = Db::open(dir / "db", options).value();
  write(writer, 1, 1);
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  std::atomic<bool> done{false};
  std::thread writes([&] {
    for (int i = 0; i < 200; ++i) write(writer, 2 + i * 50, 50);
    done = true;
  });
  std::thread reads([&] {
    while (!done) {
      EXPECT_GE(count_samples(reader, "m"), 1U);
      EXPECT_TRUE(reader.stats());
      EXPECT_TRUE(reader.time_bounds());
    }
  });
  std::size_t before = 0;
  while (!done) {
    const auto refreshed = reader.refresh();
    ASSERT_TRUE(refreshed) << refreshed.error().message;
    const std::size_t now = count_samples(reader, "m");
    EXPECT_GE(now, before);
    before = now;
  }
  writes.join();
  reads.join();
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(count_samples(reader, "m"), 10'001U);
}

TEST(Copies, ThroughAnOpenHandleHoldEveryAcknowledgedBatch) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, 1, 500);
  ASSERT_TRUE(db.erase(selector("m").value(), {kStart, kStart + 100 * kSecondMs}));
  ASSERT_TRUE(db.clone(dir / "clone"));
  ASSERT_TRUE(db.snapshot(dir / "snapshot"));
  EXPECT_EQ(db.clone(dir / "clone").error().code, ErrorCode::already_exists);
  write(db, 501, 1);
  Db clone = Db::open(dir / "clone", manual()).value();
  EXPECT_EQ(clone.open_report().replayed_samples, 0U) << "all of it was written out first";
  EXPECT_EQ(count_samples(clone, "m"), 400U);
  write(clone, 501, 10);
  EXPECT_EQ(count_samples(clone, "m"), 410U);
  EXPECT_EQ(Db::open(dir / "snapshot", manual()).error().code, ErrorCode::read_only);
  const Db snapshot = Db::open_read_only(dir / "snapshot", manual()).value();
  EXPECT_EQ(count_samples(snapshot, "m"), 400U);
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  ASSERT_TRUE(reader.clone(dir / "of a reader"));
  EXPECT_EQ(count_samples(*Db::open_read_only(dir / "of a reader", manual()), "m"), 401U);
  EXPECT_EQ(count_samples(db, "m"), 401U);
}

}  // namespace
}  // namespace hygge
