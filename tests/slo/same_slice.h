// Slices beside each other.
#pragma once

#include <gtest/gtest.h>
#include <hygge/slo_types.h>

namespace hygge::slo {

inline void expect_equal(const Slice& got, const Slice& expected) {
  EXPECT_EQ(got.bad, expected.bad);
  EXPECT_EQ(got.total, expected.total);
  EXPECT_EQ(got.state, expected.state);
  EXPECT_EQ(got.bridged, expected.bridged);
  EXPECT_EQ(got.clamped, expected.clamped);
  EXPECT_EQ(got.resets, expected.resets);
  EXPECT_EQ(got.gaps, expected.gaps);
  EXPECT_EQ(got.born, expected.born);
}

}  // namespace hygge::slo
