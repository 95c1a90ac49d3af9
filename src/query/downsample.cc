// The cells of a view: stored ones, cells of the samples, and where those have expired what finer
// tiers say.
#include <fmt/format.h>
#include <hygge/window.h>

#include <algorithm>
#include <utility>

#include "model/partition.h"
#include "query/tiers.h"
#include "window/cell_builder.h"

namespace hygge {

namespace {

// Of the days whose samples have expired, what is tried: all parts, as samples would give them,
// then what there is.
constexpr CellParts kTried[] = {{true, true}, {true, false}, {false, false}};

class Downsampler {
 public:
  Downsampler(const View& view, DurationMs resolution_ms)
      : view_(view), resolution_ms_(resolution_ms) {
    const std::span<const DurationMs> tiers = view.tiers();
    stored_ = std::binary_search(tiers.begin(), tiers.end(), resolution_ms);
    for (auto tier = tiers.rbegin(); tier != tiers.rend(); ++tier) {
      if (resolution_ms % *tier == 0) finer_.push_back(*tier);
    }
  }

  Result<SeriesCells> read(const Series& series) {
    SeriesCells out{series.labels(), {}, {}, {}};
    TimeMs at = view_.range().after;
    for (const TimeRange& range : series.expired(view_.range())) {
      auto done = read_live(series, {at, range.after}, out);
      if (done) done = read_expired(series, range, out);
      if (!done) return tl::unexpected<Error>(done.error());
      at = range.until;
    }
    auto done = read_live(series, {at, view_.range().until}, out);
    if (!done) return tl::unexpected<Error>(done.error());
    return out;
  }

 private:
  [[nodiscard]] static bool is_whole(TimeRange range, DurationMs unit_ms) {
    return range.after % unit_ms == 0 && range.until % unit_ms == 0;
  }

  Result<void> read_live(const Series& series, TimeRange range, SeriesCells& out) const {
    if (range.empty()) return {};
    if (stored_ && is_whole(range, resolution_ms_)) {
      const auto read = series.cells(resolution_ms_, {}, range, out.cells);
      if (!read) return tl::unexpected<Error>(read.error());
      return {};
    }
    BlockCursor blocks = series.blocks(range);
    while (const Block* block = blocks.next()) {
      windows::add_to_cells(block->t, block->v, resolution_ms_, out.cells);
    }
    if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
    return {};
  }

  Result<void> read_expired(const Series& series, TimeRange days, SeriesCells& out) {
    for (TimeRange left = days; !left.empty();) {
      const TimeRange day = first_day(left);
      if (auto done = read_day(series, day, out); !done) return done;
      left.after = day.until;
    }
    return {};
  }

  // The most parts, then the coarsest tier; the finest where the range cuts the day, as it loses
  // least.
  Result<void> read_day(const Series& series, TimeRange day, SeriesCells& out) {
    std::vector<DurationMs> tiers = finer_;
    if (!tiers.empty() && !is_whole(day, tiers.front())) std::reverse(tiers.begin(), tiers.end());
    for (const CellParts parts : kTried) {
      for (const DurationMs tier : tiers) {
        finer_cells_.clear();
        const auto read = series.expired_cells(tier, parts, day, finer_cells_);
        if (!read) return tl::unexpected<Error>(read.error());
        if (read->lost > 0) continue;
        out.parts.spread = out.parts.spread && parts.spread;
        out.parts.regression = out.parts.regression && parts.regression;
        merge_day(tier, day, out);
        return {};
      }
    }
    lose(day, out);
    return {};
  }

  // But for the cells that the range cuts.
  void merge_day(DurationMs tier, TimeRange day, SeriesCells& out) {
    const auto whole = [&](const TimedCell& one) {
      return TimeRange{one.start_ms, one.start_ms + tier};
    };
    const auto is_cut = [&](const TimedCell& one) {
      return intersect(whole(one), day) != whole(one);
    };
    for (const TimedCell& one : finer_cells_) {
      if (is_cut(one)) lose(intersect(whole(one), day), out);
    }
    std::erase_if(finer_cells_, is_cut);
    windows::coarser(finer_cells_, resolution_ms_, out.cells);
  }

  static void lose(TimeRange range, SeriesCells& out) {
    if (!out.lost.empty() && out.lost.back().until == range.after) {
      out.lost.back().until = range.until;
    } else {
      out.lost.push_back(range);
    }
  }

  const View& view_;
  const DurationMs resolution_ms_;
  bool stored_ = false;
  std::vector<DurationMs> finer_;  // tiers that divide the resolution, coarsest first
  std::vector<TimedCell> finer_cells_;
};

}  // namespace

Result<std::vector<SeriesCells>> downsample(const View& view, std::size_t index,
                                            std::chrono::milliseconds resolution) {
  if (auto there = tiers::check_selector(view, index); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const DurationMs resolution_ms = resolution.count();
  if (resolution_ms <= 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("a resolution of {} ms", resolution_ms));
  }
  Downsampler downsampler(view, resolution_ms);
  std::vector<SeriesCells> out;
  for (const Series& series : view.series(index)) {
    auto cells = downsampler.read(series);
    if (!cells) return tl::unexpected<Error>(cells.error());
    if (!cells->cells.empty() || !cells->lost.empty()) out.push_back(std::move(*cells));
  }
  return out;
}

}  // namespace hygge
