// A real file system that is full: a small tmpfs. Writes fill it until one fails with a clear
// error; reads go on; once there is room writes resume by themselves; everything acknowledged is
// there, also after a reopen.
//
//   HYGGE_TMPFS_MB   size, 16 by default
//
// Mounting needs root; without it the test says so and is skipped.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr int kSeries = 200;

class SmallDisk {
 public:
  explicit SmallDisk(std::size_t megabytes) : megabytes_(megabytes) {
    std::filesystem::create_directories(path());
    const std::string size = fmt::format("size={}m", megabytes);
    if (::mount("tmpfs", path().c_str(), "tmpfs", 0, size.c_str()) != 0) error_ = errno;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (error_ == 0) ::umount2(path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] std::string path() const { return dir_ / "disk"; }
  [[nodiscard]] std::string db() const { return path() + "/db"; }

  // Three fifths of the disk belong to somebody else, who can be asked to go. A compaction that was
  // put off writes all that the store holds once more: what is freed must be more than that.
  void take_ballast() const {
    std::ofstream(ballast()) << std::string(megabytes_ * (std::size_t{1} << 20U) * 3 / 5, 'x');
  }
  // All but so many bytes of what is free now.
  void take_all_but(std::uintmax_t bytes) const {
    const std::uintmax_t free = std::filesystem::space(path()).available;
    std::ofstream(ballast()) << std::string(free > bytes ? free - bytes : 0, 'x');
  }
  void free_ballast() const { std::filesystem::remove(ballast()); }

 private:
  [[nodiscard]] std::string ballast() const { return path() + "/ballast"; }
  test::TempDir dir_;
  std::size_t megabytes_;
  int error_ = 0;
};

Options small() {
  Options options;
  options.create_if_missing = true;
  options.tuning.log_segment_bytes = 1U << 20U;
  options.tuning.chunk_memtable_bytes = 1U << 20U;
  options.tuning.put_bytes = 256 * 1024;
  options.tuning.mark_bytes = 2U << 20U;
  return options;
}

double value_of(int series, std::uint64_t scrape) {
  // Splitmix64's last steps: bits that hardly compress.
  std::uint64_t z =
      (scrape * kSeries + static_cast<std::uint64_t>(series)) * 0x9E37'79B9'7F4A'7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
  return static_cast<double>(z ^ (z >> 31U)) / 3;
}

TimeMs time_of(std::uint64_t scrape) { return kStart + static_cast<TimeMs>(scrape) * 1'000; }

Result<WriteReport> write_scrape(Db& db, std::uint64_t scrape) {
  Batch batch;
  for (int k = 0; k < kSeries; ++k) {
    batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, time_of(scrape), value_of(k, scrape));
  }
  return db.write(batch);
}

// Every acknowledged scrape, bit for bit, and none that failed.
void expect_all(const Db& db, std::uint64_t scrapes) {
  const auto view = db.view({selector("m").value()}, everything());
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_EQ(view->series(0).size(), static_cast<std::size_t>(kSeries));
  for (const Series& series : view->series(0)) {
    const int k = std::stoi(std::string(series.labels().get("k")));
    const auto samples = series.samples();
    ASSERT_TRUE(samples) << samples.error().message;
    ASSERT_EQ(samples->t.size(), scrapes) << "series " << k;
    for (std::uint64_t i = 0; i < scrapes; ++i) {
      ASSERT_EQ(samples->t[i], time_of(i));
      ASSERT_EQ(samples->v[i], value_of(k, i));
    }
  }
}

TEST(FullDisk, RefusesClearlyReadsOnAndResumes) {
  const char* const asked = std::getenv("HYGGE_TMPFS_MB");
  const SmallDisk disk(asked == nullptr ? 16 : std::strtoul(asked, nullptr, 10));
  if (disk.error() != 0) {
    GTEST_SKIP() << "a tmpfs cannot be mounted here: " << std::strerror(disk.error());
  }
  disk.take_ballast();
  std::uint64_t scrapes = 0;
  {
    Db db = Db::open(disk.db(), small()).value();
    Result<WriteReport> wrote = write_scrape(db, scrapes);
    while (wrote) wrote = write_scrape(db, ++scrapes);
    std::printf("full after %llu samples: %s\n", static_cast<unsigned long long>(scrapes * kSeries),
                wrote.error().message.c_str());
    EXPECT_EQ(wrote.error().code, ErrorCode::no_space) << wrote.error().message;
    EXPECT_NE(wrote.error().message.find("No space left"), std::string::npos)
        << wrote.error().message;
    EXPECT_GT(scrapes, 100U);
    expect_all(db, scrapes);
    for (int i = 0; i < 3; ++i) {
      const auto again = write_scrape(db, scrapes);
      if (again) {
        ++scrapes;  // upkeep has found a little room
      } else {
        EXPECT_EQ(again.error().code, ErrorCode::no_space) << again.error().message;
      }
    }
    disk.free_ballast();
    const std::uint64_t full = scrapes;
    for (; scrapes < full + 50; ++scrapes) {
      const auto resumed = write_scrape(db, scrapes);
      ASSERT_TRUE(resumed) << resumed.error().message;
    }
    expect_all(db, scrapes);
    const auto closed = db.close();
    EXPECT_TRUE(closed) << closed.error().message;
  }
  const Db db = Db::open(disk.db(), small()).value();
  expect_all(db, scrapes);
  EXPECT_TRUE(db.verify()->ok());
}

// A seal writes a day once more: where that does not fit it says so, and all stays as it was.
TEST(FullDisk, ASealThatFindsNoRoomIsDoneLater) {
  const SmallDisk disk(16);
  if (disk.error() != 0) {
    GTEST_SKIP() << "a tmpfs cannot be mounted here: " << std::strerror(disk.error());
  }
  constexpr std::uint64_t kScrapes = 800;
  {
    Db db = Db::open(disk.db(), small()).value();
    for (std::uint64_t scrape = 0; scrape < kScrapes; ++scrape) {
      ASSERT_TRUE(write_scrape(db, scrape));
    }
    ASSERT_TRUE(db.flush());
    disk.take_all_but(512 * 1024);
    const auto sealed = db.compact();
    ASSERT_FALSE(sealed) << "a megabyte and a half found room in half of one";
    EXPECT_EQ(sealed.error().code, ErrorCode::no_space) << sealed.error().message;
    expect_all(db, kScrapes);
    disk.free_ballast();
    const auto again = db.compact();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(db.stats()->days.back().state, Stats::Day::State::sealed_early);
    expect_all(db, kScrapes);
    ASSERT_TRUE(db.close());
  }
  const Db db = Db::open(disk.db(), small()).value();
  expect_all(db, kScrapes);
  EXPECT_TRUE(db.verify()->ok());
}

}  // namespace
}  // namespace hygge
