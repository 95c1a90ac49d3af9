// Rules that keep cells apart: samples go, cells stay and say the same; what is refused, deleted,
// pinned, repaired and cut short then.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>

#include "model/partition.h"
#include "storage/store/store.h"
#include "storage/upkeep/retention.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;  // a midnight
constexpr DurationMs kTiers[] = {5 * kMinuteMs, kHourMs};
constexpr DurationMs kSpacing = 2 * kMinuteMs;

TimeRange day(int first, int count = 1) {
  return {kStart + first * kDayMs, kStart + (first + count) * kDayMs};
}

struct Fixture {
  explicit Fixture(int with_days = 10) : days(with_days) {
    options = test::manual_options(kStart, Sync());
    options.clock = [this] {
      if (on_clock) on_clock();
      return now;
    };
    db.emplace(Db::open(dir / "db", options).value());
    for (int i = 0; i < days; ++i) write_day(i);
    now = kStart + days * kDayMs;
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  static Labels labels(const std::string& metric, const std::string& env) {
    return Labels::from({{"__name__", metric}, {"env", env}}).value();
  }
  void write_day(int i) {
    Batch batch;
    double total = 1'000.0 * i;
    for (TimeMs t = day(i).after + kSpacing; t <= day(i).until; t += kSpacing) {
      for (const char* const env : {"dev", "prod"}) {
        batch.add(labels("m_total", env), t, total += static_cast<double>(t / kSpacing % 7));
        batch.add(labels("g", env), t, static_cast<double>(t / kSpacing % 11) / 4);
      }
    }
    ASSERT_TRUE(db->write(batch));
  }
  WriteReport write(const std::string& env, TimeMs t, double v = 1) {
    Batch batch;
    batch.add(labels("g", env), t, v);
    return db->write(batch).value();
  }

  void keep(std::string_view rules) {
    const auto parsed = parse_retention(rules);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const auto set = db->set_retention(*parsed);
    ASSERT_TRUE(set) << set.error().message;
  }
  MaintainReport maintain() { return test::settle(*db); }
  void reopen() {
    ASSERT_TRUE(db->close());
    db.emplace(Db::open(dir / "db", options).value());
  }

  TimeMs now = kStart;
  std::function<void()> on_clock;
  const int days;
  const test::TempDir dir;
  Options options;
  std::optional<Db> db;
};

std::size_t count_samples(const Db& db, const std::string& env, TimeRange range) {
  return test::count_samples(db, "{env=\"" + env + "\"}", range);
}

// Everything that the stored cells of a tier say, as text.
std::string cells(const View& view, DurationMs tier, TimeRange range) {
  std::string out;
  for (const Series& series : view.series(0)) {
    std::vector<TimedCell> found;
    const bool counter = series.labels().metric() == "m_total";
    EXPECT_TRUE(series.cells(tier, {!counter, false}, range, found));
    out += to_string(series.labels()) + "\n";
    for (const TimedCell& one : found) {
      const Cell& c = one.cell;
      out += std::to_string(one.start_ms) + " " + std::to_string(c.n) + " " +
             std::to_string(c.t_first_ms) + " " + std::to_string(c.t_last_ms) + " " +
             std::to_string(c.v_first) + " " + std::to_string(c.v_last) + " " +
             std::to_string(c.resets) + " " + std::to_string(c.changes) + " " +
             std::to_string(c.counter.increase);
      if (!counter) {
        out += " " + std::to_string(c.sum_value()) + " " + std::to_string(c.min) + " " +
               std::to_string(c.max) + " " + std::to_string(c.m2);
      }
      out += "\n";
    }
  }
  return out;
}
std::string cells(const Db& db, const std::string& env, DurationMs tier, TimeRange range) {
  const auto view = db.view({selector("{env=\"" + env + "\"}").value()}, range).value();
  return cells(view, tier, range);
}

TEST(ExpireText, ReadsTiersAndSaysWhereItIsWrong) {
  const auto rules =
      parse_retention("{job=\"web\"} 1h=forever 5m=400d raw=30d\nm raw=30d\nm raw=forever\n");
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(to_text(*rules),
            "{job=\"web\"} raw=30d 5m=400d 1h=forever\nm raw=30d\nm raw=forever\n");
  EXPECT_EQ(parse_retention(to_text(*rules)).value(), *rules);
  EXPECT_EQ((*rules)[0].keep_ms, 30 * kDayMs);
  EXPECT_EQ((*rules)[0].cells,
            (std::vector<TierKeep>{{5 * kMinuteMs, 400 * kDayMs}, {kHourMs, std::nullopt}}));
  EXPECT_EQ((*rules)[1].cells, std::vector<TierKeep>());
  EXPECT_EQ(parse_retention("m 30d").value()[0].cells, std::nullopt);
  struct Case {
    const char* text;
    std::uint32_t column;
  };
  const Case cases[] = {{"m 5m=400d", 3},
                        {"m raw=1d raw=2d", 3},
                        {"m raw=1d 7m=2d", 10},
                        {"m raw=2d 5m=1d", 10},
                        {"m raw=1d 5m=0s", 13},
                        {"m raw=x", 7},
                        {"m raw=1d 5m=2d 5m=3d", 16},
                        {"m raw=forever 5m=1d", 15},
                        {"raw=1d", 1}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto wrong = parse_retention(c.text);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().place.column, c.column) << wrong.error().message;
  }
}

