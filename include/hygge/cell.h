// The rollup cell: what a window function needs to know about an interval, so that the function
// over cells is the function over the samples.
#pragma once

#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace hygge {

/// The state of the samples of one series in an interval. A value type. Samples are added in the
/// order of their times, and cells that are merged follow each other in time; how an interval is
/// cut into cells does not matter: counts, extremes and what is made of integers come out
/// bit-equal, sums within 1e-12 · Σ|v|, variances within 1e-12 · max v² (as long as nothing
/// overflows).
struct Cell {
  /// What exact counts need, where only finite values are samples.
  struct Counter {
    std::uint64_t n = 0;
    TimeMs t_first_ms = 0, t_last_ms = 0;
    double v_first = 0, v_last = 0;
    double increase = 0;  ///< sum of the reset-adjusted steps between samples inside
    friend bool operator==(const Counter&, const Counter&) = default;
  };

  std::uint64_t n = 0;  ///< samples; staleness markers are none
  TimeMs t_first_ms = 0, t_last_ms = 0;
  double v_first = 0, v_last = 0;
  TimeMs t_before_last_ms = 0;  ///< the last but one; n >= 2
  double v_before_last = 0;
  bool stale_at_end = false;  ///< a staleness marker follows the last sample

  Counter counter;
  std::uint64_t resets = 0;  ///< falls from one sample to the next
  std::uint64_t changes = 0;
  double fallen = 0;  ///< sum of the values just before a fall: v_last − v_first + fallen is
                      ///< what Prometheus' rate() extrapolates

  double min = 0, max = 0;            ///< NaN only if all are
  TimeMs t_min_ms = 0, t_max_ms = 0;  ///< of equal values, the last
  double sum = 0, sum_lost = 0;       ///< compensated: the sum is their sum
  double mean = 0, m2 = 0;            ///< Σ(v − mean)²
  double t_mean = 0;                  ///< mean time in seconds after t_first_ms
  double t_m2 = 0, tv_m2 = 0;  ///< Σ(t − t_mean)², Σ(t − t_mean)(v − mean), for regression

  static constexpr DurationMs kAnyGap = std::numeric_limits<DurationMs>::max();

  /// Adds a sample later than all before; a staleness marker too.
  void add(const Sample& sample) noexcept;
  /// Adds the cell of an interval that follows. The step between the two counts as increase unless
  /// it is longer than `lookback_ms`; those inside a cell always do, so a cell's interval must not
  /// exceed a lookback that is to be kept.
  void merge(const Cell& next, DurationMs lookback_ms = kAnyGap) noexcept;

  [[nodiscard]] bool empty() const noexcept { return n == 0; }
  [[nodiscard]] double sum_value() const noexcept;
  [[nodiscard]] std::optional<double> avg() const noexcept;     ///< none when empty
  [[nodiscard]] std::optional<double> stdvar() const noexcept;  ///< population; none when empty
};

/// What a cell holds beside counts, first, last and resets: the parts that cost most.
struct CellParts {
  bool spread = true;      ///< sum, mean, M2, extremes and their times
  bool regression = true;  ///< the moments of time
  bool sketch = false;     ///< what CellValues says; beside the Cell
  friend bool operator==(const CellParts&, const CellParts&) = default;
  /// Whether a cell with these parts answers what takes `needed`.
  [[nodiscard]] bool cover(const CellParts& needed) const noexcept {
    return (spread || !needed.spread) && (regression || !needed.regression) &&
           (sketch || !needed.sketch);
  }
};

/// A cell and its interval (start_ms, start_ms + resolution].
struct TimedCell {
  TimeMs start_ms = 0;
  Cell cell;
};

/// The samples of cells by value, for quantiles: as they are, or from the quantile sketches of
/// stored cells (RollupRule::sketch_ppm). Entries [ends[i − 1], ends[i]) are of cell i, in no
/// particular order: n[j] samples of about v[j]. With `accuracy[i]` α, the k-th least of the
/// samples is within α · |itself| of the k-th least entry, for each k, and so over any cells
/// together; NaN sorts lowest. The least and the greatest sample of a cell are exact, as are NaN
/// and infinities.
struct CellValues {
  std::vector<double> v;
  std::vector<std::uint64_t> n;
  std::vector<std::size_t> ends;
  std::vector<double> accuracy;  ///< 0: samples as they are

  [[nodiscard]] std::size_t size() const noexcept { return ends.size(); }
  [[nodiscard]] std::size_t begin_of(std::size_t cell) const noexcept {
    return cell == 0 ? 0 : ends[cell - 1];
  }
  /// Keeps the first `cells`, or appends cells without samples.
  void resize(std::size_t cells);
  /// Adds to the last cell.
  void add(double value, std::uint64_t count) {
    v.push_back(value);
    n.push_back(count);
    ++ends.back();
  }
  /// Appends a cell of others.
  void push_back(const CellValues& from, std::size_t cell);
  /// Of the columns, their spare room included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
};

/// Accuracies of quantile sketches, in millionths: 0.1 % to 10 %.
inline constexpr std::uint32_t kMinSketchPpm = 1'000;
inline constexpr std::uint32_t kMaxSketchPpm = 100'000;

/// What counts, rates and the like read of cells that follow each other, column by column: a
/// quarter of the memory of whole cells, and several times as fast to read. Element i of each
/// column is of cell i, and means what the member of Cell of that name does.
struct CellCounts {
  std::vector<TimeMs> start_ms, t_first_ms, t_last_ms;
  std::vector<std::uint64_t> n;  ///< 0: nothing but a staleness marker
  std::vector<double> v_first, v_last, fallen;
  std::vector<std::uint8_t> stale_at_end;

  static constexpr std::size_t kBytesPerCell = 7 * 8 + 1;

  [[nodiscard]] std::size_t size() const noexcept { return start_ms.size(); }
  /// Keeps the first `count`, or makes room for more; what is new is 0.
  void resize(std::size_t count);
  void set(std::size_t index, const TimedCell& cell);
  void push_back(const TimedCell& cell);
  /// Of the columns, their spare room included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
};

}  // namespace hygge
