// slo lint, report, burn: promises, judged over exact counts.
#include <fmt/format.h>
#include <hygge/slo.h>
#include <hygge/slo_file.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "load.h"
#include "text.h"

namespace hygge::command {

namespace {

using Definitions = std::vector<slo::Definition>;

Result<std::string> read_stdin() {
  auto input = open_input("-");
  if (!input) return tl::unexpected<Error>(input.error());
  std::string out;
  std::string block(64 * 1024, '\0');
  for (;;) {
    const auto got = input->read(block.data(), block.size());
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) return out;
    out.append(block, 0, *got);
  }
}

Result<Definitions> from_stdin() {
  const auto text = read_stdin();
  if (!text) return tl::unexpected<Error>(text.error());
  formats::SloFile file = formats::parse_slos(*text, "stdin");
  if (file.errors.empty()) return std::move(file.definitions);
  std::string message;
  for (const formats::SloFileError& error : file.errors) {
    message += (message.empty() ? "" : "\n") + error.text();
  }
  return fail(ErrorCode::parse, std::move(message));
}

// The definitions of the files of the call; with --only one of them.
Result<Definitions> definitions_of(const Context& context) {
  const auto& files = context.arguments().values;
  const bool from_pipe = files.size() == 1 && files[0] == "-";
  auto all = from_pipe ? from_stdin() : formats::load_slos(std::span<const std::string>(files));
  if (!all) return all;
  const auto only = context.arguments().get("only");
  if (!only) return all;
  std::vector<std::string> names;
  for (const slo::Definition& one : *all) {
    if (one.name == *only) return Definitions{one};
    names.push_back(one.name);
  }
  return fail(ErrorCode::not_found,
              fmt::format("no SLO is called \"{}\"{}", *only, did_you_mean(*only, names)),
              fmt::format("SLOs: {}", fmt::join(names, ", ")));
}

Result<std::vector<DurationMs>> windows_of(const Context& context) {
  std::vector<DurationMs> out;
  std::string rest = context.arguments().get("windows").value_or("");
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const auto window = parse_duration(rest.substr(0, comma));
    if (!window || *window <= 0) {
      return fail(ErrorCode::parse,
                  fmt::format("--windows: \"{}\" is no duration", rest.substr(0, comma)),
                  "for example --windows 1h,6h,3d");
    }
    out.push_back(*window);
    rest.erase(0, comma + 1);
  }
  return out;
}

// 1 where any is bad, else 3 where any is unknown.
int worst(bool bad, bool unknown) { return bad ? 1 : unknown ? 3 : 0; }

std::string optional_number(const std::optional<double>& v) { return v ? number_text(*v) : ""; }

Table report_table(const Context& context, const std::vector<formats::ReportedSlo>& slos) {
  Table table({{"slo", false, false, 0},
               {"verdict", false, false, 0},
               {"sli", true, false, 0},
               {"target", true, false, 0},
               {"consumed", true, false, 0},
               {"remaining", true, false, 0},
               {"coverage", true, false, 0},
               {"from", false, false, 0},
               {"to", false, false, 0}});
  for (const formats::ReportedSlo& one : slos) {
    const slo::Definition& definition = one.definition;
    const slo::Report& report = one.report;
    table.add({definition.name, std::string(slo::to_string(report.verdict)),
               optional_number(report.sli), definition.target_percent,
               optional_number(report.consumed), optional_number(report.remaining),
               optional_number(report.coverage), context.time(report.window.after),
               context.time(report.window.until)});
  }
  return table;
}

Table burn_table(const std::vector<formats::BurningSlo>& slos) {
  Table table({{"slo", false, false, 0},
               {"as", false, false, 0},
               {"long", false, false, 0},
               {"short", false, false, 0},
               {"long_burn", true, false, 0},
               {"short_burn", true, false, 0},
               {"factor", true, false, 0},
               {"state", false, false, 0}});
  for (const auto& [definition, state] : slos) {
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
      const slo::AlertRule& rule = definition.alerts[i];
      const slo::RuleBurn& burn = state.rules[i];
      table.add({definition.name, rule.as, format_duration(rule.long_ms),
                 format_duration(rule.short_ms), optional_number(burn.long_burn),
                 optional_number(burn.short_burn), number_text(rule.factor.value()),
                 std::string(slo::to_string(burn.state))});
    }
  }
  return table;
}

Result<int> finish(Result<void> wrote, int code) {
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return code;
}

}  // namespace

Result<int> run_slo_report(Context& context) {
  const auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto at_ms = context.at(&*db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  std::vector<formats::ReportedSlo> slos;
  bool breached = false, insufficient = false;
  for (const slo::Definition& definition : *definitions) {
    auto report = slo::report(*db, definition, *at_ms);
    if (!report) return tl::unexpected<Error>(report.error());
    breached = breached || report->verdict == slo::Verdict::breached;
    insufficient = insufficient || report->verdict == slo::Verdict::insufficient;
    for (const std::string& note : report->notes) {
      context.note(fmt::format("{}: {}", definition.name, note));
    }
    slos.push_back({definition, std::move(*report)});
  }
  const int code = worst(breached, insufficient);
  if (context.format() == "json") {
    return finish(context.out().write(formats::report_json(*at_ms, slos)), code);
  }
  if (context.format() != "table")
    return finish(context.write_table(report_table(context, slos)), code);
  std::string text;
  for (const formats::ReportedSlo& one : slos) {
    formats::ReportLook look;
    look.explain = context.flag("explain");
    text += (text.empty() ? "" : "\n") + formats::report_text(one, look);
  }
  return finish(context.out().write(text), code);
}

Result<int> run_slo_burn(Context& context) {
  const auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  const auto windows = windows_of(context);
  if (!windows) return tl::unexpected<Error>(windows.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto at_ms = context.at(&*db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  std::vector<formats::BurningSlo> slos;
  bool firing = false, unknown = false;
  for (const slo::Definition& definition : *definitions) {
    auto state = slo::burn(*db, definition, *at_ms, *windows);
    if (!state) return tl::unexpected<Error>(state.error());
    firing = firing || state->state == slo::RuleState::firing;
    unknown = unknown || state->state == slo::RuleState::unknown;
    slos.push_back({definition, std::move(*state)});
  }
  const int code = worst(firing, unknown);
  if (context.format() == "json") {
    return finish(context.out().write(formats::burn_json(*at_ms, slos)), code);
  }
  if (context.format() != "table") return finish(context.write_table(burn_table(slos)), code);
  std::string text;
  for (const formats::BurningSlo& one : slos) text += formats::burn_text(one);
  return finish(context.out().write(text), code);
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
    return finish(context.out().write(formats::lint_json(at_ms, slos)), bad ? 1 : 0);
  }
  std::string text;
  for (const formats::LintedSlo& one : slos) text += formats::lint_text(one);
  return finish(context.out().write(text), bad ? 1 : 0);
}

}  // namespace hygge::command
