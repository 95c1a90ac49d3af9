// What the SLO verbs share.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/slo.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::command {

class Context;

using Definitions = std::vector<slo::Definition>;

/// The definitions of the files of the call; with --only one of them.
[[nodiscard]] Result<Definitions> definitions_of(const Context& context);

/// What most verbs begin with: the definitions, the database and the instant of the call.
struct SloCall {
  Definitions definitions;
  Db db;
  TimeMs at_ms = 0;
};
[[nodiscard]] Result<SloCall> slo_call_of(Context& context);

/// The words of a flag's value, split at commas outside brackets.
[[nodiscard]] std::vector<std::string> words_of(const Context& context, std::string_view flag);
/// The same as durations. Errors: parse.
[[nodiscard]] Result<std::vector<DurationMs>> durations_of(const Context& context,
                                                           std::string_view flag,
                                                           std::string_view example);
/// A flag's value as one duration. Errors: parse.
[[nodiscard]] Result<DurationMs> duration_of(const Context& context, std::string_view flag,
                                             DurationMs otherwise);

/// The exit code: 1 where any is bad, else 3 where any is unknown.
[[nodiscard]] int worst_of(bool bad, bool unknown) noexcept;
/// "" for none.
[[nodiscard]] std::string number_or_blank(const std::optional<double>& v);
/// The code, unless writing failed.
[[nodiscard]] Result<int> finish_slo(Result<void> wrote, int code);

/// Notes of a verb on stderr, with the SLO's name.
void tell_notes(const Context& context, const slo::Definition& definition,
                const std::vector<std::string>& notes);

/// The periods of --by: none without it. In the zone of the window, else of the call.
struct Periods {
  std::optional<slo::Calendar> by;
  std::vector<slo::Report> reports;
};
[[nodiscard]] Result<Periods> periods_of(const Context& context, const Db& db,
                                         const slo::Definition& definition, TimeMs at_ms);

/// slo report --format html.
[[nodiscard]] Result<int> run_slo_page(Context& context, const Definitions& definitions,
                                       const Db& db, TimeMs at_ms);

// The verbs that verbs.h does not name.
Result<int> run_slo_whatif(Context& context);
Result<int> run_slo_backtest(Context& context);
Result<int> run_slo_forecast(Context& context);
Result<int> run_slo_convert(Context& context);
Result<int> run_slo_rules(Context& context);
Result<int> run_slo_schema(Context& context);

}  // namespace hygge::command
