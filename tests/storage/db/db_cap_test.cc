// The cap of bytes: what goes for it, what does not, and what writers are told.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kStart = 20'000 * kDayMs;
constexpr std::uint64_t kKiB = 1024;

std::uint64_t tree_bytes(const std::string& dir) {
  std::uint64_t out = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    std::error_code gone;
    const std::uint64_t bytes = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) out += bytes;
  }
  return out;
}

// Days of noise, which no codec makes small: about 90 KiB a day.
struct Fixture {
  Fixture() {
    options = test::manual_options(kStart);
    options.clock = [clock = now] { return *clock; };
    options.tuning.log_budget_bytes = 64 * kKiB;
    options.tuning.log_segment_bytes = 32 * kKiB;
    options.tuning.mark_bytes = 32 * kKiB;
    options.tuning.chunk_memtable_bytes = 64 * kKiB;
    db.emplace(Db::open(dir / "db", options).value());
  }

  Result<WriteReport> write(int day, int from, int count) {
    Batch batch;
    for (const char* const env : {"dev", "prod"}) {
      for (int i = from; i < from + count; ++i) {
        const auto v = static_cast<double>(random()) / 3;
        batch.add({{"__name__", "m"}, {"env", env}}, kStart + day * kDayMs + i * kSecondMs, v);
      }
    }
    return db->write(batch);
  }
  void write_day(int day) {
    *now = kStart + day * kDayMs + kHourMs;
    for (int part = 0; part < 4; ++part) {
      const auto written = write(day, part * 1'250 + 1, 1'250);
      ASSERT_TRUE(written) << written.error().message;
      maintain();
    }
  }
  void maintain() {
    const auto done = db->maintain();
    ASSERT_TRUE(done) << done.error().message;
  }
  // Days with samples, by series.
  [[nodiscard]] std::vector<int> days(const std::string& env) const {
    std::vector<int> out;
    const auto view = db->view({selector("m{env=\"" + env + "\"}").value()}, everything()).value();
    for (const Series& series : view.series(0)) {
      const SeriesSamples samples = series.samples().value();
      for (const TimeMs t : samples.t) {
        const auto day = static_cast<int>((t - kStart - 1) / kDayMs);
        if (out.empty() || out.back() != day) out.push_back(day);
      }
    }
    return out;
  }

  std::shared_ptr<TimeMs> now = std::make_shared<TimeMs>(kStart);
  const test::TempDir dir;
  std::mt19937_64 random{1};
  Options options;
  std::optional<Db> db;
};

TEST(Cap, TheOldestDaysGoAndTheDirectoryStaysBelow) {
  Fixture f;
  constexpr std::uint64_t kCap = 4 * 1024 * kKiB;
  ASSERT_TRUE(f.db->set_retention_cap(kCap));
  std::uint64_t most = 0;
  for (int day = 0; day < 40; ++day) {
    f.write_day(day);
    most = std::max(most, tree_bytes(f.dir / "db"));
  }
  EXPECT_LE(most, kCap);
  EXPECT_GT(most, kCap / 3) << "the cap is used";
  const auto left = f.days("dev");
  ASSERT_GT(left.size(), 3U);
  EXPECT_LT(left.size(), 40U);
  EXPECT_EQ(left.back(), 39);
  for (std::size_t i = 1; i < left.size(); ++i) EXPECT_EQ(left[i], left[i - 1] + 1);
  EXPECT_EQ(f.db->retention().cap_bytes, kCap);
  ASSERT_TRUE(f.db->close());
  EXPECT_LE(tree_bytes(f.dir / "db"), kCap);
  f.db.emplace(Db::open(f.dir / "db", f.options).value());
  EXPECT_EQ(f.db->retention().cap_bytes, kCap);
  EXPECT_EQ(f.days("dev"), left);
  EXPECT_TRUE(f.db->verify()->ok());
}

