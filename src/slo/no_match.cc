#include "slo/no_match.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/near.h"

namespace hygge::slo {

namespace {

// Farther away than this is another word.
constexpr std::size_t kMaxEdits = 3;

std::string guess(std::string_view name, const std::vector<std::string>& names) {
  const std::string_view near = nearest(name, std::span<const std::string>(names), kMaxEdits);
  return near.empty() ? std::string() : fmt::format(" (did you mean {}?)", near);
}

bool holds(const std::vector<std::string>& sorted, std::string_view name) {
  return std::find(sorted.begin(), sorted.end(), name) != sorted.end();
}

}  // namespace

std::string why_no_match(const Db& db, const Selector& selector) {
  const auto names = db.label_names();
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op == MatchOp::not_equal || matcher.op == MatchOp::not_regex) continue;
    if (matcher.value.empty()) continue;
    if (matcher.name != kNameLabel && names && !holds(*names, matcher.name)) {
      return fmt::format("no series has a label {}{}", matcher.name, guess(matcher.name, *names));
    }
    if (matcher.op != MatchOp::equal) continue;
    const auto values = db.label_values(matcher.name);
    if (!values || holds(*values, matcher.value)) continue;
    if (matcher.name == kNameLabel) {
      return fmt::format("there is no metric {}{}", matcher.value, guess(matcher.value, *values));
    }
    return fmt::format("no series has {}=\"{}\"{}", matcher.name, matcher.value,
                       guess(matcher.value, *values));
  }
  return "each part of it matches some series, but no series matches all of it";
}

}  // namespace hygge::slo
