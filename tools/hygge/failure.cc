#include "failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "interrupt.h"
#include "json.h"
#include "text.h"

namespace hygge::command {

int exit_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::parse:
    case ErrorCode::already_exists:
    case ErrorCode::out_of_range:
    case ErrorCode::limit:
      return 2;
    case ErrorCode::insufficient_data:
      return 3;
    case ErrorCode::busy:
      return 5;
    case ErrorCode::cancelled:
      return kInterrupted;
    case ErrorCode::not_found:
    case ErrorCode::no_space:
    case ErrorCode::io:
    case ErrorCode::corruption:
    case ErrorCode::version:
    case ErrorCode::read_only:
    case ErrorCode::timeout:
    case ErrorCode::internal:
      return 4;
  }
  return 4;
}

std::string caret_lines(const TextPlace& place, std::string_view text) {
  if (place.line == 0 || text.empty() || place.begin > text.size()) return "";
  const std::size_t newline = text.substr(0, place.begin).rfind('\n');
  const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t end = std::min(text.find('\n', place.begin), text.size());
  const std::string before = printable(text.substr(begin, place.begin - begin));
  const std::size_t marked_end = std::clamp(place.end, place.begin, end);
  const std::string marked = printable(text.substr(place.begin, marked_end - place.begin));
  return fmt::format("  {}\n  {}{}\n", printable(text.substr(begin, end - begin)),
                     std::string(display_width(before), ' '),
                     std::string(std::max<std::size_t>(1, display_width(marked)), '^'));
}

namespace {

// Messages may hold several lines, one for each mistake in a file; nothing else that moves the
// cursor.
std::string printable_lines(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace

int report_failure(const Error& error, std::string_view expression, bool json) {
  if (json) {
    Json out;
    out.open('{').key("error").open('{');
    out.member("code", to_string(error.code)).member("message", error.message);
    if (!error.detail.empty()) out.member("help", error.detail);
    if (error.place.line > 0) {
      out.key("position").open('{').member("line", error.place.line);
      out.member("column", error.place.column).close('}');
    }
    out.close('}').close('}');
    fmt::print(stderr, "{}\n", out.out());
  } else {
    fmt::print(stderr, "hygge: {}: {}\n{}", to_string(error.code), printable_lines(error.message),
               caret_lines(error.place, expression));
    if (!error.detail.empty()) fmt::print(stderr, "{}\n", printable(error.detail));
  }
  return exit_code(error.code);
}

}  // namespace hygge::command
