#include "model/lexer.h"

#include <fmt/format.h>
#include <hygge/time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "model/quote.h"

namespace hygge {

namespace {

bool is_word_byte(char c) { return is_letter(c) || is_digit(c); }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Simple escapes and the byte each stands for; quotes are handled apart.
constexpr std::string_view kEscapes = "abfnrtv\\";
constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\";

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | (code >> 6U));
    byte(0x80 | (code & 0x3fU));
  } else if (code < 0x10000) {
    byte(0xe0 | (code >> 12U));
    byte(0x80 | ((code >> 6U) & 0x3fU));
    byte(0x80 | (code & 0x3fU));
  } else {
    byte(0xf0 | (code >> 18U));
    byte(0x80 | ((code >> 12U) & 0x3fU));
    byte(0x80 | ((code >> 6U) & 0x3fU));
    byte(0x80 | (code & 0x3fU));
  }
}

// How many digits, in which base, follow the letter of a numeric escape; digits 0: none.
struct NumericEscape {
  std::size_t digits;
  std::uint32_t base;
};
NumericEscape numeric_escape(char c) {
  if (c >= '0' && c <= '7') return {3, 8};
  if (c == 'x') return {2, 16};
  if (c == 'u') return {4, 16};
  if (c == 'U') return {8, 16};
  return {0, 0};
}

// The power of ten of the first digit that is not 0, roughly: enough to tell huge from tiny.
std::int64_t decimal_exponent(std::string_view number) {
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t dot = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = std::min(mantissa.find_first_of("123456789"), mantissa.size());
  std::int64_t exponent = 0;
  if (e < number.size()) {
    std::string_view digits = number.substr(e + 1);
    const bool negative = digits[0] == '-';
    if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
    constexpr std::int64_t kHuge = std::int64_t{1} << 60U;
    const auto [end, status] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (status != std::errc() || exponent > kHuge) exponent = kHuge;
    if (negative) exponent = -exponent;
  }
  return exponent + static_cast<std::int64_t>(dot) - static_cast<std::int64_t>(first);
}

bool is_operator(TokenKind kind) { return kind >= TokenKind::add; }

// How a token is named in a message.
std::string describe(TokenKind kind, std::string_view text) {
  std::string value = text.size() > 10 ? quoted(text.substr(0, 10)) + "..." : quoted(text);
  if (is_operator(kind)) return fmt::format("<op:{}>", text);
  switch (kind) {
    case TokenKind::end:
      return "end of input";
    case TokenKind::identifier:
      return "identifier " + quoted(text);
    case TokenKind::number:
      return "number " + value;
    case TokenKind::duration:
      return "duration " + value;
    case TokenKind::string:
      return "string " + value;
    default:
      return value;
  }
}

}  // namespace

Error text_error(ErrorCode code, std::string_view text, TextSpan span, std::string_view message,
                 std::string detail) {
  const std::size_t begin = std::min(span.begin, text.size());
  Error error{code, {}, std::move(detail), {1, 1, begin, std::max(begin, span.end)}};
  for (std::size_t i = 0; i < begin; ++i) {
    ++error.place.column;
    if (text[i] == '\n') {
      ++error.place.line;
      error.place.column = 1;
    }
  }
  error.message = fmt::format("{}:{}: {}{}", error.place.line, error.place.column,
                              code == ErrorCode::parse ? "parse error: " : "", message);
  return error;
}

bool same_word(std::string_view text, std::string_view word) noexcept {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != word[i]) return false;
  }
  return true;
}

Token Lexer::fail_at(TextSpan span, std::string message) {
  error_ = std::move(message);
  position_ = span.begin;
  return {TokenKind::error, span};
}

Token Lexer::take(TokenKind kind, std::size_t bytes) {
  const Token token{kind, {position_, position_ + bytes}};
  position_ += bytes;
  return token;
}

