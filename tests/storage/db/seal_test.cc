// Sealing by the clock, on demand, beside writes, cut short, and after a crash at every step.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <stop_token>

#include "storage/store/store.h"
#include "tests/storage/db/clocked_db.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kSeries = 6;
using test::expect_whole;
using Model = test::SamplesByK;
using Dump = std::vector<std::pair<std::string, std::string>>;
using State = Stats::Day::State;

struct Fixture : test::ClockedDb {
  explicit Fixture(const std::string& directory) : ClockedDb(directory, kDay0) { find_ids(); }

  void open() {
    ClockedDb::open();
    find_ids();
  }
  void find_ids() {
    ids.clear();
    for (int k = 0; k < kSeries; ++k) {
      ids.push_back(db->series({{"__name__", "m"}, {"k", std::to_string(k)}}).value());
    }
  }
  void write(int k, TimeMs t, double v) {
    Batch batch;
    batch.add(ids[static_cast<std::size_t>(k)], t, v);
    const auto written = db->write(batch);
    ASSERT_TRUE(written) << written.error().message;
    model[std::to_string(k)][t] = v;
  }
  void write_day(TimeMs midnight, int count = 3'000, double v = 0) {
    Batch batch;
    for (int k = 0; k < kSeries; ++k) {
      for (int i = 0; i < count; ++i) {
        const TimeMs t = midnight + 1 + i * (kDayMs / count);
        batch.add(ids[static_cast<std::size_t>(k)], t, v + k + i % 5);
        model[std::to_string(k)][t] = v + k + i % 5;
      }
    }
    const auto written = db->write(batch);
    ASSERT_TRUE(written) << written.error().message;
  }
  [[nodiscard]] Stats::Day day(std::size_t index) const { return db->stats()->days.at(index); }

  std::vector<SeriesId> ids;
  Model model;
};

// Every key and value of the chunks. The database must be closed.
Dump dump(const std::string& dir) {
  storage::StoreOptions options;
  options.read_only = true;
  auto store = storage::Store::open(dir + "/store", options).value();
  Dump out;
  storage::ChunkScan scan = store->scan(store->snapshot());
  for (scan.seek({std::numeric_limits<std::int32_t>::min(), 0, 0, 0}); scan.valid(); scan.next()) {
    out.emplace_back(storage::encode_key(scan.key()), as_text(scan.value()));
  }
  EXPECT_EQ(scan.error(), nullptr);
  return out;
}

constexpr TimeMs kDue = kDay0 + kDayMs + 2 * kHourMs + 1;  // the first day is due from here on

TEST(DbSeal, WaitsForTheNewestSampleForTheClockAndForTenQuietMinutes) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  const auto sealed_after = [&] { return f.db->maintain().value().partitions_sealed; };
  f.now = kDue + kDayMs;
  EXPECT_EQ(sealed_after(), 0U) << "the newest sample is of that day";
  f.now = kDay0 + 12 * kHourMs;
  f.write(0, kDue + kDayMs, 1);
  EXPECT_EQ(sealed_after(), 0U) << "a sample from the future seals nothing";
  f.now = kDue - 1;
  f.write(1, kDay0 + 5, 1);
  EXPECT_EQ(sealed_after(), 0U) << "two hours have not passed";
  f.now = kDue;
  EXPECT_EQ(sealed_after(), 0U) << "not quiet";
  EXPECT_EQ(f.day(0).state, State::open);
  f.now += 10 * kMinuteMs;
  const MaintainReport report = f.db->maintain().value();
  EXPECT_EQ(report.partitions_sealed, 1U);
  EXPECT_TRUE(report.finished);
  EXPECT_EQ(f.day(0).state, State::sealed);
  EXPECT_EQ(f.day(0).samples, 3'000U * kSeries + 1);
  EXPECT_EQ(f.day(0).chunks, 3U * kSeries);
  EXPECT_EQ(f.day(1).state, State::open);
  EXPECT_EQ(sealed_after(), 0U) << "once";
  EXPECT_EQ(test::read_by_k(*f.db), f.model);
  expect_whole(*f.db);
}

TEST(DbSeal, AfterAnImportNothingWaits) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.now = kDue + 40 * kDayMs;
  for (int d = 0; d < 4; ++d) f.write_day(kDay0 + d * kDayMs, 500);
  EXPECT_EQ(f.db->maintain().value().partitions_sealed, 0U);
  EXPECT_EQ(test::settle(*f.db).partitions_sealed, 3U) << "all but the newest";
  EXPECT_EQ(f.db->stats()->partitions_sealed, 3U);
}

TEST(DbSeal, ASetBackClockDoesNotHoldSealsUp) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.now = kDue + 400 * kDayMs;
  f.write_day(kDay0, 100);
  f.write(0, kDue, 1);
  f.now = kDue;
  EXPECT_EQ(f.db->maintain().value().partitions_sealed, 1U);
}

