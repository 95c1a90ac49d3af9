// Properties of answers over random series, and what limits and sharing do.
#include "promql/evaluator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/sample.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "tests/support/memory_source.h"
#include "tests/support/range_oracle.h"

namespace hygge::promql {
namespace {

Labels labels_of(std::string_view text) {
  Labels labels;
  const Selector read = selector(text).value();
  for (const Matcher& m : read.matchers) labels.set(m.name, m.value);
  return labels;
}

// Counters with resets, gauges, gaps, NaN, infinities and staleness markers.
void fill(test::MemorySource& source, std::mt19937_64& random) {
  for (int series = 0; series < 6; ++series) {
    const bool counter = series < 3;
    const Labels labels = labels_of(
        fmt::format("{}{{job=\"{}\",i=\"{}\"}}", counter ? "c_total" : "g", series % 2, series));
    TimeMs t = static_cast<TimeMs>(random() % 60'000);
    double v = 0;
    for (int i = 0; i < 120; ++i) {
      t += 1'000 + static_cast<TimeMs>(random() % 30'000);
      if (random() % 20 == 0) t += 600'000;  // a gap
      v = counter ? v + static_cast<double>(random() % 1000) / 8
                  : static_cast<double>(random() % 2000) / 4 - 250;
      if (counter && random() % 25 == 0) v = static_cast<double>(random() % 10);
      double sample = v;
      if (!counter && random() % 30 == 0) sample = std::numeric_limits<double>::quiet_NaN();
      if (!counter && random() % 60 == 0) sample = std::numeric_limits<double>::infinity();
      if (random() % 40 == 0) sample = stale_marker();
      source.add(labels, t, sample);
    }
  }
}

Result<Answer> ask(test::MemorySource& source, std::string_view text, Steps when,
                   const QueryOptions& options = {}) {
  const auto expression = parse(text);
  if (!expression) return tl::unexpected(expression.error());
  return evaluate(*expression, source, when, options);
}

bool near(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * std::max({std::abs(a), std::abs(b), 1.0});
}

std::optional<double> value_at(const Answer& answer, const Labels& labels, TimeMs t) {
  for (const AnswerSeries& series : answer.series) {
    if (series.labels != labels) continue;
    const auto at = std::lower_bound(series.t.begin(), series.t.end(), t);
    if (at == series.t.end() || *at != t) return std::nullopt;
    return series.v[static_cast<std::size_t>(at - series.t.begin())];
  }
  return std::nullopt;
}

const char* const kRangeFunctions[] = {"rate",
                                       "increase",
                                       "delta",
                                       "irate",
                                       "idelta",
                                       "resets",
                                       "changes",
                                       "avg_over_time",
                                       "sum_over_time",
                                       "min_over_time",
                                       "max_over_time",
                                       "count_over_time",
                                       "last_over_time",
                                       "first_over_time",
                                       "present_over_time",
                                       "stddev_over_time",
                                       "stdvar_over_time",
                                       "deriv"};

TEST(Evaluator, StreamedWindowsAreTheirDefinition) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    test::MemorySource source;
    fill(source, random);
    const DurationMs step = 1'000 * (1 + static_cast<DurationMs>(random() % 120));
    const DurationMs range = 1'000 * (1 + static_cast<DurationMs>(random() % 1'200));
    const DurationMs offset = 1'000 * (static_cast<DurationMs>(random() % 600) - 300);
    const Steps when{-60'000, 3'600'000, step};
    for (const std::string name : kRangeFunctions) {
      SCOPED_TRACE(name);
      const auto answer = ask(
          source, fmt::format("{}({{i=~\".+\"}}[{}] offset {})", name, range / 1000, offset / 1000),
          when);
      ASSERT_TRUE(answer) << answer.error().message;
      std::size_t values = 0;
      for (const auto& [labels, samples] : source.series()) {
        std::vector<TimeMs> t;
        std::vector<double> v;
        for (const auto& [time, value] : samples) {
          if (is_stale(value)) continue;
          t.push_back(time);
          v.push_back(value);
        }
        Labels result = labels;
        if (name != "last_over_time" && name != "first_over_time") result.set("__name__", "");
        for (std::size_t i = 0; i < when.count(); ++i) {
          const TimeMs until = when.at(i) - offset;
          const auto lo = std::upper_bound(t.begin(), t.end(), until - range) - t.begin();
          const auto hi = std::upper_bound(t.begin(), t.end(), until) - t.begin();
          std::optional<double> expected;
          if (lo < hi) {
            expected = test::apply(*test::range_function(name),
                                   {std::span(t).subspan(static_cast<std::size_t>(lo),
                                                         static_cast<std::size_t>(hi - lo)),
                                    std::span(v).subspan(static_cast<std::size_t>(lo),
                                                         static_cast<std::size_t>(hi - lo)),
                                    until - range, until, when.at(i), 0});
          }
          const auto got = value_at(*answer, result, when.at(i));
          ASSERT_EQ(got.has_value(), expected.has_value())
              << to_string(labels) << " at " << when.at(i);
          if (!got) continue;
          ++values;
          ASSERT_TRUE(near(*got, *expected, 1e-11))
              << to_string(labels) << " at " << when.at(i) << ": " << *got << " for " << *expected;
        }
      }
      std::size_t answered = 0;
      for (const AnswerSeries& series : answer->series) answered += series.t.size();
      EXPECT_EQ(answered, values);
    }
  }
}

