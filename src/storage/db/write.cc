// Writing: a batch is checked, logged, then applied; what failed is never applied.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "model/canonical.h"
#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/upkeep/merge.h"
#include "storage/upkeep/stored.h"

namespace hygge {

using storage::Head;
using storage::IdSample;
using storage::Touch;

namespace {

std::string_view canonical_of(const Batch& batch, const Batch::Named& named) {
  return std::string_view(batch.label_bytes()).substr(named.offset, named.bytes);
}

// The ids that the index has for a batch's label sets, in order, looked up some at a time.
class KnownIds {
 public:
  KnownIds(const storage::Index& index, const Batch& batch) : index_(index), batch_(batch) {}

  std::optional<std::uint32_t> next() {
    if (at_ % kAtOnce == 0) look_up(batch_.named().subspan(at_));
    return ids_[at_++ % kAtOnce];
  }

 private:
  static constexpr std::size_t kAtOnce = 64;

  void look_up(std::span<const Batch::Named> named) {
    const std::size_t count = std::min(kAtOnce, named.size());
    std::array<std::string_view, kAtOnce> sets;
    for (std::size_t i = 0; i < count; ++i) {
      if (named[i].valid) sets[i] = canonical_of(batch_, named[i]);
    }
    index_.find(std::span(sets).first(count), std::span(ids_).first(count));
  }

