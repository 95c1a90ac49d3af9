#include <hygge/metadata.h>

#include <array>
#include <utility>

namespace hygge {

namespace {

constexpr std::array<std::pair<MetricType, std::string_view>, 9> kNames{{
    {MetricType::unknown, "unknown"},
    {MetricType::counter, "counter"},
    {MetricType::delta, "delta"},
    {MetricType::gauge, "gauge"},
    {MetricType::histogram, "histogram"},
    {MetricType::gauge_histogram, "gaugehistogram"},
    {MetricType::summary, "summary"},
    {MetricType::info, "info"},
    {MetricType::stateset, "stateset"},
}};

}  // namespace

std::string_view to_string(MetricType type) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == type) return name;
  }
  return "unknown";
}

std::optional<MetricType> parse_metric_type(std::string_view text) noexcept {
  if (text == "untyped") return MetricType::unknown;
  for (const auto& [value, name] : kNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace hygge
