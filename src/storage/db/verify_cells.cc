// verify(): every row of cells of a sealed day is what its samples give.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/db/series_reader.h"
#include "storage/upkeep/seal.h"
#include "window/cell_row.h"

namespace hygge {

namespace {

// None: they cannot be read, which the look at the chunks says.
std::optional<ChunkSamples> samples_of(const storage::ViewState& state,
                                       const storage::ViewState::Entry& entry,
                                       std::int32_t partition) {
  ChunkSamples out;
  storage::SeriesReader reader(state, entry, partition_range(partition));
  while (const Block* block = reader.next()) {
    out.t.insert(out.t.end(), block->t.begin(), block->t.end());
    out.v.insert(out.v.end(), block->v.begin(), block->v.end());
  }
  if (reader.error() != nullptr) return std::nullopt;
  return out;
}

std::string what_differs(const Result<bool>& found, const std::string& stored,
                         const std::string& computed) {
  if (!found) return found.error().message;
  if (!*found) return "the row of cells is missing";
  return stored == computed ? std::string() : "the cells are not those of the samples";
}

}  // namespace

// Where no samples are left the rows can only be read: each of them, and one at least.
void Db::Impl::verify_expired(const storage::ViewState& state, VerifyReport& out) {
  windows::CellRowDecoder decoder;
  std::vector<TimedCell> cells;
  windows::CellSketches sketches;
  std::string stored;
  const auto damage = [&](const storage::ViewState::Entry& entry, std::int32_t partition,
                          std::string where, std::string what) {
    const TimeRange day = partition_range(partition);
    out.damage.push_back({fmt::format("store/cells, series {}, {} of {}", entry.id, where,
                                      format_time_utc(day.after).substr(0, 10)),
                          std::move(what), state.labels(entry), day});
  };
  for (const storage::Partitions::Sealed& day : state.sealed) {
    for (const storage::ViewState::Entry& entry : state.entries) {
      if (!state.is_expired(day.partition, entry.id)) continue;
      bool any = false;
      for (const DurationMs tier : state.tiers) {
        const storage::CellKey key{static_cast<std::uint32_t>(tier), day.partition, entry.id};
        const auto found = state.home->store->get_cells(state.snapshot, key, stored);
        if (found && !*found) continue;
        any = true;
        ++out.cell_rows;
        cells.clear();
        const auto decoded =
            found ? decoder.decode(as_bytes(stored), partition_range(day.partition).after, tier, {},
                                   cells, &sketches)
                  : tl::unexpected<Error>(found.error());
        if (!decoded) {
          damage(entry, day.partition, format_duration(tier), decoded.error().message);
        }
      }
      if (!any) damage(entry, day.partition, "all", "samples have expired, and no cells are there");
    }
  }
}

// Days whose cells were made by another policy are about to be done again, and left out.
Result<void> Db::Impl::verify_cells(VerifyReport& out) {
  auto chooser = rollup_chooser();
  if (!chooser) return tl::unexpected<Error>(chooser.error());
  const Selector all;
  std::vector<std::vector<std::size_t>> picked;
  std::uint64_t policy = 0;
  storage::Partitions partitions;
  {
    const std::shared_lock lock(state_mutex_);
    policy = rollup_.fingerprint();
    partitions = partitions_;
  }
  // After the states: what has become dirty since is dirty in the view.
  auto state = capture(std::span(&all, 1), everything(), picked);
  if (!state) return tl::unexpected<Error>(state.error());
  verify_expired(**state, out);
  storage::CellRows rows;
  std::string stored;
  for (const storage::Partitions::Sealed& sealed : (*state)->sealed) {
    if (sealed.open || partitions.cells(sealed.partition) != policy) continue;
    for (const storage::ViewState::Entry& entry : (*state)->entries) {
      if (!(*state)->presence.contains(sealed.partition, entry.id)) continue;
      if (!(*state)->has_cells(sealed.partition, entry.id)) continue;
      if ((*state)->is_expired(sealed.partition, entry.id)) continue;
      const auto samples = samples_of(**state, entry, sealed.partition);
      if (!samples || samples->t.empty()) continue;
      for (const auto& row : rows.of(*samples, sealed.partition, (*chooser)(entry.id))) {
        const storage::CellKey key{static_cast<std::uint32_t>(row.resolution_ms), sealed.partition,
                                   entry.id};
        ++out.cell_rows;
        const auto found = (*state)->home->store->get_cells((*state)->snapshot, key, stored);
        std::string what = what_differs(found, stored, row.value);
        if (what.empty()) continue;
        out.damage.push_back(
            {fmt::format("store/cells, series {}, {} of {}", entry.id,
                         format_duration(row.resolution_ms),
                         format_time_utc(partition_range(sealed.partition).after).substr(0, 10)),
             std::move(what), (*state)->labels(entry), partition_range(sealed.partition)});
      }
    }
  }
  return {};
}

}  // namespace hygge
