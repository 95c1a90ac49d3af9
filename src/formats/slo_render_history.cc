// The replies of slo whatif, backtest and forecast.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>

#include "formats/slo_json.h"

namespace hygge::formats {

namespace {

void write_exhaustion(Json& out, std::string_view key, const slo::Exhaustion& gone) {
  out.key(key).open('{').field("exhausts_in_s", gone.in_s);
  out.field("at_ms", gone.at_ms).close('}');
}

void forecast_entry(Json& out, const ForecastSlo& slo) {
  const slo::Forecast& forecast = slo.forecast;
  out.open('{').field("slo", slo.definition.name).field("consumed", forecast.consumed);
  out.field("remaining", forecast.remaining).field("lookback_s", seconds(forecast.lookback_ms));
  out.field("burn", forecast.burn);
  write_exhaustion(out, "naive", forecast.naive);
  write_exhaustion(out, "aware", forecast.aware);
  out.field("resets_at_ms", forecast.resets_at_ms).close('}');
}

void cell_names(Json& out, const slo::WhatIfRow& row) {
  out.field("target", row.target.percent);
  out.field("window", window_spec(row.window.window_ms, row.window.calendar));
  out.field("method", row.method);
}

void whatif_entry(Json& out, const TriedSlo& slo) {
  const slo::WhatIf& whatif = slo.whatif;
  out.open('{').field("slo", slo.definition.name).field("from_ms", whatif.range.after);
  out.field("to_ms", whatif.range.until).field("stride_s", seconds(slo.stride_ms));
  out.key("rows").open('[');
  for (const slo::WhatIfRow& row : whatif.rows) {
    out.open('{');
    cell_names(out, row);
    out.field("windows", row.windows).field("met", row.met);
    out.field("insufficient", row.insufficient).field("met_ratio", row.met_ratio());
    out.field("worst_sli", row.worst_sli).field("worst_at_ms", row.worst_at_ms);
    out.field("worst_consumed", row.worst_consumed).field("pages", row.pages);
    out.field("tickets", row.tickets).close('}');
  }
  out.close(']').key("recommend");
  if (const slo::WhatIfRow* best = recommend(whatif); best != nullptr) {
    out.open('{');
    cell_names(out, *best);
    out.close('}');
  } else {
    out.null();
  }
  out.close('}');
}

void write_alerts(Json& out, std::span<const slo::Alert> alerts) {
  out.key("firings").open('[');
  for (const slo::Alert& alert : alerts) {
    out.open('{').field("from_ms", alert.from_ms).field("to_ms", alert.to_ms).close('}');
  }
  out.close(']');
}

void write_spread(Json& out, std::string_view key, const slo::Spread& spread) {
  out.key(key).open('{').field("p50", spread.p50).field("max", spread.max).close('}');
}

void write_level(Json& out, const slo::LevelScore& level) {
  out.key(level.level).open('{').field("alerts", level.alerts.size());
  out.field("true_alerts", level.alerts.size() - level.false_alerts.size());
  out.field("false_alerts", level.false_alerts.size()).field("precision", level.precision);
  out.field("detected", level.detected).field("recall", level.recall).key("missed").open('[');
  for (const std::string& id : level.missed) out.value(id);
  out.close(']');
  write_spread(out, "detection_s", level.detection_s);
  write_spread(out, "reset_s", level.reset_s);
  write_spread(out, "spent_at_detection", level.spent);
  out.field("per_week", level.per_week).field("night", level.night);
  write_alerts(out, level.alerts);
  out.close('}');
}

void write_policy(Json& out, const slo::PolicyScore& one) {
  out.open('{').field("policy", one.policy.name).key("rules").open('[');
  for (std::size_t i = 0; i < one.policy.rules.size(); ++i) {
    const slo::AlertRule& rule = one.policy.rules[i];
    out.open('{').field("as", rule.as).field("long_s", seconds(rule.long_ms));
    out.field("short_s", seconds(rule.short_ms)).field("factor", rule.factor.value());
    std::vector<slo::Alert> mine;
    for (const slo::Firing& firing : one.firings) {
      if (firing.rule == i) mine.push_back({firing.from_ms, firing.to_ms});
    }
    write_alerts(out, mine);
    out.close('}');
  }
  out.close(']').key("levels").open('{');
  for (const slo::LevelScore& level : one.levels) write_level(out, level);
  out.close('}').close('}');
}

void backtest_entry(Json& out, const BacktestedSlo& slo) {
  const slo::Backtest& backtest = slo.backtest;
  out.open('{').field("slo", slo.definition.name);
  out.field("truth", backtest.incidents_given ? "file" : "data");
  out.field("from_ms", backtest.range.after).field("to_ms", backtest.range.until);
  out.key("incidents").open('[');
  for (const slo::Incident& one : backtest.incidents) {
    out.open('{').field("id", one.id).field("start_ms", one.range.after);
    out.field("end_ms", one.range.until).close('}');
  }
  out.close(']').key("policies").open('[');
  for (const slo::PolicyScore& one : backtest.policies) write_policy(out, one);
  out.close(']').close('}');
}

std::string exhaustion_text(const slo::Exhaustion& gone) {
  if (!gone.in_s) return "never";
  if (*gone.in_s == 0) return "already";
  const double hours = *gone.in_s / 3600;
  return fmt::format(
      "in {}, {}",
      hours < 48 ? fmt::format("{:.1f} h", hours) : fmt::format("{:.1f} d", hours / 24),
      format_time_utc(*gone.at_ms));
}

}  // namespace

std::string forecast_json(TimeMs at_ms, std::span<const ForecastSlo> slos) {
  return reply("forecast", at_ms, slos, forecast_entry);
}
std::string whatif_json(TimeMs at_ms, std::span<const TriedSlo> slos) {
  return reply("whatif", at_ms, slos, whatif_entry);
}
std::string backtest_json(TimeMs at_ms, std::span<const BacktestedSlo> slos) {
  return reply("backtest", at_ms, slos, backtest_entry);
}

std::string forecast_text(const ForecastSlo& slo) {
  const slo::Forecast& forecast = slo.forecast;
  std::string out =
      fmt::format("{}  budget spent {}, left {}; burn {} over {}\n", slo.definition.name,
                  percent_or_none(forecast.consumed, 1), percent_or_none(forecast.remaining, 1),
                  forecast.burn ? fmt::format("{:.2f}", *forecast.burn) : "–",
                  format_duration(forecast.lookback_ms));
  if (!forecast.covered) return out + "  not enough data to look ahead\n";
  out += fmt::format("  at this rate          gone {}\n", exhaustion_text(forecast.naive));
  if (forecast.resets_at_ms) {
    out += fmt::format("  within the period     gone {}\n", exhaustion_text(forecast.aware));
    out += fmt::format("  a new budget          {}\n", format_time_utc(*forecast.resets_at_ms));
  } else {
    out += fmt::format("  as old errors leave   gone {}\n", exhaustion_text(forecast.aware));
  }
  return out;
}

std::string backtest_text(const BacktestedSlo& slo) {
  std::string out;
  const slo::Backtest& backtest = slo.backtest;
  for (const slo::PolicyScore& one : backtest.policies) {
    for (const slo::LevelScore& level : one.levels) {
      if (level.level != "any" || level.missed.empty()) continue;
      out += fmt::format("{}  {}: missed {}\n", slo.definition.name, one.policy.name,
                         fmt::join(level.missed, ", "));
    }
    for (const slo::LevelScore& level : one.levels) {
      if (level.level != "page") continue;
      for (const slo::Alert& alert : level.false_alerts) {
        out += fmt::format("{}  {}: false page {} to {}\n", slo.definition.name, one.policy.name,
                           format_time_utc(alert.from_ms),
                           alert.to_ms ? format_time_utc(*alert.to_ms) : "now");
      }
    }
  }
  return out;
}

}  // namespace hygge::formats