TEST(ExpireMeta, OldEntriesKeepTheirBytesAndTieredOnesStaySo) {
  storage::KeepPolicy policy;
  policy.rules.push_back(storage::keep_rule({selector("m").value(), 7 * kDayMs}, nullptr));
  EXPECT_EQ(storage::encode_policy(policy)[0], 1);
  policy.cap_bytes = 5;
  EXPECT_EQ(storage::encode_policy(policy)[0], 2);
  policy.rules.push_back(storage::keep_rule(parse_retention("n raw=1d 5m=2d").value()[0], nullptr));
  policy.rules[1].floor_ms = kStart;
  policy.rules[1].cell_floors = {kStart - kDayMs};
  std::string bytes = storage::encode_policy(policy);
  EXPECT_EQ(bytes[0], 3);
  auto read = storage::decode_policy(as_bytes(bytes));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->rules[1].rule, policy.rules[1].rule);
  EXPECT_EQ(read->rules[1].cell_floors, policy.rules[1].cell_floors);
  EXPECT_EQ(read->cap_bytes, 5U);
  read->rules.pop_back();
  bytes = storage::encode_policy(*read);
  EXPECT_EQ(bytes[0], 3) << "days without samples may be there";
  EXPECT_TRUE(storage::decode_policy(as_bytes(bytes)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(storage::decode_policy(as_bytes(bytes).first(size))) << size;
  }
}

TEST(Expire, SamplesGoAndCellsStayAsTheyWere) {
  Fixture f;
  f.maintain();
  std::string before[2];
  for (const int tier : {0, 1}) before[tier] = cells(*f.db, "dev", kTiers[tier], day(0, 9));
  const auto old = f.db->view({selector("{env=\"dev\"}").value()}, day(0, 9)).value();
  f.keep("{env=\"dev\"} raw=3d\n");
  f.maintain();
  const auto check = [&](const Db& db) {
    EXPECT_EQ(count_samples(db, "dev", day(0, 6)), 0U);
    EXPECT_EQ(count_samples(db, "dev", day(6, 4)), 4U * 2 * 720);
    EXPECT_EQ(count_samples(db, "prod", day(0, 10)), 10U * 2 * 720);
    for (const int tier : {0, 1}) {
      EXPECT_EQ(cells(db, "dev", kTiers[tier], day(0, 9)), before[tier]) << tier;
    }
    EXPECT_EQ(db.time_bounds()->first_ms, kStart + kSpacing);
    EXPECT_EQ(db.stats()->days[0].expired_series, 2U);
    EXPECT_EQ(db.stats()->days[6].expired_series, 0U);
    test::expect_whole(db);
  };
  check(*f.db);
  EXPECT_EQ(cells(old, kHourMs, day(0, 9)), before[1]) << "of the View from before";
  EXPECT_EQ(old.series(0)[0].samples()->t.size(), 9U * 720);
  EXPECT_TRUE(old.series(0)[0].expired(everything()).empty());
  {
    const auto view = f.db->view({selector("{env=\"dev\"}").value()}, day(2, 8)).value();
    EXPECT_TRUE(view.any_expired());
    EXPECT_EQ(view.series(0)[0].expired({kStart + 5, kStart + 20 * kDayMs}),
              std::vector<TimeRange>{day(2, 4)});
  }
  f.maintain();
  check(*f.db);
  ASSERT_TRUE(f.db->close().error().code == ErrorCode::busy);
}

