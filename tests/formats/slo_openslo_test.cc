// Definitions of OpenSLO v1: what is read, and what is refused with its place.
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace hygge::formats {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

const std::string kSlo = R"(apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout, displayName: Checkout}
spec:
  description: Orders go through
  service: shop
  indicator:
    metadata: {name: good-orders}
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource: {type: Prometheus, spec: {query: 'sum(rate(orders_total{ok="1"}[{{.window}}]))'}}
        total:
          metricSource: {type: Prometheus, spec: {selector: orders_total}}
  timeWindow:
    - {duration: 28d, isRolling: true}
  budgetingMethod: Occurrences
  objectives:
    - {displayName: Good, target: 0.9990}
)";

slo::Definition read(const std::string& yaml) {
  SloFile file = parse_slos(yaml, "slo.yaml");
  EXPECT_TRUE(file.errors.empty()) << file.errors[0].text();
  if (file.definitions.size() != 1) {
    ADD_FAILURE() << file.definitions.size() << " definitions";
    return {};
  }
  return file.definitions[0];
}

TEST(SloOpenSlo, ARatioInPlace) {
  const slo::Definition got = read(kSlo);
  EXPECT_EQ(got.name, "checkout");
  EXPECT_EQ(got.service, "shop");
  EXPECT_EQ(got.description, "Orders go through");
  EXPECT_EQ(got.target_percent, "99.9");
  EXPECT_EQ(got.objective, slo::Rational::of(999, 1000));
  EXPECT_EQ(got.window_ms, 28 * kDayMs);
  EXPECT_EQ(to_string(got.part), "orders_total{ok=\"1\"}");
  EXPECT_EQ(to_string(got.total), "orders_total");
  EXPECT_TRUE(got.part_is_good);
  EXPECT_EQ(got.kind, slo::Kind::counter);
  EXPECT_EQ(got.method, slo::Method::occurrences);
  EXPECT_TRUE(got.alerts.empty());
  EXPECT_EQ(got.part_line, 13U);
  // And as native YAML it reads the same.
  const slo::Definition again = read(convert_yaml(std::span(&got, 1)));
  EXPECT_EQ(again.window_ms, got.window_ms);
  EXPECT_EQ(again.part, got.part);
  EXPECT_EQ(again.objective, got.objective);
  EXPECT_TRUE(again.part_is_good);
}

TEST(SloOpenSlo, WithoutCounterEachSampleIsACount) {
  const slo::Definition got = read(
      replaced(replaced(kSlo, "counter: true", "counter: false"), "        good:", "        bad:"));
  EXPECT_EQ(got.kind, slo::Kind::delta);
  EXPECT_FALSE(got.part_is_good);
}

TEST(SloOpenSlo, TargetsAreExact) {
  const std::pair<const char*, const char*> cases[] = {{"target: 0.9990", "99.9"},
                                                       {"target: 0.99999", "99.999"},
                                                       {"target: 0.5", "50"},
                                                       {"target: 0.05", "5"},
                                                       {"target: 0", "0"},
                                                       {"target: 0.123456789", "12.3456789"},
                                                       {"targetPercent: 99.95", "99.95"}};
  for (const auto& [text, percent] : cases) {
    SCOPED_TRACE(text);
    const slo::Definition got = read(replaced(kSlo, "target: 0.9990", text));
    EXPECT_EQ(got.target_percent, percent);
    EXPECT_EQ(got.objective, *parse_percent(percent));
  }
}

