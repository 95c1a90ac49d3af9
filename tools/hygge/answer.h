// Evaluating the expression of a call, here or on a server.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/promql.h>
#include <hygge/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace hygge::command {

class Context;

/// What a question got.
struct Asked {
  std::string text;                              ///< the expression, as it was typed
  std::optional<promql::Expression> expression;  ///< where it was evaluated here
  promql::Answer answer;
  Steps when;
  double ms = 0;
};

/// Asks the database of the call, or the server of --url: over --range (which `otherwise` stands
/// for where it is not given), or, with an empty `otherwise` and no --range, at --at.
[[nodiscard]] Result<Asked> ask(Context& context, std::string_view otherwise);

/// Warnings and infos on stderr: "PromQL info: …".
void tell_annotations(const Context& context, const promql::Answer& answer);

}  // namespace hygge::command