TEST(DbSeal, LateDataIsMergedAndNothingElseIsTouched) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write(0, kDue, 1);
  f.now = kDue + 10 * kMinuteMs;
  ASSERT_EQ(f.db->maintain().value().partitions_sealed, 1U);
  f.write(3, kDay0 + 77, 5);
  f.write(4, kDay0 + 78, 6);
  f.write(0, kDue + 1, 2);
  EXPECT_EQ(f.day(0).dirty_series, 2U);
  EXPECT_EQ(f.db->maintain().value().series_resealed, 0U) << "sealed a moment ago";
  f.now += 10 * kMinuteMs;
  const MaintainReport report = f.db->maintain().value();
  EXPECT_EQ(report.series_resealed, 2U);
  EXPECT_EQ(report.partitions_sealed, 0U);
  EXPECT_EQ(report.chunks_written, 6U);
  EXPECT_EQ(f.day(0).dirty_series, 0U);
  f.write(3, kDay0 + 79, 7);
  f.now += 9 * kMinuteMs;
  EXPECT_EQ(f.db->maintain().value().series_resealed, 0U) << "at most every ten minutes";
  f.now += kMinuteMs;
  EXPECT_EQ(f.db->maintain().value().series_resealed, 1U);
  EXPECT_EQ(f.db->stats()->series_resealed, 3U);
  EXPECT_EQ(test::read_by_k(*f.db), f.model);
  expect_whole(*f.db);
}

TEST(DbSeal, ADayThatCompactSealedEarlyIsOpenedByItsNextSample) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.now = kDay0 + kDayMs;
  f.write_day(kDay0, 2'000);
  const MaintainReport report = f.db->compact().value();
  EXPECT_EQ(report.partitions_sealed, 1U);
  EXPECT_EQ(f.day(0).state, State::sealed_early);
  EXPECT_EQ(f.day(0).chunks, 2U * kSeries);
  EXPECT_EQ(f.db->compact().value().partitions_sealed, 0U) << "nothing came";
  f.write(0, kDay0 + kDayMs, 9);
  EXPECT_EQ(f.day(0).state, State::open);
  ASSERT_TRUE(f.db->close());
  f.open();
  EXPECT_EQ(f.day(0).state, State::open) << "the entry is gone";
  EXPECT_EQ(test::read_by_k(*f.db), f.model);
}

TEST(DbSeal, StatesAndMarksOutliveAnOpen) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0, 500);
  f.write(0, kDue, 1);
  f.now = kDue + 10 * kMinuteMs;
  ASSERT_EQ(f.db->maintain().value().partitions_sealed, 1U);
  f.write(2, kDay0 + 77, 5);
  // As after kill -9: the marks of the copy come from its log.
  test::copy_directory(dir / "db", dir / "killed");
  ASSERT_TRUE(f.db->close());
  f.open();
  EXPECT_EQ(f.day(0).state, State::sealed);
  EXPECT_EQ(f.day(0).dirty_series, 1U);
  Fixture killed(dir / "killed");
  EXPECT_EQ(killed.day(0).state, State::sealed);
  EXPECT_GE(killed.day(0).dirty_series, 1U);
  killed.now = f.now + kHourMs;
  ASSERT_TRUE(killed.db->maintain());
  EXPECT_EQ(killed.day(0).dirty_series, 0U);
  EXPECT_EQ(test::read_by_k(*killed.db), f.model);
  expect_whole(*killed.db);
}

TEST(DbSeal, IsCutShortByStopAndByDeadlineAndBegunAgain) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.now = kDue + 40 * kDayMs;
  for (int d = 0; d < 3; ++d) f.write_day(kDay0 + d * kDayMs, 300);
  std::stop_source stop;
  Maintain how;
  how.settled = true;
  how.stop = stop.get_token();
  std::uint64_t last = 0;
  how.progress = [&](const Progress& at) {
    EXPECT_GE(at.done, last);
    EXPECT_LE(at.done, at.total);
    EXPECT_EQ(at.total, 2U * kSeries);
    last = at.done;
    if (at.done == kSeries + 2) stop.request_stop();
  };
  const MaintainReport cut = f.db->maintain(how).value();
  EXPECT_FALSE(cut.finished);
  EXPECT_EQ(cut.partitions_sealed, 1U);
  EXPECT_EQ(f.day(1).state, State::open);
  Maintain until;
  until.settled = true;
  until.deadline_ms = f.now;
  EXPECT_FALSE(f.db->maintain(until)->finished) << "the deadline has passed";
  until.deadline_ms = f.now + 1;
  EXPECT_TRUE(f.db->maintain(until)->finished);
  EXPECT_EQ(f.day(1).state, State::sealed);
  stop = {};
  how.stop = stop.get_token();
  how.progress = [&](const Progress&) { stop.request_stop(); };
  EXPECT_FALSE(f.db->compact(how)->finished);
  EXPECT_EQ(f.day(2).state, State::open);
  EXPECT_EQ(test::read_by_k(*f.db), f.model);
  expect_whole(*f.db);
}