TEST(Expire, ReopensCompactsAndIsCopied) {
  Fixture f;
  f.keep("{env=\"dev\"} raw=3d\n");
  EXPECT_EQ(f.maintain().partitions_sealed, 9U);
  const std::string before = cells(*f.db, "dev", kHourMs, day(0, 9));
  const auto check = [&](const Db& db) {
    EXPECT_EQ(count_samples(db, "dev", day(0, 10)), 4U * 2 * 720);
    EXPECT_EQ(cells(db, "dev", kHourMs, day(0, 9)), before);
    test::expect_whole(db);
  };
  check(*f.db);
  f.reopen();
  check(*f.db);
  ASSERT_TRUE(f.db->compact());
  check(*f.db);
  f.maintain();
  ASSERT_TRUE(f.db->clone(f.dir / "clone"));
  check(Db::open(f.dir / "clone", f.options).value());
  check(Db::open_read_only(f.dir / "db").value());
  const auto rules = parse_rollups("g 15m\n").value();
  ASSERT_TRUE(f.db->set_rollups(rules));
  f.maintain();
  EXPECT_EQ(f.db->rollup_stats()->days_due, 0U);
  check(*f.db);
}

TEST(Expire, EachTierGoesByItsOwnRuleAndTheSeriesWithTheLast) {
  Fixture f;
  f.keep("{env=\"dev\"} raw=2d 5m=4d 1h=6d\n");
  const auto dry = f.db->retention_dry_run().value().rules[0];
  EXPECT_EQ(dry.samples, 7U * 2 * 720) << "counts what it will seal first";
  EXPECT_EQ(dry.floor_ms, day(7).after);
  EXPECT_EQ(dry.cell_floors, (std::vector<std::pair<DurationMs, TimeMs>>{
                                 {5 * kMinuteMs, day(5).after}, {kHourMs, day(3).after}}));
  f.maintain();
  const auto first_cell = [&](DurationMs tier) {
    std::vector<TimedCell> found;
    const auto view = f.db->view({selector("g{env=\"dev\"}").value()}, day(0, 7)).value();
    EXPECT_TRUE(view.series(0)[0].cells(tier, {true, false}, day(0, 7), found));
    return found.empty() ? 0 : found[0].start_ms;
  };
  EXPECT_EQ(first_cell(5 * kMinuteMs), day(5).after);
  EXPECT_EQ(first_cell(kHourMs), day(3).after);
  EXPECT_EQ(f.db->time_bounds()->first_ms, kStart + kSpacing) << "prod";
  test::expect_whole(*f.db);
  f.keep("{env=\"dev\"} raw=2d 5m=4d 1h=6d\n{env=\"prod\"} raw=2d 1h=3d 5m=3d\n");
  f.maintain();
  EXPECT_EQ(f.db->time_bounds()->first_ms, day(3).after + kSpacing) << "of a cell";
  // Time goes on, with another series only.
  Batch batch;
  batch.add(Fixture::labels("other", "x"), kStart + 30 * kDayMs, 1);
  ASSERT_TRUE(f.db->write(batch));
  f.now = kStart + 30 * kDayMs;
  f.maintain();
  f.maintain();
  EXPECT_EQ(f.db->stats()->series, 1U);
  EXPECT_TRUE(f.db->rollup_stats()->tiers.empty());
  EXPECT_EQ(f.db->time_bounds()->first_ms, kStart + 30 * kDayMs);
  test::expect_whole(*f.db);
  const auto floors = f.db->retention_floors();
  EXPECT_EQ(floors[0].samples_ms, kStart + 27 * kDayMs);
  EXPECT_EQ(floors[0].cells_ms[1].second, kStart + 23 * kDayMs);
}

