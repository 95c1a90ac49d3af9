// What deletes and retention leave behind: bounds that shrink, series that leave.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/store/store.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 20'000 * kDayMs;
using Names = std::vector<std::string>;
using test::count_samples;

Options manual() { return test::manual_options(kStart + 40 * kDayMs, Sync()); }

Selector select(std::string_view text) { return selector(text).value(); }

void write(Db& db, const std::string& k, TimeMs t, double v = 1) {
  Batch batch;
  batch.add({{"__name__", "m"}, {"k", k}}, t, v);
  const auto written = db.write(batch);
  ASSERT_TRUE(written) << written.error().message;
}

void succeed(const auto& result) { ASSERT_TRUE(result) << result.error().message; }

Names names(const Db& db) { return db.label_values("k").value(); }

std::pair<TimeMs, TimeMs> bounds(const Db& db) {
  const auto of = db.time_bounds();
  return of ? std::pair(of->first_ms, of->last_ms) : std::pair<TimeMs, TimeMs>(0, 0);
}

// What the store of a closed database holds of its series, by their ids.
std::map<std::uint32_t, std::string> stored_series(storage::Store& store) {
  std::map<std::uint32_t, std::string> out;
  succeed(store.scan_series([&](std::uint32_t id, Bytes value) -> Result<void> {
    out.emplace(id, as_text(value));
    return {};
  }));
  return out;
}

std::size_t stored_series(const std::string& dir) {
  storage::StoreOptions options;
  options.read_only = true;
  return stored_series(*storage::Store::open(dir + "/store", options).value()).size();
}

// Calls `edit(batch, series)` with those, and commits the batch behind the database's back.
void edit_series(const std::string& dir, const auto& edit) {
  const auto store = storage::Store::open(dir + "/store", {}).value();
  storage::StoreBatch batch;
  edit(batch, stored_series(*store));
  succeed(store->apply(batch));
  succeed(store->flush());
}

// What a kill at this moment would leave, whatever the store's compactions do meanwhile.
void crash_copy(const std::string& from, const std::string& to) { succeed(hygge::clone(from, to)); }

TEST(Gone, BoundsShrinkFromBothEnds) {
  for (const bool stored : {false, true}) {
    SCOPED_TRACE(stored);
    const test::TempDir dir;
    std::optional<Db> db(Db::open(dir / "db", manual()).value());
    for (int day = 0; day < 5; ++day) {
      for (int i = 1; i <= 10; ++i) write(*db, "a", kStart + day * kDayMs + i * kHourMs);
    }
    if (stored) succeed(db->flush());
    succeed(db->erase(select("m"), {kStart, kStart + 3 * kHourMs}));
    succeed(db->maintain());
    EXPECT_EQ(bounds(*db), std::pair(kStart + 4 * kHourMs, kStart + 4 * kDayMs + 10 * kHourMs));
    succeed(db->erase(select("m"), {kStart + 3 * kDayMs + 5 * kHourMs, kStart + 9 * kDayMs}));
    succeed(db->maintain());
    const std::pair left(kStart + 4 * kHourMs, kStart + 3 * kDayMs + 5 * kHourMs);
    EXPECT_EQ(bounds(*db), left);
    EXPECT_EQ(db->stats()->last_ms, left.second);
    crash_copy(dir / "db", dir / "killed");
    {
      Db killed = Db::open(dir / "killed", manual()).value();
      succeed(killed.maintain());
      EXPECT_EQ(bounds(killed), left);
    }
    succeed(db->close());
    EXPECT_EQ(bounds(*Db::open_read_only(dir / "db", manual())), left);
    db.emplace(Db::open(dir / "db", manual()).value());
    EXPECT_EQ(bounds(*db), left);
    succeed(db->erase(select("m"), everything()));
    succeed(db->maintain());
    EXPECT_FALSE(db->time_bounds());
    succeed(db->close());
    db.emplace(Db::open(dir / "db", manual()).value());
    EXPECT_FALSE(db->time_bounds());
    write(*db, "a", kStart + 7);
    EXPECT_EQ(bounds(*db), std::pair(kStart + 7, kStart + 7));
  }
}

TEST(Gone, BoundsFollowRetention) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  for (int day = 0; day < 10; ++day) write(db, "a", kStart + day * kDayMs + kHourMs);
  succeed(db.set_retention(parse_retention("m 2d").value()));
  succeed(db.maintain());
  EXPECT_EQ(bounds(db), std::pair(kStart + 7 * kDayMs + kHourMs, kStart + 9 * kDayMs + kHourMs));
}

