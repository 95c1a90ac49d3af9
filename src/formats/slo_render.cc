// The replies of the SLO verbs: JSON for programs, lines for people. Undefined is null, whole
// numbers have no fraction, and nothing is ever NaN.
#include <fmt/format.h>
#include <hygge/formats.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <cmath>

#include "formats/slo_json.h"
#include "formats/slo_time.h"

namespace hygge::formats {

namespace {

using slo::State;

std::uint32_t in_state(const slo::Counts& counts, State state) {
  return counts.slices[static_cast<std::size_t>(state)];
}
std::uint32_t all_slices(const slo::Counts& counts) {
  std::uint32_t sum = 0;
  for (const std::uint32_t n : counts.slices) sum += n;
  return sum;
}

std::string window_spec(const slo::Definition& definition) {
  return formats::window_spec(definition.window_ms, definition.calendar);
}

std::string_view method_word(const slo::Definition& definition) {
  return definition.composite ? "composite" : slo::to_string(definition.method);
}

void window_json(Json& out, const ReportedSlo& slo) {
  const slo::Report& report = slo.report;
  out.key("window").open('{');
  const auto& calendar = slo.definition.calendar;
  out.field("spec", window_spec(slo.definition)).field("kind", calendar ? "calendar" : "rolling");
  out.field("tz", calendar ? std::string_view(calendar->tz) : std::string_view("UTC"));
  out.field("step_s", seconds(slo.definition.step_ms));
  out.field("from_ms", report.window.after).field("to_ms", report.window.until);
  out.field("end_ms", report.end_ms).field("effective_from_ms", report.effective_from_ms);
  out.field("partial", report.partial).close('}');
}

std::string_view interval_verdict(const slo::Interval& interval, const slo::Rational& objective) {
  if (interval.low >= objective.value()) return "met";
  return interval.high < objective.value() ? "breached" : "open";
}

void report_entry(Json& out, const ReportedSlo& slo) {
  const slo::Definition& definition = slo.definition;
  const slo::Report& report = slo.report;
  const slo::Counts& counts = report.counts;
  out.open('{').field("slo", definition.name).field("service", definition.service);
  out.field("method", method_word(definition)).field("target", definition.target_percent);
  out.field("objective", definition.objective.value());
  out.field("verdict", slo::to_string(report.verdict));
  window_json(out, slo);
  out.field("sli", report.sli).field("good", counts.total - counts.bad);
  out.field("bad", counts.bad).field("total", counts.total).key("interval");
  if (report.interval) {
    out.open('{').field("confidence", definition.confidence.value());
    out.field("low", report.interval->low).field("high", report.interval->high);
    out.field("verdict", interval_verdict(*report.interval, definition.objective)).close('}');
  } else {
    out.null();
  }
  out.key("budget").open('{').field("allowed", report.allowed).field("consumed", report.consumed);
  out.field("remaining", report.remaining).field("allowed_projected", report.allowed_projected);
  out.field("consumed_projected", report.consumed_projected).field("allowed_s", report.allowed_s);
  out.field("spent_s", report.spent_s).close('}');
  out.field("coverage", report.coverage).field("judged", report.judged);
  out.key("slices").open('{').field("total", all_slices(counts));
  out.field("measured", in_state(counts, State::measured))
      .field("idle", in_state(counts, State::idle));
  out.field("no_data", in_state(counts, State::no_data));
  out.field("excluded", in_state(counts, State::excluded))
      .field("bridged", counts.bridged)
      .close('}');
  out.key("counters").open('{').field("clamped", counts.clamped).field("resets", counts.resets);
  out.field("gaps", counts.gaps).field("born", counts.born).close('}');
  out.key("exclusions").open('[');
  for (const slo::ExclusionSum& sum : report.exclusions) {
    out.open('{').field("why", definition.exclusions[sum.exclusion].why);
    out.field("slices", sum.slices).field("bad", sum.bad).field("total", sum.total).close('}');
  }
  out.close(']').field("sli_without_exclusions", report.sli_without_exclusions);
  if (slo.by) {
    const slo::Definition period = slo::with_calendar(definition, *slo.by);
    out.key("periods").open('[');
    for (const slo::Report& one : slo.periods) report_entry(out, {period, one});
    out.close(']');
  }
  out.close('}');
}

void burn_entry(Json& out, const BurningSlo& slo) {
  const slo::Definition& definition = slo.definition;
  out.open('{').field("slo", definition.name).field("state", slo::to_string(slo.state.state));
  out.field("objective", definition.objective.value()).key("rules").open('[');
  for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
    const slo::RuleBurn& rule = slo.state.rules[i];
    out.open('{');
    write_rule(out, definition.alerts[i], definition.budget());
    out.field("state", slo::to_string(rule.state)).field("frozen", rule.frozen);
    out.field("long_bad", rule.long_counts.bad).field("long_total", rule.long_counts.total);
    out.field("long_burn", rule.long_burn).field("long_coverage", rule.long_coverage);
    out.field("short_bad", rule.short_counts.bad).field("short_total", rule.short_counts.total);
    out.field("short_burn", rule.short_burn).field("short_coverage", rule.short_coverage);
    out.key("gates").open('{').field("min_bad", rule.min_bad_met);
    out.field("p_value", rule.p_value).close('}').close('}');
  }
  out.close(']').key("windows").open('[');
  for (const slo::BurnState::WindowBurn& window : slo.state.windows) {
    out.open('{').field("window_s", seconds(window.window_ms)).field("bad", window.counts.bad);
    out.field("total", window.counts.total).field("burn", window.burn);
    out.field("coverage", window.coverage).close('}');
  }
  out.close(']').close('}');
}

std::string_view level_word(slo::Finding::Level level) {
  return level == slo::Finding::Level::error ? "error" : "warning";
}

void lint_entry(Json& out, const LintedSlo& slo) {
  const slo::Definition& definition = slo.definition;
  const slo::Rational budget = definition.budget();
  out.open('{').field("slo", definition.name).field("file", definition.file);
  out.field("line", definition.line).field("objective", definition.objective.value());
  out.field("budget", budget.value()).field("window_s", seconds(definition.window_ms));
  out.field("allowed_s", seconds(definition.window_ms) * budget.value());
  out.field("max_burn", static_cast<double>(budget.den) / static_cast<double>(budget.num));
  out.field("zero_failure_events", slo::zero_failure_events(definition.objective));
  out.key("rules").open('[');
  for (const slo::AlertRule& rule : definition.alerts) {
    const auto detect = slo::detect_seconds(rule, budget, 1);
    out.open('{');
    write_rule(out, rule, budget);
    out.field("can_fire", detect.has_value()).field("detect_s", detect);
    out.field("reset_s", slo::reset_seconds(rule, budget, 1));
    out.field("exhaust_s", seconds(definition.window_ms) / rule.factor.value()).close('}');
  }
  out.close(']').key("findings").open('[');
  for (const slo::Finding& finding : slo.findings) {
    out.open('{');
    out.field("level", level_word(finding.level));
    out.field("code", finding.code).key("rule");
    if (finding.rule) {
      out.value(*finding.rule);
    } else {
      out.null();
    }
    out.field("message", finding.message).field("line", finding.line).close('}');
  }
  out.close(']').close('}');
}

std::string verdict_word(slo::Verdict verdict) {
  switch (verdict) {
    case slo::Verdict::met:
      return "MET";
    case slo::Verdict::breached:
      return "BREACHED";
    case slo::Verdict::insufficient:
      break;
  }
  return "INSUFFICIENT DATA";
}

}  // namespace

