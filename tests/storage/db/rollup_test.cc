// Stored cells: equal to those of the samples whatever was written, deleted, sealed, crashed and
// reopened in between; and who writes which rows when.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>

#include "storage/store/store.h"
#include "tests/storage/db/clocked_db.h"
#include "tests/support/database.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_dir.h"
#include "window/cell_builder.h"

namespace hygge {
namespace {

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kSeries = 6;
constexpr DurationMs kTiers[] = {5 * kMinuteMs, kHourMs};
using Rows = std::map<std::string, std::string>;
using test::expect_whole;

struct Fixture : test::ClockedDb {
  explicit Fixture(const std::string& directory) : ClockedDb(directory, kDay0 + 40 * kDayMs) {}

  // Even series are gauges, odd ones counters.
  static Labels labels(int k) {
    return Labels::from({{"__name__", k % 2 == 0 ? "m" : "m_total"}, {"k", std::to_string(k)}})
        .value();
  }
  void write(int k, TimeMs t, double v) {
    Batch batch;
    batch.add(labels(k), t, v);
    ASSERT_TRUE(db->write(batch));
  }
  void write_day(TimeMs midnight, int count = 500) {
    Batch batch;
    for (int k = 0; k < kSeries; ++k) {
      for (int i = 0; i < count; ++i) {
        batch.add(labels(k), midnight + 1 + i * (kDayMs / count), k + i % 17);
      }
    }
    ASSERT_TRUE(db->write(batch));
  }
  MaintainReport settle() { return test::settle(*db); }
};

View view_of(const Db& db) {
  return db.view({Selector{}}, {kDay0 - kDayMs, kDay0 + 10 * kDayMs}).value();
}

void expect_same(const Cell& got, const Cell& cell, bool spread) {
  EXPECT_EQ(got.n, cell.n);
  EXPECT_EQ(got.stale_at_end, cell.stale_at_end);
  EXPECT_EQ(got.t_first_ms, cell.t_first_ms);
  EXPECT_EQ(got.v_first, cell.v_first);
  EXPECT_EQ(got.t_last_ms, cell.t_last_ms);
  EXPECT_EQ(got.v_last, cell.v_last);
  EXPECT_EQ(got.t_before_last_ms, cell.t_before_last_ms);
  EXPECT_EQ(got.v_before_last, cell.v_before_last);
  EXPECT_EQ(got.resets, cell.resets);
  EXPECT_EQ(got.changes, cell.changes);
  EXPECT_EQ(got.fallen, cell.fallen);
  EXPECT_EQ(got.counter, cell.counter);
  if (!spread) return;
  EXPECT_EQ(got.min, cell.min);
  EXPECT_EQ(got.max, cell.max);
  EXPECT_EQ(got.t_min_ms, cell.t_min_ms);
  EXPECT_EQ(got.t_max_ms, cell.t_max_ms);
  EXPECT_EQ(got.sum_value(), cell.sum_value());
  EXPECT_NEAR(got.m2, cell.m2, 1e-12 * (1 + cell.m2));
}

// What cell_counts() gives is what cells() gives, whatever was read ahead.
void check_counts(const View& view) {
  for (const DurationMs tier : kTiers) {
    for (const std::size_t ahead : {0U, 5'000U, 1U << 20U}) {
      SCOPED_TRACE(ahead);
      std::size_t until = 0;
      for (std::size_t k = 0; k < view.series(0).size(); ++k) {
        if (ahead > 0 && k >= until) {
          const auto read =
              view.read_cells_ahead(view.series(0).subspan(k), tier, view.range(), ahead);
          EXPECT_GE(read.series, 1U);
          until = k + read.series;
        }
        std::vector<TimedCell> cells;
        CellCounts counts;
        const Series& series = view.series(0)[k];
        const auto whole = series.cells(tier, {false, false}, view.range(), cells);
        const auto read = series.cell_counts(tier, view.range(), counts);
        ASSERT_TRUE(whole && read);
        EXPECT_EQ(read->rows, whole->rows);
        EXPECT_EQ(read->cells, whole->cells);
        EXPECT_EQ(read->samples, whole->samples);
        ASSERT_EQ(counts.size(), cells.size());
        for (std::size_t i = 0; i < cells.size(); ++i) {
          ASSERT_EQ(counts.start_ms[i], cells[i].start_ms);
          ASSERT_EQ(counts.n[i], cells[i].cell.n);
          ASSERT_EQ(counts.t_first_ms[i], cells[i].cell.t_first_ms);
          ASSERT_EQ(counts.t_last_ms[i], cells[i].cell.t_last_ms);
          ASSERT_EQ(counts.v_first[i], cells[i].cell.v_first);
          ASSERT_EQ(counts.v_last[i], cells[i].cell.v_last);
          ASSERT_EQ(counts.fallen[i], cells[i].cell.fallen);
          ASSERT_EQ(counts.stale_at_end[i] != 0, cells[i].cell.stale_at_end);
        }
      }
    }
  }
}

// All cells of all series, against those of the samples; integers throughout. Returns the rows that
// were read.
std::uint64_t check_cells(const Db& db) {
  std::uint64_t rows = 0;
  const View view = view_of(db);
  for (const Series& series : view.series(0)) {
    const auto samples = series.samples().value();
    for (const DurationMs tier : kTiers) {
      for (const bool spread : {false, true}) {
        SCOPED_TRACE(to_string(series.labels()) + " " + std::to_string(tier));
        std::vector<TimedCell> expected;
        windows::add_to_cells(samples.t, samples.v, tier, expected);
        std::vector<TimedCell> got;
        const auto read = series.cells(tier, {spread, false}, view.range(), got);
        EXPECT_TRUE(read) << read.error().message;
        rows += read->rows;
        EXPECT_EQ(got.size(), expected.size());
        for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
          EXPECT_EQ(got[i].start_ms, expected[i].start_ms);
          expect_same(got[i].cell, expected[i].cell, spread);
          if (::testing::Test::HasFailure()) return rows;
        }
      }
    }
  }
  check_counts(view);
  return rows;
}

// Keys and rows. The database must be closed.
Rows rows_in(const std::string& dir) {
  storage::StoreOptions options;
  options.read_only = true;
  const auto store = storage::Store::open(dir + "/store", options).value();
  Rows out;
  EXPECT_TRUE(store->scan_cells(store->snapshot(),
                                [&](const storage::CellKey& key, Bytes row) -> Result<void> {
                                  out[storage::encode_key(key)] = as_text(row);
                                  return {};
                                }));
  return out;
}

TEST(DbRollup, ASealWritesARowPerTierAndSeries) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  EXPECT_EQ(check_cells(*f.db), 0U) << "not sealed";
  const MaintainReport report = f.settle();
  EXPECT_EQ(report.partitions_sealed, 1U);
  EXPECT_EQ(report.cell_rows_written, 2U * kSeries);
  // Counters have no spread: one question of two reads samples.
  EXPECT_EQ(check_cells(*f.db), 2U * (3 * 2 + 3));
  EXPECT_EQ(f.db->stats()->cell_rows, 2U * kSeries);
  const RollupStats stats = f.db->rollup_stats().value();
  ASSERT_EQ(stats.tiers.size(), 2U);
  EXPECT_EQ(stats.tiers[0].resolution_ms, 5 * kMinuteMs);
  EXPECT_EQ(stats.tiers[0].rows, 1U * kSeries);
  EXPECT_EQ(stats.tiers[0].counter_rows, 3U);
  EXPECT_EQ(stats.tiers[1].cells, 24U * kSeries);
  EXPECT_EQ(stats.days, 1U);
  EXPECT_EQ(stats.days_due, 0U);
  EXPECT_EQ(f.db->verify()->cell_rows, 2U * kSeries);
  expect_whole(*f.db);
  f.open();
  EXPECT_EQ(check_cells(*f.db), 18U);
}

TEST(DbRollup, LateDataMakesItsRowsAnewAndNoOthers) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write_day(kDay0 + kDayMs);
  f.write(0, kDay0 + 5 * kDayMs, 1);
  ASSERT_EQ(f.settle().partitions_sealed, 2U);
  const std::uint64_t all = check_cells(*f.db);
  f.write(2, kDay0 + 77, 1'000);
  f.write(4, kDay0 + 78, 1'000);
  EXPECT_EQ(check_cells(*f.db), all - 8) << "dirty pairs are read as samples";
  const MaintainReport report = f.settle();
  EXPECT_EQ(report.series_resealed, 2U);
  EXPECT_EQ(report.cell_rows_written, 4U) << "two pairs, two tiers";
  EXPECT_EQ(check_cells(*f.db), all);
  expect_whole(*f.db);
}

TEST(DbRollup, AViewKeepsWhatItCaptured) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  f.settle();
  const View before = view_of(*f.db);
  f.write(0, kDay0 + 77, 1'000);
  const View dirty = view_of(*f.db);
  f.settle();
  const View after = view_of(*f.db);
  for (const auto& [view, count] : {std::pair{&before, 500U}, {&dirty, 501U}, {&after, 501U}}) {
    std::vector<TimedCell> cells;
    const auto read =
        view->series(0)[0].cells(kHourMs, {true, false}, {kDay0, kDay0 + kDayMs}, cells).value();
    EXPECT_EQ(read.rows, view == &dirty ? 0U : 1U);
    std::uint64_t n = 0;
    for (const TimedCell& one : cells) n += one.cell.n;
    EXPECT_EQ(n, count);
  }
}

TEST(DbRollup, DeletesTakeTheirCells) {
  for (const bool now : {false, true}) {
    SCOPED_TRACE(now);
    const test::TempDir dir;
    Fixture f(dir / "db");
    f.write_day(kDay0);
    f.write(0, kDay0 + 3 * kDayMs, 1);
    f.settle();
    EraseOptions how;
    how.now = now;
    ASSERT_TRUE(f.db->erase(selector("m{k=\"0\"}").value(), everything(), how));
    ASSERT_TRUE(f.db->erase(selector("m{k=\"2\"}").value(), {kDay0, kDay0 + kHourMs}, how));
    check_cells(*f.db);
    f.settle();
    EXPECT_EQ(check_cells(*f.db), 18U - 4);
    expect_whole(*f.db);
    ASSERT_TRUE(f.db->close());
    EXPECT_EQ(rows_in(f.dir).size(), 2U * (kSeries - 1));
  }
}

TEST(DbRollup, AnotherPolicyGivesSealedDaysOtherCells) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  f.settle();
  EXPECT_EQ(f.settle().partitions_rolled_up, 0U);
  const auto rules =
      parse_rollups("m{k=\"0\"} 1h regression\nm{k=\"2\"} none\nm_total 1m,5m\n").value();
  ASSERT_TRUE(f.db->set_rollups(rules));
  EXPECT_EQ(f.db->rollup_stats()->days_due, 1U);
  check_cells(*f.db);
  f.open();
  EXPECT_EQ(f.db->rollups(), rules);
  const MaintainReport report = f.settle();
  EXPECT_EQ(report.partitions_rolled_up, 1U);
  EXPECT_EQ(report.partitions_sealed, 0U);
  EXPECT_EQ(report.cell_rows_written, 1U + 3 * 2 + 2);
  check_cells(*f.db);
  expect_whole(*f.db);
  const RollupStats stats = f.db->rollup_stats().value();
  EXPECT_EQ(stats.days_due, 0U);
  ASSERT_EQ(stats.tiers.size(), 3U);
  EXPECT_EQ(stats.tiers[0].rows, 3U) << "1m";
  EXPECT_EQ(stats.tiers[1].rows, 4U) << "5m: counters, and m{k=4} by default";
  EXPECT_EQ(stats.tiers[2].rows, 2U) << "1h";
  std::vector<TimedCell> cells;
  const View view = view_of(*f.db);
  EXPECT_EQ(view.series(0)[0].cells(kHourMs, {true, true}, view.range(), cells)->rows, 1U);
  EXPECT_EQ(f.db->set_rollups({{selector("m").value(), {7 * kMinuteMs}}}).error().code,
            ErrorCode::invalid_argument);
  ASSERT_TRUE(f.db->set_rollups({}));
  ASSERT_TRUE(f.db->compact());
  EXPECT_EQ(check_cells(*f.db), 18U + 4) << "compact computes them, too; today is sealed early";
}

TEST(DbRollup, PoliciesOfSketchesAreText) {
  const std::string text = "m 5m,1h regression sketch=0.5%\nn 1h sketch=1%\no 1h sketch=2.1234%\n";
  const auto rules = parse_rollups(text).value();
  EXPECT_EQ(to_text(rules), text);
  EXPECT_EQ(rules[0].sketch_ppm, 5'000U);
  EXPECT_EQ(rules[1].sketch_ppm, 10'000U);
  EXPECT_EQ(rules[2].sketch_ppm, 21'234U);
  EXPECT_EQ(parse_rollups("m 1h sketch=10.0% regression").value(),
            parse_rollups("m 1h regression sketch=10%").value());
  for (const char* bad :
       {"m 1h sketch", "m 1h sketch=", "m 1h sketch=%", "m 1h sketch=1", "m 1h sketch=0.09%",
        "m 1h sketch=10.0001%", "m 1h sketch=0.10001%", "m 1h sketch=-1%", "m 1h sketch=1.%.",
        "m 1h sketch=99999999999999999999%", "m 1h sketch=1% sketch=1%", "sketch=1%",
        "m sketch=1%"}) {
    SCOPED_TRACE(bad);
    const auto parsed = parse_rollups(bad);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::parse);
  }
  const auto misspelt = parse_rollups("m 1h skech=1%");
  ASSERT_FALSE(misspelt);
  EXPECT_NE(misspelt.error().message.find("skech=1%"), std::string::npos)
      << misspelt.error().message;
  const test::TempDir dir;
  Fixture f(dir / "db");
  ASSERT_TRUE(f.db->set_rollups(rules));
  f.open();
  EXPECT_EQ(f.db->rollups(), rules);
  EXPECT_EQ(f.db->set_rollups({{selector("m").value(), {kHourMs}, false, 100'001}}).error().code,
            ErrorCode::invalid_argument);
}

TEST(DbRollup, RowsOfARuleHaveSketchesAndVerifyComputesThem) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0, 2'000);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  f.settle();
  const RollupStats before = f.db->rollup_stats().value();
  EXPECT_EQ(before.tiers[0].sketch_rows, 0U);
  ASSERT_TRUE(f.db->set_rollups(parse_rollups("{k=~\"[01]\"} 5m,1h sketch=1%\n").value()));
  f.settle();
  const RollupStats stats = f.db->rollup_stats().value();
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_EQ(stats.tiers[i].sketch_rows, 2U);
    EXPECT_GT(stats.tiers[i].sketch_cells, 0U);
    EXPECT_GT(stats.tiers[i].sketch_bytes, 10U);
    EXPECT_GT(stats.tiers[i].bytes, before.tiers[i].bytes + stats.tiers[i].sketch_bytes);
  }
  EXPECT_GT(check_cells(*f.db), 12U);
  expect_whole(*f.db);
  ASSERT_TRUE(f.db->close());
  // Sketches of another accuracy are not those that the policy gives.
  const Rows one = rows_in(f.dir);
  f.open();
  ASSERT_TRUE(f.db->set_rollups(parse_rollups("{k=~\"[01]\"} 5m,1h sketch=2%\n").value()));
  f.settle();
  ASSERT_TRUE(f.db->close());
  const Rows two = rows_in(f.dir);
  ASSERT_EQ(one.size(), two.size());
  std::size_t differ = 0;
  for (const auto& [key, row] : one) differ += two.at(key) != row ? 1U : 0U;
  EXPECT_EQ(differ, 4U);
}

TEST(DbRollup, ASeriesTellsWhetherItsFirstDayHasCells) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write_day(kDay0 + 2 * kDayMs);
  f.settle();
  f.write(0, kDay0 + 7, 1);  // late: its row does not say what the samples say
  const View view = view_of(*f.db);
  const Series& late = view.series(0)[0];
  const Series& whole = view.series(0)[1];
  const TimeRange both{kDay0, kDay0 + 3 * kDayMs};
  EXPECT_EQ(whole.has_cells(kHourMs, both), true);
  EXPECT_EQ(whole.has_cells(2 * kHourMs, both), false) << "no tier";
  EXPECT_EQ(late.has_cells(kHourMs, both), false);
  EXPECT_EQ(whole.has_cells(kHourMs, {kDay0 + kDayMs, both.until}), false) << "not sealed";
  EXPECT_EQ(whole.has_cells(kHourMs, {kDay0 + kDayMs, kDay0 + 2 * kDayMs}), std::nullopt);
  EXPECT_EQ(whole.has_cells(kHourMs, {kDay0 - kDayMs, kDay0}), std::nullopt);
}

TEST(DbRollup, PoliciesAreText) {
  const std::string text = "{env=\"dev\"} none\nm 5m,1h regression\n";
  EXPECT_EQ(to_text(parse_rollups("# as it is\n\n" + text).value()), text);
  EXPECT_EQ(parse_rollups("m 1h,5m,1h").value()[0].tiers,
            (std::vector<DurationMs>{5 * kMinuteMs, kHourMs}));
  for (const char* bad : {"m", "m regression", "m 7m", "m 5m,", "m 1s", "m{ 5m", "m 5m nonsense"}) {
    SCOPED_TRACE(bad);
    const auto parsed = parse_rollups(bad);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::parse);
    EXPECT_EQ(parsed.error().place.line, 1U);
  }
}

TEST(DbRollup, AnyOrderOfArrivalGivesTheSameRows) {
  struct One {
    int k;
    TimeMs t;
    double v;
  };
  std::vector<One> all;
  for (int d = 0; d < 2; ++d) {
    for (int k = 0; k < kSeries; ++k) {
      for (int i = 0; i < 400; ++i) {
        all.push_back({k, kDay0 + d * kDayMs + 1 + k * 11 + i * 200'000, k * 0.1 + i % 11 * 0.37});
      }
    }
  }
  Rows expected;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    Fixture f(dir / "db");
    ASSERT_TRUE(f.db->set_rollups(parse_rollups("{k=~\"[012]\"} 5m,1h sketch=1%\n").value()));
    // Ids are given in the same order.
    for (int k = 0; k < kSeries; ++k) ASSERT_TRUE(f.db->series(Fixture::labels(k)));
    if (seed > 0) std::shuffle(all.begin(), all.end(), random);
    for (std::size_t i = 0; i < all.size(); ++i) {
      f.write(all[i].k, all[i].t, all[i].v);
      if (seed > 0 && random() % 900 == 0) f.settle();
      if (seed > 0 && random() % 2'000 == 0) f.open();
    }
    f.write(0, kDay0 + 6 * kDayMs, 1);
    f.settle();
    f.now += kHourMs;
    f.settle();
    expect_whole(*f.db);
    ASSERT_TRUE(f.db->close());
    if (seed == 0) expected = rows_in(f.dir);
    EXPECT_EQ(expected.size(), 2U * 2 * kSeries);
    EXPECT_TRUE(rows_in(f.dir) == expected);
  }
}

// A copy of the directory at every report of progress is what kill -9 leaves there.
TEST(DbRollup, ACrashAtAnyStepNeverShowsCellsThatTheSamplesDoNotGive) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.options.tuning.chunk_memtable_bytes = 64 * 1024;
  f.open();
  f.write_day(kDay0, 1'000);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  int copies = 0;
  Maintain how;
  how.settled = true;
  how.progress = [&](const Progress&) {
    f.write(copies % kSeries, kDay0 + 500 + copies, 1'000 + copies);
    test::copy_directory(dir / "db", dir / ("copy" + std::to_string(copies++)));
  };
  ASSERT_TRUE(f.db->maintain(how));
  ASSERT_TRUE(f.db->maintain(how)) << "late data";
  ASSERT_TRUE(f.db->set_rollups(parse_rollups("m 1h\n").value()));
  ASSERT_TRUE(f.db->maintain(how)) << "another policy";
  EXPECT_GT(copies, 2 * kSeries);
  for (int i = 0; i < copies; ++i) {
    SCOPED_TRACE(i);
    Fixture copy(dir / ("copy" + std::to_string(i)));
    check_cells(*copy.db);
    expect_whole(*copy.db);
    copy.settle();
    copy.now += kHourMs;
    copy.settle();
    check_cells(*copy.db);
    expect_whole(*copy.db);
    if (HasFailure()) return;
  }
}

TEST(DbRollup, ADamagedRowIsNamedAndTheSamplesAnswer) {
  const test::TempDir dir;
  Fixture f(dir / "db");
  f.write_day(kDay0);
  f.write(0, kDay0 + 3 * kDayMs, 1);
  f.settle();
  ASSERT_TRUE(f.db->close());
  {
    const auto store = storage::Store::open(f.dir + "/store", {}).value();
    storage::CellKey first;
    std::string bytes;
    ASSERT_TRUE(store->scan_cells(store->snapshot(),
                                  [&](const storage::CellKey& key, Bytes row) -> Result<void> {
                                    if (bytes.empty()) {
                                      first = key;
                                      bytes = as_text(row);
                                    }
                                    return {};
                                  }));
    storage::StoreBatch batch;
    bytes.pop_back();
    batch.put_cells(first, bytes);
    ASSERT_TRUE(store->apply(batch));
    ASSERT_TRUE(store->flush());
  }
  f.open();
  EXPECT_EQ(check_cells(*f.db), 18U - 2);
  const auto report = f.db->verify().value();
  ASSERT_EQ(report.damage.size(), 1U);
  EXPECT_NE(report.damage[0].where.find("5m of 2026-01-01"), std::string::npos)
      << report.damage[0].where;
}

TEST(DbRollup, ADatabaseOfFormat1IsReadAsItIsAndGetsItsCells) {
  const std::string golden = test::in_source("tests/golden/database-1");
  EXPECT_EQ(identify(golden)->format, 1U);
  {
    const Db db = Db::open_read_only(golden).value();
    EXPECT_EQ(check_cells(db), 0U);
    EXPECT_TRUE(db.rollup_stats()->tiers.empty());
  }
  const test::TempDir dir;
  std::filesystem::copy(golden, dir / "db", std::filesystem::copy_options::recursive);
  Fixture f(dir / "db");
  EXPECT_EQ(identify(dir / "db")->format, 2U) << "an older library refuses it from here on";
  EXPECT_EQ(check_cells(*f.db), 0U);
  f.settle();
  EXPECT_GT(check_cells(*f.db), 0U);
  EXPECT_EQ(f.db->rollup_stats()->days_due, 0U);
  expect_whole(*f.db);
  ASSERT_TRUE(f.db->close());
  ASSERT_TRUE(clone(dir / "db", dir / "clone"));
  EXPECT_GT(check_cells(Db::open_read_only(dir / "clone").value()), 0U);
}

// Anything in any order; the samples are the oracle.
TEST(DbRollupModel, CellsAreThoseOfTheSamples) {
  std::uint64_t rows = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const test::TempDir dir;
    Fixture f(dir / "db");
    f.write(0, kDay0 + 8 * kDayMs, 1);
    for (int step = 0; step < 60; ++step) {
      SCOPED_TRACE(step);
      const TimeMs day = kDay0 + static_cast<TimeMs>(random() % 3) * kDayMs;
      switch (random() % 9) {
        case 0:
        case 1:
          f.settle();
          break;
        case 2:
          f.now += kHourMs;
          ASSERT_TRUE(f.db->maintain());
          break;
        case 3:
          if (random() % 3 == 0) f.open();
          break;
        case 4: {
          const TimeMs from = day + static_cast<TimeMs>(random() % kDayMs);
          const TimeRange range{from, from + static_cast<TimeMs>(random() % (6 * kHourMs))};
          const std::string k = std::to_string(random() % kSeries);
          EraseOptions how;
          how.now = random() % 4 == 0;
          ASSERT_TRUE(f.db->erase(selector("{k=\"" + k + "\"}").value(), range, how));
          break;
        }
        case 5: {
          constexpr const char* kPolicies[] = {"m 5m,1h sketch=1%\n", "m 1h\n",
                                               "m 5m regression\nm_total none\n",
                                               "{k=~\"[0-2]\"} 1m,5m,1h,1d\n"};
          if (random() % 3 == 0) {
            ASSERT_TRUE(f.db->set_rollups(parse_rollups(kPolicies[random() % 4]).value()));
          }
          break;
        }
        case 6:
          ASSERT_TRUE(f.db->compact());
          break;
        default: {
          Batch batch;
          const auto count = random() % 300 + 1;
          const int k = static_cast<int>(random() % kSeries);
          TimeMs t = day + static_cast<TimeMs>(random() % kDayMs);
          for (std::uint64_t i = 0; i < count; ++i) {
            t += static_cast<TimeMs>(random() % 60'000) + 1;
            const bool stale = random() % 50 == 0;
            batch.add(Fixture::labels(k), t,
                      stale ? stale_marker() : static_cast<double>(random() % 100));
          }
          ASSERT_TRUE(f.db->write(batch));
        }
      }
      if (step % 4 == 3) rows += check_cells(*f.db);
      if (HasFailure()) return;
    }
    f.settle();
    expect_whole(*f.db);
  }
  EXPECT_GT(rows, 500U) << "the test reads cells";
}

}  // namespace
}  // namespace hygge
