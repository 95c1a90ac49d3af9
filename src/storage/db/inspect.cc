// stats(): what the database holds, counted.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "codec/envelope.h"
#include "model/partition.h"
#include "storage/db/db_impl.h"

namespace hygge {

using storage::ChunkKey;
using storage::ChunkScan;

namespace {
constexpr ChunkKey kFirstKey{std::numeric_limits<std::int32_t>::min(), 0, 0, 0};

std::int32_t partition_at(const Stats::Day& day) {
  return static_cast<std::int32_t>(partition_of(day.range.until));
}

void count_chunk(Bytes value, Stats::Day& day, Stats::Chunks& all) {
  const std::uint64_t samples = chunk_count(value).value_or(0);
  ++day.chunks;
  day.payload_bytes += value.size();
  day.samples += samples;
  const auto envelope = read_envelope(value);
  if (!envelope) return;
  Stats::Chunks::Codec& codec = envelope->codec == ChunkCodec::pack ? all.pack : all.gorilla;
  ++codec.count;
  codec.payload_bytes += value.size();
  codec.samples += samples;
}

// Adds every chunk from where the scan stands to its day. `days` is in order and names all
// partitions that hold any. The last key that was read, or `at`.
ChunkKey count_chunks(ChunkScan& scan, ChunkKey at, std::vector<Stats::Day>& days,
                      Stats::Chunks& all) {
  auto day = days.begin();
  for (; scan.valid(); scan.next()) {
    at = scan.key();
    while (day != days.end() && partition_at(*day) < at.partition) ++day;
    if (day == days.end()) continue;
    if (partition_at(*day) == at.partition) count_chunk(scan.value(), *day, all);
  }
  return at;
}

}  // namespace

// Under the state lock.
std::vector<Stats::Day> Db::Impl::days() const {
  std::vector<Stats::Day> out;
  for (const std::int32_t partition : presence_.partitions()) {
    Stats::Day day;
    day.range = partition_range(partition);
    day.state = static_cast<Stats::Day::State>(partitions_.state(partition));
    day.series = presence_.series_count(partition);
    if (day.series == 0) continue;
    day.dirty_series = partitions_.dirty_count(partition);
    day.expired_series = partitions_.expired_count(partition);
    out.push_back(day);
  }
  return out;
}

// All that needs no look at the chunks; leaves what a look needs.
Result<Stats> Db::Impl::quick_stats(std::shared_ptr<const storage::Home>& home,
                                    storage::StoreSnapshotPtr& snapshot) {
  Stats out;
  std::vector<DurationMs> tiers;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    home = home_;
    snapshot = home->store->snapshot();
    out.series = index_->series_count();
    out.head_samples = head_.sample_count();
    out.head_bytes = head_.memory_bytes();
    out.index_bytes = index_->memory_bytes();
    out.log_budget_bytes = log_budget();
    out.partitions = presence_.partition_count();
    out.days = days();
    out.deletes_pending = masks_.size();
    out.replay_samples = open_report_.replayed_samples;
    tiers = rollup_.stored;
    if (bounds_) {
      out.first_ms = bounds_->first_ms;
      out.last_ms = bounds_->last_ms;
    }
  }
  for (Stats::Day& day : out.days) {
    day.file_bytes = home->store->chunk_file_bytes(partition_at(day));
    day.cell_file_bytes = home->store->cell_file_bytes(partition_at(day), tiers);
  }
  out.cell_bytes = home->store->cell_file_bytes();
  out.chunks.bytes = home->store->chunk_file_bytes();
  const auto log_dir = fmt::format("{}/{}", dir_, storage::kLogDir);
  if (const auto files = files_.list(log_dir)) {
    for (const storage::FileInfo& file : *files) {
      out.log_segments += 1;
      out.log_bytes += file.bytes;
    }
  }
  auto disk = files_.tree_bytes(dir_);
  if (!disk) return tl::unexpected<Error>(disk.error());
  out.disk_bytes = *disk;
  out.put_passes = put_passes_.load();
  out.chunks_put = chunks_put_.load();
  const storage::StoreCounters store = home->store->counters();
  out.store_flushes = store.flushes;
  out.store_flush_bytes = store.flush_bytes;
  out.store_compactions = store.compactions;
  out.store_compaction_bytes = store.compaction_bytes;
  out.store_stalls = store.stalls;
  out.memtable_bytes = home->store->memtable_bytes();
  out.cache_bytes = home->store->cache_bytes();
  out.batches = batches_.load();
  out.samples_taken = samples_taken_.load();
  out.log_written_bytes = log_written_bytes_.load();
  out.marks = marks_.load();
  out.segments_unlinked = segments_unlinked_.load();
  out.late_duplicates = late_duplicates_.load();
  out.partitions_sealed = partitions_sealed_.load();
  out.cell_rows = cell_rows_.load();
  out.series_resealed = series_resealed_.load();
  out.sealed_chunks = sealed_chunks_.load();
  out.sealed_bytes = sealed_bytes_.load();
  out.late_outdone = late_outdone_.load();
  out.early_closes = early_closes_.load();
  out.late_merges = late_merges_.load();
  out.series_damaged = series_damaged_.load();
  if (log_) out.log_syncs = log_->sync_count();
  return out;
}

Result<Stats> Db::Impl::quick_stats() {
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  return quick_stats(home, snapshot);
}

// Where the chunks of the pair (partition, series) behind that of `key` begin.
std::optional<ChunkKey> Db::Impl::next_present(const ChunkKey& key) const {
  const std::shared_lock lock(state_mutex_);
  for (const std::int32_t partition : presence_.partitions()) {
    if (partition < key.partition) continue;
    const std::vector<std::uint32_t> series = presence_.series_of(partition);
    const auto next = partition == key.partition
                          ? std::upper_bound(series.begin(), series.end(), key.series)
                          : series.begin();
    if (next != series.end()) return ChunkKey{partition, *next, 0, 0};
  }
  return std::nullopt;
}

Result<Stats> Db::Impl::stats() {
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  auto out = quick_stats(home, snapshot);
  if (!out) return out;
  ChunkScan scan = home->store->scan(snapshot, storage::ScanUse::once);
  ChunkKey at = kFirstKey;
  for (scan.seek(at);; scan.seek(at)) {
    at = count_chunks(scan, at, out->days, out->chunks);
    const Error* const error = scan.error();
    if (error == nullptr) break;
    if (error->code != ErrorCode::corruption) return tl::unexpected<Error>(*error);
    // A damaged block hides what is left of this series, or the beginning of the next.
    ++out->chunks.series_damaged;
    const auto next = next_present(at);
    if (!next) break;
    at = *next;
  }
  for (const Stats::Day& day : out->days) {
    out->chunks.count += day.chunks;
    out->chunks.payload_bytes += day.payload_bytes;
    out->chunks.samples += day.samples;
  }
  out->samples = out->chunks.samples + out->head_samples;
  return out;
}

double Stats::write_amplification() const noexcept {
  if (log_written_bytes == 0) return 0;
  const std::uint64_t written = log_written_bytes + store_flush_bytes + store_compaction_bytes;
  return static_cast<double>(written) / static_cast<double>(log_written_bytes);
}

}  // namespace hygge
