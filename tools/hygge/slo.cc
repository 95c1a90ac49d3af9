// slo lint, report, burn: promises, judged over exact counts.
#include "slo.h"

#include <fmt/format.h>
#include <hygge/slo.h>
#include <hygge/slo_file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "spark.h"
#include "text.h"

namespace hygge::command {

namespace {

constexpr std::size_t kHistoryParts = 20;

Table report_table(const Context& context, const std::vector<formats::ReportedSlo>& slos) {
  const bool by = context.flag("by");
  std::vector<Column> columns{{"slo"}};
  if (by) columns.push_back({"period"});
  columns.insert(columns.end(), {{"verdict"},
                                 {"sli", true},
                                 {"target", true},
                                 {"consumed", true},
                                 {"remaining", true},
                                 {"coverage", true},
                                 {"from"},
                                 {"to"}});
  Table table(std::move(columns));
  for (const formats::ReportedSlo& one : slos) {
    const slo::Definition& definition = one.definition;
    const auto add = [&](const slo::Report& report, const std::string& period) {
      std::vector<std::string> row{definition.name};
      if (by) row.push_back(period);
      row.insert(row.end(),
                 {std::string(slo::to_string(report.verdict)), number_or_blank(report.sli),
                  definition.target_percent, number_or_blank(report.consumed),
                  number_or_blank(report.remaining), number_or_blank(report.coverage),
                  context.time(report.window.after), context.time(report.window.until)});
      table.add(std::move(row));
    };
    add(one.report, formats::window_spec(definition.window_ms, definition.calendar));
    for (const slo::Report& period : one.periods)
      add(period, formats::period_name(*one.by, period));
  }
  return table;
}

Table burn_table(const std::vector<formats::BurningSlo>& slos) {
  Table table({{"slo"},
               {"as"},
               {"long"},
               {"short"},
               {"long_burn", true},
               {"short_burn", true},
               {"factor", true},
               {"state"}});
  for (const auto& [definition, state] : slos) {
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
      const slo::AlertRule& rule = definition.alerts[i];
      const slo::RuleBurn& burn = state.rules[i];
      table.add({definition.name, rule.as, slo::window_text(rule.long_ms),
                 slo::window_text(rule.short_ms), number_or_blank(burn.long_burn),
                 number_or_blank(burn.short_burn), number_text(rule.factor.value()),
                 std::string(slo::to_string(burn.state))});
    }
  }
  return table;
}

// The error ratio of each part of the window, as a line for a terminal.
std::string history_line(const std::vector<slo::Counts>& parts, bool ascii) {
  std::vector<TimeMs> t;
  std::vector<double> v;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].total == 0) continue;
    t.push_back(static_cast<TimeMs>(i));
    v.push_back(parts[i].bad / parts[i].total);
  }
  if (v.empty()) return {};
  const Steps when{0, static_cast<TimeMs>(parts.size()) - 1, 1};
  return fmt::format("{}  at most {:.4g} %", sparkline(t, v, when, ascii),
                     *std::max_element(v.begin(), v.end()) * 100);
}

}  // namespace

Result<Periods> periods_of(const Context& context, const Db& db, const slo::Definition& definition,
                           TimeMs at_ms) {
  const auto word = context.arguments().get("by");
  if (!word) return Periods{};
  constexpr std::array kUnits{"week", "month", "quarter", "year"};
  const auto unit = std::find(kUnits.begin(), kUnits.end(), *word);
  if (unit == kUnits.end()) {
    return fail(ErrorCode::parse, fmt::format("--by: \"{}\" is no unit of the calendar", *word),
                "week, month, quarter or year");
  }
  slo::Calendar calendar = definition.calendar.value_or(
      slo::Calendar{slo::Calendar::Unit::month, context.zone().name(), 1});
  calendar.unit = static_cast<slo::Calendar::Unit>(unit - kUnits.begin());
  std::size_t last = 12;
  if (const auto text = context.arguments().get("last")) {
    const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), last);
    if (error != std::errc() || at != text->data() + text->size() || last == 0 || last > 1000) {
      return fail(ErrorCode::parse, fmt::format("--last: \"{}\" is no number in 1 ... 1000", *text),
                  "for example --by month --last 12");
    }
  }
  auto periods = slo::report_by(db, definition, calendar, last, at_ms);
  if (!periods) return tl::unexpected<Error>(periods.error());
  return Periods{calendar, std::move(*periods)};
}

