#include "query/tiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "window/cell_builder.h"
#include "window/cell_functions.h"
#include "window/cell_windows.h"
#include "window/sketch.h"

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

Result<void> check_selector(const View& view, std::size_t index) {
  if (index < view.selector_count()) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("selector {} of a view of {}", index, view.selector_count()));
}

Windows::Windows(const windows::Spec& spec, const Steps& grid, DurationMs offset_ms,
                 const View& view, Choice choice)
    : spec_(spec),
      stored_(view.tiers().begin(), view.tiers().end()),
      any_expired_(view.any_expired()),
      grid_(grid),
      offset_ms_(offset_ms),
      chosen_(choice.has_value()),
      choice_(choice) {
  const std::size_t steps = grid.count();
  HYGGE_ASSERT(steps > 0);
  const TimeMs first_ms = grid.at(0) - offset_ms;
  hull_ = {first_ms - windows::reach_ms(spec), grid.at(steps - 1) - offset_ms};
  choose(choice);
  choose_chunks(choice);
  if (any_expired_ || thins_) cuts_ = cuts();
}

// Not where samples were asked for: who compares with them wants them decoded.
void Windows::choose_chunks(Choice choice) {
  if (choice || !windows::ends_suffice(spec_.function) || grid_.count() > kMostCuts) return;
  // Two cuts a step, each of which a chunk is decoded for.
  const auto most = static_cast<std::size_t>((hull_.until - hull_.after) / 2 / kEdgeCostMs);
  thins_ = 2 * grid_.count() <= most;
  if (thins_ && tier_ms_ == 0) why_ += "; chunks that no window cuts by their summaries";
}

// Where the series before had no cells, the next ones are cheaper as samples.
bool Windows::asks_for_cells() const noexcept {
  constexpr std::size_t kMisses = 8;
  return tier_ms_ > 0 && (chosen_ || misses_ < hits_ + kMisses);
}

// Whether the first day of its samples has no row: then the series most likely has none at all, and
// its chunks tell more. Not asked once cells were met.
bool Windows::lacks_cells(const Series& series) const {
  if (!thins_ || chosen_ || hits_ > 0) return false;
  for (const Segment& segment : segments_) {
    if (!segment.cells) continue;
    if (const auto has = series.has_cells(tier_ms_, segment.range)) return !*has;
  }
  return false;
}

bool Windows::worth_asking(const Series& series) {
  if (any_expired_ && !series.expired(hull_).empty()) return true;
  return asks_for_cells() || thins_;
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

void Windows::choose(Choice choice) {
  if (choice && *choice == 0) {
    why_ = "samples were asked for";
    return;
  }
  if (!choice && !windows::cells_suffice(spec_.function)) {
    why_ = "quantiles of cells are within a bound only";
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
  for (auto tier = stored_.rbegin(); tier != stored_.rend(); ++tier) {
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

void Windows::note_read(DurationMs tier_ms) {
  const auto at = std::lower_bound(tiers_read_.begin(), tiers_read_.end(), tier_ms);
  if (at == tiers_read_.end() || *at != tier_ms) tiers_read_.insert(at, tier_ms);
}

// The samples of a range that no window cuts, as a cell of its own, which begins where the range
// does; none: there are no samples. It lies within a cell of the tier.
Result<Series::CellsRead> Windows::read_segment(const Series& series, TimeRange range,
                                                CellParts parts, std::vector<TimedCell>& edge,
                                                CellValues* values) {
  Series::CellsRead read;
  edge.clear();
  if (values != nullptr) values->resize(0);
  BlockCursor blocks = series.blocks(range);
  while (const Block* block = blocks.next()) {
    windows::add_to_cells(block->t, block->v, tier_ms_, edge, parts);
    if (values != nullptr) {
      windows::add_to_values(block->t, block->v, tier_ms_, edge, *values);
    }
    read.samples += block->t.size();
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  HYGGE_ASSERT(edge.size() <= 1);
  if (!edge.empty()) edge[0].start_ms = range.after;
  return read;
}

Result<Series::CellsRead> Windows::evaluate(const Series& series, windows::RowOut out) {
  if (!windows::cells_suffice(spec_.function)) return evaluate_from_days(series, out);
  if (any_expired_) {
    if (!series.expired(hull_).empty()) return evaluate_from_days(series, out);
  }
  if (!asks_for_cells()) return evaluate_thinned(series, out);
  if (lacks_cells(series)) {
    ++misses_;
    return evaluate_thinned(series, out);
  }
  const CellParts parts = windows::parts_of(spec_.function);
  const bool counts = windows::counts_suffice(spec_.function);
  Series::CellsRead total;
  cells_.clear();
  counts_.resize(0);
  std::vector<TimedCell> edge;
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
    const auto read = read_segment(series, segment.range, parts, edge);
    if (!read) return read;
    total.samples += read->samples;
    if (edge.empty()) continue;
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
  if (total.rows > 0) note_read(tier_ms_);
  hits_ += total.rows > 0 ? 1 : 0;
  misses_ += total.rows == 0 && total.samples > 0 ? 1 : 0;
  return total;
}

Result<Series::CellsRead> Windows::evaluate_thinned(const Series& series, windows::RowOut out) {
  HYGGE_ASSERT(thins_);
  const bool counts =
      spec_.function == windows::Function::increase || spec_.function == windows::Function::rate;
  const auto read = series.thinned(hull_, cuts_, counts ? spec_.lookback_ms : kDayMs, thinned_);
  if (!read) return read;
  windows::evaluate(spec_, thinned_.t, thinned_.v, grid_, offset_ms_, out, thinned_.ordinals);
  return read;
}

TimeRange Windows::cells_range() const noexcept {
  if (tier_ms_ == 0) return {};
  return {windows::interval_start(hull_.after + 1, tier_ms_),
          windows::interval_start(hull_.until, tier_ms_) + tier_ms_};
}

}  // namespace hygge::tiers
