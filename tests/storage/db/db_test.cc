#include <gtest/gtest.h>
#include <hygge/db.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "tests/support/damage.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
using test::read;

Options manual() { return test::manual_options(kStart); }

Db open(const std::string& dir, Options options = manual()) {
  auto db = Db::open(dir, options);
  if (!db) ADD_FAILURE() << db.error().message;
  return std::move(db).value();
}

TEST(Db, ReadsWhatWasWrittenFromHeadAndFromStore) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const SeriesId id = db.series({{"__name__", "up"}, {"job", "a"}}).value();
  Batch batch;
  for (int i = 1; i <= 1'000; ++i) batch.add(id, kStart + i * 1'000, i);
  batch.add({{"__name__", "up"}, {"job", "b"}}, kStart, 7);
  const WriteReport report = db.write(batch).value();
  EXPECT_EQ(report.samples, 1'001U);
  EXPECT_EQ(report.series_new, 1U);
  EXPECT_EQ(read(db, "up{job=\"a\"}").size(), 1'000U);
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(db.stats()->head_samples, 0U);
  EXPECT_EQ(db.stats()->samples, 1'001U);
  const auto samples = read(db, "up{job=\"a\"}");
  EXPECT_EQ(samples.size(), 1'000U);
  EXPECT_EQ(samples.at(kStart + 500'000), 500);
  EXPECT_EQ(read(db, "up{job=\"a\"}", {kStart + 1'000, kStart + 3'000}).size(), 2U);
  EXPECT_TRUE(db.verify()->ok());
}

// The memory is used again, whatever it held, and wherever the range cuts chunks of two days.
TEST(Db, SamplesReplaceWhatWasReadBefore) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  constexpr int kCount = 3'000;
  const auto time_of = [](int i) { return kStart - kDayMs / 2 + i * 30'000; };
  Batch batch;
  for (int i = 0; i < kCount; ++i) batch.add({{"__name__", "up"}}, time_of(i), i);
  ASSERT_TRUE(db.write(batch));
  ASSERT_TRUE(db.flush());
  batch.clear();
  for (int i = 0; i < 10; ++i) batch.add({{"__name__", "up"}}, time_of(kCount + i), kCount + i);
  ASSERT_TRUE(db.write(batch)) << "these are in the head";
  const View view = db.view({selector("up").value()}, everything()).value();
  const Series series = view.series(0)[0];
  SeriesSamples out{{1, 2, 3}, {4, 5}};
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int from = static_cast<int>(random() % (kCount + 10));
    const int count = static_cast<int>(random() % (round % 2 == 0 ? 20 : kCount));
    const int end = std::min(from + count, kCount + 10);
    const TimeRange range{time_of(from) - 1, time_of(end) - 1};
    ASSERT_TRUE(series.samples(range, out));
    ASSERT_EQ(out.t.size(), static_cast<std::size_t>(end - from));
    ASSERT_EQ(out.v.size(), out.t.size());
    for (int i = from; i < end; ++i) {
      ASSERT_EQ(out.t[static_cast<std::size_t>(i - from)], time_of(i));
      ASSERT_EQ(out.v[static_cast<std::size_t>(i - from)], i);
    }
    EXPECT_EQ(series.samples(range)->t, out.t);
  }
}

TEST(Db, KeepsEverythingOverACleanCloseAndLeavesNothingToReplay) {
  const test::TempDir dir;
  {
    Db db = open(dir / "db");
    Batch batch;
    batch.describe("up", {MetricType::gauge, "", "whether it runs"});
    batch.add({{"__name__", "up"}}, kStart, 1);
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.close());
    EXPECT_FALSE(db.write(batch)) << "closed";
  }
  Options options = manual();
  options.create_if_missing = false;
  Db db = open(dir / "db", options);
  EXPECT_EQ(db.open_report().replayed_samples, 0U);
  EXPECT_EQ(read(db, "up"), (std::map<TimeMs, double>{{kStart, 1}}));
  EXPECT_EQ(db.metadata().at("up").help, "whether it runs");
  EXPECT_EQ(db.time_bounds()->last_ms, kStart);
}

TEST(Db, LastWriteOfATimeWinsWhereverItLies) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const SeriesId id = db.series({{"__name__", "m"}}).value();
  const auto write = [&](TimeMs t, double v) {
    Batch batch;
    batch.add(id, t, v);
    return db.write(batch).value();
  };
  for (int i = 0; i < 500; ++i) write(kStart + i, 1);
  write(kStart + 10, 2);  // in the store or waiting
  EXPECT_EQ(read(db, "m").at(kStart + 10), 2);
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(read(db, "m").at(kStart + 10), 2);
  write(kStart + 10, 3);
  ASSERT_TRUE(db.flush());
  write(kStart + 10, 4);
  EXPECT_EQ(read(db, "m").at(kStart + 10), 4);
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(read(db, "m").at(kStart + 10), 4);
  EXPECT_EQ(read(db, "m").size(), 500U);
}

TEST(Db, WritingTheSameAgainChangesNothing) {
  const test::TempDir dir;
  const auto write_all = [](Db& db) {
    Batch batch;
    for (int i = 0; i < 3'000; ++i) batch.add({{"__name__", "m"}}, kStart + i * 1'000, i % 7);
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.flush());
  };
  Db db = open(dir / "db");
  write_all(db);
  const Stats before = db.stats().value();
  write_all(db);
  const Stats after = db.stats().value();
  EXPECT_EQ(after.samples, before.samples);
  EXPECT_EQ(after.chunks.count, before.chunks.count);
  EXPECT_EQ(after.late_duplicates, 3'000U - 1U) << "all but the newest, which the head knows";
}

TEST(Db, ABatchIsRefusedWhole) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const auto refused = [&](const Batch& batch, ErrorCode code) {
    const auto report = db.write(batch);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, code) << report.error().message;
    EXPECT_TRUE(read(db, "good").empty());
  };
  Batch batch;
  batch.add({{"__name__", "good"}}, kStart, 1);
  batch.add(SeriesId{77}, kStart, 1);
  refused(batch, ErrorCode::not_found);
  batch.clear();
  batch.add({{"__name__", "good"}}, kStart, 1);
  batch.add({{"a", "1"}, {"a", "2"}}, kStart, 1);
  refused(batch, ErrorCode::invalid_argument);
  batch.clear();
  batch.add({{"__name__", "good"}}, kStart, 1);
  batch.add({{"__name__", "late"}}, kMaxTimeMs + 1, 1);
  refused(batch, ErrorCode::out_of_range);
  batch.clear();
  batch.add({{"__name__", "good"}}, kStart, 1);
  batch.add({{"__name__", "m"}, {"huge", std::string(10 << 20, 'x')}}, kStart, 1);
  refused(batch, ErrorCode::limit);
}

