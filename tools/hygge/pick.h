// Selectors of the command line, and why they match nothing.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/selector.h>

#include <string>

namespace hygge::command {

class Context;

/// The selector of the first argument, or all series. Errors: parse.
[[nodiscard]] Result<Selector> picked_selector(Context& context);

/// Why `selector` matches no series: no such metric or label value, with the nearest names.
[[nodiscard]] std::string why_nothing(const Db& db, const Selector& selector);

}  // namespace hygge::command
