// Evaluating the expression of a call.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/promql.h>
#include <hygge/time.h>

namespace hygge::command {

class Context;

/// Parses the first argument, so that its place can be shown.
[[nodiscard]] Result<promql::Expression> parse_question(Context& context);

/// Warnings and infos on stderr: "PromQL info: …".
void tell_annotations(const Context& context, const promql::Answer& answer);

}  // namespace hygge::command
