// Opening: the directory, the store, the index from it, then the log's replay (replay.cc) on top.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "model/canonical.h"
#include "storage/db/db_impl.h"
#include "storage/db/directory.h"
#include "storage/db/meta.h"
#include "storage/db/verify.h"
#include "storage/log/scan.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::Files;

namespace {

using storage::join;
using storage::no_database;
using storage::read_identity;
using storage::write_identity;

// Everything but HYGGE, which is made last.
Result<void> create_directory(Files& files, const std::string& dir) {
  if (auto made = files.create_directories(dir); !made) return made;
  auto allowed = storage::may_create_in(files, dir);
  if (!allowed) return tl::unexpected<Error>(allowed.error());
  if (!*allowed) return no_database(dir, /*other_files=*/true);
  return {};
}

// A creation cut short left no record that anybody was told of; one with records is half a
// database.
Result<void> begin_again(Files& files, const std::string& dir) {
  const std::string log_dir = join(dir, storage::kLogDir);
  if (files.exists(log_dir)) {
    auto written = storage::log_has_records(files, log_dir);
    if (!written) return tl::unexpected<Error>(written.error());
    if (*written) {
      return fail(ErrorCode::corruption,
                  fmt::format("{}: HYGGE is missing, but the log holds records", dir),
                  "restore HYGGE from a copy of this database");
    }
  }
  for (const std::string_view name : {storage::kLogDir, storage::kStoreDir}) {
    if (!files.exists(join(dir, name))) continue;
    if (auto removed = files.remove_tree(join(dir, name)); !removed) return removed;
  }
  return {};
}

}  // namespace

Db::Impl::Impl(std::string dir, Options options, bool read_only)
    : dir_(std::move(dir)), options_(std::move(options)), read_only_(read_only) {}

Db::Impl::~Impl() { abandon(); }

Result<std::shared_ptr<Db::Impl>> Db::Impl::open(const std::string& dir, const Options& options) {
  Files& files = storage::posix_files();
  const bool there = files.exists(join(dir, storage::kIdentityFile));
  if (!there && !options.create_if_missing) {
    if (!files.exists(dir)) {
      return fail(ErrorCode::not_found, fmt::format("{}: no such database", dir),
                  "`hygge import` or Options::create_if_missing makes one");
    }
    return no_database(dir, /*other_files=*/false);
  }
  if (there) {
    // Before the lock, which a newer format might keep elsewhere.
    if (auto identity = read_identity(files, dir); !identity) {
      return tl::unexpected<Error>(identity.error());
    }
  } else if (auto created = create_directory(files, dir); !created) {
    return tl::unexpected<Error>(created.error());
  }
  auto impl = std::shared_ptr<Impl>(new Impl(dir, options, /*read_only=*/false));
  auto lock = files.lock(join(dir, storage::kLockFile));
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto home = std::make_shared<storage::Home>();
  home->lock = std::move(*lock);
  // Under the lock: another process may have finished its creation meanwhile.
  const bool create = !files.exists(join(dir, storage::kIdentityFile));
  if (create) {
    if (auto begun = begin_again(files, dir); !begun) return tl::unexpected<Error>(begun.error());
    impl->identity_ = {storage::kFormatVersion, storage::random_id(), options.clock(), false};
    if (auto made = files.create_directories(join(dir, storage::kLogDir)); !made) {
      return tl::unexpected<Error>(made.error());
    }
  } else {
    auto identity = read_identity(files, dir);
    if (!identity) return tl::unexpected<Error>(identity.error());
    impl->identity_ = *identity;
  }
  if (impl->identity_.snapshot) {
    return fail(ErrorCode::read_only, fmt::format("{} is a snapshot, which is only read", dir),
                "clone it to get a database that can be written");
  }
  if (!create) {
    // Before the open, which removes tables that the manifest does not name.
    if (auto whole = storage::check_not_behind(files, dir, impl->identity_.id); !whole) {
      return tl::unexpected<Error>(whole.error());
    }
  }
  if (!create && impl->identity_.format < storage::kFormatVersion) {
    // First of all: an older library must not meet what this one is about to write.
    impl->identity_.format = storage::kFormatVersion;
    if (auto raised = write_identity(files, dir, impl->identity_); !raised) {
      return tl::unexpected<Error>(raised.error());
    }
  }
  storage::StoreOptions store_options;
  store_options.create = create;
  store_options.memory_bytes = options.memory_bytes;
  store_options.chunk_memtable_bytes = options.tuning.chunk_memtable_bytes;
  auto store = storage::Store::open(join(dir, storage::kStoreDir), store_options);
  if (!store) return tl::unexpected<Error>(store.error());
  home->store = std::move(*store);
  impl->home_ = std::move(home);
  if (auto loaded = impl->load(); !loaded) return tl::unexpected<Error>(loaded.error());
  if (!create) {
    if (auto replayed = impl->replay_log(); !replayed) {
      return tl::unexpected<Error>(replayed.error());
    }
  }
  if (auto started = impl->start_writing(); !started) {
    return tl::unexpected<Error>(started.error());
  }
  if (create) {
    if (auto named = write_identity(files, dir, impl->identity_); !named) {
      return tl::unexpected<Error>(named.error());
    }
  }
  return impl;
}

