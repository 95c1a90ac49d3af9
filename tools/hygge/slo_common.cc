// What the SLO verbs share: their files, their flags, their ends.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <utility>

#include "context.h"
#include "load.h"
#include "slo.h"
#include "text.h"

namespace hygge::command {

namespace {

Result<std::string> read_stdin() {
  auto input = open_input("-");
  if (!input) return tl::unexpected<Error>(input.error());
  std::string out;
  std::string block(64 * 1024, '\0');
  for (;;) {
    const auto got = input->read(block.data(), block.size());
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) return out;
    out.append(block, 0, *got);
  }
}

Result<Definitions> from_stdin() {
  const auto text = read_stdin();
  if (!text) return tl::unexpected<Error>(text.error());
  formats::SloFile file = formats::parse_slos(*text, "stdin");
  if (file.errors.empty()) return std::move(file.definitions);
  std::string message;
  for (const formats::SloFileError& error : file.errors) {
    message += (message.empty() ? "" : "\n") + error.text();
  }
  return fail(ErrorCode::parse, std::move(message));
}

}  // namespace

Result<Definitions> definitions_of(const Context& context) {
  const auto& files = context.arguments().values;
  const bool from_pipe = files.size() == 1 && files[0] == "-";
  auto all = from_pipe ? from_stdin() : formats::load_slos(std::span<const std::string>(files));
  if (!all) return all;
  const auto only = context.arguments().get("only");
  if (!only) return all;
  std::vector<std::string> names;
  for (const slo::Definition& one : *all) {
    if (one.name == *only) return Definitions{one};
    names.push_back(one.name);
  }
  return fail(ErrorCode::not_found,
              fmt::format("no SLO is called \"{}\"{}", *only, did_you_mean(*only, names)),
              fmt::format("SLOs: {}", fmt::join(names, ", ")));
}

Result<SloCall> slo_call_of(Context& context) {
  auto definitions = definitions_of(context);
  if (!definitions) return tl::unexpected<Error>(definitions.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto at_ms = context.at(&*db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  return SloCall{std::move(*definitions), std::move(*db), *at_ms};
}

std::vector<std::string> words_of(const Context& context, std::string_view flag) {
  std::vector<std::string> out;
  int depth = 0;
  std::string word;
  for (const char c : context.arguments().get(flag).value_or("")) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth <= 0) {
      out.push_back(std::exchange(word, {}));
    } else if (c != ' ' || depth > 0) {
      word += c;
    }
  }
  if (!word.empty() || !out.empty()) out.push_back(std::move(word));
  return out;
}

Result<std::vector<DurationMs>> durations_of(const Context& context, std::string_view flag,
                                             std::string_view example) {
  std::vector<DurationMs> out;
  for (const std::string& word : words_of(context, flag)) {
    const auto duration = parse_duration(word);
    if (!duration || *duration <= 0) {
      return fail(ErrorCode::parse, fmt::format("--{}: \"{}\" is no duration", flag, word),
                  fmt::format("for example --{} {}", flag, example));
    }
    out.push_back(*duration);
  }
  return out;
}

Result<DurationMs> duration_of(const Context& context, std::string_view flag,
                               DurationMs otherwise) {
  const auto text = context.arguments().get(flag);
  if (!text) return otherwise;
  const auto duration = parse_duration(*text);
  if (!duration || *duration < 0) {
    return fail(ErrorCode::parse, fmt::format("--{}: \"{}\" is no duration", flag, *text),
                fmt::format("for example --{} {}", flag, format_duration(otherwise)));
  }
  return *duration;
}

int worst_of(bool bad, bool unknown) noexcept { return bad ? 1 : unknown ? 3 : 0; }

std::string number_or_blank(const std::optional<double>& v) { return v ? number_text(*v) : ""; }

Result<int> finish_slo(Result<void> wrote, int code) {
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return code;
}

void tell_notes(const Context& context, const slo::Definition& definition,
                const std::vector<std::string>& notes) {
  for (const std::string& note : notes) {
    context.note(fmt::format("{}: {}", definition.name, note));
  }
}

}  // namespace hygge::command
