// SLO definitions from YAML, and the replies of the SLO verbs as text and JSON (hygge::formats).
#pragma once

#include <hygge/error.h>
#include <hygge/slo.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::formats {

/// Something wrong in a definition file.
struct SloFileError {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string code;                        ///< "E_KEY", "E_TARGET", …
  std::string message;                     ///< without file, line and code
  [[nodiscard]] std::string text() const;  ///< "slo.yaml:4:1: E_KEY: unknown key …"
};

struct SloFile {
  std::vector<slo::Definition> definitions;  ///< in file order
  std::vector<SloFileError> errors;          ///< the first 20; empty: all is well
};

/// Reads the documents of a definition file, native, Sloth's prometheus/v1 (an SLO each of its
/// `slos`, called SERVICE-NAME) or OpenSLO v1; `name` stands in messages. Never fails as a whole:
/// what is wrong is in `errors`.
[[nodiscard]] SloFile parse_slos(std::string_view yaml, const std::string& name);

/// Definitions as native YAML that reads back the same; what is a default is left out.
[[nodiscard]] std::string convert_yaml(std::span<const slo::Definition> definitions);
/// And in one form whatever they were read from, with all defaults: hygge.slo.convert/1.
[[nodiscard]] std::string convert_json(TimeMs at_ms, std::span<const slo::Definition> definitions);

/// Rule files of Prometheus: for each definition a group that records the error ratio of each
/// window of its alerts and fires `SloBurn` for each rule, labels slo, service, as, long and short.
/// What Prometheus cannot say (significance, exclusions, slices, `ok`, composites) is left out with
/// a comment if `partial`. Errors: parse, otherwise, with all messages, one a line: E_UNSUPPORTED,
/// naming the key; E_KIND where only a database knows whether a metric is a counter.
[[nodiscard]] Result<std::string> prometheus_rules(std::span<const slo::Definition> definitions,
                                                   bool partial = false);

/// A JSON Schema (draft 7) of one document, for editors: one line and a line feed. Written from the
/// table of keys that the reader checks against; docs/slo.schema.json holds it.
[[nodiscard]] std::string slo_schema();

/// Reads files; names must be unique over all of them (E_DUP). Errors: not_found, io; parse, with
/// all messages, one a line.
[[nodiscard]] Result<std::vector<slo::Definition>> load_slos(std::span<const std::string> paths);
[[nodiscard]] Result<std::vector<slo::Definition>> load_slos(const std::string& path);

/// "99.9", "99.9%" or "99.9 %" as a fraction of 1; none for anything else.
[[nodiscard]] std::optional<slo::Rational> parse_percent(std::string_view text);
/// A method as a definition has it: "timeslices(5m, 99)". Errors: parse.
[[nodiscard]] Result<slo::MethodChoice> parse_method(std::string_view text);

/// A policy for a definition, whose window and step it must suit: YAML with `alerts` (and min_bad,
/// significance) as a definition has them, or a document AlertWindows of Sloth. Its name is the
/// stem of `name`, which stands in messages too. Errors: parse, with all messages, one a line.
[[nodiscard]] Result<slo::Policy> parse_policy(std::string_view yaml, const std::string& name,
                                               const slo::Definition& definition);
/// And those of reading: not_found, io.
[[nodiscard]] Result<slo::Policy> load_policy(const std::string& path,
                                              const slo::Definition& definition);

/// Incidents of a CSV with the columns id, start and end: ISO 8601 with an offset, or epoch ms; by
/// start, whatever their order. They may overlap. Errors: parse, with file and line; limit.
[[nodiscard]] Result<std::vector<slo::Incident>> parse_incidents(std::string_view csv,
                                                                 const std::string& name);
/// And those of reading: not_found, io.
[[nodiscard]] Result<std::vector<slo::Incident>> load_incidents(const std::string& path);

