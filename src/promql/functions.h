// PromQL's functions: names and signatures.
#pragma once

#include <hygge/promql.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hygge::promql {

/// How a function is evaluated.
enum class FunctionKind : std::uint8_t {
  unsupported,  ///< known, not evaluated yet
  range,        ///< one series' window to one value, carried from step to step
  window,       ///< the same, anew at each step
  absent_over_time,
  elementwise,  ///< double to double
  round,
  clamp,
  clamp_min,
  clamp_max,
  date,  ///< of a time in seconds; without argument, of the step's
  timestamp,
  time,
  pi,
  scalar,
  vector,
  absent,
  sort,
  sort_by_label,
  label_replace,
  label_join,
  histogram_quantile,
  histogram_quantiles,
  histogram_fraction,
  info,
  query_time,  ///< start(), end(), range(), step()
  extreme_of,  ///< max_of, min_of
  topk_range,
};

struct Function {
  std::string_view name;
  FunctionKind kind = FunctionKind::unsupported;
  ValueType returns = ValueType::vector;
  std::size_t argument_count = 0;  ///< of `arguments`, optional ones included
  std::array<ValueType, 5> arguments{};
  /// 0: all arguments are needed; n > 0: the last n may be left out; −1: the last may be repeated
  /// or left out.
  int variadic = 0;

  [[nodiscard]] std::size_t least_arguments() const noexcept {
    return argument_count - static_cast<std::size_t>(variadic < 0 ? 1 : variadic);
  }
};

/// Null for a name that is no function.
[[nodiscard]] const Function* find_function(std::string_view name) noexcept;
[[nodiscard]] std::span<const Function> all_functions() noexcept;
/// A date function as Prometheus has it.
[[nodiscard]] const Function& function_without_zone(std::string_view name) noexcept;

}  // namespace hygge::promql