Result<int> run_slo_report(Context& context) {
  const auto call = slo_call_of(context);
  if (!call) return tl::unexpected<Error>(call.error());
  const auto& [definitions, db, at_ms] = *call;
  if (context.format() == "html") return run_slo_page(context, definitions, db, at_ms);
  std::vector<formats::ReportedSlo> slos;
  std::vector<std::string> histories;
  bool breached = false, insufficient = false;
  for (const slo::Definition& definition : definitions) {
    std::vector<slo::Counts> parts;
    auto report = slo::report(db, definition, at_ms, kHistoryParts, parts);
    if (!report) return tl::unexpected<Error>(report.error());
    breached = breached || report->verdict == slo::Verdict::breached;
    insufficient = insufficient || report->verdict == slo::Verdict::insufficient;
    tell_notes(context, definition, report->notes);
    formats::ReportedSlo& one = slos.emplace_back();
    one.definition = definition;
    one.report = std::move(*report);
    auto periods = periods_of(context, db, definition, at_ms);
    if (!periods) return tl::unexpected<Error>(periods.error());
    one.by = periods->by;
    one.periods = std::move(periods->reports);
    histories.push_back(history_line(parts, context.look().ascii));
  }
  const int code = worst_of(breached, insufficient);
  if (context.format() == "json") {
    return finish_slo(context.out().write(formats::report_json(at_ms, slos)), code);
  }
  if (context.format() == "openmetrics") {
    return finish_slo(context.out().write(formats::report_openmetrics(slos)), code);
  }
  if (context.format() == "mackerel") {
    return finish_slo(context.out().write(formats::report_mackerel(slos)), code);
  }
  if (context.format() != "table") {
    return finish_slo(context.write_table(report_table(context, slos)), code);
  }
  std::string text;
  for (std::size_t i = 0; i < slos.size(); ++i) {
    formats::ReportLook look;
    look.explain = context.flag("explain");
    look.ascii = context.look().ascii;
    look.bar = ::isatty(STDOUT_FILENO) == 1 && !context.flag("output");
    if (look.bar) look.history = histories[i];
    text += (text.empty() ? "" : "\n") + formats::report_text(slos[i], look);
  }
  return finish_slo(context.out().write(text), code);
}

Result<int> run_slo_burn(Context& context) {
  const auto windows = durations_of(context, "windows", "1h,6h,3d");
  if (!windows) return tl::unexpected<Error>(windows.error());
  const auto call = slo_call_of(context);
  if (!call) return tl::unexpected<Error>(call.error());
  const auto& [definitions, db, at_ms] = *call;
  std::vector<formats::BurningSlo> slos;
  bool firing = false, unknown = false;
  for (const slo::Definition& definition : definitions) {
    auto state = slo::burn(db, definition, at_ms, *windows);
    if (!state) return tl::unexpected<Error>(state.error());
    firing = firing || state->state == slo::RuleState::firing;
    unknown = unknown || state->state == slo::RuleState::unknown;
    slos.push_back({definition, std::move(*state)});
  }
  const int code = worst_of(firing, unknown);
  if (context.format() == "json") {
    return finish_slo(context.out().write(formats::burn_json(at_ms, slos)), code);
  }
  if (context.format() == "openmetrics") {
    return finish_slo(context.out().write(formats::burn_openmetrics(slos)), code);
  }
  if (context.format() == "mackerel") {
    return finish_slo(context.out().write(formats::burn_mackerel(slos)), code);
  }
  if (context.format() != "table") return finish_slo(context.write_table(burn_table(slos)), code);
  std::string text;
  for (const formats::BurningSlo& one : slos) text += formats::burn_text(one);
  return finish_slo(context.out().write(text), code);
}

Result<int> run_slo_convert(Context& context) {
  const auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  return finish_slo(context.out().write(context.format() == "json"
                                            ? formats::convert_json(context.now_ms(), *definitions)
                                            : formats::convert_yaml(*definitions)),
                    0);
}

Result<int> run_slo_rules(Context& context) {
  if (const auto to = context.arguments().get("to"); to && *to != "prometheus") {
    return fail(ErrorCode::invalid_argument, fmt::format("slo rules --to {}: no such rules", *to),
                "--to prometheus");
  }
  const auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  const auto text = formats::prometheus_rules(*definitions, context.flag("partial"));
  if (!text) return tl::unexpected<Error>(text.error());
  return finish_slo(context.out().write(*text), 0);
}

Result<int> run_slo_schema(Context& context) {
  return finish_slo(context.out().write(formats::slo_schema()), 0);
}

Result<int> run_slo_lint(Context& context) {
  const auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  std::vector<formats::LintedSlo> slos;
  TimeMs at_ms = context.now_ms();
  if (context.flag("static")) {
    for (const slo::Definition& one : *definitions) slos.push_back({one, slo::lint(one)});
  } else {
    auto db = context.open_to_read();
    if (!db) return tl::unexpected<Error>(db.error());
    // Without --at a recording is judged by its end: its traffic may lie far back.
    const auto asked = context.at(&*db);
    if (!asked) return tl::unexpected<Error>(asked.error());
    const auto bounds = db->time_bounds();
    at_ms = context.flag("at") || !bounds ? *asked : std::min(*asked, bounds->last_ms);
    for (const slo::Definition& one : *definitions) {
      auto findings = slo::lint(*db, one, at_ms);
      if (!findings) return tl::unexpected<Error>(findings.error());
      slos.push_back({one, std::move(*findings)});
    }
  }
  bool bad = false;
  for (const formats::LintedSlo& one : slos) {
    for (const slo::Finding& finding : one.findings) {
      bad = bad || finding.level == slo::Finding::Level::error || context.flag("strict");
    }
  }
  if (context.format() == "json") {
    return finish_slo(context.out().write(formats::lint_json(at_ms, slos)), bad ? 1 : 0);
  }
  std::string text;
  for (const formats::LintedSlo& one : slos) text += formats::lint_text(one);
  return finish_slo(context.out().write(text), bad ? 1 : 0);
}

}  // namespace hygge::command
