// Reports, burns and lint over a database.
#include "tests/support/database.h"

#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <algorithm>
#include <random>

#include "tests/slo/same_slice.h"
#include "tests/support/temp_dir.h"

namespace hygge::slo {
namespace {

constexpr TimeMs kStart = 1'772'323'200'000;

struct World {
  test::TempDir dir;
  Db db;

  World() : db(open(dir)) {}
  static Db open(const test::TempDir& dir) {
    Options options;
    options.create_if_missing = true;
    options.maintenance = Maintenance::manual;
    return Db::open(dir / "db", options).value();
  }
  void write(const Batch& batch) { ASSERT_TRUE(db.write(batch)); }
};

Definition definition_of(const char* bad, const char* total) {
  Definition out;
  out.name = "s";
  out.objective = Rational::of(9, 10);
  out.window_ms = 10 * kMinuteMs;
  out.part = selector(bad).value();
  out.total = selector(total).value();
  return out;
}

// A count each quarter of a minute, for ten minutes.
void add_counter(Batch& batch, std::vector<Label> labels, double step) {
  const Labels set = Labels::from(std::move(labels)).value();
  for (int i = 0; i <= 40; ++i) batch.add(set, kStart + i * 15 * kSecondMs, i * step);
}

TEST(SloDatabase, KindComesFromTheTypeElseTheName) {
  struct Case {
    const char* name;
    const char* metric;
    MetricType type;
    const char* error;  ///< "" for none
    double total;       ///< of samples 0, 3, 6, … in a minute
  };
  const Case cases[] = {
      {"counter by its type", "requests", MetricType::counter, "", 120},
      {"counter by its name", "requests_total", MetricType::unknown, "", 120},
      {"type before name", "requests_total", MetricType::gauge, "is a gauge", 0},
      {"nothing known", "requests", MetricType::unknown, "no counter by its name", 0},
      {"delta", "requests", MetricType::delta, "", 3 * 40 * 41 / 2},
      {"bucket of a histogram", "latency_bucket", MetricType::histogram, "", 120},
      {"quantile of a summary", "latency", MetricType::summary, "is a summary", 0},
      {"count of a summary", "latency_count", MetricType::summary, "", 120},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    Batch batch;
    add_counter(batch, {{"__name__", c.metric}}, 3);
    if (c.type != MetricType::unknown) {
      batch.describe(c.metric, Metadata{c.type, "", ""});
    }
    world.write(batch);
    const Definition definition = definition_of("none_total", c.metric);
    const auto got = report(world.db, definition, kStart + 10 * kMinuteMs);
    if (*c.error != '\0') {
      ASSERT_FALSE(got);
      EXPECT_NE(got.error().message.find("E_KIND"), std::string::npos) << got.error().message;
      EXPECT_NE(got.error().message.find(c.error), std::string::npos) << got.error().message;
      continue;
    }
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->counts.total, c.total);
  }
}

TEST(SloDatabase, ArrivalOrderAndStorageChangeNothing) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    struct One {
      Labels labels;
      TimeMs t;
      double v;
    };
    std::vector<One> samples;
    for (const char* code : {"200", "500"}) {
      const Labels labels = Labels::from({{"__name__", "r_total"}, {"code", code}}).value();
      double v = 0;
      TimeMs t = kStart + (code[0] == '5' ? 90'000 : 0);
      for (; t < kStart + 20 * kMinuteMs; t += 5'000 + static_cast<TimeMs>(random() % 30'000)) {
        v = random() % 30 == 0 ? 1 : v + static_cast<double>(random() % 10);
        samples.push_back({labels, t, v});
      }
    }
    const Definition definition = definition_of("r_total{code=\"500\"}", "r_total");
    std::optional<Report> first;
    for (int round = 0; round < 3; ++round) {
      World world;
      for (std::size_t i = 0; i < samples.size();) {
        Batch batch;
        for (std::size_t n = 0; n < 40 && i < samples.size(); ++n, ++i) {
          batch.add(samples[i].labels, samples[i].t, samples[i].v);
        }
        world.write(batch);
        if (round == 2 && random() % 2 == 0) {
          ASSERT_TRUE(world.db.flush());
        }
      }
      const Report got = report(world.db, definition, kStart + 15 * kMinuteMs).value();
      if (!first) first = got;
      EXPECT_EQ(got.counts.bad, first->counts.bad);
      EXPECT_EQ(got.counts.total, first->counts.total);
      EXPECT_EQ(got.counts.born, first->counts.born);
      EXPECT_EQ(got.counts.resets, first->counts.resets);
      EXPECT_EQ(got.coverage, first->coverage);
      EXPECT_EQ(got.verdict, first->verdict);
      std::shuffle(samples.begin(), samples.end(), random);
    }
  }
}