// The whole UTF-8 sequence, for a message.
std::string Lexer::character(std::size_t position) const {
  std::size_t end = position + 1;
  while (end < text_.size() && end < position + 4 &&
         (static_cast<unsigned char>(text_[end]) & 0xc0U) == 0x80U) {
    ++end;
  }
  const std::string text = quoted(text_.substr(position, end - position));
  return "'" + text.substr(1, text.size() - 2) + "'";
}

void Lexer::skip_blanks_and_comments() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++position_;
    } else if (c == '#') {
      while (position_ < text_.size() && text_[position_] != '\n') ++position_;
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  if (!error_.empty()) return {TokenKind::error, {position_, position_}};
  skip_blanks_and_comments();
  if (position_ == text_.size()) return at_end();
  const char c = text_[position_];
  if (c == '"' || c == '\'') return quoted_string(c);
  if (c == '`') return raw_string();
  if (is_letter(c) || (c == ':' && !braces_ && !brackets_)) return identifier();
  if (!braces_ && (is_digit(c) || (c == '.' && is_digit(at(position_ + 1))))) {
    return number_or_duration();
  }
  if (c == ',') return take(TokenKind::comma, 1);
  if (c == ';' && !braces_) return take(TokenKind::semicolon, 1);
  if (std::string_view("(){}[]").find(c) != std::string_view::npos) return bracketing(c);
  return braces_ ? brace_symbol() : symbol();
}

Token Lexer::at_end() {
  const TextSpan here{position_, position_};
  if (braces_) return fail_at(here, "unexpected end of input inside braces");
  if (brackets_) return fail_at(here, "unclosed left bracket");
  if (parens_ > 0) return fail_at(here, "unclosed left parenthesis");
  return {TokenKind::end, here};
}

Token Lexer::bracketing(char c) {
  const TextSpan here{position_, position_ + 1};
  if (braces_ && c != '}') {
    return fail_at(here, fmt::format("unexpected character inside braces: '{}'", c));
  }
  switch (c) {
    case '(':
      ++parens_;
      return take(TokenKind::left_paren, 1);
    case ')':
      if (parens_ == 0) return fail_at(here, "unexpected right parenthesis ')'");
      --parens_;
      return take(TokenKind::right_paren, 1);
    case '{':
      braces_ = true;
      return take(TokenKind::left_brace, 1);
    case '}':
      if (!braces_) return fail_at(here, "unexpected right brace '}'");
      braces_ = false;
      return take(TokenKind::right_brace, 1);
    case '[':
      if (brackets_) return fail_at(here, "unexpected left bracket '['");
      brackets_ = true;
      return take(TokenKind::left_bracket, 1);
    default:
      if (!brackets_) return fail_at(here, "unexpected right bracket ']'");
      brackets_ = false;
      return take(TokenKind::right_bracket, 1);
  }
}

Token Lexer::brace_symbol() {
  const char c = at(position_);
  const char after = at(position_ + 1);
  if (c == '=') {
    return after == '~' ? take(TokenKind::match_regex, 2) : take(TokenKind::assign, 1);
  }
  if (c == '!' && after == '~') return take(TokenKind::match_no_regex, 2);
  if (c == '!' && after == '=') return take(TokenKind::not_equal, 2);
  if (c == '!' && position_ + 1 < text_.size()) {
    return fail_at({position_, position_ + 2},
                   "unexpected character after '!' inside braces: " + character(position_ + 1));
  }
  return fail_at({position_, position_ + 1},
                 "unexpected character inside braces: " + character(position_));
}

