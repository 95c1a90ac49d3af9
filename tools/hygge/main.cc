// hygge: the command. Sorts the words, runs the verb, and says what went wrong.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "context.h"
#include "failure.h"
#include "help.h"
#include "interrupt.h"

namespace hygge::command {

namespace {

int run(const std::vector<std::string>& words) {
  const bool json = wants_json(words);
  auto arguments = parse_arguments(words);
  if (!arguments) return report_failure(arguments.error(), "", json);
  if (arguments->verb == nullptr || arguments->has("help")) {
    Output out;
    const auto wrote = out.write(arguments->verb ? verb_help(*arguments->verb) : overview());
    const auto finished = wrote ? out.finish() : wrote;
    return finished || Output::reader_gone() ? 0 : report_failure(finished.error(), "", json);
  }
  auto context = Context::make(std::move(*arguments));
  if (!context) return report_failure(context.error(), "", json);
  auto code = context->arguments().verb->run(*context);
  if (code) {
    if (auto finished = context->out().finish(); !finished) {
      code = tl::unexpected<Error>(finished.error());
    }
  }
  if (code) return *code;
  wait_while_leaving();
  if (Output::reader_gone()) return 0;
  return report_failure(code.error(), context->expression(), json || context->format() == "json");
}

}  // namespace

}  // namespace hygge::command

int main(int count, char** words) {
  try {
    hygge::command::watch_for_interrupts();
    return hygge::command::run(std::vector<std::string>(words + 1, words + count));
  } catch (const std::exception& error) {
    fmt::print(stderr, "hygge: internal: {}\n", error.what());
    return hygge::command::exit_code(hygge::ErrorCode::internal);
  }
}
