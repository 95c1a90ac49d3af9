// label_replace and label_join.
#include <fmt/format.h>
#include <re2/re2.h>

#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/functions.h"

namespace hygge::promql {

namespace {

const std::string& text_of(const Node& node) {
  return std::get<StringLiteral>(bare(node).form).value;
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Go's Regexp.Expand: $1, $name, ${1}, ${name}, $$; a name is as long as it can be, an unknown one
// is empty.
std::string expand(const std::string& pattern, const RE2& regex,
                   const std::vector<re2::StringPiece>& groups) {
  std::string out;
  const auto group_text = [&](const std::string& name) {
    std::size_t index = groups.size();
    if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 8) {
      index = static_cast<std::size_t>(std::stoul(name));
    } else {
      const auto& names = regex.NamedCapturingGroups();
      if (const auto at = names.find(name); at != names.end()) {
        index = static_cast<std::size_t>(at->second);
      }
    }
    if (index < groups.size() && groups[index].data() != nullptr) {
      out.append(groups[index].data(), groups[index].size());
    }
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '$' || i + 1 == pattern.size()) {
      out += pattern[i];
      continue;
    }
    if (pattern[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    const bool braces = pattern[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < pattern.size() && is_name_byte(pattern[end])) ++end;
    const bool closed = !braces || (end < pattern.size() && pattern[end] == '}');
    if (end == begin || !closed) {
      out += '$';
      continue;
    }
    group_text(pattern.substr(begin, end - begin));
    i = braces ? end : end - 1;
  }
  return out;
}

// Rows whose labels have changed may have become the same series.
Result<void> hand_on(RowSet& set, const Node& node, const RowSink& sink) {
  if (auto merged = merge_equal(set.rows, node); !merged) return merged;
  for (Row& row : set.rows) {
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

Result<void> check_name(Evaluator& evaluator, const Node& argument, std::string_view what) {
  const std::string& name = text_of(argument);
  if (!name.empty() && is_utf8(name)) return {};
  return evaluator.error(argument, fmt::format("invalid {}: {}", what, name));
}

Result<void> replace_rows(Evaluator& evaluator, const Node& node, const Call& call,
                          const RowSink& sink) {
  const std::string& target = text_of(*call.arguments[1]);
  const std::string& replacement = text_of(*call.arguments[2]);
  const std::string& source = text_of(*call.arguments[3]);
  const std::string& pattern = text_of(*call.arguments[4]);
  if (auto good =
          check_name(evaluator, *call.arguments[1], "destination label name in label_replace()");
      !good) {
    return good;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  const RE2 regex(pattern, options);
  if (!regex.ok()) {
    return evaluator.error(*call.arguments[4],
                           "invalid regular expression in label_replace(): " + pattern);
  }
  auto set = evaluator.collect(*call.arguments[0]);
  if (!set) return tl::unexpected(std::move(set.error()));
  const auto group_count = static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1;
  for (Row& row : set->rows) {
    const std::string value(row.labels.get(source));
    std::vector<re2::StringPiece> groups(group_count);
    const bool matched = regex.Match(value, 0, value.size(), RE2::ANCHOR_BOTH, groups.data(),
                                     static_cast<int>(groups.size()));
    if (!matched) continue;
    row.labels.set(target, expand(replacement, regex, groups));
    if (target == kNameLabel) row.drop_name = false;
  }
  return hand_on(*set, node, sink);
}

Result<void> join_rows(Evaluator& evaluator, const Node& node, const Call& call,
                       const RowSink& sink) {
  const std::string& target = text_of(*call.arguments[1]);
  const std::string& separator = text_of(*call.arguments[2]);
  if (auto good =
          check_name(evaluator, *call.arguments[1], "destination label name in label_join()");
      !good) {
    return good;
  }
  for (std::size_t i = 3; i < call.arguments.size(); ++i) {
    if (auto good = check_name(evaluator, *call.arguments[i], "source label name in label_join()");
        !good) {
      return good;
    }
  }
  auto set = evaluator.collect(*call.arguments[0]);
  if (!set) return tl::unexpected(std::move(set.error()));
  for (Row& row : set->rows) {
    std::string joined;
    for (std::size_t i = 3; i < call.arguments.size(); ++i) {
      if (i > 3) joined += separator;
      joined += row.labels.get(text_of(*call.arguments[i]));
    }
    row.labels.set(target, joined);
    if (target == kNameLabel) row.drop_name = false;
  }
  return hand_on(*set, node, sink);
}

}  // namespace

Result<void> label_function_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  return call.function->kind == FunctionKind::label_replace
             ? replace_rows(evaluator, node, call, sink)
             : join_rows(evaluator, node, call, sink);
}

}  // namespace hygge::promql
