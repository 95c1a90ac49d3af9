#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

using test::FileOperation;

// Records 1 to 9, one a segment but for the last two; record n is samples_record(n, n − 1).
struct LogReplayTest : testing::Test {
  LogReplayTest() {
    make_log_dir(files);
    auto log = open_log(files, 1, {1, 64});
    for (std::uint32_t i = 1; i <= 8; ++i) add(*log, samples_record(i, i - 1));
    log.reset();
  }
  void add(LogWriter& log, const PendingRecord& record) {
    const auto sequence = append_one(log, record);
    ASSERT_TRUE(sequence);
    ASSERT_TRUE(log.sync());
    all.push_back({record.type, *sequence, record.payload});
  }
  std::vector<Delivered> after(std::uint64_t mark) const {
    return {all.begin() + static_cast<std::ptrdiff_t>(mark), all.end()};
  }
  Error error_of(const ReplayOptions& options = {}) {
    const auto replayed = replay_all(files, options);
    EXPECT_FALSE(replayed);
    return replayed ? Error{} : replayed.error();
  }

  test::FaultyFiles files;
  std::vector<Delivered> all;
};

TEST_F(LogReplayTest, DeliversWhatFollowsTheMarkGiven) {
  for (std::uint64_t mark = 0; mark <= 8; ++mark) {
    SCOPED_TRACE(mark);
    const auto replayed = replay_all(files, {false, mark});
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(replayed->records, after(mark));
    EXPECT_EQ(replayed->report.records, 8 - mark);
    EXPECT_EQ(replayed->report.mark, mark);
    EXPECT_EQ(replayed->report.last_sequence, 8U);
  }
  EXPECT_EQ(error_of({false, 9}).code, ErrorCode::corruption) << "the log ends before its mark";
}

// A reader beside a writer that has removed what it read.
TEST_F(LogReplayTest, ReadsHeldSegmentsThatAreGone) {
  HeldSegments held;
  ASSERT_TRUE(held.take(files, kTestDir, kTestId));
  auto log = open_log(files, 9, {1, 64});
  add(*log, samples_record(9));
  ASSERT_TRUE(held.take(files, kTestDir, kTestId));
  ASSERT_TRUE(held.take(files, kTestDir, kTestId)) << "and nothing twice";
  for (const SegmentFile& segment : held.segments()) {
    if (segment.first_sequence > 6) break;
    ASSERT_TRUE(files.unlink(segment.path));
  }
  EXPECT_EQ(error_of({true, 3}).code, ErrorCode::corruption) << "by their names they are lost";
  const auto replayed = replay_all(files, {true, 3, &held});
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->records, after(3));
}

TEST_F(LogReplayTest, TellsASegmentThatNobodyHeld) {
  HeldSegments held;
  ASSERT_TRUE(held.take(files, kTestDir, kTestId));
  auto log = open_log(files, 9, {1, 64});
  add(*log, samples_record(9));
  add(*log, samples_record(10));
  ASSERT_TRUE(files.unlink(segment_path(9)));
  ASSERT_TRUE(held.take(files, kTestDir, kTestId));
  EXPECT_EQ(error_of({true, 3, &held}).code, ErrorCode::corruption);
}

TEST_F(LogReplayTest, FindsTheNewestMark) {
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 0U);
  auto log = open_log(files, 9, {4096, 64});
  add(*log, mark_record(3));
  add(*log, mark_record(5));
  add(*log, samples_record(11));
  ASSERT_TRUE(log->rotate());
  add(*log, samples_record(12));
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 5U);
  const auto replayed = replay_all(files).value();
  EXPECT_EQ(replayed.report.mark, 5U);
  EXPECT_EQ(replayed.records, after(5));
}

TEST_F(LogReplayTest, FindsAMarkBehindLongRecordsAndAGap) {
  std::string segment = encode_segment_header(kTestId, 9);
  const auto append = [&](std::uint64_t sequence, const PendingRecord& record) {
    append_record(segment, record.type, sequence, as_bytes(record.payload));
  };
  std::uint64_t sequence = 9;
  for (const std::size_t bytes : {10U, 4'000U, 5'000U, 70'000U}) {
    append(sequence++, series_record(1, std::string(bytes, 'x')));
  }
  PendingRecord gap{RecordType::gap, {}};
  encode_gap(gap.payload, 29);
  append(sequence, gap);
  append(30, mark_record(7));
  files.put(segment_path(9), segment);
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 7U);
}

