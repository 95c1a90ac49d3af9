// The policy file: `SELECTOR TIERS [regression] [sketch=1%]`, a rule a line.
#include <fmt/format.h>
#include <hygge/rollup.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/upkeep/rule_lines.h"
#include "window/cell_row.h"

namespace hygge {

namespace {

using storage::RuleLine;

constexpr std::string_view kRegression = "regression";
constexpr std::string_view kSketch = "sketch=";
constexpr std::string_view kNone = "none";
constexpr std::string_view kRollupHelp =
    "a rule is a line `SELECTOR TIERS [regression] [sketch=1%]`, for example {env=\"dev\"} 5m,1h";

// Millionths of `1%` or `0.5%`; none: it is no such thing, or out of bounds.
std::optional<std::uint32_t> parse_accuracy(std::string_view word) {
  if (!word.ends_with('%')) return std::nullopt;
  word.remove_suffix(1);
  constexpr std::uint32_t kPercent = 10'000;  // millionths
  std::uint32_t out = 0;
  std::uint32_t unit = kPercent;
  bool fraction = false;
  for (const char c : word) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9' || out > kMaxSketchPpm) return std::nullopt;
    const auto digit = static_cast<std::uint32_t>(c - '0');
    if (fraction) {
      unit /= 10;
      if (unit == 0) return std::nullopt;
      out += digit * unit;
    } else {
      out = out * 10 + digit * kPercent;
    }
  }
  if (out < kMinSketchPpm || out > kMaxSketchPpm) return std::nullopt;
  return out;
}

// The option that the last word is, if it is one. False: it is none.
Result<bool> take_option(const RuleLine& line, std::size_t begin, RollupRule& rule) {
  const std::string_view word = line.text.substr(begin);
  if (word == kRegression && !rule.regression) {
    rule.regression = true;
    return true;
  }
  if (!word.starts_with(kSketch) || rule.sketch_ppm != 0) return false;
  const auto accuracy = parse_accuracy(word.substr(kSketch.size()));
  if (!accuracy) {
    return line.wrong(begin, line.text.size(),
                      fmt::format("{}: an accuracy is a share from 0.1% to 10%", word),
                      kRollupHelp);
  }
  rule.sketch_ppm = *accuracy;
  return true;
}

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
  while (last.before > 0) {
    const auto taken = take_option(line, last.begin, rule);
    if (!taken) return tl::unexpected<Error>(taken.error());
    if (!*taken) break;
    line.text = line.text.substr(0, last.before);
    last = line.last_word();
  }
  if (last.before == 0) {
    return line.wrong(0, line.text.size(), "a selector without tiers", kRollupHelp);
  }
  // Tiers first: a misspelt option stands where they are sought.
  auto tiers = tiers_of(line, last.begin, line.text.size());
  if (!tiers) return tl::unexpected<Error>(tiers.error());
  auto parsed = line.selector_before(last.before, kRollupHelp);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
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

std::string format_accuracy(std::uint32_t ppm) {
  return fmt::format("{}%", static_cast<double>(ppm) / 1e4);
}

std::string to_text(const std::vector<RollupRule>& rules) {
  std::string out;
  for (const RollupRule& rule : rules) {
    std::string tiers;
    for (const DurationMs tier : rule.tiers) {
      tiers += (tiers.empty() ? "" : ",") + format_duration(tier);
    }
    out += fmt::format("{} {}{}", to_string(rule.selector), tiers.empty() ? kNone : tiers,
                       rule.regression ? " regression" : "");
    if (rule.sketch_ppm != 0)
      out += fmt::format(" {}{}", kSketch, format_accuracy(rule.sketch_ppm));
    out += '\n';
  }
  return out;
}

}  // namespace hygge
