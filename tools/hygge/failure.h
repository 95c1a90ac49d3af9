// How a failure is told, and what the command exits with.
#pragma once

#include <hygge/error.h>

#include <string_view>

namespace hygge::command {

[[nodiscard]] int exit_code(ErrorCode code) noexcept;

/// `hygge: CODE: message`, a caret under the place of `expression` where there is one, and a line
/// of help; with `json` one JSON object. Both on stderr. Returns the exit code.
int report_failure(const Error& error, std::string_view expression, bool json);

/// The line of `text` that the place is in, and a line with carets under it; "" without a place.
[[nodiscard]] std::string caret_lines(const TextPlace& place, std::string_view text);

}  // namespace hygge::command
