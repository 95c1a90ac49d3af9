// Files that a user names, `-` for the standard input.
#pragma once

#include <hygge/error.h>

#include <string>

namespace hygge::command {

/// All of a file. Errors: not_found, io, with the system's reason.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// What messages call it: "stdin" or the path.
[[nodiscard]] std::string source_name(const std::string& path);

/// read_file(), then `parse`, whose messages begin with a place: NAME:LINE:COLUMN: WHAT.
template <typename Parse>
[[nodiscard]] auto parse_file(const std::string& path, Parse&& parse)
    -> decltype(parse(std::string())) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Error>(text.error());
  auto parsed = parse(*text);
  if (!parsed) parsed.error().message.insert(0, source_name(path) + ":");
  return parsed;
}

}  // namespace hygge::command
