#include "query/tiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "window/cell_builder.h"
#include "window/cell_functions.h"
#include "window/cell_windows.h"

namespace hygge::tiers {

namespace {

// Below this a few chunks of samples are as fast as the cells of a day.
constexpr DurationMs kWorthCellsMs = 12 * kHourMs;
// What one read of a ragged edge costs: a chunk, which holds about so much.
constexpr DurationMs kEdgeCostMs = 4 * kHourMs;
// More cuts than this are not looked at one by one.
constexpr std::size_t kMostCuts = 100'000;

bool aligned(TimeMs t_ms, DurationMs tier_ms) { return t_ms % tier_ms == 0; }

}  // namespace

Windows::Windows(const windows::Spec& spec, const Steps& grid, DurationMs offset_ms,
                 std::span<const DurationMs> stored, Choice choice)
    : spec_(spec), grid_(grid), offset_ms_(offset_ms) {
  chosen_ = choice.has_value();
  const std::size_t steps = grid.count();
  HYGGE_ASSERT(steps > 0);
  const TimeMs first_ms = grid.at(0) - offset_ms;
  hull_ = {first_ms - windows::reach_ms(spec), grid.at(steps - 1) - offset_ms};
  choose(stored, choice);
}

// The ends of all windows, and of the hull; rising.
std::vector<TimeMs> Windows::cuts() const {
  std::vector<TimeMs> out{hull_.after, hull_.until};
  for (std::size_t i = 0; i < grid_.count(); ++i) {
    const TimeMs end_ms = grid_.at(i) - offset_ms_;
    out.push_back(end_ms - spec_.range_ms);
    out.push_back(end_ms);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Why the tier cannot answer; "" if it can.
std::string Windows::unfit(DurationMs tier_ms) const {
  if (tier_ms > spec_.range_ms) return "cells are longer than the window";
  const bool counts =
      spec_.function == windows::Function::increase || spec_.function == windows::Function::rate;
  if (counts && tier_ms > spec_.lookback_ms) return "cells are longer than the lookback";
  return {};
}

std::vector<Windows::Segment> Windows::segments(DurationMs tier_ms,
                                                const std::vector<TimeMs>& cuts) const {
  std::vector<Segment> out;
  TimeMs from = hull_.after;
  const auto add = [&](TimeMs until, bool cells) {
    if (until <= from) return;
    if (cells && !out.empty() && out.back().cells && out.back().range.until == from) {
      out.back().range.until = until;
    } else {
      out.push_back({{from, until}, cells});
    }
    from = until;
  };
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const TimeMs cut = cuts[i];
    if (cut <= from) continue;
    // (from, cut]: no cut lies inside.
    if (!aligned(from, tier_ms)) {
      const TimeMs next = windows::interval_start(from, tier_ms) + tier_ms;
      add(std::min(next, cut), false);
    }
    const TimeMs whole = windows::interval_start(cut + 1, tier_ms);
    if (whole > from) add(whole, true);
    add(cut, false);
  }
  return out;
}

void Windows::choose(std::span<const DurationMs> stored, Choice choice) {
  if (choice && *choice == 0) {
    why_ = "samples were asked for";
    return;
  }
  if (!windows::cells_suffice(spec_.function)) {
    why_ = "cells do not hold quantiles";
    return;
  }
  if (!choice && hull_.until - hull_.after < kWorthCellsMs) {
    why_ = "too short a time for cells to pay";
    return;
  }
  if (grid_.count() > kMostCuts) {
    why_ = "too many steps";
    return;
  }
  const std::vector<TimeMs> all = cuts();
  why_ = "no tier is stored";
  for (auto tier = stored.rbegin(); tier != stored.rend(); ++tier) {
    if (choice && *choice != *tier) continue;
    why_ = unfit(*tier);
    if (!why_.empty()) continue;
    std::vector<Segment> found = segments(*tier, all);
    const auto edges =
        std::count_if(found.begin(), found.end(), [](const Segment& one) { return !one.cells; });
    if (!choice && edges * kEdgeCostMs > (hull_.until - hull_.after) / 2) {
      why_ = "ragged edges would cost more than the samples";
      continue;
    }
    if (static_cast<std::size_t>(edges) == found.size()) {
      why_ = "no whole cell lies in a window";
      continue;
    }
    tier_ms_ = *tier;
    segments_ = std::move(found);
    why_ = edges == 0 ? "windows are whole cells"
                      : fmt::format("whole cells, and {} ragged edges from samples", edges);
    return;
  }
}

Result<Series::CellsRead> Windows::evaluate(const Series& series, windows::RowOut out) {
  HYGGE_ASSERT(tier_ms_ > 0);
  const CellParts parts = windows::parts_of(spec_.function);
  const bool counts = windows::counts_suffice(spec_.function);
  Series::CellsRead total;
  cells_.clear();
  counts_.resize(0);
  for (const Segment& segment : segments_) {
    if (segment.cells) {
      const auto read = counts ? series.cell_counts(tier_ms_, segment.range, counts_)
                               : series.cells(tier_ms_, parts, segment.range, cells_);
      if (!read) return read;
      total.rows += read->rows;
      total.cells += read->cells;
      total.samples += read->samples;
      continue;
    }
    // A cell of its own, which begins where the segment does.
    std::vector<TimedCell> edge;
    BlockCursor blocks = series.blocks(segment.range);
    while (const Block* block = blocks.next()) {
      windows::add_to_cells(block->t, block->v, tier_ms_, edge, parts);
      total.samples += block->t.size();
    }
    if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
    if (edge.empty()) continue;
    HYGGE_ASSERT(edge.size() == 1);
    edge[0].start_ms = segment.range.after;
    if (counts) {
      counts_.push_back(edge[0]);
    } else {
      cells_.push_back(edge[0]);
    }
  }
  if (counts) {
    windows::evaluate(spec_, counts_, grid_, offset_ms_, out);
  } else {
    windows::evaluate(spec_, cells_, grid_, offset_ms_, out);
  }
  hits_ += total.rows > 0 ? 1 : 0;
  misses_ += total.rows == 0 && total.samples > 0 ? 1 : 0;
  return total;
}

TimeRange Windows::cells_range() const noexcept {
  HYGGE_ASSERT(tier_ms_ > 0);
  return {windows::interval_start(hull_.after + 1, tier_ms_),
          windows::interval_start(hull_.until, tier_ms_) + tier_ms_};
}

}  // namespace hygge::tiers
