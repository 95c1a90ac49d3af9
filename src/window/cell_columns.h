// The columns of a row of cells, as cell_row.h numbers them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hygge::windows {

enum Column : std::size_t {
  kIndex,
  kCount,
  kEndGap,
  kStartGap,
  kLastStep,
  kLastValue,
  kFirstValue,
  kBeforeValue,
  kFallen,
  kResets,
  kNoChanges,
  kStale,
  kMin,
  kMax,
  kMinPlace,
  kMinRest,
  kMaxPlace,
  kMaxRest,
  kSum,
  kM2,
  kTimeMean,
  kTimeM2,
  kTimeValueM2,
  kColumns,
};
inline constexpr std::size_t kBasicColumns = kMin;
inline constexpr std::size_t kSpreadColumns = kTimeMean;

inline constexpr std::uint8_t kHasSpread = 1;
inline constexpr std::uint8_t kHasRegression = 2;
inline constexpr std::uint8_t kHasSketch = 4;
inline constexpr std::uint8_t kPlainValues = 0xff;

/// Values that are integers where the row has a divisor.
[[nodiscard]] constexpr bool may_be_scaled(std::size_t column) noexcept {
  return (column >= kLastValue && column <= kFallen) || column == kMin || column == kMax;
}
[[nodiscard]] constexpr bool is_value(std::size_t column) noexcept {
  return may_be_scaled(column) || column >= kSum;
}

}  // namespace hygge::windows
