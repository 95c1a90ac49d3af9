#include <fmt/format.h>
#include <hygge/time.h>

#include <array>

namespace hygge {

namespace {

struct Unit {
  std::string_view name;
  DurationMs ms;
};
// Largest first; "ms" stands before "m" when reading because the longer name wins.
constexpr std::array<Unit, 7> kUnits{{{"y", 365 * kDayMs},
                                      {"w", 7 * kDayMs},
                                      {"d", kDayMs},
                                      {"h", kHourMs},
                                      {"m", kMinuteMs},
                                      {"s", kSecondMs},
                                      {"ms", 1}}};

tl::unexpected<Error> bad_duration(std::string_view text, std::size_t at, std::string_view why) {
  Error error{ErrorCode::parse,
              fmt::format("duration \"{}\": {}", text, why),
              "write numbers with units, largest first: 1h30m, 90s, 250ms, 2d, 1w",
              {}};
  error.place = {1, static_cast<std::uint32_t>(at + 1), at, text.size()};
  return tl::unexpected<Error>(std::move(error));
}

struct Civil {
  std::int64_t year;
  int month, day;
};

// Days since the epoch to a date of the proleptic Gregorian calendar (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
Civil civil_from_days(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace

Result<DurationMs> parse_duration(std::string_view text) {
  std::size_t at = 0;
  bool negative = false;
  if (!text.empty() && text[0] == '-') {
    negative = true;
    at = 1;
  }
  if (at == text.size()) return bad_duration(text, 0, "empty");
  DurationMs total = 0;
  std::size_t next_unit = 0;
  while (at < text.size()) {
    const std::size_t number_at = at;
    DurationMs number = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, text[at] - '0', &number)) {
        return bad_duration(text, number_at, "too long");
      }
      ++at;
    }
    if (at == number_at) return bad_duration(text, at, "a number expected");
    std::size_t unit_bytes = 0;
    while (at + unit_bytes < text.size() &&
           (text[at + unit_bytes] < '0' || text[at + unit_bytes] > '9')) {
      ++unit_bytes;
    }
    const std::string_view name = text.substr(at, unit_bytes);
    std::size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) return bad_duration(text, at, "a unit expected: ms s m h d w y");
    if (unit < next_unit) return bad_duration(text, at, "units must fall, each at most once");
    next_unit = unit + 1;
    DurationMs part = 0;
    if (__builtin_mul_overflow(number, kUnits[unit].ms, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return bad_duration(text, number_at, "too long");
    }
    at += unit_bytes;
  }
  return negative ? -total : total;
}

std::string format_duration(DurationMs duration_ms) {
  if (duration_ms == 0) return "0s";
  std::string out = duration_ms < 0 ? "-" : "";
  // Unsigned, so that the most negative duration has a magnitude.
  auto left = duration_ms < 0 ? 0U - static_cast<std::uint64_t>(duration_ms)
                              : static_cast<std::uint64_t>(duration_ms);
  for (const Unit& unit : kUnits) {
    const auto unit_ms = static_cast<std::uint64_t>(unit.ms);
    // Weeks and years only where they say it all: "30d" reads better than "4w2d".
    if (unit.ms > kDayMs && left % unit_ms != 0) continue;
    if (left >= unit_ms) {
      out += fmt::format("{}{}", left / unit_ms, unit.name);
      left %= unit_ms;
    }
  }
  return out;
}

std::string format_time_utc(TimeMs t_ms) {
  const std::int64_t days = t_ms >= 0 ? t_ms / kDayMs : -((-(t_ms + 1)) / kDayMs) - 1;
  // Modular: the smallest time minus its day does not fit, the rest of the day does.
  const auto in_day = static_cast<std::int64_t>(static_cast<std::uint64_t>(t_ms) -
                                                static_cast<std::uint64_t>(days) *
                                                    static_cast<std::uint64_t>(kDayMs));
  const Civil date = civil_from_days(days);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day,
                  in_day / kHourMs, in_day / kMinuteMs % 60, in_day / kSecondMs % 60);
  if (in_day % kSecondMs != 0) out += fmt::format(".{:03}", in_day % kSecondMs);
  return out + "Z";
}

}  // namespace hygge