const char* const kExpressions[] = {
    "c_total",
    "g offset 1m",
    "g @ 600",
    "sum by (job) (rate(c_total[5m]))",
    "avg without (i) (g)",
    "stddev by (job) (g)",
    "min(g) - max(g)",
    "count by (job) (g > 0)",
    "rate(c_total[5m]) / on (i) c_total",
    "g > bool 10",
    "g and on (job) c_total",
    "c_total or g",
    "c_total unless on (job) (g > 100)",
    "quantile by (job) (0.3, g)",
    "topk(2, g)",
    "quantile_over_time(scalar(count(g)) / 10, g[10m])",
    "predict_linear(g[10m], 60)",
    "predict_linear(g[10m] @ 1000 offset 1m, time())",
    "max_over_time(sum by (job) (rate(c_total[2m]))[10m:30s])",
    "sum_over_time(g[5m:1m] offset 3m)",
    "absent(g{i=\"3\"} > 0)",
    "absent_over_time(c_total{i=\"1\"}[1m])",
    "timestamp(g)",
    "clamp(g, -10, scalar(avg(g)))",
    "label_replace(g, \"x\", \"$1\", \"i\", \"(.*)\")",
    "count_values(\"v\", floor(g / 100))",
    "last_over_time(g[5m]) * on (i) group_left (job) c_total * 0",
    "-g ^ 2 % 7",
    "vector(time()) - 5",
};

TEST(Evaluator, AnInstantIsAStepOfARange) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    test::MemorySource source;
    fill(source, random);
    for (const char* text : kExpressions) {
      SCOPED_TRACE(text);
      const Steps when{0, 2'400'000, 37'000};
      const auto range = ask(source, text, when);
      ASSERT_TRUE(range) << range.error().message;
      for (std::size_t i = 0; i < when.count(); i += 5) {
        const auto at = ask(source, text, instant(when.at(i)));
        ASSERT_TRUE(at) << at.error().message;
        std::size_t in_range = 0;
        for (const AnswerSeries& series : range->series) {
          in_range += value_at(*range, series.labels, when.at(i)).has_value() ? 1U : 0U;
        }
        ASSERT_EQ(at->series.size(), in_range);
        for (const AnswerSeries& series : at->series) {
          const auto same = value_at(*range, series.labels, when.at(i));
          ASSERT_TRUE(same) << to_string(series.labels);
          // The streamed forms add in another order than one window alone.
          ASSERT_TRUE(near(*same, series.v[0], 1e-12)) << *same << " for " << series.v[0];
        }
      }
    }
  }
}

