#include "storage/upkeep/rule_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hygge::storage {

namespace {
constexpr std::string_view kBlank = " \t\r";
}

RuleLine::LastWord RuleLine::last_word() const {
  const std::size_t blank = text.find_last_of(kBlank);
  if (blank == std::string_view::npos) return {0, 0};
  return {text.find_last_not_of(kBlank, blank) + 1, blank + 1};
}

tl::unexpected<Error> RuleLine::wrong(std::size_t begin, std::size_t end, std::string_view what,
                                      std::string_view help) const {
  const auto at = static_cast<std::uint32_t>(column + begin + 1);
  Error error{ErrorCode::parse,
              fmt::format("{}:{}: {}", number, at, what),
              std::string(help),
              {number, at, offset + begin, offset + end}};
  return tl::unexpected<Error>(std::move(error));
}

Result<Selector> RuleLine::selector_before(std::size_t end, std::string_view help) const {
  auto parsed = selector(text.substr(0, end));
  if (parsed) return parsed;
  const TextPlace& place = parsed.error().place;
  if (place.line == 0) return wrong(0, end, parsed.error().message, help);
  // Its message begins with a place in the selector, ours with that in the text.
  std::string_view what = parsed.error().message;
  const std::string in_selector = fmt::format("{}:{}: ", place.line, place.column);
  if (what.starts_with(in_selector)) what.remove_prefix(in_selector.size());
  return wrong(place.begin, place.end, what, help);
}

std::vector<RuleLine> rule_lines(std::string_view text) {
  std::vector<RuleLine> out;
  std::uint32_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    RuleLine line{text.substr(at, end - at), ++number, at, 0};
    at = end + 1;
    const std::size_t first = line.text.find_first_not_of(kBlank);
    if (first == std::string_view::npos || line.text[first] == '#') continue;
    line.offset += first;
    line.column = first;
    line.text = line.text.substr(first, line.text.find_last_not_of(kBlank) - first + 1);
    out.push_back(line);
  }
  return out;
}

}  // namespace hygge::storage
