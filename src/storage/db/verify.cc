// verify(): every checksum, key, chunk, record, and around what is damaged to the next that is not.
#include "storage/db/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "codec/envelope.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/log/replay.h"
#include "storage/upkeep/erase.h"
#include "storage/upkeep/merge.h"
#include "storage/upkeep/seal.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::ChunkKey;
using storage::ChunkScan;

namespace {

constexpr ChunkKey kFirstKey{std::numeric_limits<std::int32_t>::min(), 0, 0, 0};

// All that the checks are made against, as of one moment.
struct Known {
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  storage::Presence presence;
  storage::Partitions partitions;
  storage::Masks masks;
  std::uint32_t next_id = 0;

  // A delete takes a pair out of the set before its chunks leave the store.
  [[nodiscard]] bool present(const ChunkKey& key) const {
    return presence.contains(key.partition, key.series) ||
           std::any_of(masks.begin(), masks.end(), [&](const storage::Mask& mask) {
             return mask.touches(key.partition, key.series);
           });
  }
};

class ChunkVerifier {
 public:
  using LabelsOf = std::function<std::optional<Labels>(std::uint32_t)>;
  ChunkVerifier(const Known& known, LabelsOf labels_of, VerifyReport& out)
      : known_(known),
        labels_of_(std::move(labels_of)),
        out_(out),
        scan_(known.home->store->scan(known.snapshot)) {}

  void run() {
    scan_.seek(kFirstKey);
    do {
      for (; scan_.valid(); scan_.next()) check(scan_.key(), scan_.value());
    } while (scan_.error() != nullptr && skip_damage());
  }

 private:
  using Pair = std::pair<std::int32_t, std::uint32_t>;
  static Pair pair_of(const ChunkKey& key) { return {key.partition, key.series}; }

  void check(const ChunkKey& key, Bytes value) {
    ++out_.chunks;
    last_ = key;
    const auto labels = labels_of_(key.series);
    if (!labels) {
      damage(storage::describe(key), "its series is not in the index", std::nullopt, {});
      return;
    }
    TimeRange range;
    std::string what = storage::what_is_wrong(key, value, range);
    last_ms_ = range.until;
    if (what.empty() && !known_.present(key)) {
      what = "the partition's presence set does not name its series";
    }
    if (what.empty() && known_.partitions.sealed(key.partition) &&
        !known_.partitions.dirty(key.partition, key.series)) {
      what = order_.next(key, range.until, chunk_count(value).value_or(0));
    }
    if (!what.empty()) damage(storage::describe(key), std::move(what), labels, range);
  }

  void damage(std::string where, std::string what, std::optional<Labels> series, TimeRange range) {
    out_.damage.push_back({std::move(where), std::move(what), std::move(series), range});
  }

  // Whether reading can go on at this key.
  bool readable(const ChunkKey& key) {
    scan_.seek(key);
    return scan_.error() == nullptr;
  }

  // An unreadable block lies behind last_: names what may be in it, series by series, and leaves
  // the scan at what follows. False at the end of the store.
  bool skip_damage() {
    const std::string what = scan_.error()->message;
    if (pairs_.empty()) pairs_ = all_pairs();
    const Pair from = last_ ? pair_of(*last_) : Pair{kFirstKey.partition, 0};
    for (auto pair = std::lower_bound(pairs_.begin(), pairs_.end(), from); pair != pairs_.end();
         ++pair) {
      const bool begun = last_ && *pair == pair_of(*last_);
      if (!begun && readable({pair->first, pair->second, 0, 0})) return scan_.valid();
      if (skip_in_pair(*pair, begun, what)) return scan_.valid();
    }
    // Nothing behind can be read.
    damage("store/chunks", what, std::nullopt, {});
    return false;
  }

  // Finds where in a pair reading can go on; false: nowhere in it.
  bool skip_in_pair(Pair pair, bool begun, const std::string& what) {
    const TimeRange day = partition_range(pair.first);
    TimeRange lost = day;
    if (begun) lost.after = std::max(day.after, last_ms_);
    std::uint64_t bad = begun ? last_->start : 0;
    std::uint64_t good = kDayMs + 1;
    const auto key_at = [&](std::uint64_t start) {
      return ChunkKey{pair.first, pair.second, static_cast<std::uint32_t>(start), 0};
    };
    const bool goes_on = readable(key_at(good));
    while (goes_on && good - bad > 1) {
      const std::uint64_t middle = bad + (good - bad) / 2;
      (readable(key_at(middle)) ? good : bad) = middle;
    }
    if (goes_on && readable(key_at(good)) && scan_.valid() && pair_of(scan_.key()) == pair) {
      lost.until = scan_.key().start_ms() - 1;
    }
    damage(fmt::format("store/chunks, partition {}", format_time_utc(day.after).substr(0, 10)),
           what, labels_of_(pair.second), lost);
    return goes_on;
  }