// What is damaged below a mark, the store has; what is damaged behind it is for replay to judge.
TEST_F(LogReplayTest, FindsAMarkBehindADamagedRecordAndNoDamagedMark) {
  auto log = open_log(files, 9, {4096, 64});
  add(*log, samples_record(9));
  const std::size_t at = kSegmentHeaderBytes + kRecordHeaderBytes;
  add(*log, mark_record(4));
  add(*log, mark_record(6));
  log.reset();
  const std::string whole = files.content(segment_path(9));
  std::string bytes = whole;
  bytes[at] ^= 1;
  files.put(segment_path(9), bytes);
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 6U);
  const auto replayed = replay_all(files);
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->report.mark, 6U);
  EXPECT_EQ(replayed->report.last_sequence, 8U) << "nothing says that 9 had been synced";
  bytes = whole;
  const std::size_t last = bytes.find_last_not_of('\0');
  bytes[last] ^= 1;
  files.put(segment_path(9), bytes);
  EXPECT_EQ(find_mark(files, kTestDir, kTestId).value(), 4U);
}

TEST_F(LogReplayTest, WhatTheMarkCoversMayBeDamagedOrGone) {
  auto log = open_log(files, 9, {4096, 64});
  add(*log, mark_record(4));
  log.reset();
  files.put(segment_path(2), "nonsense");
  ASSERT_TRUE(files.unlink(segment_path(3)));
  const auto replayed = replay_all(files);
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->records, after(4));
}

TEST_F(LogReplayTest, AMissingSegmentIsNamed) {
  for (std::uint64_t missing = 2; missing <= 7; ++missing) {
    SCOPED_TRACE(missing);
    const std::string bytes = files.content(segment_path(missing));
    ASSERT_TRUE(files.unlink(segment_path(missing)));
    const Error error = error_of();
    EXPECT_EQ(error.code, ErrorCode::corruption);
    EXPECT_EQ(error.message, fmt::format("log/{} at 0: records {} to {} before it are missing",
                                         segment_name(missing + 1), missing, missing));
    files.put(segment_path(missing), bytes);
  }
  ASSERT_TRUE(files.unlink(segment_path(1)));
  EXPECT_EQ(error_of().message,
            fmt::format("log/{} at 0: the log starts past the mark 0", segment_name(2)));
}

TEST_F(LogReplayTest, NoSegmentAtAllIsCorruption) {
  const auto segments = list_segments(files, kTestDir).value();
  for (const SegmentFile& segment : segments) {
    ASSERT_TRUE(files.unlink(segment.path));
  }
  EXPECT_EQ(error_of().code, ErrorCode::corruption);
  ASSERT_TRUE(files.remove_tree(kTestDir));
  EXPECT_EQ(error_of().code, ErrorCode::not_found);
}

TEST_F(LogReplayTest, SegmentsUnderAWrongNameAreNotTaken) {
  files.put(segment_path(5), files.content(segment_path(6)));
  EXPECT_NE(error_of().message.find("its name is not its first sequence"), std::string::npos);
  files.put(segment_path(5), encode_segment_header(LogId{}, 5));
  EXPECT_NE(error_of().message.find("another database"), std::string::npos);
}

TEST_F(LogReplayTest, ErrorsOfTheVisitorNameThePlace) {
  const auto replayed =
      replay(files, kTestDir, kTestId, {}, [](const LogRecord& record) -> Result<void> {
        if (record.sequence < 6) return {};
        return fail(ErrorCode::corruption, "no such series");
      });
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().message, fmt::format("log/{} at 40: no such series", segment_name(6)));
}

TEST_F(LogReplayTest, ANewestSegmentThatNeverBeganIsNoDamage) {
  const std::string header = encode_segment_header(kTestId, 9);
  const std::string cases[] = {"",
                               header.substr(0, 10),
                               header.substr(0, 39),
                               std::string(64, '\0'),
                               header.substr(0, 12) + std::string(90, '\0'),
                               header,
                               header + std::string(100, '\0')};
  for (const std::string& bytes : cases) {
    SCOPED_TRACE(bytes.size());
    files.put(segment_path(9), bytes);
    EXPECT_EQ(replay_all(files)->records, all);
    EXPECT_TRUE(verify_log(files, kTestDir, kTestId)->damage.empty());
    auto log = open_log(files, 9);
    ASSERT_TRUE(append_one(*log, samples_record(9)));
    log.reset();
    EXPECT_EQ(replay_all(files)->report.last_sequence, 9U);
  }
  files.put(segment_path(9), std::string(40, '\0') + "records without a header");
  EXPECT_EQ(error_of().code, ErrorCode::corruption);
}

// What a killed writer left in the kernel's memory is made durable before anybody builds on it.
TEST_F(LogReplayTest, WhatIsDeliveredSurvivesAPowerCutAfterwards) {
  auto log = open_log(files, 9, {4096, 64});
  ASSERT_TRUE(append_one(*log, samples_record(9)));
  EXPECT_EQ(replay_all(files)->report.last_sequence, 9U);
  files.lose_unsynced();
  EXPECT_EQ(replay_all(files)->report.last_sequence, 9U);
}