std::string report_json(TimeMs at_ms, std::span<const ReportedSlo> slos) {
  return reply("report", at_ms, slos, report_entry);
}
std::string burn_json(TimeMs at_ms, std::span<const BurningSlo> slos) {
  return reply("burn", at_ms, slos, burn_entry);
}
std::string lint_json(TimeMs at_ms, std::span<const LintedSlo> slos) {
  return reply("lint", at_ms, slos, lint_entry);
}

namespace {

std::string coverage_line(const ReportedSlo& slo) {
  const slo::Counts& counts = slo.report.counts;
  std::string out = fmt::format(
      "coverage {}  (no data {}, idle {}, bridged {}", percent_or_none(slo.report.coverage, 1),
      in_state(counts, State::no_data), in_state(counts, State::idle), counts.bridged);
  for (const slo::ExclusionSum& sum : slo.report.exclusions) {
    out += fmt::format(", excluded {} \"{}\"", sum.slices,
                       slo.definition.exclusions[sum.exclusion].why);
  }
  return out + ")\n";
}

std::string sli_line(const ReportedSlo& slo) {
  const slo::Report& report = slo.report;
  const std::string target =
      fmt::format("target {}  {}", slo.definition.target_percent, verdict_word(report.verdict));
  if (!report.sli) return fmt::format("SLI      no events  {}\n", target);
  std::string interval;
  if (report.interval) {
    interval = fmt::format("({} %: {}–{})  ", plain_number(slo.definition.confidence.value() * 100),
                           percent(report.interval->low, 4), percent(report.interval->high, 4));
  }
  return fmt::format("SLI      {} %  {}{}\n", percent(*report.sli, 4), interval, target);
}

std::string budget_line(const ReportedSlo& slo) {
  const slo::Report& report = slo.report;
  if (slo.definition.composite && !slo.definition.composite->has_slices()) {
    return fmt::format("budget   {} % spent\n", percent(*report.consumed, 1));
  }
  std::string out =
      fmt::format("budget   {} of {} bad {} ({} %)", grouped(rounded(report.counts.bad)),
                  grouped(rounded(*report.allowed)),
                  slo.definition.method == slo::Method::occurrences ? "events" : "slices",
                  percent(*report.consumed, 1));
  if (report.spent_s) {
    out +=
        fmt::format(", about {:.1f} of {:.1f} min{}", *report.spent_s / 60, report.allowed_s / 60,
                    slo.definition.method == slo::Method::occurrences ? " at mean traffic" : "");
  }
  return out + "\n";
}

// How much of the budget is spent: full is all of it, and more has no room.
std::string bar_line(double consumed, bool ascii) {
  constexpr int kCells = 30;
  const int full = static_cast<int>(std::lround(std::clamp(consumed, 0.0, 1.0) * kCells));
  std::string out = "spent    ";
  out += ascii ? "[" : "▕";
  for (int i = 0; i < kCells; ++i) out += i < full ? (ascii ? "#" : "█") : (ascii ? "." : "░");
  out += ascii ? "]" : "▏";
  return out + (consumed > 1 ? " all, and more\n" : "\n");
}

std::string period_line(const slo::Calendar& calendar, const slo::Report& report) {
  return fmt::format("  {}  {}  spent {}  {}{}\n", period_name(calendar, report),
                     report.sli ? percent(*report.sli, 4) + " %" : "no events",
                     percent_or_none(report.consumed, 1), verdict_word(report.verdict),
                     report.end_ms > report.window.until ? ", so far" : "");
}

}  // namespace