/// A definition with what was found about it.
struct ReportedSlo {
  slo::Definition definition;
  slo::Report report;
  std::optional<slo::Calendar> by = {};   ///< what `periods` are
  std::vector<slo::Report> periods = {};  ///< of slo::report_by
};
struct BurningSlo {
  slo::Definition definition;
  slo::BurnState state;
};
struct LintedSlo {
  slo::Definition definition;
  std::vector<slo::Finding> findings;
};
struct ForecastSlo {
  slo::Definition definition;
  slo::Forecast forecast;
};
struct TriedSlo {
  slo::Definition definition;
  slo::WhatIf whatif;
  DurationMs stride_ms = kDayMs;
};
struct BacktestedSlo {
  slo::Definition definition;
  slo::Backtest backtest;
};

/// {"schema":"hygge.slo.report/1","at_ms":…,"slos":[…]}, one line and a line feed.
[[nodiscard]] std::string report_json(TimeMs at_ms, std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_json(TimeMs at_ms, std::span<const BurningSlo> slos);
[[nodiscard]] std::string lint_json(TimeMs at_ms, std::span<const LintedSlo> slos);
[[nodiscard]] std::string forecast_json(TimeMs at_ms, std::span<const ForecastSlo> slos);
[[nodiscard]] std::string whatif_json(TimeMs at_ms, std::span<const TriedSlo> slos);
[[nodiscard]] std::string backtest_json(TimeMs at_ms, std::span<const BacktestedSlo> slos);

/// OpenMetrics, without times: slo_sli_ratio, slo_objective_ratio, slo_budget_remaining_ratio,
/// slo_coverage_ratio; slo_burn_rate{window}, slo_alert_firing{as, long, short} (unknown: absent);
/// slo_budget_exhaustion_seconds{how} (never: +Inf). What is undefined is absent.
[[nodiscard]] std::string report_openmetrics(std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_openmetrics(std::span<const BurningSlo> slos);
[[nodiscard]] std::string forecast_openmetrics(std::span<const ForecastSlo> slos);

/// Lines `name<TAB>value<TAB>epoch seconds` for `mkr throw`: slo.NAME.sli, .remaining, .burn_1h,
/// .firing_page, .exhausts_hours. Dots in NAME become _. What is undefined is absent.
[[nodiscard]] std::string report_mackerel(std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_mackerel(std::span<const BurningSlo> slos);
[[nodiscard]] std::string forecast_mackerel(std::span<const ForecastSlo> slos);

/// Columns separated by tabs, with a line of their names; undefined is empty. Where an SLO has
/// periods, report_tsv has a row for each after that of its window, and a column that names them.
[[nodiscard]] std::string report_tsv(std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_tsv(std::span<const BurningSlo> slos);
[[nodiscard]] std::string lint_tsv(std::span<const LintedSlo> slos);

/// A window in a word: "30d", "month".
[[nodiscard]] std::string window_spec(DurationMs window_ms,
                                      const std::optional<slo::Calendar>& calendar);
/// Which period a report of slo::report_by is of, by its first day in the zone: "month 2026-03-01".
[[nodiscard]] std::string period_name(const slo::Calendar& calendar, const slo::Report& report);

/// For people; `explain` adds the counts and the arithmetic.
[[nodiscard]] std::string report_text(const ReportedSlo& slo, bool explain);
/// And with pictures for a terminal.
struct ReportLook {
  bool explain = false;
  bool bar = false;  ///< how much of the budget is spent, 30 characters
  bool ascii = false;
  std::string history;  ///< the line of how the window went; empty: none
};
[[nodiscard]] std::string report_text(const ReportedSlo& slo, const ReportLook& look);
[[nodiscard]] std::string burn_text(const BurningSlo& slo);
[[nodiscard]] std::string lint_text(const LintedSlo& slo);
[[nodiscard]] std::string forecast_text(const ForecastSlo& slo);
/// What follows the table of scores: incidents that were missed, false pages by time.
[[nodiscard]] std::string backtest_text(const BacktestedSlo& slo);

}  // namespace hygge::formats
