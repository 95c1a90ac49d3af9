// Prometheus rule files: groups of recording and alerting rules from YAML (hygge::formats).
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::formats {

/// A place in a rule file; 1 is the first line and the first column (in bytes).
struct FilePlace {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const FilePlace&, const FilePlace&) = default;
};

struct Rule {
  bool alert = false;  ///< else it records
  std::string name;    ///< of the alert, or the metric that it records
  std::string expression;
  FilePlace place;  ///< of the rule
  DurationMs for_ms = 0;
  DurationMs keep_firing_for_ms = 0;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> annotations;
  std::vector<FilePlace> expression_places;  ///< of each byte of `expression`, and of its end

  /// Where byte `offset` of the expression stands in the file.
  [[nodiscard]] FilePlace place_of(std::size_t offset) const;
};

struct RuleGroup {
  std::string name;
  DurationMs interval_ms = 0;  ///< 0: none is given
  std::vector<Rule> rules;
};

struct RuleFileError {
  FilePlace place;
  std::string message;
};

struct RuleFile {
  std::vector<RuleGroup> groups;
  std::vector<RuleFileError> errors;  ///< the first 100; empty: all is well, expressions apart
};

/// Reads a rule file; what is wrong is in `errors`, each with its place. Expressions are not looked
/// at: promql::parse says what is wrong with them, place_of where.
[[nodiscard]] RuleFile parse_rules(std::string_view yaml);

}  // namespace hygge::formats