  const storage::Index& index_;
  const Batch& batch_;
  std::array<std::optional<std::uint32_t>, kAtOnce> ids_{};
  std::size_t at_ = 0;
};

}  // namespace

// The id of a label set that the index does not know. Called under write_mutex_: only a writer
// changes the index, so it reads it without the state lock.
Result<std::uint32_t> Db::Impl::resolve_new(const Batch& batch, const Batch::Named& named,
                                            Group& group, Prepared& prepared) const {
  const std::string_view canonical = canonical_of(batch, named);
  if (!named.valid) return fail(ErrorCode::invalid_argument, std::string(canonical));
  if (canonical.empty()) {
    return fail(ErrorCode::invalid_argument, "a series without any label");
  }
  if (const auto at = group.fresh.find(canonical); at != group.fresh.end()) return at->second;
  if (auto checked = check_labels(canonical); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  const std::size_t coming = group.new_series + prepared.series.size();
  if (auto checked = check_counts(canonical, coming, group); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  const auto id = static_cast<std::uint32_t>(next_id_ + coming);
  if (id < next_id_) return fail(ErrorCode::limit, "all 4.29 billion series ids are used");
  group.fresh.emplace(canonical, id);
  prepared.series.push_back({id, std::string(canonical)});
  return id;
}

// On an error the batch's labels stand in group.fresh still: see stage().
Result<Db::Impl::Prepared> Db::Impl::prepare(const Batch& batch, Group& group) {
  if (batch.id().size() > storage::kMaxBatchIdBytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a batch id of {} bytes, at most {} are kept", batch.id().size(),
                            storage::kMaxBatchIdBytes),
                "send a hash of it");
  }
  Prepared prepared;
  prepared.batch_id = batch.id();
  prepared.samples.reserve(batch.size());
  KnownIds known(*index_, batch);
  std::size_t next_named = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Batch::Entry& entry = batch.entries()[i];
    std::uint32_t id = entry.series;
    if (next_named < batch.named().size() && batch.named()[next_named].entry == i) {
      const Batch::Named& named = batch.named()[next_named++];
      if (const auto found = known.next()) {
        id = *found;
      } else {
        auto resolved = resolve_new(batch, named, group, prepared);
        if (!resolved) return tl::unexpected<Error>(resolved.error());
        id = *resolved;
      }
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

Result<std::optional<double>> Db::Impl::stored_value(std::uint32_t series, TimeMs t_ms) const {
  const auto partition = static_cast<std::int32_t>(partition_of(t_ms));
  if (!presence_.contains(partition, series)) return std::optional<double>();
  storage::ChunkScan scan = home_->store->scan(home_->store->snapshot());
  std::vector<storage::Piece> pieces;
  auto loaded = storage::load_pieces(scan, partition, series, {t_ms - 1, t_ms}, pieces);
  if (loaded) loaded = storage::mask_pieces(pieces, 0, series, masks_);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  if (pieces.empty()) return std::optional<double>();
  ChunkSamples samples;
  auto merged = storage::merge_cluster(pieces, policy_.on_duplicate, samples);
  if (!merged) return tl::unexpected<Error>(merged.error());
  const auto at = std::lower_bound(samples.t.begin(), samples.t.end(), t_ms);
  if (at == samples.t.end() || *at != t_ms) return std::optional<double>();
  return std::optional<double>(samples.v[static_cast<std::size_t>(at - samples.t.begin())]);
}

// Leaves out of `prepared` what the policies refuse, and puts down what will be said of the batch.
Result<void> Db::Impl::decide_on(Prepared& prepared, const storage::Knowledge& known) {
  const auto stored = [this](std::uint32_t series, TimeMs t_ms) {
    return stored_value(series, t_ms);
  };
  Result<storage::Decision> decided = [&] {
    // Maintenance closes and drops chunks of the head beside us.
    const std::shared_lock lock(state_mutex_);
    return storage::decide(head_, known, policy_, prepared.samples, stored);
  }();
  if (!decided) return tl::unexpected<Error>(decided.error());
  if (decided->conflict) {
    const auto& [sample, held] = *decided->conflict;
    const std::string labels =
        index_->contains(sample.series) ? to_string(index_->labels(sample.series)) : "a new series";
    return fail(ErrorCode::already_exists,
                fmt::format("{} has the value {} at {}, the batch brings {}", labels, held,
                            format_time_utc(sample.t_ms), sample.v),
                "the write policy on_duplicate is `error`; nothing of the batch was written");
  }
  prepared.samples = std::move(decided->kept);
  prepared.decided = std::move(decided->report);
  WriteReport& report = *prepared.decided;
  report.series_new = prepared.series.size();
  report.refused_out_of_order += prepared.expired;
  const std::size_t room = storage::kMaxFirstRefused - report.first_refused.size();
  prepared.first_expired.resize(std::min(room, prepared.first_expired.size()));
  report.first_refused.insert(report.first_refused.end(), prepared.first_expired.begin(),
                              prepared.first_expired.end());
  if (!prepared.batch_id.empty()) prepared.report = storage::encode_report(*prepared.decided);
  return {};
}

// Under write_mutex_.
void Db::Impl::name_refused(WriteReport& report) const {
  for (WriteReport::Refused& refused : report.first_refused) {
    const std::uint32_t id = refused.series.value;
    if (index_->contains(id)) refused.labels = to_string(index_->labels(id));
  }
}

// Of a batch that was taken before. Under write_mutex_.
WriteReport Db::Impl::first_report(std::string_view encoded) const {
  auto report = storage::decode_report(as_bytes(encoded));
  HYGGE_ASSERT(report.has_value());  // checked when it came from the disk
  if (!report) return {};
  report->repeat = true;
  name_refused(*report);
  return *std::move(report);
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
  // A batch id is kept although nothing else may be left of its batch.
  if (!prepared.samples.empty() || !prepared.batch_id.empty()) {
    std::string payload;
    storage::encode_samples(
        payload, prepared.samples,
        {log_->synced_sequence(), prepared.batch_id, as_bytes(prepared.report)});
    bytes += payload.size();
    records.push_back({storage::RecordType::samples, std::move(payload)});
  }
  if (options_.limits.batch_bytes != 0 && bytes > options_.limits.batch_bytes) {
    return over_limit("encoded bytes", "the batch", bytes, options_.limits.batch_bytes);
  }
  if (auto room = check_cap(bytes); !room) return tl::unexpected<Error>(room.error());
  auto sequence = log_->append(records);
  if (sequence) {
    log_bytes_since_mark_.fetch_add(bytes, std::memory_order_relaxed);
    log_written_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    cap_logged_.fetch_add(cap_cost(bytes));
  }
  return sequence;
}

// While the log is replayed.
void Db::Impl::note_damage(const std::string& what) {
  constexpr std::size_t kMostNotes = 20;
  const std::string note = fmt::format(
      "the store is damaged: {}; samples of the log for it were taken all the same, `hygge db "
      "verify` names what is lost, `hygge db repair` sets it aside",
      what);
  std::vector<std::string>& notes = open_report_.notes;
  if (notes.size() < kMostNotes && std::find(notes.begin(), notes.end(), note) == notes.end()) {
    notes.push_back(note);
  }
}

// What the head does not know yet of the pairs (partition, series) that `samples` touch. The store
// is asked only where the presence set has the pair; in replay always, since that set may lag.
Result<storage::Knowledge> Db::Impl::ask_store(std::span<const IdSample> samples, bool replaying) {
  storage::Knowledge out;
  {
    // Maintenance closes and drops chunks of the head beside us; only a writer adds to it.
    const std::unique_lock lock(state_mutex_);
    head_.forget_stored();
    constexpr std::size_t kAhead = 16;
    TimeRange day;
    std::int32_t partition = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const IdSample& sample = samples[i];
      if (i + kAhead < samples.size()) head_.prefetch_state(samples[i + kAhead].series);
      if (!day.contains(sample.t_ms)) {
        partition = static_cast<std::int32_t>(partition_of(sample.t_ms));
        day = partition_range(partition);
      }
      if (head_.knows(sample.series, partition)) continue;
      if (!out.empty() && out.back().first == Touch{partition, sample.series}) continue;
      const bool ask = replaying || presence_.contains(partition, sample.series);
      out.push_back({{partition, sample.series}, {}});
      out.back().second.stored = ask;
    }
    // Whether a sample is too old depends on the newest one of its series, in whatever partition.
    if (policy_.out_of_order.mode != OutOfOrder::Mode::any && !replaying) {
      for (const IdSample& sample : samples) {
        const auto newest = presence_.newest_partition(sample.series);
        if (!newest || head_.knows(sample.series, *newest)) continue;
        out.push_back({{*newest, sample.series}, {}});
        out.back().second.stored = true;
      }
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
      if (!snapshot) snapshot = home_->store->snapshot();
      scan = home_->store->scan(snapshot);
    } else if (!scan->valid() || touch < Touch{scan->key().partition, scan->key().series}) {
      // The scan stands behind the pair before, and what it stands on lies behind this one too: in
      // a replay on top of a store that has little of the day, a seek for each series is saved.
      known = {};
      continue;
    }
    auto stored = storage::stored_of(*scan, touch.first, touch.second);
    if (!stored && stored.error().code == ErrorCode::corruption) {
      // What is damaged must not keep out what is new.
      if (replaying) note_damage(stored.error().message);
      stored = storage::beyond_damage(*scan, touch.first, touch.second);
      scan.reset();  // it stands nowhere
    }
    if (!stored) return tl::unexpected<Error>(stored.error());
    known = *stored;
  }
  return out;
}

// Under state_mutex_. Each sample goes to another series, whose state lies somewhere else in
// memory: asked for some samples ahead, it has come by the time it is needed.
void Db::Impl::append(std::span<const IdSample> samples, std::uint64_t sequence, TimeMs now_ms,
                      WriteReport& report) {
  constexpr std::size_t kStatesAhead = 24;
  constexpr std::size_t kChunksAhead = 16;
  constexpr std::size_t kEncodersAhead = 8;
  constexpr std::size_t kBitsAhead = 4;
  const std::uint32_t now_minute = minute_of(now_ms);
  std::array<std::uint64_t, Head::kOutcomes> outcomes{};
  TimeBounds bounds = bounds_.value_or(
      TimeBounds{std::numeric_limits<TimeMs>::max(), std::numeric_limits<TimeMs>::min()});
  storage::Partitions::Toucher toucher(partitions_, now_ms);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i + kStatesAhead < samples.size()) head_.prefetch_state(samples[i + kStatesAhead].series);
    if (i + kChunksAhead < samples.size()) head_.prefetch_chunk(samples[i + kChunksAhead].series);
    if (i + kEncodersAhead < samples.size()) {
      head_.prefetch_encoder(samples[i + kEncodersAhead].series);
    }
    if (i + kBitsAhead < samples.size()) head_.prefetch_bits(samples[i + kBitsAhead].series);
    const IdSample& sample = samples[i];
    toucher.touch(sample.series, sample.t_ms);
    const Head::Outcome outcome =
        head_.append(sample.series, sample.t_ms, sample.v, sequence, now_minute);
    ++outcomes[static_cast<std::size_t>(outcome)];
    bounds.first_ms = std::min(bounds.first_ms, sample.t_ms);
    bounds.last_ms = std::max(bounds.last_ms, sample.t_ms);
  }
  if (!samples.empty()) bounds_ = bounds;
  const auto count = [&](Head::Outcome outcome) {
    return outcomes[static_cast<std::size_t>(outcome)];
  };
  report.duplicates = count(Head::Outcome::duplicate);
  report.samples = samples.size() - report.duplicates;
  report.replaced = count(Head::Outcome::replaced);
  report.out_of_order = count(Head::Outcome::late) + report.replaced;
}