// A copy of the directory at every report of progress is what kill -9 leaves there. Late data
// comes meanwhile.
TEST(DbSeal, ACrashAtAnyStepLosesNothingAndTheSealIsDoneAgain) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.options.tuning.chunk_memtable_bytes = 64 * 1024;  // the store flushes by itself now and then
  f.open();
  f.write_day(kDay0, 2'500, 0.125);
  f.write_day(kDay0 + kDayMs, 300);
  f.write(0, kDue + kDayMs, 1);
  f.now = kDue + kDayMs + kHourMs;
  int copies = 0;
  std::vector<Model> models;
  Maintain how;
  how.settled = true;
  how.progress = [&](const Progress&) {
    if (copies % 3 == 1) f.write(copies % kSeries, kDay0 + 500 + copies, copies);
    test::copy_directory(dir / "db", dir / ("copy" + std::to_string(copies)));
    models.push_back(f.model);
    ++copies;
  };
  ASSERT_EQ(f.db->maintain(how).value().partitions_sealed, 2U);
  how.progress = {};
  ASSERT_TRUE(f.db->maintain(how)) << "what came meanwhile";
  EXPECT_EQ(f.day(0).dirty_series, 0U);
  EXPECT_EQ(test::read_by_k(*f.db), f.model);
  expect_whole(*f.db);
  EXPECT_GT(copies, 2 * kSeries);
  for (int i = 0; i < copies; ++i) {
    SCOPED_TRACE(i);
    Fixture copy(dir / ("copy" + std::to_string(i)));
    copy.now = f.now + kHourMs;
    EXPECT_EQ(test::read_by_k(*copy.db), models[static_cast<std::size_t>(i)]);
    expect_whole(*copy.db);
    ASSERT_TRUE(copy.db->maintain(how));
    EXPECT_EQ(copy.day(0).state, State::sealed);
    EXPECT_EQ(copy.day(0).dirty_series, 0U);
    EXPECT_EQ(test::read_by_k(*copy.db), models[static_cast<std::size_t>(i)]);
    expect_whole(*copy.db);
  }
}

// The same samples in any order, between put passes, seals, compactions and opens, end in the same
// bytes under the same keys.
TEST(DbSeal, AnyOrderOfArrivalGivesTheSameBytes) {
  struct One {
    int k;
    TimeMs t;
    double v;
  };
  std::vector<One> all;
  for (int d = 0; d < 2; ++d) {
    for (int k = 0; k < kSeries; ++k) {
      for (int i = 0; i < 1'300; ++i) {
        all.push_back({k, kDay0 + d * kDayMs + 1 + k * 11 + i * 60'000, k * 0.5 + i % 11});
      }
    }
  }
  Dump expected;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    Fixture f(dir / "db");
    std::vector<One> order = all;
    if (seed % 2 == 1) {
      std::shuffle(order.begin(), order.end(), random);
    } else if (seed > 0) {
      std::reverse(order.begin(), order.end());
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(random() % 9'999),
                  order.end());
    }
    f.now = kDue + 4 * kDayMs;
    f.write(0, kDue + 2 * kDayMs, 1);
    for (std::size_t from = 0; from < order.size();) {
      Batch batch;
      const std::size_t count = seed == 0 ? 1'000 : 1 + random() % 1'500;
      for (std::size_t i = from; i < std::min(from + count, order.size()); ++i) {
        batch.add(f.ids[static_cast<std::size_t>(order[i].k)], order[i].t, order[i].v);
        // Now and then twice.
        if (random() % 50 == 0 && i > from) {
          batch.add(f.ids[static_cast<std::size_t>(order[i - 1].k)], order[i - 1].t,
                    order[i - 1].v);
        }
      }
      ASSERT_TRUE(f.db->write(batch));
      from += count;
      Maintain how;
      how.settled = random() % 2 == 0;
      switch (random() % 6) {
        case 0:
          ASSERT_TRUE(f.db->flush());
          break;
        case 1:
          ASSERT_TRUE(f.db->compact());
          break;
        case 2:
          ASSERT_TRUE(f.db->close());
          f.open();
          break;
        default:
          ASSERT_TRUE(f.db->maintain(how));
      }
    }
    ASSERT_TRUE(f.db->compact());
    expect_whole(*f.db);
    ASSERT_TRUE(f.db->close());
    const Dump got = dump(dir / "db");
    if (seed == 0) expected = got;
    EXPECT_EQ(got.size(), expected.size());
    EXPECT_TRUE(got == expected);
  }
  EXPECT_EQ(expected.size(), 2U * kSeries * 2 + 1);
}

}  // namespace
}  // namespace hygge
