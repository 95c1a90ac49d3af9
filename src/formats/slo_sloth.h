// Definitions of Sloth, prometheus/v1.
#pragma once

#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <string>

namespace hygge::formats {

[[nodiscard]] bool is_sloth(const YAML::Node& document);

/// Adds a definition for each of its SLOs. What it says and we cannot is E_UNSUPPORTED.
void read_sloth_slos(SloFile& out, const YAML::Node& document, const std::string& file);

}  // namespace hygge::formats
