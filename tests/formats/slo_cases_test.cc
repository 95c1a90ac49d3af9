// The SLO cases of tests/golden/slo-cases.json: definitions through the YAML reader, samples
// through a database, replies through their JSON. Every case is run, or stands in kLater with its
// reason.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/slo_file.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/slo_time.h"
#include "tests/support/temp_dir.h"

namespace hygge::formats {
namespace {

using nlohmann::json;
using slo::Rational;

const std::map<std::string, const char*> kLater{
    {"N8", "ratio-timeslices"},
    {"N30", "exclusions"},
    {"N36", "timeslices"},
    {"N40", "calendar windows"},
    {"N41", "forecast"},
    {"N42", "forecast"},
    {"N46", "a table, not a function; binomial_tail is N45"},
    {"N49", "composite"},
    {"M1", "cost"},
    {"M3", "capacity"},
    {"O5", "query: tests/window"},
    {"O6", "query: not built yet"},
    {"O7", "query: tests/window"},
    {"O8", "capacity"},
    {"V6", "exclusions, timeslices"},
    {"V8", "calendar windows"},
    {"V9", "timeslices"},
};

json cases() {
  std::ifstream in(HYGGE_SOURCE_DIR "/tests/golden/slo-cases.json");
  return json::parse(in).at("cases");
}

double to_number(const json& value) { return value.get<double>(); }

std::vector<json> listed(const json& value) {
  if (value.is_array()) return value.get<std::vector<json>>();
  return {value};
}

void expect_near(double got, double expected, const std::string& what) {
  EXPECT_NEAR(got, expected, 1e-9 * std::max(1.0, std::fabs(expected))) << what;
}

Rational objective_of(const std::string& percent) {
  return *Rational::parse(percent) * Rational{1, 100};
}

// --- formulas: one function per name in the file ---

void run_formula(const json& c) {
  const std::string fn = c.at("fn");
  const json& given = c.at("given");
  const json& expect = c.at("expect");
  if (fn == "budget") {
    const auto targets = listed(given.at("target"));
    const auto windows = listed(given.at("window"));
    const auto expected = listed(expect.at("budget_s"));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      slo::Definition definition;
      definition.objective = objective_of(targets[i % targets.size()].get<std::string>());
      definition.window_ms = parse_duration(windows[i % windows.size()].get<std::string>()).value();
      const slo::Track empty = slo::Track::from_counts(0, kMinuteMs, {}, {}).value();
      expect_near(slo::report(empty, definition, 0).allowed_s, to_number(expected[i]), fn);
    }
  } else if (fn == "report" || fn == "remaining" || fn == "burn" || fn == "max_burn") {
    slo::Definition definition;
    definition.objective =
        objective_of(given.at("target").is_array() ? given.at("target")[0].get<std::string>()
                                                   : given.at("target").get<std::string>());
    definition.min_coverage = {0, 1};
    const auto slis = listed(given.value("sli", json("")));
    for (std::size_t i = 0; i < slis.size(); ++i) {
      double bad = given.value("bad", 0.0);
      double total = given.value("total", 1e6);
      if (given.contains("good")) bad = total - given.at("good").get<double>();
      if (given.contains("sli")) {
        total = 1e6;
        bad = total - std::round(std::stod(slis[i].get<std::string>()) * 1e4);
      }
      if (given.contains("bad_ratio")) {
        // 10 minutes of a month at mean traffic.
        total = 43'200 * 1e6;
        bad = 10 * 1e6 * given.at("bad_ratio").get<double>();
      }
      if (fn == "max_burn") bad = total;
      const double bads[] = {bad};
      const double totals[] = {total};
      const slo::Track track = slo::Track::from_counts(0, kMinuteMs, bads, totals).value();
      definition.window_ms = 2 * kMinuteMs;
      const slo::Report report = slo::report(track, definition, kMinuteMs);
      if (expect.contains("sli")) expect_near(*report.sli, expect.at("sli"), fn);
      if (expect.contains("allowed")) expect_near(*report.allowed, expect.at("allowed"), fn);
      if (expect.contains("consumed") && fn == "report") {
        expect_near(*report.consumed, expect.at("consumed"), fn);
      }
      if (expect.contains("remaining")) {
        expect_near(*report.remaining, to_number(listed(expect.at("remaining"))[i]), fn);
      }
      if (expect.contains("remaining_s")) {
        const double window_s = 30.0 * 86'400 * definition.budget().value();
        expect_near(*report.remaining * window_s, expect.at("remaining_s"), fn);
      }
      const DurationMs minute[] = {kMinuteMs};
      const auto burn = slo::burn(track, definition, kMinuteMs, minute);
      if (expect.contains("burn")) expect_near(*burn.windows[0].burn, expect.at("burn"), fn);
      if (expect.contains("max_burn"))
        expect_near(*burn.windows[0].burn, expect.at("max_burn"), fn);
    }
  } else if (fn == "factor" || fn == "spend") {
    const DurationMs window = parse_duration(given.at("window").get<std::string>()).value();
    for (std::size_t i = 0; i < given.at("long").size(); ++i) {
      const DurationMs length = parse_duration(given.at("long")[i].get<std::string>()).value();
      if (fn == "factor") {
        const std::string text = given.at("spend")[i];
        const SloFile file = parse_slos(
            fmt::format(
                "{{slo: a, target: 99, bad: b, total: t, window: {}, alerts: [{{spend: \"{}\", "
                "long: {}}}]}}",
                given.at("window").get<std::string>(), text,
                given.at("long")[i].get<std::string>()),
            "case");
        ASSERT_TRUE(file.errors.empty()) << file.errors[0].text();
        expect_near(file.definitions[0].alerts[0].factor.value(), expect.at("factor")[i], fn);
      } else {
        const double spend = given.at("factor")[i].get<double>() * static_cast<double>(length) /
                             static_cast<double>(window);
        expect_near(spend, expect.at("spend")[i], fn);
      }
    }
  } else if (fn == "exhaust") {
    const double window_s =
        static_cast<double>(parse_duration(given.at("window").get<std::string>()).value()) / 1e3;
    std::vector<double> burns;
    if (given.contains("error_ratio")) {
      burns.push_back(given.at("error_ratio").get<double>() /
                      slo::one_minus(objective_of(given.at("target"))).value());
    } else {
      for (const json& burn : listed(given.at("burn"))) burns.push_back(to_number(burn));
    }
    for (std::size_t i = 0; i < burns.size(); ++i) {
      expect_near(window_s / burns[i], to_number(listed(expect.at("seconds"))[i]), fn);
    }
  } else if (fn == "detect") {
    for (std::size_t i = 0; i < given.at("long").size(); ++i) {
      slo::AlertRule rule;
      rule.long_ms = parse_duration(given.at("long")[i].get<std::string>()).value();
      rule.factor = *Rational::parse(given.at("factor")[i].dump());
      const auto got = slo::detect_seconds(rule, slo::one_minus(objective_of(given.at("target"))),
                                           given.at("error_ratio"));
      ASSERT_TRUE(got);
      expect_near(*got, to_number(expect.at("seconds")[i]), fn);
    }
  } else if (fn == "methods") {
    const double bads[] = {720 * 1000 * 0.002, 0};
    const double totals[] = {720 * 1000, 720 * 10};
    const slo::Track track = slo::Track::from_counts(0, kMinuteMs, bads, totals).value();
    const slo::Counts sum = track.sum({0, 2 * kMinuteMs});
    expect_near(sum.bad / sum.total, expect.at("occurrences_error"), fn);
  } else if (fn == "wilson") {
    for (std::size_t i = 0; i < given.at("k_n").size(); ++i) {
      const auto interval = slo::wilson(given.at("k_n")[i][0], given.at("k_n")[i][1],
                                        given.at("confidence").get<double>() / 100);
      expect_near(interval.low, expect.at("low_high")[i][0], fn);
      expect_near(interval.high, expect.at("low_high")[i][1], fn);
    }
  } else if (fn == "binomial_tail") {
    for (std::size_t i = 0; i < given.at("k").size(); ++i) {
      expect_near(slo::binomial_tail(given.at("n"), given.at("p"), given.at("k")[i]),
                  expect.at("p")[i], fn);
    }
  } else if (fn == "zero_failure_events") {
    expect_near(*slo::zero_failure_events(objective_of(given.at("target"))), expect.at("events"),
                fn);
  } else {
    FAIL() << "no such formula: " << fn;
  }
}

// --- replay: each slice judged as if it were now ---

void run_replay(const json& c) {
  const json& given = c.at("given");
  const auto clean = given.at("clean_slices_before").get<std::size_t>();
  const auto bad_slices = given.at("bad_slices").get<std::size_t>();
  const auto after = given.at("slices_after_start").get<std::size_t>();
  const auto total = given.at("total_per_slice").get<double>();
  std::vector<double> bad(clean + after, 0);
  for (std::size_t i = 0; i < bad_slices; ++i) {
    bad[clean + i] = given.at("bad_per_slice").is_string()
                         ? static_cast<double>(i % 2)
                         : given.at("bad_per_slice").get<double>();
  }
  const std::vector<double> totals(bad.size(), total);
  const slo::Track track = slo::Track::from_counts(0, kMinuteMs, bad, totals).value();
  slo::Definition definition;
  definition.objective = objective_of(given.at("target"));
  definition.window_ms = parse_duration(given.at("window").get<std::string>()).value();
  definition.alerts = slo::google_alerts(definition.window_ms);
  std::vector<json> firings(definition.alerts.size(), json::array());
  std::vector<int> since(definition.alerts.size(), -1);
  for (std::size_t i = 1; i <= after; ++i) {
    const auto state = slo::burn(track, definition, static_cast<TimeMs>(clean + i) * kMinuteMs);
    for (std::size_t rule = 0; rule < firings.size(); ++rule) {
      const bool firing = state.rules[rule].state == slo::RuleState::firing;
      if (firing && since[rule] < 0) since[rule] = static_cast<int>(i);
      if (!firing && since[rule] >= 0) {
        firings[rule].push_back({since[rule], static_cast<int>(i)});
        since[rule] = -1;
      }
    }
  }
  EXPECT_EQ(json(firings), c.at("expect").at("firings_min"));
}

// --- V: samples in a database, replies as JSON ---

std::string yaml_of(const json& definitions) {
  std::string text;
  for (const json& definition : definitions) text += "---\n" + definition.dump() + "\n";
  return text;  // JSON is YAML
}

const json* find(const json& document, const std::string& path) {
  const json* at = &document;
  std::size_t start = 0;
  while (start <= path.size()) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string key = path.substr(start, dot - start);
    if (at->is_array()) {
      at = &at->at(static_cast<std::size_t>(std::stoul(key)));
    } else {
      if (!at->contains(key)) return nullptr;
      at = &at->at(key);
    }
    start = dot + 1;
  }
  return at;
}

