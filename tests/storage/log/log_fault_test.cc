// Writes, syncs and all else fail in turn: what was acknowledged is there after the power cut, what
// was refused is not, and the log goes on once it can.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

using test::FileOperation;

// Twenty batches of a series and a sample, each synced before it counts as acknowledged.
std::vector<Delivered> write_twenty(LogWriter& log) {
  std::vector<Delivered> acknowledged;
  for (std::uint32_t i = 1; i <= 20; ++i) {
    const std::vector<PendingRecord> batch = {series_record(i, fmt::format("metric_{}", i)),
                                              samples_record(i, log.synced_sequence())};
    const auto last = log.append(batch);
    if (!last || !log.sync()) continue;
    acknowledged.push_back({RecordType::series, *last - 1, batch[0].payload});
    acknowledged.push_back({RecordType::samples, *last, batch[1].payload});
  }
  return acknowledged;
}

// Each operation of a kind fails once, in turn.
void expect_nothing_lost(FileOperation operation, ErrorCode code) {
  bool fired = true;
  for (int nth = 0; fired; ++nth) {
    SCOPED_TRACE(fmt::format("{} {}", test::to_string(operation), nth));
    test::FaultyFiles files;
    make_log_dir(files);
    auto log = open_log(files);
    files.fail(operation, nth, code);
    const std::vector<Delivered> acknowledged = write_twenty(*log);
    fired = files.fault_fired();  // false: nth is past the last one
    if (operation != FileOperation::sync) {
      EXPECT_GE(acknowledged.size(), 38U);
    }
    files.lose_unsynced();
    const auto replayed = replay_all(files);
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(replayed->records, acknowledged);
  }
}

TEST(LogFault, NoSpaceAtAnyWriteLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::write, ErrorCode::no_space);
}
TEST(LogFault, NoSpaceAtAnyReservationLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::preallocate, ErrorCode::no_space);
}
TEST(LogFault, AnErrorAtAnySyncLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::sync, ErrorCode::io);
}
TEST(LogFault, AnErrorAtAnySyncOfTheFolderLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::sync_directory, ErrorCode::io);
}
TEST(LogFault, AnErrorAtAnyTruncationLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::truncate, ErrorCode::io);
}
TEST(LogFault, AnErrorAtAnyCreationLosesNothingAcknowledged) {
  expect_nothing_lost(FileOperation::create, ErrorCode::no_space);
}

// Short writes of every length, at every write.
TEST(LogFault, AShortWriteLeavesNothingBehind) {
  bool fired = true;
  for (int nth = 0; fired; ++nth) {
    for (std::size_t kept = 0; kept < 60; ++kept) {
      SCOPED_TRACE(fmt::format("{} bytes of write {}", kept, nth));
      test::FaultyFiles files;
      make_log_dir(files);
      auto log = open_log(files);
      files.fail_write(nth, ErrorCode::no_space, kept);
      const std::vector<Delivered> acknowledged = write_twenty(*log);
      fired = files.fault_fired();
      // By a kill, which loses nothing, and by a power cut.
      EXPECT_EQ(replay_all(files, {true, 0})->records, acknowledged);
      files.lose_unsynced();
      EXPECT_EQ(replay_all(files)->records, acknowledged);
    }
  }
}

TEST(LogFault, AFailedSyncIsFinalUntilTheLogIsOpenedAgain) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files, 1, {4096, 4096});
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  ASSERT_TRUE(log->sync());
  ASSERT_TRUE(append_one(*log, samples_record(2)));
  files.fail_sync(0);
  EXPECT_EQ(log->sync().error().code, ErrorCode::io);
  EXPECT_EQ(log->sync().error().code, ErrorCode::read_only);
  EXPECT_EQ(append_one(*log, samples_record(3)).error().code, ErrorCode::read_only);
  EXPECT_EQ(log->rotate().error().code, ErrorCode::read_only);
  EXPECT_EQ(log->synced_sequence(), 1U);
  files.lose_unsynced();
  const auto replayed = replay_all(files);
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->report.last_sequence, 1U);
  log = open_log(files, 2);
  EXPECT_TRUE(append_one(*log, samples_record(2)));
}

// fdatasync tells of a failure once. A rotation that another thread makes while a sync of the
// segment is under way must not sync it once more, succeed, and go on.
TEST(LogFault, AFailingSyncIsNotHiddenByARotation) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files, 1, {4096, 4096});
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  std::thread rotating;
  files.on_operation([&](FileOperation operation) {
    if (operation != FileOperation::sync || rotating.joinable()) return;
    // From inside the first sync. A rotation that does not wait is over before it goes on.
    std::atomic<bool> started{false};
    rotating = std::thread([&] {
      started = true;
      EXPECT_FALSE(log->rotate());
    });
    while (!started) std::this_thread::yield();
    for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
  });
  files.fail_sync(0);
  EXPECT_FALSE(log->sync());
  rotating.join();
  EXPECT_EQ(log->synced_sequence(), 0U);
}

