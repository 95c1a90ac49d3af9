// The tier planner: whether the windows of a question are answered from cells, from which, and
// where samples are read beside them. The answers are those of the samples either way.
//
// The timeline is cut at the beginning and end of each window. Where a cut falls into an interval
// of the tier, that interval is read as samples, cut there; everything between is read as cells. So
// a window is whole cells and at most two ragged edges, merged.
#pragma once

#include <hygge/time.h>
#include <hygge/view.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "window/function.h"

namespace hygge::tiers {

/// None: the planner decides; 0: samples; else this tier where it can be exact.
using Choice = std::optional<DurationMs>;

/// The windows of one function over a grid, and how they are read.
class Windows {
 public:
  /// `stored`: the tiers of the view, rising.
  Windows(const windows::Spec& spec, const Steps& grid, DurationMs offset_ms,
          std::span<const DurationMs> stored, Choice choice);

  /// 0: from samples.
  [[nodiscard]] DurationMs tier_ms() const noexcept { return tier_ms_; }
  /// Why, in a few words: for people.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// Whether the series asked so far have had cells: if not, the next ones are cheaper as samples.
  [[nodiscard]] bool worth_asking() const noexcept {
    constexpr std::size_t kMisses = 8;
    return tier_ms_ > 0 && (chosen_ || misses_ < hits_ + kMisses);
  }

  /// Fills `out` for one series, with tier_ms() > 0. Errors: those of reading.
  [[nodiscard]] Result<Series::CellsRead> evaluate(const Series& series, windows::RowOut out);
  /// Of the cells of the series that was evaluated last.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return cells_.capacity() * sizeof(TimedCell) + counts_.memory_bytes();
  }

  /// The whole cells that hold all windows.
  [[nodiscard]] TimeRange cells_range() const noexcept;

 private:
  struct Segment {
    TimeRange range;
    bool cells;
  };
  [[nodiscard]] std::vector<TimeMs> cuts() const;
  [[nodiscard]] std::vector<Segment> segments(DurationMs tier_ms,
                                              const std::vector<TimeMs>& cuts) const;
  [[nodiscard]] std::string unfit(DurationMs tier_ms) const;
  void choose(std::span<const DurationMs> stored, Choice choice);

  windows::Spec spec_;
  Steps grid_;
  DurationMs offset_ms_;
  TimeRange hull_;
  DurationMs tier_ms_ = 0;
  std::string why_;
  bool chosen_ = false;  // by who asks
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
  std::vector<Segment> segments_;
  std::vector<TimedCell> cells_;
  CellCounts counts_;
};

/// Reads the rows of cells of a selector's series ahead, as many at a time as memory allows.
class ReadAhead {
 public:
  ReadAhead(std::span<const Series> series, DurationMs tier_ms, TimeRange cells) noexcept
      : series_(series), tier_ms_(tier_ms), cells_(cells) {}

  /// Before series `index` is asked: whether rows were read now, and then in bytes().
  bool prepare(const View& view, std::size_t index, std::size_t max_bytes) {
    if (index < until_) return false;
    const auto ahead = view.read_cells_ahead(series_.subspan(index), tier_ms_, cells_, max_bytes);
    until_ = index + ahead.series;
    bytes_ = ahead.bytes;
    return true;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::span<const Series> series_;
  DurationMs tier_ms_;
  TimeRange cells_;
  std::size_t until_ = 0;
  std::size_t bytes_ = 0;
};
/// What is read ahead at a time where nobody says how much: the 1 h rows of 1,000 counters of 90
/// days take 18 MB.
inline constexpr std::size_t kReadAheadBytes = 32U << 20U;

}  // namespace hygge::tiers
