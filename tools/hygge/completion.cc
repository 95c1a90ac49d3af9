// completion: what a shell needs to complete verbs and flags, from the same table as the parser;
// names of metrics and labels come from the database at the moment of asking.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <string>
#include <string_view>

#include "context.h"
#include "verbs.h"

namespace hygge::command {

namespace {

std::string import_format_names() {
  std::string out;
  for (const formats::Format& format : formats::import_formats()) {
    out += fmt::format("{}{}", out.empty() ? "" : " ", format.name);
  }
  return out;
}

std::string first_words() {
  std::string out;
  std::string_view before;
  for (const Verb& verb : verbs()) {
    const std::string_view first = verb.name.substr(0, verb.name.find(' '));
    if (first != before) out += fmt::format("{}{}", out.empty() ? "" : " ", first);
    before = first;
  }
  return out;
}

std::string flags_of(const Verb& verb) {
  std::string out;
  for (const Flag& flag : flags()) {
    if (takes(verb, flag)) out += fmt::format("{}--{}", out.empty() ? "" : " ", flag.name);
  }
  return out;
}

// What may follow a verb: its second words, formats, names from the database, or files.
std::string values_of(const Verb& verb) {
  if (verb.name == "import") return "formats";
  if (verb.name == "query" || verb.name == "delete" || verb.name == "plot" ||
      verb.name == "series" || verb.name == "export" || verb.name == "cardinality" ||
      verb.name == "codec inspect") {
    return "metrics";
  }
  if (verb.name == "labels") return "labels";
  return verb.usage.starts_with("FILE") || verb.name == "write" ? "files" : "none";
}

// zsh runs the same through its emulation.
std::string bash_script() {
  std::string verb_cases, flag_values;
  for (const Verb& verb : verbs()) {
    verb_cases += fmt::format("    '{}') flags='{}' formats='{}' values={} ;;\n", verb.name,
                              flags_of(verb), verb.formats, values_of(verb));
  }
  std::string with_value;
  for (const Flag& flag : flags()) {
    if (flag.argument.empty()) continue;
    with_value += fmt::format("{}--{}", with_value.empty() ? "" : "|", flag.name);
    if (flag.letter != 0) with_value += fmt::format("|-{}", flag.letter);
    if (!flag.choices.empty()) {
      flag_values +=
          fmt::format("    --{}) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n",
                      flag.name, flag.choices);
    }
  }
  std::string pairs;
  for (const std::string_view group : {"slo", "db", "rollup", "retention"}) {
    std::string seconds;
    for (const Verb& verb : verbs()) {
      if (verb.name.starts_with(fmt::format("{} ", group))) {
        seconds +=
            fmt::format("{}{}", seconds.empty() ? "" : " ", verb.name.substr(group.size() + 1));
      }
    }
    pairs += fmt::format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n", group,
                         seconds);
  }
  return fmt::format(
      R"SCRIPT(# bash completion of hygge; load it by: source <(hygge completion bash)
_hygge() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} verb= skip= db=() flags= formats= values=none i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ $skip ]]; then [[ $skip == --db ]] && db=(--db "$word"); skip=; continue; fi
    case $word in
      {with_value}) skip=$word ;;
      -*) ;;
      *) if [[ -z $verb ]]; then verb=$word; elif [[ $verb == slo || $verb == db || $verb == rollup || $verb == retention ]]; then verb="$verb $word"; fi ;;
    esac
  done
  case $prev in
{flag_values}    --db|--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --format) ;;
    {with_value}) return ;;
  esac
  case $verb in
    '') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--db --help --version' -- "$cur"))
        else COMPREPLY=($(compgen -W '{first}' -- "$cur")); fi; return ;;
{pairs}{verb_cases}  esac
  if [[ $prev == --format ]]; then COMPREPLY=($(compgen -W "$formats" -- "$cur")); return; fi
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur")); return; fi
  case $values in
    formats) COMPREPLY=($(compgen -W '{formats}' -- "$cur") $(compgen -f -- "$cur")) ;;
    metrics) COMPREPLY=($(compgen -W "$(hygge "${{db[@]}}" labels __name__ --format tsv -q 2>/dev/null | tail -n +2)" -- "$cur")) ;;
    labels) COMPREPLY=($(compgen -W "$(hygge "${{db[@]}}" labels --format tsv -q 2>/dev/null | tail -n +2)" -- "$cur")) ;;
    files) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}}
complete -o filenames -F _hygge hygge
)SCRIPT",
      fmt::arg("with_value", with_value), fmt::arg("flag_values", flag_values),
      fmt::arg("first", first_words()), fmt::arg("pairs", pairs),
      fmt::arg("verb_cases", verb_cases), fmt::arg("formats", import_format_names()));
}

std::string zsh_script() {
  return "#compdef hygge\n# zsh completion of hygge; load it by: source <(hygge completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script();
}

std::string fish_script() {
  std::string out =
      "# fish completion of hygge; load it by: hygge completion fish | source\n"
      "complete -c hygge -f\n";
  for (const Verb& verb : verbs()) {
    const std::string_view first = verb.name.substr(0, verb.name.find(' '));
    const bool pair = first.size() < verb.name.size();
    if (pair) {
      out += fmt::format("complete -c hygge -n '__fish_use_subcommand' -a {}\n", first);
      out += fmt::format("complete -c hygge -n '__fish_seen_subcommand_from {}' -a {} -d '{}'\n",
                         first, verb.name.substr(first.size() + 1), verb.purpose);
    } else {
      out += fmt::format("complete -c hygge -n '__fish_use_subcommand' -a {} -d '{}'\n", first,
                         verb.purpose);
    }
    for (const Flag& flag : flags()) {
      if (!takes(verb, flag) || !listed(verb.flags, flag.name)) continue;
      out += fmt::format("complete -c hygge -n '__fish_seen_subcommand_from {}' -l {}{} -d '{}'\n",
                         first, flag.name, flag.argument.empty() ? "" : " -x", flag.about);
    }
    if (values_of(verb) == "files" || values_of(verb) == "formats") {
      out += fmt::format("complete -c hygge -n '__fish_seen_subcommand_from {}' -F\n", first);
    }
  }
  return out;
}

}  // namespace

Result<int> run_completion(Context& context) {
  const std::string& shell = context.arguments().values[0];
  std::string text;
  if (shell == "bash") {
    text = bash_script();
  } else if (shell == "zsh") {
    text = zsh_script();
  } else if (shell == "fish") {
    text = fish_script();
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("no completion for \"{}\"{}", shell,
                            did_you_mean(shell, {"bash", "zsh", "fish"})),
                "shells: bash, zsh, fish");
  }
  if (auto wrote = context.out().write(text); !wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
