#include "storage/db/series_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "codec/summary.h"
#include "model/partition.h"

namespace hygge::storage {

SeriesReader::SeriesReader(const ViewState& state, const ViewState::Entry& entry, TimeRange range)
    : state_(state), entry_(entry), range_(intersect(range, state.range)) {
  if (auto ours = state.process.check(); !ours) {
    error_ = ours.error();
    return;
  }
  if (range_.empty()) return;
  partitions_ = state.presence.partitions_of(entry.id, partition_of(range_.after + 1),
                                             partition_of(range_.until));
  // Of those there is nothing to read.
  std::erase_if(partitions_, [&](std::int32_t p) { return state.is_expired(p, entry.id); });
}

bool SeriesReader::load_next_partition() {
  if (next_partition_ == partitions_.size()) return false;
  if (auto ours = state_.process.check(); !ours) {
    error_ = ours.error();
    return false;
  }
  const std::int32_t partition = partitions_[next_partition_++];
  pieces_.clear();
  next_piece_ = 0;
  for (const HeadPiece& piece : entry_.pieces) {
    if (piece.key.partition != partition) continue;
    if (piece.key.start_ms() > range_.until || piece.last_ms <= range_.after) continue;
    pieces_.push_back(to_piece(piece));
  }
  const std::size_t in_head = pieces_.size();
  auto loaded = load_pieces(state_.scan(), partition, entry_.id, range_, pieces_);
  if (loaded) loaded = mask_pieces(pieces_, in_head, entry_.id, state_.masks);
  if (!loaded) {
    error_ = loaded.error();
    error_->message += fmt::format(", {}", to_string(state_.labels(entry_)));
    return false;
  }
  sort_pieces(pieces_);
  return true;
}

// Points block_ at the samples inside the range. False: none.
bool SeriesReader::trim() {
  const auto first = std::upper_bound(samples_.t.begin(), samples_.t.end(), range_.after);
  const auto last = std::upper_bound(first, samples_.t.end(), range_.until);
  const auto from = static_cast<std::size_t>(first - samples_.t.begin());
  const auto count = static_cast<std::size_t>(last - first);
  block_.t = std::span<const TimeMs>(samples_.t).subspan(from, count);
  block_.v = std::span<const double>(samples_.v).subspan(from, count);
  return count > 0;
}

// The first block, most often the only one, is decoded into the memory of `out`.
Result<void> SeriesReader::read(SeriesSamples& out) {
  samples_.t.swap(out.t);
  samples_.v.swap(out.v);
  if (next() != nullptr) {
    const auto from = block_.t.data() - samples_.t.data();
    const std::size_t end = static_cast<std::size_t>(from) + block_.t.size();
    samples_.t.resize(end);
    samples_.v.resize(end);
    samples_.t.erase(samples_.t.begin(), samples_.t.begin() + from);
    samples_.v.erase(samples_.v.begin(), samples_.v.begin() + from);
  } else {
    samples_.t.clear();
    samples_.v.clear();
  }
  samples_.t.swap(out.t);
  samples_.v.swap(out.v);
  while (!error_ && next() != nullptr) {
    out.t.insert(out.t.end(), block_.t.begin(), block_.t.end());
    out.v.insert(out.v.end(), block_.v.begin(), block_.v.end());
  }
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

std::optional<SeriesReader::Whole> SeriesReader::next_whole(std::span<const TimeMs> cuts,
                                                            DurationMs longest_ms) {
  while (!error_ && next_piece_ == pieces_.size()) {
    if (!load_next_partition()) return std::nullopt;
  }
  if (error_) return std::nullopt;
  const Piece& piece = pieces_[next_piece_];
  if (piece.value.empty() || piece.first_ms <= range_.after || piece.last_ms > range_.until ||
      piece.last_ms - piece.first_ms > longest_ms) {
    return std::nullopt;
  }
  const auto cut = std::lower_bound(cuts.begin(), cuts.end(), piece.first_ms);
  if (cut != cuts.end() && *cut < piece.last_ms) return std::nullopt;
  if (cluster_length(std::span<const Piece>(pieces_).subspan(next_piece_)) > 1) return std::nullopt;
  // What is damaged is decoded, and then an error.
  const auto facts = summary(as_bytes(piece.value));
  if (!facts || !facts->increase() || !std::isfinite(*facts->last)) return std::nullopt;
  // Which of 0 and −0 came first is not known.
  if (facts->shape != ChunkShape::constant && *facts->last == 0) return std::nullopt;
  ++next_piece_;
  return Whole{piece.first_ms, piece.last_ms, facts->first, *facts->last, facts->count};
}

const Block* SeriesReader::next() {
  while (!error_) {
    if (next_piece_ == pieces_.size()) {
      if (!load_next_partition()) return nullptr;
      continue;
    }
    const std::size_t length = cluster_length(std::span<const Piece>(pieces_).subspan(next_piece_));
    auto merged = merge_cluster(std::span(pieces_).subspan(next_piece_, length),
                                state_.on_duplicate, samples_);
    next_piece_ += length;
    if (!merged) {
      error_ = merged.error();
      error_->message += fmt::format(", {}", to_string(state_.labels(entry_)));
      return nullptr;
    }
    if (trim()) return &block_;
  }
  return nullptr;
}

}  // namespace hygge::storage
