// What a definition must fulfil before anything is worked out from it.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>

#include "slo/calendar.h"

namespace hygge::slo {

bool Test::holds(double v) const noexcept {
  switch (op) {
    case Op::lt:
      return v < limit;
    case Op::le:
      return v <= limit;
    case Op::gt:
      return v > limit;
    case Op::ge:
      return v >= limit;
    case Op::eq:
      return v == limit;
    case Op::ne:
      break;
  }
  return v != limit;
}

std::string window_text(DurationMs window_ms) {
  if (window_ms > 0 && window_ms % kDayMs == 0) return fmt::format("{}d", window_ms / kDayMs);
  return format_duration(window_ms);
}

std::string_view to_string(Test::Op op) noexcept {
  switch (op) {
    case Test::Op::lt:
      return "<";
    case Test::Op::le:
      return "<=";
    case Test::Op::gt:
      return ">";
    case Test::Op::ge:
      return ">=";
    case Test::Op::eq:
      return "==";
    case Test::Op::ne:
      break;
  }
  return "!=";
}

namespace {

std::string fault_of_parts(const Definition& definition) {
  const Composite& composite = *definition.composite;
  if (composite.of.empty() || composite.of.size() != definition.components.size()) {
    return "the composite has no components, or not all of them were found";
  }
  for (const Definition& component : definition.components) {
    if (component.composite) {
      return fmt::format("its component {} is a composite itself", component.name);
    }
    if (component.step_ms != definition.step_ms) {
      return fmt::format("its component {} has another step", component.name);
    }
    if (auto valid = validate(component); !valid) return valid.error().message;
  }
  if (!composite.has_slices() && !definition.alerts.empty()) {
    return fmt::format("alerts need slices, which composite: {} has not", to_string(composite.how));
  }
  return {};
}

std::string fault_of(const Definition& definition) {
  const DurationMs step = definition.step_ms;
  const auto whole = [&](DurationMs length) { return length > 0 && length % step == 0; };
  if (step <= 0 || kHourMs % step != 0) return "the step does not divide an hour";
  if (!whole(definition.window_ms) || definition.window_ms < 2 * step) {
    return "the window is not two steps or more";
  }
  if (definition.composite) {
    const std::string fault = fault_of_parts(definition);
    if (!fault.empty()) return fault;
  }
  if (definition.lookback_ms < 0) return "the lookback is negative";
  const Rational& objective = definition.objective;
  if (objective.num < 0 || objective.num >= objective.den) return "the objective is not in 0 ... 1";
  DurationMs longest = definition.window_ms;
  for (const AlertRule& rule : definition.alerts) {
    if (!whole(rule.long_ms) || !whole(rule.short_ms)) {
      return "an alert's windows are no multiples of the step";
    }
    longest = std::max(longest, rule.long_ms);
  }
  if (longest / step > kMaxSlices || definition.lookback_ms / step > kMaxSlices) {
    return fmt::format("a window of more than {} steps; take a larger step", kMaxSlices);
  }
  if (definition.calendar) {
    const Calendar& calendar = *definition.calendar;
    if (!is_zone(calendar.tz)) return fmt::format("unknown zone {}", calendar.tz);
    if (calendar.fiscal_start < 1 || calendar.fiscal_start > 12) {
      return "the year does not begin in a month 1 ... 12";
    }
    if (!step_fits(calendar, step)) {
      return fmt::format("days of {} do not begin at multiples of the step", calendar.tz);
    }
  }
  for (const Exclusion& exclusion : definition.exclusions) {
    if (exclusion.every && !is_zone(exclusion.every->tz)) {
      return fmt::format("unknown zone {}", exclusion.every->tz);
    }
  }
  return {};
}

}  // namespace

Result<void> validate(const Definition& definition) {
  std::string fault = fault_of(definition);
  if (fault.empty()) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("SLO {}: {}", definition.name, fault));
}

}  // namespace hygge::slo
