// Times, ranges and steps as people type them, and times as they are printed.
#pragma once

#include <cctz/time_zone.h>
#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/time.h>

#include <functional>
#include <string>
#include <string_view>

namespace hygge::command {

/// What the words of a time mean.
struct TimeSetting {
  TimeMs now_ms = 0;
  cctz::time_zone zone = cctz::utc_time_zone();
  /// For `first` and `last`. Errors: not_found where the database is empty.
  std::function<Result<TimeBounds>()> bounds;
};

/// Reads RFC 3339, `2026-03-01`, `2026-03-01 09:00`, `@1700000000` (seconds below 1e11, decimals
/// allowed), `@1700000000000` (ms), `now`, `first`, `last`; the words and `@` may be followed by
/// `/d` (start of the s m h d w M y) and by `+1h` or `-1h`, any number of times, left to right. A
/// local time that the zone skips moves forward by what is skipped; one that it has twice is the
/// first. Finer than ms is floored. Errors: parse; out_of_range; those of bounds.
[[nodiscard]] Result<TimeMs> parse_time(std::string_view text, const TimeSetting& setting);

/// Reads `1h` (the hour before `at_ms`), `-7d..-1d` (from `at_ms`), TIME..TIME, `today` and
/// `this-month` (so far), `yesterday`, `last-month`, `all`. Errors: parse; invalid_argument (it
/// ends before it begins).
[[nodiscard]] Result<TimeRange> parse_range(std::string_view text, const TimeSetting& setting,
                                            TimeMs at_ms);

/// `local` or an IANA name. Errors: invalid_argument.
[[nodiscard]] Result<cctz::time_zone> parse_zone(std::string_view text);

/// 1/240 of the range, rounded up to 1 5 15 30 s, 1 5 15 30 m, 1 3 6 12 h or whole days.
[[nodiscard]] DurationMs default_step(DurationMs range_ms) noexcept;

/// The steps of a range: a, a + step, … up to b. With `step_ms` 0 the default step, and then the
/// steps stand on its multiples where one lies in the range. The range is neither empty nor
/// everything().
[[nodiscard]] Steps steps_of(TimeRange range, DurationMs step_ms) noexcept;

/// "2026-03-01T09:00:00Z", or with the zone's offset; ".123" where the ms are not 0.
[[nodiscard]] std::string format_time(TimeMs t_ms, const cctz::time_zone& zone);

}  // namespace hygge::command