Result<std::shared_ptr<Db::Impl>> Db::Impl::open_read_only(const std::string& dir,
                                                           const Options& options) {
  Files& files = storage::posix_files();
  if (!files.exists(join(dir, storage::kIdentityFile))) {
    if (!files.exists(dir)) {
      return fail(ErrorCode::not_found, fmt::format("{}: no such database", dir),
                  "`hygge import` makes one");
    }
    return no_database(dir, /*other_files=*/false);
  }
  // A writer may move its mark and unlink segments, or compact files away, between our steps: then
  // what we hold does not fit together, and we start over.
  constexpr int kAttempts = 10;
  Error last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto impl = std::shared_ptr<Impl>(new Impl(dir, options, /*read_only=*/true));
    auto identity = read_identity(files, dir);
    if (!identity) return tl::unexpected<Error>(identity.error());
    impl->identity_ = *identity;
    // The mark before the store: a store is then never older than the mark.
    const std::string log_dir = join(dir, storage::kLogDir);
    storage::HeldSegments log;
    auto held = log.take(files, log_dir, impl->identity_.id);
    if (!held) {
      last = held.error();
      continue;
    }
    auto mark = storage::find_mark(files, log_dir, impl->identity_.id);
    if (!mark) {
      last = mark.error();
      continue;
    }
    impl->marked_sequence_ = *mark;
    storage::StoreOptions store_options;
    store_options.read_only = true;
    store_options.memory_bytes = options.memory_bytes;
    auto store = storage::Store::open(join(dir, storage::kStoreDir), store_options);
    if (!store) {
      last = store.error();
      continue;
    }
    held = log.take(files, log_dir, impl->identity_.id);
    if (!held) {
      last = held.error();
      continue;
    }
    const std::uint64_t stored = storage::store_mark(**store);
    if (stored != 0 && stored < *mark) {
      last = storage::behind(dir, stored, *mark);
      continue;
    }
    auto home = std::make_shared<storage::Home>();
    home->store = std::move(*store);
    impl->home_ = std::move(home);
    auto loaded = impl->load();
    if (loaded) loaded = impl->replay_log(&log);
    if (loaded) return impl;
    last = loaded.error();
  }
  return tl::unexpected<Error>(std::move(last));
}

Result<void> Db::Impl::load() {
  if (auto meta = load_meta(); !meta) return meta;
  return load_series();
}

