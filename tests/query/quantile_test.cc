// Quantiles over time: from samples as long as they are there; after that, or where a tier is asked
// for, from sketches, within their accuracy, which is said.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 5;
constexpr double kAccuracy = 0.01;
using Ms = std::chrono::milliseconds;
constexpr const char* kSketched[] = {"latency", "odd", "few", "rare", "served_total"};

class Quantiles : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(
        Db::open(dir_ / "db", test::manual_options(kDay0 + kDays * kDayMs + kHourMs)).value());
    ASSERT_TRUE(db_->set_rollups(
        parse_rollups("plain 5m,1h\n{__name__=~\".+\"} 5m,1h sketch=1%\n").value()));
    for (const char* name : kSketched) write(name, 20'000);
    write("plain", 20'000);
    test::settle(*db_);
  }
  void expire() {
    ASSERT_TRUE(db_->set_retention(parse_retention("{__name__=~\".+\"} raw=2d\n").value()));
    test::settle(*db_);
    ASSERT_EQ(db_->stats()->days[1].expired_series, 6U);
    ASSERT_EQ(db_->stats()->days[4].expired_series, 0U);
  }
  double value(const std::string& name) {
    const auto below = [&](std::uint64_t limit) { return static_cast<double>(random_() % limit); };
    if (name == "odd") {
      constexpr double kInf = std::numeric_limits<double>::infinity();
      const double special[] = {
          kInf, -kInf, 0, -0.0, std::numeric_limits<double>::quiet_NaN(), stale_marker()};
      return random_() % 5 == 0 ? special[random_() % 6] : below(2'000) - 1'000;
    }
    if (name == "few") return below(4) - 1;
    if (name == "served_total") return counter_ += below(50);
    return std::exp(below(10'000) / 1'000);
  }
  void write(const std::string& name, DurationMs every_ms) {
    Batch batch;
    if (name == "rare") every_ms = 100 * kSecondMs;
    SeriesSamples& kept = samples_[name];
    for (TimeMs t = kDay0 + 7; t <= kDay0 + kDays * kDayMs; t += every_ms) {
      if (random_() % 1'000 == 0) t += static_cast<TimeMs>(random_() % (3 * kHourMs));
      if (t > kDay0 + kDays * kDayMs) break;
      const double v = value(name);
      batch.add({{"__name__", name}}, t, v);
      if (random_() % 50 == 0) batch.add({{"__name__", name}}, t, v);
      if (is_stale(v)) continue;
      kept.t.push_back(t);
      kept.v.push_back(v);
    }
    kept.t.push_back(kDay0 + kDays * kDayMs + kHourMs);
    kept.v.push_back(1);
    batch.add({{"__name__", name}}, kept.t.back(), 1);
    ASSERT_TRUE(db_->write(batch));
  }
  Result<Rows> ask(const std::string& name, const Window& function, const Steps& grid,
                   std::optional<DurationMs> tier = std::nullopt, bool exact = false) {
    const auto view = db_->view({selector(name).value()}, range_for(function, grid));
    return window(*view, 0, function, grid, tier, exact);
  }
  // Of the two samples between which the quantile lies, each by its weight.
  double sizes(const std::string& name, TimeRange range, double q) {
    const SeriesSamples& all = samples_.at(name);
    std::vector<double> in;
    for (std::size_t i = 0; i < all.t.size(); ++i) {
      if (all.t[i] > range.after && all.t[i] <= range.until) in.push_back(all.v[i]);
    }
    std::sort(in.begin(), in.end(),
              [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
    const double rank = q * (static_cast<double>(in.size()) - 1);
    const auto at = static_cast<std::size_t>(rank);
    const double weight = rank - std::floor(rank);
    return std::fabs(in[at]) * (1 - weight) +
           std::fabs(in[std::min(at + 1, in.size() - 1)]) * weight;
  }

  test::TempDir dir_;
  std::optional<Db> db_;
  std::mt19937_64 random_{1};
  double counter_ = 0;
  std::map<std::string, SeriesSamples> samples_;
};

struct Question {
  std::string series;
  double q;
  Window function;
  Steps grid;
  Rows before;
};

TEST_F(Quantiles, OfExpiredSamplesAreWithinTheAccuracy) {
  std::vector<Question> questions;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    std::mt19937_64 random(seed);
    const DurationMs unit = random() % 2 == 0 ? 5 * kMinuteMs : kHourMs;
    const auto times = [&](DurationMs most) {
      return (1 + static_cast<DurationMs>(random() % static_cast<std::uint64_t>(most / unit))) *
             unit;
    };
    const double q[] = {0, 0.5, 0.95, 1, static_cast<double>(random() % 1'000) / 999};
    const double chosen = q[random() % 5];
    const DurationMs range = times(40 * kHourMs);
    const DurationMs step = times(6 * kHourMs);
    const TimeMs first = kDay0 + times(kDays * kDayMs);
    questions.push_back({kSketched[random() % 5],
                         chosen,
                         Window::quantile(chosen, Ms(range)),
                         {first, first + step * static_cast<TimeMs>(random() % 8), step},
                         {}});
    Question& asked = questions.back();
    asked.before = ask(asked.series, asked.function, asked.grid).value();
    ASSERT_FALSE(asked.before.inexact) << "samples are there";
    ASSERT_LE(asked.before.tiers, std::vector<DurationMs>{0});
  }
  expire();
  EXPECT_TRUE(db_->verify()->damage.empty());
  std::size_t sketched = 0;
  std::size_t differ = 0;
  for (const Question& asked : questions) {
    SCOPED_TRACE(asked.series);
    const Rows after = ask(asked.series, asked.function, asked.grid).value();
    const auto strict = ask(asked.series, asked.function, asked.grid, std::nullopt, true);
    ASSERT_EQ(strict.has_value(), !after.inexact);
    ASSERT_EQ(after.rows.size(), asked.before.rows.size());
    if (after.inexact) {
      ++sketched;
      EXPECT_EQ(strict.error().code, ErrorCode::out_of_range);
      ASSERT_EQ(after.inexact->accuracy, kAccuracy);
      ASSERT_TRUE(after.inexact->bound) << to_string(*after.inexact);
      ASSERT_EQ(after.inexact->resolution_ms, 0);
      ASSERT_TRUE(after.inexact->exact.empty());
    }
    if (after.rows.empty()) continue;
    const Row& got = after.rows[0];
    const Row& raw = asked.before.rows[0];
    ASSERT_EQ(got.valid, raw.valid);
    for (std::size_t step = 0; step < asked.grid.count(); ++step) {
      if (!raw.has(step)) continue;
      SCOPED_TRACE(asked.q);
      if (!std::isfinite(raw.v[step])) {
        ASSERT_TRUE(got.v[step] == raw.v[step] || std::isnan(raw.v[step]));
        ASSERT_EQ(std::isnan(got.v[step]), std::isnan(raw.v[step]));
        continue;
      }
      const TimeMs end = asked.grid.at(step);
      const double off = std::fabs(got.v[step] - raw.v[step]);
      const double size = sizes(asked.series, {end - asked.function.range_ms(), end}, asked.q);
      ASSERT_LE(off, kAccuracy * size * (1 + 1e-12));
      differ += off > 0 ? 1U : 0U;
      ASSERT_TRUE(off == 0 || after.inexact);
      ASSERT_TRUE(off == 0 || off <= *after.inexact->bound * (1 + 1e-12));
      ASSERT_TRUE(off == 0 || (asked.q > 0 && asked.q < 1)) << "extremes are exact";
    }
  }
  EXPECT_GT(sketched, 200U);
  EXPECT_GT(differ, 500U);
}

TEST_F(Quantiles, ATierThatIsAskedForIsReadAndSaid) {
  const Window function = Window::quantile(0.5, 6h);
  const Steps grid = steps(kDay0 + 6 * kHourMs, kDay0 + 4 * kDayMs, 6h);
  const Rows raw = ask("latency", function, grid).value();
  EXPECT_FALSE(raw.inexact);
  EXPECT_EQ(raw.tiers, std::vector<DurationMs>{0});
  for (const DurationMs tier : {5 * kMinuteMs, kHourMs}) {
    const Rows got = ask("latency", function, grid, tier).value();
    EXPECT_EQ(got.tiers, std::vector<DurationMs>{tier});
    ASSERT_TRUE(got.inexact);
    EXPECT_EQ(got.inexact->windows, grid.count());
    EXPECT_EQ(got.inexact->accuracy, kAccuracy);
    EXPECT_EQ(got.inexact->expired_until_ms, 0);
    for (std::size_t i = 0; i < grid.count(); ++i) {
      EXPECT_NEAR(got.rows[0].v[i], raw.rows[0].v[i], kAccuracy * raw.rows[0].v[i]);
    }
    EXPECT_EQ(ask("latency", function, grid, tier, true).error().code, ErrorCode::out_of_range);
  }
  // Ragged edges from samples.
  const Steps ragged = steps(kDay0 + 6 * kHourMs + 123, kDay0 + 4 * kDayMs, 6h);
  const Rows samples = ask("latency", function, ragged).value();
  const Rows edges = ask("latency", function, ragged, kHourMs).value();
  EXPECT_EQ(edges.tiers, (std::vector<DurationMs>{0, kHourMs}));
  for (std::size_t i = 0; i < ragged.count(); ++i) {
    EXPECT_NEAR(edges.rows[0].v[i], samples.rows[0].v[i], kAccuracy * samples.rows[0].v[i]);
  }
  // Rows without sketches are no rows here.
  const Rows plain = ask("plain", function, grid, kHourMs).value();
  EXPECT_FALSE(plain.inexact);
  EXPECT_EQ(plain.tiers, std::vector<DurationMs>{0});
  EXPECT_EQ(plain.rows[0].v, ask("plain", function, grid, 0)->rows[0].v);
}

TEST_F(Quantiles, WhatIsSaidOfThem) {
  expire();
  const Window function = Window::quantile(0.5, 6h);
  const Steps noon = instant(kDay0 + kDayMs + 12 * kHourMs);
  const Rows whole = ask("latency", function, noon).value();
  ASSERT_TRUE(whole.inexact);
  const std::string said = to_string(*whole.inexact);
  EXPECT_TRUE(
      said.starts_with("samples up to 2026-01-03T00:00:00Z have expired, and 1 windows are "
                       "quantiles of sketches, within 1% of the samples between which they "
                       "lie: a value may be off by up to "))
      << said;
  EXPECT_TRUE(said.ends_with("exact is nothing")) << said;
  const Rows cut = ask("latency", function, instant(noon.start_ms + 17)).value();
  ASSERT_TRUE(cut.inexact);
  EXPECT_FALSE(cut.inexact->bound);
  EXPECT_EQ(cut.inexact->resolution_ms, 5 * kMinuteMs);
  EXPECT_TRUE(cut.rows[0].has(0)) << "from the cells that are whole";
  const Rows none = ask("plain", function, noon).value();
  ASSERT_TRUE(none.inexact);
  EXPECT_TRUE(none.rows.empty());
  EXPECT_EQ(none.inexact->accuracy, 0);
  EXPECT_NE(to_string(*none.inexact).find("no cells answer 1 windows"), std::string::npos);
  const Rows live = ask("latency", function, instant(kDay0 + 4 * kDayMs)).value();
  EXPECT_FALSE(live.inexact) << "samples are there";
}

TEST_F(Quantiles, ADeleteLeavesTheOtherCellsTheirSketches) {
  expire();
  const Window function = Window::quantile(0.5, 1h);
  const Steps hours = steps(kDay0 + kHourMs, kDay0 + 2 * kDayMs, 1h);
  const Rows before = ask("latency", function, hours).value();
  const TimeRange gone{kDay0 + 5 * kHourMs, kDay0 + 8 * kHourMs};
  ASSERT_TRUE(db_->erase(selector("latency").value(), gone));
  for (const bool done : {false, true}) {
    SCOPED_TRACE(done ? "carried out" : "waiting");
    if (done) test::settle(*db_);
    const Rows after = ask("latency", function, hours).value();
    ASSERT_EQ(after.rows.size(), 1U);
    for (std::size_t i = 0; i < hours.count(); ++i) {
      const bool deleted = hours.at(i) > gone.after && hours.at(i) <= gone.until;
      ASSERT_EQ(after.rows[0].has(i), !deleted && before.rows[0].has(i)) << i;
      if (!deleted) {
        ASSERT_EQ(after.rows[0].v[i], before.rows[0].v[i]);
      }
    }
  }
  EXPECT_TRUE(db_->verify()->damage.empty());
}

}  // namespace
}  // namespace hygge
