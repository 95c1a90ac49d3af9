// repair(): a damaged directory becomes one that opens.
//
// Nothing is thrown away: a damaged file goes to DIR/quarantine/N whole, and what could be read of
// it goes into a new one. A repair cut short is begun again; its steps are
//
//   1. HYGGE anew, if it is damaged: the log's segments know the database's id
//   2. the log: damaged records are left out of it, segment by segment (log/repair.h)
//   3. the store: what can be read is written to store.new, store moves to the quarantine, and
//      store.new gets its name; presence sets, bounds and high-water are made from the chunks
//   4. an open, which replays the log, and a verification
#include "storage/log/repair.h"

#include <fmt/format.h>
#include <hygge/house.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codec/envelope.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "storage/db/batch_ids.h"
#include "storage/db/directory.h"
#include "storage/db/meta.h"
#include "storage/db/partitions.h"
#include "storage/db/presence.h"
#include "storage/db/verify.h"
#include "storage/log/payloads.h"
#include "storage/log/replay.h"
#include "storage/log/writer.h"
#include "storage/store/keys.h"
#include "storage/store/salvage.h"
#include "storage/upkeep/merge.h"
#include "storage/upkeep/retention.h"
#include "storage/upkeep/rollup.h"
#include "storage/upkeep/stored.h"
#include "window/cell_row.h"

namespace hygge {

using storage::Files;
using storage::id_in_log;
using storage::join;
using storage::may_be_ours;

namespace {

constexpr std::string_view kQuarantineDir = "quarantine";
constexpr std::string_view kNewStoreDir = "store.new";
constexpr std::string_view kRecoveredMetric = "hygge_recovered_series";

// What the log's records after the mark name.
struct LogIds {
  std::set<std::uint32_t> created;
  struct Times {
    TimeMs first_ms, last_ms;
  };
  std::map<std::uint32_t, Times> sampled;  ///< and not all deleted further on

  /// Series that samples name and nothing else does.
  [[nodiscard]] bool all_in(const std::set<std::uint32_t>& stored) const {
    return std::all_of(sampled.begin(), sampled.end(), [&](const auto& one) {
      return created.contains(one.first) || stored.contains(one.first);
    });
  }
};

// What the chunks of a salvaged store say about themselves, and what they need.
class Collected {
 public:
  // Whether an entry goes into the new store.
  bool keep(std::string_view family, Bytes key, Bytes value) {
    if (family == "chunks") return keep_chunk(key, value);
    if (family == "series") return keep_series(key, value);
    if (family == "meta") return keep_meta(as_text(key), value);
    if (family == "cells") return storage::decode_cell_key(key).has_value();  // see sort_cells()
    return true;
  }

  /// Writes what was collected, and what the log needs.
  Result<void> write(storage::Store& store, const LogIds& in_log, std::uint64_t mark);

  std::vector<Damage> damage;
  std::uint64_t chunks = 0;
  std::uint64_t recovered_series = 0;
  bool reopened = false;  ///< days were sealed

