// Writing: a batch is checked, logged, then applied; what failed is never applied.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "model/quote.h"
#include "storage/db/db_impl.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::Head;
using storage::IdSample;

namespace {

tl::unexpected<Error> over_limit(std::string_view what, std::string_view whose, std::size_t is,
                                 std::size_t limit) {
  return fail(ErrorCode::limit,
              fmt::format("{} of {}: {}, the limit is {}", what, whose, is, limit),
              "raise it in Options::limits, or send less");
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return quoted(text);
  return quoted(text.substr(0, kShown)) + "…";
}

}  // namespace

Result<void> Db::Impl::check_labels(std::string_view canonical) const {
  const Limits& limits = options_.limits;
  ByteReader in(as_bytes(canonical));
  std::size_t count = 0;
  while (in.left() > 0) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    ++count;
    if (limits.label_name_bytes != 0 && name.size() > limits.label_name_bytes) {
      return over_limit("bytes in the name", "label " + shortened(name), name.size(),
                        limits.label_name_bytes);
    }
    if (limits.label_value_bytes != 0 && value.size() > limits.label_value_bytes) {
      return over_limit("bytes in the value", "label " + shortened(name), value.size(),
                        limits.label_value_bytes);
    }
  }
  if (limits.labels_per_series != 0 && count > limits.labels_per_series) {
    return over_limit("labels", "series " + shortened(canonical), count, limits.labels_per_series);
  }
  return {};
}

// Called under write_mutex_: only a writer changes the index, so it reads it without the state
// lock.
Result<std::uint32_t> Db::Impl::resolve(const Batch& batch, const Batch::Named& named,
                                        std::map<std::string_view, std::uint32_t>& fresh,
                                        Prepared& prepared) const {
  const std::string_view canonical =
      std::string_view(batch.label_bytes()).substr(named.offset, named.bytes);
  if (!named.valid) return fail(ErrorCode::invalid_argument, std::string(canonical));
  if (canonical.empty()) {
    return fail(ErrorCode::invalid_argument, "a series without any label");
  }
  if (const auto id = index_->find(canonical)) return *id;
  if (const auto at = fresh.find(canonical); at != fresh.end()) return at->second;
  if (auto checked = check_labels(canonical); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  const auto id = static_cast<std::uint32_t>(next_id_ + prepared.series.size());
  if (id < next_id_) return fail(ErrorCode::limit, "all 4.29 billion series ids are used");
  fresh.emplace(canonical, id);
  prepared.series.push_back({id, std::string(canonical)});
  return id;
}

Result<Db::Impl::Prepared> Db::Impl::prepare(const Batch& batch) {
  Prepared prepared;
  prepared.samples.reserve(batch.size());
  std::map<std::string_view, std::uint32_t> fresh;
  std::size_t next_named = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Batch::Entry& entry = batch.entries()[i];
    std::uint32_t id = entry.series;
    if (next_named < batch.named().size() && batch.named()[next_named].entry == i) {
      auto resolved = resolve(batch, batch.named()[next_named++], fresh, prepared);
      if (!resolved) return tl::unexpected<Error>(resolved.error());
      id = *resolved;
    } else if (!index_->contains(id)) {
      return fail(ErrorCode::not_found, fmt::format("series id {} was never given out", id),
                  "ids come from Db::series and are valid until that Db closes");
    }
    if (entry.t_ms < kMinTimeMs || entry.t_ms > kMaxTimeMs) {
      return fail(ErrorCode::out_of_range,
                  fmt::format("time {} ms is outside what can be stored (±1.8e17)", entry.t_ms),
                  "times are milliseconds since the epoch");
    }
    prepared.samples.push_back({id, entry.t_ms, entry.v});
  }
  for (const auto& [family, metadata] : batch.metadata()) {
    const auto at = metadata_->find(family);
    if (at == metadata_->end() || at->second != metadata) {
      prepared.metadata.emplace_back(family, metadata);
    }
  }
  return prepared;
}

