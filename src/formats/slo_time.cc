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

namespace {

cctz::time_zone zone_of(const std::string& tz) {
  cctz::time_zone zone;  // UTC
  cctz::load_time_zone(tz, &zone);
  return zone;
}

cctz::time_point<cctz::seconds> seconds_of(TimeMs t_ms) {
  const TimeMs floor = t_ms - ((t_ms % kSecondMs) + kSecondMs) % kSecondMs;
  return cctz::time_point<cctz::seconds>(cctz::seconds(floor / kSecondMs));
}

}  // namespace

std::string format_local_day(TimeMs t_ms, const std::string& tz) {
  return cctz::format("%Y-%m-%d", seconds_of(t_ms), zone_of(tz));
}

std::string format_local_time(TimeMs t_ms, const std::string& tz) {
  const bool whole_minutes = t_ms % kMinuteMs == 0;
  return cctz::format(whole_minutes ? "%Y-%m-%dT%H:%M%Ez" : "%Y-%m-%dT%H:%M:%S%Ez",
                      seconds_of(t_ms), zone_of(tz));
}

TimeMs local_day_before(TimeMs t_ms, const std::string& tz) {
  const cctz::time_zone zone = zone_of(tz);
  const cctz::civil_day day(cctz::convert(seconds_of(t_ms - 1), zone));
  // Its first instant: of a midnight that comes twice the first, of one that is skipped what comes.
  const auto midnight = zone.lookup(cctz::civil_second(day));
  const bool skipped = midnight.kind == cctz::time_zone::civil_lookup::SKIPPED;
  return (skipped ? midnight.trans : midnight.pre).time_since_epoch().count() * kSecondMs;
}

int local_weekday(TimeMs t_ms, const std::string& tz) {
  const cctz::civil_day day(cctz::convert(seconds_of(t_ms), zone_of(tz)));
  return static_cast<int>(cctz::get_weekday(day));
}

}  // namespace hygge::formats