TEST(Cap, PinsStayAndADryRunSaysWhatGoes) {
  Fixture f;
  for (int day = 0; day < 25; ++day) f.write_day(day);
  ASSERT_TRUE(f.db->pin(selector("m{env=\"prod\"}").value(), {kStart, kStart + 5 * kDayMs}));
  ASSERT_TRUE(f.db->flush());
  EXPECT_FALSE(f.db->retention_dry_run()->cap) << "no cap, no word of it";
  const std::uint64_t before = tree_bytes(f.dir / "db");
  ASSERT_TRUE(f.db->set_retention_cap(before - 512 * kKiB));
  const auto dry = f.db->retention_dry_run().value();
  ASSERT_TRUE(dry.cap);
  ASSERT_EQ(dry.cap->rules.size(), 1U);
  const RetentionReport::Rule& goes = dry.cap->rules[0];
  ASSERT_TRUE(goes.floor_ms);
  EXPECT_NEAR(static_cast<double>(dry.cap->disk_bytes),
              static_cast<double>(tree_bytes(f.dir / "db")), 64.0 * kKiB);
  EXPECT_GT(goes.samples, 0U);
  EXPECT_EQ(f.days("dev").size(), 25U) << "a dry run takes nothing";
  const auto done = f.db->apply_retention().value();
  ASSERT_TRUE(done.cap);
  ASSERT_EQ(done.cap->rules.size(), 1U);
  EXPECT_EQ(done.cap->rules[0].floor_ms, goes.floor_ms);
  EXPECT_EQ(done.cap->rules[0].samples, goes.samples);
  const auto first = static_cast<int>((*goes.floor_ms - kStart) / kDayMs);
  EXPECT_EQ(f.days("dev").front(), first);
  EXPECT_EQ(f.days("dev").size(), static_cast<std::size_t>(25 - first));
  const auto prod = f.days("prod");
  EXPECT_EQ(prod.size(), static_cast<std::size_t>(25 - std::max(first - 5, 0)));
  EXPECT_EQ(prod.front(), 0);
  EXPECT_LE(tree_bytes(f.dir / "db"), before - 512 * kKiB);
}

// Series without a rule first, then those of the last rule; within each the oldest day.
TEST(Cap, TheLastRulesSeriesGoFirst) {
  Fixture f;
  for (int day = 0; day < 20; ++day) f.write_day(day);
  ASSERT_TRUE(f.db->flush());
  // What is taken and kept free of it, and so a cap under which so many bytes have to go.
  const auto cap_for = [&](std::uint64_t excess) {
    const auto all = f.db->retention_dry_run(std::nullopt, 1ULL << 40U).value();
    EXPECT_TRUE(all.cap->rules.empty());
    return all.cap->disk_bytes + all.cap->kept_free - excess;
  };
  const auto rule = [](const char* text) { return RetentionRule{selector(text).value(), {}}; };
  const std::vector<RetentionRule> rules{rule("m{env=\"prod\"}"), rule("m")};
  ASSERT_TRUE(f.db->set_retention(rules));
  ASSERT_TRUE(f.db->set_retention_cap(cap_for(300 * kKiB)));
  const auto cap = f.db->apply_retention().value().cap;
  ASSERT_TRUE(cap);
  ASSERT_FALSE(cap->rules.empty());
  EXPECT_EQ(cap->rules[0].rule, rules[1]);
  const std::vector<int> dev = f.days("dev");
  EXPECT_LT(dev.size(), 19U);
  EXPECT_GT(dev.size(), 1U) << "only as much as needed";
  EXPECT_EQ(dev.back(), 19);
  std::vector<int> all(20);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(f.days("prod"), all);
  // With less room all of it goes but today, and then days of the first rule.
  const std::uint64_t less = cap_for(900 * kKiB);
  const auto dry = f.db->retention_dry_run(std::nullopt, less).value();
  ASSERT_EQ(dry.cap->rules.size(), 2U);
  EXPECT_EQ(dry.cap->rules[0].floor_ms, kStart + 19 * kDayMs);
  EXPECT_EQ(dry.cap->rules[1].rule, rules[0]);
  EXPECT_LT(*dry.cap->rules[1].floor_ms, kStart + 19 * kDayMs);
  // Series that no rule matches stand behind the last.
  const auto other = f.db->retention_dry_run(std::vector{rules[0]}, less).value();
  ASSERT_EQ(other.cap->rules.size(), 2U);
  EXPECT_EQ(other.cap->rules[0].rule, RetentionRule());
}

