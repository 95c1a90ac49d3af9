// The system calls of log and store fail under a whole database. This program's own pwrite, write,
// fdatasync, fsync and fallocate stand before the C library's, RocksDB's calls included; they fail
// on demand for files below log/ or store/.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace {

enum class Call { write, sync, reserve, store_write, store_sync };

// One fault: `times` calls of a kind fail, from the nth.
struct Fault {
  std::atomic<bool> armed{false};
  Call call = Call::write;
  int error = 0;
  std::atomic<int> skip{0};
  std::atomic<int> times{0};
  std::size_t kept_bytes = 0;  ///< that a failing write leaves behind, as a short write
  std::atomic<bool> fired{false};
} fault;

bool is_meant(Call call, int fd) {
  const bool store = call == Call::store_write || call == Call::store_sync;
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t bytes = ::readlink(link.c_str(), path.data(), path.size());
  if (bytes <= 0) return false;
  const std::string_view text(path.data(), static_cast<std::size_t>(bytes));
  return text.find(store ? "/store" : "/log/") != std::string_view::npos;
}

bool fails(Call call, int fd) {
  if (!fault.armed || fault.call != call || !is_meant(call, fd)) return false;
  if (fault.skip-- > 0) return false;
  if (fault.times-- <= 0) return false;
  fault.fired = true;
  errno = fault.error;
  return true;
}

}  // namespace

namespace {

// What a call that is to fail leaves behind: nothing, or a short write first, after which what
// follows of the same write fails. Empty: it goes through.
template <typename Write>
std::optional<ssize_t> failed_write(Call call, int fd, size_t count, Write write) {
  static thread_local bool short_before = false;
  if (!fails(call, fd)) {
    short_before = false;
    return std::nullopt;
  }
  if (fault.kept_bytes == 0 || short_before) return -1;
  fault.skip = 0;
  fault.times = 1;
  short_before = true;
  return write(std::min(count, fault.kept_bytes));
}

}  // namespace

extern "C" {
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  const auto call = [&](size_t some) { return syscall(SYS_pwrite64, fd, bytes, some, offset); };
  const auto failed = failed_write(Call::write, fd, count, call);
  return failed ? *failed : call(count);
}
ssize_t write(int fd, const void* bytes, size_t count) {
  const auto call = [&](size_t some) { return syscall(SYS_write, fd, bytes, some); };
  const auto failed = failed_write(Call::store_write, fd, count, call);
  return failed ? *failed : call(count);
}
int fdatasync(int fd) {
  if (fails(Call::sync, fd) || fails(Call::store_sync, fd)) return -1;
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
int fsync(int fd) {
  return fails(Call::store_sync, fd) ? -1 : static_cast<int>(syscall(SYS_fsync, fd));
}
int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  return fails(Call::reserve, fd)
             ? -1
             : static_cast<int>(syscall(SYS_fallocate, fd, mode, offset, bytes));
}
}

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;

void arm(Call call, int error, int nth, int times = 1, std::size_t kept_bytes = 0) {
  fault.call = call;
  fault.error = error;
  fault.skip = nth;
  fault.times = times;
  fault.kept_bytes = kept_bytes;
  fault.fired = false;
  fault.armed = true;
}
void disarm() { fault.armed = false; }

Options manual(Sync sync) {
  Options options = test::manual_options(kStart, sync);
  options.tuning.log_segment_bytes = 2'000;
  return options;
}

// Batch n: a sample of a new series and one of a series that all batches share.
Batch batch_of(int n) {
  Batch batch;
  batch.add({{"__name__", "own"}, {"n", std::to_string(n)}}, kStart + n, n);
  batch.add({{"__name__", "shared"}}, kStart + n, n);
  for (int pad = 0; pad < 20; ++pad)
    batch.add({{"__name__", "pad"}, {"n", std::to_string(pad)}}, kStart + n, n + 0.5);
  return batch;
}

// Which batches are there; each wholly or not at all.
std::map<int, bool> there(const Db& db) {
  std::map<int, int> samples;
  auto view = db.view({selector("{__name__=~\".+\"}").value()}, everything());
  EXPECT_TRUE(view);
  for (const Series& series : view->series(0)) {
    const auto read = series.samples();
    EXPECT_TRUE(read);
    for (const TimeMs t : read->t) ++samples[static_cast<int>(t - kStart)];
  }
  std::map<int, bool> out;
  for (const auto& [n, count] : samples) {
    EXPECT_EQ(count, 22) << "half of batch " << n;
    out[n] = true;
  }
  return out;
}

