// The replies of the SLO verbs: JSON for programs, lines for people. Undefined is null, whole
// numbers have no fraction, and nothing is ever NaN.
#include <fmt/format.h>
#include <hygge/formats.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace hygge::formats {

namespace {

using slo::State;

// Whole numbers without a fraction or an exponent, others in their shortest form.
std::string plain(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const bool whole = std::trunc(number) == number && std::fabs(number) < kExact;
  return whole ? fmt::format("{}", static_cast<std::int64_t>(number)) : fmt::format("{}", number);
}

// Just enough JSON to write: commas where they belong, text escaped.
class Json {
 public:
  std::string text;

  Json& open(char bracket) {
    comma();
    text += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text += bracket;
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    comma();
    string(name);
    text += ':';
    first_ = true;  // its value follows without a comma
    return *this;
  }
  Json& value(std::string_view word) {
    comma();
    string(word);
    return *this;
  }
  Json& value(const char* word) { return value(std::string_view(word)); }
  Json& value(bool flag) { return raw(flag ? "true" : "false"); }
  Json& value(double number) { return raw(std::isfinite(number) ? plain(number) : "null"); }
  template <typename Integer>
  requires std::is_integral_v<Integer> Json& value(Integer number) {
    return raw(fmt::format("{}", number));
  }
  Json& value(const std::optional<double>& number) { return number ? value(*number) : raw("null"); }
  Json& null() { return raw("null"); }
  template <typename T>
  Json& field(std::string_view name, const T& what) {
    return key(name).value(what);
  }

 private:
  void comma() {
    if (!first_) text += ',';
    first_ = false;
  }
  Json& raw(std::string_view token) {
    comma();
    text += token;
    return *this;
  }
  void string(std::string_view word) {
    text += '"';
    for (const char c : word) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        text += '\\';
        text += c;
      } else if (c == '\n') {
        text += "\\n";
      } else if (byte < 0x20) {
        text += fmt::format("\\u{:04x}", byte);
      } else {
        text += c;
      }
    }
    text += '"';
  }
  bool first_ = true;
};

double seconds(DurationMs ms) { return static_cast<double>(ms) / kSecondMs; }

std::uint32_t in_state(const slo::Counts& counts, State state) {
  return counts.slices[static_cast<std::size_t>(state)];
}
std::uint32_t all_slices(const slo::Counts& counts) {
  std::uint32_t sum = 0;
  for (const std::uint32_t n : counts.slices) sum += n;
  return sum;
}

Json begin(std::string_view verb, TimeMs at_ms) {
  Json out;
  out.open('{').field("schema", fmt::format("hygge.slo.{}/1", verb)).field("at_ms", at_ms);
  out.key("slos").open('[');
  return out;
}
std::string end(Json out) {
  out.close(']').close('}');
  out.text += '\n';
  return std::move(out.text);
}

// "30d", "month".
std::string window_spec(const slo::Definition& definition) {
  return definition.calendar ? std::string(to_string(definition.calendar->unit))
                             : format_duration(definition.window_ms);
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
  out.field("method", slo::to_string(definition.method)).field("target", definition.target_percent);
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
  out.close(']').field("sli_without_exclusions", report.sli_without_exclusions).close('}');
}

void rule_json(Json& out, const slo::AlertRule& rule, const slo::Rational& budget) {
  out.field("as", rule.as).field("long_s", seconds(rule.long_ms));
  out.field("short_s", seconds(rule.short_ms)).key("spend");
  if (rule.spend) {
    out.value(rule.spend->value());
  } else {
    out.null();
  }
  out.field("factor", rule.factor.value()).field("threshold", (rule.factor * budget).value());
  out.field("op", rule.or_equal ? "gte" : "gt");
}

