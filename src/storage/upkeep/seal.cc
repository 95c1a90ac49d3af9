#include "storage/upkeep/seal.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/mutation.h"
#include "codec/smallest.h"
#include "model/partition.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

namespace {

struct SealedChunk {
  ChunkKey key;
  std::string value;
};

// All chunks of one series in the partition: keys, bytes, and samples in one row.
class SeriesChunks {
 public:
  void clear() {
    keys_.clear();
    bytes_.clear();
    ends_.clear();
    samples_.t.clear();
    samples_.v.clear();
    sample_ends_.clear();
    rising_ = true;
  }

  [[nodiscard]] Result<void> add(const ChunkKey& key, Bytes value) {
    auto decoded = decode_chunk(value, key.start_ms(), one_);
    if (!decoded) return decoded;
    keys_.push_back(key);
    bytes_ += as_text(value);
    ends_.push_back(bytes_.size());
    rising_ = rising_ && (samples_.t.empty() || one_.t.front() > samples_.t.back());
    samples_.t.insert(samples_.t.end(), one_.t.begin(), one_.t.end());
    samples_.v.insert(samples_.v.end(), one_.v.begin(), one_.v.end());
    sample_ends_.push_back(samples_.t.size());
    return {};
  }

  [[nodiscard]] const std::vector<ChunkKey>& keys() const noexcept { return keys_; }

  // The samples with strictly rising times. Once.
  [[nodiscard]] Result<ChunkSamples> merged(OnDuplicate policy) {
    if (rising_) return std::move(samples_);
    std::vector<Piece> pieces(keys_.size());
    for (std::size_t i = 0, from = 0; i < keys_.size(); from = sample_ends_[i++]) {
      const auto begin = static_cast<std::ptrdiff_t>(from);
      const auto end = static_cast<std::ptrdiff_t>(sample_ends_[i]);
      pieces[i].key = keys_[i];
      pieces[i].rank = keys_[i].ordinal;
      pieces[i].samples.t.assign(samples_.t.begin() + begin, samples_.t.begin() + end);
      pieces[i].samples.v.assign(samples_.v.begin() + begin, samples_.v.begin() + end);
      pieces[i].first_ms = pieces[i].samples.t.front();
      pieces[i].last_ms = pieces[i].samples.t.back();
    }
    ChunkSamples out;
    ChunkSamples part;
    for (std::size_t at = 0; at < pieces.size();) {
      const std::size_t length = cluster_length(std::span<const Piece>(pieces).subspan(at));
      auto done = merge_cluster(std::span(pieces).subspan(at, length), policy, part);
      if (!done) return tl::unexpected<Error>(done.error());
      out.t.insert(out.t.end(), part.t.begin(), part.t.end());
      out.v.insert(out.v.end(), part.v.begin(), part.v.end());
      at += length;
    }
    return out;
  }

  [[nodiscard]] bool same_as(const std::vector<SealedChunk>& chunks) const {
    if (chunks.size() != keys_.size()) return false;
    for (std::size_t i = 0, from = 0; i < keys_.size(); from = ends_[i++]) {
      if (chunks[i].key != keys_[i]) return false;
      if (std::string_view(bytes_).substr(from, ends_[i] - from) != chunks[i].value) return false;
    }
    return true;
  }

 private:
  std::vector<ChunkKey> keys_;
  std::string bytes_;  // the values, one after the other
  std::vector<std::size_t> ends_;
  ChunkSamples samples_;
  std::vector<std::size_t> sample_ends_;
  ChunkSamples one_;
  bool rising_ = true;
};

std::vector<SealedChunk> cut(SmallestEncoder& encoder, std::int32_t partition, std::uint32_t series,
                             const ChunkSamples& samples) {
  std::vector<SealedChunk> out;
  const TimeMs after = partition_range(partition).after;
  for (std::size_t from = 0; from < samples.t.size(); from += kSealedChunkSamples) {
    const std::size_t count = std::min(kSealedChunkSamples, samples.t.size() - from);
    const auto t = std::span(samples.t).subspan(from, count);
    const auto v = std::span(samples.v).subspan(from, count);
    const ChunkKey key{partition, series, static_cast<std::uint32_t>(t.front() - after), 0};
    out.push_back({key, encoder.encode(t, v)});
  }
  return out;
}

class Pass {
 public:
  Pass(Store& store, const StoreSnapshotPtr& snapshot, std::int32_t partition,
       std::span<const std::uint32_t> series, const ResealOptions& options)
      : store_(store),
        scan_(store.scan(snapshot, ScanUse::once)),
        partition_(partition),
        listed_(series),
        options_(options) {}

