#include "storage/upkeep/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.h"
#include "model/duplicates.h"
#include "model/partition.h"

namespace hygge::storage {

namespace {

tl::unexpected<Error> at_key(Error error, const ChunkKey& key) {
  error.message = fmt::format("{} ({})", error.message, describe(key));
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

std::string describe(const ChunkKey& key) {
  return fmt::format("series {}, partition {}, chunk at {} ordinal {}", key.series,
                     format_time_utc(partition_range(key.partition).after).substr(0, 10),
                     format_time_utc(key.start_ms()), key.ordinal);
}

Piece to_piece(HeadPiece piece) {
  Piece out;
  out.key = piece.key;
  out.first_ms = piece.key.start_ms();
  out.last_ms = piece.last_ms;
  out.rank = piece.key.ordinal;
  if (piece.waiting) {
    out.value = piece.waiting->value;
    out.samples = {piece.waiting->late_t, piece.waiting->late_v};
  } else {
    if (piece.value.empty()) out.rank = kLateBufferRank;
    out.value = std::move(piece.value);
    out.samples = {std::move(piece.late_t), std::move(piece.late_v)};
  }
  return out;
}

Result<void> load_pieces(ChunkScan& scan, std::int32_t partition, std::uint32_t series,
                         TimeRange range, std::vector<Piece>& pieces) {
  const std::size_t in_head = pieces.size();
  for (scan.seek({partition, series, 0, 0}); scan.valid(); scan.next()) {
    const ChunkKey key = scan.key();
    if (key.partition != partition || key.series != series) break;
    if (key.start_ms() > range.until) break;
    const auto envelope = read_envelope(scan.value());
    if (!envelope) return at_key(envelope.error(), key);
    const TimeMs last_ms = key.start_ms() + envelope->span_ms;
    if (last_ms <= range.after) continue;
    // Stored, but not yet dropped from the head: the same chunk twice.
    const bool twice =
        std::any_of(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(in_head),
                    [&](const Piece& piece) { return piece.key == key; });
    if (twice) continue;
    Piece piece;
    piece.key = key;
    piece.first_ms = key.start_ms();
    piece.last_ms = last_ms;
    piece.rank = key.ordinal;
    piece.value = as_text(scan.value());
    pieces.push_back(std::move(piece));
  }
  if (const Error* error = scan.error()) {
    return at_key(*error, {partition, series, 1, 0});
  }
  return {};
}

void sort_pieces(std::vector<Piece>& pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::pair(a.first_ms, a.rank) < std::pair(b.first_ms, b.rank);
  });
}

std::size_t cluster_length(std::span<const Piece> pieces) {
  HYGGE_ASSERT(!pieces.empty());
  TimeMs last_ms = pieces[0].last_ms;
  std::size_t length = 1;
  while (length < pieces.size() && pieces[length].first_ms <= last_ms) {
    last_ms = std::max(last_ms, pieces[length].last_ms);
    ++length;
  }
  return length;
}

Result<void> decode_piece(Piece& piece) {
  if (piece.value.empty()) return {};
  auto decoded = decode_chunk(as_bytes(piece.value), piece.first_ms, piece.samples);
  if (!decoded) return at_key(decoded.error(), piece.key);
  piece.value.clear();
  return {};
}

Result<void> merge_cluster(std::span<Piece> cluster, OnDuplicate policy, ChunkSamples& out) {
  // Most often there is nothing to merge, and `out` has memory.
  if (cluster.size() == 1 && !cluster[0].value.empty()) std::swap(cluster[0].samples, out);
  for (Piece& piece : cluster) {
    if (auto decoded = decode_piece(piece); !decoded) return decoded;
  }
  if (cluster.size() == 1) {
    out = std::move(cluster[0].samples);
    return {};
  }
  // By rank first, so that a stable sort by time leaves equal times in the order of writing.
  std::stable_sort(cluster.begin(), cluster.end(),
                   [](const Piece& a, const Piece& b) { return a.rank < b.rank; });
  std::vector<TimeMs> t;
  std::vector<double> v;
  for (const Piece& piece : cluster) {
    t.insert(t.end(), piece.samples.t.begin(), piece.samples.t.end());
    v.insert(v.end(), piece.samples.v.begin(), piece.samples.v.end());
  }
  std::vector<std::size_t> order(t.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return t[a] < t[b]; });
  out.t.clear();
  out.v.clear();
  for (const std::size_t i : order) {
    if (!out.t.empty() && out.t.back() == t[i]) {
      out.v.back() = standing_value(policy, out.v.back(), v[i]);
    } else {
      out.t.push_back(t[i]);
      out.v.push_back(v[i]);
    }
  }
  return {};
}

}  // namespace hygge::storage
