// What every Files does, tried on the real files and on the ones that tests use instead.
#include "storage/file/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace hygge::storage {
namespace {

struct Place {
  virtual ~Place() = default;
  virtual Files& files() = 0;
  virtual std::string dir() = 0;
};
struct RealPlace : Place {
  Files& files() override { return posix_files(); }
  std::string dir() override { return temporary.path(); }
  test::TempDir temporary;
};
struct MemoryPlace : Place {
  MemoryPlace() { EXPECT_TRUE(memory.create_directories("root")); }
  Files& files() override { return memory; }
  std::string dir() override { return "root"; }
  test::FaultyFiles memory;
};

class FilesContract : public testing::TestWithParam<const char*> {
 protected:
  FilesContract() {
    if (std::string(GetParam()) == "posix") {
      place_ = std::make_unique<RealPlace>();
    } else {
      place_ = std::make_unique<MemoryPlace>();
    }
  }
  Files& files() { return place_->files(); }
  std::string path(const std::string& name) { return place_->dir() + "/" + name; }
  std::string dir() { return place_->dir(); }

 private:
  std::unique_ptr<Place> place_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, FilesContract, testing::Values("posix", "memory"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(FilesContract, WritesAtOffsetsAndReadsBack) {
  auto file = files().create(path("a")).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("hello world")));
  ASSERT_TRUE(file->write_at(6, as_bytes("there")));
  EXPECT_EQ(file->size().value(), 11U);
  EXPECT_EQ(file->read_at(0, 100).value(), "hello there");
  EXPECT_EQ(file->read_at(6, 3).value(), "the");
  EXPECT_EQ(file->read_at(11, 5).value(), "");
  EXPECT_EQ(file->read_at(1'000, 5).value(), "");
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(files().read(path("a")).value(), "hello there");
}

TEST_P(FilesContract, HolesAndReservedSpaceReadAsZeros) {
  auto file = files().create(path("a")).value();
  ASSERT_TRUE(file->write_at(4, as_bytes("x")));
  EXPECT_EQ(file->read_at(0, 5).value(), std::string("\0\0\0\0x", 5));
  ASSERT_TRUE(file->preallocate(8));
  EXPECT_EQ(files().read(path("a")).value(), std::string("\0\0\0\0x\0\0\0", 8));
  ASSERT_TRUE(file->preallocate(2));
  EXPECT_EQ(file->size().value(), 8U);
}

TEST_P(FilesContract, TruncatesBothWays) {
  auto file = files().create(path("a")).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
  ASSERT_TRUE(file->truncate(3));
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(file->read_at(0, 10).value(), std::string("abc\0\0", 5));
}

TEST_P(FilesContract, CreateRefusesWhatIsThereAndOpenWhatIsNot) {
  ASSERT_TRUE(files().create(path("a")));
  EXPECT_EQ(files().create(path("a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(files().open_read(path("b")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().open_write(path("b")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().read(path("b")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().unlink(path("b")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().rename(path("b"), path("c")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().create(path("no/such/a")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files().list(path("no")).error().code, ErrorCode::not_found);
}

TEST_P(FilesContract, ErrorsNameOperationAndPath) {
  const auto error = files().read(path("missing")).error();
  EXPECT_NE(error.message.find("opening"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(path("missing")), std::string::npos) << error.message;
}

TEST_P(FilesContract, ListsSortedWithSizesAndKinds) {
  ASSERT_TRUE(files().write_synced(path("b"), "22"));
  ASSERT_TRUE(files().write_synced(path("a"), "1"));
  ASSERT_TRUE(files().create_directories(path("c/d")));
  ASSERT_TRUE(files().write_synced(path("c/d/e"), "4444"));
  const auto entries = files().list(dir()).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].bytes, 1U);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_FALSE(entries[1].directory);
  EXPECT_EQ(entries[2].name, "c");
  EXPECT_TRUE(entries[2].directory);
  EXPECT_EQ(files().tree_bytes(dir()).value(), 7U);
}

TEST_P(FilesContract, WriteSyncedReplacesTheWholeText) {
  ASSERT_TRUE(files().write_synced(path("a"), "a long text"));
  ASSERT_TRUE(files().write_synced(path("a"), "short"));
  EXPECT_EQ(files().read(path("a")).value(), "short");
}

TEST_P(FilesContract, RenameReplacesAndRemoveTreeRemovesAll) {
  ASSERT_TRUE(files().create_directories(path("d")));
  ASSERT_TRUE(files().create_directories(path("d")));
  ASSERT_TRUE(files().write_synced(path("d/a"), "new"));
  ASSERT_TRUE(files().write_synced(path("d/b"), "old"));
  ASSERT_TRUE(files().rename(path("d/a"), path("d/b")));
  ASSERT_TRUE(files().sync_directory(path("d")));
  EXPECT_FALSE(files().exists(path("d/a")));
  EXPECT_EQ(files().read(path("d/b")).value(), "new");
  ASSERT_TRUE(files().remove_tree(path("d")));
  EXPECT_FALSE(files().exists(path("d/b")));
  EXPECT_FALSE(files().exists(path("d")));
}

TEST_P(FilesContract, AnUnlinkedFileStaysReadableWhileItIsOpen) {
  ASSERT_TRUE(files().write_synced(path("a"), "text"));
  auto file = files().open_read(path("a")).value();
  ASSERT_TRUE(files().unlink(path("a")));
  EXPECT_EQ(file->read_at(0, 4).value(), "text");
  EXPECT_FALSE(files().exists(path("a")));
}

TEST_P(FilesContract, ALockIsHeldOnceAndFreedWithItsHolder) {
  auto lock = files().lock(path("LOCK"));
  ASSERT_TRUE(lock);
  const auto second = files().lock(path("LOCK"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  lock->reset();
  EXPECT_TRUE(files().lock(path("LOCK")));
}

TEST(PosixFiles, BusyNamesTheHoldersProcess) {
  test::TempDir dir;
  const auto lock = posix_files().lock(dir / "LOCK");
  ASSERT_TRUE(lock);
  const std::string pid = std::to_string(getpid());
  EXPECT_EQ(posix_files().read(dir / "LOCK").value(), pid + "\n");
  const auto second = posix_files().lock(dir / "LOCK");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("process " + pid), std::string::npos);
}

// The pid of an earlier holder was longer than ours.
TEST(PosixFiles, ALockForgetsItsEarlierHolder) {
  test::TempDir dir;
  ASSERT_TRUE(posix_files().write_synced(dir / "LOCK", "123456789012345678\n"));
  const auto lock = posix_files().lock(dir / "LOCK");
  ASSERT_TRUE(lock);
  EXPECT_EQ(posix_files().read(dir / "LOCK").value(), std::to_string(getpid()) + "\n");
}

TEST(PosixFiles, AFullDiskIsNoSpace) {
  auto file = posix_files().open_write("/dev/full");
  ASSERT_TRUE(file);
  const auto wrote = (*file)->write_at(0, as_bytes("x"));
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, ErrorCode::no_space);
  EXPECT_EQ(wrote.error().message, "writing /dev/full: No space left on device");
  EXPECT_FALSE(wrote.error().detail.empty());
}

// The kernel takes as much as the limit allows, then nothing: a short write, continued, then EFBIG.
TEST(PosixFiles, AShortWriteIsContinuedUntilItFails) {
  test::TempDir dir;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto file = posix_files().create(dir / "a").value();
  const auto wrote = file->write_at(0, as_bytes("0123456789abcdef"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, ErrorCode::io);
  EXPECT_EQ(file->read_at(0, 100).value(), "0123456789");
}

TEST(PosixFiles, ReservedSpaceIsReallyTaken) {
  test::TempDir dir;
  auto file = posix_files().create(dir / "a").value();
  ASSERT_TRUE(file->preallocate(1U << 20U));
  EXPECT_EQ(file->size().value(), 1U << 20U);
}

TEST(PosixFiles, WhatAnErrnoMeans) {
  struct Case {
    const char* name;
    int number;
    ErrorCode code;
  };
  const Case cases[] = {
      {"full", ENOSPC, ErrorCode::no_space},
      {"quota", EDQUOT, ErrorCode::no_space},
      {"read-only file system", EROFS, ErrorCode::read_only},
      {"permissions", EACCES, ErrorCode::read_only},
      {"not permitted", EPERM, ErrorCode::read_only},
      {"missing", ENOENT, ErrorCode::not_found},
      {"a file where a folder should be", ENOTDIR, ErrorCode::not_found},
      {"there already", EEXIST, ErrorCode::already_exists},
      {"the device", EIO, ErrorCode::io},
      {"too many files", EMFILE, ErrorCode::io},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Error error = errno_error(c.number, "writing", "/some/file");
    EXPECT_EQ(error.code, c.code);
    EXPECT_TRUE(error.message.starts_with("writing /some/file: ")) << error.message;
  }
}

TEST(PosixFiles, AFileIsNoDirectory) {
  test::TempDir dir;
  ASSERT_TRUE(posix_files().write_synced(dir / "a", "x"));
  EXPECT_FALSE(posix_files().list(dir / "a"));
  EXPECT_FALSE(posix_files().create_directories(dir / "a/b"));
  EXPECT_FALSE(posix_files().sync_directory(dir / "a"));
}

}  // namespace
}  // namespace hygge::storage
