// Samples of the classes that metrics come in, the same on every run.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace hygge::bench {

struct SampleRun {
  std::vector<std::int64_t> t;
  std::vector<double> v;
};

enum class Class : std::int64_t { constant, counter, gauge_2_decimals, full_double };

inline const char* name_of(Class kind) {
  switch (kind) {
    case Class::constant:
      return "constant";
    case Class::counter:
      return "counter";
    case Class::gauge_2_decimals:
      return "gauge, 2 decimals";
    case Class::full_double:
      return "full double";
  }
  return "";
}

/// `count` samples every 15 s, some a few milliseconds off as scrapes are.
inline SampleRun make_run(Class kind, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  SampleRun out;
  std::int64_t t = 1'767'225'600'000;
  double counter = 1000;
  double walk = 50;
  for (std::size_t i = 0; i < count; ++i) {
    t += 15'000;
    const auto jitter = random() % 10 == 0 ? static_cast<std::int64_t>(random() % 7) - 3 : 0;
    out.t.push_back(t + jitter);
    counter += static_cast<double>(random() % 40);
    walk += static_cast<double>(random() % 201) / 100 - 1;
    switch (kind) {
      case Class::constant:
        out.v.push_back(42);
        break;
      case Class::counter:
        out.v.push_back(counter);
        break;
      case Class::gauge_2_decimals:
        out.v.push_back(std::round(walk * 100) / 100);
        break;
      case Class::full_double:
        out.v.push_back(static_cast<double>(random() >> 11U) * 0x1p-53);
        break;
    }
  }
  return out;
}

}  // namespace hygge::bench
