// Rules that a test build can break, one at a time, to see that the tests catch it. In every other
// build broken() is false when compiled, and nothing is left of it.
//
// The names are those of `tools/torture --broken`; tests/crash says which test catches which.
#pragma once

#include <string_view>

#ifdef HYGGE_MUTATIONS
#include <cstdlib>
#endif

namespace hygge {

#ifdef HYGGE_MUTATIONS
[[nodiscard]] inline bool broken(std::string_view rule) {
  static const char* const chosen = std::getenv("HYGGE_MUTATION");
  return chosen != nullptr && rule == chosen;
}
#else
[[nodiscard]] constexpr bool broken(std::string_view /*rule*/) noexcept { return false; }
#endif

}  // namespace hygge