std::string period_name(const slo::Calendar& calendar, const slo::Report& report) {
  return fmt::format("{} {}", to_string(calendar.unit),
                     format_local_day(report.window.after, calendar.tz));
}

std::string report_text(const ReportedSlo& slo, bool explain) {
  ReportLook look;
  look.explain = explain;
  return report_text(slo, look);
}

std::string report_text(const ReportedSlo& slo, const ReportLook& look) {
  const slo::Report& report = slo.report;
  std::string out =
      fmt::format("{}  {} to {}  {}\n", slo.definition.name, window_spec(slo.definition),
                  format_time_utc(report.window.until), method_word(slo.definition));
  out += sli_line(slo);
  if (report.sli) out += budget_line(slo);
  if (report.consumed && look.bar) out += bar_line(*report.consumed, look.ascii);
  if (!look.history.empty()) out += fmt::format("errors   {}\n", look.history);
  out += coverage_line(slo);
  if (look.explain) {
    for (const std::string& line : slo::explain(report, slo.definition)) out += "  " + line + "\n";
  }
  for (const slo::Report& period : slo.periods) out += period_line(*slo.by, period);
  return out;
}

std::string report_tsv(std::span<const ReportedSlo> slos) {
  const bool by = std::any_of(slos.begin(), slos.end(), [](const auto& slo) { return slo.by; });
  std::string out =
      fmt::format("slo\t{}verdict\tsli\ttarget\tconsumed\tremaining\tcoverage\tfrom\tto\n",
                  by ? "period\t" : "");
  for (const ReportedSlo& slo : slos) {
    const slo::Definition& definition = slo.definition;
    const auto add = [&](const slo::Report& report, const std::string& period) {
      out += fmt::format("{}\t{}{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", definition.name,
                         by ? period + "\t" : "", slo::to_string(report.verdict), cell(report.sli),
                         definition.target_percent, cell(report.consumed), cell(report.remaining),
                         cell(report.coverage), format_time_utc(report.window.after),
                         format_time_utc(report.window.until));
    };
    add(slo.report, window_spec(definition));
    for (const slo::Report& one : slo.periods) add(one, period_name(*slo.by, one));
  }
  return out;
}

