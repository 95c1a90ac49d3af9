#include "arguments.h"

#include <fmt/format.h>
#include <hygge/near.h>

#include <utility>

namespace hygge::command {

namespace {

constexpr std::string_view kSeeHelp = "`hygge help` lists the verbs";

struct Given {
  const Flag* flag;
  std::string as_written;
  std::string value;
};

std::string help_on(const Verb* verb) {
  return verb ? fmt::format("`hygge help {}` lists its flags", verb->name) : std::string(kSeeHelp);
}

// Whether a verb of two words begins with `word`.
bool begins_pair(std::string_view word) {
  for (const Verb& verb : verbs()) {
    if (verb.name.size() > word.size() && verb.name.starts_with(word) &&
        verb.name[word.size()] == ' ') {
      return true;
    }
  }
  return false;
}

std::vector<std::string> verb_names(std::string_view first = "") {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    const bool pair = verb.name.find(' ') != std::string_view::npos;
    if (first.empty()) {
      names.emplace_back(verb.name.substr(0, verb.name.find(' ')));
    } else if (pair && verb.name.starts_with(first)) {
      names.emplace_back(verb.name.substr(first.size() + 1));
    }
  }
  return names;
}

// The verb that the first words name; takes them off `words`.
Result<const Verb*> take_verb(std::vector<std::string>& words) {
  if (words.empty()) return nullptr;
  const std::string first = words[0];
  words.erase(words.begin());
  if (const Verb* verb = find_verb(first)) return verb;
  if (!begins_pair(first)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("unknown verb \"{}\"{}", first, did_you_mean(first, verb_names())),
                std::string(kSeeHelp));
  }
  const std::vector<std::string> seconds = verb_names(first);
  if (words.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} what? One of {}", first, fmt::join(seconds, ", ")),
                std::string(kSeeHelp));
  }
  const std::string second = words[0];
  words.erase(words.begin());
  if (const Verb* verb = find_verb(first + " " + second)) return verb;
  return fail(ErrorCode::invalid_argument,
              fmt::format("unknown verb \"{} {}\"{}", first, second,
                          did_you_mean(second, seconds, first + " ")),
              fmt::format("after {} comes one of {}", first, fmt::join(seconds, ", ")));
}

Result<Given> read_flag(const std::vector<std::string>& words, std::size_t& at) {
  const std::string& word = words[at];
  const bool is_long = word.starts_with("--");
  std::string name = word.substr(is_long ? 2 : 1);
  std::optional<std::string> value;
  if (const std::size_t equals = name.find('='); equals != std::string::npos) {
    value = name.substr(equals + 1);
    name.resize(equals);
  }
  const Flag* flag = nullptr;
  if (is_long ? name.size() > 1 : name.size() == 1) flag = find_flag(name);
  // Left for the verb to judge: it knows which names are near.
  if (flag == nullptr) return Given{nullptr, word.substr(0, word.find('=')), ""};
  if (flag->argument.empty()) {
    if (value) {
      return fail(ErrorCode::invalid_argument, fmt::format("--{} takes no value", flag->name));
    }
    return Given{flag, word, ""};
  }
  if (!value) {
    if (at + 1 >= words.size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} needs a value: {}", word, flag->argument),
                  fmt::format("--{} {}: {}", flag->name, flag->argument, flag->about));
    }
    value = words[++at];
  }
  if (!flag->choices.empty() && !listed(flag->choices, *value)) {
    std::vector<std::string> choices;
    for_words(flag->choices, [&](std::string_view one) { choices.emplace_back(one); });
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("--{} {}: no such choice{}", flag->name, *value, did_you_mean(*value, choices)),
        fmt::format("one of {}", fmt::join(choices, ", ")));
  }
  return Given{flag, word, *value};
}

tl::unexpected<Error> unknown_flag(const Given& given, const Verb* verb) {
  std::vector<std::string> names;
  for (const Flag& flag : flags()) {
    if (verb == nullptr || takes(*verb, flag)) names.push_back("--" + std::string(flag.name));
  }
  const std::string near = did_you_mean(given.as_written, names);
  const bool expression = verb != nullptr && verb->usage.starts_with("EXPR") && near.empty();
  return fail(ErrorCode::invalid_argument, fmt::format("unknown flag {}{}", given.as_written, near),
              expression ? "an expression that starts with - stands after --: hygge query -- -up"
                         : help_on(verb));
}

Result<void> check_counts(const Arguments& arguments) {
  const Verb& verb = *arguments.verb;
  if (arguments.has("help")) return {};
  const auto usage = fmt::format("usage: hygge {} {}", verb.name, verb.usage);
  if (arguments.values.size() < verb.least_arguments) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} needs {}", verb.name, verb.missing),
                usage);
  }
  if (arguments.values.size() > verb.most_arguments) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{}: \"{}\" is too much", verb.name, arguments.values[verb.most_arguments]),
        verb.usage.starts_with("EXPR") ? usage + "; an expression is one word: quote it" : usage);
  }
  return {};
}

}  // namespace

std::optional<std::string> Arguments::get(std::string_view flag) const {
  const auto found = given.find(flag);
  if (found == given.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view flag) const {
  const auto found = given.find(flag);
  return found == given.end() ? std::vector<std::string>() : found->second;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates,
                         std::string_view before) {
  // Two edits make another word of a short one.
  const std::size_t limit = name.size() < 6 ? 1 : 2;
  const std::string_view near = nearest(name, std::span<const std::string>(candidates), limit);
  return near.empty() ? "" : fmt::format(" (did you mean {}{}?)", before, near);
}

bool wants_json(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == "--format=json") return true;
    if (words[i] == "--format" && i + 1 < words.size() && words[i + 1] == "json") return true;
  }
  return false;
}

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments out;
  std::vector<Given> found;
  bool ended = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (ended || word.size() < 2 || word[0] != '-') {
      out.values.push_back(word);
    } else if (word == "--") {
      ended = true;
    } else if (word == "--version" && words.size() == 1) {
      out.values.emplace_back("version");
    } else {
      auto given = read_flag(words, i);
      if (!given) return tl::unexpected<Error>(given.error());
      found.push_back(std::move(*given));
    }
  }
  const auto verb = take_verb(out.values);
  if (!verb) return tl::unexpected<Error>(verb.error());
  out.verb = *verb;
  for (Given& given : found) {
    if (given.flag == nullptr) return unknown_flag(given, out.verb);
    if (out.verb != nullptr && !takes(*out.verb, *given.flag)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} takes no --{}", out.verb->name, given.flag->name),
                  help_on(out.verb));
    }
    out.given[std::string(given.flag->name)].push_back(std::move(given.value));
  }
  if (out.verb != nullptr) {
    if (auto counts = check_counts(out); !counts) return tl::unexpected<Error>(counts.error());
  }
  return out;
}

}  // namespace hygge::command
