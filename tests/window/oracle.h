// An independent evaluator: each window anew, straight from the definitions, in long double where
// rounding matters. It shares no code with src/window but the names of the functions.
#pragma once

#include <hygge/time.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "window/function.h"

namespace hygge::test {

struct Samples {
  std::vector<TimeMs> t;
  std::vector<double> v;

  void add(TimeMs t_ms, double value) {
    t.push_back(t_ms);
    v.push_back(value);
  }
};

/// A value, and how far from it an answer may lie: 0 where it must be equal (NaN to NaN).
struct Expected {
  double value;
  double bound = 0;
  bool squared = false;     ///< the bound is one on squares
  bool not_finite = false;  ///< any NaN or infinity will do

  [[nodiscard]] bool fits(double x) const {
    if (not_finite) return !std::isfinite(x);
    if (std::isnan(value) || std::isnan(x)) return std::isnan(value) && std::isnan(x);
    if (value == x) return true;
    return squared ? std::fabs(x * x - value * value) <= bound : std::fabs(x - value) <= bound;
  }
};

class Oracle {
 public:
  Oracle(const windows::Spec& spec, const Samples& in, TimeMs at_ms, DurationMs offset_ms = 0)
      : spec_(spec), at_ms_(at_ms), until_(at_ms - offset_ms), after_(until_ - spec.range_ms) {
    for (std::size_t i = 0; i < in.t.size(); ++i) {
      if (in.t[i] <= until_) (in.t[i] > after_ ? window_ : before_).add(in.t[i], in.v[i]);
    }
    for (const double x : window_.v) {
      finite_ = finite_ && std::isfinite(x);
      size_ += std::fabs(x);
      largest_ = std::max(largest_, std::fabs(x));
      integers_ = integers_ && is_small_integer(x);
      sum_ += static_cast<long double>(x);
    }
    if (!before_.v.empty()) size_ += std::fabs(before_.v.back());
  }

  [[nodiscard]] std::optional<Expected> answer() const {
    using windows::Function;
    const std::vector<double>& v = window_.v;
    if (v.empty()) return std::nullopt;
    const auto n = static_cast<double>(v.size());
    switch (spec_.function) {
      case Function::last:
        return Expected{v.back()};
      case Function::first:
        return Expected{v.front()};
      case Function::count:
        return Expected{n};
      case Function::present:
        return Expected{1};
      case Function::sum:
        return total(1);
      case Function::avg:
        return total(n);
      case Function::min:
        return Expected{extreme(-1)};
      case Function::max:
        return Expected{extreme(1)};
      case Function::stdvar:
        return Expected{variance(), 1e-12 * largest_ * largest_};
      case Function::stddev:
        return Expected{std::sqrt(variance()), 1e-12 * largest_ * largest_, true};
      case Function::quantile:
        return Expected{quantile()};
      case Function::changes:
      case Function::resets:
        return Expected{transitions()};
      case Function::increase:
        return increase(1);
      case Function::rate:
        return increase(static_cast<double>(spec_.range_ms) / 1000);
      case Function::delta:
        return delta();
      case Function::irate:
      case Function::idelta:
        return last_two();
      case Function::deriv:
      case Function::predict_linear:
        return regression();
      case Function::prom_rate:
      case Function::prom_increase:
      case Function::prom_delta:
        return extrapolated();
      case Function::first_time:
        return Expected{static_cast<double>(window_.t.front()) / 1000};
      case Function::last_time:
        return Expected{static_cast<double>(window_.t.back()) / 1000};
      case Function::min_time:
        return Expected{time_of(extreme(-1))};
      case Function::max_time:
        return Expected{time_of(extreme(1))};
      case Function::newest:
      case Function::newest_time:
        return std::nullopt;  // not of samples without markers
    }
    return std::nullopt;
  }

 private:
  static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  static constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

  // So small that sums of them are exact.
  static bool is_small_integer(double x) { return x == std::floor(x) && std::fabs(x) < 1e12; }