void burn_entry(Json& out, const BurningSlo& slo) {
  const slo::Definition& definition = slo.definition;
  out.open('{').field("slo", definition.name).field("state", slo::to_string(slo.state.state));
  out.field("objective", definition.objective.value()).key("rules").open('[');
  for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
    const slo::RuleBurn& rule = slo.state.rules[i];
    out.open('{');
    rule_json(out, definition.alerts[i], definition.budget());
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
    rule_json(out, rule, budget);
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

// 1234567 as 1,234,567; fractions as they are.
std::string grouped(double number) {
  std::string out = plain(number);
  const std::size_t digits = std::min(out.find_first_of(".e"), out.size());
  for (std::size_t i = digits; i > 3 + (out[0] == '-' ? 1U : 0U); i -= 3) out.insert(i - 3, ",");
  return out;
}

std::string percent(double share, int decimals) {
  return fmt::format("{:.{}f}", share * 100, decimals);
}

std::string percent_or_none(const std::optional<double>& share, int decimals) {
  return share ? percent(*share, decimals) + " %" : "–";
}
// At most a decimal; counts of events have none anyway.
double rounded(double number) { return std::round(number * 10) / 10; }

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
  Json out = begin("report", at_ms);
  for (const ReportedSlo& slo : slos) report_entry(out, slo);
  return end(std::move(out));
}
std::string burn_json(TimeMs at_ms, std::span<const BurningSlo> slos) {
  Json out = begin("burn", at_ms);
  for (const BurningSlo& slo : slos) burn_entry(out, slo);
  return end(std::move(out));
}
std::string lint_json(TimeMs at_ms, std::span<const LintedSlo> slos) {
  Json out = begin("lint", at_ms);
  for (const LintedSlo& slo : slos) lint_entry(out, slo);
  return end(std::move(out));
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
    interval = fmt::format("({} %: {}–{})  ", plain(slo.definition.confidence.value() * 100),
                           percent(report.interval->low, 4), percent(report.interval->high, 4));
  }
  return fmt::format("SLI      {} %  {}{}\n", percent(*report.sli, 4), interval, target);
}

std::string budget_line(const ReportedSlo& slo) {
  const slo::Report& report = slo.report;
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

}  // namespace

std::string report_text(const ReportedSlo& slo, bool explain) {
  const slo::Report& report = slo.report;
  std::string out =
      fmt::format("{}  {} to {}  {}\n", slo.definition.name, window_spec(slo.definition),
                  format_time_utc(report.window.until), slo::to_string(slo.definition.method));
  out += sli_line(slo);
  if (report.sli) out += budget_line(slo);
  out += coverage_line(slo);
  if (explain) {
    for (const std::string& line : slo::explain(report, slo.definition)) out += "  " + line + "\n";
  }
  return out;
}

std::string report_tsv(std::span<const ReportedSlo> slos) {
  std::string out = "slo\tverdict\tsli\ttarget\tconsumed\tremaining\tcoverage\tfrom\tto\n";
  const auto cell = [](const std::optional<double>& value) {
    return value ? plain(*value) : std::string();
  };
  for (const ReportedSlo& slo : slos) {
    const slo::Report& report = slo.report;
    out +=
        fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", slo.definition.name,
                    slo::to_string(report.verdict), cell(report.sli), slo.definition.target_percent,
                    cell(report.consumed), cell(report.remaining), cell(report.coverage),
                    format_time_utc(report.window.after), format_time_utc(report.window.until));
  }
  return out;
}

std::string burn_tsv(std::span<const BurningSlo> slos) {
  std::string out = "slo\tas\tlong\tshort\top\tfactor\tlong_burn\tshort_burn\tstate\tfrozen\n";
  const auto cell = [](const std::optional<double>& value) {
    return value ? plain(*value) : std::string();
  };
  for (const BurningSlo& slo : slos) {
    for (std::size_t i = 0; i < slo.state.rules.size(); ++i) {
      const slo::AlertRule& is = slo.definition.alerts[i];
      const slo::RuleBurn& rule = slo.state.rules[i];
      out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", slo.definition.name, is.as,
                         format_duration(is.long_ms), format_duration(is.short_ms),
                         is.or_equal ? "gte" : "gt", plain(is.factor.value()), cell(rule.long_burn),
                         cell(rule.short_burn), slo::to_string(rule.state), rule.frozen);
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
                       format_duration(is.long_ms), format_duration(is.short_ms),
                       burn(rule.long_burn), burn(rule.short_burn), is.or_equal ? ">=" : ">",
                       is.factor.value(), rule.state == slo::RuleState::ok ? "ok" : state,
                       rule.frozen ? " (frozen: the data has stopped)" : "");
  }
  for (const slo::BurnState::WindowBurn& window : slo.state.windows) {
    out += fmt::format("{}  window {}  burn {}  {} of {} bad  coverage {}\n", slo.definition.name,
                       format_duration(window.window_ms), burn(window.burn),
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
    out += fmt::format("  {} {}/{}  factor {:g}  {}\n", rule.as, format_duration(rule.long_ms),
                       format_duration(rule.short_ms), rule.factor.value(),
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
