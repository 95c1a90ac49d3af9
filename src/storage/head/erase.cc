// Deletes in the head: what waits is replaced by copies without the samples, what is open closes.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/partition.h"
#include "storage/head/head.h"

namespace hygge::storage {

namespace {

bool overlaps(const WaitingChunk& chunk, TimeRange range) {
  return chunk.key.start_ms() <= range.until && chunk.last_ms > range.after;
}

bool touches(std::int32_t partition, TimeRange range) {
  const TimeRange day = partition_range(partition);
  return day.after < range.until && day.until > range.after;
}

bool within(const WaitingChunk& chunk, TimeRange range) {
  return chunk.key.start_ms() > range.after && chunk.last_ms <= range.until;
}

ChunkSamples outside(const ChunkSamples& samples, TimeRange range) {
  ChunkSamples out;
  for (std::size_t i = 0; i < samples.t.size(); ++i) {
    if (range.contains(samples.t[i])) continue;
    out.t.push_back(samples.t[i]);
    out.v.push_back(samples.v[i]);
  }
  return out;
}

// The chunk without its samples in `range`; null if none is left.
WaitingChunkPtr without(const WaitingChunkPtr& chunk, TimeRange range) {
  if (!overlaps(*chunk, range)) return chunk;
  if (within(*chunk, range)) return nullptr;
  ChunkSamples samples{chunk->late_t, chunk->late_v};
  if (!chunk->late()) {
    const auto decoded = decode_chunk(as_bytes(chunk->value), chunk->key.start_ms(), samples);
    HYGGE_ASSERT(decoded);  // the head has encoded it
  }
  ChunkSamples left = outside(samples, range);
  if (left.t.size() == samples.t.size()) return chunk;
  if (left.t.empty()) return nullptr;
  WaitingChunk now;
  now.key = chunk->key;
  now.key.start += static_cast<std::uint32_t>(left.t.front() - samples.t.front());
  now.last_ms = left.t.back();
  now.first_sequence = chunk->first_sequence;
  now.last_sequence = chunk->last_sequence;
  if (chunk->late()) {
    now.late_t = std::move(left.t);
    now.late_v = std::move(left.v);
  } else {
    now.value = encode_chunk(left.t, left.v);
  }
  return std::make_shared<const WaitingChunk>(std::move(now));
}

}  // namespace

std::size_t WaitingChunk::sample_count() const {
  return late() ? late_t.size() : chunk_count(as_bytes(value)).value_or(0);
}

// The newest sample is gone: the same one written again is news.
void Head::erase_newest(Part& part, TimeRange range) {
  if (range.contains(part.newest_ms)) part.newest_known = false;
}

// What cannot close is filtered where it is.
void Head::erase_late(Part& part, TimeRange range) {
  ChunkSamples left = outside({part.late->t, part.late->v}, range);
  samples_ -= part.late->t.size() - left.t.size();
  part.late->t = std::move(left.t);
  part.late->v = std::move(left.v);
  if (!part.late->t.empty()) return;
  part.late.reset();
  --late_buffers_;
}

void Head::close_touched(std::uint32_t series, TimeRange range) {
  const auto close = [&](Part& part) {
    if (!touches(part.partition, range)) return;
    close_open(series, part);
    close_late(series, part);
    if (part.late) erase_late(part, range);
    erase_newest(part, range);
  };
  SeriesState& state = series_[series];
  close(state.current);
  if (state.older) std::for_each(state.older->begin(), state.older->end(), close);
}

Head::Replacements Head::erase(std::span<const std::uint32_t> series, TimeRange range) {
  Replacements replaced;
  for (const std::uint32_t id : series) {
    if (id >= series_.size() || !series_[id].any) continue;
    close_touched(id, range);
    const auto waiting = waiting_by_series_.find(id);
    if (waiting == waiting_by_series_.end()) continue;
    for (WaitingChunkPtr& chunk : waiting->second) {
      WaitingChunkPtr now = without(chunk, range);
      if (now == chunk) continue;
      count_out(*chunk);
      if (now) count_in(*now);
      replaced.emplace(std::exchange(chunk, now), now);
    }
    std::erase(waiting->second, nullptr);
    if (!waiting->second.empty()) continue;
    waiting_by_series_.erase(waiting);
    if (series_[id].older) forgettable_.push_back(id);
  }
  replace(waiting_, replaced);
  return replaced;
}

void Head::count_in(const WaitingChunk& chunk) {
  waiting_bytes_ += chunk.memory_bytes();
  samples_ += chunk.sample_count();
}

void Head::count_out(const WaitingChunk& chunk) {
  waiting_bytes_ -= chunk.memory_bytes();
  samples_ -= chunk.sample_count();
}

void Head::replace(std::vector<WaitingChunkPtr>& chunks, const Replacements& replaced) {
  if (replaced.empty()) return;
  for (WaitingChunkPtr& chunk : chunks) {
    if (const auto at = replaced.find(chunk); at != replaced.end()) chunk = at->second;
  }
  std::erase(chunks, nullptr);
}

bool Head::holds(std::uint32_t series, std::int32_t partition) const noexcept {
  if (const Part* const part = find(series, partition); part && (part->open || part->late)) {
    return true;
  }
  const auto waiting = waiting_by_series_.find(series);
  if (waiting == waiting_by_series_.end()) return false;
  return std::any_of(
      waiting->second.begin(), waiting->second.end(),
      [&](const WaitingChunkPtr& chunk) { return chunk->key.partition == partition; });
}

bool Head::holds(std::uint32_t series) const noexcept {
  if (series >= series_.size()) return false;
  if (waiting_by_series_.contains(series)) return true;
  const SeriesState& state = series_[series];
  const auto any = [](const Part& part) { return part.open || part.late; };
  return state.any && (any(state.current) ||
                       (state.older && std::any_of(state.older->begin(), state.older->end(), any)));
}

void Head::forget(std::uint32_t series, std::int32_t partition) {
  if (series >= series_.size()) return;
  HYGGE_ASSERT(!holds(series, partition));
  SeriesState& state = series_[series];
  if (!state.any) return;
  if (state.older) {
    std::erase_if(*state.older, [&](const Part& part) { return part.partition == partition; });
    if (state.older->empty()) state.older.reset();
  }
  if (state.current.partition != partition) return;
  state.any = false;
  state.current = {};
  if (!state.older) return;
  const auto newest =
      std::max_element(state.older->begin(), state.older->end(),
                       [](const Part& a, const Part& b) { return a.partition < b.partition; });
  state.current = std::move(*newest);
  state.older->erase(newest);
  if (state.older->empty()) state.older.reset();
  state.any = true;
}

}  // namespace hygge::storage
