// Deletes by example: what is gone, what stays, the receipt, and the bytes.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr TimeMs kStep = 10'000;

Options manual() { return test::manual_options(kStart, Sync()); }

Selector select(std::string_view text) { return selector(text).value(); }

// Samples 1 … count, one every ten seconds, with these values.
void write(Db& db, const std::string& k, int first, int count, double base = 0) {
  Batch batch;
  for (int i = first; i < first + count; ++i) {
    batch.add({{"__name__", "m"}, {"k", k}}, kStart + i * kStep, base + i);
  }
  ASSERT_TRUE(db.write(batch));
}

std::vector<double> read(const View& view) {
  std::vector<double> out;
  for (const Series& series : view.series(0)) {
    const auto samples = series.samples();
    EXPECT_TRUE(samples) << samples.error().message;
    if (samples) out.insert(out.end(), samples->v.begin(), samples->v.end());
  }
  return out;
}

std::vector<double> read(const Db& db, std::string_view text) {
  return read(db.view({select(text)}, everything()).value());
}

std::vector<double> numbers(int first, int count) {
  std::vector<double> out;
  for (int i = first; i < first + count; ++i) out.push_back(i);
  return out;
}

TimeRange steps_in(int after, int until) {
  return {kStart + after * kStep, kStart + until * kStep};
}

// How many files below `dir` hold the eight bytes of `v`.
int files_with(const std::string& dir, double v) {
  const auto needle = std::bit_cast<std::array<char, 8>>(v);
  int found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    found += text.find(std::string_view(needle.data(), 8)) != std::string::npos ? 1 : 0;
  }
  return found;
}

TEST(Erase, TakesTheRangeOfTheMatchingSeriesAndNothingElse) {
  // In the head only; stored; stored and waiting: each must answer alike, before and after.
  for (const int stored : {0, 1, 2}) {
    SCOPED_TRACE(stored);
    const test::TempDir dir;
    Db db = Db::open(dir / "db", manual()).value();
    write(db, "a", 1, 300);
    write(db, "b", 1, 300);
    if (stored > 0) {
      ASSERT_TRUE(stored == 1 ? db.flush().has_value() : db.maintain().has_value());
    }
    const auto dry = db.erase(select(R"(m{k="a"})"), steps_in(100, 200), {.dry_run = true}).value();
    EXPECT_EQ(read(db, R"(m{k="a"})").size(), 300U) << "a dry run changes nothing";
    const auto report = db.erase(select(R"(m{k="a"})"), steps_in(100, 200)).value();
    EXPECT_EQ(report.series, 1U);
    EXPECT_EQ(report.samples, 100U);
    EXPECT_GT(report.bytes, 0U);
    EXPECT_EQ(dry.samples, report.samples);
    EXPECT_EQ(dry.bytes, report.bytes);
    auto left = numbers(1, 100);
    const auto tail = numbers(201, 100);
    left.insert(left.end(), tail.begin(), tail.end());
    for (int turn = 0; turn < 3; ++turn) {
      EXPECT_EQ(read(db, R"(m{k="a"})"), left);
      EXPECT_EQ(read(db, R"(m{k="b"})"), numbers(1, 300));
      ASSERT_TRUE(turn == 0 ? db.maintain().has_value() : db.flush().has_value());
      EXPECT_EQ(db.stats()->deletes_pending, 0U);
    }
    EXPECT_EQ(db.erase(select(R"(m{k="a"})"), steps_in(100, 200)).value().samples, 0U);
    ASSERT_TRUE(db.verify()->ok());
  }
}

TEST(Erase, WhatIsWrittenAfterwardsStays) {
  for (const bool stored : {false, true}) {
    SCOPED_TRACE(stored);
    const test::TempDir dir;
    Db db = Db::open(dir / "db", manual()).value();
    write(db, "a", 1, 100);
    if (stored) {
      ASSERT_TRUE(db.flush());
    }
    ASSERT_TRUE(db.erase(select("m"), everything()));
    EXPECT_TRUE(read(db, "m").empty());
    // The newest sample once more, bit for bit; late ones; a later one.
    write(db, "a", 100, 1);
    write(db, "a", 50, 2, 1'000);
    write(db, "a", 101, 1);
    const std::vector<double> expected = {1'050, 1'051, 100, 101};
    EXPECT_EQ(read(db, "m"), expected);
    EXPECT_EQ(read(*Db::open_read_only(dir / "db", manual()), "m"), expected);
    ASSERT_TRUE(db.flush());
    EXPECT_EQ(read(db, "m"), expected);
    ASSERT_TRUE(db.close());
    EXPECT_EQ(read(*Db::open(dir / "db", manual()), "m"), expected);
  }
}

TEST(Erase, ViewsTakenBeforeStayWhole) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", 1, 300);
  ASSERT_TRUE(db.flush());
  write(db, "a", 301, 100);
  const View before = db.view({select("m")}, everything()).value();
  ASSERT_TRUE(db.erase(select("m"), everything()));
  const View after = db.view({select("m")}, everything()).value();
  ASSERT_TRUE(db.flush());
  ASSERT_TRUE(db.compact());
  EXPECT_EQ(read(before), numbers(1, 400));
  EXPECT_TRUE(read(after).empty());
}