TEST(Db, TimesAtTheEdgesAreKept) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const TimeMs times[] = {kMinTimeMs, -kDayMs, -1, 0, 1, kDayMs, kDayMs + 1, kMaxTimeMs};
  Batch batch;
  for (const TimeMs t : times) batch.add({{"__name__", "m"}}, t, 1);
  ASSERT_TRUE(db.write(batch));
  EXPECT_EQ(read(db, "m").size(), std::size(times));
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(read(db, "m").size(), std::size(times));
  EXPECT_EQ(read(db, "m", {0, kDayMs}).size(), 2U);
}

TEST(Db, AViewDoesNotMove) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const SeriesId id = db.series({{"__name__", "m"}}).value();
  Batch batch;
  for (int i = 0; i < 300; ++i) batch.add(id, kStart + i, i);
  ASSERT_TRUE(db.write(batch));
  auto view = db.view({selector("m").value()}, everything()).value();
  batch.clear();
  for (int i = 0; i < 600; ++i) batch.add(id, kStart + i, -1);
  ASSERT_TRUE(db.write(batch));
  ASSERT_TRUE(db.flush());
  const auto samples = view.series(0)[0].samples().value();
  ASSERT_EQ(samples.t.size(), 300U);
  EXPECT_EQ(samples.v[299], 299);
  const auto closed = db.close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::busy);
}