// Under state_mutex_.
void Db::Impl::adopt(const storage::Knowledge& known) {
  for (const auto& [touch, what] : known) {
    // An earlier batch of the same group may have done it.
    if (head_.knows(touch.second, touch.first)) continue;
    head_.adopt(touch.second, touch.first, what);
    if (!presence_.contains(touch.first, touch.second)) presence_.add(touch.first, touch.second);
  }
}

WriteReport Db::Impl::apply(Prepared& prepared, const storage::Knowledge& known,
                            std::uint64_t sequence) {
  WriteReport report;
  const TimeMs now_ms = options_.clock();
  const std::unique_lock lock(state_mutex_);
  const bool meta = !prepared.series.empty() || !prepared.metadata.empty();
  if (meta && unput_sequence_ == 0) unput_sequence_ = applied_sequence_ + 1;
  for (const NewSeries& series : prepared.series) {
    add_series(series.id, series.canonical);
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
  adopt(known);
  append(prepared.samples, sequence, now_ms, report);
  report.series_new = prepared.series.size();
  if (log_ && !prepared.samples.empty()) {  // without a log it is replayed
    batches_.fetch_add(1, std::memory_order_relaxed);
    samples_taken_.fetch_add(report.samples, std::memory_order_relaxed);
  }
  if (!prepared.batch_id.empty()) batch_ids_.remember(prepared.batch_id, prepared.report);
  applied_sequence_ = sequence;
  waiting_bytes_.store(head_.waiting_bytes(), std::memory_order_relaxed);
  if (prepared.decided) report = *std::move(prepared.decided);
  name_refused(report);
  return report;
}

Result<SeriesId> Db::Impl::series(const Labels& labels) {
  const std::string bytes = canonical(labels);
  {
    const std::shared_lock lock(state_mutex_);
    if (const auto id = index_->find(bytes)) return give_out(*id);
  }
  if (bytes.empty()) return fail(ErrorCode::invalid_argument, "a series without any label");
  if (read_only_) {
    return fail(ErrorCode::read_only, fmt::format("{} is open for reading only", dir_));
  }
  return while_room_comes([&] { return make_series(bytes); });
}

Result<SeriesId> Db::Impl::make_series(const std::string& bytes) {
  const std::lock_guard lock(write_mutex_);
  if (closed_) return fail(ErrorCode::invalid_argument, "the database is closed");
  if (const auto id = index_->find(bytes)) return give_out(*id);
  Group group;
  auto checked = check_labels(bytes);
  if (checked) checked = check_counts(bytes, /*coming=*/0, group);
  if (!checked) return tl::unexpected<Error>(checked.error());
  Prepared prepared;
  prepared.series.push_back({next_id_, bytes});
  auto sequence = log_batch(prepared);
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  if (options_.sync.mode == Sync::Mode::batch) {
    if (auto synced = log_->sync(); !synced) return tl::unexpected<Error>(synced.error());
  }
  apply(prepared, {}, *sequence);
  return give_out(prepared.series[0].id);  // none leaves meanwhile: write_mutex_
}

}  // namespace hygge
