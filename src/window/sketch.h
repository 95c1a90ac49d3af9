// Quantile sketches of cells: how many samples lie in each bucket of values, after Masson, Rim and
// Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
// 2019. Buckets get wider with the values in them, so that a bucket's middle is within a stated
// share of each value that it holds.
//
// A sketch of a set of samples is a set of counts: of two sets together it is the sum of theirs,
// whatever the order.
#pragma once

#include <hygge/cell.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hygge::windows {

/// A bucket: they rise with the values. The middle of a scale is 0, for 0 and −0.
using SketchKey = std::int32_t;

/// The buckets of an accuracy α: m to each factor of 2, the fewest that do. Those of the binade
/// [2^e, 2^(e + 1)) begin at 2^e · r^k, k in 0 … m − 1, where r^m = 2; negative values mirror them.
/// NaN, infinities and zeros have buckets of their own. Values below 2^−1022 count as zeros.
///
/// Only multiplication, division and comparison are used: the same keys on every machine.
class SketchScale {
 public:
  /// `accuracy_ppm` is α in millionths: kMinSketchPpm … kMaxSketchPpm.
  explicit SketchScale(std::uint32_t accuracy_ppm);

  [[nodiscard]] std::uint32_t accuracy_ppm() const noexcept { return accuracy_ppm_; }
  /// m.
  [[nodiscard]] std::int32_t per_binade() const noexcept { return per_binade_; }

  [[nodiscard]] SketchKey key_of(double v) const noexcept;
  /// A value within α · |v| of every v that has this key.
  [[nodiscard]] double value_of(SketchKey key) const noexcept;
  [[nodiscard]] bool is_key(std::int64_t key) const noexcept {
    return key >= nan_key() && key <= infinity_key();
  }
  [[nodiscard]] SketchKey nan_key() const noexcept { return -infinity_key() - 1; }
  [[nodiscard]] SketchKey infinity_key() const noexcept { return kBinades * per_binade_ + 1; }

 private:
  static constexpr std::int32_t kBinades = 2'046;  ///< of normal numbers
  static constexpr unsigned kSlotBits = 8;

  bool try_buckets(std::int32_t per_binade, double accuracy);

  std::uint32_t accuracy_ppm_;
  std::int32_t per_binade_ = 0;
  std::vector<double> begins_;        ///< r^k; the last is 2
  std::vector<double> middles_;       ///< between begins_[k] and [k + 1]
  std::vector<std::int32_t> by_top_;  ///< k of the least fraction with these top bits
};

/// The scale that was used last: making one takes some microseconds.
class SketchScales {
 public:
  /// Of kMinSketchPpm … kMaxSketchPpm; stands until the next call.
  [[nodiscard]] const SketchScale& of(std::uint32_t accuracy_ppm);

 private:
  std::optional<SketchScale> scale_;
};

/// The sketches of cells: buckets [ends[i − 1], ends[i]) are those of cell i, their keys rising.
struct CellSketches {
  std::uint32_t accuracy_ppm = 0;
  std::vector<SketchKey> keys;
  std::vector<std::uint64_t> counts;  ///< ≥ 1
  std::vector<std::size_t> ends;      ///< one for each cell

  void clear() noexcept {
    keys.clear();
    counts.clear();
    ends.clear();
  }
  [[nodiscard]] std::size_t begin_of(std::size_t cell) const noexcept {
    return cell == 0 ? 0 : ends[cell - 1];
  }
  /// Appends that of a cell of others, which are of the same accuracy.
  void push_back(const CellSketches& from, std::size_t cell);
};

/// The sketches of cells that add_to_cells() or coarser() made. Keeps its memory between calls.
class SketchBuilder {
 public:
  /// Replaces `out` by the sketches of `cells`, which are of resolution R, from their samples.
  void build(std::span<const TimeMs> t, std::span<const double> v, std::span<const TimedCell> cells,
             DurationMs resolution_ms, const SketchScale& scale, CellSketches& out);
  /// The same from the sketches of finer cells, whose resolution divides R.
  void coarser(std::span<const TimedCell> finer, const CellSketches& of_finer,
               std::span<const TimedCell> cells, DurationMs resolution_ms, CellSketches& out);

 private:
  struct Bucket {
    SketchKey key;
    std::uint64_t count;
  };
  void add(SketchKey key, std::uint64_t count);
  void close(CellSketches& out);

  std::vector<Bucket> pending_;
  std::vector<std::uint64_t> tally_;
};

/// A cell of so few samples has all of them among its values: the first, the last and the last but
/// one. It needs no sketch.
inline constexpr std::uint64_t kSamplesInCell = 3;

/// Appends the values of cells and their sketches: exact extremes, middles of buckets between them.
/// `scale` is that of the sketches.
void append_values(std::span<const TimedCell> cells, const CellSketches& sketches,
                   const SketchScale& scale, CellValues& out);

/// Appends samples to the values of `cells` that add_to_cells() made of them, staleness markers
/// left out. `from` is the first cell that `out` holds nothing of, or its last.
void add_to_values(std::span<const TimeMs> t, std::span<const double> v, DurationMs resolution_ms,
                   std::span<const TimedCell> cells, CellValues& out);

}  // namespace hygge::windows
