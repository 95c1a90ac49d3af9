#include <hygge/view.h>

#include <algorithm>
#include <array>
#include <roaring/roaring.hh>
#include <utility>

#include "base/assert.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "storage/db/cell_reader.h"
#include "storage/db/series_reader.h"
#include "storage/db/view_state.h"

namespace hygge {

namespace storage {

const Labels& ViewState::labels(const Entry& entry) const {
  // These bytes were checked when the series came in.
  return entry.labels.get(
      [&] { return labels_from_canonical(as_bytes(entry.canonical)).value_or(Labels()); });
}

const Partitions::Sealed* ViewState::find_day(std::int32_t partition) const {
  const auto at = std::lower_bound(
      sealed.begin(), sealed.end(), partition,
      [](const Partitions::Sealed& one, std::int32_t p) { return one.partition < p; });
  return at == sealed.end() || at->partition != partition ? nullptr : &*at;
}

bool ViewState::has_cells(std::int32_t partition, std::uint32_t series) const {
  const Partitions::Sealed* const day = find_day(partition);
  if (day == nullptr) return false;
  if (day->expired && day->expired->contains(series)) return true;
  if (day->open) return false;
  return !(day->dirty && day->dirty->contains(series)) &&
         !(day->fresh && day->fresh->contains(series));
}

bool ViewState::is_expired(std::int32_t partition, std::uint32_t series) const {
  if (!any_expired) return false;
  const Partitions::Sealed* const day = find_day(partition);
  return day != nullptr && day->expired && day->expired->contains(series);
}

std::optional<Metadata> find_metadata(const MetadataMap& metadata, std::string_view metric) {
  if (const auto at = metadata.find(std::string(metric)); at != metadata.end()) return at->second;
  for (const std::string_view suffix : {"_total", "_bucket", "_sum", "_count"}) {
    if (!metric.ends_with(suffix)) continue;
    const auto at = metadata.find(std::string(metric.substr(0, metric.size() - suffix.size())));
    if (at != metadata.end()) return at->second;
  }
  return std::nullopt;
}

}  // namespace storage

BlockCursor::BlockCursor(std::unique_ptr<storage::SeriesReader> reader) noexcept
    : reader_(std::move(reader)) {}
BlockCursor::BlockCursor(BlockCursor&&) noexcept = default;
BlockCursor& BlockCursor::operator=(BlockCursor&&) noexcept = default;
BlockCursor::~BlockCursor() = default;
const Block* BlockCursor::next() { return reader_->next(); }
const Error* BlockCursor::error() const noexcept { return reader_->error(); }

SeriesId Series::id() const noexcept { return {state_->entries[index_].id}; }
const Labels& Series::labels() const noexcept { return state_->labels(state_->entries[index_]); }
TimeMs Series::birth_ms() const noexcept { return state_->entries[index_].birth_ms; }

BlockCursor Series::blocks() const { return blocks(state_->range); }
BlockCursor Series::blocks(TimeRange range) const {
  return BlockCursor(
      std::make_unique<storage::SeriesReader>(*state_, state_->entries[index_], range));
}

Result<SeriesSamples> Series::samples() const { return samples(state_->range); }
Result<SeriesSamples> Series::samples(TimeRange range) const {
  SeriesSamples out;
  if (auto done = samples(range, out); !done) return tl::unexpected<Error>(std::move(done.error()));
  return out;
}
Result<void> Series::samples(TimeRange range, SeriesSamples& out) const {
  return storage::SeriesReader(*state_, state_->entries[index_], range).read(out);
}

Result<Series::CellsRead> Series::cells(DurationMs resolution_ms, CellParts needed, TimeRange range,
                                        std::vector<TimedCell>& out, CellValues* values) const {
  return state_->cell_reader().read(*state_, state_->entries[index_], resolution_ms, needed, range,
                                    out, values);
}

Result<Series::CellsRead> Series::cell_counts(DurationMs resolution_ms, TimeRange range,
                                              CellCounts& out) const {
  return state_->cell_reader().read_counts(*state_, state_->entries[index_], resolution_ms, range,
                                           out);
}

std::optional<bool> Series::has_cells(DurationMs resolution_ms, TimeRange range) const {
  return state_->cell_reader().has_row(*state_, state_->entries[index_], resolution_ms, range);
}

Result<Series::CellsRead> Series::expired_cells(DurationMs resolution_ms, CellParts needed,
                                                TimeRange range, std::vector<TimedCell>& out,
                                                CellValues* values) const {
  return state_->cell_reader().read_expired(*state_, state_->entries[index_], resolution_ms, needed,
                                            range, out, values);
}

namespace {

void add_sample(Series::Thinned& out, TimeMs t_ms, double v, std::uint64_t ordinal) {
  out.t.push_back(t_ms);
  out.v.push_back(v);
  out.ordinals.push_back(ordinal);
}

}  // namespace

Result<Series::CellsRead> Series::thinned(TimeRange range, std::span<const TimeMs> cuts,
                                          DurationMs longest_ms, Thinned& out) const {
  out.t.clear();
  out.v.clear();
  out.ordinals.clear();
  CellsRead read;
  std::uint64_t seen = 0;
  storage::SeriesReader reader(*state_, state_->entries[index_], range);
  for (;;) {
    if (const auto whole = reader.next_whole(cuts, longest_ms)) {
      add_sample(out, whole->first_ms, whole->v_first, seen);
      seen += whole->count;
      if (whole->count > 1) add_sample(out, whole->last_ms, whole->v_last, seen - 1);
      const std::uint32_t given = std::min(whole->count, 2U);
      ++read.chunks_skipped;
      read.samples += given;
      read.samples_skipped += whole->count - given;
      continue;
    }
    const Block* const block = reader.next();
    if (block == nullptr) break;
    read.samples += block->t.size();
    for (std::size_t i = 0; i < block->t.size(); ++i) {
      if (!is_stale(block->v[i])) add_sample(out, block->t[i], block->v[i], seen++);
    }
  }
  if (const Error* error = reader.error()) return tl::unexpected<Error>(*error);
  return read;
}

std::vector<TimeRange> Series::expired(TimeRange range) const {
  std::vector<TimeRange> out;
  if (!state_->any_expired) return out;
  const std::uint32_t id = state_->entries[index_].id;
  for (const storage::Partitions::Sealed& day : state_->sealed) {
    if (!day.expired || !day.expired->contains(id)) continue;
    const TimeRange whole = partition_range(day.partition);
    const TimeRange part{std::max(range.after, whole.after), std::min(range.until, whole.until)};
    if (part.empty()) continue;
    if (!out.empty() && out.back().until == part.after) {
      out.back().until = part.until;
    } else {
      out.push_back(part);
    }
  }
  return out;
}

View::View(std::shared_ptr<storage::ViewState> state) noexcept : state_(std::move(state)) {}
View::View(View&&) noexcept = default;
View& View::operator=(View&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
View::~View() {
  if (state_ && state_->process.forked()) storage::leave_alone(std::move(state_));
}

TimeRange View::range() const noexcept { return state_->range; }
std::size_t View::selector_count() const noexcept { return state_->by_selector.size(); }
std::span<const Series> View::series(std::size_t index) const noexcept {
  HYGGE_ASSERT(index < state_->by_selector.size());
  return state_->by_selector[index];
}
View::CellsAhead View::read_cells_ahead(std::span<const Series> series, DurationMs resolution_ms,
                                        TimeRange range, std::size_t max_bytes) const {
  std::vector<std::uint32_t> ids;
  ids.reserve(series.size());
  for (const Series& one : series) {
    HYGGE_ASSERT(one.state_ == state_.get());
    ids.push_back(one.id().value);
  }
  return state_->cell_reader().read_ahead(*state_, std::move(ids), resolution_ms, range, max_bytes);
}
std::span<const DurationMs> View::tiers() const noexcept { return state_->tiers; }
bool View::any_expired() const noexcept { return state_->any_expired; }
std::optional<Metadata> View::metadata(std::string_view metric) const {
  return storage::find_metadata(*state_->metadata, metric);
}

}  // namespace hygge
