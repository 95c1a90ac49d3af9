// What OpenMetrics puts behind a family's name to name its samples.
#pragma once

#include <hygge/metadata.h>

#include <array>
#include <string_view>

namespace hygge::formats {

inline constexpr std::string_view kTotal = "_total";
inline constexpr std::array<std::string_view, 8> kSuffixes{
    kTotal, "_bucket", "_sum", "_count", "_created", "_gsum", "_gcount", "_info"};

/// Whether samples of a family of that type may end in `suffix`.
[[nodiscard]] constexpr bool has_suffix(MetricType type, std::string_view suffix) noexcept {
  switch (type) {
    case MetricType::counter:
      return suffix == kTotal || suffix == "_created";
    case MetricType::histogram:
      return suffix == "_bucket" || suffix == "_sum" || suffix == "_count" || suffix == "_created";
    case MetricType::gauge_histogram:
      return suffix == "_bucket" || suffix == "_gsum" || suffix == "_gcount";
    case MetricType::summary:
      return suffix == "_sum" || suffix == "_count" || suffix == "_created";
    case MetricType::info:
      return suffix == "_info";
    default:
      return false;
  }
}

}  // namespace hygge::formats
