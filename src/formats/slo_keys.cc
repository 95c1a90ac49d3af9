#include "formats/slo_keys.h"

namespace hygge::formats {

namespace {

using V = SloValue;

constexpr bool kAlso = true;

constexpr std::array kDefinition = std::to_array<SloKey>({
    {"slo", V::name, "The name, unique over the files of a call.", {}, kAlso},
    {"service", V::text, "The service that makes the promise.", {}, kAlso},
    {"description", V::text, "What is promised, for people.", {}, kAlso},
    {"target", V::target, "The promise as a percentage, such as 99.9; exact.", {}, kAlso},
    {"window", V::window, "A duration, or a period of the calendar. Default: 30d.", {}, kAlso},
    {"bad", V::selector, "Events that count against the objective."},
    {"good", V::selector, "Events that count for the objective; instead of bad."},
    {"total", V::selector, "All events."},
    {"ok", V::test, "A test of a gauge, such as up == 1; instead of bad, good and total."},
    {"kind", V::word, "How samples become counts. Default: auto.", kKindWords},
    {"method", V::method, "What is counted. Default: occurrences."},
    {"step", V::duration, "The length of a slice; divides an hour. Default: 1m."},
    {"since", V::time, "The window begins no earlier.", {}, kAlso},
    {"lookback", V::duration, "How far a counter's step may reach back. Default: 1h."},
    {"delay", V::duration, "How late data comes. Default: 0s.", {}, kAlso},
    {"no_data", V::word, "What a slice without data counts as. Default: ignore.", kNoDataWords},
    {"idle", V::word, "What a slice without events counts as. Default: good.", kIdleWords},
    {"idle_when_absent", V::word, "Whether no sample means no event. Default: false.", kBoolWords},
    {"min_coverage", V::fraction, "Below it there is no verdict. Default: 0.9.", {}, kAlso},
    {"confidence", V::percent, "Of the interval. Default: 95.", {}, kAlso},
    {"alerts", V::alerts, "google, none, or a list of rules. Default: google.", {}, kAlso},
    {"min_bad", V::count, "Bad events that a rule needs. Default: 1.", {}, kAlso},
    {"significance", V::share, "How improbable at its threshold a rule needs it.", {}, kAlso},
    {"exclude", V::exclusions, "Times that do not count, or count as good."},
    {"composite", V::word, "How this SLO is made of others.", kHowWords, kAlso, true},
    {"of", V::parts, "The SLOs that it is made of.", {}, kAlso, true},
});
constexpr std::array kCalendar = std::to_array<SloKey>({
    {"calendar", V::word, "The period.", kUnitWords},
    {"tz", V::zone, "An IANA zone. Default: UTC."},
    {"fiscal_start", V::month, "The month in which the year begins. Default: 1."},
});
constexpr std::array kAlert = std::to_array<SloKey>({
    {"spend", V::percent, "Share of the budget that the long window may take."},
    {"factor", V::factor, "Burn rate above which it fires; instead of spend."},
    {"long", V::duration, "The long window."},
    {"short", V::duration, "The short window. Default: the long one."},
    {"as", V::word, "Default: page.", kAsWords},
    {"op", V::word, "Above, or at least. Default: gt.", kOpWords},
    {"min_bad", V::count, "Bad events in the long window that it needs. Default: 1."},
    {"significance", V::share, "How improbable at its threshold it needs it to be."},
});
constexpr std::array kExclusion = std::to_array<SloKey>({
    {"from", V::time, "Begins."},
    {"to", V::time, "Ends."},
    {"every", V::every, "Such as Sun 02:00-03:00 or daily 23:30-00:30; instead of from and to."},
    {"tz", V::zone, "Of every. Default: UTC."},
    {"why", V::text, "For people."},
    {"treat", V::word, "Leave it out, or count it as good.", kTreatWords},
});
constexpr std::array kPart = std::to_array<SloKey>({
    {"slo", V::name, "The name of another SLO of these files."},
    {"weight", V::factor, "Of composite: weighted. Default: 1."},
});

}  // namespace

std::span<const SloKey> definition_keys() noexcept { return kDefinition; }
std::span<const SloKey> calendar_keys() noexcept { return kCalendar; }
std::span<const SloKey> alert_keys() noexcept { return kAlert; }
std::span<const SloKey> exclusion_keys() noexcept { return kExclusion; }
std::span<const SloKey> part_keys() noexcept { return kPart; }

std::vector<std::string_view> names_of(std::span<const SloKey> keys) {
  std::vector<std::string_view> out;
  for (const SloKey& key : keys) out.push_back(key.name);
  return out;
}

std::vector<std::string_view> names_of_definition(bool composite) {
  std::vector<std::string_view> out;
  for (const SloKey& key : kDefinition) {
    if (composite ? key.of_composite : !key.only_composite) out.push_back(key.name);
  }
  return out;
}

}  // namespace hygge::formats
