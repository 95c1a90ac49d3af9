// Reports of periods, one after the other, and a window in parts.
#include <hygge/slo.h>

#include <algorithm>

#include "slo/calendar.h"

namespace hygge::slo {

Definition with_calendar(const Definition& definition, const Calendar& calendar) {
  Definition out = definition;
  out.calendar = calendar;
  out.window_ms = nominal_length(calendar.unit);
  return out;
}

std::vector<Report> report_by(const Track& track, const Definition& definition,
                              const Calendar& calendar, std::size_t last, TimeMs at_ms) {
  std::vector<Report> out;
  const auto first = track.first_data_ms();
  if (!first) return out;
  const Definition period = with_calendar(definition, calendar);
  TimeMs at = at_ms;
  while (out.size() < last) {
    const Window window = window_at(period, at);
    if (window.judged.until <= *first || window.judged.empty()) break;
    out.push_back(report(track, period, at));
    at = window.judged.after;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Counts> parts_of(const Track& track, TimeRange window, std::size_t parts) {
  std::vector<Counts> out;
  const auto slices = static_cast<std::size_t>(
      window.empty() ? 0 : (window.until - window.after) / track.step_ms());
  const std::size_t count = std::min(parts, slices);
  const auto edge = [&](std::size_t i) {
    return window.after + static_cast<DurationMs>(slices * i / count) * track.step_ms();
  };
  for (std::size_t i = 0; i < count; ++i) out.push_back(track.sum({edge(i), edge(i + 1)}));
  return out;
}

}  // namespace hygge::slo