// After a failed sync readers go on seeing what no further sync would write.
TEST_F(LogReplayTest, WhatIsDeliveredAfterAFailedSyncSurvivesAPowerCutAfterwards) {
  auto log = open_log(files, 9, {4096, 64});
  add(*log, samples_record(9));
  ASSERT_TRUE(append_one(*log, samples_record(10)));
  files.fail_sync(0);
  EXPECT_FALSE(log->sync());
  EXPECT_EQ(replay_all(files)->report.last_sequence, 10U);
  files.lose_unsynced();
  EXPECT_EQ(replay_all(files)->report.last_sequence, 10U);
}

// What a record names as synced need not be written once more.
TEST_F(LogReplayTest, OnlyWhatMayBeUnsyncedIsWrittenOnceMore) {
  auto log = open_log(files, 9, {4096, 64});
  for (std::uint32_t i = 9; i <= 12; ++i) add(*log, samples_record(i, i - 2));
  files.fail_write(0, ErrorCode::io);
  EXPECT_FALSE(replay_all(files));
  EXPECT_TRUE(files.fault_fired());
  add(*log, mark_record(12));
  add(*log, samples_record(13, 13));
  const std::string whole = files.content(segment_path(9));
  ASSERT_TRUE(replay_all(files, {false, 0}));
  EXPECT_EQ(files.content(segment_path(9)), whole);
}

TEST_F(LogReplayTest, ATornTailIsCutOffForGood) {
  const std::string whole = files.content(segment_path(8));
  files.put(segment_path(8), whole + "torn");
  const auto replayed = replay_all(files).value();
  EXPECT_EQ(replayed.records, all);
  EXPECT_EQ(replayed.report.truncated_bytes, 4U);
  files.lose_unsynced();
  EXPECT_EQ(files.content(segment_path(8)), whole);
  EXPECT_EQ(replay_all(files)->report.truncated_bytes, 0U);
}

// A record behind the bad one that names no sequence as synced does not tell; one that does, does.
TEST_F(LogReplayTest, ATailIsForgivenUnlessItNamesSyncedWhatIsLost) {
  const std::string whole = files.content(segment_path(8));
  const auto with = [&](const PendingRecord& record, std::uint64_t sequence) {
    std::string bytes = whole + std::string(70, '\1');
    append_record(bytes, record.type, sequence, as_bytes(record.payload));
    files.put(segment_path(8), bytes + "rest");
  };
  struct Case {
    const char* name;
    PendingRecord record;
    std::uint64_t sequence;
    bool forgiven;
  };
  const Case cases[] = {
      {"synced up to the last good one", samples_record(10, 8), 10, true},
      {"synced up to the lost one", samples_record(10, 9), 10, false},
      {"a mark below", mark_record(8), 10, true},
      {"a mark at the lost one, which was synced before it was stored", mark_record(9), 10, false},
      {"a new series names nothing", series_record(1, "up"), 10, true},
      {"a sequence no later record can have", samples_record(10, 9), 3, true},
      {"a sequence from nowhere", samples_record(10, 9), 1'000'000, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    with(c.record, c.sequence);
    const auto replayed = replay_all(files);
    EXPECT_EQ(replayed.has_value(), c.forgiven);
    if (!replayed) {
      EXPECT_EQ(replayed.error().message,
                fmt::format("log/{} at {}: a damaged record", segment_name(8), whole.size()));
    }
  }
}

TEST_F(LogReplayTest, ARecordOfAnUnknownTypeOrOutOfSequenceEndsTheLog) {
  const std::string whole = files.content(segment_path(8));
  for (const auto& [type, sequence] : {std::pair{RecordType{77}, 9},
                                       {RecordType{0}, 9},
                                       {RecordType::mark, 10},
                                       {RecordType::mark, 8}}) {
    std::string bytes = whole;
    append_record(bytes, type, static_cast<std::uint64_t>(sequence), as_bytes("\7"));
    files.put(segment_path(8), bytes);
    EXPECT_EQ(replay_all(files)->records, all);
    EXPECT_EQ(files.content(segment_path(8)), whole);
  }
}

TEST_F(LogReplayTest, ReadOnlyChangesNothing) {
  const std::string torn = files.content(segment_path(8)) + "torn";
  files.put(segment_path(8), torn);
  files.put(segment_path(9), "");
  files.stop_at(0);  // any change would fail
  const auto replayed = replay_all(files, {true, std::nullopt});
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->records, all);
  EXPECT_EQ(replayed->report.truncated_bytes, 0U);
  EXPECT_FALSE(files.fault_fired());
  EXPECT_EQ(files.content(segment_path(8)), torn);
}