TEST(Erase, NowLeavesNoTraceInAnyFile) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  const double secret = 0.12345678901234567;
  Batch batch;
  // Incompressible neighbours, so that the secret stands as it is in the log and at the front of
  // its chunk.
  batch.add({{"__name__", "m"}, {"k", "secret"}}, kStart + 1, secret);
  batch.add({{"__name__", "m"}, {"k", "other"}}, kStart + 1, 0.5);
  ASSERT_TRUE(db.write(batch));
  EXPECT_GT(files_with(dir / "db", secret), 0) << "in the log";
  ASSERT_TRUE(db.erase(select(R"(m{k="secret"})"), everything()));
  EXPECT_GT(files_with(dir / "db", secret), 0) << "without now its bytes may stay for a while";
  // Nothing matches any more; the bytes go all the same.
  EXPECT_EQ(db.erase(select(R"(m{k="secret"})"), everything(), {.now = true}).value().samples, 0U);
  EXPECT_EQ(files_with(dir / "db", secret), 0);

  ASSERT_TRUE(db.write(batch));
  const auto report = db.erase(select(R"(m{k="secret"})"), everything(), {.now = true}).value();
  EXPECT_EQ(report.samples, 1U);
  EXPECT_EQ(files_with(dir / "db", secret), 0);
  EXPECT_EQ(read(db, "m"), std::vector<double>{0.5});
}

TEST(Erase, NowTakesStoredChunksOutOfTheFiles) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  // A store that compresses cannot be searched for a value: its size tells.
  Batch batch;
  std::uint64_t bits = 88172645463325252ULL;
  for (int i = 1; i <= 20'000; ++i) {
    bits ^= bits << 13U;
    bits ^= bits >> 7U;
    bits ^= bits << 17U;
    batch.add({{"__name__", "m"}, {"k", i % 2 == 0 ? "a" : "b"}}, kStart + i,
              1.0 / (1.0 + static_cast<double>(bits % 1'000'003)));
  }
  ASSERT_TRUE(db.write(batch));
  ASSERT_TRUE(db.compact());
  const auto before = db.stats().value();
  const auto report = db.erase(select(R"(m{k="a"})"), everything(), {.now = true}).value();
  const auto after = db.stats().value();
  EXPECT_EQ(report.samples, 10'000U);
  EXPECT_LT(after.chunks.bytes, before.chunks.bytes * 6 / 10);
  EXPECT_LT(after.disk_bytes - after.log_bytes, (before.disk_bytes - before.log_bytes) * 7 / 10);
  EXPECT_EQ(read(db, R"(m{k="b"})").size(), 10'000U);
}

TEST(Erase, NowIsBusyWhileAViewLivesAndChangesNothing) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", 1, 10);
  {
    const View view = db.view({select("m")}, everything()).value();
    const auto refused = db.erase(select("m"), everything(), {.now = true});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::busy);
    EXPECT_EQ(read(db, "m").size(), 10U);
  }
  EXPECT_TRUE(db.erase(select("m"), everything(), {.now = true}));
  EXPECT_TRUE(read(db, "m").empty());
}

// A view that is taken after the check and before the store work. The clock is asked in between.
TEST(Erase, NowGivesItsReceiptWhereAViewTakenMeanwhileKeepsTheBytes) {
  const test::TempDir dir;
  std::function<void()> meanwhile;
  Options options = manual();
  options.clock = [&meanwhile] {
    if (meanwhile) std::exchange(meanwhile, {})();
    return kStart;
  };
  Db db = Db::open(dir / "db", options).value();
  write(db, "a", 1, 10);
  ASSERT_TRUE(db.flush());
  std::optional<View> view;
  meanwhile = [&] { view = db.view({select("m")}, everything()).value(); };
  const auto report = db.erase(select("m"), everything(), {.now = true});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->samples, 10U);
  ASSERT_TRUE(view && report->still_on_disk);
  EXPECT_EQ(report->still_on_disk->code, ErrorCode::busy) << report->still_on_disk->message;
  EXPECT_TRUE(read(db, "m").empty()) << "the delete stands";
  view.reset();
  const auto again = db.erase(select("m"), everything(), {.now = true}).value();
  EXPECT_EQ(again.samples, 0U);
  EXPECT_FALSE(again.still_on_disk);
}

TEST(Erase, IsRefusedByAReaderAndAClosedDatabase) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", 1, 10);
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  EXPECT_EQ(reader.erase(select("m"), everything()).error().code, ErrorCode::read_only);
  EXPECT_EQ(reader.erase(select("m"), everything(), {.dry_run = true}).value().samples, 10U);
  EXPECT_EQ(db.erase(select("m"), {kStart, kStart}).value().samples, 0U) << "an empty range";
  EXPECT_EQ(db.erase(select("nothing"), everything()).value().series, 0U);
  ASSERT_TRUE(db.close());
  EXPECT_EQ(db.erase(select("m"), everything()).error().code, ErrorCode::invalid_argument);
}

TEST(Erase, CountsOverlappingChunksOnce) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", 1, 100);
  ASSERT_TRUE(db.flush());
  write(db, "a", 1, 100, 500);  // all of it late: a second chunk over the first
  ASSERT_TRUE(db.flush());
  EXPECT_EQ(db.erase(select("m"), steps_in(0, 50)).value().samples, 50U);
  EXPECT_EQ(read(db, "m").size(), 50U);
  EXPECT_EQ(db.erase(select("m"), everything()).value().samples, 50U);
}

}  // namespace
}  // namespace hygge
