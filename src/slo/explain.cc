// How a report came about: each number with the sum or the fraction that it is.
#include <fmt/format.h>
#include <hygge/slo.h>

namespace hygge::slo {

namespace {

std::uint32_t slices_of(const Counts& counts, State state) {
  return counts.slices[static_cast<std::size_t>(state)];
}

// What is counted: events, or slices.
const char* unit_of(const Definition& definition) {
  return definition.method == Method::occurrences ? "events" : "slices";
}

void say_selectors(const Definition& definition, std::vector<std::string>& out) {
  if (definition.composite) {
    for (const Composite::Part& part : definition.composite->of) {
      out.push_back(fmt::format("{:<9} {}, weight {}", to_string(definition.composite->how),
                                part.slo, part.weight.value()));
    }
    return;
  }
  if (definition.ok) {
    out.push_back(fmt::format("ok        {} {} {}", hygge::to_string(definition.total),
                              to_string(definition.ok->op), definition.ok->limit));
    return;
  }
  out.push_back(fmt::format("{}      {}", definition.part_is_good ? "good" : "bad ",
                            hygge::to_string(definition.part)));
  out.push_back(fmt::format("total     {}", hygge::to_string(definition.total)));
}

void say_counts(const Report& report, const Definition& definition, std::vector<std::string>& out) {
  const Counts& counts = report.counts;
  const char* how = definition.composite             ? "the slices of its components"
                    : definition.ok                  ? "samples, and those that fail"
                    : definition.kind == Kind::delta ? "sums of samples"
                                                     : "sums of steps between samples";
  if (definition.method == Method::occurrences) {
    out.push_back(fmt::format("counts    bad {}, total {}: {}", counts.bad, counts.total, how));
  } else {
    out.push_back(fmt::format("counts    bad {}, total {} slices; in each {}", counts.bad,
                              counts.total, how));
  }
  out.push_back(fmt::format("samples   {} resets, {} gaps longer than {}, {} series born",
                            counts.resets, counts.gaps, format_duration(definition.lookback_ms),
                            counts.born));
  out.push_back(fmt::format(
      "slices    {} measured, {} idle, {} without data, {} excluded; {} bridged, {} clamped",
      slices_of(counts, State::measured), slices_of(counts, State::idle),
      slices_of(counts, State::no_data), slices_of(counts, State::excluded), counts.bridged,
      counts.clamped));
  for (const ExclusionSum& sum : report.exclusions) {
    out.push_back(fmt::format("excluded  {} slices \"{}\": {} bad of {} events", sum.slices,
                              definition.exclusions[sum.exclusion].why, sum.bad, sum.total));
  }
}

std::string say_source(const TrackSource& source) {
  const std::string samples = fmt::format("{} samples", source.samples);
  if (source.tier_ms == 0) return fmt::format("read      {}", samples);
  return fmt::format("read      {} cells of {}, {}", source.cells, format_duration(source.tier_ms),
                     samples);
}

void say_budget(const Report& report, const Definition& definition, std::vector<std::string>& out) {
  const Counts& counts = report.counts;
  const Rational budget = definition.budget();
  out.push_back(fmt::format("SLI       ({} - {}) / {} = {}", counts.total, counts.bad, counts.total,
                            *report.sli));
  if (report.interval) {
    out.push_back(fmt::format("interval  {} % sure: {} ... {} (Wilson)",
                              definition.confidence.value() * 100, report.interval->low,
                              report.interval->high));
  }
  out.push_back(fmt::format("budget    1 - {}/{} = {}/{}; of {} {} {} may be bad",
                            definition.objective.num, definition.objective.den, budget.num,
                            budget.den, counts.total, unit_of(definition), *report.allowed));
  out.push_back(fmt::format("consumed  {} / {} = {}; remaining {}", counts.bad, *report.allowed,
                            *report.consumed, *report.remaining));
  if (report.consumed_projected && *report.consumed_projected != *report.consumed) {
    out.push_back(fmt::format("projected {} / {} = {}, if the whole window goes as its data",
                              counts.bad, *report.allowed_projected, *report.consumed_projected));
  }
}

std::string say_verdict(const Report& report, const Definition& definition) {
  const Rational budget = definition.budget();
  const auto fraction = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string("nothing");
  };
  std::string out =
      fmt::format("verdict   {}: {} of the slices judged, {} needed", to_string(report.verdict),
                  fraction(report.judged), definition.min_coverage.value());
  if (report.sli) {
    const Counts& counts = report.counts;
    out += fmt::format("; bad {} x {} {} total {} x {}", counts.bad, budget.den,
                       above(counts.bad, counts.total, budget, false) ? ">" : "<=", counts.total,
                       budget.num);
  }
  return out;
}

}  // namespace

std::vector<std::string> explain(const Report& report, const Definition& definition) {
  std::vector<std::string> out;
  out.push_back(fmt::format("window    ({}, {}], {} slices of {}",
                            format_time_utc(report.window.after),
                            format_time_utc(report.window.until),
                            (report.window.until - report.window.after) / definition.step_ms,
                            format_duration(definition.step_ms)));
  say_selectors(definition, out);
  say_counts(report, definition, out);
  out.push_back(say_source(report.source));
  if (report.sli) say_budget(report, definition, out);
  out.push_back(say_verdict(report, definition));
  return out;
}

}  // namespace hygge::slo
