#include "base/decimal.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/assert.h"

namespace hygge {

void append_fixed(std::string& out, double value) {
  HYGGE_ASSERT(std::isfinite(value));
  char digits[400];
  const auto write = [&](std::chars_format format) {
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value, format).ptr;
    return std::string_view(digits, static_cast<std::size_t>(end - digits));
  };
  // Up to here all digits of an integer are needed.
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  if (std::abs(value) < kExactIntegers) {
    out += write(std::chars_format::fixed);
    return;
  }
  // d.ddde+NN, without the point: the integer's first digits.
  const std::string_view text = write(std::chars_format::scientific);
  const std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + 2, text.data() + text.size(), exponent);
  std::size_t written = 0;
  for (const char c : text.substr(0, e)) {
    if (c == '.') continue;
    out += c;
    written += c == '-' ? 0 : 1;
  }
  HYGGE_ASSERT(written <= static_cast<std::size_t>(exponent) + 1);
  out.append(static_cast<std::size_t>(exponent) + 1 - written, '0');
}

}  // namespace hygge