// A full disk refuses every batch; what was there is readable; with room it goes on by itself.
TEST(LogFault, AFullDiskSuspendsAndRoomResumes) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files);
  std::vector<Delivered> acknowledged;
  const auto write = [&](std::uint32_t i) {
    const PendingRecord record = samples_record(i, log->synced_sequence());
    const auto sequence = append_one(*log, record);
    if (sequence && log->sync()) {
      acknowledged.push_back({RecordType::samples, *sequence, record.payload});
    }
    return sequence;
  };
  files.limit_bytes(1'000);
  std::uint32_t i = 0;
  while (write(++i)) ASSERT_LT(i, 100U);
  for (int again = 0; again < 5; ++again) {
    const auto refused = write(++i);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::no_space);
  }
  EXPECT_EQ(replay_all(files, {true, 0})->records, acknowledged);
  EXPECT_LE(files.tree_bytes("db").value(), 1'000U);
  files.limit_bytes(5'000);
  for (int more = 0; more < 20; ++more) EXPECT_TRUE(write(++i));
  files.lose_unsynced();
  EXPECT_EQ(replay_all(files)->records, acknowledged);
}

// The batch that failed left two whole records behind, and cutting them off failed, too. A later,
// shorter batch of the length of the first must not make the second look like its successor.
TEST(LogFault, RecordsOfAFailedBatchDoNotComeBackBehindALaterOne) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files, 1, {4096, 4096});
  const std::vector<PendingRecord> batch = {series_record(1, "aaaa"), series_record(2, "bbbb"),
                                            samples_record(1)};
  const std::size_t two = 2 * (kRecordHeaderBytes + batch[0].payload.size());
  files.stop_at(0, two);
  EXPECT_FALSE(log->append(batch));
  // The disk is still broken: suspended, not resumed.
  EXPECT_FALSE(append_one(*log, series_record(1, "cccc")));
  files.clear_faults();
  ASSERT_TRUE(append_one(*log, series_record(1, "cccc")));
  const auto replayed = replay_all(files, {true, 0}).value();
  ASSERT_EQ(replayed.records.size(), 1U);
  EXPECT_EQ(replayed.records[0].payload, series_record(1, "cccc").payload);
}

// The same through a power cut: the cut itself has to be durable before something follows.
TEST(LogFault, APowerCutDoesNotMixAFailedBatchWithALaterOne) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    test::FaultyFiles files;
    make_log_dir(files);
    auto log = open_log(files, 1, {4096, 4096});
    const std::vector<PendingRecord> batch = {series_record(1, "aaaa"), series_record(2, "bbbb"),
                                              samples_record(1)};
    const std::size_t one = kRecordHeaderBytes + batch[0].payload.size();
    files.fail_write(0, ErrorCode::no_space, 2 * one);
    EXPECT_FALSE(log->append(batch));
    ASSERT_TRUE(append_one(*log, series_record(1, "cccc")));
    files.lose_unsynced(random, one);
    const auto replayed = replay_all(files);
    ASSERT_TRUE(replayed) << replayed.error().message;
    for (const Delivered& record : replayed->records) {
      EXPECT_EQ(record.payload, series_record(1, "cccc").payload);
    }
  }
}

// A new segment that could neither be finished nor removed is begun again, whoever finds it.
TEST(LogFault, AHalfBegunSegmentIsBegunAgain) {
  for (int stop = 0; stop < 8; ++stop) {
    SCOPED_TRACE(stop);
    test::FaultyFiles files;
    make_log_dir(files);
    auto log = open_log(files, 1, {4096, 4096});
    ASSERT_TRUE(append_one(*log, samples_record(1)));
    files.stop_at(stop, 10);
    const bool rotated = log->rotate().has_value();
    files.clear_faults();
    const auto next = append_one(*log, samples_record(2));
    if (!next) {
      EXPECT_EQ(next.error().code, ErrorCode::read_only) << "the sync of the old segment failed";
    }
    EXPECT_TRUE(rotated || files.fault_fired());
    const std::size_t there = next ? 2 : 1;
    EXPECT_EQ(replay_all(files, {true, 0})->records.size(), there);
    files.lose_unsynced();
    const auto replayed = replay_all(files);
    ASSERT_TRUE(replayed) << replayed.error().message;
    log = open_log(files, replayed->report.last_sequence + 1);
    EXPECT_TRUE(append_one(*log, samples_record(3)));
  }
}

TEST(LogFault, ErrorsOfRemovalLeaveALogThatOpens) {
  for (int stop = 0; stop < 4; ++stop) {
    SCOPED_TRACE(stop);
    test::FaultyFiles files;
    make_log_dir(files);
    auto log = open_log(files, 1, {1, 1});
    for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(append_one(*log, samples_record(i)));
    ASSERT_TRUE(append_one(*log, mark_record(3)));
    ASSERT_TRUE(log->sync());
    files.stop_at(stop);
    const auto removed = log->remove_through(3);
    EXPECT_EQ(removed.has_value(), !files.fault_fired());
    files.clear_faults();
    EXPECT_EQ(replay_all(files)->records.size(), 2U);
    EXPECT_TRUE(log->remove_through(3));
    EXPECT_EQ(list_segments(files, kTestDir)->front().first_sequence, 4U);
  }
}

TEST(LogFault, ReplayReportsErrorsOfReading) {
  test::FaultyFiles files;
  make_log_dir(files);
  auto log = open_log(files);
  const std::vector<Delivered> all = write_twenty(*log);
  bool fired = true;
  for (int nth = 0; fired; ++nth) {
    SCOPED_TRACE(nth);
    files.fail(FileOperation::read, nth, ErrorCode::io);
    const auto replayed = replay_all(files, {true, std::nullopt});
    fired = files.fault_fired();
    if (!replayed) {
      EXPECT_EQ(replayed.error().code, ErrorCode::io);
    } else {
      EXPECT_EQ(replayed->records, all);
    }
  }
}

}  // namespace
}  // namespace hygge::storage
