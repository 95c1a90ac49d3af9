// Places where a database cannot be what it wants: no permission, a read-only file system, a clock
// that jumps, a small budget of memory.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 20'000 * kDayMs;
using test::count_samples;

Options manual() { return test::manual_options(kStart + kDayMs, Sync()); }

void write(Db& db, TimeMs t, double v = 1) {
  Batch batch;
  batch.add({{"__name__", "m"}}, t, v);
  const auto written = db.write(batch);
  ASSERT_TRUE(written) << written.error().message;
}

// Root may do everything: for as long as this lives the process is somebody else.
class AsNobody {
 public:
  AsNobody() : was_(geteuid()) {
    if (was_ != 0) return;
    EXPECT_EQ(seteuid(65'534), 0);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (was_ != 0) return;
    EXPECT_EQ(seteuid(was_), 0);
  }

 private:
  uid_t was_;
};

// A database that its owner has closed, below a folder that everybody may look into.
void make(const std::string& outer, const std::string& dir) {
  ASSERT_EQ(chmod(outer.c_str(), 0755), 0);
  Db db = Db::open(dir, manual()).value();
  for (int i = 1; i <= 300; ++i) write(db, kStart + i * kSecondMs, i);
  ASSERT_TRUE(db.close());
}

// Takes the permission to write (or to look in, too) from a tree.
void forbid(const std::string& dir, bool reading) {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const mode_t mode = entry.is_directory() ? 0555 : 0444;
    ASSERT_EQ(chmod(entry.path().c_str(), mode), 0);
  }
  ASSERT_EQ(chmod(dir.c_str(), reading ? 0 : 0555), 0);
}

TEST(Places, WithoutPermissionToWriteItIsReadAndNotWritten) {
  const test::TempDir dir;
  make(dir.path(), dir / "db");
  forbid(dir / "db", /*reading=*/false);
  const AsNobody nobody;
  const auto writer = Db::open(dir / "db", manual());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::read_only) << writer.error().message;
  EXPECT_NE(writer.error().message.find(dir / "db"), std::string::npos) << writer.error().message;
  const auto reader = Db::open_read_only(dir / "db", manual());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(count_samples(*reader, "m"), 300U);
  EXPECT_TRUE(reader->verify()->ok());
}

TEST(Places, WithoutPermissionToReadBothOpensSaySo) {
  const test::TempDir dir;
  make(dir.path(), dir / "db");
  forbid(dir / "db", /*reading=*/true);
  {
    const AsNobody nobody;
    for (const bool reading : {false, true}) {
      const auto opened =
          reading ? Db::open_read_only(dir / "db", manual()) : Db::open(dir / "db", manual());
      ASSERT_FALSE(opened);
      const std::string& message = opened.error().message;
      EXPECT_NE(message.find("ermission"), std::string::npos) << message;
      EXPECT_NE(message.find(dir / "db"), std::string::npos) << message;
    }
  }
  ASSERT_EQ(chmod((dir / "db").c_str(), 0755), 0);
  EXPECT_EQ(count_samples(*Db::open_read_only(dir / "db", manual()), "m"), 300U)
      << "nothing was changed";
}

TEST(Places, NoPermissionToCreateOne) {
  const test::TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0555), 0);
  {
    const AsNobody nobody;
    const auto created = Db::open(dir / "new", manual());
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::read_only) << created.error().message;
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "new"));
  ASSERT_EQ(chmod(dir.path().c_str(), 0755), 0);
}

TEST(Places, OnAReadOnlyFileSystemItIsReadAndNotWritten) {
  const test::TempDir dir;
  const std::string disk = dir / "disk";
  std::filesystem::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=32m") != 0) {
    GTEST_SKIP() << "mounting needs root: " << std::strerror(errno);
  }
  const std::shared_ptr<void> mounted(nullptr, [&](void*) { ::umount2(disk.c_str(), MNT_DETACH); });
  make(disk, disk + "/db");
  {
    Db db = Db::open(disk + "/db", manual()).value();
    write(db, kStart + kHourMs);
    test::copy_directory(disk + "/db", disk + "/killed");
  }
  ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  for (const std::string name : {"/db", "/killed"}) {
    SCOPED_TRACE(name);
    const auto writer = Db::open(disk + name, manual());
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, ErrorCode::read_only) << writer.error().message;
    const auto reader = Db::open_read_only(disk + name, manual());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(count_samples(*reader, "m"), 301U);
    EXPECT_TRUE(reader->verify()->ok());
  }
  EXPECT_EQ(Db::open(disk + "/new", manual()).error().code, ErrorCode::read_only);
}

