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
    : view_(view), definition_(definition), series_(std::move(series)), needed_(needed) {
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

Result<void> SeriesReader::add_cells(const Series& series, DurationMs tier_ms,
                                     SliceCounter& counter) {
  for (std::size_t i = 0; i < cells_.size();) {
    if (counter.takes(cells_[i].cell)) {
      counter.add(cells_[i++].cell);
      continue;
    }
    std::size_t last = i;
    // Where there are no samples any more, no cell goes with its neighbours.
    const bool gone = !series.expired({cells_[i].start_ms, cells_[i].start_ms + tier_ms}).empty();
    for (std::size_t j = i + 1;
         !gone && j < cells_.size() && cells_[j].start_ms - cells_[last].start_ms <= kTogetherMs;
         ++j) {
      if (!counter.takes(cells_[j].cell)) last = j;
    }
    const TimeRange range{cells_[i].start_ms, cells_[last].start_ms + tier_ms};
    if (gone) {
      if (auto said = note_unserved(series, range, counter); !said) return said;
    }
    if (auto done = add_samples(series, range, counter); !done) return done;
    i = last + 1;
  }
  return {};
}

Result<void> SeriesReader::read(std::size_t index, Kind kind, SliceCounter& counter) {
  const Series& series = series_[index];
  if (view_.any_expired()) {
    const std::vector<TimeRange> expired = series.expired(needed_);
    if (!expired.empty()) return read_expired(series, expired, kind, counter);
  }
  if (!ahead_ || without_rows_ > kMostWithoutRows) return add_samples(series, needed_, counter);
  static_cast<void>(ahead_->prepare(view_, index, tiers::kReadAheadBytes));
  if (auto done = add_samples(series, {needed_.after, whole_.after}, counter); !done) return done;
  cells_.clear();
  const auto read = series.cells(source_.tier_ms, SliceCounter::parts_of(kind), whole_, cells_);
  if (!read) return tl::unexpected<Error>(read.error());
  source_.cells += read->cells;
  source_.samples += read->samples;
  without_rows_ = read->rows > 0 ? 0 : without_rows_ + 1;
  return add_cells(series, source_.tier_ms, counter);
}

// Expired parts from cells, the others as samples or cells between them.
Result<void> SeriesReader::read_expired(const Series& series, std::span<const TimeRange> expired,
                                        Kind kind, SliceCounter& counter) {
  TimeMs at = needed_.after;
  const auto live = [&](TimeMs until) -> Result<void> {
    const TimeRange range{at, until};
    at = until;
    if (range.empty()) return {};
    const DurationMs tier = source_.tier_ms;
    const TimeMs whole = tier == 0 ? until : std::min(slice_end(range.after, tier), until);
    if (auto done = add_samples(series, {range.after, whole}, counter); !done) return done;
    if (whole == until) return {};
    cells_.clear();
    const auto read = series.cells(tier, SliceCounter::parts_of(kind), {whole, until}, cells_);
    if (!read) return tl::unexpected<Error>(read.error());
    source_.cells += read->cells;
    source_.samples += read->samples;
    return add_cells(series, tier, counter);
  };
  for (const TimeRange& range : expired) {
    if (auto done = live(range.after); !done) return done;
    for (; at < range.until; at = std::min(slice_end(at + 1, kDayMs), range.until)) {
      const TimeRange day{at, std::min(slice_end(at + 1, kDayMs), range.until)};
      if (auto done = read_day(series, day, kind, counter); !done) return done;
    }
  }
  return live(needed_.until);
}

// The coarsest tier that serves and has the day; one of them, for cells must not overlap.
Result<void> SeriesReader::read_day(const Series& series, TimeRange day, Kind kind,
                                    SliceCounter& counter) {
  const auto tiers = view_.tiers();
  for (auto tier = tiers.rbegin(); tier != tiers.rend(); ++tier) {
    if (definition_.step_ms % *tier != 0 || *tier > definition_.lookback_ms) continue;
    cells_.clear();
    const auto read = series.expired_cells(*tier, SliceCounter::parts_of(kind), day, cells_);
    if (!read) return tl::unexpected<Error>(read.error());
    if (read->rows == 0) continue;
    source_.tier_ms = std::max(source_.tier_ms, *tier);
    source_.cells += read->cells;
    // One that the beginning cuts belongs to the lookback at most.
    std::erase_if(cells_, [&](const TimedCell& cell) { return cell.start_ms < day.after; });
    return add_cells(series, *tier, counter);
  }
  return note_unserved(series, day, counter);
}

Result<void> SeriesReader::note_unserved(const Series& series, TimeRange range,
                                         SliceCounter& counter) {
  counter.add_unknown(range);
  source_.unserved_until_ms =
      std::max(source_.unserved_until_ms.value_or(range.until), range.until);
  for (const DurationMs tier : view_.tiers()) {
    if (tier > definition_.lookback_ms || definition_.step_ms % tier == 0) continue;
    std::vector<TimedCell> cells;
    const auto read = series.expired_cells(tier, {false, false}, range, cells);
    if (!read) return tl::unexpected<Error>(read.error());
    if (read->rows == 0) continue;
    source_.served_step_ms = std::max(source_.served_step_ms, tier);
    break;
  }
  return {};
}

Result<bool> SeriesReader::has_sample(std::size_t index, Kind kind, TimeRange range) {
  const Series& series = series_[index];
  BlockCursor blocks = series.blocks(range);
  while (const Block* block = blocks.next()) {
    for (const double v : block->v) {
      if (is_sample(kind, v)) return true;
    }
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  if (!view_.any_expired()) return false;
  for (const TimeRange& part : series.expired(range)) {
    for (const DurationMs tier : view_.tiers()) {
      std::vector<TimedCell> cells;
      const auto read = series.expired_cells(tier, {false, false}, part, cells);
      if (!read) return tl::unexpected<Error>(read.error());
      if (read->rows == 0) continue;
      const bool any = std::any_of(cells.begin(), cells.end(), [&](const TimedCell& one) {
        const Cell::Counter& counter = one.cell.counter;
        return counter.n > 0 &&
               (part.contains(counter.t_first_ms) || part.contains(counter.t_last_ms));
      });
      if (any) return true;
      break;
    }
  }
  return false;
}

}  // namespace hygge::slo
