#include "promql/functions.h"

#include <algorithm>

namespace hygge::promql {

namespace {

using K = FunctionKind;
constexpr ValueType kV = ValueType::vector;
constexpr ValueType kM = ValueType::matrix;
constexpr ValueType kS = ValueType::scalar;
constexpr ValueType kT = ValueType::string;

constexpr Function kFunctions[] = {
    // Scalars
    {"time", K::time, kS, 0, {}, 0},
    {"pi", K::pi, kS, 0, {}, 0},
    {"scalar", K::scalar, kS, 1, {kV}, 0},
    {"vector", K::vector, kV, 1, {kS}, 0},
    {"start", K::query_time, kS, 0, {}, 0},
    {"end", K::query_time, kS, 0, {}, 0},
    {"range", K::query_time, kS, 0, {}, 0},
    {"step", K::query_time, kS, 0, {}, 0},
    {"max_of", K::extreme_of, kS, 2, {kS, kS}, 0},
    {"min_of", K::extreme_of, kS, 2, {kS, kS}, 0},
    // Per sample
    {"abs", K::elementwise, kV, 1, {kV}, 0},
    {"ceil", K::elementwise, kV, 1, {kV}, 0},
    {"floor", K::elementwise, kV, 1, {kV}, 0},
    {"exp", K::elementwise, kV, 1, {kV}, 0},
    {"ln", K::elementwise, kV, 1, {kV}, 0},
    {"log2", K::elementwise, kV, 1, {kV}, 0},
    {"log10", K::elementwise, kV, 1, {kV}, 0},
    {"sqrt", K::elementwise, kV, 1, {kV}, 0},
    {"sgn", K::elementwise, kV, 1, {kV}, 0},
    {"deg", K::elementwise, kV, 1, {kV}, 0},
    {"rad", K::elementwise, kV, 1, {kV}, 0},
    {"sin", K::elementwise, kV, 1, {kV}, 0},
    {"cos", K::elementwise, kV, 1, {kV}, 0},
    {"tan", K::elementwise, kV, 1, {kV}, 0},
    {"asin", K::elementwise, kV, 1, {kV}, 0},
    {"acos", K::elementwise, kV, 1, {kV}, 0},
    {"atan", K::elementwise, kV, 1, {kV}, 0},
    {"sinh", K::elementwise, kV, 1, {kV}, 0},
    {"cosh", K::elementwise, kV, 1, {kV}, 0},
    {"tanh", K::elementwise, kV, 1, {kV}, 0},
    {"asinh", K::elementwise, kV, 1, {kV}, 0},
    {"acosh", K::elementwise, kV, 1, {kV}, 0},
    {"atanh", K::elementwise, kV, 1, {kV}, 0},
    {"round", K::round, kV, 2, {kV, kS}, 1},
    {"clamp", K::clamp, kV, 3, {kV, kS, kS}, 0},
    {"clamp_min", K::clamp_min, kV, 2, {kV, kS}, 0},
    {"clamp_max", K::clamp_max, kV, 2, {kV, kS}, 0},
    // Dates
    {"minute", K::date, kV, 2, {kV, kT}, 2},
    {"hour", K::date, kV, 2, {kV, kT}, 2},
    {"day_of_week", K::date, kV, 2, {kV, kT}, 2},
    {"day_of_month", K::date, kV, 2, {kV, kT}, 2},
    {"day_of_year", K::date, kV, 2, {kV, kT}, 2},
    {"days_in_month", K::date, kV, 2, {kV, kT}, 2},
    {"month", K::date, kV, 2, {kV, kT}, 2},
    {"year", K::date, kV, 2, {kV, kT}, 2},
    {"timestamp", K::timestamp, kV, 1, {kV}, 0},
    {"start_timestamp", K::unsupported, kV, 1, {kV}, 0},
    // Labels and order
    {"label_replace", K::label_replace, kV, 5, {kV, kT, kT, kT, kT}, 0},
    {"label_join", K::label_join, kV, 4, {kV, kT, kT, kT}, -1},
    {"sort", K::sort, kV, 1, {kV}, 0},
    {"sort_desc", K::sort, kV, 1, {kV}, 0},
    {"sort_by_label", K::sort_by_label, kV, 2, {kV, kT}, -1},
    {"sort_by_label_desc", K::sort_by_label, kV, 2, {kV, kT}, -1},
    {"absent", K::absent, kV, 1, {kV}, 0},
    {"info", K::info, kV, 2, {kV, kV}, 1},
    // Counters
    {"rate", K::range, kV, 1, {kM}, 0},
    {"increase", K::range, kV, 1, {kM}, 0},
    {"delta", K::range, kV, 1, {kM}, 0},
    {"irate", K::range, kV, 1, {kM}, 0},
    {"idelta", K::range, kV, 1, {kM}, 0},
    {"resets", K::range, kV, 1, {kM}, 0},
    {"changes", K::range, kV, 1, {kM}, 0},
    // Statistics
    {"avg_over_time", K::range, kV, 1, {kM}, 0},
    {"sum_over_time", K::range, kV, 1, {kM}, 0},
    {"min_over_time", K::range, kV, 1, {kM}, 0},
    {"max_over_time", K::range, kV, 1, {kM}, 0},
    {"count_over_time", K::range, kV, 1, {kM}, 0},
    {"last_over_time", K::range, kV, 1, {kM}, 0},
    {"first_over_time", K::range, kV, 1, {kM}, 0},
    {"present_over_time", K::range, kV, 1, {kM}, 0},
    {"absent_over_time", K::absent_over_time, kV, 1, {kM}, 0},
    {"quantile_over_time", K::range, kV, 2, {kS, kM}, 0},
    {"stddev_over_time", K::range, kV, 1, {kM}, 0},
    {"stdvar_over_time", K::range, kV, 1, {kM}, 0},
    {"mad_over_time", K::window, kV, 1, {kM}, 0},
    {"ts_of_first_over_time", K::range, kV, 1, {kM}, 0},
    {"ts_of_last_over_time", K::range, kV, 1, {kM}, 0},
    {"ts_of_min_over_time", K::range, kV, 1, {kM}, 0},
    {"ts_of_max_over_time", K::range, kV, 1, {kM}, 0},
    // Regression
    {"deriv", K::range, kV, 1, {kM}, 0},
    {"predict_linear", K::range, kV, 2, {kM, kS}, 0},
    {"double_exponential_smoothing", K::window, kV, 3, {kM, kS, kS}, 0},
    // Ours
    {"topk_range", K::topk_range, kV, 4, {kS, kT, kV, kT}, 1},
    // Histograms
    {"histogram_quantile", K::histogram_quantile, kV, 2, {kS, kV}, 0},
    {"histogram_quantiles", K::histogram_quantiles, kV, 3, {kV, kT, kS}, -1},
    {"histogram_fraction", K::histogram_fraction, kV, 3, {kS, kS, kV}, 0},
    {"histogram_count", K::unsupported, kV, 1, {kV}, 0},
    {"histogram_sum", K::unsupported, kV, 1, {kV}, 0},
    {"histogram_avg", K::unsupported, kV, 1, {kV}, 0},
    {"histogram_stddev", K::unsupported, kV, 1, {kV}, 0},
    {"histogram_stdvar", K::unsupported, kV, 1, {kV}, 0},
};

}  // namespace

const Function* find_function(std::string_view name) noexcept {
  const auto* at = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                [name](const Function& f) { return f.name == name; });
  return at == std::end(kFunctions) ? nullptr : at;
}

const Function& function_without_zone(std::string_view name) noexcept {
  static constexpr Function kPlain[] = {
      {"minute", K::date, kV, 1, {kV}, 1},      {"hour", K::date, kV, 1, {kV}, 1},
      {"day_of_week", K::date, kV, 1, {kV}, 1}, {"day_of_month", K::date, kV, 1, {kV}, 1},
      {"day_of_year", K::date, kV, 1, {kV}, 1}, {"days_in_month", K::date, kV, 1, {kV}, 1},
      {"month", K::date, kV, 1, {kV}, 1},       {"year", K::date, kV, 1, {kV}, 1},
  };
  return *std::find_if(std::begin(kPlain), std::end(kPlain) - 1,
                       [name](const Function& f) { return f.name == name; });
}

std::span<const Function> all_functions() noexcept { return kFunctions; }

}  // namespace hygge::promql