void run_track(const json& c, bool stored) {
  const test::TempDir dir;
  Options options;
  options.create_if_missing = true;
  options.maintenance = Maintenance::manual;
  Db db = Db::open(dir / "db", options).value();
  Batch batch;
  for (const json& series : c.at("series")) {
    std::vector<Label> list{{"__name__", series.at("metric")}};
    for (const auto& [name, value] : series.at("labels").items()) list.push_back({name, value});
    const Labels labels = Labels::from(list).value();
    for (const json& sample : series.at("samples")) {
      batch.add(labels, sample[0].get<TimeMs>(), sample[1].get<double>());
    }
  }
  ASSERT_TRUE(db.write(batch));
  if (stored) {
    ASSERT_TRUE(db.flush());
  }
  const SloFile file = parse_slos(yaml_of(c.at("definitions")), "case");
  ASSERT_TRUE(file.errors.empty()) << file.errors[0].text();
  for (const json& run : c.at("runs")) {
    const TimeMs at = parse_iso_time(run.at("at").get<std::string>()).value();
    std::string reply;
    if (c.at("kind") == "report") {
      std::vector<ReportedSlo> slos;
      for (const auto& definition : file.definitions) {
        slos.push_back({definition, slo::report(db, definition, at).value()});
      }
      reply = report_json(at, slos);
    } else {
      std::vector<BurningSlo> slos;
      for (const auto& definition : file.definitions) {
        slos.push_back({definition, slo::burn(db, definition, at).value()});
      }
      reply = burn_json(at, slos);
    }
    const json got = json::parse(reply);
    for (const auto& [path, expected] : run.at("expect").items()) {
      SCOPED_TRACE(run.at("at").get<std::string>() + " " + path);
      const json* value = find(got, path);
      ASSERT_NE(value, nullptr);
      if (expected.is_number() && value->is_number()) {
        EXPECT_NEAR(value->get<double>(), expected.get<double>(),
                    1e-9 * std::max(1.0, std::fabs(expected.get<double>())));
      } else {
        EXPECT_EQ(*value, expected);
      }
    }
  }
}

TEST(SloCases, AreAllRunOrListedAsLater) {
  std::set<std::string> seen;
  int run = 0;
  for (const json& c : cases()) {
    const std::string id = c.at("id");
    SCOPED_TRACE(id);
    seen.insert(id);
    if (kLater.contains(id)) continue;
    ++run;
    const std::string kind = c.at("kind");
    if (kind == "formula") {
      run_formula(c);
    } else if (kind == "replay") {
      run_replay(c);
    } else {
      run_track(c, false);
      run_track(c, true);
    }
  }
  for (const auto& [id, why] : kLater) EXPECT_TRUE(seen.contains(id)) << id;
  EXPECT_GE(run, 30);
}

}  // namespace
}  // namespace hygge::formats
