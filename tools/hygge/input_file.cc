#include "input_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

namespace hygge::command {

Result<std::string> read_file(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::ifstream in(path, std::ios::binary);
  if (in) {
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in.bad()) return text;
  }
  return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
}

std::string source_name(const std::string& path) { return path == "-" ? "stdin" : path; }

}  // namespace hygge::command
