// rules check: Prometheus rule files, every expression parsed and typed.
#include <fmt/format.h>
#include <hygge/promql.h>
#include <hygge/rule_file.h>

#include <string>
#include <vector>

#include "context.h"
#include "input_file.h"
#include "json.h"

namespace hygge::command {

namespace {

struct Finding {
  std::string file;
  formats::FilePlace place;
  std::string message;
  bool warning = false;  // does not make the check fail
};

struct Checked {
  std::size_t groups = 0;
  std::size_t rules = 0;
  std::vector<Finding> findings;
};

// A parser's message begins with its place in the expression; the file's place says more.
std::string without_place(const Error& error) {
  const std::string prefix = fmt::format("{}:{}: ", error.place.line, error.place.column);
  const bool has = error.place.line > 0 && error.message.rfind(prefix, 0) == 0;
  std::string message = has ? error.message.substr(prefix.size()) : error.message;
  if (!error.detail.empty()) message += fmt::format(" ({})", error.detail);
  return message;
}

void check_rule(const std::string& file, const formats::Rule& rule, Checked& checked) {
  const auto add = [&](std::size_t offset, std::string message, bool warning) {
    checked.findings.push_back(
        {file, rule.place_of(offset),
         fmt::format("{} {}: {}", rule.alert ? "alert" : "record", rule.name, message), warning});
  };
  const auto expression = promql::parse(rule.expression, promql::Dialect::promql);
  if (!expression) {
    return add(expression.error().place.begin, without_place(expression.error()), false);
  }
  const promql::ValueType type = expression->type();
  if (type != promql::ValueType::scalar && type != promql::ValueType::vector) {
    return add(0,
               fmt::format("a rule needs a scalar or a vector, not a {}", promql::to_string(type)),
               false);
  }
  if (const auto known = promql::supported(*expression); !known) {
    add(known.error().place.begin, without_place(known.error()), true);
  }
}

Result<void> check_file(const std::string& path, Checked& checked) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Error>(text.error());
  const std::string name = source_name(path);
  const formats::RuleFile file = formats::parse_rules(*text);
  for (const formats::RuleFileError& error : file.errors) {
    checked.findings.push_back({name, error.place, error.message, false});
  }
  checked.groups += file.groups.size();
  for (const formats::RuleGroup& group : file.groups) {
    checked.rules += group.rules.size();
    for (const formats::Rule& rule : group.rules) check_rule(name, rule, checked);
  }
  return {};
}

std::string json_text(const Checked& checked, bool good) {
  Json json;
  json.open('{').member("schema", "hygge.rules/1").member("ok", good);
  json.member("groups", checked.groups).member("rules", checked.rules);
  json.key("findings").open('[');
  for (const Finding& one : checked.findings) {
    json.open('{').member("file", one.file).member("line", one.place.line);
    json.member("column", one.place.column).member("severity", one.warning ? "warning" : "error");
    json.member("message", one.message).close('}');
  }
  json.close(']').close('}');
  return json.out() + "\n";
}

}  // namespace

Result<int> run_rules_check(Context& context) {
  Checked checked;
  for (const std::string& path : context.arguments().values) {
    if (auto read = check_file(path, checked); !read) return tl::unexpected<Error>(read.error());
  }
  std::size_t errors = 0;
  for (const Finding& one : checked.findings) errors += one.warning ? 0 : 1;
  if (context.format() == "json") {
    auto wrote = context.out().write(json_text(checked, errors == 0));
    if (!wrote) return tl::unexpected<Error>(wrote.error());
    return errors == 0 ? 0 : 1;
  }
  std::string text;
  for (const Finding& one : checked.findings) {
    text += fmt::format("{}:{}:{}: {}{}\n", one.file, one.place.line, one.place.column,
                        one.warning ? "warning: " : "", one.message);
  }
  if (auto wrote = context.out().write(text); !wrote) return tl::unexpected<Error>(wrote.error());
  context.note(fmt::format("{} rules in {} groups: {}", checked.rules, checked.groups,
                           errors == 0 ? "good" : fmt::format("{} wrong", errors)));
  return errors == 0 ? 0 : 1;
}

}  // namespace hygge::command
