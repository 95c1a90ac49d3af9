// The decoder of rows of cells: any bytes give cells that can be merged, or an error; the same
// cells whether or not their parts are wanted. What decodes must encode, and decode again to as
// many, with the same sketches.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "window/cell_row.h"

namespace {
using hygge::Cell;
using hygge::TimedCell;
using namespace hygge::windows;
constexpr hygge::DurationMs kResolutions[] = {kMinResolutionMs, 5 * hygge::kMinuteMs,
                                              hygge::kHourMs, hygge::kDayMs};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const hygge::DurationMs resolution_ms = kResolutions[data[0] % 4];
  const hygge::Bytes row{data + 1, size - 1};
  const hygge::TimeMs day_ms = 20'454 * hygge::kDayMs;
  std::vector<TimedCell> cells;
  CellSketches sketches;
  const auto parts = CellRowDecoder().decode(row, day_ms, resolution_ms, {}, cells, &sketches);
  if (!parts) return 0;
  std::vector<TimedCell> basic;
  if (!CellRowDecoder().decode(row, day_ms, resolution_ms, {false, false}, basic)) std::abort();
  if (basic.size() != cells.size()) std::abort();
  Cell all;
  for (const TimedCell& one : cells) all.merge(one.cell);
  if (parts->sketch) {
    hygge::CellValues values;
    append_values(cells, sketches, SketchScale(sketches.accuracy_ppm), values);
    if (values.size() != cells.size()) std::abort();
  }
  const std::string again = CellRowEncoder().encode(cells, day_ms, resolution_ms, *parts,
                                                    parts->sketch ? &sketches : nullptr);
  std::vector<TimedCell> second;
  CellSketches same;
  if (!CellRowDecoder().decode(hygge::as_bytes(again), day_ms, resolution_ms, {}, second, &same)) {
    std::abort();
  }
  if (second.size() != cells.size()) std::abort();
  if (same.keys != sketches.keys || same.counts != sketches.counts) std::abort();
  return 0;
}