TEST(Expire, WhatIsOlderThanTheFloorIsRefused) {
  Fixture f;
  f.keep("{env=\"dev\"} raw=3d\n{env=\"new\"} raw=1d\n");
  f.maintain();
  const std::string before = cells(*f.db, "dev", kHourMs, day(0, 6));
  for (const TimeMs t : {day(0).after + 7, day(5).until}) {
    const WriteReport refused = f.write("dev", t);
    EXPECT_EQ(refused.samples, 0U);
    EXPECT_EQ(refused.refused_out_of_order, 1U);
    ASSERT_EQ(refused.first_refused.size(), 1U);
    EXPECT_EQ(refused.first_refused[0].reason, WriteReport::Refused::Reason::expired);
    EXPECT_EQ(refused.first_refused[0].labels, "g{env=\"dev\"}");
  }
  EXPECT_EQ(f.write("dev", day(5).until + 1).samples, 1U);
  EXPECT_EQ(f.write("new", day(5).until).samples, 0U) << "a new series";
  EXPECT_EQ(f.write("prod", day(0).after + 7).samples, 1U);
  Batch batch;
  batch.set_id("twice");
  batch.add(Fixture::labels("g", "dev"), day(0).after + 7, 1);
  EXPECT_EQ(f.db->write(batch)->refused_out_of_order, 1U);
  EXPECT_TRUE(f.db->write(batch)->repeat);
  EXPECT_EQ(f.db->write(batch)->first_refused[0].reason, WriteReport::Refused::Reason::expired);
  f.keep("{env=\"dev\"} forever\n");
  EXPECT_EQ(f.write("dev", day(0).after + 7).refused_out_of_order, 1U) << "cells only";
  f.reopen();
  EXPECT_EQ(f.write("dev", day(0).after + 7).refused_out_of_order, 1U);
  f.maintain();
  EXPECT_EQ(cells(*f.db, "dev", kHourMs, day(0, 6)), before);
  test::expect_whole(*f.db);
}

TEST(Expire, LateDataIsSealedBeforeItsSamplesGo) {
  Fixture f;
  f.maintain();
  f.write("dev", day(1).after + 7, 100);
  const std::string before = cells(*f.db, "dev", kHourMs, day(0, 9));
  f.keep("{env=\"dev\"} raw=3d\n");
  ASSERT_TRUE(f.db->maintain());  // not settled: the late sample came a moment ago
  EXPECT_EQ(count_samples(*f.db, "dev", day(0, 6)), 0U);
  EXPECT_EQ(cells(*f.db, "dev", kHourMs, day(0, 9)), before);
  test::expect_whole(*f.db);
}

TEST(Expire, AJumpWaitsForApplyAlsoWhereNothingIsSealed) {
  Fixture f(40);
  f.keep("{env=\"dev\"} raw=3d\n");
  f.maintain();
  f.now += kDayMs;
  f.maintain();
  EXPECT_EQ(count_samples(*f.db, "dev", day(0)), 2U * 720);
  EXPECT_TRUE(f.db->retention_dry_run()->rules[0].waits);
  const auto applied = f.db->apply_retention();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->rules[0].samples, 36U * 2 * 720);
  EXPECT_EQ(count_samples(*f.db, "dev", day(0, 36)), 0U);
  EXPECT_EQ(f.db->apply_retention()->rules[0].samples, 0U);
  test::expect_whole(*f.db);
}

TEST(Expire, APinKeepsTheDaysThatItTouches) {
  Fixture f;
  ASSERT_TRUE(
      f.db->pin(selector("g").value(), {day(1).after + kHourMs, day(1).after + 2 * kHourMs}));
  f.keep("{env=\"dev\"} raw=2d 5m=3d 1h=3d\n");
  f.maintain();
  EXPECT_EQ(count_samples(*f.db, "dev", day(0)), 0U);
  EXPECT_EQ(count_samples(*f.db, "dev", day(1)), 720U) << "of g, the whole day";
  EXPECT_EQ(f.write("dev", day(1).after + 7).samples, 1U) << "it can become part of the cells";
  f.maintain();
  EXPECT_EQ(count_samples(*f.db, "dev", day(1)), 721U);
  test::expect_whole(*f.db);
  ASSERT_TRUE(
      f.db->unpin(selector("g").value(), {day(1).after + kHourMs, day(1).after + 2 * kHourMs}));
  f.maintain();
  EXPECT_EQ(count_samples(*f.db, "dev", day(1)), 0U);
}

