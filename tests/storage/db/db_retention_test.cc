// Rules, pins, and the sweep: which days go, when, and what stays.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <filesystem>
#include <memory>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;  // a midnight

struct Fixture {
  explicit Fixture(int days = 10) {
    options = test::manual_options(kStart, Sync());
    options.clock = [clock = now] { return *clock; };
    db.emplace(Db::open(dir / "db", options).value());
    for (int day = 0; day < days; ++day) {
      for (const char* const env : {"dev", "prod"}) {
        Batch batch;
        for (int i = 1; i <= 24; ++i) {
          batch.add({{"__name__", "m"}, {"env", env}}, kStart + day * kDayMs + i * kHourMs, day);
        }
        EXPECT_TRUE(db->write(batch));
      }
    }
    *now = kStart + days * kDayMs;
  }

  // Days of which a series has all 24 samples, and nothing else of any.
  std::vector<int> days(const std::string& env) const { return days(*db, env); }
  static std::vector<int> days(const Db& db, const std::string& env) {
    return days(db.view({selector("m{env=\"" + env + "\"}").value()}, everything()).value());
  }
  static std::vector<int> days(const View& view) {
    std::vector<int> out;
    for (const Series& series : view.series(0)) {
      const auto samples = series.samples().value();
      for (std::size_t i = 0; i < samples.v.size(); i += 24) {
        out.push_back(static_cast<int>(samples.v[i]));
      }
      EXPECT_EQ(samples.v.size() % 24, 0U);
    }
    return out;
  }

  void keep(std::string_view rules) {
    const auto parsed = parse_retention(rules);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const auto set = db->set_retention(*parsed);
    ASSERT_TRUE(set) << set.error().message;
  }
  void maintain() {
    const auto done = db->maintain();
    ASSERT_TRUE(done) << done.error().message;
  }
  void reopen() {
    ASSERT_TRUE(db->close());
    db.emplace(Db::open(dir / "db", options).value());
  }

  std::shared_ptr<TimeMs> now = std::make_shared<TimeMs>(kStart);
  const test::TempDir dir;
  Options options;
  std::optional<Db> db;
};

using Days = std::vector<int>;

TEST(RetentionText, ReadsRulesAndSaysWhereItIsWrong) {
  const auto rules = parse_retention(
      "# what we keep\n\n  m{env=\"dev\", x=\"a b\"} \t 7d\r\n{job=~\"a#b .+\"} forever\n");
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_EQ(rules->size(), 2U);
  EXPECT_EQ((*rules)[0].keep_ms, 7 * kDayMs);
  EXPECT_EQ((*rules)[1].keep_ms, std::nullopt);
  EXPECT_EQ(to_text(*rules), "m{env=\"dev\",x=\"a b\"} 1w\n{job=~\"a#b .+\"} forever\n");
  EXPECT_EQ(parse_retention(to_text(*rules)).value(), *rules);
  EXPECT_TRUE(parse_retention("").value().empty());
  struct Case {
    const char* text;
    std::uint32_t line, column;
  };
  const Case cases[] = {
      {"m", 1, 1},      {"m 1d\n  m 1x", 2, 5}, {"m 1d\n\nm{a=} 1d", 3, 5}, {"m 0s", 1, 3},
      {" m -1d", 1, 4}, {"7d m{", 1, 1},        {"m{a=~\"(\"} 1d", 1, 6}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto wrong = parse_retention(c.text);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::parse);
    EXPECT_EQ(wrong.error().place.line, c.line);
    EXPECT_EQ(wrong.error().place.column, c.column) << wrong.error().message;
  }
  const auto twice = parse_retention("m 1d\n m{a=} 1d");
  EXPECT_EQ(twice.error().message.rfind("2:6: parse error: unexpected", 0), 0U)
      << twice.error().message;
}

TEST(Retention, TheFirstRuleThatMatchesCounts) {
  Fixture f;
  f.keep("m{env=\"dev\"} 3d\nm 7d\n");
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{6, 7, 8, 9}));
  EXPECT_EQ(f.days("prod"), (Days{2, 3, 4, 5, 6, 7, 8, 9}));
  *f.now += kDayMs;
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{6, 7, 8, 9})) << "age counts from the newest sample";
  EXPECT_TRUE(f.db->verify()->ok());
}

TEST(Retention, NeitherAClockNorASampleOfTheFutureLetsAnythingGo) {
  Fixture f(3);
  *f.now = kStart + 3 * kDayMs;
  f.keep("m 2d\n");
  Batch batch;
  batch.add({{"__name__", "future"}}, kStart + 20 * kDayMs, 1);
  ASSERT_TRUE(f.db->write(batch));
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{0, 1, 2}));
  *f.now = kStart + 4 * kDayMs;
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{1, 2}));
  *f.now = kStart - 300 * kDayMs;
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{1, 2}));
}

TEST(Retention, AJumpOfMoreThanThirtyDaysWaitsForApply) {
  Fixture f(40);
  f.keep("m{env=\"dev\"} 5d\n");
  f.maintain();
  EXPECT_EQ(f.days("dev").size(), 40U);
  const auto dry = f.db->retention_dry_run().value();
  ASSERT_EQ(dry.rules.size(), 1U);
  EXPECT_TRUE(dry.rules[0].waits);
  EXPECT_EQ(dry.rules[0].samples, 34U * 24);
  EXPECT_EQ(dry.rules[0].floor_ms, kStart + 34 * kDayMs);
  EXPECT_EQ(f.days("dev").size(), 40U);
  const auto applied = f.db->apply_retention().value();
  EXPECT_EQ(applied.rules[0].samples, 34U * 24);
  EXPECT_EQ(applied.rules[0].series, 1U);
  EXPECT_GT(applied.rules[0].bytes, 0U);
  EXPECT_EQ(f.days("dev").size(), 6U);
  EXPECT_EQ(f.days("prod").size(), 40U);
}

