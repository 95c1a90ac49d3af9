// How many threads a question gets.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hygge::command {

/// What --threads says, 1 to 1,024. Without it, or for 0: a thread for each processor that this
/// process may use, at most 8: more would wait for the one that adds up. Errors: invalid_argument.
[[nodiscard]] Result<std::size_t> threads_of(const std::optional<std::string>& text);

/// The processors that a control group's cpu.max leaves, rounded up; none: as many as there are.
[[nodiscard]] std::optional<std::size_t> processors_of_quota(std::string_view cpu_max) noexcept;

}  // namespace hygge::command
