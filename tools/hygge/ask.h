// Before something is deleted: a question on a terminal, --yes elsewhere.
#pragma once

#include <hygge/error.h>

#include <string_view>

namespace hygge::command {

class Context;

/// Nothing if --yes was given or the person at the terminal says yes. Errors: invalid_argument (no
/// terminal to ask on, and no --yes), cancelled (the answer was no).
[[nodiscard]] Result<void> ask(const Context& context, std::string_view question);

}  // namespace hygge::command
