// The replies, byte for byte: scripts depend on them.
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include <nlohmann/json.hpp>
#include <random>

#include "slo/method.h"

namespace hygge::formats {
namespace {

slo::Definition definition_of(const std::string& yaml) {
  const SloFile file = parse_slos(yaml, "slo.yaml");
  for (const SloFileError& error : file.errors) ADD_FAILURE() << error.text();
  return file.definitions.at(0);
}

// Ten minutes: 1,000 events in each, 3 bad ones in the last; one without data.
slo::Track track_of(const slo::Definition& definition) {
  slo::RawSlices raw;
  raw.slices.resize(10);
  for (std::size_t i = 0; i < raw.slices.size(); ++i) {
    slo::Slice& slice = raw.slices[i];
    if (i == 4) continue;
    slice.state = slo::State::measured;
    slice.total = 1000;
    slice.bad = i == 9 ? 3 : 0;
    slice.bridged = i == 5;
  }
  raw.first_data_ms = 0;
  return slo::make_track(definition, raw).value();
}

constexpr const char* kYaml = R"(slo: checkout
service: "the \"shop\""
target: 99.9
window: 10m
bad: b_total
total: t_total
alerts: [{factor: 2, long: 2m, short: 1m, as: page}, {spend: 20%, long: 5m, op: gte, significance: 0.01}]
exclude: [{from: 1970-01-01T00:00:30Z, to: 1970-01-01T00:02:00Z, why: DB upgrade}]
)";

TEST(SloRender, ReportAsJson) {
  const slo::Definition definition = definition_of(kYaml);
  const TimeMs at = 10 * kMinuteMs + 1;
  const ReportedSlo slos[] = {{definition, slo::report(track_of(definition), definition, at)}};
  EXPECT_EQ(
      report_json(at, slos),
      R"({"schema":"hygge.slo.report/1","at_ms":600001,"slos":[{"slo":"checkout","service":"the \"shop\"",)"
      R"("method":"occurrences","target":"99.9","objective":0.999,"verdict":"insufficient",)"
      R"("window":{"spec":"10m","kind":"rolling","tz":"UTC","step_s":60,"from_ms":0,"to_ms":600000,"end_ms":600000,)"
      R"("effective_from_ms":0,"partial":false},"sli":0.9995714285714286,"good":6997,"bad":3,"total":7000,)"
      R"("interval":{"confidence":0.95,"low":0.9987406118542571,"high":0.9998542365759139,"verdict":"open"},)"
      R"("budget":{"allowed":7,"consumed":0.42857142857142855,"remaining":0.5714285714285714,"allowed_projected":7,)"
      R"("consumed_projected":0.42857142857142855,"allowed_s":0.48,"spent_s":0.20571428571428568},)"
      R"("coverage":0.875,"judged":0.875,"slices":{"total":10,"measured":7,"idle":0,"no_data":1,"excluded":2,"bridged":1},)"
      R"("counters":{"clamped":0,"resets":0,"gaps":0,"born":0},)"
      R"("exclusions":[{"why":"DB upgrade","slices":2,"bad":0,"total":2000}],"sli_without_exclusions":0.9996666666666667}]})"
      "\n");
}

TEST(SloRender, BurnAsJson) {
  const slo::Definition definition = definition_of(kYaml);
  const TimeMs at = 10 * kMinuteMs;
  const DurationMs windows[] = {5 * kMinuteMs};
  const BurningSlo slos[] = {
      {definition, slo::burn(track_of(definition), definition, at, windows)}};
  EXPECT_EQ(
      burn_json(at, slos),
      R"({"schema":"hygge.slo.burn/1","at_ms":600000,"slos":[{"slo":"checkout","state":"ok","objective":0.999,)"
      R"("rules":[{"as":"page","long_s":120,"short_s":60,"spend":null,"factor":2,"threshold":0.002,"op":"gt",)"
      R"("state":"ok","frozen":false,"long_bad":3,"long_total":2000,"long_burn":1.5,"long_coverage":1,)"
      R"("short_bad":3,"short_total":1000,"short_burn":3,"short_coverage":1,)"
      R"("gates":{"min_bad":true,"p_value":null}},{"as":"page","long_s":300,"short_s":300,"spend":0.2,"factor":0.4,)"
      R"("threshold":0.0004,"op":"gte","state":"ok","frozen":false,"long_bad":3,"long_total":5000,"long_burn":0.6,)"
      R"("long_coverage":1,"short_bad":3,"short_total":5000,"short_burn":0.6,"short_coverage":1,)"
      R"("gates":{"min_bad":true,"p_value":0.3233235802047965}}],)"
      R"("windows":[{"window_s":300,"bad":3,"total":5000,"burn":0.6,"coverage":1}]}]})"
      "\n");
}

