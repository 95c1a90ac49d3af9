// Sloth's files in, native YAML and canonical JSON out.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include <nlohmann/json.hpp>

#include "formats/slo_query.h"

namespace hygge::formats {
namespace {

using nlohmann::json;

constexpr const char* kSloth = R"y(version: "prometheus/v1"
service: "shop"
labels: {owner: "team"}
slos:
  - name: "availability"
    objective: 99.9
    description: "answers"
    labels: {category: a}
    sli:
      events:
        error_query: sum(rate(http_requests_total{job="shop",code=~"(5..|429)"}[{{.window}}]))
        total_query: sum(rate(http_requests_total{job="shop"}[{{.window}}]))
    alerting:
      name: Down
      page_alert: {labels: {severity: x}}
      ticket_alert: {disable: true}
  - name: latency
    objective: 95
    sli:
      raw:
        error_ratio_query: |
          1 - (
            sum(rate(latency_bucket{le="0.3", path=~"/a[0-9]/b"}[5m]))
            /
            sum(increase(latency_count[{{.window}}]))
          )
)y";

TEST(SloSloth, IsReadAsDefinitions) {
  const SloFile file = parse_slos(kSloth, "f");
  for (const SloFileError& error : file.errors) ADD_FAILURE() << error.text();
  ASSERT_EQ(file.definitions.size(), 2U);
  const json got = json::parse(convert_json(0, file.definitions));
  EXPECT_EQ(got.at("schema"), "hygge.slo.convert/1");
  EXPECT_EQ(
      got.at("slos").at(0),
      json::parse(
          R"x({"slo":"shop-availability","service":"shop","target":"99.9","window":{"rolling":"30d"},)x"
          R"x("method":{"kind":"occurrences","length":null,"slice_target":null},"kind":"counter",)x"
          R"x("bad":"http_requests_total{code=~\"(5..|429)\",job=\"shop\"}","good":null,)x"
          R"x("total":"http_requests_total{job=\"shop\"}","ok":null,"step":"1m",)x"
          R"x("alerts":[{"as":"page","long":"1h","short":"5m","factor":14.4,"spend":0.02,"op":"gt",)x"
          R"x("min_bad":1,"significance":null},{"as":"page","long":"6h","short":"30m","factor":6,)x"
          R"x("spend":0.05,"op":"gt","min_bad":1,"significance":null}],"min_coverage":0.9,)x"
          R"x("lookback":"1h","idle":"good","no_data":"ignore","exclude":[]})x"));
  const slo::Definition& latency = file.definitions[1];
  EXPECT_TRUE(latency.part_is_good);
  EXPECT_EQ(to_string(latency.part), "latency_bucket{le=\"0.3\",path=~\"/a[0-9]/b\"}");
  EXPECT_EQ(to_string(latency.total), "latency_count");
  EXPECT_EQ(latency.alerts.size(), 4U);
  EXPECT_EQ(latency.line, 17U);
}

TEST(SloSloth, SaysWhatItCannotTake) {
  const auto with = [](const char* sli) {
    return fmt::format(
        "version: prometheus/v1\nservice: s\nslos:\n  - name: a\n    objective: 99\n    sli: "
        "{}\n",
        sli);
  };
  const std::pair<std::string, const char*> cases[] = {
      {with("{plugin: {id: x}}"), "E_UNSUPPORTED: sli.plugin"},
      {with("{}"), "E_SELECTOR: sli: events or raw is required"},
      {with("{events: {error_query: a}}"), "E_SELECTOR: total_query is required"},
      {with("{events: {error_query: 'max(a)', total_query: b}}"),
       "E_UNSUPPORTED: error_query: \"max(a)\" is no selector"},
      {with("{events: {error_query: 'sum(rate(a[5m])) * 2', total_query: b}}"), "E_UNSUPPORTED"},
      {with("{events: {error_query: 'sum(rate(a[5m:1m]) by (x))', total_query: b}}"),
       "E_UNSUPPORTED"},
      {with("{raw: {error_ratio_query: a}}"), "A / B of them or 1 - (A / B)"},
      {with("{raw: {error_ratio_query: a / b / c}}"), "E_UNSUPPORTED"},
      {with("{event: {}}"), "did you mean \"events\"?"},
      {"version: prometheus/v1\n", "E_KEY: Sloth's file has a service"},
      {"version: prometheus/v1\nservice: s\nslos: [{name: a, objective: 100}]",
       "E_TARGET: objective"},
      {"version: prometheus/v1\nservice: s\nslos: [{name: a b, objective: 9}]", "E_NAME"},
  };
  for (const auto& [yaml, message] : cases) {
    SCOPED_TRACE(yaml);
    const SloFile file = parse_slos(yaml, "f");
    ASSERT_FALSE(file.errors.empty());
    bool found = false;
    for (const auto& error : file.errors) {
      found = found || error.text().find(message) != std::string::npos;
    }
    EXPECT_TRUE(found) << file.errors[0].text();
  }
}

TEST(SloQuery, TakesTheSelectorOut) {
  EXPECT_EQ(selector_of_query(" a{b=\"c\"} "), "a{b=\"c\"}");
  EXPECT_EQ(selector_of_query("sum ( rate( a{b=\"]))\"}[ 5m ] ) )"), "a{b=\"]))\"}");
  EXPECT_EQ(selector_of_query("sum_total"), "sum_total");
  EXPECT_FALSE(selector_of_query("sum(a)"));
  EXPECT_FALSE(selector_of_query("sum(rate(a))"));
  EXPECT_FALSE(selector_of_query("sum(rate(a[5m])) / 2"));
  const auto ratio = ratio_of_query("(a{p=\"x/y\"} / sum(rate(b[1m])))");
  ASSERT_TRUE(ratio);
  EXPECT_EQ(ratio->part, "a{p=\"x/y\"}");
  EXPECT_EQ(ratio->total, "sum(rate(b[1m]))");
  EXPECT_FALSE(ratio->inverted);
  EXPECT_FALSE(ratio_of_query("1 - a"));
  EXPECT_FALSE(ratio_of_query("a"));
}

TEST(SloConvert, YamlReadsBackTheSame) {
  const char* yaml = R"(
{slo: one, service: "a \"b\"", description: "x: y", target: 99.95, window: 7d, bad: 'b{z="1",a!~"x|y"}', total: t, kind: delta, step: 5m, since: 2026-03-01T09:00:00+09:00, lookback: 2h, delay: 10m, idle_when_absent: true, min_coverage: 0.5, confidence: 99.5, alerts: [{spend: 2.5%, long: 1h, short: 5m, as: ticket, op: gte}, {factor: 2.125, long: 1h, min_bad: 7, significance: 0.015}], exclude: [{from: 2026-03-01T00:00:00Z, to: 2026-03-02T00:00:00Z, why: 'a, "b"'}, {every: "Sun 23:30-00:30", tz: Asia/Tokyo, treat: good}]}
---
{slo: two, target: 95, window: {calendar: quarter, tz: Asia/Tokyo, fiscal_start: 4}, ok: 'up{job="x"} >= 0.5', method: 'timeslices(5m, 99.5)', no_data: bad, idle: ignore, alerts: none}
---
{slo: three, target: 90, good: g, total: t, method: ratio-timeslices(5m)}
---
{slo: whole, target: 98, composite: weighted, of: [{slo: one, weight: 2.5}, {slo: three}]}
)";
  const SloFile first = parse_slos(yaml, "f");
  for (const SloFileError& error : first.errors) ADD_FAILURE() << error.text();
  ASSERT_EQ(first.definitions.size(), 4U);
  const std::string text = convert_yaml(first.definitions);
  const SloFile second = parse_slos(text, "f");
  for (const SloFileError& error : second.errors) ADD_FAILURE() << error.text() << "\n" << text;
  ASSERT_EQ(second.definitions.size(), 4U);
  EXPECT_EQ(convert_json(0, second.definitions), convert_json(0, first.definitions)) << text;
  for (std::size_t i = 0; i < 4; ++i) {
    const slo::Definition& a = first.definitions[i];
    const slo::Definition& b = second.definitions[i];
    EXPECT_EQ(a.objective, b.objective);
    EXPECT_EQ(a.since_ms, b.since_ms);
    EXPECT_EQ(a.delay_ms, b.delay_ms);
    EXPECT_EQ(a.confidence, b.confidence);
    EXPECT_EQ(a.description, b.description);
    EXPECT_EQ(a.idle_when_absent, b.idle_when_absent);
    EXPECT_EQ(a.slice_target, b.slice_target);
    ASSERT_EQ(a.alerts.size(), b.alerts.size());
    for (std::size_t j = 0; j < a.alerts.size(); ++j) {
      EXPECT_EQ(a.alerts[j].factor, b.alerts[j].factor);
      EXPECT_EQ(a.alerts[j].spend, b.alerts[j].spend);
    }
  }
}

}  // namespace
}  // namespace hygge::formats
