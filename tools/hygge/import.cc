// import and write: whole files, or a stream as it comes.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "context.h"
#include "load.h"

namespace hygge::command {

namespace {

// `import FILE` without a format: says what the file looks like and what to type.
Result<void> check_named_format(const std::vector<std::string>& values) {
  auto known = check_format(values[0]);
  std::error_code ignored;
  if (known || !std::filesystem::is_regular_file(values[0], ignored)) return known;
  auto input = open_input(values[0]);
  if (!input) return tl::unexpected<Error>(input.error());
  constexpr std::size_t kHead = 64 * 1024;
  const auto head = input->peek(kHead);
  if (!head) return tl::unexpected<Error>(head.error());
  const std::string_view looks_like = formats::detect(*head);
  if (looks_like.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("import needs a format before {}, which looks like none", values[0]),
                known.error().detail);
  }
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("import needs a format before {}, which looks like {}", values[0], looks_like),
      fmt::format("type: hygge import {} {}", looks_like, values[0]));
}

}  // namespace

Result<int> run_import(Context& context) {
  const auto& values = context.arguments().values;
  if (auto known = check_named_format(values); !known) {
    return tl::unexpected<Error>(known.error());
  }
  if (values.size() < 2) {
    return fail(ErrorCode::invalid_argument, fmt::format("import {} what? A file, or -", values[0]),
                fmt::format("hygge import {} FILE; - is stdin", values[0]));
  }
  LoadPlan plan;
  plan.format = values[0];
  plan.files.assign(values.begin() + 1, values.end());
  plan.strict = context.flag("strict");
  plan.dry = context.flag("dry-run");
  return load(context, plan);
}

Result<int> run_write(Context& context) {
  const auto& values = context.arguments().values;
  LoadPlan plan;
  plan.format = "prometheus";
  plan.files = values;
  plan.stream = true;
  if (!values.empty() && check_format(values[0])) {
    plan.format = values[0];
    plan.files.erase(plan.files.begin());
  }
  if (plan.files.empty()) plan.files.emplace_back("-");
  return load(context, plan);
}

}  // namespace hygge::command