TEST(SloRender, LintAsJson) {
  const slo::Definition definition = definition_of(
      "slo: a\ntarget: 90\nwindow: 1d\nbad: b\ntotal: t\nalerts:\n  - {factor: 10, long: 1h, "
      "short: "
      "5m}\n");
  const LintedSlo slos[] = {{definition, slo::lint(definition)}};
  EXPECT_EQ(
      lint_json(5, slos),
      R"({"schema":"hygge.slo.lint/1","at_ms":5,"slos":[{"slo":"a","file":"slo.yaml","line":1,"objective":0.9,)"
      R"("budget":0.1,"window_s":86400,"allowed_s":8640,"max_burn":10,"zero_failure_events":29,)"
      R"("rules":[{"as":"page","long_s":3600,"short_s":300,"spend":null,"factor":10,"threshold":1,"op":"gt",)"
      R"("can_fire":false,"detect_s":null,"reset_s":null,"exhaust_s":8640}],)"
      R"("findings":[{"level":"error","code":"L_NEVER","rule":0,"message":"the rule can never fire: factor 10 x budget )"
      R"(0.1 = 1, and an error ratio is at most 1","line":7}]}]})"
      "\n");
}

TEST(SloRender, ReportAsTextAndTsv) {
  const slo::Definition definition = definition_of(kYaml);
  const TimeMs at = 10 * kMinuteMs;
  const ReportedSlo slo{definition, slo::report(track_of(definition), definition, at)};
  EXPECT_EQ(report_text(slo, false),
            "checkout  10m to 1970-01-01T00:10:00Z  occurrences\n"
            "SLI      99.9571 %  (95 %: 99.8741–99.9854)  target 99.9  INSUFFICIENT DATA\n"
            "budget   3 of 7 bad events (42.9 %), about 0.0 of 0.0 min at mean traffic\n"
            "coverage 87.5 %  (no data 1, idle 0, bridged 1, excluded 2 \"DB upgrade\")\n");
  EXPECT_EQ(report_tsv(std::span(&slo, 1)),
            "slo\tverdict\tsli\ttarget\tconsumed\tremaining\tcoverage\tfrom\tto\n"
            "checkout\tinsufficient\t0.9995714285714286\t99.9\t0.42857142857142855\t"
            "0.5714285714285714\t0.875\t1970-01-01T00:00:00Z\t1970-01-01T00:10:00Z\n");
  ReportedSlo by = slo;
  by.by = slo::Calendar{slo::Calendar::Unit::month, "Asia/Tokyo", 1};
  by.periods = slo::report_by(track_of(definition), definition, *by.by, 12, at);
  ASSERT_EQ(by.periods.size(), 1U);
  EXPECT_EQ(report_tsv(std::span(&by, 1)),
            "slo\tperiod\tverdict\tsli\ttarget\tconsumed\tremaining\tcoverage\tfrom\tto\n"
            "checkout\t10m\tinsufficient\t0.9995714285714286\t99.9\t0.42857142857142855\t"
            "0.5714285714285714\t0.875\t1970-01-01T00:00:00Z\t1970-01-01T00:10:00Z\n"
            "checkout\tmonth 1970-01-01\tinsufficient\t0.9995714285714286\t99.9\t"
            "0.42857142857142855\t0.5714285714285714\t0.012773722627737226\t"
            "1969-12-31T15:00:00Z\t1970-01-01T00:10:00Z\n");
  const std::string explained = report_text(slo, true);
  for (const char* line :
       {"(7000 - 3) / 7000 = 0.9995714285714286", "1 - 999/1000 = 1/1000; of 7000 events 7 may be",
        "3 / 7 = 0.42857142857142855; remaining 0.5714285714285714",
        "insufficient: 0.875 of the slices judged, 0.9 needed; bad 3 x 1000 <= total 7000 x 1",
        "excluded  2 slices \"DB upgrade\": 0 bad of 2000 events"}) {
    EXPECT_NE(explained.find(line), std::string::npos) << line << "\n" << explained;
  }
}

