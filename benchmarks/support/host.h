// A host as monitoring sees it: 100 series every 10 s, in the mix that machines and services have.
// 10 percentages with two decimals, 18 sizes in pages, 24 device counters, 4 kernel counters, 12
// request counters, a histogram of 14 series, small gauges, constants, and a few full doubles.
// The same on every run.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace hygge::bench {

class Host {
 public:
  static constexpr std::size_t kSeries = 100;
  static constexpr std::int64_t kIntervalMs = 10'000;

  explicit Host(std::uint64_t number)
      : random_(number + 1), phase_ms_(static_cast<std::int64_t>(1 + number * 97 % 9'500)) {
    for (std::size_t i = 0; i < kSeries; ++i) state_[i] = start(i);
    requests_per_s_ = 30 + 40 * uniform();
    steepness_ = 0.6 + 0.8 * uniform();
  }

  /// Milliseconds into its interval at which the host is scraped.
  [[nodiscard]] std::int64_t phase_ms() const noexcept { return phase_ms_; }

  /// The values of the next scrape.
  const std::array<double, kSeries>& scrape() {
    ++scrapes_;
    const double busy = 1 + 0.5 * std::sin(2 * 3.14159265 * static_cast<double>(scrapes_) / 8'640);
    requests_ = std::floor(requests_per_s_ * 10 * busy * (0.8 + 0.4 * uniform()));
    for (std::size_t i = 0; i < kSeries; ++i) values_[i] = next(i, busy);
    return values_;
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
  double normal() { return uniform() + uniform() + uniform() + uniform() - 2; }
  static double rounded(double x, double to) { return std::round(x * to) / to; }
  double whole(double x) {
    const double k = std::floor(x);
    return uniform() < x - k ? k + 1 : k;
  }

  double start(std::size_t i) {
    if (i < 10) return 5 + 90 * uniform();
    if (i < 28) return std::floor(2e6 * (0.5 + uniform())) * 4'096;
    if (i < 56) return std::floor(1e7 * uniform());
    if (i >= 82 && i < 90) return std::floor(200 * uniform());
    if (i >= 90) return 1.7e9 + std::floor(1e6 * uniform());
    return 0;
  }

  double next(std::size_t i, double busy) {
    static constexpr std::array<double, 12> kShare{0.78, 0.19, 8e-3, 2e-3, 8e-3, 2e-3,
                                                   4e-3, 1e-3, 8e-4, 2e-4, 6e-4, 1e-4};
    static constexpr std::array<double, 12> kBelow{0.08, 0.25,  0.55,  0.75,   0.88,   0.955,
                                                   0.98, 0.992, 0.998, 0.9995, 0.9999, 1.0};
    double& s = state_[i];
    if (i < 10) {
      s = std::clamp(s + normal(), 0.0, 100.0);
      return rounded(s, 100);
    }
    if (i < 28) {
      if (random_() % 2 == 0) s = std::max(0.0, s + 4'096 * std::floor(256 * normal()));
      return s;
    }
    if (i < 56) {
      const double rate = std::pow(10.0, static_cast<double>(i % 7) - 2);
      return s += whole(rate * 10 * busy * (0.6 + 0.8 * uniform()));
    }
    if (i < 68) return s += whole(requests_ * kShare[i - 56]);
    if (i < 80) return s += std::floor(requests_ * std::pow(kBelow[i - 68], steepness_));
    if (i == 80) return s += requests_ * 0.043 * (0.9 + 0.2 * uniform());
    if (i == 81) return s += requests_;
    if (i < 88) {
      if (random_() % 3 == 0) s = std::max(0.0, s + std::floor(3 * uniform()) - 1);
      return s;
    }
    if (i == 88) return rounded(0.008 * (0.7 + 0.6 * uniform()), 1e9);
    if (i == 89) return rounded(s += 3.5 * (0.6 + 0.8 * uniform()), 100);
    return s;
  }

  std::mt19937_64 random_;
  std::int64_t phase_ms_;
  std::uint64_t scrapes_ = 0;
  double requests_per_s_ = 0;
  double steepness_ = 1;
  double requests_ = 0;
  std::array<double, kSeries> state_{};
  std::array<double, kSeries> values_{};
};

}  // namespace hygge::bench