// The clock of who writes goes back five minutes after ten, and ten ahead five minutes later: what
// it says twice is what it said last, what it leaves out is no data, and nothing is counted twice.
TEST(SloDatabase, AClockThatJumpsLeavesNoDataAndCountsOnce) {
  World world;
  Batch batch;
  for (const char* const code : {"200", "500"}) {
    const Labels labels = Labels::from({{"__name__", "r_total"}, {"code", code}}).value();
    const double per_scrape = code[0] == '5' ? 1 : 99;
    for (int i = 0; i <= 80; ++i) {
      const int at = i <= 40 ? i : i <= 60 ? i - 20 : i + 20;
      batch.add(labels, kStart + at * 15 * kSecondMs, i * per_scrape);
    }
  }
  world.write(batch);
  Definition definition = definition_of("r_total{code=\"500\"}", "r_total");
  definition.window_ms = 25 * kMinuteMs;
  const Report got = report(world.db, definition, kStart + 25 * kMinuteMs).value();
  EXPECT_EQ(got.counts.total, 80 * 100);
  EXPECT_EQ(got.counts.bad, 80);
  EXPECT_EQ(got.counts.resets, 0U);
  EXPECT_EQ(got.coverage, 15.0 / 25);
}

// Three days, two of them sealed with cells: the slices are those of the samples.
TEST(SloDatabase, TracksAreReadFromCellsWhereATierDividesTheStep) {
  World world;
  std::mt19937_64 random(7);
  const TimeRange range{kStart, kStart + 60 * kHourMs};
  Batch batch;
  for (const char* code : {"200", "404", "500"}) {
    const Labels labels = Labels::from({{"__name__", "r_total"}, {"code", code}}).value();
    double v = 0;
    for (TimeMs t = kStart - kHourMs; t < range.until; t += 30 * kSecondMs) {
      if (random() % 500 == 0) v = 0;
      if (random() % 700 == 0) t += 11 * kMinuteMs;
      v += static_cast<double>(random() % 9);
      batch.add(labels, t, random() % 1000 == 0 ? std::nan("") : v);
    }
  }
  world.write(batch);
  struct Case {
    const char* name;
    DurationMs step_ms;
    DurationMs lookback_ms;
    DurationMs tier_ms;
  };
  const Case cases[] = {
      {"coarse slices", kHourMs, kHourMs, kHourMs},
      {"the lookback is shorter than the tier", kHourMs, 10 * kMinuteMs, 5 * kMinuteMs},
      {"fine slices", 5 * kMinuteMs, 2 * kHourMs, 5 * kMinuteMs},
      {"no tier divides", kMinuteMs, 10 * kMinuteMs, 0},
  };
  const auto read = [&](const Case& c) {
    Definition definition = definition_of("r_total{code=\"500\"}", "r_total");
    definition.step_ms = c.step_ms;
    definition.lookback_ms = c.lookback_ms;
    definition.window_ms = 48 * kHourMs;
    const View view =
        world.db.view(selectors_of(definition), needed_range(definition, range)).value();
    return load(view, definition, range).value();
  };
  std::vector<Track> before;
  for (const Case& c : cases) before.push_back(read(c));
  ASSERT_GT(test::settle(world.db).cell_rows_written, 0U);
  for (std::size_t i = 0; i < before.size(); ++i) {
    SCOPED_TRACE(cases[i].name);
    const Track after = read(cases[i]);
    EXPECT_EQ(before[i].source().cells, 0U);
    EXPECT_EQ(after.source().tier_ms, cases[i].tier_ms);
    EXPECT_EQ(after.source().cells > 0, cases[i].tier_ms > 0);
    if (cases[i].tier_ms > 0) {
      EXPECT_LT(after.source().samples, before[i].source().samples / 2);
    }
    ASSERT_EQ(after.slices().size(), before[i].slices().size());
    for (std::size_t s = 0; s < after.slices().size(); ++s) {
      SCOPED_TRACE(s);
      expect_equal(after.slices()[s], before[i].slices()[s]);
    }
  }
}

