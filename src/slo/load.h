// From samples to slices: the rules T1 … T10 of the track, on plain arrays.
#pragma once

#include <hygge/labels.h>
#include <hygge/slo.h>

#include <cstdint>
#include <vector>

namespace hygge::slo {

/// One selected series. Samples rise in time and reach `lookback` before the track's range.
struct InputSeries {
  Labels labels;
  TimeMs birth_ms = 0;  ///< its first sample ever
  Kind kind = Kind::counter;
  bool in_part = false;   ///< selected as bad or good
  bool in_total = false;  ///< selected as total
  std::vector<TimeMs> t;
  std::vector<double> v;
};

/// The track of the slices of `range`, which is aligned to the step.
[[nodiscard]] Result<Track> build_track(const Definition& definition,
                                        const std::vector<InputSeries>& series, TimeRange range);

/// The slice end at or before `t`; and the end of the slice that holds `t`.
[[nodiscard]] TimeMs slice_floor(TimeMs t, DurationMs step_ms) noexcept;
[[nodiscard]] TimeMs slice_end(TimeMs t, DurationMs step_ms) noexcept;

}  // namespace hygge::slo
