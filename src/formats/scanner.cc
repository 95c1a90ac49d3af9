#include "formats/scanner.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "formats/importer.h"
#include "model/lexer.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

// The end of a name as it is written bare: anything that is not of the grammar around it, so that
// `http.requests 3` names what is wrong instead of stopping at the dot.
bool ends_name(char c) { return is_blank(c) || c == '{' || c == '=' || c == ',' || c == '}'; }

std::string_view take_name(std::string_view& text) {
  std::size_t i = 0;
  while (i < text.size() && !ends_name(text[i])) ++i;
  const std::string_view name = text.substr(0, i);
  text.remove_prefix(i);
  return name;
}

}  // namespace

std::string_view skip_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view take_word(std::string_view& text) noexcept {
  std::size_t i = 0;
  while (i < text.size() && !is_blank(text[i])) ++i;
  const std::string_view word = text.substr(0, i);
  text.remove_prefix(i);
  return word;
}

namespace {

// Resolves the escape whose backslash stands before text[i]; what is none stays as it is.
void append_unescaped(std::string& out, char next, bool quotes) {
  if (next == 'n') {
    out += '\n';
  } else if (next == '\\' || (next == '"' && quotes)) {
    out += next;
  } else {
    out += '\\';
    out += next;
  }
}

bool take_promql_string(std::string_view& text, std::string& out) {
  Lexer lexer(text);
  const Token token = lexer.next();
  if (token.kind != TokenKind::string || token.span.begin != 0) return false;
  out = string_value(text.substr(0, token.span.end));
  text.remove_prefix(token.span.end);
  return true;
}

}  // namespace

bool take_quoted(std::string_view& text, Escapes escapes, std::string& out) {
  if (escapes == Escapes::promql) return take_promql_string(text, out);
  out.clear();
  if (!text.starts_with('"')) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (c == '\\' && i + 1 < text.size()) {
      append_unescaped(out, text[++i], true);
    } else {
      out += c;
    }
  }
  return false;
}

std::string unescape(std::string_view text, bool quotes) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      append_unescaped(out, text[++i], quotes);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::size_t series_length(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size() && is_name_byte(text[i])) ++i;
  // Anything else up to a blank or brace belongs to the name too, and is judged by parse_series.
  while (i < text.size() && !is_blank(text[i]) && text[i] != '{') ++i;
  std::size_t brace = i;
  while (brace < text.size() && is_blank(text[brace])) ++brace;
  if (brace == text.size() || text[brace] != '{') return i;
  bool quoted = false;
  for (i = brace + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '}') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

namespace {

// Takes one `name="value"` or `"metric"` off the front. Returns why it is none, or "".
std::string take_label(std::string_view& text, Escapes escapes, std::vector<Label>& out,
                       std::string* metric) {
  Label label;
  const bool was_quoted = text[0] == '"';
  if (was_quoted) {
    if (!take_quoted(text, escapes, label.name)) return "a quoted name does not end";
  } else {
    label.name = take_name(text);
    if (label.name.empty()) return fmt::format("a label name expected at {}", excerpt(text));
    if (!is_label_name(label.name)) {
      return fmt::format("label name {} needs quotes", excerpt(label.name));
    }
  }
  text = skip_blanks(text);
  if (!text.starts_with('=')) {
    if (!was_quoted) return fmt::format("label {} without a value", excerpt(label.name));
    if (metric == nullptr) return "a metric name is not allowed here";
    if (!metric->empty()) return "the metric name twice";
    if (label.name.empty()) return "an empty metric name";
    *metric = std::move(label.name);
    return {};
  }
  text = skip_blanks(text.substr(1));
  if (!text.starts_with('"')) return "label value must be quoted";
  if (!take_quoted(text, escapes, label.value)) {
    return fmt::format("the value of label {} does not end, or has a bad escape",
                       excerpt(label.name));
  }
  if (label.name == kNameLabel) return "a label named __name__: write the metric's name in front";
  if (label.name.empty()) return "an empty label name";
  for (const Label& other : out) {
    if (other.name == label.name) return fmt::format("label {} twice", quoted(label.name));
  }
  if (!is_utf8(label.name) || !is_utf8(label.value)) {
    return fmt::format("label {} is not UTF-8", excerpt(label.name));
  }
  out.push_back(std::move(label));
  return {};
}

}  // namespace

std::string parse_labels(std::string_view text, Escapes escapes, std::vector<Label>& out,
                         std::string* name) {
  for (text = skip_blanks(text); !text.empty(); text = skip_blanks(text)) {
    std::string why = take_label(text, escapes, out, name);
    if (!why.empty()) return why;
    text = skip_blanks(text);
    if (text.empty()) break;
    if (text[0] != ',') return fmt::format("a comma expected at {}", excerpt(text));
    text.remove_prefix(1);
  }
  return {};
}

std::string parse_series(std::string_view text, std::vector<Label>& out) {
  std::size_t name_end = 0;
  while (name_end < text.size() && !is_blank(text[name_end]) && text[name_end] != '{') ++name_end;
  std::string name(text.substr(0, name_end));
  if (!name.empty() && !is_metric_name(name)) {
    return fmt::format("metric name {}: letters, digits, _ and : only, or {{\"{}\"}} with quotes",
                       excerpt(name), name.substr(0, 60));
  }
  const std::string_view braces = skip_blanks(text.substr(name_end));
  out.clear();
  out.push_back({std::string(kNameLabel), {}});
  if (!braces.empty()) {
    const bool named = !name.empty();
    std::string inside_name = name;
    std::string why = parse_labels(braces.substr(1, braces.size() - 2), Escapes::text, out,
                                   named ? nullptr : &inside_name);
    if (!why.empty()) return why;
    name = std::move(inside_name);
  }
  if (name.empty()) return "no metric name";
  if (!is_utf8(name)) return "the metric name is not UTF-8";
  out[0].value = std::move(name);
  return {};
}

}  // namespace hygge::formats
