#include <hygge/error.h>

namespace hygge {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::parse:
      return "parse";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::out_of_range:
      return "out_of_range";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::io:
      return "io";
    case ErrorCode::corruption:
      return "corruption";
    case ErrorCode::version:
      return "version";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::insufficient_data:
      return "insufficient_data";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace hygge
