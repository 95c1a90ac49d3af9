#include "storage/db/cell_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/partition.h"
#include "storage/db/series_reader.h"
#include "window/cell_builder.h"

namespace hygge::storage {

namespace {

Result<void> check(DurationMs resolution_ms, TimeRange range) {
  if (!windows::is_resolution(resolution_ms)) {
    return fail(ErrorCode::invalid_argument, fmt::format("cells of {} ms", resolution_ms),
                "a resolution divides the day, and is at least 10 s");
  }
  if (range.after % resolution_ms == 0 && range.until % resolution_ms == 0) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("({}, {}] cuts cells of {} ms", range.after, range.until, resolution_ms),
              "begin and end at multiples of the resolution");
}

bool is_stored(const ViewState& state, DurationMs resolution_ms) {
  return std::binary_search(state.tiers.begin(), state.tiers.end(), resolution_ms);
}

CellKey key_of(DurationMs resolution_ms, std::int32_t partition, std::uint32_t series) {
  return {static_cast<std::uint32_t>(resolution_ms), partition, series};
}

// Whether a delete that waits hides cells of the pair: of those alone that no samples stand behind.
bool is_masked(const ViewState& state, std::int32_t partition, std::uint32_t series) {
  return std::any_of(state.masks.begin(), state.masks.end(), [&](const Mask& mask) {
    return !mask.samples_only && mask.touches(partition, series) &&
           !storage::in_cells(state.masks, mask, partition, series);
  });
}

// Whether a cell begins in `range`.
auto begins_in(TimeRange range) {
  return [range](const TimedCell& one) {
    return one.start_ms >= range.after && one.start_ms < range.until;
  };
}

}  // namespace

View::CellsAhead RowsAhead::read(const ViewState& state, CellScan& scan,
                                 std::vector<std::uint32_t> series, DurationMs resolution_ms,
                                 TimeRange range, std::size_t max_bytes) {
  std::vector<std::int32_t> days;
  range = intersect(range, state.range);
  if (!range.empty()) {
    const std::int64_t first = partition_of(range.after + 1);
    const std::int64_t last = partition_of(range.until);
    for (const Partitions::Sealed& one : state.sealed) {
      if (first <= one.partition && one.partition <= last) days.push_back(one.partition);
    }
  }
  if (days.empty()) return {series.size(), memory_bytes()};
  // A cell takes 8 bytes of a counter's row, 25 of a gauge's; rows that take more end the reading.
  constexpr std::size_t kCellBytes = 16;
  const auto row_bytes = static_cast<std::size_t>(kDayMs / resolution_ms) * kCellBytes;
  const std::size_t fit = std::max<std::size_t>(max_bytes / (row_bytes * days.size()), 1);
  if (series.size() > fit) series.resize(fit);
  std::sort(series.begin(), series.end());
  if (holds(series, days, resolution_ms)) return {series.size(), memory_bytes()};
  resolution_ms_ = resolution_ms;
  series_ = std::move(series);
  partitions_.clear();
  places_.clear();
  bytes_.clear();
  for (const std::int32_t partition : days) {
    if (!read_day(state, scan, partition, max_bytes)) break;
  }
  return {series_.size(), memory_bytes()};
}

bool RowsAhead::holds(const std::vector<std::uint32_t>& series,
                      const std::vector<std::int32_t>& partitions,
                      DurationMs resolution_ms) const noexcept {
  const auto covers = [](const auto& all, const auto& some) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  return resolution_ms == resolution_ms_ && covers(partitions_, partitions) &&
         covers(series_, series);
}

// False: of this day and those after it the rows are looked up one by one.
bool RowsAhead::read_day(const ViewState& state, CellScan& scan, std::int32_t partition,
                         std::size_t max_bytes) {
  const std::size_t before = places_.size();
  for (const std::uint32_t series : series_) {
    Place& place = places_.emplace_back();
    if (!state.has_cells(partition, series)) continue;
    const auto row = scan.find(key_of(resolution_ms_, partition, series));
    if (!row || (*row && bytes_.size() + (*row)->size() > max_bytes)) {
      places_.resize(before);
      return false;
    }
    if (!*row) continue;
    place = {bytes_.size(), (*row)->size()};
    bytes_.append(reinterpret_cast<const char*>((*row)->data()), (*row)->size());
  }
  partitions_.push_back(partition);
  return true;
}

std::size_t RowsAhead::memory_bytes() const noexcept {
  return bytes_.capacity() + places_.capacity() * sizeof(Place) +
         series_.capacity() * sizeof(series_[0]);
}

