// The deterministic load that engines are measured with: hosts of a small service, a scrape every
// ten seconds. The same settings give the same samples, whoever asks and in whatever form.
//
// Every host carries exactly 100 series: 10 cpu percentages (two decimals, a random walk), 28
// gauges of memory, disk, load and process, 24 counters of disk and network, kernel counters, 12
// http_requests_total{code,method}, a classic histogram, and constants. About every 33 hours a host
// restarts and its counters begin again. A host scrapes at a phase of its own, so that no sample
// lies on the edge of a window and open or closed window ends give the same answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hygge::bench {

struct LoadSettings {
  int hosts = 100;
  std::int64_t start_s = 1'795'219'200;  ///< 2026-11-21T00:00:00Z
  std::int64_t duration_s = 3'600;
  std::int64_t interval_s = 10;
  std::int64_t churn_s = 0;  ///< a host's series are replaced so often; 0: never
  std::uint64_t seed = 42;
  bool phases = true;  ///< each host at its own phase within the interval

  [[nodiscard]] std::int64_t scrapes() const noexcept { return duration_s / interval_s; }
};

/// S: 100 hosts, an hour, 3.6 M samples. M: 100 hosts, a day, 86.4 M samples.
[[nodiscard]] LoadSettings load_of_size(char size);

inline constexpr std::size_t kSeriesPerHost = 100;
using LabelPairs = std::vector<std::pair<std::string, std::string>>;  // sorted by name

/// Splitmix64: small, fast, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1) noexcept : state_(seed) {}
  std::uint64_t next() noexcept;
  double uniform() noexcept;  ///< [0, 1)
  double normal() noexcept;   ///< about N(0, 1): a sum of four uniforms

 private:
  std::uint64_t state_;
};

/// One host. Scrapes are taken in order.
class Host {
 public:
  Host(const LoadSettings& settings, int number);

  struct Scrape {
    std::int64_t t_ms = 0;
    bool new_series = false;  ///< the host's label sets are others than those of the scrape before
    std::span<const double, kSeriesPerHost> values;
  };
  [[nodiscard]] Scrape scrape(std::int64_t index);
  /// The label set of a series, as of the last scrape.
  [[nodiscard]] LabelPairs labels(std::size_t series) const;
  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] std::string instance() const;

 private:
  void begin(int generation);
  void clear_counters();
  void step(std::int64_t offset_s);
  void requests(std::int64_t offset_s, double day);

  LoadSettings settings_;
  int number_;
  int generation_ = 0;
  std::int64_t phase_ms_;
  Random random_;
  std::array<double, kSeriesPerHost> state_{};
  std::array<double, kSeriesPerHost> values_{};
  double requests_per_s_ = 50;
  double latency_ = 1;
  // Of one scrape: requests by code and method, all, failed, and below each bound of the histogram.
  std::array<double, 12> by_code_{};
  std::array<double, 12> below_{};
  double all_ = 0;
  double failed_ = 0;
  double slowness_ = 1;
};

[[nodiscard]] std::vector<Host> make_hosts(const LoadSettings& settings);

}  // namespace hygge::bench