// A long track judged at each slice, and each slice judged by itself from the database.
TEST(SloDatabase, BurnOverALongTrackIsBurnByItself) {
  World world;
  std::mt19937_64 random(7);
  Batch batch;
  const Labels ok = Labels::from({{"__name__", "r_total"}, {"code", "200"}}).value();
  const Labels bad = Labels::from({{"__name__", "r_total"}, {"code", "500"}}).value();
  double counts[2] = {0, 0};
  for (int i = 0; i < 240; ++i) {
    const TimeMs t = kStart + i * 15 * kSecondMs;
    const int minute = i / 4;
    if (minute >= 30 && minute < 38) continue;  // the data stops, in an incident
    counts[0] += static_cast<double>(random() % 10 + 1);
    if (minute > 20 && minute < 45) counts[1] += static_cast<double>(random() % 10);
    batch.add(ok, t, counts[0]);
    if (minute > 20) batch.add(bad, t, counts[1]);
  }
  world.write(batch);
  Definition definition = definition_of("r_total{code=\"500\"}", "r_total");
  AlertRule rule;
  rule.long_ms = 10 * kMinuteMs;
  rule.short_ms = 2 * kMinuteMs;
  rule.factor = {2, 1};
  definition.alerts = {rule};
  const TimeRange all{kStart - kHourMs, kStart + kHourMs};
  const View view =
      world.db.view({definition.part, definition.total}, needed_range(definition, all)).value();
  const Track track = load(view, definition, all).value();
  int firing = 0;
  int frozen = 0;
  int unknown = 0;
  for (TimeMs t = kStart; t <= all.until; t += kMinuteMs) {
    SCOPED_TRACE((t - kStart) / kMinuteMs);
    const BurnState replayed = burn(track, definition, t);
    const BurnState alone = burn(world.db, definition, t).value();
    ASSERT_EQ(replayed.rules[0].state, alone.rules[0].state);
    EXPECT_EQ(replayed.rules[0].frozen, alone.rules[0].frozen);
    EXPECT_EQ(replayed.rules[0].long_counts.bad, alone.rules[0].long_counts.bad);
    EXPECT_EQ(replayed.rules[0].short_counts.total, alone.rules[0].short_counts.total);
    firing += alone.rules[0].state == RuleState::firing ? 1 : 0;
    frozen += alone.rules[0].frozen ? 1 : 0;
    unknown += alone.rules[0].state == RuleState::unknown ? 1 : 0;
  }
  EXPECT_GT(firing, frozen);
  EXPECT_GT(frozen, 0);
  EXPECT_EQ(unknown, 0) << "the hole is shorter than the long window";
}

TEST(SloDatabase, SelectorOfNothingSaysSoWithNearNames) {
  World world;
  Batch batch;
  add_counter(batch, {{"__name__", "requests_total"}, {"code", "200"}}, 1);
  world.write(batch);
  struct Case {
    const char *bad, *total, *says;
  };
  const Case cases[] = {
      {"requests_total{code=\"500\"}", "request_total",
       "total matches nothing: there is no metric request_total (did you mean requests_total?)"},
      {"requests_total{code=\"20\"}", "requests_total",
       "bad matches nothing, which counts as no bad event: no series has code=\"20\" (did you mean "
       "200?)"},
      {"requests_total{cod=\"200\"}", "requests_total",
       "no series has a label cod (did you mean code?)"},
      {"requests_total{code=~\"5..\"}", "requests_total", "no series matches all of it"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.says);
    const Definition definition = definition_of(c.bad, c.total);
    const auto says = [&](const std::vector<std::string>& notes) {
      return std::any_of(notes.begin(), notes.end(), [&](const std::string& note) {
        return note.find(c.says) != std::string::npos;
      });
    };
    EXPECT_TRUE(says(report(world.db, definition, kStart + 10 * kMinuteMs)->notes));
    EXPECT_TRUE(says(burn(world.db, definition, kStart + 10 * kMinuteMs)->notes));
  }
}

