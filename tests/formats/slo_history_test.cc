// Policies and incidents from files, and the replies of whatif, backtest and forecast.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include <nlohmann/json.hpp>

namespace hygge::formats {
namespace {

using nlohmann::json;
using slo::Rational;

slo::Definition definition_of(const char* extra = "") {
  SloFile file = parse_slos(
      fmt::format("{{slo: a.b, target: 90, window: 2h, bad: b, total: t, alerts: [{{factor: 2, "
                  "long: 10m, short: 2m}}, {{spend: 10%, long: 30m, as: ticket}}]{}}}",
                  extra),
      "a.yaml");
  EXPECT_TRUE(file.errors.empty()) << (file.errors.empty() ? "" : file.errors[0].text());
  return file.definitions.at(0);
}

// Four hours of minutes of 10; 20 minutes of half errors from minute 120.
slo::Track track_of() {
  std::vector<double> bad(240, 0);
  std::fill_n(bad.begin() + 120, 20, 5);
  return slo::Track::from_counts(0, kMinuteMs, bad, std::vector<double>(240, 10)).value();
}

TEST(SloPolicyFile, ReadsAlertsAsADefinitionDoes) {
  const slo::Definition definition = definition_of();
  const auto policy = parse_policy(
      "min_bad: 7\nalerts:\n  - {spend: 10%, long: 1h, short: 5m}\n  - {factor: 3, long: 30m, as: "
      "ticket, min_bad: 2}\n",
      "policies/fast.v2.yaml", definition);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->name, "fast.v2");
  ASSERT_EQ(policy->rules.size(), 2U);
  EXPECT_EQ(policy->rules[0].factor, Rational::of(2, 10));  // 10 % · 2h / 1h
  EXPECT_EQ(policy->rules[0].min_bad, 7U);
  EXPECT_EQ(policy->rules[1].short_ms, 30 * kMinuteMs);
  EXPECT_EQ(policy->rules[1].min_bad, 2U);
  EXPECT_EQ(parse_policy("alerts: google", "g", definition)->rules.size(), 4U);
}

TEST(SloPolicyFile, ReadsAlertWindowsOfSloth) {
  const auto policy = parse_policy(
      "apiVersion: sloth.slok.dev/v1\nkind: AlertWindows\nspec:\n  sloPeriod: 30d\n  page:\n    "
      "quick: {errorBudgetPercent: 8, shortWindow: 5m, longWindow: 1h}\n    slow: "
      "{errorBudgetPercent: 12.5, shortWindow: 30m, longWindow: 6h}\n  ticket:\n    quick: "
      "{errorBudgetPercent: 20, shortWindow: 2h, longWindow: 1d}\n    slow: {errorBudgetPercent: "
      "42, shortWindow: 6h, longWindow: 3d}\n",
      "sloth.yml", [] {
        slo::Definition definition = definition_of();
        definition.window_ms = 7 * kDayMs;
        return definition;
      }());
  ASSERT_TRUE(policy) << policy.error().message;
  ASSERT_EQ(policy->rules.size(), 4U);
  const double factors[] = {13.44, 3.5, 1.4, 0.98};  // N15
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_DOUBLE_EQ(policy->rules[i].factor.value(), factors[i]);
    EXPECT_EQ(policy->rules[i].as, i < 2 ? "page" : "ticket");
  }
}

TEST(SloPolicyFile, SaysWhatIsWrong) {
  struct Case {
    const char* yaml;
    const char* message;
  };
  const Case cases[] = {
      {"", "E_YAML: no policy in it"},
      {"alerts: [", "E_YAML"},
      {"- 1", "E_KEY: a policy is a map"},
      {"{}", "E_ALERT: a policy needs alerts"},
      {"{alerts: none, slo: x}", "E_KEY: unknown key \"slo\""},
      {"alerts: [{factor: 2, long: 90s}]", "E_ALERT: long and short must be multiples"},
      {"alerts: none\n---\nalerts: none", "E_ALERT: a policy file holds one document"},
      {"{kind: AlertWindows}", "E_ALERT: AlertWindows need a spec"},
      {"{kind: AlertWindows, spec: {page: 1}}", "E_ALERT: no window in it"},
      {"{kind: AlertWindows, spec: {page: {quick: 2}}}", "E_ALERT: a window is a map"},
      {"{kind: AlertWindows, spec: {page: {quick: {shortWindow: 5m, longWindow: 1h}}}}",
       "E_ALERT: errorBudgetPercent is missing"},
      {"{kind: AlertWindows, spec: {page: {quick: {errorBudgetPercent: x, shortWindow: 5m, "
       "longWindow: 1h}}}}",
       "E_ALERT: spend"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    const auto policy = parse_policy(c.yaml, "p.yaml", definition_of());
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().code, ErrorCode::parse);
    EXPECT_NE(policy.error().message.find(c.message), std::string::npos) << policy.error().message;
    EXPECT_EQ(policy.error().message.find("p.yaml:"), 0U);
  }
}

