// Reads the cells of the series of a view: stored rows where a day has them, else from the samples.
#pragma once

#include <hygge/view.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/db/view_state.h"
#include "storage/store/store.h"
#include "window/cell_row.h"

namespace hygge::storage {

/// Rows of cells of many series, read in the order of their keys: a step to the next row costs a
/// tenth of looking it up.
class RowsAhead {
 public:
  /// As View::read_cells_ahead. `series` are in the order in which they will be asked for.
  View::CellsAhead read(const ViewState& state, CellScan& scan, std::vector<std::uint32_t> series,
                        DurationMs resolution_ms, TimeRange range, std::size_t max_bytes);

  /// Nothing: not read ahead. An empty row: there is none.
  [[nodiscard]] std::optional<Bytes> find(std::uint32_t series, std::int32_t partition,
                                          DurationMs resolution_ms) const noexcept;

 private:
  struct Place {
    std::size_t at = 0;
    std::size_t bytes = 0;
  };

  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  // All of them were read: days of which not all rows fitted are not among partitions_.
  [[nodiscard]] bool holds(const std::vector<std::uint32_t>& series,
                           const std::vector<std::int32_t>& partitions,
                           DurationMs resolution_ms) const noexcept;
  [[nodiscard]] bool read_day(const ViewState& state, CellScan& scan, std::int32_t partition,
                              std::size_t max_bytes);

  DurationMs resolution_ms_ = 0;
  std::vector<std::int32_t> partitions_;  ///< rising; those that were read whole
  std::vector<std::uint32_t> series_;     ///< rising
  std::vector<Place> places_;             ///< by partition, then series
  std::string bytes_;
};

/// For what it keeps between series: one for each thread that reads a view.
class CellReader {
 public:
  /// As Series::cells.
  [[nodiscard]] Result<Series::CellsRead> read(const ViewState& state,
                                               const ViewState::Entry& entry,
                                               DurationMs resolution_ms, CellParts needed,
                                               TimeRange range, std::vector<TimedCell>& out,
                                               CellValues* values);
  /// As Series::cell_counts.
  [[nodiscard]] Result<Series::CellsRead> read_counts(const ViewState& state,
                                                      const ViewState::Entry& entry,
                                                      DurationMs resolution_ms, TimeRange range,
                                                      CellCounts& out);
  /// As Series::has_cells.
  [[nodiscard]] std::optional<bool> has_row(const ViewState& state, const ViewState::Entry& entry,
                                            DurationMs resolution_ms, TimeRange range);
  /// As Series::expired_cells.
  [[nodiscard]] Result<Series::CellsRead> read_expired(const ViewState& state,
                                                       const ViewState::Entry& entry,
                                                       DurationMs resolution_ms, CellParts needed,
                                                       TimeRange range, std::vector<TimedCell>& out,
                                                       CellValues* values);
  /// As View::read_cells_ahead.
  View::CellsAhead read_ahead(const ViewState& state, std::vector<std::uint32_t> series,
                              DurationMs resolution_ms, TimeRange range, std::size_t max_bytes);

 private:
  struct Day {
    std::int32_t partition;
    TimeRange range;
    Bytes row;     ///< empty: cells are made of samples
    bool expired;  ///< there are none
  };

  template <typename Visit>
  [[nodiscard]] Result<void> for_each_day(const ViewState& state, const ViewState::Entry& entry,
                                          DurationMs resolution_ms, CellParts needed,
                                          TimeRange range, Visit&& visit);
  [[nodiscard]] Bytes find_row(const ViewState& state, const ViewState::Entry& entry,
                               std::int32_t partition, DurationMs resolution_ms, CellParts needed);
  [[nodiscard]] bool decode(const ViewState& state, const ViewState::Entry& entry, const Day& day,
                            DurationMs resolution_ms, CellParts needed);
  void drop_masked(const ViewState& state, const ViewState::Entry& entry, const Day& day,
                   DurationMs resolution_ms);
  template <typename Keep>
  std::size_t take(Keep&& keep, std::vector<TimedCell>& out, CellValues* values) const;
  [[nodiscard]] CellScan& scan(const ViewState& state);

  windows::CellRowDecoder decoder_;
  std::optional<CellScan> scan_;
  RowsAhead ahead_;
  // Of the row that was decoded last; values if they were needed.
  std::vector<TimedCell> cells_;
  windows::CellSketches sketches_;
  windows::SketchScales scales_;
  CellValues values_;
};

}  // namespace hygge::storage
