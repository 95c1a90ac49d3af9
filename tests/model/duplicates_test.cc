#include "model/duplicates.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace hygge {
namespace {

double nan_of(std::uint64_t bits) { return std::bit_cast<double>(0x7ff8'0000'0000'0000U | bits); }

TEST(Duplicates, LastAndFirstGoByTheOrderOfWriting) {
  EXPECT_EQ(standing_value(OnDuplicate::last, 1, 2), 2);
  EXPECT_EQ(standing_value(OnDuplicate::last, 2, 1), 1);
  EXPECT_EQ(standing_value(OnDuplicate::first, 1, 2), 1);
  EXPECT_EQ(standing_value(OnDuplicate::first, 2, 1), 2);
  EXPECT_TRUE(std::isnan(standing_value(OnDuplicate::first, stale_marker(), 1)));
}

TEST(Duplicates, AnyNumberBeatsNaN) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const OnDuplicate policy : {OnDuplicate::max, OnDuplicate::min}) {
    for (const double number : {1.0, -0.0, kInfinity, -kInfinity}) {
      for (const double nan : {nan_of(1), stale_marker(), -nan_of(0)}) {
        EXPECT_TRUE(same_bits(standing_value(policy, nan, number), number));
        EXPECT_TRUE(same_bits(standing_value(policy, number, nan), number));
      }
    }
  }
}

TEST(Duplicates, UnderMaxAndMinTheOrderOfArrivalLeavesNoTrace) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::array values{0.0,        -0.0,      1.0,       -1.0,           kInfinity,
                          -kInfinity, nan_of(1), nan_of(2), stale_marker(), -nan_of(0)};
  for (const OnDuplicate policy : {OnDuplicate::max, OnDuplicate::min}) {
    for (const double a : values) {
      for (const double b : values) {
        EXPECT_TRUE(same_bits(standing_value(policy, a, b), standing_value(policy, b, a)));
        for (const double c : values) {
          const double left = standing_value(policy, standing_value(policy, a, b), c);
          const double right = standing_value(policy, a, standing_value(policy, b, c));
          EXPECT_TRUE(same_bits(left, right)) << a << ' ' << b << ' ' << c;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hygge
