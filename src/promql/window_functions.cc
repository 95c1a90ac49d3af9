// Functions of range vectors that are computed anew for each window: their windows are short or
// their state cannot be carried on.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "promql/evaluator.h"
#include "promql/functions.h"
#include "window/function.h"

namespace hygge::promql {

namespace {

// One window, not empty, and the scalar arguments at its step.
struct Window {
  std::span<const TimeMs> t;
  std::span<const double> v;
  std::span<const double> parameters;
};

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return windows::quantile_of_sorted(0.5, values);
}

std::optional<double> median_deviation(const Window& window) {
  std::vector<double> values(window.v.begin(), window.v.end());
  if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double middle = median(values);
  for (double& value : values) value = std::abs(value - middle);
  return median(values);
}

// Holt's linear method: a level and a trend, each smoothed by its factor.
std::optional<double> double_smoothing(const Window& window) {
  if (window.v.size() < 2) return std::nullopt;
  const double level_factor = window.parameters[0];
  const double trend_factor = window.parameters[1];
  double before = 0;
  double level = window.v[0];
  double trend = window.v[1] - window.v[0];
  for (std::size_t i = 1; i < window.v.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
    const double next = level_factor * window.v[i] + (1 - level_factor) * (level + trend);
    before = std::exchange(level, next);
  }
  return level;
}

using WindowCompute = std::optional<double> (*)(const Window&);
struct WindowRow {
  std::string_view name;
  WindowCompute function;
};
constexpr WindowRow kWindowFunctions[] = {
    {"mad_over_time", median_deviation},
    {"double_exponential_smoothing", double_smoothing},
};

WindowCompute function_of(std::string_view name) {
  const auto* at = std::find_if(std::begin(kWindowFunctions), std::end(kWindowFunctions),
                                [name](const WindowRow& row) { return row.name == name; });
  HYGGE_ASSERT(at != std::end(kWindowFunctions));
  return at->function;
}

Result<void> check_factors(Evaluator& evaluator, const Call& call,
                           const std::vector<Scalar>& parameters) {
  constexpr std::string_view kWhat[] = {"smoothing factor. Expected: 0 < sf < 1",
                                        "trend factor. Expected: 0 < tf < 1"};
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    for (const double factor : parameters[p].values()) {
      if (factor > 0 && factor < 1) continue;
      return evaluator.error(*call.arguments[p + 1],
                             fmt::format("invalid {}, got: {:f}", kWhat[p], factor));
    }
  }
  return {};
}

}  // namespace

Result<void> window_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& call = std::get<Call>(node.form);
  const WindowCompute function = function_of(call.function->name);
  std::vector<Scalar> parameters;
  for (std::size_t i = 1; i < call.arguments.size(); ++i) {
    auto values = evaluator.scalar(*call.arguments[i]);
    if (!values) return tl::unexpected(std::move(values.error()));
    parameters.push_back(std::move(*values));
  }
  if (auto good = check_factors(evaluator, call, parameters); !good) return good;
  const auto fill = [&](const SeriesData& series, const WindowAt& window_at, Row& row) {
    std::vector<double> at_step(parameters.size());
    for (std::size_t step = 0; step < evaluator.steps(); ++step) {
      const SeriesData window = window_at(series, step);
      if (window.t.empty()) continue;
      for (std::size_t p = 0; p < parameters.size(); ++p) at_step[p] = parameters[p][step];
      if (const auto value = function({window.t, window.v, at_step})) row.set(step, *value);
    }
  };
  return windowed_rows(evaluator, *call.arguments[0], fill, sink);
}

}  // namespace hygge::promql
