// The policy file: `SELECTOR DURATION`, or `SELECTOR raw=DURATION TIER=DURATION …`, a rule a line.
#include <fmt/format.h>
#include <hygge/retention.h>

#include <algorithm>
#include <utility>

#include "storage/upkeep/rule_lines.h"
#include "window/cell_row.h"

namespace hygge {

namespace {

using storage::RuleLine;

constexpr std::string_view kForever = "forever";
constexpr std::string_view kRaw = "raw";
constexpr std::string_view kHelp =
    "a rule is a line `SELECTOR DURATION`, for example {env=\"dev\"} 7d, or `SELECTOR "
    "raw=DURATION TIER=DURATION`, for example {env=\"dev\"} raw=30d 5m=400d";

using Keep = std::optional<DurationMs>;

// Of [begin, end) of the line.
Result<Keep> keep_of(const RuleLine& line, std::size_t begin, std::size_t end) {
  const std::string_view duration = line.text.substr(begin, end - begin);
  if (duration == kForever) return Keep();
  const auto keep = parse_duration(duration);
  if (keep && *keep > 0) return Keep(*keep);
  return line.wrong(begin, end,
                    keep ? fmt::format("a duration of {}: nothing would be kept", duration)
                         : keep.error().message,
                    kHelp);
}

// A word `TIER=DURATION`, [begin, end) of the line, its `=` at `equals`.
struct TierWord {
  std::size_t begin, end, equals;
};

// The words of that form at the end of the line, which loses them. No selector ends in one.
std::vector<TierWord> tier_words(RuleLine& line) {
  std::vector<TierWord> out;
  while (true) {
    const auto last = line.last_word();
    const std::string_view word = line.text.substr(last.begin);
    const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
      return c == '=' || c == '.' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
    const std::size_t equals = word.find('=');
    if (!plain || equals == std::string_view::npos || last.before == 0) break;
    out.push_back({last.begin, last.begin + word.size(), last.begin + equals});
    line.text = line.text.substr(0, last.before);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Result<void> read_tier(const RuleLine& line, const TierWord& word, RetentionRule& rule) {
  const std::string_view name = line.text.substr(word.begin, word.equals - word.begin);
  auto keep = keep_of(line, word.equals + 1, word.end);
  if (!keep) return tl::unexpected<Error>(keep.error());
  const auto resolution = parse_duration(name);
  if (!resolution || !windows::is_resolution(*resolution)) {
    return line.wrong(word.begin, word.equals,
                      fmt::format("{}: neither raw nor a tier, which divides the day and is at "
                                  "least 10s",
                                  name),
                      kHelp);
  }
  const auto same = [&](const TierKeep& tier) { return tier.resolution_ms == *resolution; };
  if (std::any_of(rule.cells->begin(), rule.cells->end(), same)) {
    return line.wrong(word.begin, word.end, fmt::format("{} stands twice", name), kHelp);
  }
  if (*keep && (!rule.keep_ms || **keep < *rule.keep_ms)) {
    return line.wrong(word.begin, word.end,
                      fmt::format("cells of {} would go before the samples, from which they would "
                                  "be made again",
                                  name),
                      kHelp);
  }
  rule.cells->push_back({*resolution, *keep});
  return {};
}

Result<RetentionRule> rule_of(const RuleLine& whole) {
  RuleLine line = whole;
  const std::vector<TierWord> tiers = tier_words(line);
  const auto last = tiers.empty() ? line.last_word() : RuleLine::LastWord{line.text.size(), 0};
  if (last.before == 0) {
    return line.wrong(0, line.text.size(), "a selector without a duration", kHelp);
  }
  RetentionRule rule;
  auto parsed = line.selector_before(last.before, kHelp);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  rule.selector = std::move(*parsed);
  if (tiers.empty()) {
    auto keep = keep_of(line, last.begin, line.text.size());
    if (!keep) return tl::unexpected<Error>(keep.error());
    rule.keep_ms = *keep;
    return rule;
  }
  const auto is_raw = [&](const TierWord& word) {
    return whole.text.substr(word.begin, word.equals - word.begin) == kRaw;
  };
  if (std::count_if(tiers.begin(), tiers.end(), is_raw) != 1) {
    return whole.wrong(tiers.front().begin, tiers.back().end,
                       "how long samples are kept stands here once, as raw=DURATION", kHelp);
  }
  const TierWord& raw = *std::find_if(tiers.begin(), tiers.end(), is_raw);
  auto keep = keep_of(whole, raw.equals + 1, raw.end);
  if (!keep) return tl::unexpected<Error>(keep.error());
  rule.keep_ms = *keep;
  rule.cells.emplace();
  for (const TierWord& word : tiers) {
    if (is_raw(word)) continue;
    if (auto read = read_tier(whole, word, rule); !read) return tl::unexpected<Error>(read.error());
  }
  std::sort(rule.cells->begin(), rule.cells->end(),
            [](const auto& a, const auto& b) { return a.resolution_ms < b.resolution_ms; });
  return rule;
}

std::string keep_text(const Keep& keep) {
  return keep ? format_duration(*keep) : std::string(kForever);
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
    out += fmt::format("{} {}{}", to_string(rule.selector), rule.cells ? "raw=" : "",
                       keep_text(rule.keep_ms));
    if (rule.cells) {
      for (const TierKeep& tier : *rule.cells) {
        out += fmt::format(" {}={}", format_duration(tier.resolution_ms), keep_text(tier.keep_ms));
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace hygge