TEST_F(LogReplayTest, ReadOnlySeesALiveWritersRecordsUpToAHalfWrittenOne) {
  auto log = open_log(files, 9, {4096, 64});
  add(*log, samples_record(9, 8));
  EXPECT_EQ(replay_all(files, {true, 0})->records, all);
  files.fail_write(0, ErrorCode::io, 20);
  files.fail(FileOperation::truncate, 0, ErrorCode::io);
  std::string half;
  append_record(half, RecordType::samples, 10, as_bytes("payload"));
  auto file = files.open_write(segment_path(9)).value();
  const std::size_t end = files.content(segment_path(9)).find_last_not_of('\0') + 1;
  ASSERT_TRUE(file->write_at(end, as_bytes(half).first(20)));
  EXPECT_EQ(replay_all(files, {true, 0})->records, all);
}

// The reader got the first page from before a write and the second from after the next one, which
// says that the first had been synced.
TEST_F(LogReplayTest, ReadOnlyReadsAgainWhatAWriterWasAt) {
  auto log = open_log(files, 9, {4096, 4096});
  add(*log, samples_record(9, 8));
  const std::size_t begin = kSegmentHeaderBytes;
  const std::size_t end = files.content(segment_path(9)).find_last_not_of('\0') + 1;
  add(*log, samples_record(10, 9));
  int reads = 0;
  files.on_read([&](const std::string& path, std::string& bytes) {
    if (path != segment_path(9) || bytes.size() < end) return;
    if (reads++ == 0) bytes.replace(begin, end - begin, end - begin, '\0');
  });
  const auto replayed = replay_all(files, {true, 0});
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->records, all);
  EXPECT_EQ(reads, 2);
  // What stays damaged is damage.
  files.on_read([&](const std::string& path, std::string& bytes) {
    if (path == segment_path(9) && bytes.size() >= end) {
      bytes.replace(begin, end - begin, end - begin, '\0');
    }
  });
  EXPECT_EQ(error_of({true, 0}).code, ErrorCode::corruption);
}

TEST_F(LogReplayTest, TellsWhetherThereAreRecords) {
  EXPECT_TRUE(log_has_records(files, kTestDir).value());
  test::FaultyFiles empty;
  make_log_dir(empty);
  EXPECT_FALSE(log_has_records(empty, kTestDir).value());
  auto log = open_log(empty);
  EXPECT_FALSE(log_has_records(empty, kTestDir).value());
  ASSERT_TRUE(append_one(*log, samples_record(1)));
  EXPECT_TRUE(log_has_records(empty, kTestDir).value());
}

TEST_F(LogReplayTest, VerifyNamesEveryDamage) {
  auto log = open_log(files, 9, {4096, 64});
  for (std::uint32_t i = 9; i <= 13; ++i) add(*log, samples_record(i, i - 1));
  add(*log, {RecordType::samples, "no samples"});
  log.reset();
  const auto sound = verify_log(files, kTestDir, kTestId).value();
  EXPECT_EQ(sound.records, 14U);
  ASSERT_EQ(sound.damage.size(), 1U) << "a payload that nobody can decode";
  EXPECT_EQ(sound.damage[0].file, "log/" + segment_name(9));

  std::string bytes = files.content(segment_path(9));
  const std::size_t one = (sound.damage[0].offset - kSegmentHeaderBytes) / 5;
  bytes[kSegmentHeaderBytes + one + 20] ^= 1;
  bytes[kSegmentHeaderBytes + 3 * one + 20] ^= 1;
  files.put(segment_path(9), bytes);
  ASSERT_TRUE(files.unlink(segment_path(3)));
  files.put(segment_path(5), "nonsense");
  const auto damaged = verify_log(files, kTestDir, kTestId).value();
  std::vector<std::string> found;
  for (const LogDamage& damage : damaged.damage) {
    found.push_back(fmt::format("{} {} {}", damage.file.substr(4), damage.offset, damage.what));
  }
  const std::vector<std::string> expected = {
      fmt::format("{} 0 follows record 2, but begins with 4", segment_name(4)),
      fmt::format("{} 0 log/{} at 0: no segment header", segment_name(5), segment_name(5)),
      fmt::format("{} {} a damaged record, 10", segment_name(9), kSegmentHeaderBytes + one),
      fmt::format("{} {} a damaged record, 12", segment_name(9), kSegmentHeaderBytes + 3 * one),
      fmt::format("{} {} log: a record of samples is damaged", segment_name(9),
                  kSegmentHeaderBytes + 5 * one)};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(damaged.records, 14U - 4U);
}

TEST_F(LogReplayTest, VerifyForgivesWhatReplayForgives) {
  files.put(segment_path(8), files.content(segment_path(8)) + "torn");
  EXPECT_TRUE(verify_log(files, kTestDir, kTestId)->damage.empty());
  files.put(segment_path(7), files.content(segment_path(7)) + "torn");
  EXPECT_EQ(verify_log(files, kTestDir, kTestId)->damage.size(), 1U);
}

}  // namespace
}  // namespace hygge::storage
