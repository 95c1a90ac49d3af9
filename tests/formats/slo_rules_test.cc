// Rule files of Prometheus. What promtool makes of them: slo_rules_test.py.
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

namespace hygge::formats {
namespace {

std::vector<slo::Definition> read(const std::string& yaml) {
  SloFile file = parse_slos(yaml, "slo.yaml");
  EXPECT_TRUE(file.errors.empty()) << file.errors[0].text();
  return std::move(file.definitions);
}

TEST(SloRules, ARatioPerWindowAndAnAlertPerRule) {
  const auto got = prometheus_rules(read(R"(slo: checkout
service: shop
target: 99.9
bad: 'r_total{code="500"}'
total: r_total
alerts:
  - {spend: 2%, long: 1h, short: 5m, as: page, min_bad: 10}
  - {factor: 3, long: 1d, as: ticket, op: gte}
)"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, R"(# Written by `hygge slo rules --to prometheus`.
groups:
  - name: "slo:checkout"
    rules:
      - record: slo:error_ratio:rate5m
        expr: |-
          (sum(rate(r_total{code="500"}[5m])) or vector(0)) / (sum(rate(r_total[5m])) > 0)
        labels:
          slo: "checkout"
      - record: slo:error_ratio:rate1h
        expr: |-
          (sum(rate(r_total{code="500"}[1h])) or vector(0)) / (sum(rate(r_total[1h])) > 0)
        labels:
          slo: "checkout"
      - record: slo:error_ratio:rate1d
        expr: |-
          (sum(rate(r_total{code="500"}[1d])) or vector(0)) / (sum(rate(r_total[1d])) > 0)
        labels:
          slo: "checkout"
      - alert: SloBurn
        expr: |-
          slo:error_ratio:rate1h{slo="checkout"} > 0.0144
          and slo:error_ratio:rate5m{slo="checkout"} > 0.0144
          and on () sum(increase(r_total{code="500"}[1h])) >= 10
        labels:
          slo: "checkout"
          service: "shop"
          as: "page"
          long: "1h"
          short: "5m"
      - alert: SloBurn
        expr: |-
          slo:error_ratio:rate1d{slo="checkout"} >= 0.003
        labels:
          slo: "checkout"
          service: "shop"
          as: "ticket"
          long: "1d"
          short: "1d"
)");
}

TEST(SloRules, GoodEventsCountsAndLateData) {
  const auto got = prometheus_rules(read(R"(slo: a
target: 99
kind: delta
delay: 2m
good: 'ok{q="a\"b"}'
total: all
alerts: [{factor: 2, long: 1h, short: 30m, as: page, min_bad: 5}]
)"));
  ASSERT_TRUE(got) << got.error().message;
  for (const char* text :
       {R"(          1 - ((sum(sum_over_time(ok{q="a\"b"}[1h] offset 2m)) or vector(0)) / )"
        R"((sum(sum_over_time(all[1h] offset 2m)) > 0)))"
        "\n",
        R"(and on () (sum(sum_over_time(all[1h] offset 2m)) - )"
        R"((sum(sum_over_time(ok{q="a\"b"}[1h] offset 2m)) or vector(0))) >= 5)"}) {
    EXPECT_NE(got->find(text), std::string::npos) << text << "\n" << *got;
  }
  EXPECT_EQ(got->find("service"), std::string::npos);
}

TEST(SloRules, WhatPrometheusCannotSayIsNamedOrLeftOut) {
  struct Case {
    const char* name;
    std::string yaml;
    const char* error;
    const char* comment;
    bool group;  ///< is left with --partial
  };
  const std::string counts = "target: 99\nbad: b_total\ntotal: t_total\n";
  const Case cases[] = {
      {"maintenance", "slo: a\n" + counts + "exclude: [{every: daily 01:00-02:00, why: backup}]\n",
       "slo.yaml:1:1: E_UNSUPPORTED: a: exclude: Prometheus' rules know no maintenance; --partial",
       "  # left out of a: exclude: ", true},
      {"significance",
       "slo: a\n" + counts + "alerts: [{factor: 9, long: 1h, significance: 0.01}]\n",
       "slo.yaml:5:1: E_UNSUPPORTED: a: significance: ", "  # left out of a: significance: ", true},
      {"slices", "slo: a\n" + counts + "method: timeslices(5m, 99)\n",
       "E_UNSUPPORTED: a: method: Prometheus' rules have no slices", "left out of a: method",
       false},
      {"a test", "slo: a\ntarget: 99\nok: 'up == 1'\n",
       "E_UNSUPPORTED: a: ok: ", "left out of a: ok", false},
      {"a composite",
       "slo: a\n" + counts + "---\nslo: b\ntarget: 99\ncomposite: all\nof: [{slo: a}]\n",
       "slo.yaml:6:1: E_UNSUPPORTED: b: composite: ", "left out of b: composite", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto definitions = read(c.yaml);
    const auto refused = prometheus_rules(definitions);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::parse);
    EXPECT_NE(refused.error().message.find(c.error), std::string::npos) << refused.error().message;
    const auto partial = prometheus_rules(definitions, true);
    ASSERT_TRUE(partial) << partial.error().message;
    EXPECT_NE(partial->find(c.comment), std::string::npos) << *partial;
    EXPECT_EQ(partial->find("- name: ") != std::string::npos, c.group) << *partial;
    EXPECT_EQ(partial->find("groups: []\n") != std::string::npos, !c.group) << *partial;
  }
}

TEST(SloRules, AMetricOfUnknownKindIsAnErrorInAnyCase) {
  const auto definitions = read("slo: a\ntarget: 99\nbad: b_total\ntotal: requests\n");
  for (const bool partial : {false, true}) {
    const auto got = prometheus_rules(definitions, partial);
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().message.find("E_KIND: a: requests is no counter by its name"),
              std::string::npos)
        << got.error().message;
  }
  const auto none =
      prometheus_rules(read("slo: a\ntarget: 99\nbad: b_total\ntotal: t_total\nalerts: none\n"));
  ASSERT_TRUE(none);
  EXPECT_NE(none->find("# a has no alerts"), std::string::npos);
}

}  // namespace
}  // namespace hygge::formats
