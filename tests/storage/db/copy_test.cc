// clone() and snapshot(): whole, apart from the original, and never half there.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kStart = 1'767'225'600'000;
using test::read_all;

Options manual() { return test::manual_options(kStart); }

void write(Db& db, int from, int until, double v) {
  Batch batch;
  for (int k = 0; k < 5; ++k) {
    for (int i = from; i < until; ++i) {
      batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + i * 1'000, v + k);
    }
  }
  ASSERT_TRUE(db.write(batch));
}

TEST(Copy, ACloneHoldsEveryBatchAndBothGoOnApart) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 500, 1);
  ASSERT_TRUE(db.flush());
  write(db, 500, 700, 2);  // still in the head
  const auto before = read_all(db);
  const auto report = clone(dir / "a", dir / "b");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->linked_bytes, 0U);
  EXPECT_EQ(read_all(db), before);

  Db copy = Db::open(dir / "b", manual()).value();
  EXPECT_EQ(read_all(copy), before);
  write(copy, 700, 800, 3);
  write(db, 690, 750, 4);
  ASSERT_TRUE(db.compact());
  ASSERT_TRUE(copy.compact());
  EXPECT_EQ(read_all(copy).size(), 5U * 800);
  EXPECT_EQ(read_all(db).size(), 5U * 750);
  EXPECT_TRUE(db.verify()->ok());
  EXPECT_TRUE(copy.verify()->ok());
  ASSERT_TRUE(copy.close());
  ASSERT_TRUE(db.close());
  EXPECT_EQ(read_all(Db::open_read_only(dir / "b").value()).size(), 5U * 800);
  EXPECT_EQ(read_all(Db::open(dir / "a", manual()).value()).size(), 5U * 750);
}

TEST(Copy, OfAnEmptyDatabaseIsOne) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  ASSERT_TRUE(clone(dir / "a", dir / "b"));
  Db copy = Db::open(dir / "b", manual()).value();
  EXPECT_TRUE(read_all(copy).empty());
  write(copy, 0, 3, 1);
  EXPECT_EQ(read_all(copy).size(), 15U);
  ASSERT_TRUE(clone(dir / "b", dir / "c")) << "a clone of a clone";
  EXPECT_EQ(read_all(Db::open_read_only(dir / "c").value()).size(), 15U);
}

TEST(Copy, ASnapshotIsOnlyRead) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 300, 1);
  ASSERT_TRUE(snapshot(dir / "a", dir / "s"));
  write(db, 0, 300, 2);
  const auto opened = Db::open(dir / "s", manual());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::read_only);
  EXPECT_NE(opened.error().detail.find("clone"), std::string::npos);
  const Db reader = Db::open_read_only(dir / "s").value();
  const auto samples = read_all(reader);
  EXPECT_EQ(samples.size(), 5U * 300);
  EXPECT_EQ(samples.begin()->second, 1);
  ASSERT_TRUE(clone(dir / "s", dir / "w")) << "what the error says to do";
  Db writable = Db::open(dir / "w", manual()).value();
  EXPECT_EQ(read_all(writable), samples);
  write(writable, 0, 1, 5);
}

TEST(Copy, HoldsWhatOnlyTheLogHolds) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 500, 1);
  ASSERT_TRUE(db.flush());
  write(db, 500, 600, 2);
  write(db, 600, 650, 3);
  const auto before = read_all(db);
  const auto report = clone(dir / "a", dir / "b");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->linked_bytes, 0U);
  Db copy = Db::open(dir / "b", manual()).value();
  EXPECT_EQ(read_all(copy), before);
  EXPECT_GT(copy.open_report().replayed_samples, 0U);
  write(copy, 650, 700, 4);
  ASSERT_TRUE(copy.compact());
  ASSERT_TRUE(db.compact());
  EXPECT_EQ(read_all(db), before);
  EXPECT_TRUE(db.verify()->ok());
  EXPECT_TRUE(copy.verify()->ok());
}

TEST(Copy, KeepsSealsBatchIdsPolicyRulesAndDeletesInWork) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  WritePolicy policy;
  policy.on_duplicate = OnDuplicate::max;
  ASSERT_TRUE(db.set_write_policy(policy));
  ASSERT_TRUE(db.set_retention({{selector("m").value(), 40 * kDayMs}}));
  ASSERT_TRUE(db.pin(selector("other").value(), everything()));
  write(db, 0, 500, 1);
  ASSERT_TRUE(db.compact());
  write(db, 250, 260, 7);  // late: the sealed day is dirty
  ASSERT_TRUE(db.flush());
  Batch once;
  once.set_id("once");
  once.add({{"__name__", "other"}}, kStart, 1);
  ASSERT_TRUE(db.write(once));
  const TimeRange erased{kStart + 100'000, kStart + 200'000};
  ASSERT_TRUE(db.erase(selector("m{k=\"2\"}").value(), erased));
  const auto before = read_all(db);
  ASSERT_EQ(before.size(), 5U * 500 - 100 + 1);

  ASSERT_TRUE(clone(dir / "a", dir / "b"));
  Db copy = Db::open(dir / "b", manual()).value();
  EXPECT_EQ(read_all(copy), before);
  EXPECT_EQ(copy.write_policy().on_duplicate, OnDuplicate::max);
  EXPECT_EQ(copy.retention(), db.retention());
  EXPECT_TRUE(copy.write(once)->repeat);
  const Stats ours = db.stats().value();
  const Stats theirs = copy.stats().value();
  EXPECT_EQ(theirs.deletes_pending, 1U);
  ASSERT_EQ(theirs.days.size(), ours.days.size());
  for (std::size_t i = 0; i < ours.days.size(); ++i) {
    EXPECT_EQ(theirs.days[i].state, ours.days[i].state);
    EXPECT_EQ(theirs.days[i].dirty_series, ours.days[i].dirty_series);
  }
  ASSERT_TRUE(copy.compact());
  EXPECT_EQ(copy.stats()->deletes_pending, 0U);
  EXPECT_EQ(read_all(copy), before);
  EXPECT_TRUE(copy.verify()->ok());
  EraseOptions now;
  now.now = true;
  ASSERT_TRUE(copy.erase(selector("m").value(), everything(), now));
  EXPECT_EQ(read_all(copy).size(), 1U);
  EXPECT_EQ(read_all(db), before) << "a delete in the copy reached the original";
  EXPECT_TRUE(db.verify()->ok());
}

