// Reads a selector from a token stream: for selector() and for the parser of the query language.
#pragma once

#include <hygge/selector.h>

#include "model/lexer.h"

namespace hygge {

/// Reads `name`, `name{…}` or `{…}`; the stream must stand on an identifier or a left brace.
/// With `may_match_all` every matcher may match the empty string. Errors: parse, as selector().
[[nodiscard]] Result<Selector> read_selector(TokenStream& in, bool may_match_all = false);

/// Whether the absence of the label (or an empty value) satisfies `matcher`. The regex of `matcher`
/// must be valid.
[[nodiscard]] bool matches_empty(const Matcher& matcher);

}  // namespace hygge
