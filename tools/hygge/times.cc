#include "times.h"

#include <cctz/civil_time.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace hygge::command {

namespace {

using Seconds = std::chrono::duration<std::int64_t>;
using ZonedTime = cctz::time_point<cctz::seconds>;

constexpr std::string_view kTimeHelp =
    "times: 2026-03-01T09:00:00Z, 2026-03-01, \"2026-03-01 09:00\", @1700000000, now, now-1h, "
    "now/d, first, last";
constexpr std::string_view kRangeHelp =
    "ranges: 1h, -7d..-1d, 2026-03-01..2026-04-01, @1700000000..now, today, yesterday, "
    "this-month, last-month, all";

tl::unexpected<Error> no_time(std::string_view text, std::string_view why) {
  return fail(ErrorCode::parse, fmt::format("\"{}\" is no time: {}", text, why),
              std::string(kTimeHelp));
}

Result<TimeMs> checked(std::string_view text, std::optional<TimeMs> t_ms) {
  if (t_ms && *t_ms >= kMinTimeMs && *t_ms <= kMaxTimeMs) return *t_ms;
  return fail(ErrorCode::out_of_range,
              fmt::format("the time \"{}\" lies outside what can be stored", text));
}

std::optional<TimeMs> plus(TimeMs a, std::int64_t b) {
  TimeMs out = 0;
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `digits` digits from the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view piece) {
  if (!text.starts_with(piece)) return false;
  text.remove_prefix(piece.size());
  return true;
}

// ".25" as milliseconds, floored; any number of digits.
std::optional<int> take_fraction_ms(std::string_view& text) {
  if (!take(text, ".")) return 0;
  int ms = 0;
  int scale = 100;
  std::size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    ms += (text[digits] - '0') * scale;
    scale /= 10;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return ms;
}

// The instant of a civil time: pre is what lies after a gap by as much, and the first of two.
TimeMs instant_of(const cctz::civil_second& civil, const cctz::time_zone& zone) {
  const auto found = zone.lookup(civil);
  return found.pre.time_since_epoch().count() * kSecondMs;
}

ZonedTime zoned(TimeMs t_ms) {
  const TimeMs floor_s = t_ms / kSecondMs - (t_ms % kSecondMs < 0 ? 1 : 0);
  return ZonedTime(Seconds(floor_s));
}

struct Clockface {
  int hour = 0, minute = 0, second = 0, ms = 0;
};

// "09:00", "09:00:30", "09:00:30.25".
std::optional<Clockface> take_clockface(std::string_view& text) {
  Clockface out;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  out.hour = *hour;
  out.minute = *minute;
  if (!take(text, ":")) return out;
  const auto second = take_number(text, 2);
  if (!second || *second > 59) return std::nullopt;
  out.second = *second;
  const auto ms = take_fraction_ms(text);
  if (!ms) return std::nullopt;
  out.ms = *ms;
  return out;
}

// "Z" or "+09:00" in seconds.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, "Z") || take(text, "z")) return 0;
  const int sign = text.starts_with('-') ? -1 : 1;
  if (!take(text, "+") && !take(text, "-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

Result<TimeMs> parse_civil(std::string_view text, const cctz::time_zone& zone) {
  std::string_view rest = text;
  const auto year = take_number(rest, 4);
  if (!year || !take(rest, "-")) return no_time(text, "a date is YYYY-MM-DD");
  const auto month = take_number(rest, 2);
  if (!month || !take(rest, "-")) return no_time(text, "a date is YYYY-MM-DD");
  const auto day = take_number(rest, 2);
  if (!day) return no_time(text, "a date is YYYY-MM-DD");
  const cctz::civil_day date(*year, *month, *day);
  if (date.month() != *month || date.day() != *day) return no_time(text, "there is no such day");
  if (rest.empty()) return instant_of(cctz::civil_second(date), zone);
  if (!take(rest, "T") && !take(rest, "t") && !take(rest, " ")) {
    return no_time(text, "after the date comes T or a blank, and the time of day");
  }
  const auto face = take_clockface(rest);
  if (!face) return no_time(text, "a time of day is HH:MM, HH:MM:SS or HH:MM:SS.mmm");
  const cctz::civil_second civil(date.year(), date.month(), date.day(), face->hour, face->minute,
                                 face->second);
  if (rest.empty()) return instant_of(civil, zone) + face->ms;
  const auto offset_s = take_offset(rest);
  if (!offset_s || !rest.empty()) return no_time(text, "an offset is Z, +09:00 or -05:00");
  return instant_of(civil, cctz::utc_time_zone()) + face->ms - *offset_s * kSecondMs;
}

// "@1700000000.25" and "@1700000000000", by decimal digits and not through a double.
Result<TimeMs> take_unix(std::string_view text, std::string_view& rest) {
  const bool negative = take(rest, "-");
  std::int64_t whole = 0;
  std::size_t digits = 0;
  for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
    if (digits == 18) return checked(text, std::nullopt);
    whole = whole * 10 + (rest[digits] - '0');
  }
  if (digits == 0) return no_time(text, "after @ come Unix seconds or milliseconds");
  rest.remove_prefix(digits);
  constexpr std::int64_t kFirstMs = 100'000'000'000;  // 1e11 s is the year 5138
  if (whole >= kFirstMs) {
    if (rest.starts_with('.')) return no_time(text, "milliseconds have no decimals");
    return negative ? -whole : whole;
  }
  const bool has_fraction = rest.starts_with('.');
  std::string_view fraction = rest;
  const auto ms = take_fraction_ms(rest);
  if (!ms) return no_time(text, "digits are missing after the point");
  TimeMs out = whole * kSecondMs + *ms;
  if (!negative) return out;
  out = -out;
  // Floor: what is finer than a millisecond moves a negative time down.
  if (has_fraction) {
    fraction.remove_prefix(1);
    fraction = fraction.substr(0, fraction.size() - rest.size());
    for (std::size_t i = 3; i < fraction.size(); ++i) {
      if (fraction[i] != '0') return out - 1;
    }
  }
  return out;
}

// The start of the unit that `t_ms` lies in.
Result<TimeMs> start_of(std::string_view text, char unit, TimeMs t_ms,
                        const cctz::time_zone& zone) {
  const cctz::civil_second civil = cctz::convert(zoned(t_ms), zone);
  const cctz::civil_day day(civil);
  switch (unit) {
    case 's':
      return instant_of(civil, zone);
    case 'm':
      return instant_of(cctz::civil_second(cctz::civil_minute(civil)), zone);
    case 'h':
      return instant_of(cctz::civil_second(cctz::civil_hour(civil)), zone);
    case 'd':
      return instant_of(cctz::civil_second(day), zone);
    case 'w':
      return instant_of(cctz::civil_second(cctz::prev_weekday(day + 1, cctz::weekday::monday)),
                        zone);
    case 'M':
      return instant_of(cctz::civil_second(cctz::civil_month(civil)), zone);
    case 'y':
      return instant_of(cctz::civil_second(cctz::civil_year(civil)), zone);
    default:
      return no_time(text, "after / comes one of s m h d w M y");
  }
}

// "/d-1h…" after a word.
Result<TimeMs> apply_steps(std::string_view text, std::string_view rest, TimeMs t_ms,
                           const cctz::time_zone& zone) {
  while (!rest.empty()) {
    const char sign = rest[0];
    rest.remove_prefix(1);
    if (sign == '/') {
      if (rest.empty()) return no_time(text, "after / comes one of s m h d w M y");
      auto start = start_of(text, rest[0], t_ms, zone);
      if (!start) return start;
      t_ms = *start;
      rest.remove_prefix(1);
      continue;
    }
    if (sign != '+' && sign != '-') return no_time(text, "expected +, - or / here");
    const std::size_t length = std::min(rest.find_first_of("+-/"), rest.size());
    const auto duration = parse_duration(rest.substr(0, length));
    if (!duration) return no_time(text, duration.error().message);
    rest.remove_prefix(length);
    auto moved = checked(text, plus(t_ms, sign == '+' ? *duration : -*duration));
    if (!moved) return moved;
    t_ms = *moved;
  }
  return t_ms;
}

Result<TimeMs> take_word(std::string_view text, std::string_view& rest,
                         const TimeSetting& setting) {
  if (take(rest, "now")) return setting.now_ms;
  const bool first = take(rest, "first");
  if (!first && !take(rest, "last")) {
    if (!rest.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos) {
      return no_time(text, fmt::format("a Unix time is written @{}", text));
    }
    return no_time(text, "no such form");
  }
  if (!setting.bounds) return no_time(text, "there is no database to take it from");
  const auto bounds = setting.bounds();
  if (!bounds) return tl::unexpected<Error>(bounds.error());
  return first ? bounds->first_ms : bounds->last_ms;
}

// One side of `A..B`: a signed duration from `at_ms`, or a time.
Result<TimeMs> parse_side(std::string_view text, const TimeSetting& setting, TimeMs at_ms) {
  if (text.starts_with('-') || text.starts_with('+')) {
    const auto duration = parse_duration(text.substr(1));
    if (!duration) return no_time(text, duration.error().message);
    return checked(text, plus(at_ms, text[0] == '-' ? -*duration : *duration));
  }
  return parse_time(text, setting);
}

std::optional<TimeRange> parse_named_range(std::string_view text, const cctz::time_zone& zone,
                                           TimeMs at_ms) {
  const cctz::civil_second civil = cctz::convert(zoned(at_ms), zone);
  const auto day = [&](const cctz::civil_day& d) {
    return instant_of(cctz::civil_second(d), zone);
  };
  const cctz::civil_day today(civil);
  const cctz::civil_month month(civil);
  if (text == "all") return everything();
  if (text == "today") return TimeRange{day(today), at_ms};
  if (text == "yesterday") return TimeRange{day(today - 1), day(today)};
  if (text == "this-month") return TimeRange{day(cctz::civil_day(month)), at_ms};
  if (text == "last-month") {
    return TimeRange{day(cctz::civil_day(month - 1)), day(cctz::civil_day(month))};
  }
  return std::nullopt;
}

}  // namespace

Result<TimeMs> parse_time(std::string_view text, const TimeSetting& setting) {
  std::string_view rest = text;
  if (rest.size() > 4 &&
      rest.substr(0, 4).find_first_not_of("0123456789") == std::string_view::npos &&
      rest[4] == '-') {
    auto civil = parse_civil(text, setting.zone);
    if (!civil) return civil;
    return checked(text, *civil);
  }
  auto base = take(rest, "@") ? take_unix(text, rest) : take_word(text, rest, setting);
  if (!base) return base;
  base = checked(text, *base);
  if (!base) return base;
  auto moved = apply_steps(text, rest, *base, setting.zone);
  if (!moved) return moved;
  return checked(text, *moved);
}

Result<TimeRange> parse_range(std::string_view text, const TimeSetting& setting, TimeMs at_ms) {
  TimeRange range;
  if (const auto named = parse_named_range(text, setting.zone, at_ms)) {
    range = *named;
  } else if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    const auto from = parse_side(text.substr(0, dots), setting, at_ms);
    if (!from) return tl::unexpected<Error>(from.error());
    const auto until = parse_side(text.substr(dots + 2), setting, at_ms);
    if (!until) return tl::unexpected<Error>(until.error());
    range = {*from, *until};
  } else {
    const auto duration = parse_duration(text);
    if (!duration || *duration <= 0) {
      return fail(ErrorCode::parse, fmt::format("\"{}\" is no range", text),
                  std::string(kRangeHelp));
    }
    const auto from = checked(text, plus(at_ms, -*duration));
    if (!from) return tl::unexpected<Error>(from.error());
    range = {*from, at_ms};
  }
  if (range.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the range \"{}\" ends ({}) before it begins ({})", text,
                    format_time(range.until, setting.zone), format_time(range.after, setting.zone)),
        std::string(kRangeHelp));
  }
  return range;
}

