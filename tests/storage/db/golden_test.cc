// tests/golden/database-N: a database as an early build of format N wrote it. Every later build
// opens them, by reading in place and by writing a copy. They hold the same; from 2 on days have
// cells.
//
//   HYGGE_GOLDEN_TO=DIR   writes a new one to DIR instead (take LOCK, OPTIONS, IDENTITY, *.log and
//   the segment's unused
//                         end away)
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/database.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr const char* kBatchId = "golden-1";
constexpr TimeRange kErased{kStart + 20'000'000, kStart + 30'000'000};

class Golden : public ::testing::TestWithParam<int> {
 protected:
  const std::string golden_ =
      test::in_source("tests/golden/database-") + std::to_string(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Formats, Golden, ::testing::Values(1, 2));

Retention rules() {
  return {{{selector("m").value(), std::nullopt}},
          {{selector("only_in_the_log").value(), everything()}}};
}

Options manual() { return test::manual_options(kStart + 30 * kDayMs); }  // the days are over

// What the database holds, by rule: two days, sealed and dirty again; late samples, rewritten ones;
// integers and fractions; a batch id, a rule and a pin; a delete whose store work is not done.
test::AllSamples expected() {
  test::AllSamples out;
  for (int k = 0; k < 4; ++k) {
    const std::string name = "m{k=\"" + std::to_string(k) + "\"}";
    for (int i = 0; i < 600; ++i) {
      const double v = k % 2 == 0 ? i * (k + 1) : i * 0.1 + k;
      out[{name, kStart + (i + 1) * 200'000}] = v;
    }
    for (int i = 0; i < 50; ++i) out[{name, kStart + i * 400'000 + 100'000}] = -i;   // late
    for (int i = 0; i < 10; ++i) out[{name, kStart + (i + 1) * 200'000}] = 1e9 + i;  // rewritten
  }
  for (int i = 0; i < 30; ++i) out[{"only_in_the_log", kStart + i * 1'000}] = i;
  std::erase_if(out, [](const auto& sample) {
    return sample.first.first == "m{k=\"3\"}" && kErased.contains(sample.first.second);
  });
  return out;
}

void fill(Db& db) {
  const auto name = [](int k) {
    return Labels::from({{"__name__", "m"}, {"k", std::to_string(k)}});
  };
  Batch batch;
  batch.describe("m", {MetricType::gauge, "", "golden"});
  ASSERT_TRUE(db.set_retention(rules().rules));
  ASSERT_TRUE(db.pin(rules().pins[0].selector, rules().pins[0].range));
  const auto commit = [&] {
    ASSERT_TRUE(db.write(batch));
    batch.clear();
  };
  for (int i = 0; i < 600; ++i) {
    for (int k = 0; k < 4; ++k) {
      const double v = k % 2 == 0 ? i * (k + 1) : i * 0.1 + k;
      batch.add(name(k).value(), kStart + (i + 1) * 200'000, v);
    }
  }
  commit();
  ASSERT_TRUE(db.compact());
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < 50; ++i) batch.add(name(k).value(), kStart + i * 400'000 + 100'000, -i);
  }
  commit();
  ASSERT_TRUE(db.flush());
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < 10; ++i) batch.add(name(k).value(), kStart + (i + 1) * 200'000, 1e9 + i);
  }
  for (int i = 0; i < 30; ++i) batch.add({{"__name__", "only_in_the_log"}}, kStart + i * 1'000, i);
  batch.set_id(kBatchId);
  commit();
  ASSERT_TRUE(db.erase(selector("m{k=\"3\"}").value(), kErased));
}

// Rows of cells that are read; they say of the second day what its samples say.
std::size_t rows_of_cells(const Db& db) {
  const TimeRange day{kStart + kDayMs, kStart + 2 * kDayMs};
  const auto view = db.view({selector("m").value()}, day);
  EXPECT_TRUE(view);
  std::size_t rows = 0;
  for (const Series& series : view->series(0)) {
    std::vector<TimedCell> cells;
    const auto found = series.cells(kHourMs, {true, false}, day, cells);
    EXPECT_TRUE(found);
    rows += found->rows;
    Cell all;
    for (const TimedCell& one : cells) all.merge(one.cell);
    Cell expected;
    const SeriesSamples samples = series.samples().value();
    for (std::size_t i = 0; i < samples.t.size(); ++i) {
      expected.add({samples.t[i], samples.v[i]});
    }
    EXPECT_EQ(all.n, expected.n);
    EXPECT_EQ(all.counter, expected.counter);
    EXPECT_EQ(all.max, expected.max);
    EXPECT_NEAR(all.sum_value(), expected.sum_value(), 1e-12 * std::abs(expected.sum_value()));
  }
  return rows;
}

std::map<std::string, std::string> bytes_of(const std::string& dir) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    out[fs::relative(entry.path(), dir).string()] = text.str();
  }
  return out;
}

TEST_P(Golden, ReadInPlaceItHoldsWhatWasWrittenAndStaysAsItIs) {
  if (const char* to = std::getenv("HYGGE_GOLDEN_TO")) {
    const test::TempDir dir;
    Db db = Db::open(dir / "db", manual()).value();
    fill(db);
    fs::copy(dir / "db", to, fs::copy_options::recursive);
    GTEST_SKIP() << "written to " << to;
  }
  const auto before = bytes_of(golden_);
  {
    const auto db = Db::open_read_only(golden_);
    ASSERT_TRUE(db) << db.error().message;
    EXPECT_EQ(test::read_all(*db), expected());
    EXPECT_EQ(db->metadata().at("m").help, "golden");
    EXPECT_EQ(db->retention(), rules());
    const Stats stats = db->stats().value();
    EXPECT_EQ(stats.deletes_pending, 1U);
    ASSERT_EQ(stats.days.size(), 3U) << "the first sample ends the day before";
    EXPECT_NE(stats.days[1].state, Stats::Day::State::open);
    const auto verified = db->verify().value();
    EXPECT_TRUE(verified.ok());
    EXPECT_EQ(verified.cell_rows > 0, GetParam() > 1);
    EXPECT_EQ(rows_of_cells(*db) > 0, GetParam() > 1);
  }
  EXPECT_TRUE(bytes_of(golden_) == before);
  std::size_t bytes = 0;
  for (const auto& [name, text] : before) bytes += text.size();
  EXPECT_LT(bytes, 100'000U);
}

TEST_P(Golden, ACopyCanBeWrittenClonedAndRepaired) {
  if (std::getenv("HYGGE_GOLDEN_TO") != nullptr) GTEST_SKIP();
  const test::TempDir dir;
  fs::copy(golden_, dir / "db", fs::copy_options::recursive);
  {
    const auto opened = Db::open(dir / "db", manual());
    ASSERT_TRUE(opened) << opened.error().message;
  }
  EXPECT_TRUE(hygge::repair(dir / "db")->actions.empty());
  ASSERT_TRUE(clone(dir / "db", dir / "clone"));
  for (const char* name : {"db", "clone"}) {
    Db db = Db::open(dir / name, manual()).value();
    EXPECT_EQ(test::read_all(db), expected());
    EXPECT_EQ(db.retention(), rules());
    Batch batch;
    batch.add({{"__name__", "m"}, {"k", "0"}}, kStart, 1);
    batch.set_id(kBatchId);
    EXPECT_TRUE(db.write(batch)->repeat) << "a batch id is forgotten";
    batch.clear();
    batch.add({{"__name__", "m"}, {"k", "0"}}, kStart + 5 * kDayMs, 1);
    EXPECT_TRUE(db.write(batch));
    EXPECT_TRUE(db.compact());
    EXPECT_EQ(test::read_all(db).size(), expected().size() + 1);
    EXPECT_TRUE(db.verify()->ok());
  }
}

TEST(GoldenFormat, ANewerFormatIsRefusedWithTheVersionItNeeds) {
  const test::TempDir dir;
  { Db db = Db::open(dir / "db", manual()).value(); }
  std::ofstream(dir / "db/HYGGE") << "hygge database\nformat 7\nwhatever comes then\n";
  for (const Error& error :
       {Db::open(dir / "db", manual()).error(), Db::open_read_only(dir / "db").error(),
        hygge::repair(dir / "db").error(), hygge::verify(dir / "db").error(),
        clone(dir / "db", dir / "c").error(), identify(dir / "db").error()}) {
    EXPECT_EQ(error.code, ErrorCode::version);
    EXPECT_NE(error.message.find("format 7"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("up to 2"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace hygge