  Result<ResealReport> run() {
    for (auto series = options_.whole_partition ? seek(0) : next_listed(0); series;) {
      const std::uint32_t id = *series;
      one(id);
      ++report_.series;
      if (batch_bytes_ >= options_.batch_bytes) {
        if (auto applied = apply(); !applied) return tl::unexpected<Error>(applied.error());
      }
      if (options_.go_on && !options_.go_on(report_.series)) {
        report_.finished = false;
        break;
      }
      series = options_.whole_partition ? here(id) : next_listed(std::uint64_t{id} + 1);
    }
    if (auto applied = apply(); !applied) return tl::unexpected<Error>(applied.error());
    return std::move(report_);
  }

 private:
  using Series = std::optional<std::uint32_t>;

  // The series that the scan stands at, or the next one that can be read; `before` is done.
  Series here(std::uint32_t before) {
    if (scan_.error() != nullptr) return behind_damage(std::uint64_t{before} + 1);
    if (!scan_.valid() || scan_.key().partition != partition_) return std::nullopt;
    return scan_.key().series;
  }

  Series seek(std::uint32_t series) {
    scan_.seek({partition_, series, 0, 0});
    if (scan_.error() != nullptr) return behind_damage(series);
    return here(series);
  }

  // A damaged block gives no key, so that only the list says what may follow it.
  Series behind_damage(std::uint64_t from) {
    auto at = std::lower_bound(listed_.begin(), listed_.end(), from);
    for (; at != listed_.end(); ++at) {
      scan_.seek({partition_, *at, 0, 0});
      if (scan_.error() == nullptr) return here(*at);
      report_.damaged.push_back(*at);
    }
    return std::nullopt;
  }

  Series next_listed(std::uint64_t from) {
    auto at = std::lower_bound(listed_.begin(), listed_.end(), from);
    for (; at != listed_.end(); ++at) {
      scan_.seek({partition_, *at, 0, 0});
      if (scan_.error() != nullptr) {
        report_.damaged.push_back(*at);
        continue;
      }
      if (scan_.valid() && scan_.key().partition == partition_ && scan_.key().series == *at) {
        return *at;
      }
    }
    return std::nullopt;
  }

  // The scan stands at the first chunk of the series; it is left behind the last.
  void one(std::uint32_t series) {
    chunks_.clear();
    bool whole = true;
    while (scan_.valid() && scan_.key().partition == partition_ && scan_.key().series == series) {
      ++report_.chunks_read;
      if (whole && !chunks_.add(scan_.key(), scan_.value())) whole = false;
      scan_.next();
    }
    whole = whole && scan_.error() == nullptr;
    const auto samples = whole ? chunks_.merged(options_.on_duplicate) : Result<ChunkSamples>();
    if (!whole || !samples) {
      report_.damaged.push_back(series);
      return;
    }
    rewrite(series, *samples);
  }

  void rewrite(std::uint32_t series, const ChunkSamples& samples) {
    roll_up(series, samples);
    const std::vector<SealedChunk> sealed = cut(encoder_, partition_, series, samples);
    if (chunks_.same_as(sealed)) return;
    for (const ChunkKey& key : chunks_.keys()) {
      const auto at = std::lower_bound(
          sealed.begin(), sealed.end(), key,
          [](const SealedChunk& chunk, const ChunkKey& k) { return chunk.key < k; });
      if (at != sealed.end() && at->key == key) continue;  // put again below
      deletes().delete_chunk(key);
      batch_bytes_ += kChunkKeyBytes;
    }
    for (const SealedChunk& chunk : sealed) {
      batch_.put_chunk(chunk.key, chunk.value);
      report_.bytes_written += kChunkKeyBytes + chunk.value.size();
      batch_bytes_ += kChunkKeyBytes + chunk.value.size();
    }
    ++report_.series_rewritten;
    report_.samples += samples.t.size();
    report_.chunks_written += sealed.size();
  }