// Maintained by its threads; small beside a cap of 8 MiB.
Options under_load(const std::shared_ptr<std::atomic<TimeMs>>& now) {
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  options.clock = [now] { return now->load(); };
  options.tuning.log_budget_bytes = 256 * kKiB;
  options.tuning.log_segment_bytes = 64 * kKiB;
  options.tuning.mark_bytes = 64 * kKiB;
  options.tuning.put_bytes = 32 * kKiB;
  options.tuning.chunk_memtable_bytes = 256 * kKiB;
  return options;
}

// Writers as fast as they can, maintenance by the threads, seals on the way; a reader now and then.
TEST(Cap, IsNeverExceededUnderLoad) {
  const test::TempDir dir;
  auto now = std::make_shared<std::atomic<TimeMs>>(kStart);
  const Options options = under_load(now);
  constexpr std::uint64_t kCap = 8 * 1024 * kKiB;
  Db db = Db::open(dir / "db", options).value();
  ASSERT_TRUE(db.set_retention_cap(kCap));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> most{0};
  std::atomic<int> looks{0};
  const std::jthread watcher([&](const std::stop_token& stop) {
    while (!done && !stop.stop_requested()) {
      most = std::max(most.load(), tree_bytes(dir / "db"));
      ++looks;
      std::this_thread::sleep_for(2ms);
    }
  });
  std::mt19937_64 random{7};
  // About 1 MiB a day.
  constexpr int kDays = 20;
  for (int day = 0; day < kDays && !testing::Test::HasFailure(); ++day) {
    *now = kStart + day * kDayMs + 3 * kHourMs;
    for (int part = 0; part < 10; ++part) {
      Batch batch;
      for (int series = 0; series < 5; ++series) {
        const std::string name = "m" + std::to_string(series);
        for (int i = part * 2'000 + 1; i <= part * 2'000 + 2'000; ++i) {
          batch.add({{"__name__", name}}, kStart + day * kDayMs + i * kSecondMs,
                    static_cast<double>(random()) / 3);
        }
      }
      const auto written = db.write(batch);
      ASSERT_TRUE(written) << day << ": " << written.error().message;
    }
    if (day % 5 == 4) {
      const auto view = db.view({selector("m1").value()}, everything()).value();
      for (const Series& series : view.series(0)) EXPECT_TRUE(series.samples());
    }
  }
  const auto sealed = db.stats()->partitions_sealed;
  EXPECT_TRUE(db.close());
  done = true;
  EXPECT_LE(most, kCap);
  EXPECT_GT(most, kCap / 2) << "the cap is used";
  EXPECT_GT(looks, 100);
  EXPECT_GT(sealed, 2U) << "through seals";
  Db reader = Db::open_read_only(dir / "db", options).value();
  EXPECT_EQ(reader.time_bounds()->last_ms, kStart + (kDays - 1) * kDayMs + 20'000 * kSecondMs);
  EXPECT_TRUE(reader.verify()->ok());
}

// A new series is logged like a batch, and waits for room like one.
TEST(Cap, ANewSeriesWaitsForRoomAsABatchDoes) {
  const test::TempDir dir;
  auto now = std::make_shared<std::atomic<TimeMs>>(kStart);
  const Options options = under_load(now);
  Db db = Db::open(dir / "db", options).value();
  ASSERT_TRUE(db.set_retention_cap(8 * 1024 * kKiB));
  std::mt19937_64 random{7};
  for (int day = 0; db.time_bounds().value_or(TimeBounds{kStart, 0}).first_ms < kStart + kDayMs;
       ++day) {
    ASSERT_LT(day, 100) << "no day has gone";
    *now = kStart + day * kDayMs + 3 * kHourMs;
    Batch batch;
    for (int i = 1; i <= 40'000; ++i) {
      batch.add({{"__name__", "m"}}, kStart + day * kDayMs + i * kSecondMs,
                static_cast<double>(random()) / 3);
    }
    const auto written = db.write(batch);
    ASSERT_TRUE(written) << day << ": " << written.error().message;
  }
  for (int i = 0; i < 120; ++i) {
    std::string value(12 * kKiB, 'x');
    for (char& c : value) c = static_cast<char>('a' + random() % 26);
    const auto made = db.series({{"__name__", "large"}, {"value", value}});
    ASSERT_TRUE(made) << i << ": " << made.error().message;
  }
}

TEST(Cap, WithOnlyTodayLeftWritesAreRefusedUntilThereIsRoom) {
  Fixture f;
  constexpr std::uint64_t kCap = 1024 * kKiB;
  ASSERT_TRUE(f.db->set_retention_cap(4 * kCap));
  std::optional<Error> refused;
  int acknowledged = 0;
  for (int part = 0; part < 400 && !refused; ++part) {
    const auto written = f.write(0, part * 200 + 1, 200);
    if (written) {
      acknowledged += 200;
    } else {
      refused = written.error();
    }
    f.maintain();
    EXPECT_LE(tree_bytes(f.dir / "db"), 4 * kCap);
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ErrorCode::no_space);
  EXPECT_NE(refused->message.find("cap of 4194304 bytes"), std::string::npos) << refused->message;
  const auto view = f.db->view({selector("m{env=\"dev\"}").value()}, everything()).value();
  EXPECT_EQ(view.series(0)[0].samples()->t.size(), static_cast<std::size_t>(acknowledged));
  ASSERT_TRUE(f.db->set_retention_cap(16 * kCap));
  EXPECT_TRUE(f.write(0, 80'000, 1));
  ASSERT_TRUE(f.db->set_retention_cap(0));
  EXPECT_TRUE(f.write(0, 80'100, 1));
}

TEST(Cap, WhatAViewHoldsIsNotTakenForMoreDays) {
  Fixture f;
  for (int day = 0; day < 20; ++day) f.write_day(day);
  ASSERT_TRUE(f.db->flush());
  const std::uint64_t before = tree_bytes(f.dir / "db");
  std::optional<View> view(f.db->view({selector("m").value()}, everything()).value());
  ASSERT_TRUE(f.db->set_retention_cap(before));
  f.maintain();
  const auto left = f.days("dev");
  EXPECT_LT(left.size(), 20U);
  for (int turn = 0; turn < 5; ++turn) f.maintain();
  EXPECT_EQ(f.days("dev"), left) << "the bytes come back with the view";
  EXPECT_EQ(test::count_samples(*view), 20U * 2 * 5'000);
  view.reset();
  f.maintain();
  EXPECT_LT(tree_bytes(f.dir / "db"), before);
}

TEST(Cap, OneTooSmallForLogAndMemtablesIsRefused) {
  Fixture f;
  const auto set = f.db->set_retention_cap(100 * kKiB);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(set.error().message.find("2359296"), std::string::npos) << set.error().message;
  EXPECT_EQ(f.db->retention().cap_bytes, 0U);
  ASSERT_TRUE(f.db->close());
  Db reader = Db::open_read_only(f.dir / "db", f.options).value();
  EXPECT_EQ(reader.set_retention_cap(0).error().code, ErrorCode::read_only);
}

}  // namespace
}  // namespace hygge
