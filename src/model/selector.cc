#include <fmt/format.h>
#include <hygge/selector.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "model/lexer.h"
#include "model/quote.h"
#include "model/regex.h"
#include "model/selector_parser.h"

namespace hygge {

namespace {

// Words that PromQL does not take for a metric's name where a selector may stand.
constexpr std::array<std::string_view, 8> kReserved{
    "bool", "on", "ignoring", "group_left", "group_right", "atan2", "inf", "nan"};

std::string_view to_text(MatchOp op) {
  switch (op) {
    case MatchOp::equal:
      return "=";
    case MatchOp::not_equal:
      return "!=";
    case MatchOp::regex:
      return "=~";
    case MatchOp::not_regex:
      return "!~";
  }
  return "=";
}

std::optional<MatchOp> match_op(TokenKind kind) {
  switch (kind) {
    case TokenKind::assign:
      return MatchOp::equal;
    case TokenKind::not_equal:
      return MatchOp::not_equal;
    case TokenKind::match_regex:
      return MatchOp::regex;
    case TokenKind::match_no_regex:
      return MatchOp::not_regex;
    default:
      return std::nullopt;
  }
}

// What stands in the braces, and what may only be judged when all of it has been read.
struct Reading {
  TokenStream& in;
  Selector selector;
  bool named = false;  // by a bare or a quoted metric name

