// What is known about a metric beside its samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hygge {

enum class MetricType : std::uint8_t {
  unknown,
  counter,  ///< cumulative; a fall is a reset
  delta,    ///< what happened in the interval that ends at the sample's time
  gauge,
  histogram,
  gauge_histogram,
  summary,
  info,
  stateset,
};

/// "unknown", "counter", "delta", "gauge", "histogram", "gaugehistogram", "summary", "info",
/// "stateset".
[[nodiscard]] std::string_view to_string(MetricType type) noexcept;
/// The inverse; "untyped" is unknown. Empty for anything else.
[[nodiscard]] std::optional<MetricType> parse_metric_type(std::string_view text) noexcept;

/// Kept per metric family name.
struct Metadata {
  MetricType type = MetricType::unknown;
  std::string unit;
  std::string help;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

}  // namespace hygge
