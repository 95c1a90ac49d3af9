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
#include "slo/calendar.h"
#include "slo/method.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_dir.h"

namespace hygge::formats {
namespace {

using nlohmann::json;
using slo::Rational;

const std::map<std::string, const char*> kLater{
    {"M1", "cost"},
    {"M3", "capacity"},
    {"O5", "query: tests/window"},
    {"O6", "query: not built yet"},
    {"O7", "query: tests/window"},
    {"O8", "capacity"},
};

json cases() {
  std::ifstream in(test::in_source("tests/golden/slo-cases.json"));
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

struct Traffic {
  std::size_t slices;
  double bad, total;  ///< in each
};

// A report of measured slices, one minute each, over a window that they fill.
slo::Report report_of(slo::Definition definition, const std::vector<Traffic>& traffic) {
  slo::RawSlices raw;
  for (const Traffic& part : traffic) {
    slo::Slice slice;
    slice.bad = part.bad;
    slice.total = part.total;
    slice.state = slo::State::measured;
    raw.slices.insert(raw.slices.end(), part.slices, slice);
  }
  definition.window_ms = static_cast<DurationMs>(raw.slices.size()) * kMinuteMs;
  raw.first_data_ms = 0;
  const slo::Track track = slo::make_track(definition, std::move(raw)).value();
  return slo::report(track, definition, definition.window_ms);
}

void run_methods(const json& given, const json& expect) {
  slo::Definition definition;
  std::vector<Traffic> traffic{{720, 2, 1000}, {720, 0, 10}};
  if (given.contains("slices")) {
    const auto all = given.at("slices").get<std::size_t>();
    const auto bad = given.at("bad_slices").get<std::size_t>();
    const auto total = given.at("per_slice").get<double>();
    traffic = {{bad, total * given.at("bad_ratio").get<double>(), total}, {all - bad, 0, total}};
  }
  const double occurrences = report_of(definition, traffic).sli.value();
  definition.method = slo::Method::ratio_timeslices;
  const double ratio = report_of(definition, traffic).sli.value();
  if (!given.contains("slices")) {
    expect_near(1 - occurrences, expect.at("occurrences_error"), "occurrences");
    expect_near(1 - ratio, expect.at("ratio_timeslices_error"), "ratio");
    return;
  }
  expect_near(occurrences, expect.at("occurrences"), "occurrences");
  expect_near(ratio, expect.at("ratio_timeslices"), "ratio");
  definition.method = slo::Method::timeslices;
  for (const int percent : {95, 99}) {
    definition.slice_target = Rational::of(percent, 100);
    expect_near(report_of(definition, traffic).sli.value(),
                expect.at(fmt::format("timeslices_{}", percent)), "timeslices");
  }
}

void run_fixed_budget(const json& given, const json& expect) {
  slo::Definition definition;
  definition.objective = objective_of(given.at("target"));
  definition.method = slo::Method::ratio_timeslices;
  const auto slices = static_cast<std::size_t>(
      parse_duration(given.at("window").get<std::string>()).value() / kMinuteMs);
  const auto consumed = [&](std::size_t attacked) {
    const double total = 100;
    return report_of(
               definition,
               {{attacked, total * (1 - given.at("attack_ratio").get<double>()), total},
                {slices - attacked, total * (1 - given.at("base_ratio").get<double>()), total}})
        .consumed.value();
  };
  const auto whole = static_cast<std::size_t>(expect.at("minutes").get<double>());
  const double before = consumed(whole);
  const double after = consumed(whole + 1);
  ASSERT_LT(before, 1);
  ASSERT_GT(after, 1);
  expect_near(static_cast<double>(whole) + (1 - before) / (after - before), expect.at("minutes"),
              "minutes");
}

void run_exclude(const json& given, const json& expect) {
  const auto slices = static_cast<std::size_t>(
      parse_duration(given.at("window").get<std::string>()).value() / kMinuteMs);
  const auto down = given.at("down_min").get<std::size_t>();
  const auto excluded = given.at("excluded_min").get<TimeMs>();
  for (std::size_t i = 0; i < given.at("treat").size(); ++i) {
    slo::Definition definition;
    const std::string treat = given.at("treat")[i];
    if (treat != "none") {
      slo::Exclusion exclusion;
      exclusion.range = {kDayMs, kDayMs + excluded * kMinuteMs};
      exclusion.as_good = treat == "good";
      definition.exclusions = {exclusion};
    }
    const auto report = report_of(definition, {{down, 1000, 1000}, {slices - down, 0, 1000}});
    expect_near(1 - report.sli.value(), expect.at("error")[i], treat);
  }
}

void run_calendar(const json& expect) {
  const auto days = [](const char* calendar, const char* at) {
    const SloFile file = parse_slos(
        fmt::format("{{slo: a, target: 99, bad: b, total: t, window: {}}}", calendar), "case");
    EXPECT_TRUE(file.errors.empty());
    const auto window = slo::window_at(file.definitions.at(0), parse_iso_time(at).value());
    return static_cast<double>(window.end_ms - window.judged.after) / kDayMs;
  };
  const char* quarters[] = {"2026-02-14T00:00:00Z", "2026-05-14T00:00:00Z", "2026-08-14T00:00:00Z",
                            "2026-11-14T00:00:00Z"};
  for (std::size_t i = 0; i < 4; ++i) {
    expect_near(days("{calendar: quarter}", quarters[i]), expect.at("days")[i], quarters[i]);
  }
  expect_near(
      days("{calendar: quarter, tz: Asia/Tokyo, fiscal_start: 4}", "2026-06-30T23:59:00+09:00"),
      expect.at("fiscal_days"), "fiscal");
  expect_near(days("{calendar: month, tz: America/New_York}", "2026-03-20T00:00:00Z") * 24 * 60,
              expect.at("minutes"), "March in New York");
}

// Slices of as many components, each with its ratio, summed.
void run_composite_sum(const json& given, const json& expect) {
  slo::Definition whole;
  whole.composite.emplace();
  whole.composite->how = slo::Composite::How::sum;
  whole.method = slo::Method::ratio_timeslices;
  whole.window_ms = 2 * kMinuteMs;
  std::vector<slo::Track> tracks;
  for (const json& ratio : given.at("ratios")) {
    slo::Definition component;
    component.window_ms = whole.window_ms;
    whole.composite->of.push_back({"c", {1, 1}});
    whole.components.push_back(component);
    const std::vector<double> total(2, 1000), bad(2, std::round(1000 * (1 - ratio.get<double>())));
    tracks.push_back(slo::Track::from_counts(0, kMinuteMs, bad, total).value());
  }
  const slo::Track track = slo::combine(whole, std::move(tracks)).value();
  expect_near(slo::report(track, whole, 2 * kMinuteMs).sli.value(), expect.at("sli"), "sli");
}

// The history of the case in words: an outage of 20 minutes 29 days ago, and 0.15 % of late.
void run_forecast(const json& given, const json& expect) {
  slo::Definition definition;
  definition.objective = objective_of(given.at("target"));
  definition.window_ms = parse_duration(given.at("window").get<std::string>()).value();
  constexpr std::size_t kDay = 1440;
  std::vector<double> bad(30 * kDay, 0);
  const std::vector<double> total(30 * kDay, 2000);
  std::fill_n(bad.begin() + kDay, 20, 2000);
  std::fill_n(bad.begin() + 28 * kDay, 2 * kDay, 3);
  const slo::Track track = slo::Track::from_counts(0, kMinuteMs, bad, total).value();
  const slo::Forecast got = slo::forecast(track, definition, track.range().until);
  expect_near(got.consumed.value(), expect.at("consumed"), "consumed");
  expect_near(got.naive.in_s.value() / 86'400, expect.at("naive_days"), "naive");
  expect_near(got.aware.in_s.value() / 86'400, expect.at("aware_days"), "aware");
}

// 40 % of the budget spent, and a day at three times its rate.
void run_naive(const json& given, const json& expect) {
  slo::Definition definition;
  definition.objective = Rational::of(9, 10);
  definition.window_ms = parse_duration(given.at("window").get<std::string>()).value();
  definition.step_ms = kHourMs;
  const std::size_t hours = 720;
  std::vector<double> bad(hours, 0);
  const std::vector<double> total(hours, 1000);
  // 72,000 bad events are the budget; 300 of 1000 is burn 3.
  std::fill_n(bad.end() - 24, 24, 100 * given.at("burn").get<double>());
  const double missing = given.at("consumed").get<double>() * 72'000 - 24 * 300;
  std::fill_n(bad.begin() + 300, 24, missing / 24);
  const slo::Track track = slo::Track::from_counts(0, kHourMs, bad, total).value();
  const slo::Forecast got = slo::forecast(track, definition, track.range().until);
  expect_near(got.consumed.value(), given.at("consumed"), "consumed");
  expect_near(got.burn.value(), given.at("burn"), "burn");
  expect_near(got.naive.in_s.value() / 86'400, expect.at("days"), "naive");
}

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
  } else if (fn == "composite_sum") {
    run_composite_sum(given, expect);
  } else if (fn == "forecast") {
    run_forecast(given, expect);
  } else if (fn == "exhaust" && given.contains("consumed")) {
    run_naive(given, expect);
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
    run_methods(given, expect);
  } else if (fn == "exhaust_fixed_budget") {
    run_fixed_budget(given, expect);
  } else if (fn == "exclude") {
    run_exclude(given, expect);
  } else if (fn == "calendar") {
    run_calendar(expect);
  } else if (fn == "min_bad_for_significance") {
    for (std::size_t i = 0; i < given.at("n").size(); ++i) {
      const double n = given.at("n")[i];
      int bad = 0;
      while (!(slo::binomial_tail(n, given.at("p"), bad) < given.at("alpha").get<double>())) ++bad;
      EXPECT_EQ(bad, expect.at("bad")[i].get<int>()) << n;
    }
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
  // The same by replay, over the slices that follow the clean ones.
  std::vector<json> replayed(definition.alerts.size(), json::array());
  const TimeMs start = static_cast<TimeMs>(clean) * kMinuteMs;
  const auto minutes = [&](TimeMs t) { return (t - start) / kMinuteMs; };
  for (const slo::Firing& firing :
       slo::replay(track, definition, slo::own_policy(definition), {start, track.range().until})) {
    ASSERT_TRUE(firing.to_ms);
    replayed[firing.rule].push_back({minutes(firing.from_ms), minutes(*firing.to_ms)});
  }
  EXPECT_EQ(json(replayed), c.at("expect").at("firings_min"));
  // And what it cost, of a month at this traffic.
  const slo::Counts spent = track.sum({start, start + static_cast<TimeMs>(bad_slices) * kMinuteMs});
  const double month = 43'200 * total * definition.budget().value();
  EXPECT_NEAR(spent.bad / month * 100, c.at("expect").at("budget_percent").get<double>(), 1e-4);
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
  EXPECT_EQ(run, 44);
}

}  // namespace
}  // namespace hygge::formats
