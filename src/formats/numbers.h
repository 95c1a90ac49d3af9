// Numbers and times as the text formats write them.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hygge::formats {

/// What `NaN` in a text becomes: the bits that Prometheus stores for it.
inline constexpr std::uint64_t kNanBits = 0x7ff8'0000'0000'0001;

/// A float as Go writes them: decimal with or without exponent, hex float, no underscores; NaN,
/// Inf and Infinity in any case, the latter two with a sign. Correctly rounded. Too small is zero,
/// too large is no number.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// A decimal number of seconds as milliseconds, rounded down, without going through a double: the
/// third decimal survives. `1767225600.25`, `1.7672256e9`, `-0.5`. Empty if it is no such number or
/// does not fit.
[[nodiscard]] std::optional<TimeMs> parse_seconds(std::string_view text) noexcept;

/// An integer of milliseconds that can be stored.
[[nodiscard]] std::optional<TimeMs> parse_milliseconds(std::string_view text) noexcept;

/// Whether a time lies in 1990–2100: what is taken without being told to take any time.
inline constexpr TimeMs kYear1990Ms = 631'152'000'000;
inline constexpr TimeMs kYear2101Ms = 4'133'980'800'000;
[[nodiscard]] constexpr bool is_plausible(TimeMs t_ms) noexcept {
  return t_ms >= kYear1990Ms && t_ms < kYear2101Ms;
}

enum class TimeUnit : std::uint8_t { seconds, milliseconds };
/// Why a time is refused that is_plausible() does not accept or that does not even fit: `written`
/// is its value in the declared unit, `text` how it stands there. Names the unit in which it would
/// be plausible.
[[nodiscard]] std::string implausible(double written, std::string_view text, TimeUnit declared);

/// Milliseconds as seconds, exactly, without needless zeros: "1767225600.25".
void append_seconds(std::string& out, TimeMs t_ms);
void append_integer(std::string& out, std::int64_t value);

}  // namespace hygge::formats
