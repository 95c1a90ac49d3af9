// Answers after samples have expired: of whole cells those of before, of others within the bound
// that is told, or refused.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/window.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/query/functions.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using namespace std::chrono_literals;

constexpr TimeMs kDay0 = 1'767'225'600'000;  // 2026-01-01, midnight
constexpr int kDays = 6;
using Ms = std::chrono::milliseconds;
using windows::Function;

// Drawn from.
constexpr Function kFunctions[] = {
    Function::last,          Function::first,      Function::count,   Function::present,
    Function::sum,           Function::avg,        Function::min,     Function::max,
    Function::stddev,        Function::increase,   Function::rate,    Function::delta,
    Function::changes,       Function::resets,     Function::irate,   Function::prom_rate,
    Function::prom_increase, Function::prom_delta, Function::stdvar,  Function::first_time,
    Function::last_time,     Function::min_time,   Function::max_time};
// A cell that is cut tells nothing of the last two samples; and some value is there in any case.
constexpr Function kNotBounded[] = {Function::irate, Function::present};

bool needs_spread(Function name) {
  return (name >= Function::sum && name <= Function::stdvar) || name == Function::min_time ||
         name == Function::max_time;
}

struct Question {
  Window function;
  Function name;
  Steps grid;
  bool ragged;
  std::string series;
  Rows before;
};