TEST(Gone, CompactingLetsThemLeaveToo) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  write(*db, "a", kStart + 1);
  write(*db, "b", kStart + 2);
  succeed(db->erase(select("m{k=\"a\"}"), everything()));
  succeed(db->compact());
  EXPECT_EQ(names(*db), Names{"b"});
  db.reset();
  EXPECT_EQ(stored_series(dir / "db"), 1U);
}

TEST(Gone, ASeriesLeavesWithItsLastSampleAndComesBackAsAnother) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  write(*db, "a", kStart + 1);
  write(*db, "b", kStart + 2);
  succeed(db->flush());
  const View before = db->view({select("m")}, everything()).value();
  const SeriesId first = before.series(0)[0].id();
  succeed(db->erase(select("m{k=\"a\"}"), everything()));
  EXPECT_EQ(names(*db), (Names{"a", "b"})) << "with the next maintenance";
  succeed(db->maintain());
  EXPECT_EQ(names(*db), Names{"b"});
  EXPECT_EQ(db->stats()->series, 1U);
  EXPECT_EQ(count_samples(before), 2U) << "views taken before stay whole";
  EXPECT_EQ(before.series(0)[0].labels().get("k"), "a");
  Batch by_id;
  by_id.add(first, kStart + 3, 1);
  EXPECT_EQ(db->write(by_id).error().code, ErrorCode::not_found);
  write(*db, "a", kStart + 4);
  const View after = db->view({select("m{k=\"a\"}")}, everything()).value();
  EXPECT_GT(after.series(0)[0].id().value, first.value) << "ids are given out once";
  EXPECT_EQ(count_samples(after), 1U);
  EXPECT_EQ(names(*db), (Names{"a", "b"}));
  EXPECT_TRUE(db->verify()->ok());
}

TEST(Gone, WhatWasGivenOutStaysUntilTheDatabaseCloses) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  const SeriesId id = db->series({{"__name__", "m"}, {"k", "a"}}).value();
  write(*db, "a", kStart + 1);
  succeed(db->erase(select("m"), everything()));
  succeed(db->maintain());
  EXPECT_EQ(names(*db), Names{"a"});
  Batch by_id;
  by_id.add(id, kStart + 3, 1);
  succeed(db->write(by_id));
  succeed(db->erase(select("m"), everything()));
  succeed(db->maintain());
  succeed(db->close());
  db.emplace(Db::open(dir / "db", manual()).value());
  succeed(db->maintain());
  EXPECT_TRUE(names(*db).empty());
  succeed(db->close());
  EXPECT_EQ(stored_series(dir / "db"), 0U);
}

// Killed after every step: each copy opens, reads what was there, and forgets what is gone.
TEST(Gone, AKillAtAnyStepAgrees) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  int copies = 0;
  std::map<int, Names> expected;
  Names now;
  const auto kill = [&] {
    crash_copy(dir / "db", dir / std::to_string(copies));
    expected[copies++] = now;
  };
  const auto forget = [&](const std::string& k) {
    succeed(db->erase(select("m{k=\"" + k + "\"}"), everything()));
    std::erase(now, k);
    kill();
    succeed(db->maintain());
    EXPECT_EQ(names(*db), now);
    kill();
  };
  for (int round = 0; round < 4; ++round) {
    write(*db, "a", kStart + round * 10 + 1);
    write(*db, "b", kStart + round * 10 + 2);
    now = {"a", "b"};
    kill();
    if (round % 2 == 1) succeed(db->flush());
    forget("a");
    write(*db, "a", kStart + round * 10 + 3);
    now = {"a", "b"};
    kill();
    if (round > 1) succeed(db->flush());
    kill();
    forget("b");
    if (round == 2) {
      forget("a");
      succeed(db->close());
      kill();
      db.emplace(Db::open(dir / "db", manual()).value());
    }
  }
  for (const auto& [copy, labels] : expected) {
    SCOPED_TRACE(copy);
    const std::string path = dir / std::to_string(copy);
    std::optional<Db> killed(Db::open(path, manual()).value());
    succeed(killed->maintain());
    EXPECT_EQ(names(*killed), labels);
    EXPECT_EQ(killed->view({select("m")}, everything())->series(0).size(), labels.size());
    EXPECT_TRUE(killed->verify()->ok());
    write(*killed, "a", kStart + 100);
    succeed(killed->close());
    killed.emplace(Db::open(path, manual()).value());
    EXPECT_TRUE(killed->verify()->ok());
    EXPECT_GE(names(*killed).size(), 1U);
    succeed(killed->close());
    EXPECT_EQ(stored_series(path), names(*Db::open_read_only(path, manual())).size());
  }
}

