// The queries by which other tools count events, taken back to the selectors inside.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hygge::formats {

/// The selector of `SEL`, `sum(rate(SEL[…]))` or `sum(increase(SEL[…]))`, whatever the range; none
/// for any other shape. Not parsed yet.
[[nodiscard]] std::optional<std::string> selector_of_query(std::string_view query);

/// `A / B`, and `1 - (A / B)`: the two queries.
struct QueryRatio {
  std::string part, total;
  bool inverted = false;  ///< one minus
};
[[nodiscard]] std::optional<QueryRatio> ratio_of_query(std::string_view query);

}  // namespace hygge::formats
