// The policy file: `SELECTOR DURATION`, a rule a line.
#include <fmt/format.h>
#include <hygge/retention.h>

#include <utility>

#include "storage/upkeep/rule_lines.h"

namespace hygge {

namespace {

using storage::RuleLine;

constexpr std::string_view kForever = "forever";
constexpr std::string_view kHelp =
    "a rule is a line `SELECTOR DURATION`, for example {env=\"dev\"} 7d";

Result<RetentionRule> rule_of(const RuleLine& line) {
  const auto last = line.last_word();
  if (last.before == 0) {
    return line.wrong(0, line.text.size(), "a selector without a duration", kHelp);
  }
  const std::string_view duration = line.text.substr(last.begin);
  RetentionRule rule;
  auto parsed = line.selector_before(last.before, kHelp);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  rule.selector = std::move(*parsed);
  if (duration == kForever) return rule;
  const auto keep = parse_duration(duration);
  if (!keep || *keep <= 0) {
    return line.wrong(last.begin, line.text.size(),
                      keep ? fmt::format("a duration of {}: nothing would be kept", duration)
                           : keep.error().message,
                      kHelp);
  }
  rule.keep_ms = *keep;
  return rule;
}

}  // namespace

Result<std::vector<RetentionRule>> parse_retention(std::string_view text) {
  std::vector<RetentionRule> rules;
  for (const RuleLine& line : storage::rule_lines(text)) {
    auto rule = rule_of(line);
    if (!rule) return tl::unexpected<Error>(rule.error());
    rules.push_back(std::move(*rule));
  }
  return rules;
}

std::string to_text(const std::vector<RetentionRule>& rules) {
  std::string out;
  for (const RetentionRule& rule : rules) {
    out += fmt::format("{} {}\n", to_string(rule.selector),
                       rule.keep_ms ? format_duration(*rule.keep_ms) : std::string(kForever));
  }
  return out;
}

}  // namespace hygge
