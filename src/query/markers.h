// Staleness markers, which are no samples where windows are concerned.
#pragma once

#include <hygge/sample.h>
#include <hygge/view.h>

#include <algorithm>
#include <cstddef>

namespace hygge {

/// Takes them out, where they stand. O(n).
inline void drop_markers(SeriesSamples& samples) {
  const auto first = std::find_if(samples.v.begin(), samples.v.end(), is_stale);
  auto kept = static_cast<std::size_t>(first - samples.v.begin());
  for (std::size_t i = kept; i < samples.v.size(); ++i) {
    if (is_stale(samples.v[i])) continue;
    samples.t[kept] = samples.t[i];
    samples.v[kept++] = samples.v[i];
  }
  samples.t.resize(kept);
  samples.v.resize(kept);
}

}  // namespace hygge
