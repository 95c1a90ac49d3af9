// Times, durations, and the left-open, right-closed ranges that hygge uses everywhere.
#pragma once

#include <hygge/error.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace hygge {

using TimeMs = std::int64_t;      ///< milliseconds since the epoch, UTC, any sign
using DurationMs = std::int64_t;  ///< milliseconds

inline constexpr DurationMs kSecondMs = 1'000;
inline constexpr DurationMs kMinuteMs = 60 * kSecondMs;
inline constexpr DurationMs kHourMs = 60 * kMinuteMs;
inline constexpr DurationMs kDayMs = 24 * kHourMs;

/// Times that can be stored: beyond these a day does not fit the key (about ±5.8 million years).
inline constexpr TimeMs kMinTimeMs = -180'000'000'000'000'000;
inline constexpr TimeMs kMaxTimeMs = 180'000'000'000'000'000;

/// The samples with `after < t <= until`.
struct TimeRange {
  TimeMs after = 0;
  TimeMs until = 0;

  [[nodiscard]] bool contains(TimeMs t) const noexcept { return after < t && t <= until; }
  [[nodiscard]] bool empty() const noexcept { return until <= after; }
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

/// Every time that can be stored.
[[nodiscard]] constexpr TimeRange everything() noexcept {
  return {std::numeric_limits<TimeMs>::min(), std::numeric_limits<TimeMs>::max()};
}

/// (now − duration, now].
[[nodiscard]] constexpr TimeRange last(std::chrono::milliseconds duration, TimeMs now_ms) noexcept {
  return {now_ms - duration.count(), now_ms};
}

/// The instants start, start + step, … up to and including the last one that is not after `end`.
/// `step_ms` > 0 unless start = end, which is one instant.
struct Steps {
  TimeMs start_ms = 0;
  TimeMs end_ms = 0;
  DurationMs step_ms = 0;

  [[nodiscard]] std::size_t count() const noexcept {
    if (end_ms < start_ms) return 0;
    if (step_ms <= 0) return 1;
    const auto span = static_cast<std::uint64_t>(end_ms) - static_cast<std::uint64_t>(start_ms);
    return static_cast<std::size_t>(span / static_cast<std::uint64_t>(step_ms)) + 1;
  }
  [[nodiscard]] TimeMs at(std::size_t index) const noexcept {
    return start_ms + static_cast<TimeMs>(index) * step_ms;
  }
  friend bool operator==(const Steps&, const Steps&) = default;
};

[[nodiscard]] constexpr Steps steps(TimeMs start_ms, TimeMs end_ms,
                                    std::chrono::milliseconds step) noexcept {
  return {start_ms, end_ms, step.count()};
}
[[nodiscard]] constexpr Steps instant(TimeMs at_ms) noexcept { return {at_ms, at_ms, 0}; }

/// Reads a duration: numbers with units ms s m h d w y, largest first, each at most once
/// ("1h30m", "90s", "2d"). d = 24 h, w = 7 d, y = 365 d. Errors: parse (with the place).
[[nodiscard]] Result<DurationMs> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back: "1h30m", "0s", "-5m".
[[nodiscard]] std::string format_duration(DurationMs duration_ms);

/// "2026-03-01T09:00:00Z", with ".123" when the milliseconds are not 0.
[[nodiscard]] std::string format_time_utc(TimeMs t_ms);

}  // namespace hygge
