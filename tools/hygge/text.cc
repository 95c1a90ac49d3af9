#include "text.h"

#include <fmt/format.h>
#include <hygge/formats.h>

#include <array>
#include <cmath>
#include <vector>

namespace hygge::command {

namespace {

constexpr char32_t kBroken = 0xffffffff;

// Takes one character from the front; kBroken (and one byte) where there is none.
char32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(text[i]);
  };
  const std::uint32_t lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  char32_t out = length == 1 ? lead : kBroken;
  if (length > 1 && length <= text.size()) {
    out = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(i) & 0xc0U) != 0x80) {
        out = kBroken;
        break;
      }
      out = (out << 6U) | (byte(i) & 0x3fU);
    }
  }
  text.remove_prefix(out == kBroken ? 1 : length);
  return out;
}

struct Span {
  char32_t first, last;
};
// The bulk of East Asian wide characters and emoji, and of combining marks: enough for columns to
// stand straight; Unicode's tables are long and change.
constexpr std::array<Span, 11> kWide{{{0x1100, 0x115f},
                                      {0x2e80, 0x303e},
                                      {0x3041, 0xa4cf},
                                      {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},
                                      {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},
                                      {0xffe0, 0xffe6},
                                      {0x1f300, 0x1f64f},
                                      {0x1f900, 0x1f9ff},
                                      {0x20000, 0x3fffd}}};
constexpr std::array<Span, 6> kZero{{{0x0300, 0x036f},
                                     {0x1ab0, 0x1aff},
                                     {0x200b, 0x200f},
                                     {0x20d0, 0x20ff},
                                     {0xfe00, 0xfe0f},
                                     {0xfe20, 0xfe2f}}};

template <std::size_t Count>
bool within(const std::array<Span, Count>& spans, char32_t c) {
  for (const Span& span : spans) {
    if (c >= span.first && c <= span.last) return true;
  }
  return false;
}

std::size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (within(kZero, c)) return 0;
  return within(kWide, c) ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += width_of(take_character(text));
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = take_character(text);
    if (c == kBroken || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
      for (const char byte : before.substr(0, before.size() - text.size())) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  return out;
}

std::string elide(std::string_view text, std::size_t width, bool ascii) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view mark = ascii ? ".." : "…";
  const std::size_t mark_width = ascii ? 2 : 1;
  if (width <= mark_width) return std::string(mark.substr(0, ascii ? width : mark.size()));
  const std::size_t kept = width - mark_width;
  std::size_t head_width = kept - kept / 2;
  std::size_t tail_width = kept / 2;
  // Ends of the characters, to cut from either side.
  std::vector<std::size_t> starts;
  std::vector<std::size_t> widths;
  for (std::string_view rest = text; !rest.empty();) {
    starts.push_back(text.size() - rest.size());
    widths.push_back(width_of(take_character(rest)));
  }
  starts.push_back(text.size());
  std::size_t head = 0;
  while (head < widths.size() && widths[head] <= head_width) head_width -= widths[head++];
  std::size_t tail = widths.size();
  while (tail > head && widths[tail - 1] <= tail_width) tail_width -= widths[--tail];
  return std::string(text.substr(0, starts[head])) + std::string(mark) +
         std::string(text.substr(starts[tail]));
}

std::string number_text(double v) {
  std::string out;
  formats::append_number(out, v);
  return out;
}

std::string short_number(double v) {
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (!std::isfinite(v) || (v == std::trunc(v) && std::abs(v) < kExact)) return number_text(v);
  return fmt::format("{:.6g}", v);
}

std::string human_number(double v) {
  constexpr std::array<std::string_view, 10> kUnits = {"n", "µ", "m", "",  "k",
                                                       "M", "G", "T", "P", "E"};
  constexpr int kOne = 3;
  if (!std::isfinite(v) || v == 0) return number_text(v);
  int unit = kOne;
  double shown = v;
  while (std::abs(shown) >= 999.5 && unit + 1 < static_cast<int>(kUnits.size())) {
    shown /= 1000;
    ++unit;
  }
  while (std::abs(shown) < 0.9995 && unit > 0) {
    shown *= 1000;
    --unit;
  }
  const bool whole = unit == kOne && shown == std::trunc(shown);
  const int digits = whole || std::abs(shown) >= 99.95 ? 0 : std::abs(shown) >= 9.995 ? 1 : 2;
  const std::string text = fmt::format("{:.{}f}", shown, digits);
  const std::string_view name = kUnits[static_cast<std::size_t>(unit)];
  return name.empty() ? text : fmt::format("{} {}", text, name);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto shown = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (shown >= 1023.5 && unit + 1 < kUnits.size()) {
    shown /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", shown, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

}  // namespace hygge::command