Token Lexer::symbol() {
  struct Symbol {
    std::string_view text;
    TokenKind kind;
  };
  // The longer before the shorter.
  static constexpr std::array<Symbol, 18> kSymbols{{{"==", TokenKind::equal},
                                                    {"!=", TokenKind::not_equal},
                                                    {"<=", TokenKind::less_equal},
                                                    {">=", TokenKind::greater_equal},
                                                    {"</", TokenKind::trim_upper},
                                                    {">/", TokenKind::trim_lower},
                                                    {"<", TokenKind::less},
                                                    {">", TokenKind::greater},
                                                    {"=~", TokenKind::match_regex},
                                                    {"!~", TokenKind::match_no_regex},
                                                    {"=", TokenKind::assign},
                                                    {"+", TokenKind::add},
                                                    {"-", TokenKind::subtract},
                                                    {"*", TokenKind::multiply},
                                                    {"/", TokenKind::divide},
                                                    {"%", TokenKind::modulo},
                                                    {"^", TokenKind::power},
                                                    {"@", TokenKind::at}}};
  const std::string_view rest = text_.substr(position_);
  for (const Symbol& symbol : kSymbols) {
    if (rest.substr(0, symbol.text.size()) == symbol.text) {
      return take(symbol.kind, symbol.text.size());
    }
  }
  if (rest[0] == ':' && brackets_) return take(TokenKind::colon, 1);
  return fail_at({position_, position_ + 1}, "unexpected character: " + character(position_));
}

Token Lexer::identifier() {
  const bool colons = !braces_ && !brackets_;
  std::size_t end = position_;
  while (end < text_.size() && (is_word_byte(text_[end]) || (colons && text_[end] == ':'))) ++end;
  return take(TokenKind::identifier, end - position_);
}

Token Lexer::number_or_duration() {
  std::size_t end = position_;
  const auto digits = [&](auto accepted) {
    const std::size_t from = end;
    // An underscore stands between two digits.
    while (accepted(at(end)) ||
           (at(end) == '_' && end > from && accepted(at(end + 1)) && at(end - 1) != '_')) {
      ++end;
    }
  };
  TokenKind kind = TokenKind::number;
  if (at(end) == '0' && (at(end + 1) == 'x' || at(end + 1) == 'X') && hex_digit(at(end + 2)) >= 0) {
    end += 2;
    digits([](char c) { return hex_digit(c) >= 0; });
  } else {
    digits(is_digit);
    if (at(end) == '.') {
      ++end;
      digits(is_digit);
    }
    const std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
    if ((at(end) == 'e' || at(end) == 'E') && is_digit(at(end + 1 + sign))) {
      end += 1 + sign;
      digits(is_digit);
    } else if (is_letter(at(end)) && at(end) != '_') {
      kind = TokenKind::duration;
    }
  }
  const std::size_t number_end = end;
  while (is_word_byte(at(end))) ++end;
  const std::string_view text = text_.substr(position_, end - position_);
  const bool good = kind == TokenKind::duration ? parse_duration(text).has_value()
                                                : end == number_end && at(end) != '.';
  if (!good) {
    return fail_at({position_, end},
                   fmt::format("bad number or duration syntax: {}", quoted(text)));
  }
  return take(kind, end - position_);
}

// Bytes of the escape sequence whose backslash stands at `position`; 0 if it is none, with error_.
std::size_t Lexer::escape_bytes(std::size_t position, char quote) {
  if (position + 1 >= text_.size()) {
    error_ = "escape sequence not terminated";
    return 0;
  }
  const char c = text_[position + 1];
  if (c == quote || kEscapes.find(c) != std::string_view::npos) return 2;
  const NumericEscape form = numeric_escape(c);
  if (form.digits == 0) {
    error_ = "unknown escape sequence " + character(position + 1);
    return 0;
  }
  const std::size_t first = position + (form.base == 8 ? 1 : 2);
  std::uint32_t code = 0;
  for (std::size_t i = 0; i < form.digits; ++i) {
    const int digit = hex_digit(at(first + i));
    if (first + i >= text_.size() || digit < 0 || digit >= static_cast<int>(form.base)) {
      error_ = "escape sequence needs more digits";
      return 0;
    }
    code = code * form.base + static_cast<std::uint32_t>(digit);
  }
  const bool byte = form.digits < 4;
  if (byte ? code > 255 : code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
    error_ = "escape sequence is an invalid Unicode code point";
    return 0;
  }
  return first + form.digits - position;
}

