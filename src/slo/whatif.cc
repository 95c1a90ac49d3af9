// Which promise would have held: each target and window over the whole history.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>

#include "slo/calendar.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

// "timeslices(5m, 99)", as it is written in a definition.
std::string method_text(const Definition& definition) {
  if (definition.composite) {
    return fmt::format("composite({})", to_string(definition.composite->how));
  }
  switch (definition.method) {
    case Method::occurrences:
      break;
    case Method::timeslices: {
      const Rational percent = definition.slice_target * Rational{100, 1};
      return fmt::format("timeslices({}, {})", format_duration(definition.step_ms),
                         percent.value());
    }
    case Method::ratio_timeslices:
      return fmt::format("ratio-timeslices({})", format_duration(definition.step_ms));
  }
  return "occurrences";
}

// The definition with the cell's promise, to be judged by whole windows only.
Definition with_cell(const Definition& definition, const Grid::Target& target,
                     const Grid::Window& window) {
  Definition out = definition;
  out.target_percent = target.percent;
  out.objective = target.objective;
  out.window_ms = window.window_ms;
  out.calendar = window.calendar;
  out.since_ms.reset();
  out.alerts = scaled(definition.alerts, window.window_ms);
  return out;
}

void judge(const Track& track, const Definition& cell, TimeMs end_ms, WhatIfRow& row) {
  const Report one = report(track, cell, end_ms);
  if (one.verdict == Verdict::insufficient) {
    ++row.insufficient;
    return;
  }
  ++row.windows;
  if (one.verdict == Verdict::met) ++row.met;
  // From the latest to the oldest: of equals the latest stays.
  if (row.worst_sli && *row.worst_sli <= *one.sli) return;
  row.worst_sli = one.sli;
  row.worst_at_ms = one.window.until;
  row.worst_consumed = one.consumed;
}

void judge_all(const Track& track, const Definition& cell, TimeRange range, DurationMs stride_ms,
               WhatIfRow& row) {
  if (!cell.calendar) {
    for (TimeMs end = range.until; end - cell.window_ms >= range.after; end -= stride_ms) {
      judge(track, cell, end, row);
    }
    return;
  }
  for (TimeMs end = range.until; end > range.after;) {
    const Window period = window_at(cell, end);
    if (period.judged.after < range.after) break;
    if (period.end_ms <= range.until) judge(track, cell, period.end_ms, row);
    end = period.judged.after;
  }
}

void count_alerts(const Track& track, const Definition& cell, TimeRange range, WhatIfRow& row) {
  const Policy policy{"own", cell.alerts};
  const std::vector<Firing> firings = replay(track, cell, policy, range);
  row.pages = alerts_of(firings, policy, "page").size();
  row.tickets = alerts_of(firings, policy, "ticket").size();
}

}  // namespace

Result<WhatIf> whatif(const Track& track, const Definition& definition, const Grid& grid,
                      TimeMs at_ms) {
  if (grid.stride_ms <= 0 || grid.stride_ms % definition.step_ms != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a stride of {} is no multiple of the step {} of SLO {}",
                            format_duration(grid.stride_ms), format_duration(definition.step_ms),
                            definition.name));
  }
  WhatIf out;
  const TimeMs until =
      std::min(slice_floor(std::clamp(at_ms, kMinTimeMs, kMaxTimeMs), definition.step_ms),
               track.range().until);
  TimeMs after = std::max(track.first_data_ms().value_or(until), track.range().after);
  for (const auto& bound : {grid.after_ms, definition.since_ms}) {
    if (bound) after = std::max(after, slice_end(*bound, definition.step_ms));
  }
  out.range = {std::min(after, until), until};
  for (const Grid::Target& target : grid.targets) {
    for (const Grid::Window& window : grid.windows) {
      const Definition cell = with_cell(definition, target, window);
      if (auto valid = validate(cell); !valid) return tl::unexpected<Error>(valid.error());
      WhatIfRow row;
      row.target = target;
      row.window = window;
      row.method = method_text(definition);
      judge_all(track, cell, out.range, grid.stride_ms, row);
      count_alerts(track, cell, out.range, row);
      out.rows.push_back(std::move(row));
    }
  }
  return out;
}

std::optional<double> WhatIfRow::met_ratio() const noexcept {
  if (windows == 0) return std::nullopt;
  return static_cast<double>(met) / static_cast<double>(windows);
}

const WhatIfRow* recommend(const WhatIf& whatif) noexcept {
  const WhatIfRow* best = nullptr;
  const auto less = [](const Rational& a, const Rational& b) { return a.value() < b.value(); };
  for (const WhatIfRow& row : whatif.rows) {
    constexpr std::uint64_t kOf = 20;  // 19 of 20: 95 %
    if (row.windows == 0 || row.met * kOf < row.windows * (kOf - 1)) continue;
    if (best == nullptr || less(best->target.objective, row.target.objective) ||
        (best->target.objective == row.target.objective &&
         best->window.window_ms < row.window.window_ms)) {
      best = &row;
    }
  }
  return best;
}

Definition with_method(const Definition& definition, const MethodChoice& choice) {
  Definition out = definition;
  out.method = choice.method;
  out.step_ms = choice.step_ms.value_or(definition.step_ms);
  out.slice_target = choice.slice_target;
  if (out.method == Method::occurrences) out.no_data = SliceRule::ignore;
  for (Exclusion& exclusion : out.exclusions) {
    if (!exclusion.treat_given) exclusion.as_good = out.method != Method::occurrences;
  }
  return out;
}

}  // namespace hygge::slo
