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

/// Reads the documents of a native definition file; `name` stands in messages. Never fails as a
/// whole: what is wrong is in `errors`.
[[nodiscard]] SloFile parse_slos(std::string_view yaml, const std::string& name);

/// Reads files; names must be unique over all of them (E_DUP). Errors: not_found, io; parse, with
/// all messages, one a line.
[[nodiscard]] Result<std::vector<slo::Definition>> load_slos(std::span<const std::string> paths);
[[nodiscard]] Result<std::vector<slo::Definition>> load_slos(const std::string& path);

/// A definition with what was found about it.
struct ReportedSlo {
  slo::Definition definition;
  slo::Report report;
};
struct BurningSlo {
  slo::Definition definition;
  slo::BurnState state;
};
struct LintedSlo {
  slo::Definition definition;
  std::vector<slo::Finding> findings;
};

/// {"schema":"hygge.slo.report/1","at_ms":…,"slos":[…]}, one line and a line feed.
[[nodiscard]] std::string report_json(TimeMs at_ms, std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_json(TimeMs at_ms, std::span<const BurningSlo> slos);
[[nodiscard]] std::string lint_json(TimeMs at_ms, std::span<const LintedSlo> slos);

/// Columns separated by tabs, with a line of their names; undefined is empty.
[[nodiscard]] std::string report_tsv(std::span<const ReportedSlo> slos);
[[nodiscard]] std::string burn_tsv(std::span<const BurningSlo> slos);
[[nodiscard]] std::string lint_tsv(std::span<const LintedSlo> slos);

/// For people; `explain` adds the counts and the arithmetic.
[[nodiscard]] std::string report_text(const ReportedSlo& slo, bool explain);
[[nodiscard]] std::string burn_text(const BurningSlo& slo);
[[nodiscard]] std::string lint_text(const LintedSlo& slo);

}  // namespace hygge::formats
