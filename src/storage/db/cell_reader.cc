#include "storage/db/cell_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/partition.h"
#include "storage/db/series_reader.h"
#include "window/cell_builder.h"

namespace hygge::storage {

namespace {

TimeRange intersect(TimeRange a, TimeRange b) {
  return {std::max(a.after, b.after), std::min(a.until, b.until)};
}

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

}  // namespace

// False: there is none, it lacks what is needed, or it is damaged; the samples say the same.
bool CellReader::read_row(const ViewState& state, const ViewState::Entry& entry,
                          std::int32_t partition, DurationMs resolution_ms, CellParts needed) {
  const CellKey key{static_cast<std::uint32_t>(resolution_ms), partition, entry.id};
  const auto found = state.home->store->get_cells(state.snapshot, key, row_);
  if (!found || !*found) return false;
  const auto facts = windows::describe_row(as_bytes(row_));
  if (!facts || !facts->parts.cover(needed)) return false;
  cells_.clear();
  const TimeMs day_ms = partition_range(partition).after;
  return decoder_.decode(as_bytes(row_), day_ms, resolution_ms, needed, cells_).has_value();
}

Result<Series::CellsRead> CellReader::read(const ViewState& state, const ViewState::Entry& entry,
                                           DurationMs resolution_ms, CellParts needed,
                                           TimeRange range, std::vector<TimedCell>& out) {
  Series::CellsRead total;
  range = intersect(range, state.range);
  if (range.empty()) return total;
  if (auto sound = check(resolution_ms, range); !sound) return tl::unexpected<Error>(sound.error());
  if (auto ours = state.process.check(); !ours) return tl::unexpected<Error>(ours.error());
  const bool stored = std::binary_search(state.tiers.begin(), state.tiers.end(), resolution_ms);
  const auto partitions = state.presence.partitions_of(entry.id, partition_of(range.after + 1),
                                                       partition_of(range.until));
  for (const std::int32_t partition : partitions) {
    const TimeRange day = intersect(range, partition_range(partition));
    if (stored && state.has_cells(partition, entry.id) &&
        read_row(state, entry, partition, resolution_ms, needed)) {
      ++total.rows;
      for (const TimedCell& one : cells_) {
        if (one.start_ms < day.after || one.start_ms >= day.until) continue;
        out.push_back(one);
        ++total.cells;
      }
      continue;
    }
    SeriesReader reader(state, entry, day);
    while (const Block* block = reader.next()) {
      windows::add_to_cells(block->t, block->v, resolution_ms, out, needed);
      total.samples += block->t.size();
    }
    if (const Error* error = reader.error()) return tl::unexpected<Error>(*error);
  }
  return total;
}

}  // namespace hygge::storage