TEST(SloIncidents, AreReadInAnyOrderOfLinesAndColumns) {
  const auto got = parse_incidents(
      "\xEF\xBB\xBF"
      "end,note,id,start\r\n1970-01-01T01:00:00Z,\"a, b\",second,1200000\r\n\n# a "
      "remark\n600000,,first,1970-01-01T09:05:00+09:00",
      "i.csv");
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->size(), 2U);
  EXPECT_EQ((*got)[0].id, "first");
  EXPECT_EQ((*got)[0].range.after, 300'000);
  EXPECT_EQ((*got)[0].range.until, 600'000);
  EXPECT_EQ((*got)[1].range.until, 3'600'000);
  EXPECT_TRUE(parse_incidents("id,start,end\n", "i.csv")->empty());
}

TEST(SloIncidents, SayWhatIsWrong) {
  struct Case {
    const char* csv;
    const char* message;
  };
  const Case cases[] = {
      {"id,begin,end\n", "i.csv:1: no column \"start\""},
      {"id,start,end\na,1\n", "i.csv:2: 2 fields"},
      {"id,start,end\n,1,2\n", "i.csv:2: an incident needs an id"},
      {"id,start,end\na,1,tomorrow\n", "i.csv:2: \"tomorrow\" is no time"},
      {"id,start,end\na,2026-03-01T00:00:00,2\n", "is no time"},
      {"id,start,end\n\na,5,5\n", "i.csv:3: \"a\" ends before it starts"},
      {"id,start,end\na,1,2\na,3,4\n", "i.csv:3: \"a\" stands here twice"},
      {"id,start,end\n\"a,1,2\n", "i.csv:2: a quote out of place"},
      {"id,start,end\na,1,99999999999999999999\n", "is no time"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.csv);
    const auto got = parse_incidents(c.csv, "i.csv");
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().message.find(c.message), std::string::npos) << got.error().message;
  }
  EXPECT_FALSE(load_incidents("/nowhere/i.csv"));
}

TEST(SloHistoryRender, Backtest) {
  const slo::Definition definition = definition_of();
  slo::BacktestOptions options;
  options.incidents = std::vector<slo::Incident>{{"seen", {120 * kMinuteMs, 140 * kMinuteMs}},
                                                 {"missed", {10 * kMinuteMs, 12 * kMinuteMs}}};
  const slo::Policy policies[] = {slo::own_policy(definition)};
  const slo::Track track = track_of();
  const BacktestedSlo slos[] = {
      {definition, slo::backtest(track, definition, policies, track.range(), options)}};
  const json got = json::parse(backtest_json(5, slos));
  EXPECT_EQ(got.at("schema"), "hygge.slo.backtest/1");
  const json& one = got.at("slos").at(0);
  EXPECT_EQ(one.at("truth"), "file");
  EXPECT_EQ(one.at("to_ms"), 240 * kMinuteMs);
  EXPECT_EQ(one.at("incidents").at(1),
            json::parse(R"({"id":"missed","start_ms":600000,"end_ms":720000})"));
  const json& own = one.at("policies").at(0);
  EXPECT_EQ(own.at("policy"), "own");
  // 10m above 20 %: five bad each minute of 100, so after the fifth; the last two are clean at 142.
  EXPECT_EQ(own.at("rules").at(0),
            json::parse(R"({"as":"page","long_s":600,"short_s":120,"factor":2,)"
                        R"("firings":[{"from_ms":7500000,"to_ms":8520000}]})"));
  EXPECT_EQ(
      own.at("levels").at("page"),
      json::parse(R"({"alerts":1,"true_alerts":1,"false_alerts":0,"precision":1,"detected":1,)"
                  R"("recall":0.5,"missed":["missed"],"detection_s":{"p50":300,"max":300},)"
                  R"("reset_s":{"p50":120,"max":120},)"
                  R"("spent_at_detection":{"p50":0.20833333333333334,"max":0.20833333333333334},)"
                  R"("per_week":42,"night":1,"firings":[{"from_ms":7500000,"to_ms":8520000}]})"));
  EXPECT_EQ(backtest_text(slos[0]), "a.b  own: missed missed\n");
}

