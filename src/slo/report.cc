// The report: a window judged.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/calendar.h"
#include "slo/composite.h"
#include "slo/slices.h"

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

// How many slices a window has, and how many of them were looked at.
struct Cover {
  std::int64_t slices = 0;   ///< without the excluded ones
  std::int64_t covered = 0;  ///< measured or idle
  std::int64_t judged = 0;   ///< and those that no_data: good or bad fills in

  [[nodiscard]] std::optional<double> part(std::int64_t count) const {
    if (slices == 0) return std::nullopt;
    return static_cast<double>(count) / static_cast<double>(slices);
  }
  // Exactly; equality passes.
  [[nodiscard]] bool enough(const Rational& min_coverage) const {
    return judged * min_coverage.den >= slices * min_coverage.num;
  }
};

Cover cover_of(const Track& track, const Definition& definition, const Report& report) {
  const Counts& counts = report.counts;
  Cover out;
  out.covered = slices_of(counts, State::measured) + std::int64_t{slices_of(counts, State::idle)};
  out.slices = out.covered + slices_of(counts, State::no_data);
  out.judged = out.covered;
  if (definition.no_data != SliceRule::ignore) {
    const Counts since = track.sum({report.effective_from_ms, report.window.until});
    out.judged += slices_of(since, State::no_data);
  }
  return out;
}

// Slices of the nominal window, and those that have gone by since the data begins; without the
// dropped ones.
struct Length {
  double nominal = 0;
  double elapsed = 0;
};

Length length_of(const Track& track, const Definition& definition, const Report& report) {
  const auto slices = [&](TimeMs from, TimeMs to) {
    return static_cast<double>((to - from) / track.step_ms());
  };
  const TimeMs to = report.window.until;
  Length out;
  out.nominal = slices(report.window.after, report.end_ms) - report.counts.dropped;
  for (const std::int32_t owner : excluded_slices(definition, {to, report.end_ms})) {
    if (owner >= 0 && !definition.exclusions[static_cast<std::size_t>(owner)].as_good) {
      out.nominal -= 1;
    }
  }
  out.elapsed =
      slices(report.effective_from_ms, to) - track.sum({report.effective_from_ms, to}).dropped;
  return out;
}

void set_budget(const Definition& definition, const Length& length, DurationMs step_ms,
                Report& out) {
  const Counts& counts = out.counts;
  const Rational budget = definition.budget();
  out.allowed_s = times(budget, length.nominal * static_cast<double>(step_ms) / kSecondMs);
  if (!(counts.total > 0)) return;
  out.sli = (counts.total - counts.bad) / counts.total;
  if (definition.method != Method::ratio_timeslices) {
    out.interval = wilson(counts.total - counts.bad, counts.total, definition.confidence.value());
  }
  out.allowed = times(budget, counts.total);
  out.consumed = share(counts.bad, budget, counts.total);
  out.remaining = 1 - *out.consumed;
  // What is still to come, or has no data, is taken to be as the rest.
  double projected = counts.total;
  if (definition.method != Method::occurrences) {
    projected = length.nominal;
  } else if (length.elapsed > 0) {
    projected = counts.total * (length.nominal / length.elapsed);
  }
  if (!(projected > 0)) return;
  out.allowed_projected = times(budget, projected);
  out.consumed_projected = share(counts.bad, budget, projected);
  out.spent_s = *out.consumed_projected * out.allowed_s;
}

void set_exclusions(const Track& track, const Definition& definition, Report& out) {
  double bad = out.counts.bad;
  double total = out.counts.total;
  for (const ExcludedSlice& slice : track.excluded(out.window)) {
    auto at =
        std::find_if(out.exclusions.begin(), out.exclusions.end(),
                     [&](const ExclusionSum& sum) { return sum.exclusion == slice.exclusion; });
    if (at == out.exclusions.end()) {
      at = out.exclusions.insert(at, ExclusionSum{slice.exclusion});
    }
    ++at->slices;
    at->bad += slice.bad;
    at->total += slice.total;
    bad += slice.plain_bad;
    total += slice.plain_total;
    if (definition.exclusions[slice.exclusion].as_good) {
      total -= definition.method == Method::occurrences ? slice.total : 1;
    }
  }
  std::sort(out.exclusions.begin(), out.exclusions.end(),
            [](const auto& a, const auto& b) { return a.exclusion < b.exclusion; });
  if (out.exclusions.empty()) {
    out.sli_without_exclusions = out.sli;
  } else if (total > 0) {
    out.sli_without_exclusions = (total - bad) / total;
  }
}

