// PromQL over days whose samples have expired: aligned steps answer as before, others say what they
// lack, and under `exact` they are refused.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/promql.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "tests/promql/answers.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge::promql {
namespace {

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 5;
using List = std::vector<DurationMs>;

class PromqlExpired : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(
        Db::open(dir_ / "db", test::manual_options(kDay0 + kDays * kDayMs + kHourMs)).value());
    Batch batch;
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < kDays * 1'440 + 30; ++i) {
        const TimeMs t = kDay0 + 5 + i * kMinuteMs;
        batch.add({{"__name__", "requests_total"}, {"k", std::to_string(k)}}, t,
                  i % (2'000 + 100 * k) * (k + 1));
        batch.add({{"__name__", "temperature"}, {"k", std::to_string(k)}}, t,
                  20 + i * 7 % 31 * 0.5);
      }
    }
    ASSERT_TRUE(db_->write(batch));
    test::settle(*db_);
  }
  void expire(const char* rules = "{__name__=~\".+\"} raw=2d\n") {
    ASSERT_TRUE(db_->set_retention(parse_retention(rules).value()));
    test::settle(*db_);
    const auto days = db_->stats()->days;
    ASSERT_EQ(days[days.size() - 4].expired_series, 6U);
    ASSERT_EQ(days[days.size() - 3].expired_series, 0U);
  }

  Result<Answer> ask(const std::string& text, Steps when, bool exact = false) {
    QueryOptions options;
    options.exact = exact;
    options.explain = true;
    return query(*db_, text, when, options);
  }
  static std::string told(const Answer& answer) {
    std::string out;
    for (const std::string& info : answer.infos) out += info + "\n";
    return out;
  }

  test::TempDir dir_;
  std::optional<Db> db_;
};

TEST_F(PromqlExpired, AlignedStepsAnswerAsBefore) {
  struct Case {
    const char* text;
    Steps when;
  };
  const Steps hours = steps(kDay0 + kHourMs, kDay0 + kDays * kDayMs, std::chrono::hours(1));
  const Steps fives = steps(kDay0 + kDayMs, kDay0 + kDayMs + 3 * kHourMs, std::chrono::minutes(5));
  const Case cases[] = {
      {"sum(increase(requests_total[1h]))", hours},
      {"rate(requests_total[5m])", fives},
      {"rate(requests_total[1h] offset 1h)", hours},
      {"avg_over_time(temperature[6h])", hours},
      {"max_over_time(temperature[1h])", fives},
      {"count_over_time(requests_total[30m])", fives},
      {"temperature", fives},
      {"timestamp(requests_total)", fives},
      {"sum by (k) (requests_total)", hours},
      {"absent_over_time(temperature[1h]) or vector(0)", hours},
      {"temperature", instant(kDay0 + kDayMs + 10 * kMinuteMs)},
      {"increase(requests_total[2d])", instant(kDay0 + 2 * kDayMs)},
      {"increase(requests_total[1h])", instant(kDay0 + 4 * kDayMs + kHourMs + 77)},
      // Pinned to midnights, one step or many.
      {"increase(requests_total[1d] @ 1767398400)", fives},
      {"avg_over_time(temperature[1d] @ 1767398400)", instant(kDay0 + 77)},
      {"temperature @ 1767312000", fives},
      {"timestamp(temperature @ 1767312000 offset 12h)", hours},
      {"rate(requests_total[1h] @ end()) - rate(requests_total[1h] @ start())", fives},
  };
  std::vector<Answer> before;
  for (const Case& c : cases) before.push_back(ask(c.text, c.when).value());
  expire();
  for (std::size_t i = 0; i < before.size(); ++i) {
    SCOPED_TRACE(cases[i].text);
    const auto after = ask(cases[i].text, cases[i].when, /*exact=*/true);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_FALSE(after->series.empty());
    expect_same_series(*after, before[i], [](double a, double b) { EXPECT_DOUBLE_EQ(a, b); });
    EXPECT_EQ(told(*after), told(before[i]));
  }
}

TEST_F(PromqlExpired, SaysWhichTiersAnsweredAndWhy) {
  expire();
  const auto hours = ask("increase(requests_total[1h])",
                         steps(kDay0 + kHourMs, kDay0 + 2 * kDayMs, std::chrono::hours(1)));
  EXPECT_EQ(hours->stats.tiers, List{kHourMs});
  EXPECT_EQ(hours->stats.samples, 0U);
  ASSERT_EQ(hours->nodes.size(), 2U);
  EXPECT_EQ(hours->nodes[1].tier.substr(0, 29), "1h: samples have expired; els");
  const auto ragged =
      ask("increase(requests_total[1d])", instant(kDay0 + 3 * kDayMs + 12 * kHourMs));
  EXPECT_EQ(ragged->stats.tiers, List{kHourMs});
  const auto fine = ask("increase(requests_total[1d])",
                        instant(kDay0 + 3 * kDayMs + 12 * kHourMs + 25 * kMinuteMs));
  EXPECT_EQ(fine->stats.tiers, (List{0, 5 * kMinuteMs, kHourMs}));
  EXPECT_EQ(told(*fine), "");
}