TEST(SloRender, WindowsOfWholeDaysAreInDays) {
  const std::pair<DurationMs, const char*> cases[] = {{7 * kDayMs, "7d"},
                                                      {365 * kDayMs, "365d"},
                                                      {kDayMs, "1d"},
                                                      {36 * kHourMs, "1d12h"},
                                                      {90 * kMinuteMs, "1h30m"}};
  for (const auto& [window, text] : cases) EXPECT_EQ(window_spec(window, std::nullopt), text);
  EXPECT_EQ(window_spec(365 * kDayMs, slo::Calendar{slo::Calendar::Unit::year, "UTC", 1}), "year");
  const std::string week = "slo: a\ntarget: 90\nwindow: 1w\nbad: b\ntotal: t\nkind: counter\n";
  const std::vector<slo::Definition> all{definition_of(week)};
  EXPECT_NE(convert_yaml(all).find("window: 7d"), std::string::npos) << convert_yaml(all);
  EXPECT_NE(convert_json(0, all).find(R"("window":{"rolling":"7d"})"), std::string::npos);
}

TEST(SloRender, LargeCountsAreWholeAndGrouped) {
  slo::Definition definition = definition_of(kYaml);
  definition.exclusions.clear();
  definition.window_ms = 2 * kMinuteMs;
  const double bad[] = {0, 1'000'000};
  const double total[] = {2e9, 2e9};
  const slo::Track track = slo::Track::from_counts(0, kMinuteMs, bad, total).value();
  const ReportedSlo slo{definition, slo::report(track, definition, 2 * kMinuteMs)};
  EXPECT_NE(report_json(0, std::span(&slo, 1)).find(R"("bad":1000000,"total":4000000000)"),
            std::string::npos);
  EXPECT_NE(report_text(slo, false).find("1,000,000 of 4,000,000 bad events"), std::string::npos)
      << report_text(slo, false);
}

TEST(SloRender, NothingMeasuredIsNullAndNotZero) {
  const slo::Definition definition = definition_of(kYaml);
  const slo::Track empty = slo::make_track(definition, {}).value();
  const ReportedSlo slos[] = {{definition, slo::report(empty, definition, kDayMs)}};
  const auto got = nlohmann::json::parse(report_json(kDayMs, slos)).at("slos").at(0);
  EXPECT_TRUE(got.at("sli").is_null());
  EXPECT_TRUE(got.at("interval").is_null());
  EXPECT_TRUE(got.at("budget").at("consumed").is_null());
  EXPECT_TRUE(got.at("sli_without_exclusions").is_null());
  EXPECT_EQ(got.at("total"), 0);
  EXPECT_EQ(got.at("coverage"), 0);
  EXPECT_NE(report_text(slos[0], true).find("no events"), std::string::npos);
}

// Whatever the counts, no NaN and no infinity: each reply is JSON, which has none.
TEST(SloRender, NothingIsEverNan) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    slo::Definition definition = definition_of(kYaml);
    definition.method = static_cast<slo::Method>(random() % 3);
    definition.no_data = definition.method == slo::Method::occurrences
                             ? slo::SliceRule::ignore
                             : static_cast<slo::SliceRule>(random() % 3);
    definition.objective = slo::Rational::of(static_cast<std::int64_t>(random() % 1000), 1000);
    slo::RawSlices raw;
    raw.slices.resize(random() % 12);
    for (slo::Slice& slice : raw.slices) {
      slice.state = static_cast<slo::State>(random() % 3);
      if (slice.state != slo::State::measured) continue;
      slice.total = random() % 3 == 0 ? 0.1 * static_cast<double>(random() % 100 + 1)
                                      : static_cast<double>(random() % 1'000'000 + 1);
      slice.bad = random() % 2 == 0 ? slice.total : slice.total / 3;
    }
    if (random() % 2 == 0) raw.first_data_ms = 0;
    const slo::Track track = slo::make_track(definition, raw).value();
    const TimeMs at = static_cast<TimeMs>(random() % 20) * kMinuteMs;
    const ReportedSlo reports[] = {{definition, slo::report(track, definition, at)}};
    const DurationMs windows[] = {kMinuteMs, kHourMs};
    const BurningSlo burns[] = {{definition, slo::burn(track, definition, at, windows)}};
    const LintedSlo lints[] = {{definition, slo::lint(definition)}};
    for (const std::string& reply :
         {report_json(at, reports), burn_json(at, burns), lint_json(at, lints)}) {
      ASSERT_TRUE(nlohmann::json::accept(reply)) << reply;
    }
    for (const std::string& text : {report_text(reports[0], true), burn_text(burns[0]),
                                    lint_text(lints[0]), report_tsv(reports), burn_tsv(burns)}) {
      ASSERT_EQ(text.find("nan"), std::string::npos) << text;
      ASSERT_EQ(text.find("inf"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace hygge::formats
