#include "storage/upkeep/put_pass.h"

#include <algorithm>
#include <map>

#include "model/duplicates.h"
#include "storage/upkeep/merge.h"

namespace hygge::storage {

namespace {

Piece waiting_piece(const WaitingChunkPtr& chunk) {
  return to_piece({chunk, chunk->key, chunk->last_ms, {}, {}, {}});
}

// Which of the captured chunks belong to the same (partition, series).
class Neighbours {
 public:
  explicit Neighbours(const PutCapture& capture) {
    // Only late buffers ask, and mostly there is none.
    const auto late = [](const WaitingChunkPtr& chunk) { return chunk->late(); };
    if (std::none_of(capture.waiting.begin(), capture.waiting.end(), late)) return;
    for (std::size_t i = 0; i < capture.waiting.size(); ++i) {
      by_pair_[pair_of(capture.waiting[i]->key)].push_back(i);
    }
  }
  [[nodiscard]] const std::vector<std::size_t>& of(const ChunkKey& key) const {
    return by_pair_.at(pair_of(key));
  }

 private:
  static std::pair<std::int32_t, std::uint32_t> pair_of(const ChunkKey& key) {
    return {key.partition, key.series};
  }
  std::map<std::pair<std::int32_t, std::uint32_t>, std::vector<std::size_t>> by_pair_;
};

// The pieces that a view without the late buffer at `index` would read in its range: of the store,
// of what closed before it, and the open chunk. An in-order chunk that closed after it counts too:
// what it holds at these times was written before.
Result<std::vector<Piece>> pieces_without(ChunkScan& scan, const PutCapture& capture,
                                          const Neighbours& neighbours, std::size_t index) {
  const WaitingChunk& late = *capture.waiting[index];
  const TimeRange range{late.key.start_ms() - 1, late.last_ms};
  std::vector<Piece> pieces;
  for (const std::size_t i : neighbours.of(late.key)) {
    const WaitingChunk& other = *capture.waiting[i];
    if (other.late() && i >= index) continue;
    if (other.key.start_ms() > range.until || other.last_ms <= range.after) continue;
    pieces.push_back(waiting_piece(capture.waiting[i]));
  }
  const auto open = capture.open.find({late.key.partition, late.key.series});
  if (open != capture.open.end()) {
    pieces.push_back(to_piece(open->second));
  }
  const std::size_t in_head = pieces.size();
  auto loaded = load_pieces(scan, late.key.partition, late.key.series, range, pieces);
  if (loaded) loaded = mask_pieces(pieces, in_head, late.key.series, capture.masks);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  sort_pieces(pieces);
  return pieces;
}

Result<ChunkSamples> read_without(ChunkScan& scan, const PutCapture& capture,
                                  const Neighbours& neighbours, std::size_t index) {
  auto pieces = pieces_without(scan, capture, neighbours, index);
  if (!pieces) return tl::unexpected<Error>(pieces.error());
  ChunkSamples all;
  ChunkSamples part;
  for (std::size_t at = 0; at < pieces->size();) {
    const std::size_t length = cluster_length(std::span(*pieces).subspan(at));
    auto merged = merge_cluster(std::span(*pieces).subspan(at, length), capture.on_duplicate, part);
    if (!merged) return tl::unexpected<Error>(merged.error());
    all.t.insert(all.t.end(), part.t.begin(), part.t.end());
    all.v.insert(all.v.end(), part.v.begin(), part.v.end());
    at += length;
  }
  return all;
}

// The samples of a late buffer that change what is read; the others are counted.
Result<ChunkSamples> what_is_new(ChunkScan& scan, const PutCapture& capture,
                                 const Neighbours& neighbours, std::size_t index,
                                 PutReport& report) {
  const WaitingChunk& late = *capture.waiting[index];
  const auto base = read_without(scan, capture, neighbours, index);
  if (!base) return tl::unexpected<Error>(base.error());
  ChunkSamples fresh;
  std::size_t at = 0;
  for (std::size_t i = 0; i < late.late_t.size(); ++i) {
    while (at < base->t.size() && base->t[at] < late.late_t[i]) ++at;
    if (at < base->t.size() && base->t[at] == late.late_t[i]) {
      const double before = base->v[at];
      const bool same = same_bits(before, late.late_v[i]);
      const double stands = standing_value(capture.on_duplicate, before, late.late_v[i]);
      if (same || same_bits(stands, before)) {
        ++(same ? report.late_duplicates : report.late_outdone);
        continue;
      }
    }
    fresh.t.push_back(late.late_t[i]);
    fresh.v.push_back(late.late_v[i]);
  }
  return fresh;
}

}  // namespace

Result<PutReport> write_put_pass(Store& store, const PutCapture& capture) {
  PutReport report;
  StoreBatch batch;
  const StoreSnapshotPtr snapshot = store.snapshot();
  ChunkScan scan = store.scan(snapshot);
  const Neighbours neighbours(capture);
  for (std::size_t i = 0; i < capture.waiting.size(); ++i) {
    const WaitingChunk& chunk = *capture.waiting[i];
    if (!chunk.late()) {
      batch.put_chunk(chunk.key, chunk.value);
      ++report.chunks;
      continue;
    }
    auto fresh = what_is_new(scan, capture, neighbours, i, report);
    // A damaged chunk in the way must not stop the pass: then everything late is kept.
    if (!fresh) fresh = ChunkSamples{chunk.late_t, chunk.late_v};
    if (fresh->t.empty()) continue;
    ChunkKey key = chunk.key;
    key.start += static_cast<std::uint32_t>(fresh->t.front() - chunk.late_t.front());
    batch.put_chunk(key, encode_chunk(fresh->t, fresh->v));
    ++report.chunks;
  }
  for (const auto& [id, value] : capture.series) batch.put_series(id, value);
  for (const auto& [name, value] : capture.meta) batch.put_meta(name, value);
  for (const std::string& name : capture.meta_gone) batch.delete_meta(name);
  if (batch.empty()) return report;
  if (auto applied = store.apply(batch); !applied) return tl::unexpected<Error>(applied.error());
  return report;
}

}  // namespace hygge::storage