 private:
  bool keep_chunk(Bytes key_bytes, Bytes value) {
    const auto key = storage::decode_chunk_key(key_bytes);
    if (!key) {
      damage.push_back({"store/chunks", "a key that is no chunk key", std::nullopt, {}});
      return false;
    }
    TimeRange range;
    std::string what = storage::what_is_wrong(*key, value, range);
    if (!what.empty()) {
      damage.push_back({storage::describe(*key), std::move(what), std::nullopt, range});
      return false;
    }
    ++chunks;
    pairs_.emplace(key->partition, key->series);
    const auto first = births_.emplace(key->series, range.after + 1).first;
    first->second = std::min(first->second, range.after + 1);
    if (!bounds_) bounds_ = TimeBounds{range.after + 1, range.until};
    bounds_->first_ms = std::min(bounds_->first_ms, range.after + 1);
    bounds_->last_ms = std::max(bounds_->last_ms, range.until);
    return true;
  }
  bool keep_series(Bytes key, Bytes value) {
    const auto id = storage::decode_series_key(key);
    const auto decoded = storage::decode_series_value(value);
    const bool good = id && decoded && labels_from_canonical(as_bytes(decoded->canonical));
    if (good) {
      series_.insert(*id);
    } else {
      damage.push_back({"store/series", "a damaged entry", std::nullopt, {}});
    }
    return good;
  }
  bool keep_meta(std::string_view name, Bytes value) {
    if (name.starts_with(storage::Presence::kPrefix)) {
      static_cast<void>(presence_.load(name, value));
      return false;
    }
    // Written anew: what is there is all that there is.
    if (name == storage::kMarkName) return false;
    // All of them are open again: their seals may have gone in part.
    if (name.starts_with(storage::Partitions::kStatePrefix) ||
        name.starts_with(storage::Partitions::kDirtyPrefix) ||
        name.starts_with(storage::Partitions::kCellsPrefix)) {
      if (name.starts_with(storage::Partitions::kStatePrefix)) {
        static_cast<void>(partitions_.load_state(name, value));
      } else if (name.starts_with(storage::Partitions::kDirtyPrefix)) {
        static_cast<void>(partitions_.load_dirty(name, value));
      }
      reopened = true;
      return false;
    }
    if (name.starts_with(storage::Partitions::kExpiredPrefix)) {
      static_cast<void>(partitions_.load_expired(name, value));
      return false;
    }
    if (name == storage::kHighWaterName) {
      high_water_ = std::max(high_water_, storage::decode_high_water(value).value_or(1));
      return false;
    }
    if (name == storage::kBoundsName) {
      if (const auto bounds = storage::decode_bounds(value)) said_ = *bounds;
      return false;
    }
    if (whole_entry(name, value)) return true;
    damage.push_back({fmt::format("store/meta, {}", name), "a damaged entry", std::nullopt, {}});
    return false;
  }
  static bool whole_entry(std::string_view name, Bytes value) {
    if (name == storage::kWritePolicyName) return storage::decode_write_policy(value).has_value();
    if (name == storage::kRollupsName) return storage::decode_rollups(value).has_value();
    if (name == storage::kRetentionName) return storage::decode_policy(value).has_value();
    if (name.starts_with(storage::kMetadataPrefix)) {
      return storage::decode_metadata_value(value).has_value();
    }
    if (name.starts_with(storage::BatchIds::kPrefix)) {
      return storage::BatchIds().load(name, value).has_value();
    }
    return true;
  }

  Result<void> sort_cells(storage::Store& store);

  std::set<std::pair<std::int32_t, std::uint32_t>> pairs_;
  storage::Partitions partitions_;  ///< what was sealed, dirty, expired
  std::set<std::uint32_t> series_;
  std::map<std::uint32_t, TimeMs> births_;
  storage::Presence presence_;
  std::uint32_t high_water_ = 1;
  std::optional<TimeBounds> bounds_;
  std::optional<TimeBounds> said_;
};

// Cells of series whose samples have expired are all that is left of them; so are those of a day of
// which no chunk can be read any more. All others are computed again by the next seals.
Result<void> Collected::sort_cells(storage::Store& store) {
  storage::StoreBatch batch;
  storage::Partitions kept;
  const auto scanned =
      store.scan_cells(store.snapshot(), [&](const storage::CellKey& key, Bytes row) {
        const bool named = presence_.contains(key.partition, key.series) ||
                           partitions_.expired(key.partition, key.series);
        // Rows of a day that went on, or that late data waits for, do not speak for it.
        const bool whole = partitions_.expired(key.partition, key.series) ||
                           (partitions_.state(key.partition) == storage::PartitionState::sealed &&
                            !partitions_.dirty(key.partition, key.series));
        if (pairs_.contains({key.partition, key.series}) || !named || !whole ||
            !windows::describe_row(row)) {
          batch.delete_cells(key);
        } else {
          kept.expire(key.partition, key.series);
          births_.emplace(key.series, partition_range(key.partition).after + 1);
        }
        return Result<void>();
      });
  if (!scanned) return scanned;
  for (const std::int32_t partition : kept.expired_partitions()) {
    for (const std::uint32_t series : kept.expired(partition)) pairs_.emplace(partition, series);
  }
  for (const auto& [name, value] : kept.take_changes()) {
    if (value) batch.put_meta(name, *value);
  }
  return store.apply(batch);
}

Result<void> Collected::write(storage::Store& store, const LogIds& in_log, std::uint64_t mark) {
  if (auto sorted = sort_cells(store); !sorted) return sorted;
  storage::StoreBatch batch;
  if (mark > 0) batch.put_meta(storage::kMarkName, storage::encode_stored_mark(mark));
  for (const auto& [partition, series] : pairs_) presence_.add(partition, series);
  for (const auto& [name, value] : presence_.take_changes()) batch.put_meta(name, value);
  if (!series_.empty()) high_water_ = std::max(high_water_, *series_.rbegin() + 1);
  for (const auto& [id, times] : in_log.sampled) births_.emplace(id, times.first_ms);
  if (!births_.empty()) high_water_ = std::max(high_water_, births_.rbegin()->first + 1);
  batch.put_meta(storage::kHighWaterName, storage::encode_high_water(high_water_));
  if (bounds_ && said_) {
    bounds_->first_ms = std::min(bounds_->first_ms, said_->first_ms);
    bounds_->last_ms = std::max(bounds_->last_ms, said_->last_ms);
  }
  if (!bounds_) bounds_ = said_;
  if (bounds_) batch.put_meta(storage::kBoundsName, storage::encode_bounds(*bounds_));
  // Chunks whose series has lost its name keep their samples, under a name that says so.
  for (const auto& [id, birth_ms] : births_) {
    if (series_.contains(id) || in_log.created.contains(id)) continue;
    const auto labels = Labels::from(
        {{std::string(kNameLabel), std::string(kRecoveredMetric)}, {"series", std::to_string(id)}});
    if (!labels) return tl::unexpected<Error>(labels.error());
    batch.put_series(id, storage::encode_series_value(birth_ms, canonical(*labels)));
    ++recovered_series;
    damage.push_back({fmt::format("store/series, {}", id),
                      "its labels are lost; its samples are kept under these",
                      *labels,
                      {}});
  }
  if (auto applied = store.apply(batch); !applied) return applied;
  return store.flush();
}

class Repair {
 public:
  Repair(Files& files, std::string dir, const RepairOptions& options)
      : files_(files), dir_(std::move(dir)), options_(options) {}

