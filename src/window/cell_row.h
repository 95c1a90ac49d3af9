// A row of cells as the store has it: all cells of one series, partition and resolution, column by
// column.
//
//   byte     version, 1
//   byte     bit 0 spread, bit 1 regression, bit 2 sketch (both never without spread); other bits 0
//   varint   n, cells: 1 … kMaxRowCells
//   byte     d, index of pack::kDivisors: values are integers / that; 0xff: doubles as they are
//   sketches with bit 2: varint bytes, then that many, as in sketch_row.h
//   varint   odd cells; for each: varint gap (index − previous index − 1; the first: index), then
//            the cell as it is (below)
//   columns  varint bytes, then that many: a block of n integers or of n values, as in
//            codec/pack/format.h. What a column says of an odd cell means nothing.
//
//    0 int   k: the cell is (start + k·R, start + (k + 1)·R], start that of the partition; rising
//    1 int   n
//    2 int   end of the cell − t_last
//    3 int   t_first − start of the cell
//    4 int   t_last − t_before_last; 0 where n = 1
//    5       v_last
//    6       v_first          with d: − v_last of the cell before (0 for the first)
//    7       v_before_last    with d: v_last − it; 0 where n = 1
//    8       fallen
//    9 int   resets
//   10 int   n − 1 − changes
//   11 int   1: a staleness marker follows the last sample
//   spread:
//   12       min              with d: the smaller of first and last − it
//   13       max              with d: it − the larger of first and last
//   14 int   p: where t_min lies, in steps of (t_last − t_first) / (n − 1), rounded; 0 if n = 1
//   15 int   t_min − t_first − (t_last − t_first)·p / (n − 1)
//   16 int   as 14, of t_max
//   17 int   as 15, of t_max
//   18 value sum
//   19 value M2, rounded to 40 bits of fraction
//   regression:
//   20 value t_mean
//   21 value Σ(t − t_mean)²
//   22 value Σ(t − t_mean)(v − mean)
//
// With d, columns 5 to 8, 12 and 13 are integers (modulo 2^64), else values. The rest follows:
// increase = v_last − v_first + fallen, mean = sum / n. Cells of which that is not true are odd: a
// NaN or an infinity inside, no sample at all, a sum that overflows.
//
//   odd      varint n | byte stale | varint resets | varint changes | zigzag times from the start
//            of the cell: first, last, before last, min, max | u64le bits: v_first, v_last,
//            v_before_last, fallen, min, max, sum, sum_lost, mean, m2, t_mean, t_m2, tv_m2 |
//            counter: varint n | zigzag first, last | u64le bits: v_first, v_last, increase
//
// There is no checksum: the store's blocks have one.
#pragma once

#include <hygge/cell.h>
#include <hygge/error.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "window/cell_builder.h"
#include "window/sketch.h"

namespace hygge::windows {

inline constexpr std::uint8_t kCellRowVersion = 1;
/// How rows are computed: raised when equal samples no longer give the bytes that they gave, so
/// that databases have their rows made again. 2: sums of squares in four lanes.
inline constexpr std::uint8_t kCellRowRevision = 2;
inline constexpr std::size_t kMaxRowCells = 8'640;
/// Tiers divide the day, and a day has at most kMaxRowCells of them.
inline constexpr DurationMs kMinResolutionMs = 10 * kSecondMs;
[[nodiscard]] constexpr bool is_resolution(DurationMs ms) noexcept {
  return ms >= kMinResolutionMs && ms <= kDayMs && kDayMs % ms == 0;
}

/// Encodes row after row; keeps its memory between calls. One thread at a time.
class CellRowEncoder {
 public:
  CellRowEncoder();
  CellRowEncoder(CellRowEncoder&&) noexcept;
  CellRowEncoder& operator=(CellRowEncoder&&) noexcept;
  ~CellRowEncoder();

  /// The row of 1 … kMaxRowCells cells of resolution R, in order, of the day after `day_ms`.
  /// `parts` says what the cells hold, `sketches` are theirs: null without that part. More than
  /// kMaxRowBuckets buckets are left out. Equal input gives equal bytes. O(n).
  [[nodiscard]] std::string encode(std::span<const TimedCell> cells, TimeMs day_ms,
                                   DurationMs resolution_ms, CellParts parts,
                                   const CellSketches* sketches = nullptr);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a row holds, without decoding it. Errors: as decode.
struct CellRowFacts {
  std::size_t cells = 0;
  CellParts parts;
  std::size_t sketch_bytes = 0;
  std::uint32_t sketch_ppm = 0;  ///< their accuracy
};
[[nodiscard]] Result<CellRowFacts> describe_row(Bytes row);

/// Decodes row after row; keeps its memory between calls. One thread at a time.
class CellRowDecoder {
 public:
  CellRowDecoder();
  CellRowDecoder(CellRowDecoder&&) noexcept;
  CellRowDecoder& operator=(CellRowDecoder&&) noexcept;
  ~CellRowDecoder();

  /// Appends the cells of a row, which may be any bytes, to `out`; the parts that are not `wanted`
  /// are left 0. Sums within 1e-15 · |sum|, M2 within 5e-13 · M2 of what was encoded; all else is
  /// equal. `sketches`, where wanted, become those of the cells appended: none of cells of up to
  /// kSamplesInCell samples. Errors: version (a newer row), corruption; `out` is as it was then.
  [[nodiscard]] Result<CellParts> decode(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                         CellParts wanted, std::vector<TimedCell>& out,
                                         CellSketches* sketches = nullptr);
  /// The same for the cells that begin in [range.after, range.until), and what CellCounts has of
  /// them; both are multiples of the resolution, of the day. Errors: as decode, damage in columns
  /// that are not read apart.
  [[nodiscard]] Result<void> decode_counts(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                           TimeRange range, CellCounts& out);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hygge::windows
