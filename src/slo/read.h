// What a track reads of one series: cells where the database keeps them, else samples.
#pragma once

#include <hygge/slo.h>
#include <hygge/view.h>

#include <optional>
#include <span>
#include <vector>

#include "query/tiers.h"
#include "slo/slices.h"

namespace hygge::slo {

/// The coarsest of `tiers` (rising) whose cells lie within slices and are no longer than the
/// lookback, so that no step inside a cell is a gap; 0: none.
[[nodiscard]] DurationMs tier_for(const Definition& definition, std::span<const DurationMs> tiers);

class SeriesReader {
 public:
  /// `series` are of `view`, and are read in their order; `definition` is no composite. Both must
  /// outlive this.
  SeriesReader(const View& view, std::vector<Series> series, const Definition& definition,
               TimeRange needed);

  /// Adds what is needed of series `index` to `counter`, which has begun it. Errors: those of
  /// reading.
  [[nodiscard]] Result<void> read(std::size_t index, Kind kind, SliceCounter& counter);
  /// Whether series `index` has a sample (is_sample) in `range`. Where samples have expired cells
  /// tell: of any tier that is no longer than the range.
  [[nodiscard]] Result<bool> has_sample(std::size_t index, Kind kind, TimeRange range);

  /// Of all that was read.
  [[nodiscard]] const TrackSource& source() const noexcept { return source_; }

 private:
  Result<void> add_samples(const Series& series, TimeRange range, SliceCounter& counter);
  Result<void> add_cells(const Series& series, DurationMs tier_ms, SliceCounter& counter);
  Result<void> read_expired(const Series& series, std::span<const TimeRange> expired, Kind kind,
                            SliceCounter& counter);
  Result<void> read_day(const Series& series, TimeRange day, Kind kind, SliceCounter& counter);
  Result<void> note_unserved(const Series& series, TimeRange range, SliceCounter& counter);

  const View& view_;
  const Definition& definition_;
  std::vector<Series> series_;
  TimeRange needed_;
  TimeRange whole_{};  ///< of cells: the end is one of slices, the beginning may not be
  TrackSource source_;
  std::optional<tiers::ReadAhead> ahead_;  ///< none: from samples
  std::vector<TimedCell> cells_;
  std::size_t without_rows_ = 0;  ///< series in a row
};

}  // namespace hygge::slo
