#include "storage/upkeep/erase.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/partition.h"
#include "storage/upkeep/stored.h"
#include "window/cell_row.h"

namespace hygge::storage {

namespace {

ChunkSamples outside(const ChunkSamples& samples, TimeRange range) {
  ChunkSamples out;
  for (std::size_t i = 0; i < samples.t.size(); ++i) {
    if (range.contains(samples.t[i])) continue;
    out.t.push_back(samples.t[i]);
    out.v.push_back(samples.v[i]);
  }
  return out;
}

bool inside(TimeMs first_ms, TimeMs last_ms, TimeRange range) {
  return first_ms > range.after && last_ms <= range.until;
}

// The piece without its samples in `range`, decoded; not at all if none is left.
Result<void> mask_piece(Piece& piece, TimeRange range) {
  if (piece.first_ms > range.until || piece.last_ms <= range.after) return {};
  if (inside(piece.first_ms, piece.last_ms, range)) {
    piece.value.clear();
    piece.samples = {};
    return {};
  }
  if (auto decoded = decode_piece(piece); !decoded) return decoded;
  piece.samples = outside(piece.samples, range);
  if (piece.samples.t.empty()) return {};
  piece.first_ms = piece.samples.t.front();
  piece.last_ms = piece.samples.t.back();
  return {};
}

bool is_empty(const Piece& piece) { return piece.value.empty() && piece.samples.t.empty(); }

std::uint64_t encoded_bytes(const Piece& piece) {
  return piece.value.empty() ? piece.samples.t.size() * 16 : piece.value.size();
}

// What is left of an encoded piece on the edge; nothing if it cannot be decoded.
std::uint64_t bytes_left(const Piece& piece, TimeRange range) {
  if (inside(piece.first_ms, piece.last_ms, range)) return 0;
  Piece decoded = piece;
  if (!decode_piece(decoded)) return 0;
  const ChunkSamples left = outside(decoded.samples, range);
  if (left.t.empty()) return 0;
  return piece.value.empty() ? left.t.size() * 16 : encode_chunk(left.t, left.v).size();
}

std::uint64_t samples_in(std::span<Piece> cluster, TimeRange range) {
  if (cluster.size() == 1 && !cluster[0].value.empty() &&
      inside(cluster[0].first_ms, cluster[0].last_ms, range)) {
    return chunk_count(as_bytes(cluster[0].value)).value_or(0);
  }
  std::uint64_t claimed = 0;
  for (const Piece& piece : cluster) {
    claimed += piece.value.empty() ? piece.samples.t.size()
                                   : chunk_count(as_bytes(piece.value)).value_or(0);
  }
  ChunkSamples merged;
  // Whichever value stands: it counts times.
  if (!merge_cluster(cluster, OnDuplicate::last, merged)) return claimed;
  const auto first = std::upper_bound(merged.t.begin(), merged.t.end(), range.after);
  const auto last = std::upper_bound(first, merged.t.end(), range.until);
  return static_cast<std::uint64_t>(last - first);
}

}  // namespace

bool Mask::covers(std::uint32_t series) const {
  return std::binary_search(ids->begin(), ids->end(), series);
}

bool Mask::touches(std::int32_t partition, std::uint32_t series) const {
  return storage::touches(partition, range) && covers(series);
}

bool touches(std::int32_t partition, TimeRange range) {
  const TimeRange day = partition_range(partition);
  return day.after < range.until && range.after < day.until;
}

bool in_cells(const Masks& masks, const Mask& mask, std::int32_t partition, std::uint32_t series) {
  return std::any_of(masks.begin(), masks.end(), [&](const Mask& later) {
    return later.samples_only && later.sequence > mask.sequence && later.touches(partition, series);
  });
}

bool held_back(const WaitingChunk& chunk, const Masks& masks) {
  return std::any_of(masks.begin(), masks.end(), [&](const Mask& mask) {
    return mask.sequence < chunk.last_sequence &&
           mask.touches(chunk.key.partition, chunk.key.series);
  });
}

Result<void> mask_pieces(std::vector<Piece>& pieces, std::size_t first, std::uint32_t series,
                         const Masks& masks) {
  if (pieces.size() == first) return {};
  for (const Mask& mask : masks) {
    if (!mask.covers(series)) continue;
    for (std::size_t i = first; i < pieces.size(); ++i) {
      if (auto masked = mask_piece(pieces[i], mask.range); !masked) return masked;
    }
    pieces.erase(
        std::remove_if(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end(), is_empty),
        pieces.end());
  }
  return {};
}

EraseCount count_erase(std::vector<Piece> pieces, TimeRange range) {
  EraseCount out;
  for (const Piece& piece : pieces) {
    const std::uint64_t before = encoded_bytes(piece);
    out.bytes += before - std::min(before, bytes_left(piece, range));
  }
  sort_pieces(pieces);
  for (std::size_t at = 0; at < pieces.size();) {
    const std::size_t length = cluster_length(std::span<const Piece>(pieces).subspan(at));
    out.samples += samples_in(std::span(pieces).subspan(at, length), range);
    at += length;
  }
  return out;
}

CellsErased erase_cells(const CellKey& key, Bytes row, TimeRange range) {
  const DurationMs resolution_ms = key.resolution_ms;
  const TimeMs day_ms = partition_range(key.partition).after;
  CellsErased out;
  std::vector<TimedCell> cells;
  windows::CellRowDecoder decoder;
  windows::CellSketches sketches;
  const auto parts = decoder.decode(row, day_ms, resolution_ms, {}, cells, &sketches);
  if (!parts) return out;
  const auto goes = [&](const TimedCell& cell) {
    if (!overlaps(cell.start_ms, resolution_ms, range)) return false;
    const bool whole = cell.start_ms >= range.after && cell.start_ms + resolution_ms <= range.until;
    out.cut += whole ? 0U : 1U;
    return true;
  };
  std::vector<TimedCell> left;
  windows::CellSketches left_sketches;
  left_sketches.accuracy_ppm = sketches.accuracy_ppm;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (goes(cells[i])) continue;
    left.push_back(cells[i]);
    left_sketches.push_back(sketches, i);
  }
  out.cells = cells.size() - left.size();
  if (out.cells == 0) {
    out.row = as_text(row);
  } else if (!left.empty()) {
    out.row = windows::CellRowEncoder().encode(left, day_ms, resolution_ms, *parts,
                                               parts->sketch ? &left_sketches : nullptr);
  }
  return out;
}

