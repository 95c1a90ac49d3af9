// What the start of a text looks like.
#pragma once

#include <string_view>

namespace hygge::formats {

[[nodiscard]] bool looks_like_csv(std::string_view head);
[[nodiscard]] bool looks_like_openmetrics(std::string_view head);
[[nodiscard]] bool looks_like_prometheus(std::string_view head);

}  // namespace hygge::formats