TEST(Copy, NeverReplacesWhatIsThere) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 10, 1);
  fs::create_directory(dir / "there");
  EXPECT_EQ(clone(dir / "a", dir / "there").error().code, ErrorCode::already_exists);
  EXPECT_EQ(clone(dir / "a", dir / "a").error().code, ErrorCode::already_exists);
  EXPECT_EQ(clone(dir / "a", "").error().code, ErrorCode::invalid_argument);
  // Somebody's own folder of the name that the copy would grow in.
  fs::create_directory(dir / "b.tmp");
  std::ofstream(dir / "b.tmp/thesis.txt") << "irreplaceable";
  const auto refused = clone(dir / "a", dir / "b");
  EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
  EXPECT_NE(refused.error().message.find("b.tmp"), std::string::npos);
  EXPECT_TRUE(fs::exists(dir / "b.tmp/thesis.txt"));
}

TEST(Copy, WhatOneCutShortHasLeftIsRemovedByTheNext) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 10, 1);
  for (const bool finished : {false, true}) {
    fs::create_directories(dir / "b.tmp/store");
    std::ofstream(dir / "b.tmp/CLONING") << "";
    std::ofstream(dir / "b.tmp/store/000007.sst") << "half";
    if (finished) fs::copy_file(dir / "a/HYGGE", dir / "b.tmp/HYGGE");
    ASSERT_TRUE(clone(dir / "a", dir / "b"));
    EXPECT_FALSE(fs::exists(dir / "b.tmp"));
    EXPECT_FALSE(fs::exists(dir / "b/CLONING"));
    EXPECT_EQ(read_all(Db::open_read_only(dir / "b").value()).size(), 50U);
    fs::remove_all(dir / "b");
  }
}

TEST(Copy, AFailedOneLeavesNothing) {
  const test::TempDir dir;
  Db db = Db::open(dir / "a", manual()).value();
  write(db, 0, 10, 1);
  std::ofstream(dir / "file") << "";
  EXPECT_FALSE(clone(dir / "a", dir / "file/b"));
  ASSERT_TRUE(db.flush());
  for (const auto& entry : fs::directory_iterator(dir / "a/store")) {
    if (entry.path().extension() == ".sst") fs::remove(entry.path());
  }
  const auto lost = clone(dir / "a", dir / "b");
  ASSERT_FALSE(lost) << "a file is gone under the database";
  EXPECT_NE(lost.error().message.find("store/0000"), std::string::npos) << lost.error().message;
  EXPECT_FALSE(fs::exists(dir / "b"));
  EXPECT_FALSE(fs::exists(dir / "b.tmp"));
}

// Each batch writes the same value to all series: a copy that has a batch in part has two values at
// one time.
TEST(Copy, WhileWritesGoOnHoldsWholeBatches) {
  const test::TempDir dir;
  Options options = manual();
  options.maintenance = Maintenance::thread;
  options.tuning.put_bytes = 4 * 1024;
  options.tuning.mark_bytes = 16 * 1024;
  options.tuning.log_segment_bytes = 8 * 1024;
  Db db = Db::open(dir / "a", options).value();
  // So much a round, or a slow reader's work would grow with what it takes.
  constexpr int kBatchesARound = 3'000;
  std::atomic<int> allowed{kBatchesARound};
  std::atomic<int> written{0};
  const std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      while (i >= allowed && !stop.stop_requested()) std::this_thread::yield();
      Batch batch;
      for (int k = 0; k < 40; ++k) {
        batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + TimeMs{i} * 60'000, i);
      }
      ASSERT_TRUE(db.write(batch));
      written = i + 1;
    }
  });
  for (int round = 0; round < 6; ++round) {
    const int at_least = written;
    allowed = at_least + kBatchesARound;
    const std::string to = dir / ("copy" + std::to_string(round));
    const auto copied = round % 2 == 0 ? clone(dir / "a", to) : snapshot(dir / "a", to);
    ASSERT_TRUE(copied) << copied.error().message;
    const Db copy = Db::open_read_only(to).value();
    const auto samples = read_all(copy);
    EXPECT_EQ(samples.size() % 40, 0U) << "a batch in part";
    EXPECT_GE(samples.size(), 40U * static_cast<unsigned>(at_least)) << "an acknowledged batch";
    EXPECT_TRUE(copy.verify()->ok());
  }
}

}  // namespace
}  // namespace hygge
