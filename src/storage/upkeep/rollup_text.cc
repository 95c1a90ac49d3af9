// The policy file: `SELECTOR TIERS [regression]`, a rule a line.
#include <fmt/format.h>
#include <hygge/rollup.h>

#include <algorithm>
#include <utility>

#include "storage/upkeep/rule_lines.h"
#include "window/cell_row.h"

namespace hygge {

namespace {

using storage::RuleLine;

constexpr std::string_view kRegression = "regression";
constexpr std::string_view kNone = "none";
constexpr std::string_view kRollupHelp =
    "a rule is a line `SELECTOR TIERS [regression]`, for example {env=\"dev\"} 5m,1h";

std::string wrong_tier(std::string_view word) {
  const auto duration = parse_duration(word);
  if (!duration) return duration.error().message;
  if (windows::is_resolution(*duration)) return {};
  return fmt::format("a tier of {}: tiers divide the day, and are at least 10s", word);
}

// The tiers in [begin, end) of the line.
Result<std::vector<DurationMs>> tiers_of(const RuleLine& line, std::size_t begin, std::size_t end) {
  std::vector<DurationMs> out;
  if (line.text.substr(begin, end - begin) == kNone) return out;
  while (begin <= end) {
    const std::size_t comma = std::min(line.text.find(',', begin), end);
    const std::string_view word = line.text.substr(begin, comma - begin);
    if (const std::string what = wrong_tier(word); !what.empty()) {
      return line.wrong(begin, comma, what, kRollupHelp);
    }
    out.push_back(*parse_duration(word));
    begin = comma + 1;
  }
  return out;
}

Result<RollupRule> rollup_rule(RuleLine line) {
  RollupRule rule;
  auto last = line.last_word();
  if (line.text.substr(last.begin) == kRegression) {
    rule.regression = true;
    line.text = line.text.substr(0, last.before);
    last = line.last_word();
  }
  if (last.before == 0) {
    return line.wrong(0, line.text.size(), "a selector without tiers", kRollupHelp);
  }
  auto parsed = line.selector_before(last.before, kRollupHelp);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  auto tiers = tiers_of(line, last.begin, line.text.size());
  if (!tiers) return tl::unexpected<Error>(tiers.error());
  std::sort(tiers->begin(), tiers->end());
  tiers->erase(std::unique(tiers->begin(), tiers->end()), tiers->end());
  rule.selector = std::move(*parsed);
  rule.tiers = std::move(*tiers);
  return rule;
}

}  // namespace

Result<std::vector<RollupRule>> parse_rollups(std::string_view text) {
  std::vector<RollupRule> rules;
  for (const RuleLine& line : storage::rule_lines(text)) {
    auto rule = rollup_rule(line);
    if (!rule) return tl::unexpected<Error>(rule.error());
    rules.push_back(std::move(*rule));
  }
  return rules;
}

std::string to_text(const std::vector<RollupRule>& rules) {
  std::string out;
  for (const RollupRule& rule : rules) {
    std::string tiers;
    for (const DurationMs tier : rule.tiers) {
      tiers += (tiers.empty() ? "" : ",") + format_duration(tier);
    }
    out += fmt::format("{} {}{}\n", to_string(rule.selector), tiers.empty() ? kNone : tiers,
                       rule.regression ? " regression" : "");
  }
  return out;
}

}  // namespace hygge