std::string why_insufficient(const Definition& definition, const Report& report) {
  const Counts& counts = report.counts;
  if (counts.total == 0) {
    if (report.window.empty()) return "`since` is later than the instant asked about";
    return "no event of `total` lies in the window";
  }
  if (report.partial) {
    const std::string from = format_time_utc(report.effective_from_ms);
    return fmt::format("data begins at {}, inside the window: `since: {}` would judge from there",
                       from, from);
  }
  return fmt::format(
      "{} of {} slices have no data: a larger `step` if scrapes are further apart than {}, "
      "`idle_when_absent: true` if silence means no traffic, or a lower `min_coverage`",
      slices_of(counts, State::no_data),
      (report.window.until - report.window.after) / definition.step_ms,
      format_duration(definition.step_ms));
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

namespace {

// Weighted and serial have no slices: the counts are one unit, part of which is bad, and the slices
// those of the component that is covered worst.
void set_whole(const Definition& definition, std::span<const Report> components, Report& out) {
  const Report* worst = &components[0];
  for (const Report& one : components) {
    if (one.coverage.value_or(1) < worst->coverage.value_or(1)) worst = &one;
  }
  out.counts = worst->counts;
  out.coverage = worst->coverage;
  out.judged = worst->judged;
  out.effective_from_ms = worst->effective_from_ms;
  out.partial = worst->partial;
  out.allowed_s =
      worst->allowed_s * definition.budget().value() /
      definition.components[static_cast<std::size_t>(worst - components.data())].budget().value();
  out.counts.bad = out.counts.total = 0;
  const auto error = window_error(*definition.composite, components);
  if (!error) return;
  out.counts.bad = std::clamp(*error, 0.0, 1.0);
  out.counts.total = 1;
  out.sli = 1 - out.counts.bad;
  out.allowed = out.allowed_projected = definition.budget().value();
  out.consumed = out.consumed_projected = share(out.counts.bad, definition.budget(), 1);
  out.remaining = 1 - *out.consumed;
  out.spent_s = *out.consumed * out.allowed_s;
  out.sli_without_exclusions.reset();
}

// The reports of the components over the composite's window; whether all have enough data.
bool judge_components(const Track& track, const Definition& definition, TimeMs at_ms,
                      std::vector<Report>& reports, Report& out) {
  bool enough = true;
  for (std::size_t i = 0; i < track.components().size(); ++i) {
    const Definition component = component_of(definition, i);
    reports.push_back(report(track.components()[i], component, at_ms));
    if (reports.back().verdict != Verdict::insufficient) continue;
    enough = false;
    for (const std::string& note : reports.back().notes) {
      out.notes.push_back(fmt::format("{}: {}", component.name, note));
    }
  }
  return enough;
}

}  // namespace

Report report(const Track& track, const Definition& definition, TimeMs at_ms) {
  Report out;
  out.at_ms = at_ms;
  const Window window = window_at(definition, at_ms);
  out.window = window.judged;
  out.end_ms = window.end_ms;
  out.counts = track.sum(out.window);
  out.source = track.source();
  const TimeMs first = track.first_data_ms().value_or(out.window.until);
  out.effective_from_ms = std::clamp(first, out.window.after, out.window.until);
  out.partial = out.effective_from_ms > out.window.after;

  Cover cover = cover_of(track, definition, out);
  out.coverage = cover.part(cover.covered);
  out.judged = cover.part(cover.judged);
  set_budget(definition, length_of(track, definition, out), track.step_ms(), out);
  set_exclusions(track, definition, out);
  bool enough = true;
  if (definition.composite && !track.components().empty()) {
    std::vector<Report> components;
    enough = judge_components(track, definition, at_ms, components, out);
    if (!definition.composite->has_slices()) {
      set_whole(definition, components, out);
      cover = {};  // that of the components has been judged
    }
  }
  if (!enough) {
    out.verdict = Verdict::insufficient;
  } else if (out.counts.total == 0 || !cover.enough(definition.min_coverage)) {
    out.verdict = Verdict::insufficient;
    out.notes.push_back(why_insufficient(definition, out));
  } else {
    out.verdict = above(out.counts.bad, out.counts.total, definition.budget(), false)
                      ? Verdict::breached
                      : Verdict::met;
  }
  return out;
}

}  // namespace hygge::slo
