// The alert rules of a definition: `alerts`, and `min_bad` and `significance` for all of them.
#pragma once

#include <hygge/slo.h>
#include <yaml-cpp/yaml.h>

#include "formats/slo_fields.h"

namespace hygge::formats {

/// Sets definition.alerts; window, step and objective are known by then.
void read_alerts(SloFields& fields, const YAML::Node& document, slo::Definition& definition);

/// Adds one rule: {spend: 2%, long: 1h, short: 5m, as: page}.
void read_alert(SloFields& fields, const YAML::Node& node, slo::Definition& definition);

}  // namespace hygge::formats