  // Sums of compensated additions: an ulp or two of the result, and n²ε² of what was added.
  [[nodiscard]] Expected total(double by) const {
    const auto n = static_cast<double>(window_.v.size());
    const auto value = static_cast<double>(sum_ / static_cast<long double>(by));
    if (!finite_) return {value};
    return {value, 2 * kEpsilon * std::fabs(value) + n * 0x1p-63 * size_ / by};
  }

  [[nodiscard]] double extreme(int sign) const {
    std::vector<double> numbers;
    for (const double x : window_.v) {
      if (!std::isnan(x)) numbers.push_back(sign * x);
    }
    return numbers.empty() ? kNan : sign * *std::max_element(numbers.begin(), numbers.end());
  }

  // The last sample of this value.
  [[nodiscard]] double time_of(double value) const {
    for (std::size_t i = window_.v.size(); i-- > 0;) {
      const bool both_nan = std::isnan(value) && std::isnan(window_.v[i]);
      if (both_nan || window_.v[i] == value) return static_cast<double>(window_.t[i]) / 1000;
    }
    return kNan;
  }

  [[nodiscard]] double variance() const {
    if (!finite_) return kNan;
    const auto n = static_cast<long double>(window_.v.size());
    long double m2 = 0;
    for (const double x : window_.v) m2 += (x - sum_ / n) * (x - sum_ / n);
    return static_cast<double>(m2 / n);
  }

  [[nodiscard]] double quantile() const {
    const double q = spec_.parameter;
    if (std::isnan(q)) return kNan;
    if (q < 0 || q > 1) return std::copysign(std::numeric_limits<double>::infinity(), q);
    std::vector<double> sorted = window_.v;
    const auto numbers =
        std::partition(sorted.begin(), sorted.end(), [](double x) { return std::isnan(x); });
    std::sort(numbers, sorted.end());
    const double rank = q * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    const double part = rank - static_cast<double>(low);
    const double above = low + 1 < sorted.size() ? sorted[low + 1] : sorted[low];
    return sorted[low] * (1 - part) + above * part;
  }

  [[nodiscard]] double transitions() const {
    double count = 0;
    for (std::size_t i = 1; i < window_.v.size(); ++i) {
      const double a = window_.v[i - 1];
      const double b = window_.v[i];
      const bool same = a == b || (std::isnan(a) && std::isnan(b));
      count += spec_.function == windows::Function::resets ? b < a : !same;
    }
    return count;
  }

  // Step by step, over the finite values.
  [[nodiscard]] std::optional<Expected> increase(double by) const {
    std::optional<std::pair<TimeMs, double>> previous;
    for (std::size_t i = 0; i < before_.v.size(); ++i) {
      if (std::isfinite(before_.v[i])) previous = {before_.t[i], before_.v[i]};
    }
    long double sum = 0;
    double size = previous ? std::fabs(previous->second) : 0;
    bool any = false;
    bool integers = !previous || is_small_integer(previous->second);
    for (std::size_t i = 0; i < window_.v.size(); ++i) {
      const double x = window_.v[i];
      if (!std::isfinite(x)) continue;
      if (previous && window_.t[i] - previous->first <= spec_.lookback_ms) {
        sum += x < previous->second ? x : static_cast<long double>(x) - previous->second;
      }
      previous = {window_.t[i], x};
      any = true;
      size += std::fabs(x);
      integers = integers && is_small_integer(x);
    }
    if (!any) return std::nullopt;
    const double value = static_cast<double>(sum) / by;
    return Expected{value, integers ? 0 : 1e-12 * size / by};
  }

  [[nodiscard]] Expected delta() const {
    const bool counts =
        !before_.t.empty() && window_.t.front() - before_.t.back() <= spec_.lookback_ms;
    return {window_.v.back() - (counts ? before_.v.back() : window_.v.front())};
  }

