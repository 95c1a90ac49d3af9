// The quantile sketches of a row of cells.
//
//   varint   A: the accuracy in millionths, 1,000 … 100,000
//   varint   c: cells of more than three samples; the others hold their samples themselves
//   varint   b: buckets of all, c … kMaxRowBuckets
//   numbers  c: buckets of each cell, at least 1
//   numbers  c: the lowest key of each cell
//   numbers  b − c: of the other buckets, key − key of the one before − 1
//   numbers  b: count − 1
//
// Numbers are blocks of integers, as in codec/pack/format.h, of kSketchBlock each, the last one of
// the rest: varint bytes, then that many. A key is that of sketch.h; the counts of a cell make its
// n.
#pragma once

#include <hygge/cell.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/pack/pack.h"
#include "window/sketch.h"

namespace hygge::windows {

inline constexpr std::size_t kSketchBlock = 32'768;
/// A few bytes can stand for a block of equal numbers: what a row may unpack to has a bound, which
/// a day reaches with 24 samples a second that all differ. Such a day has no sketches.
inline constexpr std::size_t kMaxRowBuckets = std::size_t{1} << 21U;

/// Appends those of all `cells`.
void put_sketches(std::span<const TimedCell> cells, const CellSketches& sketches,
                  pack::Encoder& with, std::string& out);

/// What is wrong with `bytes`, which may be any, behind which pack::kReadPadBytes are readable;
/// null: nothing, and `out`, which had as many empty ones, has the sketches of `cells`. `scratch`
/// is memory to be kept.
[[nodiscard]] const char* read_sketches(Bytes bytes, std::span<const TimedCell> cells,
                                        SketchScales& scales, std::vector<std::int64_t>& scratch,
                                        CellSketches& out);

}  // namespace hygge::windows