std::optional<Bytes> RowsAhead::find(std::uint32_t series, std::int32_t partition,
                                     DurationMs resolution_ms) const noexcept {
  if (resolution_ms != resolution_ms_) return std::nullopt;
  const auto day = std::lower_bound(partitions_.begin(), partitions_.end(), partition);
  if (day == partitions_.end() || *day != partition) return std::nullopt;
  const auto one = std::lower_bound(series_.begin(), series_.end(), series);
  if (one == series_.end() || *one != series) return std::nullopt;
  const auto row = static_cast<std::size_t>(day - partitions_.begin());
  const auto column = static_cast<std::size_t>(one - series_.begin());
  const Place& place = places_[row * series_.size() + column];
  return as_bytes(bytes_).subspan(place.at, place.bytes);
}

CellScan& CellReader::scan(const ViewState& state) {
  if (!scan_) scan_ = state.home->store->cell_scan(state.snapshot);
  return *scan_;
}

View::CellsAhead CellReader::read_ahead(const ViewState& state, std::vector<std::uint32_t> series,
                                        DurationMs resolution_ms, TimeRange range,
                                        std::size_t max_bytes) {
  const bool readable =
      is_stored(state, resolution_ms) && check(resolution_ms, range) && state.process.check();
  if (!readable) return {series.size(), 0};
  return ahead_.read(state, scan(state), std::move(series), resolution_ms, range, max_bytes);
}

// Empty: there is none, it lacks what is needed, or it is damaged; the samples say the same.
Bytes CellReader::find_row(const ViewState& state, const ViewState::Entry& entry,
                           std::int32_t partition, DurationMs resolution_ms, CellParts needed) {
  std::optional<Bytes> row = ahead_.find(entry.id, partition, resolution_ms);
  if (!row) {
    const auto found = scan(state).find(key_of(resolution_ms, partition, entry.id));
    if (found && *found) row = **found;
  }
  if (!row || row->empty()) return {};
  const auto facts = windows::describe_row(*row);
  return facts && facts->parts.cover(needed) ? *row : Bytes();
}

template <typename Visit>
Result<void> CellReader::for_each_day(const ViewState& state, const ViewState::Entry& entry,
                                      DurationMs resolution_ms, CellParts needed, TimeRange range,
                                      Visit&& visit) {
  range = intersect(range, state.range);
  if (range.empty()) return {};
  if (auto sound = check(resolution_ms, range); !sound) return sound;
  if (auto ours = state.process.check(); !ours) return ours;
  const bool stored = is_stored(state, resolution_ms);
  const auto partitions = state.presence.partitions_of(entry.id, partition_of(range.after + 1),
                                                       partition_of(range.until));
  for (const std::int32_t partition : partitions) {
    Day day{partition,
            intersect(range, partition_range(partition)),
            {},
            state.is_expired(partition, entry.id)};
    if (stored && state.has_cells(partition, entry.id)) {
      day.row = find_row(state, entry, partition, resolution_ms, needed);
    }
    if (auto visited = visit(day); !visited) return visited;
  }
  return {};
}

// The cells of the day's row into cells_, and into values_ if they are needed. False: there are
// none that can be read.
bool CellReader::decode(const ViewState& state, const ViewState::Entry& entry, const Day& day,
                        DurationMs resolution_ms, CellParts needed) {
  cells_.clear();
  const TimeMs day_ms = partition_range(day.partition).after;
  if (day.row.empty() || !decoder_.decode(day.row, day_ms, resolution_ms, needed, cells_,
                                          needed.sketch ? &sketches_ : nullptr)) {
    return false;
  }
  if (needed.sketch) {
    values_.resize(0);
    windows::append_values(cells_, sketches_, scales_.of(sketches_.accuracy_ppm), values_);
  }
  if (day.expired && is_masked(state, day.partition, entry.id)) {
    drop_masked(state, entry, day, resolution_ms);
  }
  return true;
}

// Takes out what deletes that wait hide.
void CellReader::drop_masked(const ViewState& state, const ViewState::Entry& entry, const Day& day,
                             DurationMs resolution_ms) {
  const auto hidden = [&](const TimedCell& cell) {
    return std::any_of(state.masks.begin(), state.masks.end(), [&](const Mask& mask) {
      return !mask.samples_only && mask.covers(entry.id) &&
             !storage::in_cells(state.masks, mask, day.partition, entry.id) &&
             overlaps(cell.start_ms, resolution_ms, mask.range);
    });
  };
  std::vector<TimedCell> left;
  CellValues left_values;
  const bool values = values_.size() == cells_.size();
  take([&](const TimedCell& cell) { return !hidden(cell); }, left, values ? &left_values : nullptr);
  cells_ = std::move(left);
  values_ = std::move(left_values);
}

// Appends those of cells_ that are to be kept, and of values_ if asked for.
template <typename Keep>
std::size_t CellReader::take(Keep&& keep, std::vector<TimedCell>& out, CellValues* values) const {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (!keep(cells_[i])) continue;
    out.push_back(cells_[i]);
    if (values != nullptr) values->push_back(values_, i);
    ++taken;
  }
  return taken;
}

