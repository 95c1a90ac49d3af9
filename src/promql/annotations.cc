#include "promql/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hygge::promql {

std::string go_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char digits[32];
  const auto scientific =
      std::to_chars(std::begin(digits), std::end(digits), value, std::chars_format::scientific);
  std::string text(digits, scientific.ptr);
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* first = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(first, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed =
      std::to_chars(std::begin(digits), std::end(digits), value, std::chars_format::fixed);
  return std::string(digits, fixed.ptr);
}

void Annotations::add(std::vector<Entry>& entries, std::string_view kind, TextSpan at,
                      std::string_view message) const {
  const bool known = std::any_of(entries.begin(), entries.end(),
                                 [&](const Entry& entry) { return entry.message == message; });
  if (known) return;
  const TextPlace place = text_error(ErrorCode::parse, text_, at, "").place;
  entries.push_back({std::string(message), fmt::format("PromQL {}: {} ({}:{})", kind, message,
                                                       place.line, place.column)});
}

std::vector<std::string> Annotations::texts(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  result.reserve(entries.size());
  for (const Entry& entry : entries) result.push_back(entry.text);
  return result;
}

}  // namespace hygge::promql
