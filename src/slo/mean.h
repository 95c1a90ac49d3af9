// What a slice holds on average.
#pragma once

#include <hygge/slo.h>

namespace hygge::slo {

/// Sums over the measured and idle slices of a range: kept as sums, so that comparisons of
/// multiples are exact while the counts are.
struct Mean {
  double bad = 0;
  double total = 0;
  double slices = 0;
};
/// O(slices of the range).
[[nodiscard]] Mean mean_of(const Track& track, TimeRange range);

}  // namespace hygge::slo
