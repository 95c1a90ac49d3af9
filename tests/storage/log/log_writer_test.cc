#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "storage/log/writer.h"
#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

using test::FileOperation;

struct LogWriterTest : testing::Test {
  LogWriterTest() { make_log_dir(files); }
  std::vector<std::uint64_t> first_sequences() {
    std::vector<std::uint64_t> out;
    const auto segments = list_segments(files, kTestDir).value();
    for (const SegmentFile& segment : segments) {
      out.push_back(segment.first_sequence);
    }
    return out;
  }
  test::FaultyFiles files;
};

TEST_F(LogWriterTest, GivesConsecutiveSequencesAndReplayGivesTheRecords) {
  auto log = open_log(files);
  const std::vector<PendingRecord> batch = {series_record(1, "up"), series_record(2, "down"),
                                            samples_record(1)};
  EXPECT_EQ(log->last_sequence(), 0U);
  EXPECT_EQ(log->append(batch).value(), 3U);
  EXPECT_EQ(append_one(*log, mark_record(2)).value(), 4U);
  EXPECT_EQ(log->append({}).value(), 4U);
  const auto replayed = replay_all(files, {true, 0}).value();
  const std::vector<Delivered> expected = {{RecordType::series, 1, batch[0].payload},
                                           {RecordType::series, 2, batch[1].payload},
                                           {RecordType::samples, 3, batch[2].payload},
                                           {RecordType::mark, 4, mark_record(2).payload}};
  EXPECT_EQ(replayed.records, expected);
  EXPECT_EQ(replayed.report.last_sequence, 4U);
}

TEST_F(LogWriterTest, ABatchIsOneWriteIntoOneSegment) {
  auto log = open_log(files);
  std::vector<PendingRecord> batch;
  for (std::uint32_t i = 0; i < 50; ++i) batch.push_back(samples_record(i));
  const int before = files.count(FileOperation::write);
  ASSERT_TRUE(log->append(batch));
  EXPECT_EQ(files.count(FileOperation::write), before + 1);
  EXPECT_EQ(first_sequences(), std::vector<std::uint64_t>{1});
  ASSERT_TRUE(log->append(batch));
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{1, 51}));
}

TEST_F(LogWriterTest, ASegmentIsSyncedBeforeTheNextIsUsed) {
  auto log = open_log(files);
  while (first_sequences().size() < 3) {
    ASSERT_TRUE(append_one(*log, samples_record(static_cast<std::uint32_t>(log->last_sequence()))));
  }
  const std::uint64_t in_new = log->last_sequence();
  EXPECT_EQ(log->synced_sequence(), in_new - 1);
  files.lose_unsynced();
  EXPECT_EQ(replay_all(files)->report.last_sequence, in_new - 1);
}

