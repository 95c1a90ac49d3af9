// The keys of an SLO made of others: composite, of.
#pragma once

#include <hygge/slo.h>
#include <yaml-cpp/yaml.h>

#include <span>

#include "formats/slo_fields.h"

namespace hygge::formats {

/// Whether a document is that of a composite.
[[nodiscard]] bool is_composite(const YAML::Node& document);

/// Sets composite, components, step and method; components are looked up by name in `known`.
void read_composite(SloFields& fields, const YAML::Node& document,
                    std::span<const slo::Definition> known, slo::Definition& out);

}  // namespace hygge::formats
