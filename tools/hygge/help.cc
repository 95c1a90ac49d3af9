#include "help.h"

#include <fmt/format.h>
#include <hygge/error.h>
#include <hygge/formats.h>

#include <algorithm>
#include <array>
#include <vector>

#include "arguments.h"
#include "context.h"
#include "failure.h"
#include "json.h"

namespace hygge::command {

namespace {

std::string flag_line(const Flag& flag) {
  const std::string shown = flag.letter != 0 ? fmt::format("-{}, --{}", flag.letter, flag.name)
                                             : fmt::format("    --{}", flag.name);
  const std::string left =
      flag.argument.empty() ? shown : fmt::format("{} {}", shown, flag.argument);
  return fmt::format("  {:<24}  {}\n", left, flag.about);
}

struct Code {
  ErrorCode code;
  std::string_view about;
};
constexpr std::array kCodes = std::to_array<Code>({
    {ErrorCode::invalid_argument, "the call itself is wrong"},
    {ErrorCode::parse, "text that does not follow its grammar"},
    {ErrorCode::already_exists, "something that must not be there yet"},
    {ErrorCode::out_of_range, "a time or number that cannot be stored"},
    {ErrorCode::limit, "a limit was met; the message names it"},
    {ErrorCode::insufficient_data, "not enough samples to answer"},
    {ErrorCode::not_found, "a database, file or folder that is not there"},
    {ErrorCode::no_space, "the disk or the quota is full"},
    {ErrorCode::io, "the file system failed"},
    {ErrorCode::corruption, "stored bytes are not what was written"},
    {ErrorCode::version, "a format newer than this program"},
    {ErrorCode::read_only, "a file or file system that cannot be written"},
    {ErrorCode::timeout, "a deadline passed"},
    {ErrorCode::internal, "a mistake in hygge: please report it"},
    {ErrorCode::busy, "locked by another process; the message names it"},
    {ErrorCode::cancelled, "interrupted"},
});

}  // namespace

std::string overview() {
  std::string out =
      "hygge: metrics in, Gorilla-compressed, window and service-level answers out\n\n"
      "usage: hygge [--db DIR] VERB [ARGUMENTS] [FLAGS]\n\n";
  std::size_t longest = 0;
  for (const Verb& verb : verbs()) longest = std::max(longest, verb.name.size());
  std::string_view group;
  for (const Verb& verb : verbs()) {
    out += fmt::format("{:<10}{:<{}}{}\n", verb.group == group ? "" : verb.group, verb.name,
                       longest + 2, verb.purpose);
    group = verb.group;
  }
  out +=
      "\nTo start with:\n"
      "  hygge --db shop.hygge import openmetrics examples/shop/shop.om.gz\n"
      "  hygge --db shop.hygge plot 'sum by (code) (rate(edge_requests_total[1m]))' --at last\n"
      "  hygge help query\n";
  return out;
}

std::string verb_help(const Verb& verb) {
  std::string out = fmt::format("hygge {}: {}\n\nusage: hygge {}{}{} [FLAGS]\n\n", verb.name,
                                verb.purpose, verb.name, verb.usage.empty() ? "" : " ", verb.usage);
  std::string common;
  for (const Flag& flag : flags()) {
    if (listed(verb.flags, flag.name)) {
      out += flag_line(flag);
    } else if (takes(verb, flag)) {
      common += flag_line(flag);
    }
  }
  out += fmt::format("{}{}  formats: {}\n\nExamples:\n", verb.flags.empty() ? "" : "\n", common,
                     verb.formats);
  for (const std::string_view example : verb.examples) out += fmt::format("  hygge {}\n", example);
  if (verb.name == "import" || verb.name == "write") {
    out += "\nFormats read:\n";
    for (const formats::Format& format : formats::import_formats()) {
      out += fmt::format("  {:<12} {}\n", format.name, format.about);
    }
  }
  return out;
}

std::string errors_help() {
  std::string out =
      "An error is one line on stderr, `hygge: CODE: what`, and one of what to do.\n\n"
      "exit  code               meaning\n"
      "0                        done; an empty answer is an answer\n"
      "1                        the answer is no: SLO breached, alert firing, damage found\n";
  for (const Code& code : kCodes) {
    out += fmt::format("{:<5} {:<18} {}\n", exit_code(code.code), to_string(code.code), code.about);
  }
  return out;
}

Result<int> run_help(Context& context) {
  const auto& values = context.arguments().values;
  std::string text;
  if (values.empty()) {
    text = overview();
  } else if (values[0] == "errors") {
    text = errors_help();
  } else {
    const std::string name = values.size() > 1 ? values[0] + " " + values[1] : values[0];
    if (const Verb* verb = find_verb(name)) {
      text = verb_help(*verb);
    } else {
      for (const Verb& verb_of : verbs()) {
        if (verb_of.name.starts_with(name + " "))
          text += (text.empty() ? "" : "\n") + verb_help(verb_of);
      }
    }
    if (text.empty()) {
      std::vector<std::string> names = {"errors"};
      for (const Verb& verb : verbs()) names.emplace_back(verb.name);
      return fail(ErrorCode::invalid_argument,
                  fmt::format("no help on \"{}\"{}", name, did_you_mean(name, names)),
                  "`hygge help` lists the verbs");
    }
  }
  if (auto wrote = context.out().write(text); !wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

Result<int> run_version(Context& context) {
  std::string text;
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.version/1").member("version", HYGGE_VERSION).close('}');
    text = json.out() + "\n";
  } else {
    text = fmt::format("hygge {}\n", HYGGE_VERSION);
  }
  if (auto wrote = context.out().write(text); !wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
