// Help, from the table of verbs.
#pragma once

#include <string>

#include "verbs.h"

namespace hygge::command {

/// One screen: the verbs by group and three lines to start with.
[[nodiscard]] std::string overview();
/// Purpose, usage, flags, examples.
[[nodiscard]] std::string verb_help(const Verb& verb);
/// Codes of errors and exits.
[[nodiscard]] std::string errors_help();

}  // namespace hygge::command