Result<cctz::time_zone> parse_zone(std::string_view text) {
  if (text == "local") return cctz::local_time_zone();
  cctz::time_zone zone;
  if (text.empty() || text.starts_with('/') || text.starts_with('.') || text.starts_with(':') ||
      !cctz::load_time_zone(std::string(text), &zone)) {
    return fail(ErrorCode::invalid_argument, fmt::format("there is no time zone \"{}\"", text),
                "zones: UTC, local, or an IANA name such as Asia/Tokyo");
  }
  return zone;
}

DurationMs default_step(DurationMs range_ms) noexcept {
  constexpr std::array<DurationMs, 12> kRound = {
      kSecondMs,      5 * kSecondMs,  15 * kSecondMs, 30 * kSecondMs, kMinuteMs,   5 * kMinuteMs,
      15 * kMinuteMs, 30 * kMinuteMs, kHourMs,        3 * kHourMs,    6 * kHourMs, 12 * kHourMs};
  constexpr DurationMs kParts = 240;
  const DurationMs least = range_ms / kParts + (range_ms % kParts != 0 ? 1 : 0);
  for (const DurationMs round : kRound) {
    if (least <= round) return round;
  }
  return (least / kDayMs + (least % kDayMs != 0 ? 1 : 0)) * kDayMs;
}

Steps steps_of(TimeRange range, DurationMs step_ms) noexcept {
  if (step_ms > 0) return {range.after, range.until, step_ms};
  const DurationMs step = default_step(range.until - range.after);
  const auto floor_to_step = [&](TimeMs t) {
    const TimeMs past = t % step;
    return t - past - (past < 0 ? step : 0);
  };
  const TimeMs end = floor_to_step(range.until);
  const TimeMs begin = floor_to_step(range.after - 1) + step;
  if (begin > end) return {range.after, range.until, step};
  return {begin, end, step};
}

std::string format_time(TimeMs t_ms, const cctz::time_zone& zone) {
  const TimeMs floor_s = t_ms / kSecondMs - (t_ms % kSecondMs < 0 ? 1 : 0);
  const TimeMs ms = t_ms - floor_s * kSecondMs;
  const ZonedTime at{Seconds(floor_s)};
  const std::string fraction = ms == 0 ? "" : fmt::format(".{:03}", ms);
  const std::string offset = zone == cctz::utc_time_zone() ? "Z" : cctz::format("%Ez", at, zone);
  return cctz::format("%Y-%m-%dT%H:%M:%S", at, zone) + fraction + offset;
}

}  // namespace hygge::command
