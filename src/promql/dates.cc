#include "promql/dates.h"

#include <array>
#include <chrono>
#include <cmath>
#include <limits>

namespace hygge::promql {

DatePart date_part(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> kNames{"minute",       "hour",        "day_of_week",
                                                   "day_of_month", "day_of_year", "days_in_month",
                                                   "month",        "year"};
  std::size_t i = 0;
  while (i + 1 < kNames.size() && kNames[i] != name) ++i;
  return static_cast<DatePart>(i);
}

double part_of(DatePart part, double seconds) noexcept {
  // std::chrono counts years in 16 bits.
  constexpr double kSecondsOf30000Years = 30'000.0 * 366 * 86'400;
  if (!(std::abs(seconds) < kSecondsOf30000Years)) return std::numeric_limits<double>::quiet_NaN();
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(static_cast<std::int64_t>(seconds))};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const std::int64_t minutes = (time - day).count() / 60;
  const std::int64_t hours = minutes / 60;
  switch (part) {
    case DatePart::minute:
      return static_cast<double>(minutes % 60);
    case DatePart::hour:
      return static_cast<double>(hours);
    case DatePart::day_of_week:
      return static_cast<double>(weekday{day}.c_encoding());
    case DatePart::day_of_month:
      return static_cast<double>(static_cast<unsigned>(date.day()));
    case DatePart::day_of_year:
      return static_cast<double>((day - sys_days{date.year() / January / 1}).count() + 1);
    case DatePart::days_in_month:
      return static_cast<double>(
          static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day()));
    case DatePart::month:
      return static_cast<double>(static_cast<unsigned>(date.month()));
    case DatePart::year:
      return static_cast<double>(static_cast<int>(date.year()));
  }
  return 0;
}

double part_of(DatePart part, double seconds, const cctz::time_zone* zone) {
  if (zone == nullptr || std::isnan(part_of(part, seconds))) return part_of(part, seconds);
  const std::chrono::system_clock::time_point epoch{};
  const auto utc = static_cast<std::int64_t>(seconds);
  const auto lookup = zone->lookup(epoch + std::chrono::seconds(utc));
  return part_of(part, static_cast<double>(utc + lookup.offset));
}

std::optional<cctz::time_zone> find_zone(const std::string& name) {
  cctz::time_zone zone;
  // cctz takes "" and any file name, too.
  const bool plain = !name.empty() && name[0] != '/' && name[0] != ':' &&
                     name.find("..") == std::string::npos && name != "localtime";
  if (!plain || !cctz::load_time_zone(name, &zone)) return std::nullopt;
  return zone;
}

}  // namespace hygge::promql
