// The files that fail and forget: tests rest on what they forget, so that is tested too.
#include "tests/support/faulty_files.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>

namespace hygge::test {
namespace {

// A directory that is durable, with a file `a` in it that is not.
struct FaultyFilesTest : testing::Test {
  FaultyFilesTest() {
    EXPECT_TRUE(files.create_directories("d"));
    EXPECT_TRUE(files.sync_directory(""));
    file = files.create("d/a").value();
  }
  void make_durable() {
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files.sync_directory("d"));
  }

  FaultyFiles files;
  std::unique_ptr<storage::File> file;
};

TEST_F(FaultyFilesTest, AnEntryThatWasNotSyncedIsLostWithItsFile) {
  ASSERT_TRUE(file->write_at(0, as_bytes("text")));
  ASSERT_TRUE(file->sync());
  files.lose_unsynced();
  EXPECT_FALSE(files.exists("d/a"));
  EXPECT_TRUE(files.exists("d"));
}

TEST_F(FaultyFilesTest, BytesThatWereNotSyncedAreLost) {
  ASSERT_TRUE(file->write_at(0, as_bytes("kept")));
  make_durable();
  ASSERT_TRUE(file->write_at(0, as_bytes("lost")));
  ASSERT_TRUE(file->truncate(2));
  EXPECT_EQ(files.content("d/a"), "lo");
  files.lose_unsynced();
  EXPECT_EQ(files.content("d/a"), "kept");
}

TEST_F(FaultyFilesTest, AnUnsyncedUnlinkComesBack) {
  make_durable();
  ASSERT_TRUE(files.unlink("d/a"));
  files.lose_unsynced();
  EXPECT_TRUE(files.exists("d/a"));
}

TEST_F(FaultyFilesTest, OpenFilesEndWithThePower) {
  make_durable();
  files.lose_unsynced();
  EXPECT_FALSE(file->write_at(0, as_bytes("ghost")));
  EXPECT_FALSE(file->truncate(0));
  EXPECT_FALSE(file->sync());
  EXPECT_EQ(files.content("d/a"), "");
}

TEST_F(FaultyFilesTest, AFailedSyncDropsWhatItCovered) {
  make_durable();
  ASSERT_TRUE(file->write_at(0, as_bytes("dropped")));
  files.fail_sync(0);
  EXPECT_FALSE(file->sync());
  EXPECT_TRUE(files.fault_fired());
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(files.content("d/a"), "dropped");
  files.lose_unsynced();
  EXPECT_EQ(files.content("d/a"), "");
}

TEST_F(FaultyFilesTest, AFaultCountsFromNowAndFiresOnce) {
  ASSERT_TRUE(file->write_at(0, as_bytes("0")));
  files.fail_write(1, ErrorCode::no_space, 2);
  ASSERT_TRUE(file->write_at(1, as_bytes("1")));
  EXPECT_FALSE(files.fault_fired());
  const auto wrote = file->write_at(2, as_bytes("2345"));
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, ErrorCode::no_space);
  EXPECT_TRUE(files.fault_fired());
  EXPECT_EQ(files.content("d/a"), "0123");
  EXPECT_TRUE(file->write_at(2, as_bytes("xy")));
}

TEST_F(FaultyFilesTest, NothingChangesOnceStopped) {
  make_durable();
  files.stop_at(1, 1);
  ASSERT_TRUE(file->write_at(0, as_bytes("a")));
  EXPECT_FALSE(file->write_at(1, as_bytes("bc")));
  EXPECT_FALSE(file->write_at(3, as_bytes("d")));
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(files.unlink("d/a"));
  EXPECT_FALSE(files.create("d/b"));
  EXPECT_EQ(files.content("d/a"), "ab");
}

TEST_F(FaultyFilesTest, AFullDiskTakesWhatFits) {
  files.limit_bytes(4);
  const auto wrote = file->write_at(0, as_bytes("012345"));
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, ErrorCode::no_space);
  EXPECT_EQ(files.content("d/a"), "0123");
  EXPECT_TRUE(file->write_at(0, as_bytes("abcd")));
  EXPECT_FALSE(file->preallocate(5));
  files.limit_bytes(5);
  EXPECT_TRUE(file->preallocate(5));
}

// Two pages, one after the other: each of the four states is met.
TEST_F(FaultyFilesTest, ByChanceAnyPagesAreLost) {
  ASSERT_TRUE(file->write_at(0, as_bytes("........")));
  make_durable();
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    FaultyFiles copy;
    ASSERT_TRUE(copy.create_directories("d"));
    ASSERT_TRUE(copy.sync_directory(""));
    copy.put("d/a", "........");
    auto opened = copy.open_write("d/a").value();
    ASSERT_TRUE(opened->write_at(2, as_bytes("ABCD")));
    std::mt19937_64 random(seed);
    copy.lose_unsynced(random, 4);
    seen.insert(copy.content("d/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"........", "..AB....", "....CD..", "..ABCD.."}));
}

}  // namespace
}  // namespace hygge::test