TEST(Db, AViewOutlivesItsDb) {
  const test::TempDir dir;
  std::optional<View> view;
  {
    Db db = open(dir / "db");
    Batch batch;
    batch.add({{"__name__", "m"}}, kStart, 5);
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.flush());
    view.emplace(db.view({selector("m").value()}, everything()).value());
  }
  EXPECT_EQ(view->series(0)[0].samples()->v, std::vector<double>{5});
  EXPECT_EQ(Db::open(dir / "db", manual()).error().code, ErrorCode::busy);
  view.reset();
  EXPECT_TRUE(Db::open(dir / "db", manual()));
}

TEST(DbOpen, SaysWhatIsThere) {
  const test::TempDir dir;
  Options options = manual();
  options.create_if_missing = false;
  EXPECT_EQ(Db::open(dir / "none", options).error().code, ErrorCode::not_found);
  EXPECT_EQ(Db::open_read_only(dir / "none").error().code, ErrorCode::not_found);
  std::ofstream(dir / "file") << "not ours";
  const auto other = Db::open(dir.path(), manual());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::not_found);
  EXPECT_NE(other.error().message.find("not a hygge database"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(dir / "file"));
}

TEST(DbOpen, RefusesASecondWriterAndNamesTheFirst) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  const auto second = Db::open(dir / "db", manual());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos);
}

void replace_line(const std::string& file, const std::string& from, const std::string& to) {
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos);
  std::ofstream(file) << text.replace(at, from.size(), to);
}

TEST(DbOpen, RefusesANewerFormatAndADamagedIdentity) {
  const test::TempDir dir;
  { const Db db = open(dir / "db"); }
  replace_line(dir / "db/HYGGE", "format 2", "format 3");
  EXPECT_EQ(Db::open(dir / "db", manual()).error().code, ErrorCode::corruption)
      << "a number that its checksum does not know is damage";
  replace_line(dir / "db/HYGGE", "checksum ", "whatever ");
  const auto newer = Db::open(dir / "db", manual());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::version);
  EXPECT_NE(newer.error().message.find("format 3"), std::string::npos);
  EXPECT_EQ(Db::open_read_only(dir / "db").error().code, ErrorCode::version);
  replace_line(dir / "db/HYGGE", "whatever ", "checksum ");
  replace_line(dir / "db/HYGGE", "format 3", "format 2");
  EXPECT_TRUE(Db::open(dir / "db", manual()));
  replace_line(dir / "db/HYGGE", "created 2", "created 3");
  EXPECT_EQ(Db::open(dir / "db", manual()).error().code, ErrorCode::corruption);
}

TEST(DbOpen, HalfADatabaseIsNeverMadeAnew) {
  const test::TempDir dir;
  {
    Db db = open(dir / "db");
    Batch batch;
    batch.add({{"__name__", "m"}}, kStart, 1);
    ASSERT_TRUE(db.write(batch));
  }
  std::filesystem::remove(dir / "db/HYGGE");
  const auto half = Db::open(dir / "db", manual());
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, ErrorCode::corruption);
  std::filesystem::remove_all(dir / "db/log");
  std::filesystem::create_directory(dir / "db/log");
  EXPECT_TRUE(Db::open(dir / "db", manual())) << "a creation cut short is begun again";
}

TEST(DbReadOnly, SeesTheWritersBatchesAndChangesNothing) {
  const test::TempDir dir;
  Db db = open(dir / "db");
  Batch batch;
  for (int i = 0; i < 700; ++i) batch.add({{"__name__", "m"}}, kStart + i, i);
  ASSERT_TRUE(db.write(batch));
  {
    const Db reader = Db::open_read_only(dir / "db").value();
    EXPECT_EQ(read(reader, "m").size(), 700U) << "from the log alone";
  }
  ASSERT_TRUE(db.flush());
  batch.clear();
  batch.add({{"__name__", "m"}}, kStart + 1'000, 1);
  ASSERT_TRUE(db.write(batch));
  const auto listing = [&] {
    std::map<std::string, std::uintmax_t> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "db")) {
      if (entry.is_regular_file()) out[entry.path().string()] = entry.file_size();
    }
    return out;
  };
  const auto before = listing();
  {
    Db reader = Db::open_read_only(dir / "db").value();
    EXPECT_EQ(read(reader, "m").size(), 701U) << "store and log";
    EXPECT_EQ(reader.write(batch).error().code, ErrorCode::read_only);
    EXPECT_EQ(reader.flush().error().code, ErrorCode::read_only);
    EXPECT_TRUE(reader.verify()->ok());
  }
  EXPECT_EQ(listing(), before);
}

