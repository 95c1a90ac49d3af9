// Random series of the shapes that break window functions: counters with restarts, gauges,
// plateaus, NaN and infinities, cancelling magnitudes; scraped regularly, with jitter, with holes
// of hours.
#pragma once

#include <hygge/time.h>

#include <cstddef>
#include <limits>
#include <random>

#include "tests/window/oracle.h"

namespace hygge::test {

class RandomSeries {
 public:
  explicit RandomSeries(std::mt19937_64& random)
      : random_(random), values_(random() % 6), times_(random() % 3) {}

  Samples make(std::size_t count) {
    Samples out;
    TimeMs t = below(2'000'000) - 1'000'000;
    for (std::size_t i = 0; i < count; ++i) out.add(t += gap(), value());
    return out;
  }

 private:
  std::int64_t below(std::uint64_t limit) { return static_cast<std::int64_t>(random_() % limit); }
  double unit() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }

  DurationMs gap() {
    switch (times_) {
      case 0:
        return 15'000;
      case 1:
        return 14'000 + below(2'000);
      default:
        return below(10) == 0 ? below(8'000'000) + 1 : below(40'000) + 1;
    }
  }

  double value() {
    switch (values_) {
      case 0:  // a counter with restarts
        return counter_ = below(30) == 0 ? static_cast<double>(below(20))
                                         : counter_ + static_cast<double>(below(50));
      case 1:  // a gauge
        return 2e3 * unit() - 1e3;
      case 2:  // plateaus of few values
        return counter_ = below(4) == 0 ? static_cast<double>(below(5)) - 2 : counter_;
      case 3:  // all that is not finite, too
        switch (below(12)) {
          case 0:
            return std::numeric_limits<double>::quiet_NaN();
          case 1:
            return (below(2) == 0 ? 1 : -1) * std::numeric_limits<double>::infinity();
          default:
            return static_cast<double>(below(100));
        }
      case 4:  // pairs that cancel, and small change
        if (below(3) == 0) return counter_ = -counter_;
        if (below(3) == 0) return counter_ = 1e16 * unit();
        return unit();
      default:  // seconds of CPU: a counter of fractions
        return counter_ = below(40) == 0 ? 0 : counter_ + unit();
    }
  }

  std::mt19937_64& random_;
  std::uint64_t values_;
  std::uint64_t times_;
  double counter_ = 0;
};

}  // namespace hygge::test