TEST(SloDatabase, DefinitionsThatMakeNoSenseAreRefused) {
  World world;
  const Definition good = definition_of("b_total", "t_total");
  ASSERT_TRUE(report(world.db, good, kStart));
  std::vector<Definition> bad(9, good);
  bad[0].step_ms = 0;
  bad[1].step_ms = 7 * kMinuteMs;
  bad[2].window_ms = 90 * kSecondMs;
  bad[3].objective = {1, 1};
  bad[4].window_ms = 2 * kMaxSlices * kMinuteMs;
  bad[5].lookback_ms = -1;
  bad[6].alerts.resize(1);
  bad[6].alerts[0].short_ms = 1;
  bad[7].calendar = Calendar{Calendar::Unit::month, "Mars/Olympus", 1};
  bad[8].exclusions.resize(1);
  bad[8].exclusions[0].every = Exclusion::Every{std::nullopt, 0, 60, "Mars/Olympus"};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(i);
    const auto got = report(world.db, bad[i], kStart);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(burn(world.db, bad[i], kStart));
    EXPECT_FALSE(lint(world.db, bad[i], kStart));
  }
  const DurationMs windows[] = {90 * kSecondMs};
  EXPECT_FALSE(burn(world.db, good, kStart, windows));
}

TEST(SloDatabase, FarTimesOverflowNothing) {
  World world;
  Batch batch;
  add_counter(batch, {{"__name__", "t_total"}}, 1);
  world.write(batch);
  const Definition definition = definition_of("b_total", "t_total");
  for (const TimeMs at : {std::numeric_limits<TimeMs>::min(), std::numeric_limits<TimeMs>::max()}) {
    const auto got = report(world.db, definition, at);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->verdict, Verdict::insufficient);
    EXPECT_TRUE(burn(world.db, definition, at));
  }
}

// --- lint ---

std::vector<std::string> codes(const Result<std::vector<Finding>>& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings.value()) out.push_back(finding.code);
  return out;
}
bool has(const std::vector<std::string>& codes, const char* code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Two hours of two hundred events a minute, and of a histogram.
struct Busy : World {
  Busy() {
    Batch batch;
    for (const char* metric : {"t_total", "b_total"}) {
      for (int i = 0; i <= 2 * 60 * 4; ++i) {
        batch.add({{"__name__", metric}}, kStart + i * 15 * kSecondMs, i * 50.0);
      }
    }
    for (const char* le : {"0.1", "0.5", "+Inf"}) {
      batch.add({{"__name__", "latency_bucket"}, {"le", le}}, kStart, 1);
    }
    write(batch);
  }
};
constexpr TimeMs kLater = kStart + 2 * kHourMs;

Definition busy_definition() {
  Definition out = definition_of("b_total", "t_total");
  out.window_ms = kHourMs;
  return out;
}

TEST(LintDatabase, SaysNothingOfAGoodOne) {
  const Busy world;
  EXPECT_EQ(codes(lint(world.db, busy_definition(), kLater)), std::vector<std::string>{});
}

TEST(LintDatabase, NamesSelectorsOfNothingWithTheirLines) {
  const Busy world;
  Definition definition = busy_definition();
  definition.part = selector("c_total").value();
  definition.part_line = 4;
  const auto findings = lint(world.db, definition, kLater).value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "L_NO_MATCH");
  EXPECT_EQ(findings[0].level, Finding::Level::error);
  EXPECT_EQ(findings[0].line, 4U);
  EXPECT_NE(findings[0].message.find("no metric c_total"), std::string::npos);
}