Result<std::uint64_t> Db::Impl::log_batch(const Prepared& prepared) {
  std::vector<storage::PendingRecord> records;
  std::size_t bytes = 0;
  for (const NewSeries& series : prepared.series) {
    std::string payload;
    storage::encode_series(payload, series.id, series.canonical);
    bytes += payload.size();
    records.push_back({storage::RecordType::series, std::move(payload)});
  }
  for (const auto& [family, metadata] : prepared.metadata) {
    std::string payload;
    storage::encode_metadata(payload, family, metadata);
    bytes += payload.size();
    records.push_back({storage::RecordType::metadata, std::move(payload)});
  }
  if (!prepared.samples.empty()) {
    std::string payload;
    storage::encode_samples(payload, prepared.samples, log_->synced_sequence());
    bytes += payload.size();
    records.push_back({storage::RecordType::samples, std::move(payload)});
  }
  if (options_.limits.batch_bytes != 0 && bytes > options_.limits.batch_bytes) {
    return over_limit("encoded bytes", "the batch", bytes, options_.limits.batch_bytes);
  }
  auto sequence = log_->append(records);
  if (sequence && options_.sync.mode == Sync::Mode::batch) {
    if (auto synced = log_->sync(); !synced) return tl::unexpected<Error>(synced.error());
  }
  if (sequence) log_bytes_since_mark_.fetch_add(bytes, std::memory_order_relaxed);
  return sequence;
}

// What the head does not know yet of the pairs (partition, series) that `samples` touch. The store
// is asked only where the presence set has the pair; in replay always, since that set may lag.
Result<std::vector<std::pair<Db::Impl::Touch, Head::Known>>> Db::Impl::ask_store(
    std::span<const IdSample> samples, bool replaying) {
  std::vector<std::pair<Touch, Head::Known>> out;
  {
    // Maintenance closes and drops chunks of the head beside us; only a writer adds to it.
    const std::unique_lock lock(state_mutex_);
    head_.forget_stored();
    for (const IdSample& sample : samples) {
      const auto partition = static_cast<std::int32_t>(partition_of(sample.t_ms));
      if (head_.knows(sample.series, partition)) continue;
      const bool ask = replaying || presence_.contains(partition, sample.series);
      out.push_back({{partition, sample.series}, {}});
      out.back().second.stored = ask;
    }
  }
  const auto by_touch = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::sort(out.begin(), out.end(), by_touch);
  const auto same_touch = [](const auto& a, const auto& b) { return a.first == b.first; };
  out.erase(std::unique(out.begin(), out.end(), same_touch), out.end());
  std::optional<storage::ChunkScan> scan;
  storage::StoreSnapshotPtr snapshot;
  for (auto& [touch, known] : out) {
    if (!known.stored) continue;
    if (!scan) {
      snapshot = home_->store->snapshot();
      scan = home_->store->scan(snapshot);
    }
    auto stored = storage::stored_of(*scan, touch.first, touch.second);
    if (!stored) return tl::unexpected<Error>(stored.error());
    known = *stored;
  }
  return out;
}

