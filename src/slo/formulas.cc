// Closed formulas of alerting and of small samples.
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

namespace hygge::slo {

std::optional<double> detect_seconds(const AlertRule& rule, const Rational& budget,
                                     double error_ratio) noexcept {
  const double threshold = (rule.factor * budget).value();
  if (!(error_ratio > threshold)) return std::nullopt;
  return threshold / error_ratio * static_cast<double>(rule.long_ms) / kSecondMs;
}

std::optional<double> reset_seconds(const AlertRule& rule, const Rational& budget,
                                    double error_ratio) noexcept {
  const double threshold = (rule.factor * budget).value();
  if (!(error_ratio > threshold)) return std::nullopt;
  return static_cast<double>(rule.short_ms) / kSecondMs * (1 - threshold / error_ratio);
}

std::optional<double> zero_failure_events(const Rational& objective) noexcept {
  if (objective.num == 0) return std::nullopt;
  return std::ceil(std::log(0.05) / std::log(objective.value()));
}

namespace {

// The z with P[|N(0, 1)| <= z] = confidence, by bisection on erf: exact enough for 1e-12 relative.
double two_sided_z(double confidence) {
  double low = 0;
  double high = 40;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

Interval wilson(double k, double n, double confidence) noexcept {
  const double z = two_sided_z(confidence);
  const double p = k / n;
  const double middle = p + z * z / (2 * n);
  const double spread = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (middle - spread) / scale), std::min(1.0, (middle + spread) / scale)};
}

double binomial_tail(double n, double p, double k) noexcept {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // The shorter tail is summed, each term from the one before it, starting from logarithms.
  const auto log_term = [&](double i) {
    return std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1) + i * std::log(p) +
           (n - i) * std::log1p(-p);
  };
  const bool upper = k > n * p;
  double sum = 0;
  if (upper) {
    double term = std::exp(log_term(k));
    for (double i = k; i <= n && term > 0; ++i) {
      sum += term;
      if (term < sum * 1e-18) break;
      term *= (n - i) / (i + 1) * p / (1 - p);
    }
    return std::min(1.0, sum);
  }
  double term = std::exp(log_term(k - 1));
  for (double i = k - 1; i >= 0 && term > 0; --i) {
    sum += term;
    if (term < sum * 1e-18) break;
    term *= i / (n - i + 1) * (1 - p) / p;
  }
  return std::clamp(1 - sum, 0.0, 1.0);
}

}  // namespace hygge::slo
