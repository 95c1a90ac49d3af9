#include "window/compensated.h"

#include <gtest/gtest.h>
#include <hygge/sample.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace hygge::windows {
namespace {

// Many sums at once are those sums: the same bits, whatever is added to whatever.
TEST(CompensatedSum, ManyAtOnceAreTheSame) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double odd[] = {0,
                        -0.0,
                        1,
                        -1,
                        1e16,
                        -1e16,
                        1e308,
                        -1e308,
                        5e-324,
                        -1e-9,
                        kInf,
                        -kInf,
                        std::numeric_limits<double>::quiet_NaN()};
  std::mt19937_64 random(5);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    const std::size_t count = random() % 20 + 1;
    std::vector<CompensatedSum> one(count);
    std::vector<double> sum(count);
    std::vector<double> lost(count);
    for (int row = 0; row < 12; ++row) {
      std::vector<double> x(count);
      for (double& value : x) {
        value = random() % 4 == 0 ? odd[random() % std::size(odd)]
                                  : static_cast<double>(random() % 1'000'000) / 7;
      }
      for (std::size_t i = 0; i < count; ++i) one[i].add(x[i]);
      add_each(sum.data(), lost.data(), x);
      for (std::size_t i = 0; i < count; ++i) {
        const auto same = [](double a, double b) {
          return same_bits(a, b) || (std::isnan(a) && std::isnan(b));
        };
        ASSERT_TRUE(same(sum[i], one[i].sum)) << sum[i] << ", not " << one[i].sum;
        ASSERT_TRUE(same(lost[i], one[i].lost)) << lost[i] << ", not " << one[i].lost;
      }
    }
  }
}

}  // namespace
}  // namespace hygge::windows
