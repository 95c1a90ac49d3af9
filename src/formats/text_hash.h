// Hash maps by text, looked up without making a string.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/checksum.h"

namespace hygge::formats {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return static_cast<std::size_t>(hash64(as_bytes(text)));
  }
};

template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

}  // namespace hygge::formats
