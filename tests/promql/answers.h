// Answers beside each other.
#pragma once

#include <gtest/gtest.h>
#include <hygge/labels.h>
#include <hygge/promql.h>

#include <cstddef>

namespace hygge::promql {

/// The same series at the same times; `expect_value` compares two values.
template <typename ExpectValue>
void expect_same_series(const Answer& got, const Answer& want, ExpectValue expect_value) {
  ASSERT_EQ(got.series.size(), want.series.size());
  for (std::size_t i = 0; i < want.series.size(); ++i) {
    SCOPED_TRACE(to_string(want.series[i].labels));
    ASSERT_EQ(got.series[i].labels, want.series[i].labels);
    ASSERT_EQ(got.series[i].t, want.series[i].t);
    ASSERT_EQ(got.series[i].v.size(), want.series[i].v.size());
    for (std::size_t k = 0; k < want.series[i].v.size(); ++k) {
      expect_value(got.series[i].v[k], want.series[i].v[k]);
    }
  }
}

}  // namespace hygge::promql
