#include "model/quote.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/utf8.h"

namespace hygge {

namespace {

bool is_name(std::string_view name, bool colon) {
  if (name.empty()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (is_letter(c) || (colon && c == ':') || (i > 0 && is_digit(c))) continue;
    return false;
  }
  return true;
}

}  // namespace

bool is_metric_name(std::string_view name) noexcept { return is_name(name, true); }
bool is_label_name(std::string_view name) noexcept { return is_name(name, false); }

std::string quoted(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace hygge
