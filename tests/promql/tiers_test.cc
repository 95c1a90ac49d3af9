// PromQL over sealed days: the answer from cells is that from samples, and says where it came from.
#include <gtest/gtest.h>
#include <hygge/cell.h>
#include <hygge/db.h>
#include <hygge/promql.h>
#include <hygge/rollup.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/promql/answers.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge::promql {
namespace {

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
using List = std::vector<DurationMs>;

class PromqlTiers : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(Db::open(dir_ / "db", test::manual_options(kDay0 + 100 * kDayMs)).value());
    Batch batch;
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 3 * 2'880; ++i) {
        const TimeMs t = kDay0 + 5 + i * 30'000;
        const int restarted = i % (2'000 + 100 * k);
        batch.add({{"__name__", "requests_total"}, {"k", std::to_string(k)}}, t,
                  restarted * (k + 1));
        batch.add({{"__name__", "temperature"}, {"k", std::to_string(k)}}, t,
                  20 + i * 7 % 31 * 0.5);
      }
      batch.add({{"__name__", "temperature"}, {"k", std::to_string(k)}}, kDay0 + kDayMs + 6,
                stale_marker());
      // Ends, is away for hours, and comes back; markers with samples before them in their cell and
      // without; once only a sample late enough for the lookback.
      const auto gone = [&](TimeMs t, double v) {
        batch.add({{"__name__", "gone"}, {"k", std::to_string(k)}}, kDay0 + t + k, v);
      };
      for (TimeMs t = 30'000; t < 5 * kHourMs; t += 30'000) gone(t, static_cast<double>(t));
      gone(5 * kHourMs - 10'000, stale_marker());
      gone(9 * kHourMs - 240'000, 9);
      gone(10 * kHourMs - 310'000, 10);
      gone(11 * kHourMs - 290'000, 11);
      gone(12 * kHourMs - 310'000, 12);
      gone(12 * kHourMs - 60'000, stale_marker());
      gone(13 * kHourMs - 60'000, stale_marker());
      gone(13 * kHourMs - 30'000, 13);
      for (TimeMs t = 20 * kHourMs; t < 50 * kHourMs; t += 45'000) gone(t, 1);
    }
    ASSERT_TRUE(db_->write(batch));
    ASSERT_EQ(test::settle(*db_).partitions_sealed, 2U);
  }

  Answer ask(const std::string& text, Steps when, std::optional<DurationMs> tier) {
    QueryOptions options;
    options.tier = tier;
    options.explain = true;
    auto answer = query(*db_, text, when, options);
    EXPECT_TRUE(answer) << text << ": " << answer.error().message;
    return answer ? std::move(*answer) : Answer();
  }

  test::TempDir dir_;
  std::optional<Db> db_;
};

TEST_F(PromqlTiers, AnswersAreThoseOfTheSamples) {
  const char* const texts[] = {
      "increase(requests_total[6h])",
      "sum(rate(requests_total[1h]))",
      "sum by (k) (increase(requests_total[1d] offset 1h))",
      "irate(requests_total[2h])",
      "resets(requests_total[1d])",
      "changes(temperature[1d])",
      "avg_over_time(temperature[6h])",
      "sum_over_time(temperature[6h])",
      "min_over_time(temperature[6h])",
      "max_over_time(temperature[6h])",
      "count_over_time(temperature[1d])",
      "last_over_time(temperature[1d])",
      "first_over_time(temperature[1d])",
      "present_over_time(temperature[1d])",
      "stddev_over_time(temperature[6h])",
      "stdvar_over_time(temperature[6h])",
      "delta(temperature[6h])",
      "idelta(temperature[6h])",
      "deriv(temperature[6h])",
      "predict_linear(temperature[6h], 600)",
      "quantile_over_time(0.5, temperature[6h])",
      "max_over_time(rate(requests_total[1h])[1d:1h])",
      "increase(requests_total[1d] @ end())",
      "requests_total",
      "temperature offset 5m",
      "gone",
      "timestamp(gone)",
      "sum(requests_total) - sum(requests_total offset 1h)",
      "ts_of_first_over_time(gone[6h])",
      "ts_of_last_over_time(gone[6h])",
      "ts_of_min_over_time(temperature[6h])",
      "ts_of_max_over_time(temperature[6h])",
      "absent_over_time(gone[2h]) or vector(0)",
  };
  const Steps whens[] = {steps(kDay0 + kHourMs, kDay0 + 2 * kDayMs, std::chrono::hours(1)),
                         steps(kDay0 + kDayMs, kDay0 + 2 * kDayMs, std::chrono::hours(1)),
                         instant(kDay0 + 2 * kDayMs), instant(kDay0 + 2 * kDayMs - 123'456)};
  int from_cells = 0;
  for (const char* text : texts) {
    const auto has = [text](std::string_view part) {
      return std::string_view(text).find(part) != std::string_view::npos;
    };
    const bool integers = has("requests_total") || has("gone") || has("ts_of");
    for (const Steps& when : whens) {
      SCOPED_TRACE(text);
      const Answer raw = ask(text, when, 0);
      EXPECT_FALSE(raw.series.empty());
      for (const std::optional<DurationMs> tier :
           {std::optional<DurationMs>(), std::optional(5 * kMinuteMs), std::optional(kHourMs)}) {
        const Answer got = ask(text, when, tier);
        from_cells += got.stats.cells > 0 ? 1 : 0;
        EXPECT_EQ(got.infos, raw.infos);
        EXPECT_EQ(got.warnings, raw.warnings);
        expect_same_series(got, raw, [&](double v, double want) {
          if (integers) {
            EXPECT_EQ(v, want) << "integers: bit for bit";
          } else {
            EXPECT_NEAR(v, want, 1e-12 * (1 + std::fabs(want)));
          }
        });
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(from_cells, 60);
}

TEST_F(PromqlTiers, SaysWhereTheAnswerCameFrom) {
  const Steps day = steps(kDay0 + kDayMs, kDay0 + 2 * kDayMs, std::chrono::hours(1));
  const std::string text = "sum(increase(requests_total[1h]))";
  const Answer got = ask(text, day, std::nullopt);
  EXPECT_EQ(got.stats.tiers, List{kHourMs});
  EXPECT_EQ(got.stats.samples, 0U);
  EXPECT_EQ(got.stats.cells, 3U * 25);
  ASSERT_EQ(got.nodes.size(), 3U);
  EXPECT_EQ(got.nodes[2].tier, "1h: windows are whole cells");
  EXPECT_EQ(got.nodes[2].cells, 3U * 25);
  EXPECT_EQ(got.nodes[2].series, 3U);
  const Answer raw = ask(text, day, 0);
  EXPECT_EQ(raw.stats.tiers, List{0});
  EXPECT_EQ(raw.stats.cells, 0U);
  EXPECT_EQ(raw.nodes[2].tier, "raw: samples were asked for");
  EXPECT_EQ(got.series[0].v, raw.series[0].v) << "integers: bit for bit";
  // A counter has no extremes in its cells: the samples answer.
  EXPECT_EQ(ask("max_over_time(requests_total[1d])", day, std::nullopt).stats.tiers, List{0});
  EXPECT_EQ(ask("increase(requests_total[1d])", instant(kDay0 + 2 * kDayMs - 1'000), std::nullopt)
                .stats.tiers,
            (List{0, kHourMs}))
      << "two ragged edges";
  EXPECT_EQ(ask("increase(requests_total[10m])", day, kHourMs).stats.tiers, List{0}) << "too long";
  const Answer newest = ask("requests_total", day, std::nullopt);
  EXPECT_EQ(newest.stats.tiers, List{5 * kMinuteMs}) << "an hour is longer than the lookback";
  EXPECT_EQ(newest.nodes[0].tier, "5m: windows are whole cells");
  const Steps ragged = steps(kDay0 + kDayMs + 1, kDay0 + 2 * kDayMs, std::chrono::hours(1));
  EXPECT_EQ(ask("requests_total", ragged, std::nullopt).stats.tiers, List{0});
  EXPECT_EQ(ask("requests_total", instant(kDay0 + 2 * kDayMs), std::nullopt).stats.tiers, List{0});
}

// Without cells, of chunks that no window cuts the summaries say enough.
TEST_F(PromqlTiers, SaysWhatWasNotDecoded) {
  ASSERT_TRUE(db_->set_rollups(parse_rollups("{__name__=~\".+\"} none\n").value()));
  test::settle(*db_);
  const Steps when = instant(kDay0 + 2 * kDayMs - 1'234'567);
  const std::string text = "count_over_time(requests_total[40h])";
  const Answer got = ask(text, when, std::nullopt);
  const Answer raw = ask(text, when, 0);
  ASSERT_EQ(got.nodes.size(), 2U);
  EXPECT_GT(got.stats.skipped, 0U);
  EXPECT_EQ(got.nodes[1].skipped, got.stats.skipped);
  EXPECT_EQ(got.stats.samples + got.stats.skipped, raw.stats.samples);
  EXPECT_EQ(raw.stats.skipped, 0U);
  ASSERT_EQ(got.series.size(), 3U);
  EXPECT_EQ(got.series[2].v, raw.series[2].v);
}

TEST_F(PromqlTiers, CellsCountAgainstTheLimitOfMemory) {
  QueryOptions options;
  options.tier = 5 * kMinuteMs;
  const std::string text = "increase(requests_total[1d])";
  const Steps when = instant(kDay0 + 2 * kDayMs);
  const auto all = query(*db_, text, when, options);
  ASSERT_TRUE(all) << all.error().message;
  const std::size_t cells = kDayMs / (5 * kMinuteMs) * CellCounts::kBytesPerCell;
  EXPECT_GE(all->stats.bytes, cells);
  options.max_bytes = cells - 1;
  const auto fewer = query(*db_, text, when, options);
  ASSERT_FALSE(fewer);
  EXPECT_EQ(fewer.error().code, ErrorCode::limit);
}

TEST_F(PromqlTiers, SharedSamplesAreReadAgainWhereThereIsNoRoomToKeepThem) {
  const Steps day = steps(kDay0 + kDayMs, kDay0 + 2 * kDayMs, std::chrono::minutes(5));
  const std::string both = "increase(requests_total[1h]) + increase(requests_total[5m])";
  const Answer shared = ask(both, day, 0);
  EXPECT_EQ(shared.stats.samples, 3U * (2'880 + 120)) << "once, not once a window";
  QueryOptions options;
  options.tier = 0;
  options.max_bytes = 150'000;  // all samples of one series are 48 kB
  const auto tight = query(*db_, both, day, options);
  ASSERT_TRUE(tight) << tight.error().message;
  EXPECT_GT(tight->stats.samples, shared.stats.samples);
  EXPECT_LT(tight->stats.bytes, options.max_bytes);
  ASSERT_EQ(tight->series.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(tight->series[i].v, shared.series[i].v);
}

TEST_F(PromqlTiers, WindowsBeyondAllSamples) {
  const Steps when = instant(kDay0 + 2 * kDayMs);
  for (const char* text :
       {"count_over_time(temperature[290y])", "count_over_time(temperature[290y] offset -280y)",
        "count_over_time(temperature[1d] offset 290y)"}) {
    SCOPED_TRACE(text);
    const Answer raw = ask(text, when, 0);
    for (const std::optional<DurationMs> tier :
         {std::optional<DurationMs>(), std::optional(kHourMs)}) {
      const Answer got = ask(text, when, tier);
      ASSERT_EQ(got.series.size(), raw.series.size());
      for (std::size_t i = 0; i < raw.series.size(); ++i)
        EXPECT_EQ(got.series[i].v, raw.series[i].v);
    }
  }
}

}  // namespace
}  // namespace hygge::promql