  [[nodiscard]] std::vector<Pair> all_pairs() const {
    std::vector<Pair> out;
    for (const std::int32_t partition : known_.presence.partitions()) {
      for (const std::uint32_t id : known_.presence.series_of(partition)) {
        out.emplace_back(partition, id);
      }
    }
    return out;
  }

  const Known& known_;
  LabelsOf labels_of_;
  VerifyReport& out_;
  ChunkScan scan_;
  std::vector<Pair> pairs_;
  std::optional<ChunkKey> last_;
  TimeMs last_ms_ = 0;  ///< of the chunk at last_
  storage::SealedOrder order_;
};

void verify_series(const storage::Store& store, std::uint32_t next_id, VerifyReport& out) {
  const auto damage = [&](std::uint32_t id, std::string what) {
    out.damage.push_back({fmt::format("series {}", id), std::move(what), std::nullopt, {}});
  };
  auto scanned = store.scan_series([&](std::uint32_t id, Bytes value) -> Result<void> {
    ++out.series;
    const auto decoded = storage::decode_series_value(value);
    const auto labels = decoded ? labels_from_canonical(as_bytes(decoded->canonical))
                                : Result<Labels>(tl::unexpected<Error>(decoded.error()));
    if (!labels) damage(id, labels.error().message);
    if (id >= next_id) damage(id, fmt::format("its id is past the high-water {}", next_id));
    return {};
  });
  if (!scanned) {
    out.damage.push_back({"store/series", scanned.error().message, std::nullopt, {}});
  }
}

}  // namespace

namespace storage {

std::string what_is_wrong(const ChunkKey& key, Bytes value, TimeRange& range) {
  range = {key.start_ms() - 1, key.start_ms()};
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

std::string encode_stored_mark(std::uint64_t mark) {
  std::string out;
  put_varint(out, mark);
  return out;
}

std::uint64_t store_mark(const Store& store) {
  const auto value = store.get_meta(kMarkName);
  if (!value || !*value) return 0;
  ByteReader in(as_bytes(**value));
  const std::uint64_t mark = in.varint();
  return in.ok() ? mark : 0;
}

std::uint64_t store_mark(const std::string& store_dir) {
  StoreOptions options;
  options.read_only = true;
  const auto store = Store::open(store_dir, options);
  return store ? store_mark(**store) : 0;
}

Error behind(const std::string& dir, std::uint64_t stored, std::uint64_t mark) {
  return {
      ErrorCode::corruption,
      fmt::format("{}/store holds what the log has up to record {}, but was flushed up to {}: its "
                  "manifest has lost its end, or an older store was put there",
                  dir, stored, mark),
      "`hygge db repair` finds what its tables hold",
      {}};
}

Result<void> check_not_behind(Files& files, const std::string& dir, const DatabaseId& id) {
  const auto mark = find_mark(files, fmt::format("{}/{}", dir, kLogDir), id);
  const std::uint64_t stored = store_mark(fmt::format("{}/{}", dir, kStoreDir));
  if (!mark || stored == 0 || stored >= *mark) return {};
  return tl::unexpected<Error>(behind(dir, stored, *mark));
}

bool store_is_behind(Files& files, const std::string& dir, const DatabaseId& id,
                     const Store& store) {
  const std::uint64_t stored = store_mark(store);
  return stored != 0 &&
         stored < find_mark(files, fmt::format("{}/{}", dir, kLogDir), id).value_or(0);
}

void verify_log_into(Files& files, const std::string& dir, const DatabaseId& id,
                     VerifyReport& out) {
  auto log = verify_log(files, fmt::format("{}/{}", dir, kLogDir), id);
  if (!log) {
    out.damage.push_back({"log", log.error().message, std::nullopt, {}});
    return;
  }
  out.records = log->records;
  for (const LogDamage& damage : log->damage) {
    out.damage.push_back(
        {fmt::format("{} at {}", damage.file, damage.offset), damage.what, std::nullopt, {}});
  }
}

}  // namespace storage

Result<VerifyReport> Db::Impl::verify() {
  VerifyReport out;
  Known known;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    known = {home_, home_->store->snapshot(), presence_, partitions_, masks_, next_id_};
  }
  const auto labels_of = [&](std::uint32_t series) -> std::optional<Labels> {
    const std::shared_lock lock(state_mutex_);
    if (!index_->contains(series)) return std::nullopt;
    return index_->labels(series);
  };
  auto files =
      known.home->store->verify_checksums([&](std::string_view file, std::string_view what) {
        out.damage.push_back({std::string(file), std::string(what), std::nullopt, {}});
      });
  if (!files) return tl::unexpected<Error>(files.error());
  ChunkVerifier(known, labels_of, out).run();
  if (auto cells = verify_cells(out); !cells) return tl::unexpected<Error>(cells.error());
  verify_series(*known.home->store, known.next_id, out);
  storage::verify_log_into(files_, dir_, identity_.id, out);
  return out;
}

}  // namespace hygge