  void roll_up(std::uint32_t series, const ChunkSamples& samples) {
    if (!options_.rollup || samples.t.empty()) return;
    const RollupChoice choice = options_.rollup(series);
    for (const CellRows::Row& row : cells_.of(samples, partition_, choice)) {
      batch_.put_cells(key_of(row.resolution_ms, series), row.value);
      ++report_.cell_rows;
      report_.cell_bytes += kCellKeyBytes + row.value.size();
      batch_bytes_ += kCellKeyBytes + row.value.size();
    }
    for (const DurationMs tier : options_.stored_tiers) {
      if (std::binary_search(choice.tiers.begin(), choice.tiers.end(), tier)) continue;
      batch_.delete_cells(key_of(tier, series));
      batch_bytes_ += kCellKeyBytes;
    }
  }
  [[nodiscard]] CellKey key_of(DurationMs tier, std::uint32_t series) const {
    return {static_cast<std::uint32_t>(tier), partition_, series};
  }

  // A test that breaks the rule of one batch must lose data: see base/mutation.h.
  StoreBatch& deletes() { return broken("seal-one-batch") ? deletes_ : batch_; }
  Result<void> apply_deletes() {
    if (deletes_.empty()) return {};
    auto applied = store_.apply(deletes_);
    deletes_ = StoreBatch();
    return applied ? store_.flush_data() : applied;
  }

  Result<void> apply() {
    if (batch_.empty()) return {};
    if (auto applied = apply_deletes(); !applied) return applied;
    auto applied = store_.apply(batch_);
    batch_ = StoreBatch();
    batch_bytes_ = 0;
    return applied;
  }

  Store& store_;
  ChunkScan scan_;
  const std::int32_t partition_;
  const std::span<const std::uint32_t> listed_;
  const ResealOptions& options_;
  SeriesChunks chunks_;
  SmallestEncoder encoder_;
  CellRows cells_;
  StoreBatch batch_;
  StoreBatch deletes_;
  std::size_t batch_bytes_ = 0;
  ResealReport report_;
};

}  // namespace

Result<ResealReport> reseal_partition(Store& store, const StoreSnapshotPtr& snapshot,
                                      std::int32_t partition, std::span<const std::uint32_t> series,
                                      const ResealOptions& options) {
  HYGGE_ASSERT(std::is_sorted(series.begin(), series.end()));
  return Pass(store, snapshot, partition, series, options).run();
}

// The finest tier from the samples; each coarser one from the one before, where that divides it.
void CellRows::make_cells(const ChunkSamples& samples, DurationMs tier, DurationMs finer_ms,
                          const RollupChoice& choice) {
  const bool from_finer = finer_ms != 0 && tier % finer_ms == 0;
  cells_.clear();
  if (from_finer) {
    windows::coarser(finer_, tier, cells_);
  } else {
    windows::add_to_cells(samples.t, samples.v, tier, cells_, choice.parts);
  }
  if (!choice.parts.sketch) return;
  if (from_finer) {
    builder_.coarser(finer_, finer_sketches_, cells_, tier, sketches_);
  } else {
    builder_.build(samples.t, samples.v, cells_, tier, scales_.of(choice.sketch_ppm), sketches_);
  }
}

std::vector<CellRows::Row> CellRows::of(const ChunkSamples& samples, std::int32_t partition,
                                        const RollupChoice& choice) {
  HYGGE_ASSERT(!samples.t.empty());
  const TimeMs day_ms = partition_range(partition).after;
  std::vector<Row> out;
  DurationMs finer_ms = 0;
  for (const DurationMs tier : choice.tiers) {
    make_cells(samples, tier, finer_ms, choice);
    out.push_back({tier, encoder_.encode(cells_, day_ms, tier, choice.parts,
                                         choice.parts.sketch ? &sketches_ : nullptr)});
    std::swap(cells_, finer_);
    std::swap(sketches_, finer_sketches_);
    finer_ms = tier;
  }
  return out;
}

std::string SealedOrder::next(const ChunkKey& key, TimeMs last_ms, std::uint32_t samples) {
  const bool follows = key_ && key_->partition == key.partition && key_->series == key.series;
  const TimeMs before_ms = last_ms_;
  const std::uint32_t before = samples_;
  key_ = key;
  last_ms_ = last_ms;
  samples_ = samples;
  if (key.ordinal != 0) return "a late chunk in a sealed partition, not marked to be merged";
  if (samples > kSealedChunkSamples) return fmt::format("sealed, but holds {} samples", samples);
  if (!follows) return {};
  if (key.start_ms() <= before_ms) return "sealed, but overlaps the chunk before it";
  if (before == kSealedChunkSamples) return {};
  return fmt::format("sealed, but the chunk before it holds {} samples, not {}", before,
                     kSealedChunkSamples);
}

}  // namespace hygge::storage
