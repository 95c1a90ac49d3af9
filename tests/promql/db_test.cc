// Queries over a real database: the same answers as from memory, from head and from store.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/promql.h>
#include <hygge/sample.h>

#include <random>
#include <string>

#include "promql/evaluator.h"
#include "tests/promql/answers.h"
#include "tests/support/database.h"
#include "tests/support/memory_source.h"
#include "tests/support/temp_dir.h"

namespace hygge::promql {
namespace {

constexpr TimeMs kStart = 1'767'225'600'000;

TEST(QueryOverDb, AnswersAsFromMemory) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", test::manual_options(kStart)).value();
  test::MemorySource memory;
  std::mt19937_64 random(7);
  Batch batch;
  for (int series = 0; series < 8; ++series) {
    const Labels labels = Labels::from({{"__name__", series % 2 == 0 ? "hits_total" : "temp"},
                                        {"job", series < 4 ? "a" : "b"},
                                        {"i", std::to_string(series)}})
                              .value();
    double v = 0;
    for (int i = 0; i < 1'500; ++i) {
      v = random() % 200 == 0 ? 0 : v + static_cast<double>(random() % 100);
      if (random() % 10 == 0) continue;
      const double sample = random() % 100 == 0 ? stale_marker() : v;
      batch.add(labels, kStart + i * 15'000, sample);
      memory.add(labels, kStart + i * 15'000, sample);
    }
  }
  ASSERT_TRUE(db.write(batch));
  const char* const texts[] = {
      "hits_total",
      "sum by (job) (rate(hits_total[5m]))",
      "temp{job=~\"a|c\"} offset 1h",
      "sum(rate(hits_total[5m])) / sum(rate(hits_total[1h]))",
      "max_over_time(temp[30m]) - min_over_time(temp[30m])",
      "quantile_over_time(0.9, temp[1h] @ 1767236400)",
      "hits_total - hits_total offset 5h",
  };
  const Steps range{kStart, kStart + 1'500 * 15'000, 60'000};
  for (const bool in_store : {false, true}) {
    if (in_store) {
      ASSERT_TRUE(db.compact());
    }
    for (const char* text : texts) {
      SCOPED_TRACE(text);
      for (const Steps when : {range, instant(kStart + 3 * kHourMs)}) {
        const auto answer = query(db, text, when);
        ASSERT_TRUE(answer) << answer.error().message;
        expect_same_series(*answer, evaluate(parse(text).value(), memory, when, {}).value(),
                           [](double a, double b) { EXPECT_TRUE(same_bits(a, b)); });
        EXPECT_GT(answer->stats.samples, 0U);
        EXPECT_GT(answer->stats.series, 0U);
        EXPECT_GT(answer->stats.bytes, 0U);
      }
    }
  }
}

TEST(QueryOverDb, AnEmptyAnswerNamesWhatIsNear) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", test::manual_options(kStart)).value();
  Batch batch;
  batch.add({{"__name__", "http_requests_total"}, {"job", "shop"}, {"code", "200"}}, kStart, 1);
  batch.add({{"__name__", "http_requests_total"}, {"job", "shop"}, {"code", "500"}},
            kStart + 60'000, 1);
  batch.add({{"__name__", "up"}, {"job", "web"}}, kStart, 1);
  ASSERT_TRUE(db.write(batch));
  struct Case {
    const char* text;
    TimeMs at;
    const char* info;
  };
  const Case cases[] = {
      {"http_request_total", kStart,
       "no metric is called \"http_request_total\" (did you mean \"http_requests_total\"?)"},
      {"nothing_like_it", kStart, "no metric is called \"nothing_like_it\""},
      {"up{job=\"wab\"}", kStart, "no series has job=\"wab\" (did you mean \"web\"?)"},
      {"up{jop=\"web\"}", kStart, "no series has a label \"jop\" (did you mean \"job\"?)"},
      {"up{job=\"shop\"}", kStart, "no series matches up{job=\"shop\"}"},
      {"http_requests_total", kStart + kDayMs,
       "the last sample of http_requests_total before 2026-01-02T00:00:00Z is of "
       "2026-01-01T00:01:00Z"},
      {"sum(rate(http_requests_total[5m]))", kStart + 1'000 * kDayMs,
       "the last sample of http_requests_total before 2028-09-27T00:00:00Z is of "
       "2026-01-01T00:01:00Z"},
      {"up", kStart - kDayMs, "up has samples only after 2025-12-31T00:00:00Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto answer = query(db, c.text, instant(c.at));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->series.empty());
    EXPECT_EQ(answer->infos, std::vector<std::string>{c.info});
  }
  EXPECT_EQ(query(db, "up", instant(kStart)).value().infos.size(), 0U);
}

TEST(QueryOverDb, WorksWithoutSelectorsAndRefusesWhatIsWrong) {
  const test::TempDir dir;
  const Db db = Db::open(dir / "db", test::manual_options(kStart)).value();
  EXPECT_EQ(query(db, "1 + 1", instant(0)).value().series[0].v[0], 2);
  EXPECT_EQ(query(db, "1 +", instant(0)).error().code, ErrorCode::parse);
  EXPECT_EQ(query(db, "up", instant(0)).value().infos,
            std::vector<std::string>{"no metric is called \"up\""});
}

}  // namespace
}  // namespace hygge::promql