TEST(Retention, PinsComeBeforeAllRulesAndDeletes) {
  Fixture f;
  const TimeRange two{kStart + 2 * kDayMs, kStart + 4 * kDayMs};
  ASSERT_TRUE(f.db->pin(selector("m{env=\"dev\"}").value(), two));
  EXPECT_EQ(f.db->pin(selector("m{env=\"dev\"}").value(), two).error().code,
            ErrorCode::already_exists);
  EXPECT_EQ(f.db->pin(selector("m").value(), {kStart, kStart}).error().code,
            ErrorCode::invalid_argument);
  f.keep("m 5d\n");
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(f.days("prod"), (Days{4, 5, 6, 7, 8, 9}));
  const auto refused = f.db->erase(selector("m").value(), everything());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("m{env=\"dev\"}"), std::string::npos);
  EXPECT_FALSE(f.db->erase(selector("m").value(), everything(), {.dry_run = true}));
  EXPECT_TRUE(f.db->erase(selector("m").value(), {kStart + 4 * kDayMs, kStart + 5 * kDayMs}));
  EXPECT_TRUE(f.db->erase(selector("m{env=\"prod\"}").value(), everything()));
  f.reopen();
  EXPECT_EQ(f.db->retention().pins.size(), 1U);
  EXPECT_EQ(f.db->unpin(selector("m").value(), two).error().code, ErrorCode::not_found);
  ASSERT_TRUE(f.db->unpin(selector("m{env=\"dev\"}").value(), two));
  f.maintain();
  EXPECT_EQ(f.days("dev"), (Days{5, 6, 7, 8, 9}));
}

TEST(Retention, ViewsTakenBeforeStayWhole) {
  Fixture f;
  ASSERT_TRUE(f.db->compact());
  f.keep("m 2d\n");
  {
    const View before = f.db->view({selector("m{env=\"dev\"}").value()}, everything()).value();
    f.maintain();
    ASSERT_TRUE(f.db->compact());
    EXPECT_EQ(Fixture::days(before).size(), 10U);
    EXPECT_EQ(f.days("dev").size(), 3U);
  }
}

TEST(Retention, WholeDaysGoWithTheirFiles) {
  Fixture f;
  ASSERT_TRUE(f.db->compact());
  const auto files = [&] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(f.dir / "db" + "/store")) {
      if (entry.path().extension() == ".sst") ++count;
    }
    return count;
  };
  const std::size_t before = files();
  const auto bytes = f.db->stats()->chunks.bytes;
  f.keep("m 4d\n");
  f.maintain();
  EXPECT_LE(files() + 3, before) << "five days of files less, and a few small ones of meta";
  EXPECT_LT(f.db->stats()->chunks.bytes, bytes);
  EXPECT_EQ(f.db->stats()->partitions, 5U);
  f.reopen();
  EXPECT_EQ(f.days("prod"), (Days{5, 6, 7, 8, 9}));
  EXPECT_TRUE(f.db->verify()->ok());
}

TEST(Retention, IsKeptOverAnOpenAndReadByReaders) {
  Fixture f(2);
  f.keep("m{env=\"dev\"} 3d\nm forever\n");
  const Retention kept = f.db->retention();
  ASSERT_EQ(kept.rules.size(), 2U);
  Db reader = Db::open_read_only(f.dir / "db", f.options).value();
  EXPECT_EQ(reader.retention(), kept);
  EXPECT_EQ(reader.set_retention({}).error().code, ErrorCode::read_only);
  EXPECT_EQ(reader.apply_retention().error().code, ErrorCode::read_only);
  EXPECT_EQ(reader.retention_dry_run()->rules.size(), 2U);
  f.reopen();
  EXPECT_EQ(f.db->retention(), kept);
  EXPECT_EQ(f.db->set_retention({{selector("m").value(), 0}}).error().code,
            ErrorCode::invalid_argument);
  ASSERT_TRUE(f.db->close());
  EXPECT_EQ(f.db->set_retention({}).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(f.db->maintain());
}

// What was killed in the middle of a sweep is finished after the open.
TEST(Retention, AKilledSweepIsFinished) {
  Fixture f;
  f.keep("m 4d\n");
  const std::string copy = f.dir / "copy";
  {
    // The records are logged, the store work is not done: a kill right there.
    ASSERT_TRUE(f.db->erase(selector("m").value(), {kStart, kStart + 2 * kDayMs}));
    test::copy_directory(f.dir / "db", copy);
  }
  std::optional<Db> db(Db::open(copy, f.options).value());
  EXPECT_EQ(Fixture::days(*db, "dev"), (Days{2, 3, 4, 5, 6, 7, 8, 9}));
  ASSERT_TRUE(db->maintain());
  EXPECT_EQ(Fixture::days(*db, "dev"), (Days{5, 6, 7, 8, 9}));
  db.reset();
  db.emplace(Db::open(copy, f.options).value());
  EXPECT_EQ(Fixture::days(*db, "prod"), (Days{5, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace hygge