Result<Series::CellsRead> CellReader::read(const ViewState& state, const ViewState::Entry& entry,
                                           DurationMs resolution_ms, CellParts needed,
                                           TimeRange range, std::vector<TimedCell>& out,
                                           CellValues* values) {
  if (!needed.sketch) values = nullptr;
  Series::CellsRead total;
  auto done =
      for_each_day(state, entry, resolution_ms, needed, range, [&](const Day& day) -> Result<void> {
        if (decode(state, entry, day, resolution_ms, needed)) {
          ++total.rows;
          total.cells += take(begins_in(day.range), out, values);
          return {};
        }
        if (day.expired) {
          ++total.lost;
          return {};
        }
        // Not into `out`, whose last cell may begin where a window does.
        cells_.clear();
        values_.resize(0);
        SeriesReader reader(state, entry, day.range);
        while (const Block* block = reader.next()) {
          windows::add_to_cells(block->t, block->v, resolution_ms, cells_, needed);
          if (values != nullptr) {
            windows::add_to_values(block->t, block->v, resolution_ms, cells_, values_);
          }
          total.samples += block->t.size();
        }
        if (const Error* error = reader.error()) return tl::unexpected<Error>(*error);
        take([](const TimedCell&) { return true; }, out, values);
        return {};
      });
  if (!done) return tl::unexpected<Error>(std::move(done.error()));
  return total;
}

Result<Series::CellsRead> CellReader::read_counts(const ViewState& state,
                                                  const ViewState::Entry& entry,
                                                  DurationMs resolution_ms, TimeRange range,
                                                  CellCounts& out) {
  constexpr CellParts kNone{false, false};
  Series::CellsRead total;
  auto done =
      for_each_day(state, entry, resolution_ms, kNone, range, [&](const Day& day) -> Result<void> {
        const std::size_t before = out.size();
        const bool masked = day.expired && is_masked(state, day.partition, entry.id);
        if (masked && decode(state, entry, day, resolution_ms, kNone)) {
          ++total.rows;
          std::vector<TimedCell> taken;
          total.cells += take(begins_in(day.range), taken, nullptr);
          for (const TimedCell& one : taken) out.push_back(one);
          return {};
        }
        if (!masked && !day.row.empty() &&
            decoder_.decode_counts(day.row, partition_range(day.partition).after, resolution_ms,
                                   day.range, out)) {
          ++total.rows;
          total.cells += out.size() - before;
          return {};
        }
        if (day.expired) {
          ++total.lost;
          return {};
        }
        cells_.clear();
        SeriesReader reader(state, entry, day.range);
        while (const Block* block = reader.next()) {
          windows::add_to_cells(block->t, block->v, resolution_ms, cells_, kNone);
          total.samples += block->t.size();
        }
        if (const Error* error = reader.error()) return tl::unexpected<Error>(*error);
        for (const TimedCell& one : cells_) out.push_back(one);
        return {};
      });
  if (!done) return tl::unexpected<Error>(std::move(done.error()));
  return total;
}

std::optional<bool> CellReader::has_row(const ViewState& state, const ViewState::Entry& entry,
                                        DurationMs resolution_ms, TimeRange range) {
  range = intersect(range, state.range);
  if (range.empty() || !state.process.check()) return std::nullopt;
  const auto partitions = state.presence.partitions_of(entry.id, partition_of(range.after + 1),
                                                       partition_of(range.until));
  if (partitions.empty()) return std::nullopt;
  constexpr CellParts kNone{false, false};
  return is_stored(state, resolution_ms) && state.has_cells(partitions.front(), entry.id) &&
         !find_row(state, entry, partitions.front(), resolution_ms, kNone).empty();
}

// Days are those of the view; within them its range, which may cut a cell, says nothing.
Result<Series::CellsRead> CellReader::read_expired(const ViewState& state,
                                                   const ViewState::Entry& entry,
                                                   DurationMs resolution_ms, CellParts needed,
                                                   TimeRange range, std::vector<TimedCell>& out,
                                                   CellValues* values) {
  if (!needed.sketch) values = nullptr;
  if (auto ours = state.process.check(); !ours) return tl::unexpected<Error>(ours.error());
  Series::CellsRead total;
  const bool stored = is_stored(state, resolution_ms);
  for (const Partitions::Sealed& sealed : state.sealed) {
    Day day{sealed.partition, intersect(range, partition_range(sealed.partition)), {}, true};
    if (day.range.empty() || !state.is_expired(sealed.partition, entry.id)) continue;
    if (stored) day.row = find_row(state, entry, day.partition, resolution_ms, needed);
    if (!decode(state, entry, day, resolution_ms, needed)) {
      ++total.lost;
      continue;
    }
    ++total.rows;
    total.cells +=
        take([&](const TimedCell& one) { return overlaps(one.start_ms, resolution_ms, day.range); },
             out, values);
  }
  return total;
}

}  // namespace hygge::storage
