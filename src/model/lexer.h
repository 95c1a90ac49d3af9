// PromQL's lexer. It is modal: braces and brackets change what an identifier and an operator are.
// Selectors (in policies and SLO files too) and the query language read with the same one.
//
// Words are not keywords here: `sum`, `by`, `offset`, even `inf` are legal label names, and most
// are legal metric names, so the parser that knows the context decides.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hygge {

/// Bytes [begin, end) of a text.
struct TextSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

/// An error with its place: message `line:column: parse error: …` (for code `parse`; for others
/// `line:column: …`).
[[nodiscard]] Error text_error(ErrorCode code, std::string_view text, TextSpan span,
                               std::string_view message, std::string detail = {});

enum class TokenKind : std::uint8_t {
  end,
  error,  ///< Lexer::error() says why
  identifier,
  number,    ///< 1_000 .5 1e3 0x1F 010
  duration,  ///< 1h30m
  string,
  left_paren,
  right_paren,
  left_brace,
  right_brace,
  left_bracket,
  right_bracket,
  comma,
  semicolon,
  colon,
  at,
  assign,          ///< =
  match_regex,     ///< =~
  match_no_regex,  ///< !~
  add,
  subtract,
  multiply,
  divide,
  modulo,
  power,
  equal,      ///< ==
  not_equal,  ///< != of values and of labels
  less,
  less_equal,
  greater,
  greater_equal,
  trim_upper,  ///< </
  trim_lower,  ///< >/
};

struct Token {
  TokenKind kind = TokenKind::end;
  TextSpan span;
};

/// Reads tokens one after the other. Cheap to copy, which is how to look ahead. `text` must outlive
/// it.
class Lexer {
 public:
  explicit Lexer(std::string_view text) noexcept : text_(text) {}

  /// The next token; after `end` and `error` the same again. O(bytes of the token).
  [[nodiscard]] Token next();
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// What is wrong, once next() has returned `error`.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  [[nodiscard]] char at(std::size_t position) const noexcept {
    return position < text_.size() ? text_[position] : '\0';
  }
  void skip_blanks_and_comments();
  [[nodiscard]] Token fail_at(TextSpan span, std::string message);
  [[nodiscard]] Token take(TokenKind kind, std::size_t bytes);
  [[nodiscard]] Token at_end();
  [[nodiscard]] Token bracketing(char c);
  [[nodiscard]] Token symbol();
  [[nodiscard]] Token brace_symbol();
  [[nodiscard]] Token identifier();
  [[nodiscard]] Token number_or_duration();
  [[nodiscard]] Token quoted_string(char quote);
  [[nodiscard]] Token raw_string();
  [[nodiscard]] std::size_t escape_bytes(std::size_t position, char quote);
  [[nodiscard]] std::string character(std::size_t position) const;

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t parens_ = 0;
  bool braces_ = false;
  bool brackets_ = false;
  std::string error_;
};

/// The value of a `number` token's text, of a `string` token's text (quotes included). The lexer
/// has seen that they are well formed; a number may still be too large for its form (empty result).
[[nodiscard]] Result<double> number_value(std::string_view token_text);
[[nodiscard]] std::string string_value(std::string_view token_text);

/// A lexer with a current token: what recursive descent walks on.
class TokenStream {
 public:
  explicit TokenStream(std::string_view text) : lexer_(text), token_(lexer_.next()) {}

  [[nodiscard]] const Token& token() const noexcept { return token_; }
  [[nodiscard]] bool is(TokenKind kind) const noexcept { return token_.kind == kind; }
  /// Whether the token is the word `word` (lower case), in any case.
  [[nodiscard]] bool is_word(std::string_view word) const noexcept;
  /// The token after the current one.
  [[nodiscard]] Token peek() const { return Lexer(lexer_).next(); }
  void advance() {
    last_end_ = token_.span.end;
    token_ = lexer_.next();
  }
  /// Advances past a token of that kind, or stays and returns false.
  bool skip(TokenKind kind) {
    if (!is(kind)) return false;
    advance();
    return true;
  }
  [[nodiscard]] std::string_view text() const noexcept { return lexer_.text(); }
  [[nodiscard]] std::string_view token_text() const noexcept { return text_of(token_); }
  [[nodiscard]] std::string_view text_of(const Token& token) const noexcept {
    return lexer_.text().substr(token.span.begin, token.span.end - token.span.begin);
  }
  /// Where the last token that was passed ended.
  [[nodiscard]] std::size_t last_end() const noexcept { return last_end_; }

  /// "unexpected X in CONTEXT, expected Y", or what the lexer has to say; at the current token.
  /// Empty `context` and `expected` are left out.
  [[nodiscard]] Error unexpected(std::string_view context, std::string_view expected) const;

 private:
  Lexer lexer_;
  Token token_;
  std::size_t last_end_ = 0;
};

/// Equal but for the case of ASCII letters; `word` is in lower case.
[[nodiscard]] bool same_word(std::string_view text, std::string_view word) noexcept;

}  // namespace hygge