class Expired : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.emplace(
        Db::open(dir_ / "db", test::manual_options(kDay0 + kDays * kDayMs + kHourMs)).value());
    std::mt19937_64 random(1);
    write("requests_total", true, random, 20'000);
    write("temperature", false, random, 30'000);
    write("rare_total", true, random, 7 * kMinuteMs);
    test::settle(*db_);
  }
  // Day 1 is pinned: samples in the midst of cells.
  void expire(const char* rules) {
    ASSERT_TRUE(db_->pin(selector("{__name__=~\".+\"}").value(),
                         {kDay0 + kDayMs + kHourMs, kDay0 + kDayMs + 2 * kHourMs}));
    ASSERT_TRUE(db_->set_retention(parse_retention(rules).value()));
    test::settle(*db_);
    ASSERT_EQ(db_->stats()->days[0].expired_series, 3U);
    ASSERT_EQ(db_->stats()->days[1].expired_series, 0U);
    ASSERT_EQ(db_->stats()->days[3].expired_series, 3U);
    ASSERT_EQ(db_->stats()->days[4].expired_series, 0U);
  }
  void write(const std::string& name, bool counter, std::mt19937_64& random, DurationMs every_ms) {
    Batch batch;
    double v = 0;
    for (TimeMs t = kDay0 + 7; t <= kDay0 + kDays * kDayMs; t += every_ms) {
      if (random() % 2'000 == 0) t += static_cast<TimeMs>(random() % (3 * kHourMs));
      if (t > kDay0 + kDays * kDayMs) break;
      if (counter) {
        v = random() % 700 == 0 ? static_cast<double>(random() % 20)
                                : v + static_cast<double>(random() % 50);
      } else {
        v = static_cast<double>(random() % 2'000);
      }
      batch.add({{"__name__", name}}, t, v);
    }
    batch.add({{"__name__", name}}, kDay0 + kDays * kDayMs + kHourMs, v);
    ASSERT_TRUE(db_->write(batch));
  }
  Question ask(std::mt19937_64& random) {
    const bool ragged = random() % 2 == 0;
    const DurationMs unit =
        ragged ? 1 + static_cast<DurationMs>(random() % 400'000) : 5 * kMinuteMs;
    const auto times = [&](DurationMs about) {
      return std::max<DurationMs>(about / unit, 1) * unit;
    };
    const DurationMs range = times(static_cast<DurationMs>(random() % (30 * kHourMs)));
    const DurationMs step = times(1 + static_cast<DurationMs>(random() % (12 * kHourMs)));
    const TimeMs first = (kDay0 + static_cast<TimeMs>(random() % (kDays * kDayMs))) / unit * unit;
    const Function name = kFunctions[random() % std::size(kFunctions)];
    const char* const names[] = {"temperature", "requests_total", "rare_total"};
    return {window_of(name, range),
            name,
            {first, first + step * static_cast<TimeMs>(random() % 8), step},
            ragged,
            names[needs_spread(name) ? 0 : random() % 3],
            {}};
  }
  Result<Rows> answer(const Question& question, std::optional<DurationMs> tier, bool exact) {
    const auto view =
        db_->view({selector(question.series).value()}, range_for(question.function, question.grid));
    return window(*view, 0, question.function, question.grid, tier, exact);
  }

  test::TempDir dir_;
  std::optional<Db> db_;
};

TEST_F(Expired, WholeCellsAnswerAsBeforeAndOthersWithinTheBound) {
  std::vector<Question> questions;
  for (std::uint64_t seed = 0; seed < 1'500; ++seed) {
    std::mt19937_64 random(seed);
    questions.push_back(ask(random));
    questions.back().before = *answer(questions.back(), 0, false);
  }
  expire("{__name__=~\".+\"} raw=2d\n");
  std::size_t exact = 0;
  std::size_t bounded = 0;
  std::size_t unbounded = 0;
  std::set<Function> gauges_bounded;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    SCOPED_TRACE(i);
    const Question& question = questions[i];
    SCOPED_TRACE(static_cast<int>(question.name));
    SCOPED_TRACE(question.series);
    const auto after = answer(question, std::nullopt, false);
    ASSERT_TRUE(after) << after.error().message;
    const auto strict = answer(question, std::nullopt, true);
    ASSERT_EQ(strict.has_value(), !after->inexact);
    if (!question.ragged) {
      ASSERT_FALSE(after->inexact) << to_string(*after->inexact);
    }
    if (!strict) {
      EXPECT_EQ(strict.error().code, ErrorCode::out_of_range);
    }
    if (question.before.rows.empty()) {
      EXPECT_TRUE(after->rows.empty());
      continue;
    }
    const Row& was = question.before.rows[0];
    const bool any = !after->rows.empty();
    for (std::size_t step = 0; step < question.grid.count(); ++step) {
      const bool has = any && after->rows[0].has(step);
      if (!after->inexact) {
        ASSERT_EQ(has, was.has(step)) << step;
      }
      if (!has) continue;
      ASSERT_TRUE(was.has(step)) << step;
      const double off = std::fabs(after->rows[0].v[step] - was.v[step]);
      const double rounding = 1e-9 * (1 + std::fabs(was.v[step]));
      if (!after->inexact) {
        ++exact;
        const bool integers = question.name != Function::avg && question.name != Function::stddev &&
                              question.name != Function::stdvar;
        if (integers) {
          EXPECT_EQ(after->rows[0].v[step], was.v[step]);
        } else {
          EXPECT_LE(off, rounding);
        }
      } else if (after->inexact->bound) {
        ++bounded;
        if (question.series == "temperature") gauges_bounded.insert(question.name);
        EXPECT_LE(off, *after->inexact->bound + rounding) << to_string(*after->inexact);
      } else {
        ++unbounded;
      }
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(exact, 2'000U);
  EXPECT_GT(bounded, 300U);
  EXPECT_GT(unbounded, 100U);
  for (const Function function : kFunctions) {
    const bool told = std::find(std::begin(kNotBounded), std::end(kNotBounded), function) ==
                      std::end(kNotBounded);
    EXPECT_EQ(gauges_bounded.count(function), told ? 1U : 0U) << static_cast<int>(function);
  }
}

TEST_F(Expired, WhatIsCalledExactIs) {
  const Window function = Window::increase(26h);
  const Steps grid = instant(kDay0 + 4 * kDayMs + 17);
  const auto rows = [&](const Window& window_of, Steps when) {
    const auto view =
        db_->view({selector("requests_total").value()}, range_for(window_of, when)).value();
    return window(view, 0, window_of, when).value();
  };
  const Window narrower = Window::increase(Ms(26h) - 5min + 17ms);
  const double before = rows(narrower, grid).rows[0].v[0];
  expire("{__name__=~\".+\"} raw=2d\n");
  const Rows cut = rows(function, grid);
  ASSERT_TRUE(cut.inexact);
  EXPECT_EQ(cut.inexact->windows, 1U);
  EXPECT_EQ(cut.inexact->resolution_ms, 5 * kMinuteMs);
  EXPECT_EQ(cut.inexact->window, (TimeRange{grid.start_ms - 26 * kHourMs, grid.start_ms}));
  const TimeMs begins = kDay0 + 3 * kDayMs - 2 * kHourMs + 5 * kMinuteMs;
  EXPECT_EQ(cut.inexact->exact, (TimeRange{begins, grid.start_ms}));
  EXPECT_EQ(cut.inexact->expired_until_ms, kDay0 + 4 * kDayMs);
  EXPECT_EQ(grid.start_ms - begins, narrower.range_ms());
  const Rows whole = rows(narrower, grid);
  EXPECT_FALSE(whole.inexact);
  EXPECT_EQ(whole.rows[0].v[0], before);
  EXPECT_EQ(cut.rows[0].v[0], before);
  EXPECT_EQ(whole.tiers, (std::vector<DurationMs>{5 * kMinuteMs, kHourMs}));
}

// What lies on the side that is not cut is exact; on the other the cell tells how far off it may
// be.
TEST_F(Expired, FirstAndLastValuesAreBounded) {
  const Steps grid = instant(kDay0 + 3 * kDayMs + 7 * kHourMs + 77);
  const auto rows = [&](const Window& function, Steps when) {
    const auto view =
        db_->view({selector("requests_total").value()}, range_for(function, when)).value();
    return window(view, 0, function, when).value();
  };
  const Ms begins_whole(6 * kHourMs + 77);
  const double first = rows(Window::first(begins_whole), grid).rows[0].v[0];
  const double last = rows(Window::last(begins_whole), grid).rows[0].v[0];
  expire("{__name__=~\".+\"} raw=2d\n");
  const Rows exact = rows(Window::first(begins_whole), grid);
  EXPECT_FALSE(exact.inexact) << "the end alone is cut";
  EXPECT_EQ(exact.rows[0].v[0], first);
  const Rows cut = rows(Window::last(begins_whole), grid);
  ASSERT_TRUE(cut.inexact);
  ASSERT_TRUE(cut.inexact->bound) << to_string(*cut.inexact);
  EXPECT_LE(std::fabs(cut.rows[0].v[0] - last), *cut.inexact->bound);
}

TEST_F(Expired, ATierThatIsGoneLeavesTheCoarserOne) {
  const Steps hours = steps(kDay0 + 2 * kHourMs, kDay0 + 4 * kDayMs, 1h);
  const Window function = Window::increase(1h);
  const auto rows = [&](Steps when, std::optional<DurationMs> tier) {
    const auto view =
        db_->view({selector("requests_total").value()}, range_for(function, when)).value();
    return window(view, 0, function, when, tier).value();
  };
  const Rows before = rows(hours, 0);
  expire("{__name__=~\".+\"} raw=2d 5m=2d\n");
  const Rows after = rows(hours, std::nullopt);
  EXPECT_FALSE(after.inexact);
  EXPECT_EQ(after.rows[0].v, before.rows[0].v);
  EXPECT_EQ(after.rows[0].valid, before.rows[0].valid);
  const Rows forced = rows(hours, 5 * kMinuteMs);
  ASSERT_TRUE(forced.inexact);
  EXPECT_EQ(forced.inexact->bound, std::nullopt) << "nothing is left of that tier";
  const Rows ragged = rows(steps(hours.start_ms + 10 * kMinuteMs, hours.end_ms, 1h), std::nullopt);
  ASSERT_TRUE(ragged.inexact);
  EXPECT_EQ(ragged.inexact->resolution_ms, kHourMs);
  const Rows samples = rows(hours, 0);
  ASSERT_TRUE(samples.inexact) << "samples were asked for";
}

TEST_F(Expired, CountersSayNothingOfSums) {
  expire("{__name__=~\".+\"} raw=2d\n");
  const Steps hours = steps(kDay0 + 2 * kHourMs, kDay0 + 3 * kDayMs, 1h);
  const auto view =
      db_->view({selector("requests_total").value()}, range_for(Window::sum(1h), hours)).value();
  const Rows rows = window(view, 0, Window::sum(1h), hours).value();
  ASSERT_TRUE(rows.inexact);
  EXPECT_EQ(rows.inexact->windows, 47U) << "those of days 0 and 2";
  EXPECT_EQ(rows.rows[0].has(30), true) << "the pinned day has samples";
  const Rows quantile = window(view, 0, Window::quantile(0.5, 1h), hours).value();
  EXPECT_TRUE(quantile.inexact);
  EXPECT_TRUE(quantile.rows[0].has(30)) << "so have quantiles, which read nothing else";
  EXPECT_FALSE(quantile.rows[0].has(5));
}

TEST_F(Expired, AStepLongerThanTheLookbackCountsNowhere) {
  Batch batch;
  const TimeMs live = kDay0 + 4 * kDayMs;
  double v = 0;
  for (TimeMs t = live - 4 * kHourMs; t <= live + 5 * kHourMs; t += 5 * kMinuteMs) {
    if (t == live + kHourMs + 5 * kMinuteMs) {
      t = live + 3 * kHourMs;
      v += 60;
    }
    batch.add({{"__name__", "silent_total"}}, t, ++v);
  }
  ASSERT_TRUE(db_->write(batch));
  test::settle(*db_);
  const Window function = Window::increase(6h, 1h);
  const auto rows = [&] {
    const Steps when = instant(live + 4 * kHourMs);
    const auto view =
        db_->view({selector("silent_total").value()}, range_for(function, when)).value();
    return window(view, 0, function, when).value();
  };
  const Rows before = rows();
  ASSERT_TRUE(db_->set_retention(parse_retention("{__name__=~\".+\"} raw=2d\n").value()));
  test::settle(*db_);
  const Rows after = rows();
  EXPECT_FALSE(after.inexact);
  ASSERT_TRUE(after.rows[0].has(0));
  EXPECT_EQ(after.rows[0].v[0], before.rows[0].v[0]);
}

}  // namespace
}  // namespace hygge
