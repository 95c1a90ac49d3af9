// slo whatif, backtest, forecast: what a whole history tells of promises and alerts.
#include <fmt/format.h>
#include <hygge/slo.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "slo.h"
#include "text.h"

namespace hygge::command {

namespace {

// People get short numbers, programs all digits.
std::string number(const Context& context, const std::optional<double>& v) {
  if (!v) return "";
  return context.format() == "table" ? short_number(*v) : number_text(*v);
}

// --- whatif ---

Result<std::vector<slo::Grid::Target>> targets_of(const Context& context,
                                                  const slo::Definition& definition) {
  std::vector<slo::Grid::Target> out;
  for (const std::string& word : words_of(context, "target")) {
    const auto objective = formats::parse_percent(word);
    if (!objective || objective->num >= objective->den) {
      return fail(ErrorCode::parse,
                  fmt::format("--target: \"{}\" is no percentage below 100", word),
                  "for example --target 99,99.5,99.9");
    }
    out.push_back({word.substr(0, word.find('%')), *objective});
  }
  if (out.empty()) out.push_back({definition.target_percent, definition.objective});
  return out;
}

Result<std::vector<slo::Grid::Window>> windows_of(const Context& context,
                                                  const slo::Definition& definition) {
  std::vector<slo::Grid::Window> out;
  for (const std::string& word : words_of(context, "window")) {
    constexpr std::array kUnits{"week", "month", "quarter", "year"};
    const auto unit = std::find(kUnits.begin(), kUnits.end(), word);
    if (unit == kUnits.end()) {
      const auto length = parse_duration(word);
      if (!length || *length <= 0) {
        return fail(
            ErrorCode::parse,
            fmt::format("--window: \"{}\" is no duration and no unit of the calendar", word),
            "for example --window 7d,30d,month");
      }
      out.push_back({*length, std::nullopt});
      continue;
    }
    // The calendar of the SLO, else the zone of the call.
    slo::Calendar calendar = definition.calendar.value_or(
        slo::Calendar{slo::Calendar::Unit::month, context.zone().name(), 1});
    calendar.unit = static_cast<slo::Calendar::Unit>(unit - kUnits.begin());
    out.push_back({slo::nominal_length(calendar.unit), calendar});
  }
  if (out.empty()) out.push_back({definition.window_ms, definition.calendar});
  return out;
}

Result<std::vector<slo::MethodChoice>> methods_of(const Context& context) {
  std::vector<slo::MethodChoice> out;
  for (const std::string& word : words_of(context, "method")) {
    auto choice = formats::parse_method(word);
    if (!choice) return tl::unexpected<Error>(choice.error());
    out.push_back(*choice);
  }
  return out;
}

Table whatif_table(const Context& context, const std::vector<formats::TriedSlo>& slos) {
  Table table({{"slo"},
               {"target", true},
               {"window", true},
               {"method", false, false, 3},
               {"windows", true},
               {"met", true},
               {"met_ratio", true},
               {"insufficient", true, false, 2},
               {"worst_sli", true},
               {"worst_consumed", true},
               {"worst_at", false, false, 1},
               {"pages", true},
               {"tickets", true}});
  for (const formats::TriedSlo& one : slos) {
    for (const slo::WhatIfRow& row : one.whatif.rows) {
      table.add({one.definition.name, row.target.percent,
                 formats::window_spec(row.window.window_ms, row.window.calendar), row.method,
                 fmt::format("{}", row.windows), fmt::format("{}", row.met),
                 number(context, row.met_ratio()), fmt::format("{}", row.insufficient),
                 number(context, row.worst_sli), number(context, row.worst_consumed),
                 context.time(row.worst_at_ms), fmt::format("{}", row.pages),
                 fmt::format("{}", row.tickets)});
    }
  }
  return table;
}

std::string recommendations(const std::vector<formats::TriedSlo>& slos) {
  std::string out;
  for (const formats::TriedSlo& one : slos) {
    const slo::WhatIfRow* best = recommend(one.whatif);
    if (best == nullptr) {
      out +=
          fmt::format("{}: no target of these held in 95 % of its windows\n", one.definition.name);
      continue;
    }
    out += fmt::format("{}: {} % over {} ({}) held in {} of {} windows\n", one.definition.name,
                       best->target.percent,
                       formats::window_spec(best->window.window_ms, best->window.calendar),
                       best->method, best->met, best->windows);
  }
  return out;
}

// --- backtest ---

Result<slo::Policy> policy_of(const std::string& word, const slo::Definition& definition) {
  if (word == "google") return slo::Policy{word, slo::google_alerts(definition.window_ms)};
  if (word == "own") return slo::Policy{word, definition.alerts};
  return formats::load_policy(word, definition);
}

Result<std::vector<slo::Policy>> policies_of(const Context& context,
                                             const slo::Definition& definition) {
  std::vector<slo::Policy> out;
  for (const std::string& word : words_of(context, "policy")) {
    auto policy = policy_of(word, definition);
    if (!policy) return tl::unexpected<Error>(policy.error());
    out.push_back(std::move(*policy));
  }
  if (out.empty()) out.push_back(slo::own_policy(definition));
  return out;
}

// "22-07".
Result<void> set_night(const std::string& text, slo::ScoreOptions& out) {
  const std::size_t dash = text.find('-');
  const auto hour = [](std::string_view word) {
    int value = -1;
    const auto [at, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool whole = error == std::errc() && at == word.data() + word.size();
    return whole && value <= 24 ? value : -1;
  };
  if (dash != std::string::npos) {
    out.night_from = hour(std::string_view(text).substr(0, dash));
    out.night_to = hour(std::string_view(text).substr(dash + 1));
    if (out.night_from >= 0 && out.night_to >= 0) return {};
  }
  return fail(ErrorCode::parse, fmt::format("--night: \"{}\" are no hours", text),
              "for example --night 22-07");
}

Result<slo::BacktestOptions> options_of(const Context& context) {
  slo::BacktestOptions out;
  if (const auto path = context.arguments().get("incidents")) {
    auto incidents = formats::load_incidents(*path);
    if (!incidents) return tl::unexpected<Error>(incidents.error());
    out.incidents = std::move(*incidents);
  }
  if (const auto text = context.arguments().get("significant")) {
    const auto share = formats::parse_percent(*text);
    if (!share) {
      return fail(ErrorCode::parse, fmt::format("--significant: \"{}\" is no percentage", *text),
                  "for example --significant 2%");
    }
    out.significant = *share;
  }
  const auto slack = duration_of(context, "slack", out.score.slack_ms);
  if (!slack) return tl::unexpected<Error>(slack.error());
  out.score.slack_ms = *slack;
  out.score.tz = context.zone().name();
  if (const auto night = context.arguments().get("night")) {
    if (auto set = set_night(*night, out.score); !set) return tl::unexpected<Error>(set.error());
  }
  return out;
}

Table backtest_table(const Context& context, const std::vector<formats::BacktestedSlo>& slos) {
  Table table({{"slo"},
               {"policy"},
               {"level"},
               {"alerts", true},
               {"precision", true},
               {"recall", true},
               {"detect_s", true},
               {"detect_max_s", true, false, 2},
               {"reset_s", true},
               {"reset_max_s", true, false, 3},
               {"spent", true},
               {"spent_max", true, false, 4},
               {"per_week", true, false, 1},
               {"night", true}});
  for (const auto& [definition, backtest] : slos) {
    for (const slo::PolicyScore& policy : backtest.policies) {
      for (const slo::LevelScore& level : policy.levels) {
        table.add({definition.name, policy.policy.name, level.level,
                   fmt::format("{}", level.alerts.size()), number(context, level.precision),
                   number(context, level.recall), number(context, level.detection_s.p50),
                   number(context, level.detection_s.max), number(context, level.reset_s.p50),
                   number(context, level.reset_s.max), number(context, level.spent.p50),
                   number(context, level.spent.max), number(context, level.per_week),
                   fmt::format("{}", level.night)});
      }
    }
  }
  return table;
}

// --- forecast ---

Table forecast_table(const Context& context, const std::vector<formats::ForecastSlo>& slos) {
  Table table({{"slo"},
               {"consumed", true},
               {"remaining", true},
               {"burn", true},
               {"naive_s", true},
               {"naive_at"},
               {"aware_s", true},
               {"aware_at"},
               {"resets_at"}});
  for (const auto& [definition, forecast] : slos) {
    table.add({definition.name, number(context, forecast.consumed),
               number(context, forecast.remaining), number(context, forecast.burn),
               number(context, forecast.naive.in_s), context.time(forecast.naive.at_ms),
               number(context, forecast.aware.in_s), context.time(forecast.aware.at_ms),
               context.time(forecast.resets_at_ms)});
  }
  return table;
}

// The range of the call, up to its instant; everything where none is given.
Result<TimeRange> history_of(const Context& context, const Db& db, TimeMs at_ms) {
  const auto text = context.arguments().get("range");
  if (!text) return TimeRange{kMinTimeMs, at_ms};
  return context.range(db, "all", true);
}

}  // namespace

Result<int> run_slo_whatif(Context& context) {
  const auto call = slo_call_of(context);
  if (!call) return tl::unexpected<Error>(call.error());
  const auto& [definitions, db, at_ms] = *call;
  const auto range = history_of(context, db, at_ms);
  if (!range) return tl::unexpected<Error>(range.error());
  const auto methods = methods_of(context);
  if (!methods) return tl::unexpected<Error>(methods.error());
  const auto stride = duration_of(context, "stride", kDayMs);
  if (!stride) return tl::unexpected<Error>(stride.error());
  std::vector<formats::TriedSlo> slos;
  bool any = false;
  for (const slo::Definition& definition : definitions) {
    slo::Grid grid;
    auto targets = targets_of(context, definition);
    if (!targets) return tl::unexpected<Error>(targets.error());
    auto windows = windows_of(context, definition);
    if (!windows) return tl::unexpected<Error>(windows.error());
    grid.targets = std::move(*targets);
    grid.windows = std::move(*windows);
    grid.stride_ms = *stride;
    grid.after_ms = range->after;
    auto whatif = slo::whatif(db, definition, grid, *methods, range->until);
    if (!whatif) return tl::unexpected<Error>(whatif.error());
    tell_notes(context, definition, whatif->notes);
    for (const slo::WhatIfRow& row : whatif->rows) any = any || row.windows > 0;
    slos.push_back({definition, std::move(*whatif), *stride});
  }
  const int code = worst_of(false, !any);
  if (!any) context.note("no window of these lies within the data, or none has enough of it");
  if (context.format() == "json") {
    return finish_slo(context.out().write(formats::whatif_json(at_ms, slos)), code);
  }
  auto wrote = context.write_table(whatif_table(context, slos));
  if (wrote && context.format() == "table") wrote = context.out().write(recommendations(slos));
  return finish_slo(std::move(wrote), code);
}

Result<int> run_slo_backtest(Context& context) {
  const auto call = slo_call_of(context);
  if (!call) return tl::unexpected<Error>(call.error());
  const auto& [definitions, db, at_ms] = *call;
  const auto range = history_of(context, db, at_ms);
  if (!range) return tl::unexpected<Error>(range.error());
  const auto options = options_of(context);
  if (!options) return tl::unexpected<Error>(options.error());
  std::vector<formats::BacktestedSlo> slos;
  bool uncovered = false;
  for (const slo::Definition& definition : definitions) {
    const auto policies = policies_of(context, definition);
    if (!policies) return tl::unexpected<Error>(policies.error());
    auto backtest = slo::backtest(db, definition, *policies, *range, *options);
    if (!backtest) return tl::unexpected<Error>(backtest.error());
    tell_notes(context, definition, backtest->notes);
    uncovered = uncovered || !backtest->covered;
    slos.push_back({definition, std::move(*backtest)});
  }
  if (!options->incidents) {
    context.note(
        "incidents are those in the data: recall says nothing of what the SLI does not see");
  }
  const int code = worst_of(false, uncovered);
  if (context.format() == "json") {
    return finish_slo(context.out().write(formats::backtest_json(at_ms, slos)), code);
  }
  auto wrote = context.write_table(backtest_table(context, slos));
  for (const formats::BacktestedSlo& one : slos) {
    if (wrote && context.format() == "table") {
      wrote = context.out().write(formats::backtest_text(one));
    }
  }
  return finish_slo(std::move(wrote), code);
}

Result<int> run_slo_forecast(Context& context) {
  const auto call = slo_call_of(context);
  if (!call) return tl::unexpected<Error>(call.error());
  const auto& [definitions, db, at_ms] = *call;
  const auto lookback = duration_of(context, "lookback", kDayMs);
  if (!lookback) return tl::unexpected<Error>(lookback.error());
  const auto within = duration_of(context, "within", 0);
  if (!within) return tl::unexpected<Error>(within.error());
  std::vector<formats::ForecastSlo> slos;
  bool gone = false, uncovered = false;
  for (const slo::Definition& definition : definitions) {
    auto forecast = slo::forecast(db, definition, at_ms, *lookback);
    if (!forecast) return tl::unexpected<Error>(forecast.error());
    tell_notes(context, definition, forecast->notes);
    uncovered = uncovered || !forecast->covered;
    const auto soon = forecast->aware.in_s;
    gone = gone || (soon && *soon <= static_cast<double>(*within) / kSecondMs);
    slos.push_back({definition, std::move(*forecast)});
  }
  const int code = worst_of(gone, uncovered);
  const std::string& format = context.format();
  std::string text;
  if (format == "json") {
    text = formats::forecast_json(at_ms, slos);
  } else if (format == "openmetrics") {
    text = formats::forecast_openmetrics(slos);
  } else if (format == "mackerel") {
    text = formats::forecast_mackerel(slos);
  } else if (format == "table") {
    for (const formats::ForecastSlo& one : slos) text += formats::forecast_text(one);
  } else {
    return finish_slo(context.write_table(forecast_table(context, slos)), code);
  }
  return finish_slo(context.out().write(text), code);
}

}  // namespace hygge::command