TEST(Db, AFutureClockAndAPastOneDoNotMatter) {
  const test::TempDir dir;
  Options options = manual();
  TimeMs now = kStart;
  options.clock = [&] { return now; };
  Db db = open(dir / "db", options);
  Batch batch;
  for (const TimeMs jump : {TimeMs{0}, 10 * kDayMs, -10 * kDayMs, TimeMs{5}}) {
    now = kStart + jump;
    batch.clear();
    batch.add({{"__name__", "m"}}, now, 1);
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.maintain());
  }
  EXPECT_EQ(read(db, "m").size(), 4U);
}

TEST(Db, MarksUnlinkTheLogBehindThem) {
  const test::TempDir dir;
  Options options = manual();
  options.tuning.log_segment_bytes = 4'096;
  Db db = open(dir / "db", options);
  for (int i = 0; i < 200; ++i) {
    Batch batch;
    for (int k = 0; k < 100; ++k) {
      batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + i * 1'000, i * 0.1);
    }
    ASSERT_TRUE(db.write(batch));
  }
  EXPECT_GT(db.stats()->log_segments, 5U);
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(db.stats()->log_segments, 1U);
  EXPECT_GT(db.stats()->segments_unlinked, 5U);
  EXPECT_EQ(db.stats()->marks, 1U);
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(db.stats()->marks, 1U) << "nothing new to mark";
}

TEST(Db, ADamagedChunkIsNamedAndTheRestStaysReadable) {
  const test::TempDir dir;
  {
    Db db = open(dir / "db");
    Batch batch;
    for (int k = 0; k < 400; ++k) {
      for (int i = 0; i < 240; ++i) {
        batch.add({{"__name__", "m"}, {"k", std::to_string(k)}}, kStart + i * 1'000, i * 0.37 * k);
      }
    }
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.close());
  }
  const std::filesystem::path largest = test::largest_table(dir / "db/store");
  test::flip(largest, std::filesystem::file_size(largest) / 2, 3);
  const Db db = Db::open_read_only(dir / "db").value();
  const auto report = db.verify().value();
  ASSERT_FALSE(report.ok());
  auto view = db.view({selector("m").value()}, everything()).value();
  int good = 0;
  int bad = 0;
  for (const Series& series : view.series(0)) {
    const auto samples = series.samples();
    if (samples) {
      ++good;
      EXPECT_EQ(samples->t.size(), 240U);
    } else {
      ++bad;
      EXPECT_EQ(samples.error().code, ErrorCode::corruption);
      EXPECT_NE(samples.error().message.find("m{k="), std::string::npos);
    }
  }
  EXPECT_GT(bad, 0);
  EXPECT_GT(good, bad);
}

TEST(Db, BirthIsTheEarliestSampleEver) {
  const test::TempDir dir;
  {
    Db db = open(dir / "db");
    Batch batch;
    batch.add({{"__name__", "m"}}, kStart, 1);
    ASSERT_TRUE(db.write(batch));
    ASSERT_TRUE(db.flush());
    batch.clear();
    batch.add({{"__name__", "m"}}, kStart - kDayMs, 1);
    ASSERT_TRUE(db.write(batch));
  }
  const Db db = Db::open_read_only(dir / "db").value();
  auto view = db.view({selector("m").value()}, everything()).value();
  EXPECT_EQ(view.series(0)[0].birth_ms(), kStart - kDayMs);
}

}  // namespace
}  // namespace hygge