// A fault at each call of a kind in turn, in the life of a database. Whatever was acknowledged is
// there at once and after kill -9; what was refused is not seen, and only after a failed sync may
// it come back, whole.
void everywhere(Call call, int error, Sync sync, ErrorCode expected, std::size_t kept_bytes = 0) {
  for (int nth = 0;; ++nth) {
    SCOPED_TRACE(nth);
    const test::TempDir dir;
    const Options options = manual(sync);
    std::map<int, bool> acknowledged;
    {
      Db db = Db::open(dir / "db", options).value();
      arm(call, error, nth, 1, kept_bytes);
      bool refused_before = false;
      for (int n = 1; n <= 12; ++n) {
        const auto written = db.write(batch_of(n));
        if (written) {
          acknowledged[n] = true;
        } else {
          // After a failed sync all that follows is refused, until it is opened again.
          EXPECT_EQ(written.error().code,
                    refused_before && call == Call::sync ? ErrorCode::read_only : expected)
              << written.error().message;
          refused_before = true;
        }
        EXPECT_EQ(there(db), acknowledged) << "reads go on, and see what was acknowledged";
        if (n % 5 == 0) static_cast<void>(db.maintain());
      }
      const bool fired = fault.fired;
      disarm();
      if (!fired) return;
      if (call != Call::sync) {
        EXPECT_TRUE(db.write(batch_of(13))) << "it resumes by itself";
        acknowledged[13] = true;
      }
      test::copy_directory(dir / "db", dir / "killed");
    }
    for (const char* const name : {"killed", "db"}) {
      auto after = Db::open(dir / name, options);
      ASSERT_TRUE(after) << after.error().message;
      const std::map<int, bool> got = there(*after);
      for (const auto& [n, yes] : acknowledged) EXPECT_TRUE(got.contains(n)) << n;
      EXPECT_TRUE(call == Call::sync || got == acknowledged) << got.size();
      EXPECT_TRUE(after->write(batch_of(14)));
      EXPECT_TRUE(after->verify()->ok());
    }
  }
}

TEST(DbFault, AFullDiskAtAnyWriteOfTheLog) {
  everywhere(Call::write, ENOSPC, Sync::none(), ErrorCode::no_space);
}
TEST(DbFault, AnErrorAtAnyWriteOfTheLog) {
  everywhere(Call::write, EIO, Sync::batch(), ErrorCode::io);
}
TEST(DbFault, AShortWriteAnywhereInTheLog) {
  everywhere(Call::write, ENOSPC, Sync::none(), ErrorCode::no_space, 100);
}
TEST(DbFault, AFullDiskAtAnyReservationOfTheLog) {
  everywhere(Call::reserve, ENOSPC, Sync::none(), ErrorCode::no_space);
}
TEST(DbFault, AFailedSyncIsFinalUntilItIsOpenedAgain) {
  everywhere(Call::sync, EIO, Sync::batch(), ErrorCode::io);
}

TEST(DbFault, OneFailedSyncRefusesTheWholeGroupAndNothingOfItIsSeen) {
  const test::TempDir dir;
  const Options options = manual(Sync::batch());
  Db db = Db::open(dir / "db", options).value();
  ASSERT_TRUE(db.write(batch_of(1)));
  arm(Call::sync, EIO, 0);
  std::atomic<int> refused{0};
  std::vector<std::thread> writers;
  for (int n = 2; n <= 7; ++n) {
    writers.emplace_back([&, n] {
      const auto written = db.write(batch_of(n));
      if (!written) ++refused;
    });
  }
  for (std::thread& writer : writers) writer.join();
  disarm();
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(there(db), (std::map<int, bool>{{1, true}}));
  const auto later = db.write(batch_of(8));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::read_only);
  EXPECT_NE(later.error().detail.find("open it again"), std::string::npos);
}

// What a failed sync has refused lies in the log, and may come back: its series does not leave
// meanwhile, though nothing else is left of it.
TEST(DbFault, NoSeriesLeavesWhileARefusedBatchOfItIsInTheLog) {
  const test::TempDir dir;
  const Options options = manual(Sync::batch());
  const Labels labels = Labels::from({{"__name__", "m"}, {"k", "a"}}).value();
  {
    Db db = Db::open(dir / "db", options).value();
    ASSERT_TRUE(db.series(labels));
    ASSERT_TRUE(db.write(batch_of(1)));
    ASSERT_TRUE(db.close());
  }
  {
    Db db = Db::open(dir / "db", options).value();
    Batch batch;
    batch.add(labels, kStart + 5, 1);
    arm(Call::sync, EIO, 0);
    EXPECT_FALSE(db.write(batch));
    disarm();
    EXPECT_FALSE(db.maintain());
    static_cast<void>(db.close());
  }
  const auto after = Db::open(dir / "db", options);
  ASSERT_TRUE(after) << after.error().message;
  const auto view = after->view({selector("m{k=\"a\"}").value()}, everything());
  EXPECT_EQ(view->series(0).size(), 1U) << "it has come back, whole";
}

