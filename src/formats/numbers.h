// Numbers and times as the text formats write them.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hygge::formats {

/// A float as Go reads it: decimal, exponent, hex float, underscores no; NaN, Inf, ±Inf in any
/// case. Correctly rounded.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// A decimal number of seconds as milliseconds, rounded down, without going through a double: the
/// third decimal survives. `1767225600.25`, `1.7672256e9`, `-0.5`. Empty if it is no such number or
/// does not fit.
[[nodiscard]] std::optional<TimeMs> parse_seconds(std::string_view text) noexcept;

/// An integer of milliseconds.
[[nodiscard]] std::optional<TimeMs> parse_integer(std::string_view text) noexcept;

enum class TimeUnit : std::uint8_t { seconds, milliseconds };
/// Why a time is not to be believed: it lies outside 1990–2100 in the declared unit. "" if it is.
[[nodiscard]] std::string implausible(TimeMs t_ms, std::string_view text, TimeUnit declared);

}  // namespace hygge::formats
