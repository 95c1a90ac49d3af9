#include "ask.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "context.h"

namespace hygge::command {

Result<void> ask(const Context& context, std::string_view question) {
  if (context.flag("yes")) return {};
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("nobody is there to be asked: {}", question),
                "add --yes, or look first with --dry-run");
  }
  fmt::print(stderr, "{} [y/N] ", question);
  std::array<char, 64> answer{};
  if (std::fgets(answer.data(), answer.size(), stdin) != nullptr &&
      (answer[0] == 'y' || answer[0] == 'Y')) {
    return {};
  }
  return fail(ErrorCode::cancelled, "nothing was deleted", "answer y, or add --yes");
}

}  // namespace hygge::command
