// What a track reads of one series: cells where the database keeps them, else samples.
#pragma once

#include <hygge/slo.h>
#include <hygge/view.h>

#include <span>
#include <vector>

#include "slo/slices.h"

namespace hygge::slo {

/// The coarsest of `tiers` (rising) whose cells lie within slices and are no longer than the
/// lookback, so that no step inside a cell is a gap; 0: none.
[[nodiscard]] DurationMs tier_for(const Definition& definition, std::span<const DurationMs> tiers);

class SeriesReader {
 public:
  /// `definition` is no composite and must outlive this.
  SeriesReader(std::span<const DurationMs> tiers, const Definition& definition, TimeRange needed);

  /// Adds what is needed of the series to `counter`, which has begun it. Errors: those of reading.
  [[nodiscard]] Result<void> read(const Series& series, Kind kind, SliceCounter& counter);

  /// Of all that was read.
  [[nodiscard]] const TrackSource& source() const noexcept { return source_; }

 private:
  Result<void> add_samples(const Series& series, TimeRange range, SliceCounter& counter);
  Result<void> add_cells(const Series& series, SliceCounter& counter);

  TimeRange needed_;
  TrackSource source_;
  std::vector<TimedCell> cells_;
  std::size_t without_rows_ = 0;  ///< series in a row
};

}  // namespace hygge::slo
