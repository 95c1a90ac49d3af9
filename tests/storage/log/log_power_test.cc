// The power goes at any operation, and of what was not synced any part is lost, again and again on
// the same log: what sync() promised is there, nothing is there that was not written, and the log
// opens and goes on.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/storage/log/log_support.h"

namespace hygge::storage {
namespace {

// What may and what must be found under a sequence number.
class Oracle {
 public:
  void tried(std::uint64_t first, const std::vector<PendingRecord>& batch) {
    for (const PendingRecord& record : batch) possible_[first++].insert(record.payload);
  }
  /// As tried(), and nothing else stands there from now on.
  void wrote(std::uint64_t first, const std::vector<PendingRecord>& batch) {
    for (const PendingRecord& record : batch) {
      possible_[first] = {record.payload};
      possible_.erase(possible_.upper_bound(first), possible_.end());
      ++first;
    }
  }
  void promised(std::uint64_t sequence) { promised_ = std::max(promised_, sequence); }

  void check(const Replayed& replayed) {
    EXPECT_GE(replayed.report.last_sequence, promised_);
    std::uint64_t expected = replayed.report.mark + 1;
    for (const Delivered& record : replayed.records) {
      ASSERT_EQ(record.sequence, expected++);
      ASSERT_TRUE(possible_.contains(record.sequence)) << record << " was never written";
      ASSERT_TRUE(possible_[record.sequence].contains(record.payload)) << record;
    }
    EXPECT_EQ(expected, replayed.report.last_sequence + 1);
    // Replay makes durable what it delivers.
    for (const Delivered& record : replayed.records) possible_[record.sequence] = {record.payload};
    possible_.erase(possible_.upper_bound(replayed.report.last_sequence), possible_.end());
    promised_ = replayed.report.last_sequence;
  }

 private:
  std::map<std::uint64_t, std::set<std::string>> possible_;
  std::uint64_t promised_ = 0;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) { make_log_dir(files_); }

  // Writes until the power goes or it has had enough; then what is left must open.
  void round(std::uint64_t next) {
    const int stop = static_cast<int>(random_() % 60);
    if (random_() % 8 != 0) files_.stop_at(stop, random_() % 200);
    auto log = LogWriter::create(files_, kTestDir, kTestId, next,
                                 {100 + random_() % 400, 1 + random_() % 300});
    for (int step = 0; log && step < 40; ++step) act(**log);
    // A kill loses nothing; a power cut does.
    const bool power = random_() % 4 != 0;
    if (power && random_() % 4 == 0) {
      files_.lose_unsynced();
    } else if (power) {
      files_.lose_unsynced(random_, 1ULL << (4 + random_() % 6));
    } else {
      files_.stop_at(0);
    }
    if (log) log->reset();
    files_.clear_faults();
  }

  std::uint64_t reopen() {
    // Without any segment: cut short before the first was durable.
    if (list_segments(files_, kTestDir)->empty()) return 1;
    const auto replayed = replay_all(files_);
    if (!replayed) {
      // The only segment's header was not durable: the database did not exist yet.
      EXPECT_EQ(list_segments(files_, kTestDir)->size(), 1U) << replayed.error().message;
      EXPECT_FALSE(log_has_records(files_, kTestDir).value_or(true)) << replayed.error().message;
      return 1;
    }
    oracle_.check(*replayed);
    const auto verified = verify_log(files_, kTestDir, kTestId);
    EXPECT_TRUE(verified && verified->damage.empty());
    return replayed->report.last_sequence + 1;
  }

 private:
  void act(LogWriter& log) {
    const std::uint64_t next = log.last_sequence() + 1;
    switch (random_() % 8) {
      case 0:
        if (log.sync()) oracle_.promised(next - 1);
        break;
      case 1:
        static_cast<void>(log.rotate());
        break;
      case 2:
        mark(log);
        break;
      default: {
        std::vector<PendingRecord> batch;
        if (random_() % 4 == 0) batch.push_back(series_record(number_++, "some_name"));
        batch.push_back(samples_record(number_++, log.synced_sequence()));
        append(log, batch);
      }
    }
  }

  bool append(LogWriter& log, const std::vector<PendingRecord>& batch) {
    const std::uint64_t first = log.last_sequence() + 1;
    if (log.append(batch)) {
      oracle_.wrote(first, batch);
      return true;
    }
    oracle_.tried(first, batch);
    return false;
  }

  // As the engine does: only what is synced is marked, and the mark is synced before segments go.
  void mark(LogWriter& log) {
    const std::uint64_t synced = log.synced_sequence();
    if (synced == 0) return;
    const std::uint64_t mark = synced - random_() % std::min<std::uint64_t>(synced, 5);
    if (mark == 0 || mark < newest_mark_) return;
    if (!append(log, {mark_record(mark)})) return;
    const std::uint64_t last = log.last_sequence();
    if (!log.sync()) return;
    newest_mark_ = mark;
    oracle_.promised(last);
    static_cast<void>(log.remove_through(mark));
  }

  std::mt19937_64 random_;
  test::FaultyFiles files_;
  Oracle oracle_;
  std::uint64_t newest_mark_ = 0;
  std::uint32_t number_ = 1;
};

TEST(LogPower, NothingPromisedIsLostAndNothingIsInvented) {
  for (std::uint64_t seed = 0; seed < 1'500; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    std::uint64_t next = 1;
    for (int round = 0; round < 6; ++round) {
      SCOPED_TRACE(round);
      world.round(next);
      next = world.reopen();
      if (testing::Test::HasFailure()) return;
    }
  }
}

// The power goes at each operation of one short life, in turn.
TEST(LogPower, AtEveryOperationOfALife) {
  bool fired = true;
  for (int stop = 0; fired; ++stop) {
    for (const std::size_t kept : {0U, 1U, 30U, 100U}) {
      SCOPED_TRACE(fmt::format("operation {}, {} bytes", stop, kept));
      test::FaultyFiles files;
      make_log_dir(files);
      auto log = open_log(files);
      files.stop_at(stop, kept);
      std::vector<Delivered> promised;
      for (std::uint32_t i = 1; i <= 12; ++i) {
        const PendingRecord record = samples_record(i, log->synced_sequence());
        const auto sequence = append_one(*log, record);
        if (sequence && log->sync()) promised.push_back({record.type, *sequence, record.payload});
      }
      if (append_one(*log, mark_record(6)) && log->sync()) {
        static_cast<void>(log->remove_through(6));
      }
      fired = files.fault_fired();
      files.lose_unsynced();
      const auto replayed = replay_all(files);
      ASSERT_TRUE(replayed) << replayed.error().message;
      std::vector<Delivered> expected;
      for (const Delivered& record : promised) {
        if (record.sequence > replayed->report.mark) expected.push_back(record);
      }
      if (replayed->report.mark == 6) {
        expected.push_back({RecordType::mark, 13, mark_record(6).payload});
      }
      EXPECT_EQ(replayed->records, expected);
    }
  }
}

}  // namespace
}  // namespace hygge::storage
