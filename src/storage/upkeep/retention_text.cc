// The policy file: `SELECTOR DURATION`, a rule a line.
#include <fmt/format.h>
#include <hygge/retention.h>

#include <algorithm>

namespace hygge {

namespace {

constexpr std::string_view kForever = "forever";
constexpr std::string_view kBlank = " \t\r";

/// A line of the file, without the blanks around it.
struct Line {
  std::string_view text;
  std::uint32_t number = 0;
  std::size_t offset = 0;  ///< of `text` in the file
  std::size_t column = 0;  ///< of its first byte, from 0
};

tl::unexpected<Error> wrong(const Line& line, std::size_t begin, std::size_t end,
                            std::string what) {
  const auto column = static_cast<std::uint32_t>(line.column + begin + 1);
  Error error{ErrorCode::parse,
              fmt::format("{}:{}: {}", line.number, column, what),
              "a rule is a line `SELECTOR DURATION`, for example {env=\"dev\"} 7d",
              {line.number, column, line.offset + begin, line.offset + end}};
  return tl::unexpected<Error>(std::move(error));
}

Result<RetentionRule> rule_of(const Line& line) {
  const std::size_t blank = line.text.find_last_of(kBlank);
  if (blank == std::string_view::npos) {
    return wrong(line, 0, line.text.size(), "a selector without a duration");
  }
  const std::string_view duration = line.text.substr(blank + 1);
  const std::string_view before =
      line.text.substr(0, line.text.find_last_not_of(kBlank, blank) + 1);
  RetentionRule rule;
  auto parsed = selector(before);
  if (!parsed) {
    const TextPlace& place = parsed.error().place;
    return wrong(line, place.line == 0 ? 0 : place.begin,
                 place.line == 0 ? before.size() : place.end, parsed.error().message);
  }
  rule.selector = std::move(*parsed);
  if (duration == kForever) return rule;
  const auto keep = parse_duration(duration);
  if (!keep || *keep <= 0) {
    return wrong(line, blank + 1, line.text.size(),
                 keep ? fmt::format("a duration of {}: nothing would be kept", duration)
                      : keep.error().message);
  }
  rule.keep_ms = *keep;
  return rule;
}

}  // namespace

Result<std::vector<RetentionRule>> parse_retention(std::string_view text) {
  std::vector<RetentionRule> rules;
  std::uint32_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    Line line{text.substr(at, end - at), ++number, at, 0};
    at = end + 1;
    const std::size_t first = line.text.find_first_not_of(kBlank);
    if (first == std::string_view::npos || line.text[first] == '#') continue;
    line.offset += first;
    line.column = first;
    line.text = line.text.substr(first, line.text.find_last_not_of(kBlank) - first + 1);
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
