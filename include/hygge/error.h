// Errors as values. Nothing in hygge throws, aborts, prints or exits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace hygge {

/// What kind of failure; the exit codes of the command follow from it.
enum class ErrorCode : std::uint8_t {
  invalid_argument,   ///< the call itself is wrong
  parse,              ///< text that does not follow its grammar; see Error::place
  not_found,          ///< a database, file, series or metric that is not there
  already_exists,     ///< something that must not be there yet
  out_of_range,       ///< a time or number outside what can be stored
  limit,              ///< a configured limit; the message names offender, count and limit
  no_space,           ///< the disk or the quota is full; read-only until there is room
  io,                 ///< the file system failed
  corruption,         ///< stored bytes are not what was written; names file and offset
  version,            ///< a format newer than this library
  busy,               ///< somebody else holds it
  read_only,          ///< opened for reading, or writing has been suspended
  cancelled,          ///< stopped by the caller
  timeout,            ///< a deadline passed
  insufficient_data,  ///< not enough samples to answer
  internal,           ///< our mistake
};

/// The name of `code` as it stands in messages and JSON: "invalid_argument", "parse", …
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// Where in a text an error lies. `line` and `column` count from 1, columns in bytes; line 0 means
/// "no place". `begin` and `end` are byte offsets of the offending piece, half open.
struct TextPlace {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// One failure. The message says what, where and what to do.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string detail;  ///< one more line of help; may be empty
  TextPlace place;     ///< for code `parse` over a text; line 0 otherwise
};

/// A value or an Error.
template <typename T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::io, "…");` in a function that returns any Result.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message,
                                                std::string detail = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(detail), {}});
}

}  // namespace hygge
