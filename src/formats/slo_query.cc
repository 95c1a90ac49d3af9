#include "formats/slo_query.h"

namespace hygge::formats {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes a word or a sign, and blanks before it.
bool take(std::string_view& text, std::string_view token) {
  text = trimmed(text);
  if (!text.starts_with(token)) return false;
  text.remove_prefix(token.size());
  return true;
}
bool take_last(std::string_view& text, char sign) {
  text = trimmed(text);
  if (!text.ends_with(sign)) return false;
  text.remove_suffix(1);
  return true;
}

// Goes over the characters outside quotes, with how many brackets are open before each.
template <typename Each>
void outside_quotes(std::string_view text, Each each) {
  char quote = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && quote != '`') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '"' || c == '\'' || c == '`') {
      quote = c;
      continue;
    }
    if (c == ')' || c == ']' || c == '}') --depth;
    each(i, c, depth);
    if (c == '(' || c == '[' || c == '{') ++depth;
  }
}

constexpr std::size_t kNone = std::string_view::npos;

// The only such sign outside brackets.
std::size_t only(std::string_view text, char sign) {
  std::size_t found = kNone;
  std::size_t count = 0;
  outside_quotes(text, [&](std::size_t i, char c, int depth) {
    if (depth != 0 || c != sign) return;
    found = i;
    ++count;
  });
  return count == 1 ? found : kNone;
}

}  // namespace

std::optional<std::string> selector_of_query(std::string_view query) {
  std::string_view rest = trimmed(query);
  if (!take(rest, "sum")) return std::string(rest);
  // A metric may begin with the word.
  if (!take(rest, "(")) return std::string(trimmed(query));
  if (!take(rest, "rate") && !take(rest, "increase")) return std::nullopt;
  if (!take(rest, "(") || !take_last(rest, ')') || !take_last(rest, ')')) return std::nullopt;
  rest = trimmed(rest);
  const std::size_t range = only(rest, '[');
  if (range == kNone || !rest.ends_with(']')) return std::nullopt;
  return std::string(trimmed(rest.substr(0, range)));
}

std::optional<QueryRatio> ratio_of_query(std::string_view query) {
  QueryRatio out;
  std::string_view rest = trimmed(query);
  if (std::string_view inner = rest; take(inner, "1") && take(inner, "-")) {
    if (!take(inner, "(") || !take_last(inner, ')')) return std::nullopt;
    out.inverted = true;
    rest = trimmed(inner);
  }
  // Brackets around the whole ratio.
  if (only(rest, '/') == kNone && take(rest, "(") && !take_last(rest, ')')) return std::nullopt;
  const std::size_t slash = only(rest, '/');
  if (slash == kNone) return std::nullopt;
  out.part = trimmed(rest.substr(0, slash));
  out.total = trimmed(rest.substr(slash + 1));
  return out;
}

}  // namespace hygge::formats
