// Asking a server that speaks Prometheus' HTTP API: `hygge serve`, Prometheus, and what is like
// them.
#pragma once

#include <hygge/error.h>
#include <hygge/promql.h>
#include <hygge/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace hygge::command {

struct Remote {
  std::string url;    ///< "http://127.0.0.1:9090", with the prefix of the API's paths if it has one
  std::string token;  ///< sent as a bearer token unless empty
};

/// Evaluates `text` there. Errors: invalid_argument (no URL, or what the server refuses), parse
/// (what it does not read), timeout, limit, io (it cannot be reached, or its reply is none).
/// `lookback_ms`: none, the server's own; one that knows no `lookback_delta` keeps to that.
[[nodiscard]] Result<promql::Answer> ask_remote(const Remote& remote, std::string_view text,
                                                const Steps& when, bool exact,
                                                std::optional<DurationMs> lookback_ms);

/// The answer in a reply's body. Errors: as above, by the reply's errorType.
[[nodiscard]] Result<promql::Answer> read_reply(std::string_view body);

}  // namespace hygge::command
