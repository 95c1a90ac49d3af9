#include "base/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hygge {

namespace {

// Bytes of the sequence that starts at text[i], or 0 if it is not well-formed (Unicode 15, table
// 3-7).
std::size_t sequence_bytes(std::string_view text, std::size_t i) noexcept {
  const auto at = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
  };
  const auto is_tail = [](unsigned c) { return (c & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_tail(at(1)) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return at(1) >= low && at(1) <= high && is_tail(at(2)) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return at(1) >= low && at(1) <= high && is_tail(at(2)) && is_tail(at(3)) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    // Eight ASCII bytes at once: nearly all labels are nothing else.
    std::uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080'8080'8080'8080U) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const std::size_t bytes = sequence_bytes(text, i);
    if (bytes == 0) return false;
    i += bytes;
  }
  return true;
}

}  // namespace hygge