// Under an interval nobody waits for the sync; its failure shows in the next write.
TEST(DbFault, AFailedSyncInTheBackgroundStopsTheNextWrite) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual(Sync::none())).value();
  ASSERT_TRUE(db.write(batch_of(1)));
  arm(Call::sync, EIO, 0);
  EXPECT_FALSE(db.sync());
  disarm();
  const auto written = db.write(batch_of(2));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::read_only);
  EXPECT_EQ(there(db).size(), 1U);
}

// A life with flushes, marks, a seal and compactions. Writes are taken throughout: the log
// is whole. What fails says why.
void live(Db& db, ErrorCode expected, std::map<int, bool>& acknowledged) {
  const auto may_fail = [&](const auto& done) {
    if (done) return;
    EXPECT_TRUE(done.error().code == expected || done.error().code == ErrorCode::io)
        << done.error().message;
    EXPECT_NE(done.error().message.find("store"), std::string::npos) << done.error().message;
  };
  for (int n = 1; n <= 8; ++n) {
    const auto written = db.write(batch_of(n));
    ASSERT_TRUE(written) << written.error().message;
    acknowledged[n] = true;
    if (n == 3) may_fail(db.flush());
    if (n == 5) may_fail(db.maintain());
    if (n == 7) may_fail(db.compact());
    EXPECT_EQ(there(db), acknowledged) << "reads go on, and see what was acknowledged";
  }
}

// A fault at one call of a kind after the other. A full disk is got over without a new open, but
// for a rare state of RocksDB's that says so; after an I/O error RocksDB may refuse until then.
void everywhere_in_the_store(Call call, int error, ErrorCode expected, int first,
                             std::size_t kept_bytes = 0) {
  int stuck = 0;
  constexpr int kStride = 4;  // the kinds together meet every call
  for (int nth = first;; nth += kStride) {
    SCOPED_TRACE(nth);
    const test::TempDir dir;
    const Options options = manual(Sync::none());
    std::map<int, bool> acknowledged;
    {
      Db db = Db::open(dir / "db", options).value();
      arm(call, error, nth, 1, kept_bytes);
      live(db, expected, acknowledged);
      const bool fired = fault.fired;
      disarm();
      if (!fired) {
        EXPECT_GT(nth, 8) << "hardly any call was there to fail";
        EXPECT_LE(stuck * kStride, nth / 4) << "hardly any full disk was got over";
        return;
      }
      EXPECT_TRUE(db.write(batch_of(9)));
      acknowledged[9] = true;
      const auto flushed = db.flush();
      if (!flushed && error == ENOSPC) {
        EXPECT_NE(flushed.error().detail.find("open it again"), std::string::npos)
            << flushed.error().message;
        ++stuck;
      }
      EXPECT_EQ(there(db), acknowledged);
      test::copy_directory(dir / "db", dir / "killed");
    }
    for (const char* const name : {"killed", "db"}) {
      auto after = Db::open(dir / name, options);
      ASSERT_TRUE(after) << after.error().message;
      EXPECT_EQ(there(*after), acknowledged) << name;
      EXPECT_TRUE(after->write(batch_of(10)));
      EXPECT_TRUE(after->flush());
      EXPECT_TRUE(after->verify()->ok());
    }
  }
}

TEST(DbFault, AFullDiskAtWritesOfTheStore) {
  everywhere_in_the_store(Call::store_write, ENOSPC, ErrorCode::no_space, 0);
}
TEST(DbFault, AnErrorAtWritesOfTheStore) {
  everywhere_in_the_store(Call::store_write, EIO, ErrorCode::io, 1);
}
TEST(DbFault, AShortWriteInTheStore) {
  everywhere_in_the_store(Call::store_write, ENOSPC, ErrorCode::no_space, 2, 100);
}
TEST(DbFault, AFailedSyncOfTheStore) {
  everywhere_in_the_store(Call::store_sync, EIO, ErrorCode::io, 3);
}

}  // namespace
}  // namespace hygge
