// Classes of bytes, whatever the locale says.
#pragma once

namespace hygge {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What a metric's or a label's name may begin with; metrics also with ':'.
[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace hygge