TEST(SloHistoryRender, BacktestOfNothing) {
  const slo::Definition definition = definition_of();
  const slo::Track empty = slo::Track::from_counts(0, kMinuteMs, {}, {}).value();
  const slo::Policy policies[] = {slo::own_policy(definition)};
  const BacktestedSlo slos[] = {
      {definition, slo::backtest(empty, definition, policies, {0, 0}, {})}};
  EXPECT_FALSE(slos[0].backtest.covered);
  const std::string text = backtest_json(0, slos);
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  const json got = json::parse(text);
  EXPECT_EQ(got.at("slos").at(0).at("truth"), "data");
  EXPECT_TRUE(
      got.at("slos").at(0).at("policies").at(0).at("levels").at("any").at("recall").is_null());
}

TEST(SloHistoryRender, WhatIf) {
  const slo::Definition definition = definition_of();
  slo::Grid grid;
  grid.targets = {{"90", {9, 10}}, {"97", {97, 100}}};
  grid.windows = {{2 * kHourMs, {}}, {3 * kHourMs, {}}};
  grid.stride_ms = kHourMs;
  const slo::Track track = track_of();
  const TriedSlo slos[] = {
      {definition, slo::whatif(track, definition, grid, track.range().until).value(), kHourMs}};
  const json got = json::parse(whatif_json(1, slos));
  EXPECT_EQ(got.at("schema"), "hygge.slo.whatif/1");
  const json& one = got.at("slos").at(0);
  EXPECT_EQ(one.at("stride_s"), 3600);
  ASSERT_EQ(one.at("rows").size(), 4U);
  // 100 bad of 1200 in two hours, of 1800 in three.
  EXPECT_EQ(one.at("rows").at(0).at("met_ratio"), 1);
  EXPECT_DOUBLE_EQ(one.at("rows").at(2).at("met_ratio"), 1.0 / 3);
  EXPECT_EQ(one.at("rows").at(2).at("worst_at_ms"), 240 * kMinuteMs);
  EXPECT_EQ(one.at("recommend"),
            json::parse(R"({"target":"90","window":"3h","method":"occurrences"})"));
}

TEST(SloHistoryRender, Forecast) {
  const slo::Definition definition = definition_of();
  std::vector<double> bad(240, 0);
  std::fill_n(bad.begin() + 200, 40, 2);
  const slo::Track track =
      slo::Track::from_counts(0, kMinuteMs, bad, std::vector<double>(240, 10)).value();
  // 80 of 120 allowed are spent, two a minute: 20 minutes are left.
  const ForecastSlo slos[] = {
      {definition, slo::forecast(track, definition, 240 * kMinuteMs, 30 * kMinuteMs)}};
  const json got = json::parse(forecast_json(1, slos));
  EXPECT_EQ(got.at("slos").at(0),
            json::parse(R"({"slo":"a.b","consumed":0.6666666666666666,)"
                        R"("remaining":0.33333333333333337,"lookback_s":1800,"burn":2,)"
                        R"("naive":{"exhausts_in_s":1200.0000000000002,"at_ms":15600000},)"
                        R"("aware":{"exhausts_in_s":1200,"at_ms":15600000},"resets_at_ms":null})"));
  EXPECT_EQ(forecast_text(slos[0]),
            "a.b  budget spent 66.7 %, left 33.3 %; burn 2.00 over 30m\n"
            "  at this rate          gone in 0.3 h, 1970-01-01T04:20:00Z\n"
            "  as old errors leave   gone in 0.3 h, 1970-01-01T04:20:00Z\n");
  EXPECT_EQ(forecast_openmetrics(slos),
            "# TYPE slo_budget_exhaustion_seconds gauge\n"
            "# UNIT slo_budget_exhaustion_seconds seconds\n"
            "# HELP slo_budget_exhaustion_seconds Until the error budget is gone.\n"
            "slo_budget_exhaustion_seconds{slo=\"a.b\",how=\"naive\"} 1200.0000000000002\n"
            "slo_budget_exhaustion_seconds{slo=\"a.b\",how=\"aware\"} 1200\n# EOF\n");
  EXPECT_EQ(forecast_mackerel(slos),
            "slo.a_b.remaining\t0.33333333333333337\t14400\n"
            "slo.a_b.exhausts_hours\t0.3333333333333333\t14400\n");
}