// A clock that jumps back and forth by up to a year between any two calls: no sample is lost that
// the rules keep, no day is sealed for ever, and all of it opens again.
TEST(Places, AClockThatJumpsLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    TimeMs clock = kStart;
    Options options = manual();
    options.clock = [&] { return clock; };
    std::optional<Db> db(Db::open(dir / "db", options).value());
    ASSERT_TRUE(db->set_retention(parse_retention("m 20d").value()));
    std::map<TimeMs, double> model;
    TimeMs now = kStart;
    for (int step = 0; step < 120; ++step) {
      const auto jump = static_cast<TimeMs>(random() % 731) - 365;
      clock = now + (random() % 2 == 0 ? jump * kDayMs : 0);
      now += static_cast<TimeMs>(random() % 100) * kMinuteMs;
      for (int i = 0; i < 20; ++i) {
        const TimeMs t = now - static_cast<TimeMs>(random() % 400) * kMinuteMs;
        write(*db, t, step);
        model[t] = step;
      }
      const std::uint64_t what = random() % 6;
      if (what < 3) {
        Maintain how;
        how.deadline_ms = std::numeric_limits<TimeMs>::max();
        ASSERT_TRUE(db->maintain(how));
      } else if (what == 3) {
        ASSERT_TRUE(db->flush());
      } else if (what == 4) {
        ASSERT_TRUE(db->close());
        db.emplace(Db::open(dir / "db", options).value());
      }
    }
    std::map<TimeMs, double> got;
    const auto view = db->view({selector("m").value()}, everything()).value();
    for (const Series& series : view.series(0)) {
      const auto of = series.samples().value();
      for (std::size_t i = 0; i < of.t.size(); ++i) got[of.t[i]] = of.v[i];
    }
    EXPECT_EQ(got, model) << "all of it is younger than 20 days by its newest sample";
    EXPECT_TRUE(db->verify()->ok());
  }
}

namespace fs = std::filesystem;

std::vector<fs::path> tables(const std::string& dir) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(dir + "/store")) {
    if (entry.path().extension() == ".sst") out.push_back(entry.path());
  }
  return out;
}

fs::path largest_table(const std::string& dir) {
  const std::vector<fs::path> all = tables(dir);
  return *std::max_element(all.begin(), all.end(), [](const fs::path& a, const fs::path& b) {
    return fs::file_size(a) < fs::file_size(b);
  });
}

// Somebody removes the largest table, or cuts it short.
void damage(const fs::path& table, bool removed) {
  ASSERT_GT(fs::file_size(table), 2'000U);
  if (removed) {
    fs::remove(table);
  } else {
    fs::resize_file(table, 1'000);
  }
}

// Under an open database: a compaction may do away with the damage at any time. Reads and writes go
// on, or say what is damaged.
TEST(Places, AFileThatVanishesUnderItIsReadStill) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  for (int i = 1; i <= 3'000; ++i) write(db, kStart + i * kSecondMs, i * 1.1);
  ASSERT_TRUE(db.flush());
  damage(largest_table(dir / "db"), /*removed=*/true);
  EXPECT_EQ(count_samples(db, "m"), 3'000U);
  write(db, kStart + 4 * kHourMs, 7);
  EXPECT_EQ(count_samples(db, "m"), 3'001U);
}

// Under a closed one: the next open names the file, and a repair keeps what is left; here what came
// after, which is in the log.
TEST(Places, AFileThatVanishesOrShrinksIsNamedAndMended) {
  for (const bool removed : {true, false}) {
    SCOPED_TRACE(removed ? "removed" : "cut short");
    const test::TempDir dir;
    const std::string killed = dir / "killed";
    {
      Db db = Db::open(dir / "db", manual()).value();
      for (int i = 1; i <= 3'000; ++i) write(db, kStart + i * kSecondMs, i * 1.1);
      ASSERT_TRUE(db.flush());
      write(db, kStart + 4 * kHourMs, 7);
      test::copy_directory(dir / "db", killed);
    }
    const fs::path table = largest_table(killed);
    damage(table, removed);
    {
      const auto opened = Db::open(killed, manual());
      ASSERT_FALSE(opened);
      EXPECT_NE(opened.error().message.find(table.filename()), std::string::npos)
          << opened.error().message;
    }
    const auto repaired = hygge::repair(killed);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_TRUE(repaired->whole);
    const Db after = Db::open(killed, manual()).value();
    EXPECT_TRUE(after.verify()->ok());
    const TimeRange later{kStart + 4 * kHourMs - 1, kStart + 4 * kHourMs};
    const auto view = after.view({selector("m").value()}, later).value();
    ASSERT_EQ(view.series(0).size(), 1U);
    EXPECT_EQ(view.series(0)[0].samples()->v, std::vector<double>{7});
  }
}

// The budget of memory is what the block cache may take.
TEST(Places, ASmallBudgetOfMemoryShrinksTheCache) {
  const test::TempDir dir;
  {
    Db db = Db::open(dir / "db", manual()).value();
    std::mt19937_64 random(1);
    for (int k = 0; k < 40; ++k) {
      Batch batch;
      const Labels labels = Labels::from({{"__name__", "m"}, {"k", std::to_string(k)}}).value();
      for (int i = 1; i <= 5'000; ++i) {
        batch.add(labels, kStart + i * kSecondMs, static_cast<double>(random()) / 3);
      }
      ASSERT_TRUE(db.write(batch));
    }
    ASSERT_TRUE(db.close());
  }
  const auto cached = [&](std::size_t memory_bytes) {
    Options options = manual();
    options.memory_bytes = memory_bytes;
    const Db db = Db::open_read_only(dir / "db", options).value();
    EXPECT_EQ(count_samples(db, "m"), 200'000U);
    return db.stats()->cache_bytes;
  };
  const std::uint64_t large = cached(64U << 20U);
  EXPECT_GT(large, 1U << 20U) << "what was read is kept";
  EXPECT_LT(cached(256U << 10U), 320U << 10U);
}

}  // namespace
}  // namespace hygge
