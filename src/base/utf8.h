// UTF-8.
#pragma once

#include <string_view>

namespace hygge {

/// Well-formed UTF-8: shortest forms, no surrogates, at most U+10FFFF. O(n).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace hygge
