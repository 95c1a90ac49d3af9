// cardinality() against counting by hand: every series read, every day looked at.
#include <gtest/gtest.h>
#include <hygge/db.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "model/partition.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge {
namespace {

using By = CardinalityQuestion::By;
using Key = std::pair<std::string, std::string>;  // label, value

constexpr TimeMs kStart = 1'767'225'600'000;  // a midnight
constexpr std::int64_t kDays = 8;

Options manual() { return test::manual_options(kStart); }

/// The database as plain maps: labels of each series, and the days on which it has samples.
struct Held {
  Labels labels;
  std::set<std::int64_t> days;
};

// The oracle looks at samples, through a view, and at nothing else.
std::vector<Held> read_all(const Db& db, const Selector& selector) {
  std::vector<Held> out;
  const View view = db.view({selector}, everything()).value();
  for (const Series& series : view.series(0)) {
    Held held{series.labels(), {}};
    const SeriesSamples samples = series.samples().value();
    for (const TimeMs t : samples.t) held.days.insert(partition_of(t));
    out.push_back(std::move(held));
  }
  return out;
}

bool on_any(const Held& held, TimeRange range) {
  if (range.empty()) return false;
  return std::any_of(held.days.begin(), held.days.end(), [&](std::int64_t day) {
    return day >= partition_of(range.after + 1) && day <= partition_of(range.until);
  });
}

void count_in(CardinalityRow& row, const Held& held, const CardinalityQuestion& question,
              std::int64_t oldest, std::int64_t newest) {
  const bool in = on_any(held, question.range);
  row.now += held.days.contains(newest) ? 1U : 0U;
  if (in) {
    ++row.series;
    const std::int64_t first = *held.days.begin();
    const std::int64_t last = *held.days.rbegin();
    if (first != oldest && first >= partition_of(question.range.after + 1)) ++row.appeared;
    if (last != newest && last <= partition_of(question.range.until)) ++row.ended;
  }
  if (!question.earlier) return;
  const bool before = on_any(held, *question.earlier);
  row.before += before ? 1U : 0U;
  row.added += in && !before ? 1U : 0U;
  row.removed += before && !in ? 1U : 0U;
}

std::map<Key, CardinalityRow> by_hand(const std::vector<Held>& everyone,
                                      const std::vector<Held>& picked,
                                      const CardinalityQuestion& question) {
  std::int64_t oldest = INT64_MAX;
  std::int64_t newest = INT64_MIN;
  for (const Held& held : everyone) {
    oldest = std::min(oldest, *held.days.begin());
    newest = std::max(newest, *held.days.rbegin());
  }
  std::map<Key, CardinalityRow> out;
  std::map<std::string, std::set<std::string>> values;
  for (const Held& held : picked) {
    for (const Label& label : held.labels) {
      if (question.by == By::metric && label.name != kNameLabel) continue;
      if (question.by == By::value && !question.label.empty() && label.name != question.label) {
        continue;
      }
      const Key key{label.name, question.by == By::label ? "" : label.value};
      count_in(out[key], held, question, oldest, newest);
      if (on_any(held, question.range)) values[label.name].insert(label.value);
    }
  }
  for (auto& [key, row] : out) {
    if (question.by == By::label) row.values = values[key.first].size();
  }
  std::erase_if(out,
                [](const auto& one) { return one.second.series == 0 && one.second.before == 0; });
  return out;
}

auto figures(const CardinalityRow& row) {
  return std::tuple(row.values, row.series, row.now, row.appeared, row.ended, row.before, row.added,
                    row.removed);
}

void expect_same(const Db& db, const std::map<Key, CardinalityRow>& want,
                 const CardinalityQuestion& question, const std::string& where) {
  const auto got = db.cardinality(question);
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->rows.size(), want.size()) << where;
  for (const CardinalityRow& row : got->rows) {
    const auto at = want.find({row.label, row.value});
    ASSERT_NE(at, want.end()) << where << ": " << row.label << "=" << row.value;
    EXPECT_EQ(figures(row), figures(at->second)) << where << ": " << row.label << "=" << row.value;
  }
  const auto order = [&](const CardinalityRow& a, const CardinalityRow& b) {
    const auto first = [&](const CardinalityRow& row) {
      return question.earlier ? row.added + row.removed : row.series;
    };
    return first(a) > first(b);
  };
  EXPECT_TRUE(std::is_sorted(got->rows.begin(), got->rows.end(), order)) << where;
}

// Series that live on a random stretch of days, some with gaps; the last ones only in the head.
void fill(Db& db, std::mt19937_64& random) {
  for (std::int64_t day = 0; day < kDays; ++day) {
    Batch batch;
    for (std::uint32_t k = 0; k < 300; ++k) {
      const std::int64_t born = (k * 7) % kDays;
      if (day < born || day > born + (k % 5) || random() % 6 == 0) continue;
      // Midnights belong to the day that they end.
      const TimeMs t = kStart + day * kDayMs + (k % 3 == 0 ? kDayMs : 1 + static_cast<TimeMs>(k));
      batch.add(Labels::from({{"__name__", "m" + std::to_string(k % 11)},
                              {"instance", std::to_string(k)},
                              {"job", k % 2 == 0 ? "even" : ""},
                              {"wide", std::to_string(k % 2)}})
                    .value(),
                t, k);
    }
    ASSERT_TRUE(db.write(batch));
    if (day < kDays - 2) {
      ASSERT_TRUE(db.flush());
    }
  }
}

