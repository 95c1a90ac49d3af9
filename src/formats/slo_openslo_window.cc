// The time window of an OpenSLO document. Its calendar has a start time, from which periods are
// counted; ours has units, so that a start is understood only where both agree.
#include <cctz/civil_time.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "formats/slo_openslo.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

using slo::Calendar;

// "2020-01-06 00:00:00", in the zone that stands beside it.
std::optional<cctz::civil_second> local_time(std::string_view text) {
  std::array<int, 6> parts{};
  constexpr std::array<std::size_t, 6> kDigits{4, 2, 2, 2, 2, 2};
  constexpr std::string_view kAfter = "-- ::";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (text.size() < kDigits[i]) return std::nullopt;
    const char* end = text.data() + kDigits[i];
    const auto read = std::from_chars(text.data(), end, parts[i]);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    text.remove_prefix(kDigits[i]);
    if (i == 4 && text.empty()) break;  // without seconds
    if (i == 5) continue;
    const bool separated = !text.empty() && (text[0] == kAfter[i] || (i == 2 && text[0] == 'T'));
    if (!separated) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  const cctz::civil_second out(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
  const bool as_written = out.month() == parts[1] && out.day() == parts[2] &&
                          out.hour() == parts[3] && out.minute() == parts[4];
  return as_written ? std::optional(out) : std::nullopt;
}

std::optional<Calendar::Unit> unit_of(std::string_view duration) {
  if (duration == "1w") return Calendar::Unit::week;
  if (duration == "1M") return Calendar::Unit::month;
  if (duration == "1Q") return Calendar::Unit::quarter;
  if (duration == "1Y") return Calendar::Unit::year;
  return std::nullopt;
}

bool begins(Calendar::Unit unit, const cctz::civil_second& at) {
  if (at != cctz::civil_second(cctz::civil_day(at))) return false;
  if (unit == Calendar::Unit::week) {
    return cctz::get_weekday(cctz::civil_day(at)) == cctz::weekday::monday;
  }
  return at.day() == 1;
}

void read_calendar(SloFields& fields, const YAML::Node& window, const std::string& duration,
                   slo::Definition& out) {
  const YAML::Node node = window["calendar"];
  const auto unit = unit_of(duration);
  if (!unit) {
    return fields.error(
        window["duration"], "E_UNSUPPORTED",
        fmt::format("duration: {} of a calendar: 1w, 1M, 1Q or 1Y", quoted(duration)));
  }
  constexpr std::array<std::string_view, 2> kKeys{"startTime", "timeZone"};
  if (!node.IsDefined() || !node.IsMap() || !node["startTime"].IsDefined()) {
    return fields.error(window, "E_WINDOW",
                        "a window that is not rolling needs calendar: {startTime, timeZone}");
  }
  fields.check_keys(node, kKeys);
  const auto text = fields.text(node["startTime"], "E_WINDOW", "startTime");
  if (!text) return;
  const auto start = local_time(*text);
  if (!start) {
    return fields.error(
        node["startTime"], "E_WINDOW",
        fmt::format("startTime: {} is no time such as 2026-01-05 00:00:00", quoted(*text)));
  }
  Calendar calendar{*unit, "UTC", 1};
  if (const YAML::Node zone = node["timeZone"]; zone.IsDefined()) {
    calendar.tz = fields.zone(zone, "timeZone").value_or("UTC");
  }
  if (!begins(*unit, *start)) {
    return fields.error(
        node["startTime"], "E_UNSUPPORTED",
        fmt::format("startTime: {} does not begin a {}: that is midnight of {}", quoted(*text),
                    to_string(*unit), *unit == Calendar::Unit::week ? "a Monday" : "the first"));
  }
  // Quarters that begin in February also begin in May: the year of them may begin in either.
  if (*unit == Calendar::Unit::quarter) calendar.fiscal_start = (start->month() - 1) % 3 + 1;
  if (*unit == Calendar::Unit::year) calendar.fiscal_start = start->month();
  out.calendar = calendar;
  out.window_ms = slo::nominal_length(*unit);
}

void read_rolling(SloFields& fields, const YAML::Node& node, const std::string& duration,
                  slo::Definition& out) {
  if (duration.ends_with('M') || duration.ends_with('Q') || duration.ends_with('Y')) {
    return fields.error(node, "E_UNSUPPORTED",
                        fmt::format("duration: {} rolling has no fixed length: write 30d, for "
                                    "example, or isRolling: false with a calendar",
                                    quoted(duration)));
  }
  if (const auto length = fields.duration(node, "E_WINDOW", "duration")) out.window_ms = *length;
}

}  // namespace

void read_openslo_window(SloFields& fields, const YAML::Node& spec, slo::Definition& out) {
  const YAML::Node windows = spec["timeWindow"];
  if (!windows.IsDefined() || !windows.IsSequence() || windows.size() != 1 || !windows[0].IsMap()) {
    return fields.error(windows.IsDefined() ? windows : spec, "E_WINDOW",
                        "timeWindow: a list of one window");
  }
  const YAML::Node window = windows[0];
  constexpr std::array<std::string_view, 3> kKeys{"duration", "isRolling", "calendar"};
  fields.check_keys(window, kKeys);
  if (!window["duration"].IsDefined()) {
    return fields.error(window, "E_WINDOW", "timeWindow: duration is required");
  }
  const auto duration = fields.text(window["duration"], "E_WINDOW", "duration");
  if (!duration) return;
  const YAML::Node rolling = window["isRolling"];
  const bool rolls = rolling.IsDefined() ? rolling.IsScalar() && rolling.Scalar() == "true"
                                         : !window["calendar"].IsDefined();
  if (rolls) return read_rolling(fields, window["duration"], *duration, out);
  read_calendar(fields, window, *duration, out);
}

}  // namespace hygge::formats