TEST(Evaluator, EqualSelectorsAreReadOnce) {
  test::MemorySource source;
  std::mt19937_64 random(1);
  fill(source, random);
  const Steps when{0, 2'400'000, 60'000};
  ASSERT_TRUE(ask(source, "sum(rate(c_total[5m])) / sum(rate(c_total[10m])) + max(c_total)", when));
  EXPECT_EQ(source.reads(), 3U);
  // Ranges that are far apart are not joined: what lies between is not asked for.
  test::MemorySource apart;
  fill(apart, random);
  ASSERT_TRUE(ask(apart, "sum(c_total) - sum(c_total offset 52w)", when));
  EXPECT_EQ(apart.reads(), 6U);
}

TEST(Evaluator, LabelsThatNobodyReadsAreNotMade) {
  test::MemorySource source;
  std::mt19937_64 random(3);
  fill(source, random);
  const Steps when{0, 2'400'000, 60'000};
  for (const char* const of : {"rate(c_total[5m])", "rate(g[5m])", "last_over_time((g[10m]))",
                               "g offset 1m", "predict_linear(c_total[10m], 60)"}) {
    for (const char* const op : {"sum", "count", "max", "stddev"}) {
      SCOPED_TRACE(fmt::format("{} of {}", op, of));
      const std::size_t before = source.labels_asked();
      const auto got = ask(source, fmt::format("{}({})", op, of), when).value();
      EXPECT_EQ(source.labels_asked(), before);
      const auto want = ask(source, fmt::format("{} without (i, job) ({})", op, of), when).value();
      EXPECT_GT(source.labels_asked(), before);
      ASSERT_EQ(got.series.size(), 1U);
      EXPECT_EQ(got.series[0].labels, Labels());
      EXPECT_EQ(got.series[0].t, want.series[0].t);
      for (std::size_t i = 0; i < got.series[0].v.size(); ++i) {
        EXPECT_TRUE(near(got.series[0].v[i], want.series[0].v[i], 0));
      }
      EXPECT_EQ(got.infos.size(), want.infos.size()) << "what the metric's name says";
    }
  }
  for (const char* const text :
       {"sum by (job) (c_total)", "topk(1, c_total)", "sum({__name__=~\"c_.*\"})",
        "sum(c_total + c_total)", "sum(sum_over_time(c_total[5m:1m]))"}) {
    SCOPED_TRACE(text);
    const std::size_t before = source.labels_asked();
    ASSERT_TRUE(ask(source, text, when));
    EXPECT_GT(source.labels_asked(), before);
  }
}

TEST(Evaluator, SharingADecodeChangesNothing) {
  test::MemorySource source;
  std::mt19937_64 random(2);
  fill(source, random);
  const Steps when{0, 2'400'000, 45'000};
  const auto rate = ask(source, "rate(c_total[5m])", when).value();
  const auto shared = ask(source, "rate(c_total[5m]) or rate(c_total[1h]) * 0 + c_total * 0", when);
  ASSERT_TRUE(shared);
  for (const AnswerSeries& series : rate.series) {
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      EXPECT_EQ(value_at(*shared, series.labels, series.t[i]), series.v[i]);
    }
  }
}

TEST(Evaluator, LimitsEndAQueryWithTheirName) {
  test::MemorySource source;
  std::mt19937_64 random(3);
  fill(source, random);
  const Steps when{0, 3'600'000, 1'000};
  QueryOptions options;
  options.max_steps = 3'600;
  EXPECT_EQ(ask(source, "g", when, options).error().code, ErrorCode::limit);
  options.max_steps = 3'601;
  EXPECT_TRUE(ask(source, "g", when, options));
  options.max_samples = 500;
  const auto samples = ask(source, "g", when, options);
  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().code, ErrorCode::limit);
  EXPECT_EQ(samples.error().message,
            "query processing would load too many samples into memory in query execution");
  options.max_samples = 0;
  options.max_bytes = 100'000;
  const auto bytes = ask(source, "1 + (g + on (i) g)", when, options);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::limit);
  EXPECT_EQ(bytes.error().message, "the query needs more than its 100000 bytes of memory, at g");
  EXPECT_EQ(bytes.error().place.begin, 5U);
  EXPECT_EQ(bytes.error().place.column, 6U);
  // Groups × steps, not series × steps: the sum fits where the rates do not.
  options.max_bytes = 200'000;
  EXPECT_TRUE(ask(source, "sum(rate({i=~\".+\"}[5m]))", when, options));
  EXPECT_FALSE(ask(source, "rate({i=~\".+\"}[5m])", when, options));
}

TEST(Evaluator, ASubqueryOfTooManyStepsIsRefusedBeforeItIsMade) {
  test::MemorySource source;
  source.add(labels_of("g"), 0, 1);
  const auto answer = ask(source, "sum_over_time(vector(1)[290y:1ms])", instant(0));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::limit);
}

