// The tier planner: whether the windows of a question are answered from cells, from which, and
// where samples are read beside them. The answers are those of the samples either way.
//
// The timeline is cut at the beginning and end of each window. Where a cut falls into an interval
// of the tier, that interval is read as samples, cut there; everything between is read as cells. So
// a window is whole cells and at most two ragged edges, merged.
//
// Days whose samples have expired are read as cells whatever that costs: of the coarsest tier that
// no window cuts there, else of the finest. What is cut even so is left out, and said (expired.cc).
// Quantiles are read from sketches there, and where a tier is asked for; which is said too.
#pragma once

#include <hygge/time.h>
#include <hygge/view.h>
#include <hygge/window.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "window/cell_quantiles.h"
#include "window/function.h"

namespace hygge::tiers {

/// Errors: invalid_argument (the view has no such selector).
[[nodiscard]] Result<void> check_selector(const View& view, std::size_t index);

/// None: the planner decides; 0: samples; else this tier where it can be exact.
using Choice = std::optional<DurationMs>;

/// The windows of one function over a grid, and how they are read.
class Windows {
 public:
  Windows(const windows::Spec& spec, const Steps& grid, DurationMs offset_ms, const View& view,
          Choice choice);

  /// 0: from samples.
  [[nodiscard]] DurationMs tier_ms() const noexcept { return tier_ms_; }
  /// Whether chunks that no window cuts are read by their summaries, where no cells are.
  [[nodiscard]] bool thins() const noexcept { return thins_; }
  /// Why, in a few words: for people.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// Whether evaluate() is to be asked for the series: where the ones before had no cells, the next
  /// ones are cheaper as samples, unless those have expired.
  [[nodiscard]] bool worth_asking(const Series& series);

  /// Fills `out` for one series that is worth asking. Errors: those of reading.
  [[nodiscard]] Result<Series::CellsRead> evaluate(const Series& series, windows::RowOut out);
  /// The tiers that it has read rows of, rising.
  [[nodiscard]] std::span<const DurationMs> tiers_read() const noexcept { return tiers_read_; }
  /// Of all series so far.
  [[nodiscard]] const std::optional<Inexact>& inexact() const noexcept { return inexact_; }
  [[nodiscard]] std::optional<Inexact> take_inexact() { return std::exchange(inexact_, {}); }
  /// Whether samples of some series so far have expired.
  [[nodiscard]] bool met_expired() const noexcept { return met_expired_; }
  /// Of the cells of the series that was evaluated last.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return cells_.capacity() * sizeof(TimedCell) + ends_.capacity() * sizeof(TimeMs) +
           counts_.memory_bytes() + values_.memory_bytes() +
           thinned_.t.capacity() * (sizeof(TimeMs) + sizeof(double) + sizeof(std::uint64_t));
  }

  /// The whole cells that hold all windows; empty from samples.
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
  void choose(Choice choice);
  void choose_chunks(Choice choice);
  [[nodiscard]] bool asks_for_cells() const noexcept;
  [[nodiscard]] bool lacks_cells(const Series& series) const;
  Result<Series::CellsRead> evaluate_thinned(const Series& series, windows::RowOut out);
  void note_read(DurationMs tier_ms);
  Result<Series::CellsRead> read_segment(const Series& series, TimeRange range, CellParts parts,
                                         std::vector<TimedCell>& edge,
                                         CellValues* values = nullptr);

  // expired.cc
  struct Day {
    TimeRange range;
    DurationMs tier_ms;  ///< 0: nothing is left
  };
  [[nodiscard]] std::vector<Day> plan_days(std::span<const TimeRange> expired) const;
  [[nodiscard]] bool is_cut(TimeRange range, DurationMs tier_ms) const;
  [[nodiscard]] std::vector<DurationMs> readable_tiers() const;
  Result<Series::CellsRead> evaluate_from_days(const Series& series, windows::RowOut out);
  Result<void> read_live(const Series& series, TimeRange range, CellParts parts,
                         Series::CellsRead& total);
  Result<void> read_expired(const Series& series, const Day& day, CellParts parts,
                            Series::CellsRead& total);
  void look_for_edges(TimeMs expired_until_ms, std::span<const windows::QuantileBound> sketched,
                      windows::RowOut out);
  [[nodiscard]] CellValues* values() noexcept {
    return spec_.function == windows::Function::quantile ? &values_ : nullptr;
  }

  windows::Spec spec_;
  std::vector<DurationMs> stored_;
  bool any_expired_;
  Steps grid_;
  DurationMs offset_ms_;
  TimeRange hull_;
  DurationMs tier_ms_ = 0;
  std::string why_;
  bool chosen_ = false;  // by who asks
  Choice choice_;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
  std::vector<Segment> segments_;
  std::vector<TimedCell> cells_;
  CellCounts counts_;
  std::vector<DurationMs> tiers_read_;
  CellValues values_;         // of cells_, for quantiles
  std::vector<TimeMs> ends_;  // of cells_, for quantiles and where samples have expired
  bool thins_ = false;
  Series::Thinned thinned_;
  std::vector<TimeMs> cuts_;  // of windows that thin, and where samples have expired
  // Where samples have expired:
  std::vector<TimeRange> lost_;  // days of which nothing is left that would do
  std::optional<Inexact> inexact_;
  bool met_expired_ = false;
};

/// Adds what other windows lack; in any order it comes to the same.
void merge(std::optional<Inexact>& into, const Inexact& one);

/// Reads the rows of cells of a selector's series ahead, as many at a time as memory allows.
class ReadAhead {
 public:
  ReadAhead(std::span<const Series> series, DurationMs tier_ms, TimeRange cells) noexcept
      : series_(series), tier_ms_(tier_ms), cells_(cells) {}

  /// Before series `index` is asked: whether rows were read now, and then in bytes().
  bool prepare(const View& view, std::size_t index, std::size_t max_bytes) {
    if (index < until_ || tier_ms_ == 0) return false;
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