namespace {

// The chunk without its samples in `range`; whether it had any.
bool erase_chunk(const ChunkKey& key, Bytes value, TimeRange range, StoreBatch& batch) {
  const auto envelope = read_envelope(value);
  const TimeMs last_ms = key.start_ms() + (envelope ? envelope->span_ms : 0);
  if (last_ms <= range.after) return false;
  ChunkSamples samples;
  ChunkSamples left;
  if (envelope && !inside(key.start_ms(), last_ms, range)) {
    const auto decoded = decode_chunk(value, key.start_ms(), samples);
    if (decoded) left = outside(samples, range);
    if (decoded && left.t.size() == samples.t.size()) return false;
  }
  batch.delete_chunk(key);
  if (left.t.empty()) return true;
  ChunkKey now = key;
  now.start += static_cast<std::uint32_t>(left.t.front() - key.start_ms());
  batch.put_chunk(now, encode_chunk(left.t, left.v));
  return true;
}

}  // namespace

Result<PairErased> erase_pair(ChunkScan& scan, std::int32_t partition, std::uint32_t series,
                              TimeRange range, StoreBatch& batch) {
  PairErased out;
  ChunkKey next{partition, series, 0, 0};
  scan.seek(next);
  do {
    for (; scan.valid(); scan.next()) {
      const ChunkKey key = scan.key();
      if (key.partition != partition || key.series != series) return out;
      if (key.start_ms() > range.until) return out;
      out.chunks += erase_chunk(key, scan.value(), range, batch) ? 1U : 0U;
      next = next_possible(key);
    }
    const Error* const error = scan.error();
    if (error == nullptr) return out;
    if (error->code != ErrorCode::corruption) return tl::unexpected<Error>(*error);
    out.damaged = true;
  } while (pass_damage(scan, next));
  return out;
}

}  // namespace hygge::storage
