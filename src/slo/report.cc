// The report: a window judged.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/load.h"

namespace hygge::slo {

namespace {

std::uint32_t slices_of(const Counts& counts, State state) {
  return counts.slices[static_cast<std::size_t>(state)];
}

// num / den · x, in more digits than a double has.
double times(const Rational& r, double x) {
  return static_cast<double>(static_cast<long double>(r.num) * static_cast<long double>(x) /
                             static_cast<long double>(r.den));
}

double share(double bad, const Rational& budget, double total) {
  return static_cast<double>(
      static_cast<long double>(bad) * static_cast<long double>(budget.den) /
      (static_cast<long double>(budget.num) * static_cast<long double>(total)));
}

// judged >= min_coverage, exactly; equality passes.
bool covered(std::uint32_t judged, std::uint32_t slices, const Rational& min_coverage) {
  return static_cast<std::int64_t>(judged) * min_coverage.den >=
         static_cast<std::int64_t>(slices) * min_coverage.num;
}

void explain_insufficient(const Definition& definition, const Counts& counts, Report& out) {
  if (counts.total == 0) {
    out.notes.push_back("no event of `total` lies in the window");
  } else if (out.partial) {
    out.notes.push_back(fmt::format(
        "data begins at {}, inside the window: `since: {}` would judge from there",
        format_time_utc(out.effective_from_ms), format_time_utc(out.effective_from_ms)));
  } else {
    out.notes.push_back(fmt::format(
        "{} of {} slices have no data: a larger `step` if scrapes are further apart than {}, "
        "`idle_when_absent: true` if silence means no traffic, or a lower `min_coverage`",
        slices_of(counts, State::no_data),
        (out.window.until - out.window.after) / definition.step_ms,
        format_duration(definition.step_ms)));
  }
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::met:
      return "met";
    case Verdict::breached:
      return "breached";
    case Verdict::insufficient:
      break;
  }
  return "insufficient";
}

TimeRange report_range(const Definition& definition, TimeMs at_ms) {
  const TimeMs to = slice_floor(at_ms, definition.step_ms);
  TimeMs from = to - definition.window_ms;
  if (definition.since_ms) {
    from = std::clamp(slice_end(*definition.since_ms, definition.step_ms), from, to);
  }
  return {from, to};
}

Report report(const Track& track, const Definition& definition, TimeMs at_ms) {
  Report out;
  out.at_ms = at_ms;
  out.window = report_range(definition, at_ms);
  out.counts = track.sum(out.window);
  const Counts& counts = out.counts;
  const Rational budget = definition.budget();
  const TimeMs first = track.first_data_ms().value_or(out.window.until);
  out.effective_from_ms = std::clamp(first, out.window.after, out.window.until);
  out.partial = out.effective_from_ms > out.window.after;
  const auto slices =
      static_cast<std::uint32_t>((out.window.until - out.window.after) / definition.step_ms);
  const std::uint32_t judged = slices_of(counts, State::measured) + slices_of(counts, State::idle);
  out.coverage = slices == 0 ? 0 : static_cast<double>(judged) / slices;

  const auto step_s = static_cast<double>(definition.step_ms) / kSecondMs;
  out.allowed_s = times(budget, slices * step_s);
  if (counts.total > 0) {
    out.sli = (counts.total - counts.bad) / counts.total;
    out.interval = wilson(counts.total - counts.bad, counts.total, definition.confidence.value());
    out.allowed = times(budget, counts.total);
    out.consumed = share(counts.bad, budget, counts.total);
    out.remaining = 1 - *out.consumed;
    // W11: the part of the window without data is taken to go on as the rest.
    const auto elapsed = static_cast<double>(out.window.until - out.effective_from_ms);
    const double grown = static_cast<double>(out.window.until - out.window.after) / elapsed;
    out.allowed_projected = times(budget, counts.total * grown);
    out.consumed_projected = share(counts.bad, budget, counts.total * grown);
    out.spent_s = *out.consumed_projected * out.allowed_s;
  }
  if (counts.total == 0 || !covered(judged, slices, definition.min_coverage)) {
    out.verdict = Verdict::insufficient;
    explain_insufficient(definition, counts, out);
  } else {
    out.verdict = above(counts.bad, counts.total, budget, false) ? Verdict::breached : Verdict::met;
  }
  return out;
}

std::vector<std::string> explain(const Report& report, const Definition& definition) {
  const Counts& counts = report.counts;
  const Rational budget = definition.budget();
  std::vector<std::string> out;
  out.push_back(fmt::format("window    ({}, {}], {} slices of {}",
                            format_time_utc(report.window.after),
                            format_time_utc(report.window.until),
                            (report.window.until - report.window.after) / definition.step_ms,
                            format_duration(definition.step_ms)));
  out.push_back(fmt::format("{}       {}", definition.part_is_good ? "good" : "bad ",
                            hygge::to_string(definition.part)));
  out.push_back(fmt::format("total      {}", hygge::to_string(definition.total)));
  out.push_back(
      fmt::format("counts    bad {}, total {}: sums of steps between samples, {} resets, {} gaps, "
                  "{} series born",
                  counts.bad, counts.total, counts.resets, counts.gaps, counts.born));
  out.push_back(
      fmt::format("slices    {} measured, {} idle, {} without data, {} bridged, {} clamped",
                  slices_of(counts, State::measured), slices_of(counts, State::idle),
                  slices_of(counts, State::no_data), counts.bridged, counts.clamped));
  if (report.sli) {
    out.push_back(fmt::format("SLI       ({} - {}) / {} = {}", counts.total, counts.bad,
                              counts.total, *report.sli));
    out.push_back(fmt::format("budget    1 - {}/{} = {}/{}; of {} events {} may be bad",
                              definition.objective.num, definition.objective.den, budget.num,
                              budget.den, counts.total, *report.allowed));
    out.push_back(fmt::format("consumed  {} / {} = {}; remaining {}", counts.bad, *report.allowed,
                              *report.consumed, *report.remaining));
  }
  out.push_back(fmt::format(
      "verdict   {}: {} >= {} x {} slices covered{}", to_string(report.verdict), report.coverage,
      definition.min_coverage.value(),
      (report.window.until - report.window.after) / definition.step_ms,
      report.sli
          ? fmt::format(", bad x {} {} total x {}", budget.den,
                        above(counts.bad, counts.total, budget, false) ? ">" : "<=", budget.num)
          : ""));
  return out;
}

}  // namespace hygge::slo