Token Lexer::quoted_string(char quote) {
  std::size_t end = position_ + 1;
  while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
    if (text_[end] != '\\') {
      ++end;
      continue;
    }
    const std::size_t bytes = escape_bytes(end, quote);
    if (bytes == 0) return fail_at({end, std::min(end + 2, text_.size())}, std::move(error_));
    end += bytes;
  }
  if (end >= text_.size() || text_[end] == '\n') {
    return fail_at({position_, end}, "unterminated quoted string");
  }
  return take(TokenKind::string, end + 1 - position_);
}

Token Lexer::raw_string() {
  const std::size_t end = text_.find('`', position_ + 1);
  if (end == std::string_view::npos) {
    return fail_at({position_, text_.size()}, "unterminated raw string");
  }
  return take(TokenKind::string, end + 1 - position_);
}

std::string string_value(std::string_view token_text) {
  std::string out;
  if (token_text.size() < 2) return out;
  const std::string_view inside = token_text.substr(1, token_text.size() - 2);
  if (token_text[0] == '`') return std::string(inside);
  out.reserve(inside.size());
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\' || i + 1 == inside.size()) {
      out += inside[i];
      continue;
    }
    const char c = inside[++i];
    const NumericEscape form = numeric_escape(c);
    if (form.digits == 0) {
      const std::size_t which = kEscapes.find(c);
      out += which == std::string_view::npos ? c : kEscaped[which];
      continue;
    }
    if (form.base == 16) ++i;
    std::uint32_t code = 0;
    for (std::size_t digit = 0; digit < form.digits && i < inside.size(); ++digit, ++i) {
      code = code * form.base + static_cast<std::uint32_t>(hex_digit(inside[i]));
    }
    --i;
    if (form.digits < 4) {
      out += static_cast<char>(code);
    } else {
      append_utf8(out, code);
    }
  }
  return out;
}

Result<double> number_value(std::string_view token_text) {
  std::string digits(token_text);
  std::erase(digits, '_');
  // An integer with a leading zero is octal, unless it has a digit that octal has not.
  const bool hex = digits.size() > 1 && (digits[1] == 'x' || digits[1] == 'X');
  const bool octal = digits.size() > 1 && digits[0] == '0' &&
                     digits.find_first_not_of("01234567") == std::string::npos;
  if (hex || octal) {
    std::uint64_t integer = 0;
    const char* first = digits.data() + (hex ? 2 : 1);
    const char* last = digits.data() + digits.size();
    const auto [end, status] = std::from_chars(first, last, integer, hex ? 16 : 8);
    if (status == std::errc() && end == last) return static_cast<double>(integer);
    if (hex) {
      return fail(ErrorCode::parse, fmt::format("number {} is too large", quoted(token_text)));
    }
  }
  double value = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, status] = std::from_chars(digits.data(), last, value);
  if (status == std::errc::result_out_of_range) {
    // from_chars does not say on which side the range was left.
    if (decimal_exponent(digits) < 0) return 0.0;
    return fail(ErrorCode::parse, fmt::format("number {} is too large", quoted(token_text)));
  }
  if (end != last || status != std::errc()) {
    return fail(ErrorCode::parse, fmt::format("{} is no number", quoted(token_text)));
  }
  return value;
}

bool TokenStream::is_word(std::string_view word) const noexcept {
  return token_.kind == TokenKind::identifier && same_word(token_text(), word);
}

Error TokenStream::unexpected(std::string_view context, std::string_view expected) const {
  if (token_.kind == TokenKind::error) {
    return text_error(ErrorCode::parse, text(), token_.span, lexer_.error());
  }
  std::string message = token_.kind == TokenKind::semicolon
                            ? std::string("unexpected character: ';'")
                            : "unexpected " + describe(token_.kind, token_text());
  if (!context.empty()) message += fmt::format(" in {}", context);
  if (!expected.empty()) message += fmt::format(", expected {}", expected);
  return text_error(ErrorCode::parse, text(), token_.span, message);
}

}  // namespace hygge