TEST(LintDatabase, NamesTheBoundsThatThereAre) {
  const Busy world;
  Definition definition = busy_definition();
  definition.part = selector("latency_bucket{le=\"0.25\"}").value();
  definition.part_is_good = true;
  const auto findings = lint(world.db, definition, kLater).value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "L_BUCKET");
  EXPECT_NE(findings[0].message.find("+Inf, 0.1, 0.5"), std::string::npos) << findings[0].message;
}

TEST(LintDatabase, WarnsOfWindowsLongerThanTheData) {
  const Busy world;
  Definition definition = busy_definition();
  definition.window_ms = kDayMs;
  EXPECT_TRUE(has(codes(lint(world.db, definition, kLater)), "L_RETENTION"));
  definition.since_ms = kStart;
  EXPECT_FALSE(has(codes(lint(world.db, definition, kLater)), "L_RETENTION"));
}

TEST(LintDatabase, WarnsOfStepsThatScrapesMiss) {
  const Busy world;
  Definition definition = busy_definition();
  definition.step_ms = 30 * kSecondMs;  // twice the spacing: enough
  EXPECT_FALSE(has(codes(lint(world.db, definition, kLater)), "L_SPARSE"));
  definition.step_ms = 20 * kSecondMs;
  EXPECT_TRUE(has(codes(lint(world.db, definition, kLater)), "L_SPARSE"));
}

TEST(LintDatabase, WarnsOfLoadsOfFiftyMillionSamplesWithTheStepThatReadsCells) {
  World world;
  Batch batch;
  for (const char* metric : {"t_total", "b_total"}) {
    for (int i = 0; i <= 600; ++i) {
      batch.add({{"__name__", metric}}, kStart + i * kSecondMs, i * 50.0);
    }
  }
  world.write(batch);
  const TimeMs at = kStart + 10 * kMinuteMs;
  Definition definition = definition_of("b_total", "t_total");
  definition.since_ms = kStart;
  // Two series, a sample a second.
  definition.window_ms = 289 * kDayMs;
  EXPECT_FALSE(has(codes(lint(world.db, definition, at)), "L_LOAD"));
  definition.window_ms = 290 * kDayMs;
  const auto findings = lint(world.db, definition, at).value();
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& finding) { return finding.code == "L_LOAD"; });
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->level, Finding::Level::warning);
  EXPECT_EQ(found->message,
            "a report reads some 50 million samples: with `step: 5m` it would read cells");
  definition.step_ms = 5 * kMinuteMs;
  EXPECT_FALSE(has(codes(lint(world.db, definition, at)), "L_LOAD"));
}

TEST(LintDatabase, WarnsOfIdleAndOfLowTraffic) {
  World world;
  Batch batch;
  for (int i = 0; i <= 3 * 60; ++i) {
    batch.add({{"__name__", "t_total"}}, kStart + i * kMinuteMs / 2, i / 4);
  }
  world.write(batch);
  Definition definition = definition_of("t_total{x=\"y\"}", "t_total");
  definition.part = selector("t_total").value();
  definition.window_ms = kHourMs;
  AlertRule rule;
  rule.long_ms = rule.short_ms = kHourMs;
  rule.factor = {1, 1};
  rule.line = 9;
  definition.alerts = {rule};
  const auto findings = lint(world.db, definition, kStart + 90 * kMinuteMs).value();
  const auto of = [&](const char* code) {
    return std::find_if(findings.begin(), findings.end(),
                        [&](const Finding& finding) { return finding.code == code; });
  };
  ASSERT_NE(of("L_IDLE"), findings.end());
  ASSERT_NE(of("L_LOW_TRAFFIC"), findings.end());
  EXPECT_EQ(of("L_LOW_TRAFFIC")->line, 9U);
  EXPECT_EQ(of("L_LOW_TRAFFIC")->rule, 0U);
  definition.alerts[0].min_bad = 5;
  EXPECT_FALSE(has(codes(lint(world.db, definition, kStart + 90 * kMinuteMs)), "L_LOW_TRAFFIC"));
}

}  // namespace
}  // namespace hygge::slo
