// Tracks over a window of a year whose samples have expired: where cells serve the step, the counts
// are those taken from the samples before; else the slices are no_data, and a note names the step
// that works. Two months have data: to seal a year takes minutes.
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/slo/same_slice.h"
#include "tests/support/database.h"
#include "tests/support/temp_dir.h"

namespace hygge::slo {
namespace {

constexpr TimeMs kDay0 = 1'735'689'600'000;  // 2025-01-01, midnight
constexpr int kYear = 365;
constexpr TimeMs kEnd = kDay0 + kYear * kDayMs;

struct World {
  test::TempDir dir;
  std::optional<Db> db;
  explicit World(int days) {
    db.emplace(Db::open(dir / "db", test::manual_options(kEnd + kHourMs)).value());
    std::mt19937_64 random(1);
    double good = 0;
    double bad = 0;
    for (int day = kYear - days; day < kYear; ++day) {
      Batch batch;
      for (TimeMs t = kDay0 + day * kDayMs + 1'000; t < kDay0 + (day + 1) * kDayMs;
           t += 2 * kMinuteMs) {
        if (random() % 400 == 0) t += static_cast<TimeMs>(random() % (2 * kHourMs));
        if (random() % 3'000 == 0) good = bad = 0;
        good += static_cast<double>(random() % 100);
        bad += random() % 20 == 0 ? 1 : 0;
        batch.add({{"__name__", "r_total"}, {"code", "200"}}, t, good);
        // Born in the midst of it.
        if (day >= kYear - days + 2) {
          batch.add({{"__name__", "r_total"}, {"code", "500"}}, t, bad);
        }
      }
      EXPECT_TRUE(db->write(batch));
    }
    Batch last;
    last.add({{"__name__", "r_total"}, {"code", "200"}}, kEnd + kHourMs, good);
    EXPECT_TRUE(db->write(last));
    test::settle(*db);
  }
  void expire(const char* rules) {
    ASSERT_TRUE(db->set_retention(parse_retention(rules).value()));
    ASSERT_TRUE(db->apply_retention());
  }
};

Definition definition_of(DurationMs step, DurationMs window) {
  Definition out;
  out.name = "s";
  out.objective = Rational::of(99, 100);
  out.window_ms = window;
  out.step_ms = step;
  out.part = selector("r_total{code=\"500\"}").value();
  out.total = selector("r_total").value();
  return out;
}

bool has(const std::vector<std::string>& notes, std::string_view text) {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

void expect_same(const Track& a, const Track& b) {
  ASSERT_EQ(a.range(), b.range());
  ASSERT_EQ(a.slices().size(), b.slices().size());
  for (std::size_t i = 0; i < a.slices().size(); ++i) {
    SCOPED_TRACE(i);
    expect_equal(a.slices()[i], b.slices()[i]);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SloExpired, FiveMinutesCountAsTheSamplesDid) {
  World world(60);
  const Definition five = definition_of(5 * kMinuteMs, 365 * kDayMs);
  const Definition one = definition_of(kMinuteMs, 30 * kDayMs);
  const TimeRange year{kDay0, kEnd};
  std::vector<std::string> notes;
  const Track before = load(*world.db, five, year, notes).value();
  EXPECT_GT(before.sum(year).born, 0U);
  const Report was = report(*world.db, five, kEnd).value();
  const TimeRange month{kEnd - 30 * kDayMs, kEnd};
  const Track fine = load(*world.db, one, month, notes).value();
  world.expire("{__name__=~\".+\"} raw=7d 5m=400d\n");
  ASSERT_EQ(world.db->stats()->days[30].expired_series, 2U);
  EXPECT_TRUE(notes.empty());

  const Track after = load(*world.db, five, year, notes).value();
  expect_same(after, before);
  EXPECT_EQ(after.source().unserved_until_ms, std::nullopt);
  const Report is = report(*world.db, five, kEnd).value();
  EXPECT_EQ(is.counts.total, was.counts.total);
  EXPECT_EQ(is.counts.bad, was.counts.bad);
  EXPECT_EQ(is.notes, was.notes);
  EXPECT_TRUE(notes.empty());

  const Track none = load(*world.db, one, month, notes).value();
  ASSERT_EQ(none.slices().size(), fine.slices().size());
  const TimeMs floor = kEnd - 7 * kDayMs;
  for (std::size_t i = 0; i < none.slices().size(); ++i) {
    const TimeMs end = month.after + static_cast<TimeMs>(i + 1) * kMinuteMs;
    if (end <= floor) {
      ASSERT_EQ(none.slices()[i].state, State::no_data) << i;
      ASSERT_EQ(none.slices()[i].total, 0) << i;
    } else if (end > floor + 3 * kHourMs) {
      ASSERT_EQ(none.slices()[i].total, fine.slices()[i].total) << i;
      ASSERT_EQ(none.slices()[i].state, fine.slices()[i].state) << i;
    }
  }
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(has(notes, "no cells serve `step: 1m`; `step: 5m` would be served")) << notes[0];
  EXPECT_TRUE(has(report(*world.db, one, kEnd)->notes, "`step: 5m` would be served"));
  Definition absent = one;
  absent.idle_when_absent = true;
  EXPECT_EQ(load(*world.db, absent, month, notes)->slices()[7].state, State::no_data)
      << "not known is not idle";
}

TEST(SloExpired, LintSaysItAndAGoneTierIsNoData) {
  World world(20);
  world.expire("{__name__=~\".+\"} raw=5d 5m=10d\n");
  const auto finding = [&](const Definition& definition) -> std::string {
    const std::vector<Finding> findings = lint(*world.db, definition, kEnd).value();
    for (const Finding& one : findings) {
      if (one.code == "L_EXPIRED") return one.message;
    }
    return {};
  };
  EXPECT_NE(finding(definition_of(kMinuteMs, 8 * kDayMs)).find("`step: 5m` would be served"),
            std::string::npos);
  EXPECT_EQ(finding(definition_of(kMinuteMs, 3 * kDayMs)), "");
  EXPECT_EQ(finding(definition_of(5 * kMinuteMs, 8 * kDayMs)), "");
  EXPECT_EQ(finding(definition_of(kHourMs, 19 * kDayMs)), "");
  EXPECT_NE(finding(definition_of(5 * kMinuteMs, 19 * kDayMs)).find("`step: 1h` would be served"),
            std::string::npos);
}

}  // namespace
}  // namespace hygge::slo
