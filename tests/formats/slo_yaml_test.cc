#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include "formats/slo_time.h"

namespace hygge::formats {
namespace {

constexpr const char* kGood = "slo: a\ntarget: 99.9\nbad: b\ntotal: t\n";

TEST(SloYaml, FillsInDefaults) {
  const SloFile file = parse_slos(kGood, "f");
  ASSERT_TRUE(file.errors.empty()) << file.errors[0].text();
  ASSERT_EQ(file.definitions.size(), 1U);
  const slo::Definition& definition = file.definitions[0];
  EXPECT_EQ(definition.window_ms, 30 * kDayMs);
  EXPECT_EQ(definition.objective, slo::Rational::of(999, 1000));
  EXPECT_EQ(definition.alerts.size(), 4U);
  EXPECT_EQ(definition.alerts[0].factor, slo::Rational::of(72, 5));
}

TEST(SloYaml, ReadsEveryKeyThatWorks) {
  const SloFile file = parse_slos(R"(
slo: checkout
service: shop
description: orders
target: 99.5 %
window: 7d
good: 'ok_total{job="a"}'
total: all_total
kind: counter
method: occurrences
step: 5m
since: 2026-03-01T09:00:00+09:00
lookback: 2h
delay: 10m
no_data: ignore
idle: good
idle_when_absent: true
min_coverage: 0.5
confidence: 99
min_bad: 3
alerts: [{spend: 2%, long: 1h, short: 5m, as: ticket, op: gte}, {factor: 2.5, long: 1h, min_bad: 7, significance: 0.01}]
---
slo: b
target: 90
bad: x
total: y
alerts: none
)",
                                  "f");
  for (const SloFileError& error : file.errors) ADD_FAILURE() << error.text();
  ASSERT_EQ(file.definitions.size(), 2U);
  const slo::Definition& one = file.definitions[0];
  EXPECT_TRUE(one.part_is_good);
  EXPECT_EQ(to_string(one.part), "ok_total{job=\"a\"}");
  EXPECT_EQ(one.since_ms, 1'772'323'200'000);
  EXPECT_EQ(one.alerts[0].min_bad, 3U);
  EXPECT_TRUE(one.alerts[0].or_equal);
  EXPECT_EQ(one.alerts[1].min_bad, 7U);
  EXPECT_EQ(one.alerts[1].short_ms, kHourMs);
  EXPECT_TRUE(file.definitions[1].alerts.empty());
  EXPECT_EQ(file.definitions[1].line, 23U);
}

TEST(SloYaml, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* yaml;
    std::uint32_t line;
    const char* code;
    const char* says;
  };
  const Case cases[] = {
      {"slo: a\ntarget: 99.9\nbad: b\nexlude: []\ntotal: t\n", 4, "E_KEY",
       "did you mean \"exclude\"?"},
      {"slo: a\ntarget: 100\nbad: b\ntotal: t\n", 2, "E_TARGET", "no budget"},
      {"slo: a\ntarget: 101\nbad: b\ntotal: t\n", 2, "E_TARGET", "no budget"},
      {"slo: a\ntarget: -5\nbad: b\ntotal: t\n", 2, "E_TARGET", "no decimal percentage"},
      {"slo: a\ntarget: often\nbad: b\ntotal: t\n", 2, "E_TARGET", "no decimal percentage"},
      {"slo: a b\ntarget: 99\nbad: b\ntotal: t\n", 1, "E_NAME", "letters"},
      {"slo: a\nbad: b\ntotal: t\n", 1, "E_TARGET", "required"},
      {"slo: a\ntarget: 99\nbad: b\n", 1, "E_SELECTOR", "total is required"},
      {"slo: a\ntarget: 99\ntotal: b\n", 1, "E_SELECTOR", "bad or good"},
      {"slo: a\ntarget: 99\nbad: 'b{'\ntotal: t\n", 3, "E_SELECTOR", "bad:"},
      {"slo: a\ntarget: 99\nbad: b\ngood: c\ntotal: t\n", 4, "E_SELECTOR", "one of them"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: 90s\n", 5, "E_WINDOW", "multiple"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: soon\n", 5, "E_WINDOW", "duration"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: {calendar: year, fiscal_start: 0}\n", 5,
       "E_WINDOW", "fiscal_start"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: {calendar: year, fiscal_start: 13}\n", 5,
       "E_WINDOW", "a month, 1 to 12"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: {calendar: week, tz: Mars/Base}\n", 5, "E_TZ",
       "Mars/Base"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nwindow: {calendar: day}\n", 5, "E_WINDOW", "week"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nalerts: none\nstep: 1h\nwindow: {calendar: month, "
       "tz: "
       "Asia/Kolkata}\n",
       7, "E_STEP", "Asia/Kolkata"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nstep: 7m\n", 5, "E_STEP", "divide an hour"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nsince: yesterday\n", 5, "E_SINCE", "no time"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nkind: guage\n", 5, "E_KIND", "did you mean gauge"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nmethod: sometimes\n", 5, "E_METHOD", "occurrences"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nno_data: bad\n", 5, "E_METHOD", "timeslices"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nalerts: [{long: 1h}]\n", 5, "E_ALERT",
       "spend or factor"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nalerts: [{factor: 2, long: 5m, short: 1h}]\n", 5,
       "E_ALERT", "longer than long"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nalerts: [{factor: 2, long: 90s}]\n", 5, "E_ALERT",
       "multiples"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nalerts: [{fator: 2, long: 1h}]\n", 5, "E_KEY",
       "factor"},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nmin_coverage: 2\n", 5, "E_VALUE", "0 … 1"},
      {"slo: a\ntarget: 99\ncomposite: all\n", 1, "E_COMPOSITE", "needs composite and of"},
      {"slo: a\ntarget: 99\nof: [{slo: b}]\n", 1, "E_COMPOSITE", "needs composite and of"},
      {"slo: a\ntarget: 99\ncomposite: any\nof: [{slo: b}]\n", 3, "E_COMPOSITE", "composite"},
      {"slo: a\ntarget: 99\ncomposite: all\nof: []\n", 4, "E_COMPOSITE", "a list of"},
      {"slo: a\ntarget: 99\ncomposite: all\nof: [b]\n", 4, "E_COMPOSITE", "a list of"},
      {"slo: a\ntarget: 99\ncomposite: all\nof: [{slo: b}]\n", 4, "E_COMPOSITE", "no SLO \"b\""},
      {"slo: a\ntarget: 99\nbad: x\ncomposite: all\nof: [{slo: b}]\n", 3, "E_KEY", "\"bad\""},
      {"slo: a\ntarget: 99\nbad: b\ntotal: t\nslo: c\n", 5, "E_KEY", "twice"},
      {"- a\n", 1, "E_KEY", "a map"},
      {"slo: [\n", 2, "E_YAML", ""},
      {"", 1, "E_YAML", "no definition"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    const SloFile file = parse_slos(c.yaml, "slo.yaml");
    ASSERT_FALSE(file.errors.empty());
    EXPECT_EQ(file.errors[0].line, c.line) << file.errors[0].text();
    EXPECT_EQ(file.errors[0].code, c.code) << file.errors[0].text();
    EXPECT_NE(file.errors[0].message.find(c.says), std::string::npos) << file.errors[0].text();
  }
}

TEST(SloYaml, HostileDepthIsRefused) {
  EXPECT_FALSE(parse_slos(std::string(100'000, '['), "f").errors.empty());
  EXPECT_FALSE(parse_slos(std::string(100'000, '-'), "f").errors.empty());
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  EXPECT_FALSE(parse_slos(dashes, "f").errors.empty());
}

// yaml-cpp takes each for an empty document and stays where it is.
TEST(SloYaml, AStrayCharacterBetweenDocumentsIsAnError) {
  const std::string good = kGood;
  struct Case {
    std::string text;
    std::uint32_t line;
  };
  const Case cases[] = {{", a\ndn\n", 1}, {good + "---\n, x\n", 6}, {good + "---\n]\n", 6}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const SloFile file = parse_slos(c.text, "f");
    ASSERT_EQ(file.errors.size(), 1U);
    EXPECT_EQ(file.errors[0].line, c.line);
    EXPECT_EQ(file.errors[0].code, "E_YAML");
  }
}

// Empty documents, comments, document ends, brackets and templates in scalars are none of that.
TEST(SloYaml, DocumentsThatLookAlikeAreNotTakenForAStrayCharacter) {
  const std::string good = kGood;
  const std::string head = "version: prometheus/v1\nservice: s\nslos:\n  - name: ";
  const std::string query = "sum(rate(t{code=~\"(5..|429)\"}[{{.window}}]))";
  const auto sloth = [&](const std::string& quote) {
    return head + "a\n    objective: 99\n    alerting: {page_alert: {labels: {a: [x, y]}}}\n" +
           "    sli:\n      events:\n        error_query: " + quote + query + quote +
           "\n        total_query: " + quote + "sum(rate(t[{{.window}}]))" + quote + "\n";
  };
  const std::string texts[] = {"---\n---\n# c\n---\n" + good,
                               good + "---\n---\n",
                               good + "...\n---\n",
                               "%YAML 1.2\n---\n" + good,
                               "{slo: a, target: 99, bad: b, total: t, alerts: []}\n---\n",
                               sloth(""),
                               sloth("'")};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    const SloFile file = parse_slos(text, "f");
    for (const SloFileError& error : file.errors) ADD_FAILURE() << error.text();
    EXPECT_EQ(file.definitions.size(), 1U);
  }
}

TEST(SloTime, ReadsIsoTimesWithAnOffset) {
  EXPECT_EQ(parse_iso_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_iso_time("1970-01-01 09:00+09:00"), 0);
  EXPECT_EQ(parse_iso_time("1970-01-01T00:00:00.25Z"), 250);
  for (const char* bad : {"", "1970-01-01", "1970-01-01T00:00:00", "1970-02-30T00:00:00Z",
                          "1970-01-01T24:00:00Z", "1970-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_iso_time(bad)) << bad;
  }
}

constexpr const char* kParts =
    "{slo: one, target: 99, bad: b, total: t, step: 5m}\n---\n{slo: two, target: 95, bad: b2, "
    "total: "
    "t, step: 5m}\n---\n{slo: coarse, target: 95, bad: b2, total: t, step: 30m, alerts: "
    "none}\n---\n";

TEST(SloYaml, ReadsCompositesWhereverTheirPartsStand) {
  const SloFile file = parse_slos(
      std::string(
          "{slo: whole, target: 98, window: 7d, composite: weighted, of: [{slo: two, weight: "
          "2.5}, {slo: one}]}\n---\n") +
          kParts + "{slo: both, target: 98, composite: all, of: [{slo: one}, {slo: two}]}",
      "f");
  for (const SloFileError& error : file.errors) ADD_FAILURE() << error.text();
  ASSERT_EQ(file.definitions.size(), 5U);
  const slo::Definition& whole = file.definitions[0];
  EXPECT_EQ(whole.name, "whole");
  ASSERT_TRUE(whole.composite);
  EXPECT_EQ(whole.composite->how, slo::Composite::How::weighted);
  EXPECT_EQ(whole.composite->of[0].weight, slo::Rational::of(5, 2));
  ASSERT_EQ(whole.components.size(), 2U);
  EXPECT_EQ(whole.components[0].name, "two");
  EXPECT_EQ(whole.step_ms, 5 * kMinuteMs);
  EXPECT_TRUE(whole.alerts.empty());
  const slo::Definition& both = file.definitions[4];
  EXPECT_EQ(both.alerts.size(), 4U);
  EXPECT_EQ(both.method, slo::Method::timeslices);
}

TEST(SloYaml, RefusesCompositesThatDoNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {"composite: all, of: [{slo: one}, {slo: coarse}]", "E_STEP: of: one has the step 5m"},
      {"composite: all, of: [{slo: one}, {slo: one}]", "E_COMPOSITE: of: one twice"},
      {"composite: all, of: [{slo: on}]", "did you mean one?"},
      {"composite: all, of: [{slo: x}]", "or it is a composite itself"},
      {"composite: all, of: [{slo: one, weight: 2}]", "weight goes with composite: weighted"},
      {"composite: weighted, of: [{slo: one, weight: 0}]", "weight: a positive decimal"},
      {"composite: serial, of: [{slo: one}], alerts: google", "E_ALERT: alerts need slices"},
      {"composite: sum, of: [{slo: one, wieght: 1}]", "did you mean \"weight\"?"},
      {"composite: all, of: [{slo: one}], step: 1m", "unknown key \"step\""},
      {"composite: all, of: [{slo: one}], window: 7m", "E_WINDOW"},
  };
  for (const auto& [keys, message] : cases) {
    SCOPED_TRACE(keys);
    const SloFile file =
        parse_slos(std::string(kParts) + "{slo: x, target: 90, " + keys + "}", "f");
    ASSERT_FALSE(file.errors.empty());
    EXPECT_NE(file.errors[0].text().find(message), std::string::npos) << file.errors[0].text();
    EXPECT_EQ(file.errors[0].line, 7U);
  }
}

}  // namespace
}  // namespace hygge::formats
