// Reads the cells of one series of a view: stored rows where a day has them, else from the samples.
#pragma once

#include <hygge/view.h>

#include <string>
#include <vector>

#include "storage/db/view_state.h"
#include "window/cell_row.h"

namespace hygge::storage {

/// One per view, for what it keeps between series. One thread at a time.
class CellReader {
 public:
  /// As Series::cells.
  [[nodiscard]] Result<Series::CellsRead> read(const ViewState& state,
                                               const ViewState::Entry& entry,
                                               DurationMs resolution_ms, CellParts needed,
                                               TimeRange range, std::vector<TimedCell>& out);

 private:
  [[nodiscard]] bool read_row(const ViewState& state, const ViewState::Entry& entry,
                              std::int32_t partition, DurationMs resolution_ms, CellParts needed);

  windows::CellRowDecoder decoder_;
  std::string row_;
  std::vector<TimedCell> cells_;
};

}  // namespace hygge::storage