TEST(Expire, ADeleteTakesTheCellsThatItTouchesWhole) {
  for (const bool now : {false, true}) {
    SCOPED_TRACE(now);
    Fixture f;
    f.keep("{env=\"dev\"} raw=3d\n");
    f.maintain();
    const Selector dev = selector("{env=\"dev\"}").value();
    const TimeRange range{day(1).after + 7 * kMinuteMs, day(1).after + 2 * kHourMs};
    EraseOptions how;
    how.dry_run = true;
    const EraseReport dry = f.db->erase(dev, range, how).value();
    how.dry_run = false;
    how.now = now;
    const EraseReport report = f.db->erase(dev, range, how).value();
    EXPECT_FALSE(report.still_on_disk);
    for (const EraseReport& one : {dry, report}) {
      EXPECT_EQ(one.samples, 0U);
      EXPECT_EQ(one.series, 2U);
      EXPECT_EQ(one.cells, 2U * (23 + 2));
      EXPECT_EQ(one.cells_cut, 2U * (1 + 1));
      EXPECT_GT(one.bytes, 0U);
    }
    const auto check = [&](const Db& db) {
      for (const DurationMs tier : kTiers) {
        const auto view = db.view({dev}, day(0, 3)).value();
        for (const Series& series : view.series(0)) {
          std::vector<TimedCell> found;
          CellCounts counts;
          EXPECT_TRUE(series.cells(tier, {false, false}, day(0, 3), found));
          EXPECT_TRUE(series.cell_counts(tier, day(0, 3), counts));
          const std::size_t gone = tier == kHourMs ? 2 : 23;
          EXPECT_EQ(found.size(), static_cast<std::size_t>(3 * kDayMs / tier) - gone);
          EXPECT_EQ(counts.size(), found.size());
        }
      }
      test::expect_whole(db);
    };
    check(*f.db);  // masked, or off the disk
    f.maintain();
    check(*f.db);
    f.reopen();
    check(*f.db);
    EXPECT_TRUE(f.db->erase(dev, day(0, 20)));
    f.maintain();
    EXPECT_EQ(f.db->stats()->series, 2U) << "nothing is left of dev";
    EXPECT_EQ(f.write("dev", day(8).after + 7).samples, 1U);
  }
}

TEST(Expire, BoundsStayWideWhereCellsAreDamaged) {
  Fixture f(4);
  f.keep("{__name__=~\".+\"} raw=1d\n");
  f.maintain();
  ASSERT_EQ(f.db->time_bounds()->first_ms, kStart + kSpacing);
  const TimeMs last_ms = f.db->time_bounds()->last_ms;
  ASSERT_TRUE(f.db->close());
  {
    const auto store = storage::Store::open(f.dir / "db/store", {}).value();
    storage::StoreBatch batch;
    ASSERT_TRUE(store->scan_cells(store->snapshot(),
                                  [&](const storage::CellKey& key, Bytes) -> Result<void> {
                                    if (key.partition == partition_of(kStart + 1))
                                      batch.put_cells(key, "nonsense");
                                    return {};
                                  }));
    ASSERT_TRUE(store->apply(batch));
    ASSERT_TRUE(store->flush());
  }
  f.db.emplace(Db::open(f.dir / "db", f.options).value());
  ASSERT_TRUE(f.db->erase(selector("{__name__=~\".+\"}").value(), {last_ms - 1, last_ms}));
  f.maintain();
  EXPECT_EQ(f.db->time_bounds()->first_ms, kStart + kSpacing) << "nobody knows better";
}

TEST(Expire, APlainRuleTakesWhatIsLeft) {
  Fixture f;
  f.keep("{env=\"dev\"} raw=3d\n");
  f.maintain();
  f.keep("{env=\"dev\"} 5d\n");
  f.maintain();
  const auto view = f.db->view({selector("{env=\"dev\"}").value()}, day(0, 4)).value();
  EXPECT_TRUE(view.series(0).empty());
  EXPECT_EQ(f.db->view({selector("{env=\"dev\"}").value()}, day(4))->series(0).size(), 2U);
  test::expect_whole(*f.db);
}

