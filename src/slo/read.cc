#include "slo/read.h"

#include <algorithm>
#include <utility>

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

SeriesReader::SeriesReader(const View& view, std::vector<Series> series,
                           const Definition& definition, TimeRange needed)
    : view_(view), series_(std::move(series)), needed_(needed) {
  if (needed.until - needed.after < kWorthCellsMs) return;
  const DurationMs tier = tier_for(definition, view.tiers());
  if (tier == 0) return;
  source_.tier_ms = tier;
  whole_ = {std::min(slice_end(needed.after, tier), needed.until), needed.until};
  ahead_.emplace(series_, tier, whole_);
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

Result<void> SeriesReader::read(std::size_t index, Kind kind, SliceCounter& counter) {
  const Series& series = series_[index];
  if (!ahead_ || without_rows_ > kMostWithoutRows) return add_samples(series, needed_, counter);
  static_cast<void>(ahead_->prepare(view_, index, tiers::kReadAheadBytes));
  if (auto done = add_samples(series, {needed_.after, whole_.after}, counter); !done) return done;
  cells_.clear();
  const auto read = series.cells(source_.tier_ms, SliceCounter::parts_of(kind), whole_, cells_);
  if (!read) return tl::unexpected<Error>(read.error());
  source_.cells += read->cells;
  source_.samples += read->samples;
  without_rows_ = read->rows > 0 ? 0 : without_rows_ + 1;
  return add_cells(series, counter);
}

}  // namespace hygge::slo
