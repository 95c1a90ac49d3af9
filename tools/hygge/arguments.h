// The words of a call, sorted into verb, arguments and flags.
#pragma once

#include <hygge/error.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verbs.h"

namespace hygge::command {

struct Arguments {
  const Verb* verb = nullptr;       ///< null: none was named
  std::vector<std::string> values;  ///< what is neither verb nor flag
  std::map<std::string, std::vector<std::string>, std::less<>> given;

  [[nodiscard]] bool has(std::string_view flag) const { return given.contains(flag); }
  /// The last value given for a flag.
  [[nodiscard]] std::optional<std::string> get(std::string_view flag) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view flag) const;
};

/// Flags may stand anywhere, `--flag value` or `--flag=value`; `--` ends them. Errors:
/// invalid_argument, with the nearest name where there is one.
[[nodiscard]] Result<Arguments> parse_arguments(const std::vector<std::string>& words);

/// Whether the words ask for errors in JSON; also where they do not parse.
[[nodiscard]] bool wants_json(const std::vector<std::string>& words);

/// " (did you mean X?)", or "".
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::vector<std::string>& candidates,
                                       std::string_view before = "");

}  // namespace hygge::command