TimeRange days(std::int64_t from, std::int64_t to) {
  return {kStart + from * kDayMs, kStart + (to + 1) * kDayMs};
}

TEST(Cardinality, EqualsCountingByHand) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  std::mt19937_64 random(7);
  fill(db, random);
  const std::vector<TimeRange> ranges = {everything(), days(0, 0),
                                         days(2, 4),   days(7, 9),
                                         days(-9, -3), {kStart + 5, kStart + kDayMs + 6},
                                         {9, 9}};
  const Selector all = selector("{__name__=~\".+\"}").value();
  const std::vector<Selector> selectors = {all, selector("m3").value(),
                                           selector("{job=\"even\",wide=~\"0|7\"}").value()};
  const std::vector<Held> everyone = read_all(db, all);
  for (std::size_t s = 0; s < selectors.size(); ++s) {
    const std::vector<Held> picked = read_all(db, selectors[s]);
    for (const By by : {By::metric, By::label, By::value}) {
      for (std::size_t r = 0; r < ranges.size(); ++r) {
        CardinalityQuestion question;
        question.by = by;
        question.range = ranges[r];
        if (s > 0) question.selector = selectors[s];  // without one: all
        if (s == 1) question.earlier = ranges[(r + 1) % ranges.size()];
        if (s == 2) question.label = "instance";
        expect_same(db, by_hand(everyone, picked, question), question,
                    "by " + std::to_string(static_cast<int>(by)) + ", range " + std::to_string(r) +
                        ", selector " + std::to_string(s));
      }
    }
  }
}

TEST(Cardinality, CountsTheSameAfterAReopen) {
  const test::TempDir dir;
  CardinalityQuestion question;
  question.by = By::value;
  question.range = days(3, 5);
  std::vector<CardinalityRow> before;
  {
    Db db = Db::open(dir / "db", manual()).value();
    std::mt19937_64 random(11);
    fill(db, random);
    before = db.cardinality(question)->rows;
  }
  const Db db = Db::open_read_only(dir / "db", manual()).value();
  const auto after = db.cardinality(question)->rows;
  ASSERT_EQ(before.size(), after.size());
  ASSERT_GT(after.size(), 100U);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(std::tie(before[i].label, before[i].value), std::tie(after[i].label, after[i].value));
    EXPECT_EQ(figures(before[i]), figures(after[i]));
  }
}

TEST(Cardinality, BytesAddUpToWhatTheStoreHolds) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  std::mt19937_64 random(5);
  fill(db, random);
  ASSERT_TRUE(db.flush());
  CardinalityQuestion question;
  question.bytes = true;
  const auto all = db.cardinality(question).value();
  const Stats stats = db.stats().value();
  constexpr std::uint64_t kKeyBytes = 14;
  EXPECT_EQ(all.total.bytes, stats.chunks.payload_bytes + kKeyBytes * stats.chunks.count);
  std::uint64_t sum = 0;
  for (const CardinalityRow& row : all.rows) sum += row.bytes;
  EXPECT_EQ(sum, all.total.bytes) << "each series has one metric";
  std::uint64_t by_day = 0;
  for (std::int64_t day = 0; day < kDays; ++day) {
    question.range = days(day, day);
    by_day += db.cardinality(question)->total.bytes;
  }
  EXPECT_EQ(by_day, all.total.bytes);
  question.selector = selector("{instance=\"8\"}").value();
  question.range = everything();
  const auto one = db.cardinality(question).value();
  EXPECT_EQ(one.total.series, 1U);
  EXPECT_GT(one.total.bytes, 0U);
  EXPECT_LT(one.total.bytes, all.total.bytes / 100);
}

TEST(Cardinality, ARangeIsWidenedToTheDaysThatAreHeld) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  EXPECT_TRUE(db.cardinality({})->range.empty());
  EXPECT_TRUE(db.cardinality({})->rows.empty());
  std::mt19937_64 random(3);
  fill(db, random);
  CardinalityQuestion question;
  question.range = {kStart + 2 * kDayMs + 1, kStart + 3 * kDayMs + 1};
  EXPECT_EQ(db.cardinality(question)->range, days(2, 3));
  question.range = {kStart - 40 * kDayMs, kStart + 1};
  EXPECT_EQ(db.cardinality(question)->range, days(0, 0));
  question.selector = {{{"a", MatchOp::regex, "("}}};
  EXPECT_EQ(db.cardinality(question).error().code, ErrorCode::parse);
}

TEST(Cardinality, AViewHoldsOnlySeriesWithSamplesOnItsDays) {
  const test::TempDir dir;
  Db db = Db::open(dir / "db", manual()).value();
  std::mt19937_64 random(7);
  fill(db, random);
  const Selector all = selector("{__name__=~\".+\"}").value();
  CardinalityQuestion question;
  question.range = {kStart + 3 * kDayMs + 1, kStart + 3 * kDayMs + kHourMs};
  const View view = db.view({all}, question.range).value();
  EXPECT_EQ(view.series(0).size(), db.cardinality(question)->total.series);
  EXPECT_LT(view.series(0).size(), read_all(db, all).size());
}

}  // namespace
}  // namespace hygge