TEST(SloOpenSlo, WindowsOfTheCalendar) {
  struct Case {
    const char* window;
    slo::Calendar::Unit unit;
    int fiscal_start;
  };
  using Unit = slo::Calendar::Unit;
  const Case cases[] = {
      {"1M, isRolling: false, calendar: {startTime: 2026-01-01 00:00:00", Unit::month, 1},
      {"1w, isRolling: false, calendar: {startTime: 2026-01-05 00:00:00", Unit::week, 1},
      {"1Q, isRolling: false, calendar: {startTime: 2026-02-01T00:00", Unit::quarter, 2},
      {"1Q, calendar: {startTime: 2025-11-01 00:00:00", Unit::quarter, 2},
      {"1Y, isRolling: false, calendar: {startTime: 2026-04-01 00:00:00", Unit::year, 4},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.window);
    const slo::Definition got = read(
        replaced(kSlo, "28d, isRolling: true", std::string(c.window) + ", timeZone: Asia/Tokyo}"));
    ASSERT_TRUE(got.calendar);
    EXPECT_EQ(got.calendar->unit, c.unit);
    EXPECT_EQ(got.calendar->tz, "Asia/Tokyo");
    EXPECT_EQ(got.calendar->fiscal_start, c.fiscal_start);
    EXPECT_EQ(got.window_ms, slo::nominal_length(c.unit));
  }
}

TEST(SloOpenSlo, MethodsOfSlices) {
  const slo::Definition slices =
      read(replaced(replaced(kSlo, "Occurrences", "Timeslices"), "target: 0.9990",
                    "target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 5m"));
  EXPECT_EQ(slices.method, slo::Method::timeslices);
  EXPECT_EQ(slices.step_ms, 5 * kMinuteMs);
  EXPECT_EQ(slices.slice_target, slo::Rational::of(95, 100));
  const slo::Definition ratios =
      read(replaced(replaced(kSlo, "Occurrences", "RatioTimeslices"), "target: 0.9990",
                    "target: 0.99, timeSliceWindow: 5m"));
  EXPECT_EQ(ratios.method, slo::Method::ratio_timeslices);
}

// An SLI with a threshold, a policy and its condition, each a document of its own.
const std::string kObjects = R"(---
apiVersion: openslo/v1
kind: SLI
metadata: {name: queue}
spec:
  thresholdMetric:
    metricSource: {spec: {query: 'queue_length{job="shop"}'}}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  alertWhenBreaching: true
  conditions: [{conditionRef: fast-burn}]
  notificationTargets: [{targetRef: on-call}]
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: fast-burn}
spec:
  severity: page
  condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h}
---
apiVersion: openslo/v1
kind: Service
metadata: {name: shop}
spec: {description: the shop}
)";
const std::string kNaming = R"(---
apiVersion: openslo/v1
kind: SLO
metadata: {name: queue-short, annotations: {hygge/alerts: google}}
spec:
  service: shop
  indicatorRef: queue
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{op: lte, value: 100, targetPercent: 99, timeSliceWindow: 1m}]
  alertPolicies: [fast, {alertPolicyRef: fast}]
)";

void expect_named(const slo::Definition& got) {
  ASSERT_TRUE(got.ok);
  EXPECT_EQ(got.ok->op, slo::Test::Op::le);
  EXPECT_EQ(got.ok->limit, 100);
  EXPECT_EQ(to_string(got.total), "queue_length{job=\"shop\"}");
  EXPECT_EQ(got.slice_target, slo::Rational::of(1, 1));
  ASSERT_EQ(got.alerts.size(), 6U);  // google's four, and the named one twice
  const slo::AlertRule& rule = got.alerts[4];
  EXPECT_EQ(rule.as, "page");
  EXPECT_EQ(rule.factor, slo::Rational::of(144, 10));
  EXPECT_EQ(rule.long_ms, kHourMs);
  EXPECT_EQ(rule.short_ms, kHourMs);
  EXPECT_TRUE(rule.or_equal);
  EXPECT_FALSE(rule.spend);
}

TEST(SloOpenSlo, NamesObjectsOfTheSameFileInAnyOrder) {
  expect_named(read(kObjects + kNaming));
  expect_named(read(kNaming + kObjects));
}