TEST(SloMetrics, OfReportsAndBurns) {
  const slo::Definition definition = definition_of();
  const slo::Track track = track_of();
  const TimeMs at = 140 * kMinuteMs;
  const ReportedSlo reports[] = {{definition, slo::report(track, definition, at)}};
  EXPECT_EQ(
      report_mackerel(reports),
      "slo.a_b.sli\t0.9166666666666666\t8400\nslo.a_b.remaining\t0.16666666666666663\t8400\n");
  const std::string open = report_openmetrics(reports);
  EXPECT_NE(open.find("# TYPE slo_sli_ratio gauge\n"), std::string::npos);
  EXPECT_NE(open.find("\nslo_objective_ratio{slo=\"a.b\"} 0.9\n"), std::string::npos);
  EXPECT_NE(open.find("\nslo_coverage_ratio{slo=\"a.b\"} 1\n"), std::string::npos);
  EXPECT_TRUE(open.ends_with("# EOF\n"));
  const DurationMs windows[] = {kHourMs};
  BurningSlo burns[] = {{definition, slo::burn(track, definition, at, windows)}};
  EXPECT_EQ(burn_mackerel(burns),
            "slo.a_b.burn_10m\t5\t8400\nslo.a_b.burn_2m\t5\t8400\nslo.a_b.burn_30m\t3."
            "3333333333333335\t8400\n"
            "slo.a_b.burn_1h\t1.6666666666666667\t8400\n"
            "slo.a_b.firing_page\t1\t8400\nslo.a_b.firing_ticket\t1\t8400\n");
  EXPECT_NE(burn_openmetrics(burns).find(
                "\nslo_alert_firing{slo=\"a.b\",as=\"page\",long=\"10m\",short=\"2m\"} 1\n"),
            std::string::npos);
  // What is not known is not there.
  burns[0].state.rules[0].state = slo::RuleState::unknown;
  EXPECT_EQ(burn_openmetrics(burns).find("as=\"page\""), std::string::npos);
  EXPECT_EQ(burn_mackerel(burns).find("firing_page"), std::string::npos);
}

TEST(SloRender, ReportByPeriodsAndForATerminal) {
  slo::Definition definition = definition_of();
  definition.step_ms = kHourMs;
  definition.alerts.clear();
  // Hours of ten over January and ten days of February; a bad one on the 5th of February.
  std::vector<double> bad(41 * 24, 0);
  bad[35 * 24] = 10;
  const slo::Track track =
      slo::Track::from_counts(0, kHourMs, bad, std::vector<double>(bad.size(), 10)).value();
  const slo::Calendar month;
  ReportedSlo one{definition, slo::report(track, definition, track.range().until), month,
                  slo::report_by(track, definition, month, 12, track.range().until)};
  ASSERT_EQ(one.periods.size(), 2U);
  EXPECT_EQ(one.periods[0].counts.total, 31 * 240);
  EXPECT_EQ(one.periods[1].counts.bad, 10);
  EXPECT_EQ(one.periods[1].end_ms, 59 * kDayMs);
  EXPECT_EQ(slo::report_by(track, definition, month, 1, track.range().until).size(), 1U);
  const json got = json::parse(report_json(0, {&one, 1}));
  const json& periods = got.at("slos").at(0).at("periods");
  ASSERT_EQ(periods.size(), 2U);
  EXPECT_EQ(periods.at(0).at("window").at("spec"), "month");
  EXPECT_EQ(periods.at(0).at("window").at("to_ms"), 31 * kDayMs);
  EXPECT_FALSE(periods.at(0).contains("periods"));
  ReportLook look;
  look.bar = look.ascii = true;
  look.history = "__#";
  one.report.consumed = 0.5;
  const std::string text = report_text(one, look);
  EXPECT_NE(text.find("spent    [###############...............]\nerrors   __#\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  month 1970-01-01  100.0000 %  spent 0.0 %  MET\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("  month 1970-02-01  99.5833 %  spent 4.2 %  MET, so far\n"),
            std::string::npos)
      << text;
  one.report.consumed = 1.5;
  EXPECT_NE(report_text(one, look).find("##] all, and more\n"), std::string::npos);
}

}  // namespace
}  // namespace hygge::formats