// Its key is no longer in the store, its records are still behind the mark.
TEST(Gone, ASeriesThatReplayMeetsAfterItLeftIsDropped) {
  const test::TempDir dir;
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  write(*db, "a", kStart + 1);
  write(*db, "b", kStart + 1);
  succeed(db->flush());
  // In the log behind the mark: samples of a series that the store knows, then their delete.
  write(*db, "a", kStart + 2);
  succeed(db->erase(select("m{k=\"a\"}"), everything()));
  succeed(db->maintain());
  write(*db, "a", kStart + 9);
  crash_copy(dir / "db", dir / "killed");
  Db killed = Db::open(dir / "killed", manual()).value();
  EXPECT_EQ(names(killed), (Names{"a", "b"}));
  EXPECT_EQ(count_samples(killed, "m"), 2U);
  succeed(killed.maintain());
  EXPECT_EQ(names(killed), (Names{"a", "b"}));
  EXPECT_EQ(bounds(killed), std::pair(kStart + 1, kStart + 9));
}

TEST(Gone, AWriteBeforeItLeavesKeepsIt) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", kStart + 1);
  const SeriesId id = db.view({select("m")}, everything())->series(0)[0].id();
  succeed(db.erase(select("m"), everything()));
  write(db, "a", kStart + 2);
  succeed(db.maintain());
  const View view = db.view({select("m")}, everything()).value();
  ASSERT_EQ(view.series(0).size(), 1U);
  EXPECT_EQ(view.series(0)[0].id(), id);
  EXPECT_EQ(count_samples(view), 1U);
}

// Neither after a close nor after a kill, though the highest one is the one that has left.
TEST(Gone, IdsAreNeverUsedAgain) {
  const test::TempDir dir;
  const auto newest = [](const Db& db) {
    std::uint32_t out = 0;
    const View view = db.view({select("m")}, everything()).value();
    for (const Series& series : view.series(0)) out = std::max(out, series.id().value);
    return out;
  };
  std::uint32_t last = 0;
  for (int life = 0; life < 6; ++life) {
    SCOPED_TRACE(life);
    const std::string path = dir / std::to_string(life);
    std::optional<Db> db(Db::open(path, manual()).value());
    succeed(db->maintain());  // what a kill has brought back leaves again
    EXPECT_TRUE(names(*db).empty());
    write(*db, "a", kStart + life);
    const std::uint32_t id = newest(*db);
    EXPECT_GT(id, last);
    last = id;
    if (life % 3 > 0) succeed(db->flush());
    succeed(db->erase(select("m"), everything()));
    succeed(db->maintain());
    EXPECT_TRUE(names(*db).empty());
    if (life % 2 == 0) succeed(db->close());
    crash_copy(path, dir / std::to_string(life + 1));
  }
}

TEST(Gone, ABatchIdIsRememberedWhenItsSeriesHasLeft) {
  const test::TempDir dir;
  Batch batch;
  batch.set_id("once");
  batch.add({{"__name__", "m"}, {"k", "a"}}, kStart + 1, 1);
  const auto again = [&](Db& db) {
    const auto report = db.write(batch);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->repeat);
    EXPECT_TRUE(names(db).empty());
  };
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  succeed(db->write(batch));
  succeed(db->erase(select("m"), everything()));
  succeed(db->maintain());
  again(*db);
  crash_copy(dir / "db", dir / "killed");
  succeed(db->close());
  db.emplace(Db::open(dir / "db", manual()).value());
  again(*db);
  Db killed = Db::open(dir / "killed", manual()).value();
  succeed(killed.maintain());
  again(killed);
}

TEST(Gone, AReaderBesideSeesItUntilItRefreshes) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", kStart + 1);
  write(db, "b", kStart + 2);
  succeed(db.flush());
  Db reader = Db::open_read_only(dir / "db", manual()).value();
  const View before = reader.view({select("m")}, everything()).value();
  write(db, "a", kStart + 3);
  succeed(db.erase(select("m{k=\"a\"}"), everything()));
  EXPECT_EQ(count_samples(*Db::open_read_only(dir / "db"), "m"), 1U);
  succeed(db.maintain());
  EXPECT_EQ(count_samples(*Db::open_read_only(dir / "db"), "m"), 1U);
  succeed(db.flush());
  EXPECT_EQ(names(*Db::open_read_only(dir / "db")), Names{"b"});
  EXPECT_EQ(names(reader), (Names{"a", "b"}));
  succeed(reader.refresh());
  EXPECT_EQ(names(reader), Names{"b"});
  EXPECT_EQ(bounds(reader), std::pair(kStart + 2, kStart + 2));
  EXPECT_EQ(count_samples(before), 2U);
}