TEST(Evaluator, NestedScalarsArePaidForToo) {
  test::MemorySource source;
  QueryOptions options;
  options.max_bytes = 4'000'000;
  std::string text = "1";
  for (int i = 0; i < 100; ++i) text = "1+(" + text + ")";
  const auto nested = [&](int seconds) {
    return ask(source, fmt::format("sum_over_time(vector({})[{}:1])", text, seconds), instant(0),
               options);
  };
  const auto small = nested(1'000);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->series[0].v[0], 101'000);
  const auto large = nested(100'000);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::limit);
}

TEST(Evaluator, SettingsAreChecked) {
  test::MemorySource source;
  for (const DurationMs bad :
       {DurationMs{0}, DurationMs{-1}, std::numeric_limits<DurationMs>::max()}) {
    QueryOptions options;
    options.lookback_ms = bad;
    EXPECT_EQ(ask(source, "g", instant(0), options).error().code, ErrorCode::invalid_argument);
    options = {};
    options.subquery_step_ms = bad;
    EXPECT_EQ(ask(source, "g", instant(0), options).error().code, ErrorCode::invalid_argument);
  }
}

TEST(Evaluator, CanBeCancelled) {
  test::MemorySource source;
  std::mt19937_64 random(4);
  fill(source, random);
  std::stop_source stop;
  QueryOptions options;
  options.cancel = stop.get_token();
  EXPECT_TRUE(ask(source, "g", instant(600'000), options));
  stop.request_stop();
  const auto answer = ask(source, "g", instant(600'000), options);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::cancelled);
}

TEST(Evaluator, StepsAndTypesAreChecked) {
  test::MemorySource source;
  struct Case {
    const char* text;
    Steps when;
    ErrorCode code;
  };
  const Case cases[] = {
      {"1", {10, 0, 1}, ErrorCode::invalid_argument},
      {"1", {0, 10, 0}, ErrorCode::invalid_argument},
      {"1", {0, 10, -1}, ErrorCode::invalid_argument},
      {"g[5m]", {0, 10, 1}, ErrorCode::invalid_argument},
      {"'x'", {0, 10, 1}, ErrorCode::invalid_argument},
      {"1", instant(std::numeric_limits<TimeMs>::max()), ErrorCode::out_of_range},
      {"1", instant(std::numeric_limits<TimeMs>::min()), ErrorCode::out_of_range},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto answer = ask(source, c.text, c.when);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, c.code);
  }
}

TEST(Evaluator, AnEmptyAnswerSaysWhy) {
  test::MemorySource source;
  source.add(labels_of("g"), 0, 1);
  EXPECT_EQ(ask(source, "h", instant(0)).value().infos,
            (std::vector<std::string>{"no such series"}));
  EXPECT_EQ(ask(source, "g", instant(kDayMs)).value().infos,
            (std::vector<std::string>{"no samples in the range"}));
  EXPECT_TRUE(ask(source, "g > 5", instant(0)).value().infos.empty());
}

TEST(Evaluator, TheLongestChainsFitTheStack) {
  test::MemorySource source;
  source.add(labels_of("g"), 0, 1);
  std::string chain = "g";
  for (int i = 0; i < 298; ++i) chain += " + g";
  const auto sum = ask(source, chain, instant(0));
  ASSERT_TRUE(sum) << sum.error().message;
  EXPECT_EQ(sum->series[0].v[0], 299);
  std::string nested = "g";
  for (int i = 0; i < 290; ++i) nested = "abs(" + nested + ")";
  EXPECT_TRUE(ask(source, nested, instant(0)));
}

TEST(Annotations, NumbersAreWrittenAsGoWritesThem) {
  EXPECT_EQ(go_number(2), "2");
  EXPECT_EQ(go_number(-0.5), "-0.5");
  EXPECT_EQ(go_number(1234567), "1.234567e+06");
  EXPECT_EQ(go_number(123456), "123456");
  EXPECT_EQ(go_number(1e21), "1e+21");
  EXPECT_EQ(go_number(0.0001), "0.0001");
  EXPECT_EQ(go_number(0.00001), "1e-05");
  EXPECT_EQ(go_number(0), "0");
  EXPECT_EQ(go_number(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(go_number(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(Evaluator, ExplainSaysWhichPartDidWhat) {
  test::MemorySource source;
  for (int i = 0; i < 100; ++i) {
    source.add(labels_of("a_total{x=\"1\"}"), i * 10'000, i);
    source.add(labels_of("a_total{x=\"2\"}"), i * 10'000, 2 * i);
    source.add(labels_of("b"), i * 10'000, 1);
  }
  QueryOptions options;
  EXPECT_TRUE(ask(source, "a_total", instant(0), options)->nodes.empty());
  options.explain = true;
  const auto answer =
      ask(source, "sum(rate(a_total[1m])) / scalar(b)", {300'000, 600'000, 60'000}, options);
  ASSERT_TRUE(answer);
  struct Expected {
    const char* text;
    std::uint32_t depth;
    std::uint64_t series, points, samples;
  };
  const Expected expected[] = {
      {"sum(rate(a_total[1m])) / scalar(b)", 0, 1, 6, 0},
      {"sum(rate(a_total[1m]))", 1, 1, 6, 0},
      {"rate(a_total[1m])", 2, 2, 12, 0},
      {"a_total[1m]", 3, 2, 72, 72},
      {"scalar(b)", 1, 0, 0, 0},
      {"b", 2, 1, 6, 60},
  };
  ASSERT_EQ(answer->nodes.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const NodeStats& node = answer->nodes[i];
    SCOPED_TRACE(expected[i].text);
    EXPECT_EQ(node.text, expected[i].text);
    EXPECT_EQ(node.depth, expected[i].depth);
    EXPECT_EQ(node.series, expected[i].series);
    EXPECT_EQ(node.points, expected[i].points);
    EXPECT_EQ(node.samples, expected[i].samples);
    EXPECT_GE(node.ms, 0);
  }
}

TEST(Evaluator, WhatIsTheSameAtAllStepsIsEvaluatedOnce) {
  test::MemorySource source;
  std::mt19937_64 random(12);
  fill(source, random);
  const Steps when{600'000, 1'200'000, 60'000};
  struct Case {
    const char* text;
    bool once;
  };
  const Case cases[] = {
      {"sum(rate(c_total[5m] @ 900))", true},
      {"sum by (i) (c_total @ 900 * 2) - 1", true},
      {"c_total @ 900 and on (i) (g @ 1000 or c_total @ 1000)", true},
      {"scalar(sum(c_total @ 900)) + 1", true},
      {"-max_over_time(sum(c_total)[5m:1m] @ 900)", true},
      {"abs(timestamp(c_total @ 900))", true},
      {"hour(c_total @ 900)", true},
      {"topk(1 + 0 * time(), c_total @ 900)", false},
      {"abs(timestamp(c_total @ 900 + 0))", false},
      {"c_total @ 900 + time()", false},
      {"c_total @ 900 + on () group_left () minute()", false},
      {"sum(predict_linear(c_total[5m] @ 900, 60))", false},
      {"c_total @ 900 + on (i) c_total", false},
      {"max_over_time((c_total @ 900)[5m:1m])", false},
      {"1 + 2", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Expression expression = parse(c.text).value();
    const Plan plan = make_plan(expression.root(), {when, 5 * kMinuteMs, kMinuteMs});
    EXPECT_EQ(plan.same_at_all_steps.contains(&expression.root()), c.once);
    const auto range = evaluate(expression, source, when, {});
    ASSERT_TRUE(range) << range.error().message;
    ASSERT_FALSE(range->series.empty());
    for (const AnswerSeries& series : range->series) {
      for (std::size_t i = 0; i < series.t.size(); ++i) {
        const auto now = ask(source, c.text, instant(series.t[i]));
        ASSERT_TRUE(now);
        const auto same = value_at(*now, series.labels, series.t[i]);
        ASSERT_TRUE(same);
        EXPECT_TRUE(near(*same, series.v[i], 1e-12)) << *same << ", not " << series.v[i];
      }
    }
  }
  QueryOptions options;
  options.explain = true;
  const auto answer = ask(source, "sum(rate(c_total[5m] @ 900)) + sum(c_total)", when, options);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->nodes.size(), 6U);
  EXPECT_EQ(answer->nodes[1].points, when.count()) << "handed on at all steps";
  EXPECT_EQ(answer->nodes[2].text, "rate(c_total[5m] @ 900.000)");
  EXPECT_EQ(answer->nodes[2].points, answer->nodes[2].series) << "at one";
}

TEST(Evaluator, WhatLetBindsIsReadOnceForTheSameSteps) {
  test::MemorySource source;
  std::mt19937_64 random(11);
  fill(source, random);
  const Steps when{600'000, 1'200'000, 30'000};
  const auto plain = ask(source, "sum(rate(c_total[5m])) / count(rate(c_total[5m]))", when);
  const auto bound = ask(source, "let r = rate(c_total[5m]); sum(r) / count(r)", when);
  ASSERT_TRUE(plain);
  ASSERT_TRUE(bound) << bound.error().message;
  ASSERT_EQ(plain->series.size(), 1U);
  EXPECT_EQ(bound->series[0].v, plain->series[0].v);
  EXPECT_EQ(bound->stats.samples, plain->stats.samples);
  QueryOptions options;
  options.explain = true;
  const auto explained = ask(source, "let r = rate(c_total[5m]); sum(r) / count(r)", when, options);
  ASSERT_TRUE(explained);
  const auto rate = std::find_if(explained->nodes.begin(), explained->nodes.end(),
                                 [](const NodeStats& n) { return n.text == "rate(c_total[5m])"; });
  ASSERT_NE(rate, explained->nodes.end());
  EXPECT_EQ(rate->series, 3U);  // and not twice as many
}

TEST(Evaluator, SeriesThatCollideAreToldApart) {
  test::MemorySource source;
  source.add(labels_of("m{code=\"1\",path=\"/a\"}"), 0, 1);
  source.add(labels_of("m{code=\"1\",path=\"/b\"}"), 0, 1);
  source.add(labels_of("n{code=\"1\"}"), 0, 1);
  source.add(labels_of("one{x=\"1\"}"), 0, 1);
  source.add(labels_of("two{x=\"1\"}"), 0, 1);
  const std::pair<const char*, const char*> cases[] = {
      {"n / on(code) m",
       "at 1970-01-01T00:00:00Z both have a value; the label path would tell them apart: add it to "
       "on(), or aggregate it away"},
      {"n / ignoring(path) m",
       "at 1970-01-01T00:00:00Z both have a value; the label path would tell them apart: take it "
       "out "
       "of ignoring(), or aggregate it away"},
      {"one / {__name__=~\"one|two\"}",
       "at 1970-01-01T00:00:00Z both have a value, and differ in the metric's name only: select "
       "one "
       "metric, or aggregate"},
  };
  for (const auto& [text, detail] : cases) {
    SCOPED_TRACE(text);
    const auto answer = ask(source, text, instant(0));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().detail, detail);
  }
}

}  // namespace
}  // namespace hygge::promql
