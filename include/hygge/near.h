// "Did you mean …?": the nearest of some names.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; `limit` + 1 when there are
/// more than `limit`. O(|a|·|b|).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// The candidate with the fewest edits from `name`, at most `limit`; "" if there is none.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> candidates,
                                       std::size_t limit = 2);
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string> candidates,
                                       std::size_t limit = 2);

}  // namespace hygge