TEST_F(PromqlExpired, WhatCellsCannotSayIsToldOrRefused) {
  const Steps ragged = instant(kDay0 + 3 * kDayMs + 77);
  const double before = ask("increase(requests_total{k=\"1\"}[1d])", ragged)->series[0].v[0];
  expire();
  const auto after = ask("increase(requests_total{k=\"1\"}[1d])", ragged);
  ASSERT_TRUE(after);
  ASSERT_EQ(after->infos.size(), 1U);
  EXPECT_NE(told(*after).find("1 windows cut cells of 5m: a value may be off by up to "),
            std::string::npos)
      << told(*after);
  EXPECT_NE(told(*after).find("exact is (2026-01-03T00:05:00Z, 2026-01-04T00:00:00.077Z]"),
            std::string::npos)
      << told(*after);
  EXPECT_NEAR(after->series[0].v[0], before, 0.02 * before);
  const auto refused = ask("sum(increase(requests_total[1d])) + 1", ragged, /*exact=*/true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::out_of_range);
  EXPECT_EQ(refused.error().place.column, 14U);
  EXPECT_NE(refused.error().message.find("exact is (2026-01-03T00:05:00Z"), std::string::npos)
      << refused.error().message;
  struct Case {
    const char* text;
    const char* told;
  };
  const Case cases[] = {
      {"quantile_over_time(0.5, temperature[1h])", "no cells answer"},
      {"temperature[10m]", "cells do not hold what this needs"},
      {"mad_over_time(temperature[1h])", "cells do not hold what this needs"},
      {"sum_over_time(requests_total[1h])", "no cells answer"},
      {"temperature offset 1m", "cut cells of 5m"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Steps when = instant(kDay0 + 2 * kDayMs);
    const auto answer = ask(c.text, when);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_NE(told(*answer).find(c.told), std::string::npos) << told(*answer);
    const auto strict = ask(c.text, when, /*exact=*/true);
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().code, ErrorCode::out_of_range);
    EXPECT_TRUE(ask(c.text, instant(kDay0 + 4 * kDayMs + 2 * kHourMs), /*exact=*/true));
  }
}

// A lookback that holds whole cells: the newest value is of the last of them, or of the one cut.
TEST_F(PromqlExpired, ACutLookbackIsBounded) {
  const Steps ragged = instant(kDay0 + kDayMs + 10 * kMinuteMs + 150'000);
  QueryOptions options;
  options.lookback_ms = 15 * kMinuteMs;
  const auto look = [&] { return query(*db_, "temperature{k=\"1\"}", ragged, options).value(); };
  const double before = look().series[0].v[0];
  expire();
  const Answer after = look();
  ASSERT_EQ(after.series.size(), 1U);
  const std::string says = "a value may be off by up to ";
  const std::size_t at = told(after).find(says);
  ASSERT_NE(at, std::string::npos) << told(after);
  const double bound = std::stod(told(after).substr(at + says.size()));
  EXPECT_NE(after.series[0].v[0], before);
  EXPECT_LE(std::abs(after.series[0].v[0] - before), bound);
  EXPECT_LT(bound, 16) << "all values lie within that";
}

// Equal selectors share what is read; each is asked for its own range.
TEST_F(PromqlExpired, AWindowThatIsWholeIsNotBlamedForAWiderOne) {
  expire();
  const Steps when = instant(kDay0 + kDays * kDayMs);
  const std::string narrow = "mad_over_time(temperature[1h])";
  EXPECT_TRUE(ask(narrow, when, /*exact=*/true));
  const std::string text = narrow + " + mad_over_time(temperature[3d])";
  const auto both = ask(text, when);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->infos.size(), 1U) << told(*both);
  const auto refused = ask(text, when, /*exact=*/true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place.column, text.find("temperature[3d]") + 1);
}

TEST_F(PromqlExpired, BeforeEveryFloorAnInfoSaysSo) {
  expire("{__name__=~\".+\"} raw=2d 5m=3d 1h=3d\n");
  const auto answer = ask("temperature", instant(kDay0 + kDayMs));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->series.empty());
  EXPECT_NE(told(*answer).find("of temperature nothing is kept up to 2026-01-03T00:00:00Z"),
            std::string::npos)
      << told(*answer);
}

}  // namespace
}  // namespace hygge::promql