TEST_F(LogWriterTest, SpaceIsReservedInStepsAndGivenBack) {
  auto log = open_log(files, 1, {1U << 20U, 4096});
  EXPECT_EQ(files.content(segment_path(1)).size(), 4096U);
  ASSERT_TRUE(append_one(*log, {RecordType::samples, std::string(5'000, 'x')}));
  EXPECT_EQ(files.content(segment_path(1)).size(), 8192U);
  log.reset();
  EXPECT_EQ(files.content(segment_path(1)).size(),
            kSegmentHeaderBytes + kRecordHeaderBytes + 5'000);
}

TEST_F(LogWriterTest, SegmentsSmallerThanARecordTakeOneEach) {
  auto log = open_log(files, 1, {1, 1});
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(append_one(*log, samples_record(i)));
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(replay_all(files)->records.size(), 4U);
}

TEST_F(LogWriterTest, RotateBeginsASegmentUnlessTheCurrentOneIsEmpty) {
  auto log = open_log(files);
  ASSERT_TRUE(log->rotate());
  EXPECT_EQ(first_sequences(), std::vector<std::uint64_t>{1});
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  ASSERT_TRUE(log->rotate());
  ASSERT_TRUE(log->rotate());
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(log->synced_sequence(), 1U);
}

TEST_F(LogWriterTest, RemovesWhatIsWhollyBelowTheMarkAndNeverTheNewest) {
  auto log = open_log(files, 1, {1, 1});  // a record a segment
  for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(append_one(*log, samples_record(i)));
  EXPECT_EQ(log->remove_through(0).value(), 0U);
  EXPECT_EQ(log->remove_through(2).value(), 2U);
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{3, 4, 5}));
  files.lose_unsynced();
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{3, 4, 5})) << "the folder was synced";
}

TEST_F(LogWriterTest, TheNewestSegmentStaysThoughAllIsMarked) {
  auto log = open_log(files);
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  EXPECT_EQ(log->remove_through(1).value(), 0U);
  ASSERT_TRUE(log->rotate());
  EXPECT_EQ(log->remove_through(1).value(), 1U);
  EXPECT_EQ(first_sequences(), std::vector<std::uint64_t>{2});
}

TEST_F(LogWriterTest, ASegmentSomebodyElseRemovedIsGone) {
  auto log = open_log(files, 1, {1, 1});
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(append_one(*log, samples_record(i)));
  ASSERT_TRUE(files.unlink(segment_path(1)));
  EXPECT_EQ(log->remove_through(2).value(), 2U);
}

TEST_F(LogWriterTest, GoesOnInANewSegmentAfterReplay) {
  auto log = open_log(files);
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  log.reset();
  log = open_log(files, 2);
  ASSERT_TRUE(append_one(*log, samples_record(2)));
  log.reset();
  // Nothing was written: the segment that was begun is begun again.
  log = open_log(files, 3);
  log.reset();
  log = open_log(files, 3);
  EXPECT_EQ(first_sequences(), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(replay_all(files)->records.size(), 2U);
}

TEST_F(LogWriterTest, TooLargeARecordIsRefusedAndNothingIsWritten) {
  auto log = open_log(files);
  const std::vector<PendingRecord> batch = {
      samples_record(1),
      {RecordType::samples, std::string(kMaxBodyBytes - kMinBodyBytes + 1, 'x')}};
  const auto appended = log->append(batch);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::limit);
  EXPECT_EQ(log->last_sequence(), 0U);
  EXPECT_EQ(append_one(*log, samples_record(1)).value(), 1U);
}

TEST_F(LogWriterTest, SyncCoversWhatWasAppendedAndIsSparedWhereNothingWas) {
  auto log = open_log(files);
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  ASSERT_TRUE(append_one(*log, samples_record(2)));
  const int before = files.count(FileOperation::sync);
  EXPECT_EQ(log->synced_sequence(), 0U);
  ASSERT_TRUE(log->sync());
  ASSERT_TRUE(log->sync());
  EXPECT_EQ(files.count(FileOperation::sync), before + 1);
  EXPECT_EQ(log->synced_sequence(), 2U);
  files.lose_unsynced();
  EXPECT_EQ(replay_all(files)->records.size(), 2U);
}

// Threads that sync beside one that appends: what sync() promised is there after the power cut.
TEST(LogWriterThreads, SyncCoversAllThatWasAppendedBeforeIt) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files, 1, {2'000, 512});
  std::atomic<std::uint64_t> appended{0};
  std::atomic<std::uint64_t> promised{0};
  std::atomic<bool> broken{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (appended.load() < 500) {
        const std::uint64_t before = appended.load();
        if (!log->sync() || log->synced_sequence() < before) broken = true;
        std::uint64_t seen = promised.load();
        while (seen < before && !promised.compare_exchange_weak(seen, before)) {
        }
      }
    });
  }
  for (std::uint32_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(append_one(*log, samples_record(i, log->synced_sequence())));
    appended = log->last_sequence();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(broken);
  files.lose_unsynced();
  EXPECT_GE(replay_all(files)->report.last_sequence, promised.load());
}

}  // namespace
}  // namespace hygge::storage
