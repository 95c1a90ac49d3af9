// Replies: the API's envelope around an answer, its errors, and compression.
#pragma once

#include <hygge/promql.h>
#include <hygge/server.h>

#include <optional>
#include <string>
#include <string_view>

#include "server/answer_body.h"

namespace hygge::server {

/// Why a request has no answer, in the API's terms.
struct ApiError {
  int status = 400;
  std::string_view type = "bad_data";
  std::string message;
  std::string detail;  ///< one more line of help, which Prometheus has not; may be empty
};

[[nodiscard]] ApiError bad_data(std::string message);
/// `invalid parameter "NAME": …`
[[nodiscard]] ApiError bad_parameter(std::string_view name, const Error& error);
/// An error that came up while a query ran, or data was read or written.
[[nodiscard]] ApiError failed(const Error& error);

[[nodiscard]] Reply error_reply(const ApiError& error);
[[nodiscard]] Reply text_reply(int status, std::string text);

/// Short answers have a body, others write it.
[[nodiscard]] Reply answer_reply(promql::Answer answer, const AnswerExtras& extras);

/// Compresses the body of `reply` if `request` accepts gzip and that is worth it.
void compress_for(const Request& request, Reply& reply);

/// The same with all of its body in `body`.
[[nodiscard]] Reply whole(Reply reply);

}  // namespace hygge::server
