// The scripts and styles of the page, compiled in (cmake/HyggeAssets.cmake).
#pragma once

#include <string_view>

namespace hygge::formats::page {

/// A file, and the SHA-256 of its bytes in hexadecimal digits.
struct Asset {
  std::string_view text;
  std::string_view sha256;
};
[[nodiscard]] Asset dygraphs();
[[nodiscard]] Asset script();
[[nodiscard]] Asset style();

}  // namespace hygge::formats::page