  Result<RepairReport> run();

 private:
  Result<void> finish_earlier();
  Result<void> mend_identity();
  Result<void> mend_log();
  bool replays();
  Result<void> begin_log();
  Result<bool> store_is_whole();
  Result<void> mend_store();
  Result<void> set_aside(const std::string& name);
  Result<std::string> quarantine();
  LogIds ids_in_log();
  void did(std::string what) { report_.actions.push_back(std::move(what)); }

  Files& files_;
  const std::string dir_;
  const RepairOptions& options_;
  bool behind_ = false;  ///< the store is older than the log's mark
  storage::Identity identity_;
  RepairReport report_;
};

// A folder of this repair's own, made when it is first needed.
Result<std::string> Repair::quarantine() {
  if (!report_.quarantine.empty()) return report_.quarantine;
  const std::string all = join(dir_, kQuarantineDir);
  int n = 1;
  while (files_.exists(join(all, std::to_string(n)))) ++n;
  const std::string own = join(all, std::to_string(n));
  if (auto made = files_.create_directories(own); !made) {
    return tl::unexpected<Error>(made.error());
  }
  report_.quarantine = own;
  return own;
}

Result<void> Repair::set_aside(const std::string& name) {
  auto to = quarantine();
  if (!to) return tl::unexpected<Error>(to.error());
  return files_.rename(join(dir_, name), join(*to, name));
}

// Only a repair that was cut short between its two renames leaves no store but a new one.
Result<void> Repair::finish_earlier() {
  const std::string store = join(dir_, storage::kStoreDir);
  const std::string fresh = join(dir_, kNewStoreDir);
  if (files_.exists(store) || !files_.exists(fresh)) return {};
  did("finished an earlier repair of the store");
  if (auto moved = files_.rename(fresh, store); !moved) return moved;
  return files_.sync_directory(dir_);
}

Result<void> Repair::mend_identity() {
  auto identity = storage::read_identity(files_, dir_);
  if (identity) {
    identity_ = *identity;
    return {};
  }
  // A newer format is not damage.
  if (identity.error().code == ErrorCode::version) return tl::unexpected<Error>(identity.error());
  const auto id = id_in_log(files_, dir_);
  if (!id) {
    return fail(
        ErrorCode::corruption,
        fmt::format("{}: neither HYGGE nor a segment of the log says which database this is", dir_),
        "restore HYGGE or the folder log from a copy of this database");
  }
  if (files_.exists(join(dir_, storage::kIdentityFile))) {
    if (auto aside = set_aside(std::string(storage::kIdentityFile)); !aside) return aside;
  }
  identity_ = {storage::kFormatVersion, *id, options_.clock(), false};
  did("HYGGE is made anew; its creation time is lost");
  return storage::write_identity(files_, dir_, identity_);
}

// Segments are mended one by one, in place; what they were is set aside.
Result<void> Repair::mend_log() {
  const std::string log_dir = join(dir_, storage::kLogDir);
  if (!replays()) {
    auto to = quarantine();
    if (!to) return tl::unexpected<Error>(to.error());
    if (auto made = files_.create_directories(log_dir); !made) return made;
    auto mended = storage::repair_log(files_, log_dir, identity_.id, join(*to, storage::kLogDir));
    if (!mended) return tl::unexpected<Error>(mended.error());
    for (const storage::LogDrop& drop : mended->dropped) {
      did(fmt::format("{} at {}: {}", drop.file, drop.offset, drop.what));
    }
  }
  if (replays()) return {};
  return begin_log();
}

bool Repair::replays() {
  const std::string log_dir = join(dir_, storage::kLogDir);
  storage::ReplayOptions options;
  options.read_only = true;
  const auto verified = storage::verify_log(files_, log_dir, identity_.id);
  return verified && verified->damage.empty() &&
         storage::replay(files_, log_dir, identity_.id, options, [](const storage::LogRecord&) {
           return Result<void>();
         }).has_value();
}

// For where no segment is left that says where the log stands: one that goes on where the store
// does.
Result<void> Repair::begin_log() {
  const std::string log_dir = join(dir_, storage::kLogDir);
  if (files_.exists(log_dir)) {
    if (auto aside = set_aside(std::string(storage::kLogDir)); !aside) return aside;
  }
  if (auto made = files_.create_directories(log_dir); !made) return made;
  const std::uint64_t mark = storage::store_mark(join(dir_, storage::kStoreDir));
  auto log = storage::LogWriter::create(files_, log_dir, identity_.id, mark + 1, {});
  if (!log) return tl::unexpected<Error>(log.error());
  storage::PendingRecord record{storage::RecordType::mark, {}};
  storage::encode_mark(record.payload, mark);
  if (auto begun = (*log)->append(std::span(&record, 1)); !begun) {
    return tl::unexpected<Error>(begun.error());
  }
  if (auto synced = (*log)->sync(); !synced) return synced;
  did(fmt::format("the log begins anew after record {}; what only it held is lost", mark));
  return files_.sync_directory(dir_);
}

LogIds Repair::ids_in_log() {
  LogIds out;
  storage::ReplayOptions options;
  options.read_only = true;
  const auto visit = [&](const storage::LogRecord& record) -> Result<void> {
    if (record.type == storage::RecordType::series) {
      if (const auto series = storage::decode_series(record.payload))
        out.created.insert(series->id);
    }
    std::vector<storage::IdSample> samples;
    if (record.type == storage::RecordType::samples &&
        storage::decode_samples(record.payload, samples)) {
      for (const storage::IdSample& sample : samples) {
        const LogIds::Times only{sample.t_ms, sample.t_ms};
        LogIds::Times& times = out.sampled.emplace(sample.series, only).first->second;
        times.first_ms = std::min(times.first_ms, sample.t_ms);
        times.last_ms = std::max(times.last_ms, sample.t_ms);
      }
    }
    if (record.type != storage::RecordType::erase) return {};
    // A series that has left since is not one whose labels are lost.
    const auto erase = storage::decode_erase(record.payload);
    for (const std::uint32_t id : erase ? erase->ids : std::vector<std::uint32_t>()) {
      const auto at = out.sampled.find(id);
      if (at == out.sampled.end()) continue;
      const auto& [first_ms, last_ms] = at->second;
      if (erase->range.contains(first_ms) && erase->range.contains(last_ms)) out.sampled.erase(at);
    }
    return {};
  };
  static_cast<void>(
      storage::replay(files_, join(dir_, storage::kLogDir), identity_.id, options, visit));
  return out;
}

Result<bool> Repair::store_is_whole() {
  const std::string store_dir = join(dir_, storage::kStoreDir);
  if (!storage::examine_store(store_dir).empty()) return false;
  storage::StoreOptions options;
  options.read_only = true;
  auto store = storage::Store::open(store_dir, options);
  if (!store) return false;
  // Entries whose bytes are as written, but are not what they should be.
  bool whole = true;
  std::set<std::uint32_t> known;
  const auto series = (*store)->scan_series([&](std::uint32_t id, Bytes value) -> Result<void> {
    const auto decoded = storage::decode_series_value(value);
    whole = whole && decoded && labels_from_canonical(as_bytes(decoded->canonical));
    known.insert(id);
    return {};
  });
  const auto snapshot = (*store)->snapshot();
  storage::ChunkScan scan = (*store)->scan(snapshot);
  storage::Presence presence;
  const auto loaded = (*store)->scan_meta(
      storage::Presence::kPrefix,
      [&](std::string_view name, Bytes value) { return presence.load(name, value); });
  const LogIds in_log = ids_in_log();
  whole = whole && in_log.all_in(known);
  for (scan.seek({std::numeric_limits<std::int32_t>::min(), 0, 0, 0}); whole && scan.valid();
       scan.next()) {
    TimeRange range;
    const storage::ChunkKey key = scan.key();
    whole = storage::what_is_wrong(key, scan.value(), range).empty() &&
            (known.contains(key.series) || in_log.created.contains(key.series)) &&
            presence.contains(key.partition, key.series);
  }
  behind_ = storage::store_is_behind(files_, dir_, identity_.id, **store);
  return whole && series && loaded && scan.error() == nullptr && !behind_;
}

Result<void> Repair::mend_store() {
  auto whole = store_is_whole();
  if (!whole) return tl::unexpected<Error>(whole.error());
  if (*whole) return {};
  const std::string store_dir = join(dir_, storage::kStoreDir);
  const std::string fresh = join(dir_, kNewStoreDir);
  if (!files_.exists(store_dir)) {
    if (auto made = files_.create_directories(store_dir); !made) return made;
  }
  Collected collected;
  auto salvaged = storage::salvage_store(store_dir, fresh, behind_,
                                         [&](std::string_view family, Bytes key, Bytes value) {
                                           return collected.keep(family, key, value);
                                         });
  if (!salvaged) return tl::unexpected<Error>(salvaged.error());
  {
    auto store = storage::Store::open(fresh, {});
    if (!store) return tl::unexpected<Error>(store.error());
    const auto mark = storage::find_mark(files_, join(dir_, storage::kLogDir), identity_.id);
    if (auto wrote = collected.write(**store, ids_in_log(), mark.value_or(0)); !wrote) return wrote;
  }
  if (auto synced = files_.sync_directory(fresh); !synced) return synced;
  if (auto aside = set_aside(std::string(storage::kStoreDir)); !aside) return aside;
  if (auto moved = files_.rename(fresh, store_dir); !moved) return moved;
  if (auto synced = files_.sync_directory(dir_); !synced) return synced;
  did(fmt::format("the store is made anew from what can be read: {} chunks", collected.chunks));
  if (collected.reopened) did("days that were sealed are open again, until maintenance seals them");
  if (salvaged->uncertain > 0) {
    did(fmt::format("of {} entries a newer version may be lost", salvaged->uncertain));
  }
  if (collected.recovered_series > 0) {
    did(fmt::format("{} series have lost their labels and are called {} now",
                    collected.recovered_series, kRecoveredMetric));
  }
  report_.damage.insert(report_.damage.end(), collected.damage.begin(), collected.damage.end());
  return {};
}

Result<RepairReport> Repair::run() {
  {
    auto lock = files_.lock(join(dir_, storage::kLockFile));
    if (!lock) return tl::unexpected<Error>(lock.error());
    if (auto done = finish_earlier(); !done) return tl::unexpected<Error>(done.error());
    auto found = hygge::verify(dir_);
    if (!found) return tl::unexpected<Error>(found.error());
    report_.damage = std::move(found->damage);
    if (auto done = mend_identity(); !done) return tl::unexpected<Error>(done.error());
    if (auto done = mend_log(); !done) return tl::unexpected<Error>(done.error());
    if (auto done = mend_store(); !done) return tl::unexpected<Error>(done.error());
  }
  if (identity_.snapshot) return std::move(report_);
  Options options;
  options.clock = options_.clock;
  options.maintenance = Maintenance::manual;
  auto db = Db::open(dir_, options);
  if (!db) return tl::unexpected<Error>(db.error());
  auto verified = db->verify();
  if (!verified) return tl::unexpected<Error>(verified.error());
  for (Damage& damage : verified->damage) {
    damage.what += " (still, after the repair)";
    report_.damage.push_back(std::move(damage));
  }
  report_.whole = verified->ok();
  if (auto closed = db->close(); !closed) return tl::unexpected<Error>(closed.error());
  return std::move(report_);
}

}  // namespace

Result<RepairReport> repair(const std::string& dir, const RepairOptions& options) {
  Files& files = storage::posix_files();
  if (!files.exists(dir)) {
    return fail(ErrorCode::not_found, fmt::format("{}: no such database", dir));
  }
  if (!may_be_ours(files, dir)) return storage::no_database(dir, /*other_files=*/true);
  if (options.dry_run) {
    auto found = verify(dir);
    if (!found) return tl::unexpected<Error>(found.error());
    RepairReport report;
    report.whole = found->ok();
    report.damage = std::move(found->damage);
    return report;
  }
  return Repair(files, dir, options).run();
}

}  // namespace hygge