TEST(Gone, WhatHasLeftCountsInNoLimit) {
  const test::TempDir dir;
  Options options = manual();
  options.limits.values_per_label = 2;
  options.limits.series = 2;
  Db db = Db::open(dir / "db", options).value();
  write(db, "a", kStart + 1);
  write(db, "b", kStart + 1);
  Batch third;
  third.add({{"__name__", "m"}, {"k", "c"}}, kStart + 1, 1);
  EXPECT_EQ(db.write(third).error().code, ErrorCode::limit);
  succeed(db.erase(select("m{k=\"a\"}"), everything()));
  succeed(db.maintain());
  succeed(db.write(third));
  Batch fourth;
  fourth.add({{"__name__", "m"}, {"k", "a"}}, kStart + 1, 1);
  EXPECT_EQ(db.write(fourth).error().code, ErrorCode::limit);
}

// Of two ids with the same labels, which a kill may leave, the higher one stands, and the lower one
// leaves the store.
TEST(Gone, OfTwoIdsWithTheSameLabelsTheHigherStands) {
  const test::TempDir dir;
  {
    Db db = Db::open(dir / "db", manual()).value();
    write(db, "a", kStart + 1);
    ASSERT_TRUE(db.close());
  }
  edit_series(dir / "db", [](storage::StoreBatch& batch, const auto& series) {
    for (const auto& [id, value] : series) batch.put_series(id + 5, value);
  });
  EXPECT_EQ(stored_series(dir / "db"), 2U);
  std::optional<Db> db(Db::open(dir / "db", manual()).value());
  EXPECT_EQ(db->stats()->series, 1U);
  EXPECT_EQ(db->series({{"__name__", "m"}, {"k", "a"}})->value, 6U);
  succeed(db->maintain());
  succeed(db->close());
  EXPECT_EQ(stored_series(dir / "db"), 1U);
}

// A repair must not take a series that has left for one that has lost its labels.
TEST(Gone, ARepairInventsNoSeries) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  write(db, "a", kStart + 1);
  write(db, "b", kStart + 1);
  succeed(db.flush());
  write(db, "a", kStart + 2);
  succeed(db.erase(select("m{k=\"a\"}"), everything()));
  succeed(db.maintain());
  write(db, "c", kStart + 2);
  crash_copy(dir / "db", dir / "killed");
  // With the key gone from the files, too.
  succeed(storage::Store::open(dir / "killed" + std::string("/store"), {}).value()->flush());
  edit_series(dir / "killed", [](storage::StoreBatch& batch, const auto& series) {
    ASSERT_FALSE(series.empty());
    batch.delete_series(series.begin()->first);
  });
  const auto repaired = hygge::repair(dir / "killed").value();
  EXPECT_TRUE(repaired.whole);
  EXPECT_TRUE(repaired.damage.empty()) << repaired.damage[0].where << repaired.damage[0].what;
  EXPECT_EQ(names(*Db::open_read_only(dir / "killed")), (Names{"b", "c"}));
}

// A store that has lost a series is not taken for one that has forgotten it: what nothing deletes
// must not be dropped.
TEST(Gone, ASeriesThatIsLostIsDamage) {
  const test::TempDir dir;
  {
    Db db = Db::open(dir / "db", manual()).value();
    write(db, "a", kStart + 1);
    write(db, "b", kStart + 1);
    succeed(db.flush());
    write(db, "a", kStart + 2);
    write(db, "b", kStart + 2);
    succeed(db.erase(select("m{k=\"b\"}"), {kStart + 1, kStart + 2}));
    crash_copy(dir / "db", dir / "killed");
  }
  edit_series(dir / "killed", [](storage::StoreBatch& batch, const auto& series) {
    ASSERT_EQ(series.size(), 2U);
    batch.delete_series(series.begin()->first);
  });
  for (const bool reading : {false, true}) {
    const auto opened =
        reading ? Db::open_read_only(dir / "killed", manual()) : Db::open(dir / "killed", manual());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corruption);
    EXPECT_NE(opened.error().message.find("was never created"), std::string::npos)
        << opened.error().message;
  }
  EXPECT_TRUE(hygge::repair(dir / "killed")->whole);
  const Db after = Db::open_read_only(dir / "killed").value();
  EXPECT_EQ(count_samples(after, "hygge_recovered_series"), 2U);
  EXPECT_EQ(count_samples(after, "m"), 1U);
}

}  // namespace
}  // namespace hygge