TEST(Expire, ARepairKeepsTheCells) {
  Fixture f;
  f.keep("{env=\"dev\"} raw=3d\n");
  f.maintain();
  const std::string before = cells(*f.db, "dev", kHourMs, day(0, 9));
  ASSERT_TRUE(f.db->close());
  std::filesystem::remove(std::filesystem::path(f.dir / "db") / "store" / "CURRENT");
  RepairOptions how;
  how.clock = [&] { return f.now; };
  const auto repaired = repair(f.dir / "db", how);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_TRUE(repaired->whole);
  f.db.emplace(Db::open(f.dir / "db", f.options).value());
  EXPECT_EQ(count_samples(*f.db, "dev", day(0, 10)), 4U * 2 * 720);
  EXPECT_EQ(cells(*f.db, "dev", kHourMs, day(0, 9)), before) << "days are open, cells are read";
  EXPECT_EQ(f.write("dev", day(0).after + 7).refused_out_of_order, 1U);
  f.maintain();
  EXPECT_EQ(cells(*f.db, "dev", kHourMs, day(0, 9)), before);
  test::expect_whole(*f.db);
}

// A replay meets the delete again, and the cells have it already.
TEST(Expire, ADeleteFromBeforeTakesNoCellsAgain) {
  Fixture f(6);
  f.maintain();
  const TimeRange cut{day(1).after + 7 * kMinuteMs, day(1).after + 20 * kMinuteMs};
  ASSERT_TRUE(f.db->erase(selector("{env=\"dev\"}").value(), cut));
  f.keep("{env=\"dev\"} raw=1d\n");
  f.maintain();
  ASSERT_EQ(count_samples(*f.db, "dev", day(1)), 0U);
  const std::string fine = cells(*f.db, "dev", 5 * kMinuteMs, day(0, 5));
  test::copy_directory(f.dir / "db", f.dir / "killed");
  auto killed = Db::open(f.dir / "killed", f.options);
  ASSERT_TRUE(killed);
  EXPECT_EQ(cells(*killed, "dev", 5 * kMinuteMs, day(0, 5)), fine);
  ASSERT_TRUE(killed->maintain());
  EXPECT_EQ(cells(*killed, "dev", 5 * kMinuteMs, day(0, 5)), fine);
}

// A copy of the directory whenever the clock is asked is what kill -9 leaves there: before and
// after the floors, between records, during seals and store work.
TEST(Expire, CutShortAnywhereItEndsTheSame) {
  Fixture f(6);
  f.maintain();
  f.write("dev", day(1).after + 7, 100);
  const std::string hours = cells(*f.db, "dev", kHourMs, day(0, 5));
  std::string fine = cells(*f.db, "dev", 5 * kMinuteMs, day(3, 2));
  f.keep("{env=\"dev\"} raw=1d 5m=2d\n");
  int copies = 0;
  f.on_clock = [&] {
    test::copy_directory(f.dir / "db", f.dir / ("copy" + std::to_string(copies++)));
  };
  f.maintain();
  f.on_clock = nullptr;
  EXPECT_GT(copies, 8);
  Options options = f.options;
  options.clock = [&] { return f.now; };
  for (int i = 0; i < copies; ++i) {
    SCOPED_TRACE(i);
    auto opened = Db::open(f.dir / ("copy" + std::to_string(i)), options);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(cells(*opened, "dev", kHourMs, day(0, 5)), hours);
    test::expect_whole(*opened);
    ASSERT_TRUE(opened->maintain());
    ASSERT_TRUE(opened->close());
    opened = Db::open(f.dir / ("copy" + std::to_string(i)), options);
    ASSERT_TRUE(opened->maintain());
    EXPECT_EQ(count_samples(*opened, "dev", day(0, 6)), 2U * 720 * 2);
    EXPECT_EQ(cells(*opened, "dev", kHourMs, day(0, 5)), hours);
    EXPECT_EQ(cells(*opened, "dev", 5 * kMinuteMs, day(3, 2)), fine);
    test::expect_whole(*opened);
    ASSERT_TRUE(opened->close());
    std::filesystem::remove_all(f.dir / ("copy" + std::to_string(i)));
  }
}

}  // namespace
}  // namespace hygge
