#include "slo/mean.h"

namespace hygge::slo {

Mean mean_of(const Track& track, TimeRange range) {
  Mean out;
  TimeMs end = track.range().after;
  for (const Slice& slice : track.slices()) {
    end += track.step_ms();
    if (end - track.step_ms() < range.after || end > range.until) continue;
    if (slice.state != State::measured && slice.state != State::idle) continue;
    out.bad += slice.bad;
    out.total += slice.total;
    out.slices += 1;
  }
  return out;
}

}  // namespace hygge::slo
