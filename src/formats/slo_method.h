// The keys of a definition that have a grammar of their own: window, method, ok, exclude.
#pragma once

#include <hygge/slo.h>
#include <yaml-cpp/yaml.h>

#include "formats/slo_fields.h"

namespace hygge::formats {

/// `30d`, or `{calendar: month, tz: …, fiscal_start: …}`.
void read_window(SloFields& fields, const YAML::Node& node, slo::Definition& out);

/// `occurrences`, `timeslices(5m, 99)`, `ratio-timeslices(5m)`.
struct MethodKey {
  slo::Method method = slo::Method::occurrences;
  std::optional<DurationMs> length_ms;
  std::optional<slo::Rational> slice_target;
};
[[nodiscard]] MethodKey read_method(SloFields& fields, const YAML::Node& node);

/// `up{job="shop"} == 1`: sets ok, part and total.
void read_ok(SloFields& fields, const YAML::Node& node, slo::Definition& out);

/// A list of `{from, to, why, treat}` and `{every, tz, why, treat}`; the default of `treat` depends
/// on the method, which is known by then.
void read_exclusions(SloFields& fields, const YAML::Node& node, slo::Definition& out);

}  // namespace hygge::formats
