#include "slo/read.h"

#include <algorithm>

namespace hygge::slo {

namespace {

// Below this a few chunks of samples are as fast as the cells of a day.
constexpr DurationMs kWorthCellsMs = 12 * kHourMs;
// Series without any stored cells after which the next ones are read as samples at once.
constexpr std::size_t kMostWithoutRows = 8;
// Cells that cannot be taken, as near as this to each other, are read as samples in one go: a chunk
// holds about so much.
constexpr DurationMs kTogetherMs = 4 * kHourMs;

}  // namespace

DurationMs tier_for(const Definition& definition, std::span<const DurationMs> tiers) {
  DurationMs found = 0;
  for (const DurationMs tier : tiers) {
    if (definition.step_ms % tier == 0 && tier <= definition.lookback_ms) found = tier;
  }
  return found;
}

SeriesReader::SeriesReader(std::span<const DurationMs> tiers, const Definition& definition,
                           TimeRange needed)
    : needed_(needed) {
  if (needed.until - needed.after >= kWorthCellsMs) {
    source_.tier_ms = tier_for(definition, tiers);
  }
}

Result<void> SeriesReader::add_samples(const Series& series, TimeRange range,
                                       SliceCounter& counter) {
  if (range.empty()) return {};
  BlockCursor blocks = series.blocks(range);
  while (const Block* block = blocks.next()) {
    counter.add(block->t, block->v);
    source_.samples += block->t.size();
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  return {};
}

Result<void> SeriesReader::add_cells(const Series& series, SliceCounter& counter) {
  for (std::size_t i = 0; i < cells_.size();) {
    if (counter.takes(cells_[i].cell)) {
      counter.add(cells_[i++].cell);
      continue;
    }
    std::size_t last = i;
    for (std::size_t j = i + 1;
         j < cells_.size() && cells_[j].start_ms - cells_[last].start_ms <= kTogetherMs; ++j) {
      if (!counter.takes(cells_[j].cell)) last = j;
    }
    const TimeRange range{cells_[i].start_ms, cells_[last].start_ms + source_.tier_ms};
    if (auto done = add_samples(series, range, counter); !done) return done;
    i = last + 1;
  }
  return {};
}

Result<void> SeriesReader::read(const Series& series, Kind kind, SliceCounter& counter) {
  const DurationMs tier = source_.tier_ms;
  if (tier == 0 || without_rows_ > kMostWithoutRows) return add_samples(series, needed_, counter);
  // The end is one of slices, hence of cells; the beginning may not be.
  const TimeMs whole = std::min(slice_end(needed_.after, tier), needed_.until);
  if (auto done = add_samples(series, {needed_.after, whole}, counter); !done) return done;
  cells_.clear();
  const auto read =
      series.cells(tier, SliceCounter::parts_of(kind), {whole, needed_.until}, cells_);
  if (!read) return tl::unexpected<Error>(read.error());
  source_.cells += read->cells;
  source_.samples += read->samples;
  without_rows_ = read->rows > 0 ? 0 : without_rows_ + 1;
  return add_cells(series, counter);
}

}  // namespace hygge::slo
