// stats() and verify(): reports over everything that the database holds.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "codec/envelope.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/upkeep/merge.h"
#include "storage/upkeep/seal.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::ChunkKey;
using storage::ChunkScan;

namespace {
constexpr ChunkKey kFirstKey{std::numeric_limits<std::int32_t>::min(), 0, 0, 0};

std::int32_t partition_at(const Stats::Day& day) {
  return static_cast<std::int32_t>(partition_of(day.range.until));
}

// Adds every chunk to its day. `days` is in order and names all partitions that hold any.
void count_chunks(ChunkScan& scan, std::vector<Stats::Day>& days, Stats::Chunks& all) {
  auto day = days.begin();
  for (scan.seek(kFirstKey); scan.valid(); scan.next()) {
    while (day != days.end() && partition_at(*day) < scan.key().partition) ++day;
    if (day == days.end()) return;
    if (partition_at(*day) != scan.key().partition) continue;
    const std::uint64_t samples = chunk_count(scan.value()).value_or(0);
    ++day->chunks;
    day->payload_bytes += scan.value().size();
    day->samples += samples;
    const auto envelope = read_envelope(scan.value());
    if (!envelope) continue;
    Stats::Chunks::Codec& codec = envelope->codec == ChunkCodec::pack ? all.pack : all.gorilla;
    ++codec.count;
    codec.payload_bytes += scan.value().size();
    codec.samples += samples;
  }
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
    out.push_back(day);
  }
  return out;
}

Result<Stats> Db::Impl::stats() {
  Stats out;
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
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
    if (bounds_) {
      out.first_ms = bounds_->first_ms;
      out.last_ms = bounds_->last_ms;
    }
  }
  ChunkScan scan = home->store->scan(snapshot, storage::ScanUse::once);
  count_chunks(scan, out.days, out.chunks);
  if (const Error* error = scan.error()) return tl::unexpected<Error>(*error);
  for (Stats::Day& day : out.days) {
    out.chunks.count += day.chunks;
    out.chunks.payload_bytes += day.payload_bytes;
    out.chunks.samples += day.samples;
    day.file_bytes = home->store->chunk_file_bytes(partition_at(day));
  }
  out.chunks.bytes = home->store->chunk_file_bytes();
  out.samples = out.chunks.samples + out.head_samples;
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
  out.replay_samples = open_report_.replayed_samples;
  out.put_passes = put_passes_.load();
  out.chunks_put = chunks_put_.load();
  out.store_flushes = home->store->flush_count();
  out.marks = marks_.load();
  out.segments_unlinked = segments_unlinked_.load();
  out.late_duplicates = late_duplicates_.load();
  out.partitions_sealed = partitions_sealed_.load();
  out.series_resealed = series_resealed_.load();
  out.sealed_chunks = sealed_chunks_.load();
  out.sealed_bytes = sealed_bytes_.load();
  out.late_outdone = late_outdone_.load();
  out.early_closes = early_closes_.load();
  if (log_) out.log_syncs = log_->sync_count();
  return out;
}

namespace {

// Decodes a chunk and compares it with its envelope; "" if it is whole.
std::string what_is_wrong(const ChunkKey& key, Bytes value, TimeRange& range) {
  const auto envelope = read_envelope(value);
  if (!envelope) return envelope.error().message;
  range = {key.start_ms() - 1, key.start_ms() + envelope->span_ms};
  ChunkSamples samples;
  if (auto decoded = decode_chunk(value, key.start_ms(), samples); !decoded) {
    return decoded.error().message;
  }
  ShapeTracker shape;
  for (const double v : samples.v) shape.add(v);
  if (shape.shape() != envelope->shape) return "its shape is not what its envelope says";
  if (envelope->last && !same_bits(*envelope->last, samples.v.back())) {
    return "its last value is not what its envelope says";
  }
  if (!partition_range(key.partition).contains(samples.t.back())) {
    return "it reaches beyond its partition";
  }
  return {};
}

}  // namespace

Result<VerifyReport> Db::Impl::verify() {
  VerifyReport out;
  std::shared_ptr<const storage::Home> home;
  storage::Partitions partitions;
  storage::StoreSnapshotPtr snapshot;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    home = home_;
    snapshot = home->store->snapshot();
    partitions = partitions_;
  }
  storage::SealedOrder order;
  const auto labels_of = [&](std::uint32_t series) -> std::optional<Labels> {
    const std::shared_lock lock(state_mutex_);
    if (!index_->contains(series)) return std::nullopt;
    return index_->labels(series);
  };
  auto files = home->store->verify_checksums([&](std::string_view file, std::string_view what) {
    out.damage.push_back({std::string(file), std::string(what), std::nullopt, {}});
  });
  if (!files) return tl::unexpected<Error>(files.error());
  ChunkScan scan = home->store->scan(snapshot);
  for (scan.seek(kFirstKey); scan.valid(); scan.next()) {
    ++out.chunks;
    const ChunkKey key = scan.key();
    const auto labels = labels_of(key.series);
    if (!labels) {
      out.damage.push_back({describe(key), "its series is not in the index", std::nullopt, {}});
      continue;
    }
    TimeRange range;
    std::string what = what_is_wrong(key, scan.value(), range);
    if (what.empty() && partitions.sealed(key.partition) &&
        !partitions.dirty(key.partition, key.series)) {
      what = order.next(key, range.until, chunk_count(scan.value()).value_or(0));
    }
    if (what.empty()) continue;
    out.damage.push_back({describe(key), std::move(what), labels, range});
  }
  if (const Error* error = scan.error()) {
    out.damage.push_back({"store/chunks", error->message, std::nullopt, {}});
  }
  auto series = home->store->scan_series([&](std::uint32_t id, Bytes value) -> Result<void> {
    ++out.series;
    const auto decoded = storage::decode_series_value(value);
    const auto labels = decoded ? labels_from_canonical(as_bytes(decoded->canonical))
                                : Result<Labels>(tl::unexpected<Error>(decoded.error()));
    if (!labels) {
      out.damage.push_back(
          {fmt::format("series {}", id), labels.error().message, std::nullopt, {}});
    }
    return {};
  });
  if (!series) out.damage.push_back({"store/series", series.error().message, std::nullopt, {}});
  auto log =
      storage::verify_log(files_, fmt::format("{}/{}", dir_, storage::kLogDir), identity_.id);
  if (!log) return tl::unexpected<Error>(log.error());
  out.records = log->records;
  for (const storage::LogDamage& damage : log->damage) {
    out.damage.push_back(
        {fmt::format("{} at {}", damage.file, damage.offset), damage.what, std::nullopt, {}});
  }
  return out;
}

}  // namespace hygge