  [[nodiscard]] std::optional<Expected> last_two() const {
    if (window_.v.size() < 2) return std::nullopt;
    const double a = window_.v[window_.v.size() - 2];
    const double b = window_.v.back();
    if (spec_.function == windows::Function::idelta) return Expected{b - a};
    const auto ms = static_cast<double>(window_.t.back() - window_.t[window_.t.size() - 2]);
    return Expected{(b < a ? b : b - a) / (ms / 1000)};
  }

  [[nodiscard]] std::optional<Expected> regression() const {
    const std::vector<double>& v = window_.v;
    if (v.size() < 2) return std::nullopt;
    const bool deriv = spec_.function == windows::Function::deriv;
    if (std::all_of(v.begin(), v.end(), [&](double x) { return x == v[0]; })) {
      return Expected{std::isinf(v[0]) ? kNan : deriv ? 0 : v[0]};
    }
    if (!finite_) return Expected{.value = kNan, .not_finite = true};
    const auto n = static_cast<long double>(v.size());
    const TimeMs origin_ms = deriv ? window_.t[0] : at_ms_;
    long double t_sum = 0;
    long double reach = 0;
    for (const TimeMs t : window_.t) {
      const long double x = static_cast<long double>(t - origin_ms) / 1000;
      t_sum += x;
      reach = std::max(reach, std::fabs(x));
    }
    long double tt = 0;
    long double tv = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      const long double x = static_cast<long double>(window_.t[i] - origin_ms) / 1000 - t_sum / n;
      tt += x * x;
      tv += x * (v[i] - sum_ / n);
    }
    const long double slope = tv / tt;
    // What rounding of Σtv and Σt² does to their differences, and these to the slope.
    const long double loose =
        1e-14L * n * (reach * largest_ + std::fabs(slope) * reach * reach) / tt;
    if (deriv) return Expected{static_cast<double>(slope), static_cast<double>(loose)};
    const auto ahead = static_cast<long double>(spec_.parameter);
    const long double value = sum_ / n + slope * (ahead - t_sum / n);
    return Expected{static_cast<double>(value),
                    static_cast<double>(loose * (reach + std::fabs(ahead)) + 1e-14L * largest_)};
  }

  // The rules of Prometheus' documentation, one by one.
  [[nodiscard]] std::optional<Expected> extrapolated() const {
    const std::vector<double>& v = window_.v;
    if (v.size() < 2) return std::nullopt;
    const bool counter = spec_.function != windows::Function::prom_delta;
    double change = v.back() - v.front();
    for (std::size_t i = 1; i < v.size(); ++i) {
      if (counter && v[i] < v[i - 1]) change += v[i - 1];
    }
    const double covered = static_cast<double>(window_.t.back() - window_.t.front()) / 1000;
    const double gap = covered / static_cast<double>(v.size() - 1);
    const auto edge = [gap](DurationMs ms) {
      const double to_edge = static_cast<double>(ms) / 1000;
      return to_edge < gap * 1.1 ? to_edge : gap / 2;
    };
    double left = edge(window_.t.front() - after_);
    const double right = edge(until_ - window_.t.back());
    if (counter && change > 0 && v.front() >= 0) {
      const double to_zero = covered * (v.front() / change);
      if (to_zero < left) left = to_zero;
    }
    double factor = (covered + left + right) / covered;
    if (spec_.function == windows::Function::prom_rate) {
      factor /= static_cast<double>(spec_.range_ms) / 1000;
    }
    const double value = change * factor;
    // Bit-equal as long as the order in which resets are added does not matter.
    return Expected{value, integers_ || !finite_ ? 0 : 1e-12 * size_ * factor};
  }

  windows::Spec spec_;
  TimeMs at_ms_;
  TimeMs until_;
  TimeMs after_;
  Samples window_;
  Samples before_;
  bool finite_ = true;
  bool integers_ = true;
  double size_ = 0;     ///< Σ|v|, the sample before included
  double largest_ = 0;  ///< max |v|
  long double sum_ = 0;
};

}  // namespace hygge::test