std::string burn_tsv(std::span<const BurningSlo> slos) {
  std::string out = "slo\tas\tlong\tshort\top\tfactor\tlong_burn\tshort_burn\tstate\tfrozen\n";
  for (const BurningSlo& slo : slos) {
    for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
      const slo::AlertRule& is = slo.definition.alerts[i];
      const slo::RuleBurn& rule = slo.state.rules[i];
      out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", slo.definition.name, is.as,
                         slo::window_text(is.long_ms), slo::window_text(is.short_ms),
                         is.or_equal ? "gte" : "gt", plain_number(is.factor.value()),
                         cell(rule.long_burn), cell(rule.short_burn), slo::to_string(rule.state),
                         rule.frozen);
    }
  }
  return out;
}

std::string lint_tsv(std::span<const LintedSlo> slos) {
  std::string out = "slo\tfile\tline\tlevel\tcode\trule\tmessage\n";
  for (const LintedSlo& slo : slos) {
    for (const slo::Finding& finding : slo.findings) {
      out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", slo.definition.name, slo.definition.file,
                         finding.line, level_word(finding.level), finding.code,
                         finding.rule ? fmt::format("{}", *finding.rule) : std::string(),
                         finding.message);
    }
  }
  return out;
}

std::string burn_text(const BurningSlo& slo) {
  const auto burn = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", *value) : std::string("–");
  };
  std::string out;
  for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
    const slo::RuleBurn& rule = slo.state.rules[i];
    const slo::AlertRule& is = slo.definition.alerts[i];
    std::string state(slo::to_string(rule.state));
    std::transform(state.begin(), state.end(), state.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    out += fmt::format("{}  {} {}/{}  burn {} / {}  {} {:g}  {}{}\n", slo.definition.name, is.as,
                       slo::window_text(is.long_ms), slo::window_text(is.short_ms),
                       burn(rule.long_burn), burn(rule.short_burn), is.or_equal ? ">=" : ">",
                       is.factor.value(), rule.state == slo::RuleState::ok ? "ok" : state,
                       rule.frozen ? " (frozen: the data has stopped)" : "");
  }
  for (const slo::BurnState::WindowBurn& window : slo.state.windows) {
    out += fmt::format("{}  window {}  burn {}  {} of {} bad  coverage {}\n", slo.definition.name,
                       slo::window_text(window.window_ms), burn(window.burn),
                       grouped(window.counts.bad), grouped(window.counts.total),
                       percent_or_none(window.coverage, 0));
  }
  if (out.empty()) out = fmt::format("{}  no alerts\n", slo.definition.name);
  return out;
}

std::string lint_text(const LintedSlo& slo) {
  const slo::Definition& definition = slo.definition;
  const slo::Rational budget = definition.budget();
  std::string out =
      fmt::format("{}  target {}, {} in {}: {:.1f} min of total outage\n", definition.name,
                  definition.target_percent, budget.value(), window_spec(definition),
                  seconds(definition.window_ms) * budget.value() / 60);
  for (const slo::AlertRule& rule : definition.alerts) {
    const auto detect = slo::detect_seconds(rule, budget, 1);
    out += fmt::format("  {} {}/{}  factor {:g}  {}\n", rule.as, slo::window_text(rule.long_ms),
                       slo::window_text(rule.short_ms), rule.factor.value(),
                       detect ? fmt::format("fires {:.0f} s into a total outage", *detect)
                              : std::string("never fires"));
  }
  for (const slo::Finding& finding : slo.findings) {
    out += fmt::format("  {}: {}{}: {}\n", level_word(finding.level), finding.code,
                       finding.line == 0 ? "" : fmt::format(" (line {})", finding.line),
                       finding.message);
  }
  return out;
}

}  // namespace hygge::formats
