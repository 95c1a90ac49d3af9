#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "storage/log/repair.h"
#include "storage/log/scan.h"
#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

const std::string kQuarantine = "db/quarantine";

// Records 1 to 24 in several segments, with a mark and records in front of it.
class LogRepairTest : public testing::Test {
 protected:
  void SetUp() override {
    make_log_dir(files);
    auto log = open_log(files);
    for (std::uint32_t i = 1; i <= 24; ++i) {
      const PendingRecord record = i == 9 ? mark_record(4) : samples_record(i, i > 3 ? i - 2 : 0);
      ASSERT_TRUE(append_one(*log, record));
    }
    ASSERT_TRUE(log->sync());
    log.reset();
    whole = replay_all(files, {false, 0})->records;
    ASSERT_EQ(whole.size(), 24U);
    segments = list_segments(files, kTestDir).value();
    ASSERT_GE(segments.size(), 4U);
  }

  // Where each record lies: sequence → segment, first byte, end.
  struct Extent {
    std::string path;
    std::size_t from = 0;
    std::size_t to = 0;
  };
  std::map<std::uint64_t, Extent> extents() const {
    std::map<std::uint64_t, Extent> out;
    for (const SegmentFile& segment : segments) {
      const std::string bytes = files.content(segment.path);
      for (std::size_t at = kSegmentHeaderBytes; at < bytes.size();) {
        std::size_t length = 0;
        const auto record = parse_record(as_bytes(bytes).subspan(at), length);
        if (!record) break;
        out[record->sequence] = {segment.path, at, at + length};
        at += length;
      }
    }
    return out;
  }

  void flip(const std::string& path, std::size_t at) {
    std::string bytes = files.content(path);
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    files.put(path, bytes);
  }

  void remove_all() {
    const std::vector<FileInfo> there = files.list(kTestDir).value();
    for (const FileInfo& file : there) ASSERT_TRUE(files.unlink(kTestDir + "/" + file.name));
  }

  LogRepair repair() {
    auto repaired = repair_log(files, kTestDir, kTestId, kQuarantine);
    EXPECT_TRUE(repaired) << repaired.error().message;
    return repaired ? *repaired : LogRepair();
  }

  // What replay delivers, gaps left out.
  std::set<std::uint64_t> delivered() {
    std::set<std::uint64_t> out;
    const auto replayed = replay_all(files);
    EXPECT_TRUE(replayed) << replayed.error().message;
    if (!replayed) return out;
    for (const Delivered& record : replayed->records) {
      if (record.type == RecordType::gap) continue;
      out.insert(record.sequence);
      EXPECT_LE(record.sequence, 24U);
      const auto same = std::find(whole.begin(), whole.end(), record);
      EXPECT_NE(same, whole.end()) << "invented or changed: " << record;
    }
    return out;
  }

  mutable test::FaultyFiles files;
  std::vector<Delivered> whole;
  std::vector<SegmentFile> segments;
};

TEST_F(LogRepairTest, ASoundLogIsNotTouched) {
  const LogRepair repaired = repair();
  EXPECT_TRUE(repaired.dropped.empty());
  EXPECT_TRUE(repaired.rewritten.empty());
  EXPECT_FALSE(files.exists(kQuarantine));
  EXPECT_EQ(replay_all(files)->records.size(), 20U) << "what follows the mark";
}

TEST_F(LogRepairTest, ADamagedRecordIsAllThatIsLostAndIsNamed) {
  const auto places = extents();
  std::map<std::string, std::string> originals;
  for (const SegmentFile& segment : segments) originals[segment.path] = files.content(segment.path);
  for (const auto& [sequence, extent] : places) {
    if (sequence <= 4 || sequence == 24) continue;  // below the mark; a tail that is forgiven
    SCOPED_TRACE(sequence);
    flip(extent.path, extent.from + 12);
    // In the newest segment replay would forgive what nothing says had been synced.
    const bool newest = extent.path == segments.back().path;
    EXPECT_TRUE(newest || !replay_all(files));
    const LogRepair repaired = repair();
    ASSERT_EQ(repaired.dropped.size(), 1U) << repaired.dropped.back().what;
    const LogDrop& drop = repaired.dropped[0];
    EXPECT_EQ(drop.first_lost, sequence);
    EXPECT_EQ(drop.last_lost, sequence);
    EXPECT_EQ("db/" + drop.file, extent.path);
    EXPECT_EQ(drop.offset, extent.from);
    EXPECT_EQ(drop.bytes, extent.to - extent.from);
    EXPECT_EQ(drop.what, fmt::format("record {} is lost", sequence));
    std::set<std::uint64_t> expected;
    // Without its mark (record 9) the log begins where it begins.
    for (std::uint64_t s = sequence == 9 ? 1 : 5; s <= 24; ++s) {
      if (s != sequence) expected.insert(s);
    }
    std::set<std::uint64_t> got;
    const Replayed replayed = replay_all(files).value();
    for (const Delivered& record : replayed.records) {
      if (record.type != RecordType::gap) got.insert(record.sequence);
    }
    EXPECT_EQ(got, expected);
    EXPECT_TRUE(verify_log(files, kTestDir, kTestId)->damage.empty());
    const std::string kept = kQuarantine + extent.path.substr(extent.path.rfind('/'));
    EXPECT_NE(files.content(kept), originals[extent.path]) << "the damaged one, as it was";
    EXPECT_EQ(files.content(kept).size(), originals[extent.path].size());
    EXPECT_TRUE(repair().dropped.empty()) << "once is enough";
    ASSERT_TRUE(files.unlink(kept));
    for (const auto& [path, bytes] : originals) files.put(path, bytes);
  }
}