Result<void> Db::Impl::load_meta() {
  const storage::Store& store = *home_->store;
  auto high_water = store.get_meta(storage::kHighWaterName);
  if (!high_water) return tl::unexpected<Error>(high_water.error());
  if (*high_water) {
    auto next_id = storage::decode_high_water(as_bytes(**high_water));
    if (!next_id) return tl::unexpected<Error>(next_id.error());
    next_id_ = *next_id;
  }
  auto bounds = store.get_meta(storage::kBoundsName);
  if (!bounds) return tl::unexpected<Error>(bounds.error());
  if (*bounds) {
    auto decoded = storage::decode_bounds(as_bytes(**bounds));
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    bounds_ = *decoded;
  }
  auto policy = store.get_meta(storage::kWritePolicyName);
  if (!policy) return tl::unexpected<Error>(policy.error());
  if (*policy) {
    auto decoded = storage::decode_write_policy(as_bytes(**policy));
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    policy_ = *decoded;
  }
  auto retention = store.get_meta(storage::kRetentionName);
  if (!retention) return tl::unexpected<Error>(retention.error());
  if (*retention) {
    auto decoded = storage::decode_policy(as_bytes(**retention));
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    retention_ = std::move(*decoded);
  }
  auto batches = store.scan_meta(
      storage::BatchIds::kPrefix,
      [&](std::string_view name, Bytes value) { return batch_ids_.load(name, value); });
  if (!batches) return batches;
  auto rollups = store.get_meta(storage::kRollupsName);
  if (!rollups) return tl::unexpected<Error>(rollups.error());
  if (*rollups) {
    auto decoded = storage::decode_rollups(as_bytes(**rollups));
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    rollup_ = std::move(*decoded);
  }
  auto metadata = std::make_shared<storage::MetadataMap>();
  auto families = store.scan_meta(
      storage::kMetadataPrefix, [&](std::string_view name, Bytes value) -> Result<void> {
        auto decoded = storage::decode_metadata_value(value);
        if (!decoded) return tl::unexpected<Error>(decoded.error());
        metadata->emplace(name.substr(storage::kMetadataPrefix.size()), std::move(*decoded));
        return {};
      });
  if (!families) return families;
  metadata_ = std::move(metadata);
  auto states = store.scan_meta(
      storage::Partitions::kStatePrefix,
      [&](std::string_view name, Bytes value) { return partitions_.load_state(name, value); });
  if (!states) return states;
  auto dirty = store.scan_meta(
      storage::Partitions::kDirtyPrefix,
      [&](std::string_view name, Bytes value) { return partitions_.load_dirty(name, value); });
  if (!dirty) return dirty;
  auto cells = store.scan_meta(
      storage::Partitions::kCellsPrefix,
      [&](std::string_view name, Bytes value) { return partitions_.load_cells(name, value); });
  if (!cells) return cells;
  auto expired = store.scan_meta(
      storage::Partitions::kExpiredPrefix,
      [&](std::string_view name, Bytes value) { return partitions_.load_expired(name, value); });
  if (!expired) return expired;
  return store.scan_meta(storage::Presence::kPrefix, [&](std::string_view name, Bytes value) {
    return presence_.load(name, value);
  });
}

Result<void> Db::Impl::load_series() {
  return home_->store->scan_series([&](std::uint32_t id, Bytes value) -> Result<void> {
    auto decoded = storage::decode_series_value(value);
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    add_series(id, decoded->canonical);
    head_.set_birth(id, decoded->birth_ms);
    // `meta` may lag the families that were flushed before it.
    next_id_ = std::max(next_id_, id + 1);
    return {};
  });
}

Result<void> Db::Impl::start_writing() {
  storage::LogWriterOptions log_options;
  log_options.segment_bytes = options_.tuning.log_segment_bytes;
  auto log = storage::LogWriter::create(files_, join(dir_, storage::kLogDir), identity_.id,
                                        applied_sequence_ + 1, log_options);
  if (!log) return tl::unexpected<Error>(log.error());
  log_ = std::move(*log);
  note_closed();
  measure_cap();
  if (options_.maintenance == Maintenance::thread) {
    thread_ = std::thread([this] { run_maintenance(); });
    step_thread_ = std::thread([this] { run_long_steps(); });
  }
  return {};
}

}  // namespace hygge
