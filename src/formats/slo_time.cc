#include "formats/slo_time.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <charconv>

namespace hygge::formats {

namespace {

// Takes exactly `digits` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || at != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<DurationMs> take_offset(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  static_cast<void>(take(text, ':'));
  const auto minutes = take_digits(text, 2);
  if (!hours || !minutes || *hours > 15 || *minutes > 59) return std::nullopt;
  const DurationMs offset = *hours * kHourMs + *minutes * kMinuteMs;
  return west ? -offset : offset;
}

}  // namespace

std::optional<TimeMs> parse_iso_time(std::string_view text) noexcept {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || (!take(text, 'T') && !take(text, ' '))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute) return std::nullopt;
  int second = 0;
  TimeMs ms = 0;
  if (take(text, ':')) {
    const auto seconds = take_digits(text, 2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (take(text, '.')) {
      int digits = 0;
      for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
        if (digits++ < 3) ms = ms * 10 + (text.front() - '0');
      }
      if (digits == 0) return std::nullopt;
      for (; digits < 3; ++digits) ms *= 10;
    }
  }
  const auto offset = take_offset(text);
  if (!offset || !text.empty() || *hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  const cctz::civil_second civil(*year, *month, *day, *hour, *minute, second);
  // A civil time normalises what it is given; a 31st of April is no date.
  if (civil.month() != *month || civil.day() != *day) return std::nullopt;
  const auto seconds = civil - cctz::civil_second(1970, 1, 1);
  return seconds * kSecondMs + ms - *offset;
}

std::string format_local_day(TimeMs t_ms, const std::string& tz) {
  cctz::time_zone zone;
  cctz::load_time_zone(tz, &zone);
  const TimeMs floor = t_ms - ((t_ms % kSecondMs) + kSecondMs) % kSecondMs;
  const cctz::time_point<cctz::seconds> t(cctz::seconds(floor / kSecondMs));
  return cctz::format("%Y-%m-%d", t, zone);
}

}  // namespace hygge::formats