WriteReport Db::Impl::apply(const Prepared& prepared,
                            const std::vector<std::pair<Touch, Head::Known>>& known,
                            std::uint64_t sequence) {
  WriteReport report;
  const TimeMs now_ms = options_.clock();
  const std::uint32_t now_minute = minute_of(now_ms);
  const std::unique_lock lock(state_mutex_);
  const bool meta = !prepared.series.empty() || !prepared.metadata.empty();
  if (meta && unput_sequence_ == 0) unput_sequence_ = applied_sequence_ + 1;
  for (const NewSeries& series : prepared.series) {
    index_->add(series.id, series.canonical);
    unput_series_.push_back(series.id);
    next_id_ = std::max(next_id_, series.id + 1);
  }
  if (!prepared.metadata.empty()) {
    auto changed = std::make_shared<storage::MetadataMap>(*metadata_);
    for (const auto& [family, metadata] : prepared.metadata) {
      (*changed)[family] = metadata;
      unput_families_.push_back(family);
    }
    metadata_ = std::move(changed);
  }
  for (const auto& [touch, what] : known) {
    head_.adopt(touch.second, touch.first, what);
    if (!presence_.contains(touch.first, touch.second)) presence_.add(touch.first, touch.second);
  }
  storage::Partitions::Toucher toucher(partitions_, now_ms);
  for (const IdSample& sample : prepared.samples) {
    toucher.touch(sample.series, sample.t_ms);
    const Head::Outcome outcome =
        head_.append(sample.series, sample.t_ms, sample.v, sequence, now_minute);
    report.samples += outcome != Head::Outcome::duplicate ? 1 : 0;
    report.duplicates += outcome == Head::Outcome::duplicate ? 1 : 0;
    report.replaced += outcome == Head::Outcome::replaced ? 1 : 0;
    report.out_of_order +=
        outcome == Head::Outcome::late || outcome == Head::Outcome::replaced ? 1 : 0;
    if (!bounds_) bounds_ = TimeBounds{sample.t_ms, sample.t_ms};
    bounds_->first_ms = std::min(bounds_->first_ms, sample.t_ms);
    bounds_->last_ms = std::max(bounds_->last_ms, sample.t_ms);
  }
  report.series_new = prepared.series.size();
  applied_sequence_ = sequence;
  waiting_bytes_.store(head_.waiting_bytes(), std::memory_order_relaxed);
  return report;
}

Result<void> Db::Impl::commit(const Prepared& prepared, WriteReport& report) {
  auto known = ask_store(prepared.samples, /*replaying=*/false);
  if (!known) return tl::unexpected<Error>(known.error());
  auto sequence = log_batch(prepared);
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  report = apply(prepared, *known, *sequence);
  return {};
}

Result<WriteReport> Db::Impl::write(const Batch& batch) {
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  WriteReport report;
  {
    const std::lock_guard lock(write_mutex_);
    if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
    auto prepared = prepare(batch);
    if (!prepared) return tl::unexpected<Error>(prepared.error());
    if (prepared->samples.empty() && prepared->metadata.empty()) return report;
    if (auto committed = commit(*prepared, report); !committed) {
      return tl::unexpected<Error>(committed.error());
    }
  }
  const std::size_t waiting = waiting_bytes_.load(std::memory_order_relaxed);
  if (waiting < options_.tuning.put_bytes) return report;
  if (options_.maintenance == Maintenance::manual) return report;
  if (waiting < 8 * options_.tuning.put_bytes) {
    const std::lock_guard lock(wake_mutex_);
    work_ = true;
    wake_.notify_all();
    return report;
  }
  // The maintenance thread does not keep up: the writer pays, so that memory stays bounded. The
  // batch is committed; if the pass fails, the next one tries again.
  const std::lock_guard lock(upkeep_mutex_);
  static_cast<void>(put_pass());
  return report;
}

Result<SeriesId> Db::Impl::series(const Labels& labels) {
  const std::string bytes = canonical(labels);
  {
    const std::shared_lock lock(state_mutex_);
    if (const auto id = index_->find(bytes)) return SeriesId{*id};
  }
  if (bytes.empty()) return fail(ErrorCode::invalid_argument, "a series without any label");
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  const std::lock_guard lock(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  if (const auto id = index_->find(bytes)) return SeriesId{*id};
  if (auto checked = check_labels(bytes); !checked) return tl::unexpected<Error>(checked.error());
  Prepared prepared;
  prepared.series.push_back({next_id_, bytes});
  WriteReport report;
  if (auto committed = commit(prepared, report); !committed) {
    return tl::unexpected<Error>(committed.error());
  }
  return SeriesId{prepared.series[0].id};
}

}  // namespace hygge