TEST(SloOpenSlo, NamesObjectsOfOtherFiles) {
  const test::TempDir dir;
  std::ofstream(dir / "objects.yaml") << kObjects;
  std::ofstream(dir / "slo.yaml") << kNaming;
  for (const bool first : {false, true}) {
    const std::vector<std::string> paths{dir / (first ? "objects.yaml" : "slo.yaml"),
                                         dir / (first ? "slo.yaml" : "objects.yaml")};
    const auto got = load_slos(paths);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->size(), 1U);
    expect_named((*got)[0]);
  }
  const auto alone = load_slos(dir / "slo.yaml");
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("no SLI is called \"queue\" in these files"),
            std::string::npos)
      << alone.error().message;
  const auto none = load_slos(dir / "objects.yaml");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no definition in it"), std::string::npos);
}

TEST(SloOpenSlo, WhatIsWrongHasItsPlace) {
  struct Case {
    const char* name;
    std::string yaml;
    const char* error;
  };
  const auto with = [](const char* what, const char* by) { return replaced(kSlo, what, by); };
  const auto in_objects = [](const char* what, const char* by) {
    return replaced(kObjects + kNaming, what, by);
  };
  const Case cases[] = {
      {"another version", with("openslo/v1", "openslo.com/v2alpha"),
       "slo.yaml:1:13: E_UNSUPPORTED: apiVersion: \"openslo.com/v2alpha\"; only openslo/v1 is "
       "read"},
      {"a kind that is none", with("kind: SLO", "kind: SLOO"),
       "slo.yaml:2:7: E_KEY: kind: \"SLOO\" is not one of SLO, SLI, AlertPolicy, AlertCondition, "
       "AlertNotificationTarget, Service, DataSource (did you mean SLO?)"},
      {"a key misspelt", with("objectives:", "objektives:"),
       "slo.yaml:19:3: E_KEY: unknown key \"objektives\" (did you mean \"objectives\"?)"},
      {"a name with a blank", with("name: checkout", "name: check out"),
       "slo.yaml:3:11: E_NAME: metadata.name: \"check out\" is no name of letters, digits, _ . and "
       "-"},
      {"two objectives",
       with("    - {displayName: Good, target: 0.9990}",
            "    - {target: 0.9}\n    - {target: 0.99}"),
       "E_UNSUPPORTED: objectives: more than one; write an SLO for each"},
      {"target of one", with("0.9990", "1"), "E_TARGET: target: \"1\" is not between 0 and 1"},
      {"target in percent", with("0.9990", "99.9"),
       "E_TARGET: target: \"99.9\" is not between 0 and 1"},
      {"no target", with(", target: 0.9990", ""), "E_TARGET: target or targetPercent"},
      {"a rolling month", with("28d", "1M"),
       "slo.yaml:17:18: E_UNSUPPORTED: duration: \"1M\" rolling has no fixed length: write 30d"},
      {"two windows",
       with("    - {duration: 28d, isRolling: true}",
            "    - {duration: 28d}\n    - {duration: 7d}"),
       "E_WINDOW: timeWindow: a list of one window"},
      {"a month from the second",
       with("28d, isRolling: true",
            "1M, isRolling: false, calendar: {startTime: 2026-01-02 00:00:00}"),
       "E_UNSUPPORTED: startTime: \"2026-01-02 00:00:00\" does not begin a month"},
      {"a week from a Sunday",
       with("28d, isRolling: true",
            "1w, isRolling: false, calendar: {startTime: 2026-01-04 00:00:00}"),
       "does not begin a week: that is midnight of a Monday"},
      {"a day that is none",
       with("28d, isRolling: true",
            "1M, isRolling: false, calendar: {startTime: 2026-02-30 00:00:00}"),
       "E_WINDOW: startTime: \"2026-02-30 00:00:00\" is no time"},
      {"two weeks of a calendar",
       with("28d, isRolling: true",
            "2w, isRolling: false, calendar: {startTime: 2026-01-05 00:00:00}"),
       "E_UNSUPPORTED: duration: \"2w\" of a calendar: 1w, 1M, 1Q or 1Y"},
      {"a zone nobody knows",
       with(
           "28d, isRolling: true",
           "1M, isRolling: false, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Mars/Base}"),
       "E_TZ: timeZone: unknown zone \"Mars/Base\""},
      {"an average", with("sum(rate(orders_total{ok=\"1\"}[{{.window}}]))", "avg(orders_total)"),
       "slo.yaml:13:"},
      {"raw", with("counter: true", "raw: {metricSource: {}}"),
       "E_UNSUPPORTED: ratioMetric.raw is not supported yet"},
      {"no source",
       with("{type: Prometheus, spec: {selector: orders_total}}", "{type: Prometheus}"),
       "E_SELECTOR: total: metricSource.spec.query or .selector is required"},
      {"slices without a length", with("Occurrences", "Timeslices"),
       "E_METHOD: Timeslices needs timeSliceWindow"},
      {"slices of seven minutes",
       replaced(with("Occurrences", "Timeslices"), "target: 0.9990",
                "target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 7m"),
       "E_STEP: timeSliceWindow: it does not divide an hour"},
      {"below the burn rate", in_objects("op: gte, threshold", "op: lt, threshold"),
       "slo.yaml:22:35: E_UNSUPPORTED: op other than gt and gte is not supported yet"},
      {"to wait first", in_objects("lookbackWindow: 1h", "lookbackWindow: 1h, alertAfter: 5m"),
       "E_UNSUPPORTED: alertAfter is not supported yet"},
      {"half a slice", in_objects("lookbackWindow: 1h", "lookbackWindow: 90s"),
       "E_ALERT: lookbackWindow must be a multiple of the step 1m"},
      {"another kind of condition", in_objects("kind: burnrate", "kind: anomaly"),
       "E_UNSUPPORTED: a condition of another kind than burnrate"},
      {"a condition that is nowhere", in_objects("conditionRef: fast-burn", "conditionRef: slow"),
       "E_KEY: no AlertCondition is called \"slow\" in these files"},
      {"an object twice", kObjects + kObjects + kNaming,
       "E_DUP: SLI \"queue\" is defined in slo.yaml already"},
      {"no test", in_objects("op: lte, value: 100, ", ""),
       "E_METHOD: Timeslices needs timeSliceTarget"},
      {"a value that is none", in_objects("value: 100", "value: nan"),
       "E_SELECTOR: value: \"nan\" is no number"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const SloFile got = parse_slos(c.yaml, "slo.yaml");
    ASSERT_FALSE(got.errors.empty());
    std::string all;
    for (const SloFileError& error : got.errors) all += error.text() + "\n";
    EXPECT_NE(all.find(c.error), std::string::npos) << all;
    EXPECT_EQ(all.find("E_YAML"), std::string::npos) << all;
  }
}

// Each line taken out, each scalar made a map: errors or a definition, and no exception by way of
// E_YAML "invalid node".
TEST(SloOpenSlo, WhateverIsMissingIsSaid) {
  const std::string all = kSlo + kObjects + kNaming;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    lines.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const bool change : {false, true}) {
      std::string text;
      for (std::size_t k = 0; k < lines.size(); ++k) {
        const std::size_t colon = lines[k].find(": ");
        if (k != i) {
          text += lines[k] + "\n";
        } else if (change && colon != std::string::npos) {
          text += lines[k].substr(0, colon) + ": [1]\n";
        }
      }
      SCOPED_TRACE(text);
      for (const SloFileError& error : parse_slos(text, "slo.yaml").errors) {
        EXPECT_EQ(error.message.find("invalid node"), std::string::npos) << error.text();
        EXPECT_EQ(error.message.find("bad conversion"), std::string::npos) << error.text();
      }
    }
  }
}

}  // namespace
}  // namespace hygge::formats