TEST_F(LogRepairTest, AMissingSegmentLeavesAGap) {
  const std::uint64_t first = segments[segments.size() - 2].first_sequence;
  const std::uint64_t next = segments.back().first_sequence;
  ASSERT_TRUE(files.unlink(segments[segments.size() - 2].path));
  EXPECT_FALSE(replay_all(files));
  const LogRepair repaired = repair();
  ASSERT_EQ(repaired.dropped.size(), 1U);
  EXPECT_EQ(repaired.dropped[0].first_lost, first);
  EXPECT_EQ(repaired.dropped[0].last_lost, next - 1);
  const std::set<std::uint64_t> got = delivered();
  EXPECT_FALSE(got.contains(first));
  EXPECT_TRUE(got.contains(first - 1));
  EXPECT_TRUE(got.contains(24));
}

TEST_F(LogRepairTest, RecordsBehindADamagedHeaderAreKept) {
  for (const SegmentFile& segment : segments) {
    if (segment.first_sequence > 5) flip(segment.path, 30);
  }
  const LogRepair repaired = repair();
  EXPECT_FALSE(repaired.dropped.empty());
  EXPECT_EQ(repaired.dropped[0].what, "a damaged header");
  EXPECT_EQ(delivered().size(), 20U);
}

TEST_F(LogRepairTest, ATornTailIsLeftToReplay) {
  files.put(segments.back().path, files.content(segments.back().path) + "torn");
  EXPECT_TRUE(repair().dropped.empty());
  const auto replayed = replay_all(files);
  ASSERT_TRUE(replayed);
  EXPECT_EQ(replayed->report.truncated_bytes, 4U);
}

TEST_F(LogRepairTest, SegmentsOfAnotherDatabaseOrALaterVersionStopItUntouched) {
  const std::string path = segments[1].path;
  const std::string ours = files.content(path);
  LogId other = kTestId;
  other[0] ^= 1;
  files.put(path, encode_segment_header(other, segments[1].first_sequence) +
                      ours.substr(kSegmentHeaderBytes));
  const auto foreign = repair_log(files, kTestDir, kTestId, kQuarantine);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::corruption);
  EXPECT_NE(foreign.error().message.find("another database"), std::string::npos);
  std::string newer = ours;
  newer[8] = 9;
  files.put(path, newer);
  const auto later = repair_log(files, kTestDir, kTestId, kQuarantine);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::version);
  EXPECT_FALSE(files.exists(kQuarantine));
}

// Any damage: what no damage touched is there afterwards, and nothing else.
TEST_F(LogRepairTest, WhateverHappensTheRecordsThatWereNotTouchedAreKept) {
  const auto places = extents();
  std::map<std::string, std::string> originals;
  for (const SegmentFile& segment : segments) originals[segment.path] = files.content(segment.path);
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::map<std::string, std::string> damaged = originals;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      auto at = damaged.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(random() % damaged.size()));
      std::string& bytes = at->second;
      if (bytes.empty()) continue;
      const std::size_t from = random() % bytes.size();
      const std::size_t length = std::min<std::size_t>(1 + random() % 100, bytes.size() - from);
      switch (random() % 3) {
        case 0:
          bytes[from] = static_cast<char>(bytes[from] ^ (1 << (random() % 8)));
          break;
        case 1:
          bytes.replace(from, length, length, '\0');
          break;
        default:
          bytes.resize(from);
      }
    }
    for (const auto& [path, bytes] : damaged) files.put(path, bytes);
    repair();
    const std::set<std::uint64_t> got = delivered();
    for (const auto& [sequence, extent] : places) {
      const std::string& bytes = damaged[extent.path];
      const std::string& before = originals[extent.path];
      const bool there =
          bytes.size() >= extent.to && bytes.compare(extent.from, extent.to - extent.from, before,
                                                     extent.from, extent.to - extent.from) == 0;
      EXPECT_TRUE(sequence <= 4 || !there || got.contains(sequence)) << sequence;
    }
    remove_all();
    static_cast<void>(files.remove_tree(kQuarantine));
    for (const auto& [path, bytes] : originals) files.put(path, bytes);
  }
}

TEST_F(LogRepairTest, CutShortItMayBeDoneAgain) {
  const auto places = extents();
  for (const std::uint64_t sequence : {7U, 12U, 13U, 20U}) {
    flip(places.at(sequence).path, places.at(sequence).from + 15);
  }
  std::map<std::string, std::string> damaged;
  for (const SegmentFile& segment : segments) damaged[segment.path] = files.content(segment.path);
  repair();
  const std::set<std::uint64_t> expected = delivered();
  bool finished = false;
  for (int nth = 0; !finished; ++nth) {
    SCOPED_TRACE(nth);
    remove_all();
    static_cast<void>(files.remove_tree(kQuarantine));
    for (const auto& [path, bytes] : damaged) files.put(path, bytes);
    files.stop_at(nth, /*kept_bytes=*/10);
    finished = repair_log(files, kTestDir, kTestId, kQuarantine).has_value();
    files.clear_faults();
    repair();
    EXPECT_EQ(delivered(), expected);
  }
}

}  // namespace
}  // namespace hygge::storage
