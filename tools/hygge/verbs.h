// The one table of verbs and flags: the parser, the help and the completion read it.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace hygge::command {

class Context;

/// A flag means the same wherever it stands, so its arity does not depend on the verb.
struct Flag {
  std::string_view name;      ///< without the dashes
  char letter = 0;            ///< its short form, or 0
  std::string_view argument;  ///< how help calls its value; "" for a switch
  std::string_view about;
  std::string_view choices;  ///< allowed values, blank between; "" for any
};

struct Example {
  std::string_view words;  ///< what follows `hygge `, as in a shell
};

struct Verb {
  std::string_view name;  ///< "query", "db stats"
  std::string_view group;
  std::string_view usage;  ///< after the name
  std::string_view purpose;
  std::string_view flags;    ///< names, blank between; the common ones apply anyway
  std::string_view formats;  ///< of --format; the first is the default where not a terminal
  std::size_t least_arguments;
  std::size_t most_arguments;
  std::string_view missing;  ///< what is missing where there are too few
  std::span<const std::string_view> examples;
  Result<int> (*run)(Context& context);
};

inline constexpr std::size_t kAnyNumber = 1'000'000;

[[nodiscard]] std::span<const Flag> flags() noexcept;
[[nodiscard]] std::span<const Verb> verbs() noexcept;
[[nodiscard]] const Flag* find_flag(std::string_view name) noexcept;
[[nodiscard]] const Verb* find_verb(std::string_view name) noexcept;
/// Whether `verb` takes `flag`; common flags go with every verb.
[[nodiscard]] bool takes(const Verb& verb, const Flag& flag) noexcept;
/// Whether `word` is in the blank-separated `list`.
[[nodiscard]] bool listed(std::string_view list, std::string_view word) noexcept;
/// Calls `each` with the words of a blank-separated list.
template <typename Each>
void for_words(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t end = list.find(' ') == std::string_view::npos ? list.size() : list.find(' ');
    if (end > 0) each(list.substr(0, end));
    list.remove_prefix(end < list.size() ? end + 1 : end);
  }
}

// The verbs, each in the file of its name.
Result<int> run_import(Context& context);
Result<int> run_write(Context& context);
Result<int> run_export(Context& context);
Result<int> run_delete(Context& context);
Result<int> run_query(Context& context);
Result<int> run_plot(Context& context);
Result<int> run_series(Context& context);
Result<int> run_labels(Context& context);
Result<int> run_cardinality(Context& context);
Result<int> run_metadata(Context& context);
Result<int> run_rollup_list(Context& context);
Result<int> run_rollup_set(Context& context);
Result<int> run_rollup_stats(Context& context);
Result<int> run_rollup_verify(Context& context);
Result<int> run_retention_list(Context& context);
Result<int> run_retention_set(Context& context);
Result<int> run_retention_cap(Context& context);
Result<int> run_retention_pin(Context& context);
Result<int> run_retention_unpin(Context& context);
Result<int> run_retention_apply(Context& context);
Result<int> run_slo_lint(Context& context);
Result<int> run_slo_report(Context& context);
Result<int> run_slo_burn(Context& context);
Result<int> run_rules_check(Context& context);
Result<int> run_serve(Context& context);
Result<int> run_db_info(Context& context);
Result<int> run_db_stats(Context& context);
Result<int> run_db_verify(Context& context);
Result<int> run_db_compact(Context& context);
Result<int> run_codec_inspect(Context& context);
Result<int> run_help(Context& context);
Result<int> run_completion(Context& context);
Result<int> run_version(Context& context);

}  // namespace hygge::command
