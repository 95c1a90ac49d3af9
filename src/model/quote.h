// How names and values are written: identifiers as they are, everything else in double quotes.
#pragma once

#include <string>
#include <string_view>

namespace hygge {

/// [a-zA-Z_:][a-zA-Z0-9_:]*
[[nodiscard]] bool is_metric_name(std::string_view name) noexcept;
/// [a-zA-Z_][a-zA-Z0-9_]*
[[nodiscard]] bool is_label_name(std::string_view name) noexcept;

/// In double quotes, with \\ \" \n and, for other control characters and bytes that are not UTF-8,
/// \xNN: what a PromQL string reads back.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace hygge