  [[nodiscard]] tl::unexpected<Error> error(TextSpan span, std::string_view message) const {
    return tl::unexpected(text_error(ErrorCode::parse, in.text(), span, message));
  }
};

// The value of the first matcher on the metric's name.
std::string_view name_of(const Selector& selector) {
  for (const Matcher& m : selector.matchers) {
    if (m.name == kNameLabel) return m.value;
  }
  return {};
}

Result<void> add_name(Reading& reading, std::string name, TextSpan span) {
  if (!is_utf8(name)) return reading.error(span, "invalid metric name: " + quoted(name));
  if (reading.named) {
    return reading.error(span, fmt::format("metric name must not be set twice: {} or {}",
                                           quoted(name_of(reading.selector)), quoted(name)));
  }
  reading.named = true;
  reading.selector.matchers.push_back({std::string(kNameLabel), MatchOp::equal, std::move(name)});
  return {};
}

Result<void> check_regex(const Reading& reading, const Matcher& matcher, TextSpan span) {
  if (matcher.op != MatchOp::regex && matcher.op != MatchOp::not_regex) return {};
  const auto regex = LabelRegex::compile(matcher.value);
  if (regex) return {};
  return reading.error(span, regex.error().message);
}

// `label="value"`, `"quoted label"="value"` or `"quoted metric name"`.
Result<void> read_matcher(Reading& reading) {
  TokenStream& in = reading.in;
  constexpr std::string_view kContext = "label matching";
  const TextSpan name_span = in.token().span;
  std::string name;
  const bool is_quoted = in.is(TokenKind::string);
  if (is_quoted) {
    name = string_value(in.token_text());
  } else if (in.is(TokenKind::identifier)) {
    name = in.token_text();
  } else {
    return tl::unexpected(in.unexpected(kContext, "identifier or \"}\""));
  }
  in.advance();
  const auto op = match_op(in.token().kind);
  if (!op) {
    const bool ends = in.is(TokenKind::comma) || in.is(TokenKind::right_brace);
    if (is_quoted && ends) return add_name(reading, std::move(name), name_span);
    return tl::unexpected(in.unexpected(kContext, "label matching operator"));
  }
  if (name.empty() || !is_utf8(name)) {
    return reading.error(name_span, "invalid label name: " + quoted(name));
  }
  in.advance();
  if (!in.is(TokenKind::string)) return tl::unexpected(in.unexpected(kContext, "string"));
  const TextSpan value_span = in.token().span;
  Matcher matcher{std::move(name), *op, string_value(in.token_text())};
  if (auto good = check_regex(reading, matcher, value_span); !good) return good;
  in.advance();
  reading.selector.matchers.push_back(std::move(matcher));
  return {};
}

Result<void> read_braces(Reading& reading) {
  TokenStream& in = reading.in;
  in.advance();
  while (!in.is(TokenKind::right_brace)) {
    if (auto good = read_matcher(reading); !good) return good;
    if (in.is(TokenKind::right_brace)) break;
    if (!in.skip(TokenKind::comma)) {
      return tl::unexpected(in.unexpected("label matching", "\",\" or \"}\""));
    }
  }
  in.advance();
  return {};
}

}  // namespace

bool matches_empty(const Matcher& matcher) {
  switch (matcher.op) {
    case MatchOp::equal:
      return matcher.value.empty();
    case MatchOp::not_equal:
      return !matcher.value.empty();
    case MatchOp::regex:
    case MatchOp::not_regex: {
      const auto regex = LabelRegex::compile(matcher.value);
      return regex && regex->matches("") == (matcher.op == MatchOp::regex);
    }
  }
  return true;
}

Result<Selector> read_selector(TokenStream& in, bool may_match_all) {
  Reading reading{in, {}, false};
  TextSpan span = in.token().span;
  if (in.is(TokenKind::identifier)) {
    const std::string name(in.token_text());
    in.advance();
    if (auto good = add_name(reading, name, span); !good) return tl::unexpected(good.error());
  }
  if (in.is(TokenKind::left_brace)) {
    if (auto good = read_braces(reading); !good) return tl::unexpected(good.error());
  }
  span.end = in.last_end();
  const auto& matchers = reading.selector.matchers;
  const auto is_name = [](const Matcher& m) { return m.name == kNameLabel; };
  if (reading.named && std::count_if(matchers.begin(), matchers.end(), is_name) > 1) {
    const auto first = std::find_if(matchers.begin(), matchers.end(), is_name);
    const auto second = std::find_if(first + 1, matchers.end(), is_name);
    return reading.error(span, fmt::format("metric name must not be set twice: {} or {}",
                                           quoted(first->value), quoted(second->value)));
  }
  if (!may_match_all && std::all_of(matchers.begin(), matchers.end(), matches_empty)) {
    return reading.error(span, "vector selector must contain at least one non-empty matcher");
  }
  return std::move(reading.selector);
}

Result<Selector> selector(std::string_view text) {
  TokenStream in(text);
  if (!in.is(TokenKind::identifier) && !in.is(TokenKind::left_brace)) {
    return tl::unexpected(in.unexpected("selector", "metric name or \"{\""));
  }
  auto result = read_selector(in);
  if (result && !in.is(TokenKind::end)) {
    return tl::unexpected(in.unexpected("selector", "end of input"));
  }
  return result;
}

std::string to_string(const Selector& selector) {
  const auto& matchers = selector.matchers;
  const auto is_name = [](const Matcher& m) { return m.name == kNameLabel; };
  // The short form stands for one matcher on the name; with others beside it, and for a name that
  // is not UTF-8, it is refused.
  const bool is_short = !matchers.empty() && is_name(matchers.front()) &&
                        matchers.front().op == MatchOp::equal && !matchers.front().value.empty() &&
                        is_utf8(matchers.front().value) &&
                        std::count_if(matchers.begin(), matchers.end(), is_name) == 1;
  std::string out;
  std::string inside;
  if (is_short) {
    const std::string& name = matchers.front().value;
    const bool reserved =
        std::any_of(kReserved.begin(), kReserved.end(),
                    [&name](std::string_view word) { return same_word(name, word); });
    (is_metric_name(name) && !reserved ? out : inside) =
        is_metric_name(name) && !reserved ? name : quoted(name);
  }
  for (std::size_t i = is_short ? 1 : 0; i < matchers.size(); ++i) {
    const Matcher& m = matchers[i];
    if (!inside.empty()) inside += ',';
    inside += is_label_name(m.name) ? m.name : quoted(m.name);
    inside += to_text(m.op);
    inside += quoted(m.value);
  }
  if (!inside.empty() || out.empty()) out += '{' + inside + '}';
  return out;
}

}  // namespace hygge
