#include "storage/head/head.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/assert.h"
#include "model/duplicates.h"
#include "model/partition.h"

namespace hygge::storage {

namespace {

ChunkKey key_of(std::uint32_t series, std::int32_t partition, TimeMs start_ms,
                std::uint16_t ordinal) {
  const TimeMs within = start_ms - static_cast<TimeMs>(partition) * kDayMs;
  HYGGE_ASSERT(within > 0);
  HYGGE_ASSERT(within <= kDayMs);
  return {partition, series, static_cast<std::uint32_t>(within), ordinal};
}

}  // namespace

Head::Head(std::uint16_t late_chunks) : late_chunks_(late_chunks) {
  HYGGE_ASSERT(late_chunks >= 2);
  HYGGE_ASSERT(late_chunks < kMaxOrdinal);
}

const Head::Part* Head::find(std::uint32_t series, std::int32_t partition) const noexcept {
  if (series >= series_.size()) return nullptr;
  const SeriesState& state = series_[series];
  if (!state.any) return nullptr;
  if (state.current.partition == partition) return &state.current;
  if (state.older) {
    for (const Part& part : *state.older) {
      if (part.partition == partition) return &part;
    }
  }
  return nullptr;
}

Head::Part* Head::find(std::uint32_t series, std::int32_t partition) noexcept {
  return const_cast<Part*>(std::as_const(*this).find(series, partition));
}

std::optional<Head::Newest> Head::newest(std::uint32_t series,
                                         std::int32_t partition) const noexcept {
  const Part* const part = find(series, partition);
  if (part == nullptr) return std::nullopt;
  return Newest{part->newest_ms, part->newest_v, part->newest_known};
}

std::optional<Head::End> Head::end_of(std::uint32_t series) const noexcept {
  if (series >= series_.size() || !series_[series].any) return std::nullopt;
  const SeriesState& state = series_[series];
  End end{state.current.newest_ms, state.current.partition};
  if (state.older) {
    for (const Part& part : *state.older) end.newest_ms = std::max(end.newest_ms, part.newest_ms);
  }
  return end;
}

std::optional<double> Head::late_value(std::uint32_t series, TimeMs t_ms) const noexcept {
  const Part* const part = find(series, static_cast<std::int32_t>(partition_of(t_ms)));
  if (part == nullptr || !part->late) return std::nullopt;
  const std::vector<TimeMs>& t = part->late->t;
  const auto at = std::lower_bound(t.begin(), t.end(), t_ms);
  if (at == t.end() || *at != t_ms) return std::nullopt;
  return part->late->v[static_cast<std::size_t>(at - t.begin())];
}

std::optional<double> Head::value_at(std::uint32_t series, TimeMs t_ms, OnDuplicate policy) const {
  std::vector<HeadPiece> pieces;
  capture(series, {t_ms - 1, t_ms}, pieces);
  std::sort(pieces.begin(), pieces.end(),
            [](const HeadPiece& a, const HeadPiece& b) { return a.key.ordinal < b.key.ordinal; });
  std::optional<double> found;
  for (const HeadPiece& piece : pieces) {
    const bool late = piece.waiting ? piece.waiting->late() : piece.value.empty();
    ChunkSamples samples;
    if (!late) {
      const std::string& value = piece.waiting ? piece.waiting->value : piece.value;
      // Our own encoding: it decodes.
      if (!decode_chunk(as_bytes(value), piece.key.start_ms(), samples)) continue;
    }
    const std::vector<TimeMs>& late_t = piece.waiting ? piece.waiting->late_t : piece.late_t;
    const std::vector<double>& late_v = piece.waiting ? piece.waiting->late_v : piece.late_v;
    const std::vector<TimeMs>& t = late ? late_t : samples.t;
    const std::vector<double>& v = late ? late_v : samples.v;
    const auto at = std::lower_bound(t.begin(), t.end(), t_ms);
    if (at == t.end() || *at != t_ms) continue;
    const double here = v[static_cast<std::size_t>(at - t.begin())];
    found = found ? standing_value(policy, *found, here) : here;
  }
  return found;
}

bool Head::knows(std::uint32_t series, std::int32_t partition) const noexcept {
  return find(series, partition) != nullptr;
}

void Head::adopt(std::uint32_t series, std::int32_t partition, const Known& known) {
  HYGGE_ASSERT(!knows(series, partition));
  if (series >= series_.size()) series_.resize(series + 1);
  SeriesState& state = series_[series];
  Part part;
  part.partition = partition;
  part.newest_ms = known.newest_ms;
  part.next_ordinal = known.next_ordinal;
  note_ordinal(series, part);
  if (!state.any) {
    state.any = true;
    state.current = std::move(part);
    return;
  }
  if (partition > state.current.partition) {
    close_open(series, state.current);
    std::swap(part, state.current);
  }
  if (!state.older) state.older = std::make_unique<std::vector<Part>>();
  state.older->push_back(std::move(part));
}

Head::Outcome Head::append(std::uint32_t series, TimeMs t_ms, double v, std::uint64_t sequence,
                           std::uint32_t minute) {
  SeriesState& state = series_[series];
  const auto partition = static_cast<std::int32_t>(partition_of(t_ms));
  Part* part = state.current.partition == partition ? &state.current : find(series, partition);
  HYGGE_ASSERT(part != nullptr);
  if (t_ms < state.birth_ms) {
    state.birth_ms = t_ms;
    new_births_.push_back(series);
  }
  if (t_ms > part->newest_ms) return append_in_order(series, *part, {t_ms, v}, sequence, minute);
  return append_late(series, *part, {t_ms, v}, sequence, minute);
}

Head::Outcome Head::append_in_order(std::uint32_t series, Part& part, const Sample& sample,
                                    std::uint64_t sequence, std::uint32_t minute) {
  if (part.open && !part.open->takes(sample.t_ms)) close_open(series, part);
  if (!part.open) {
    part.open = open_chunks_->take(sample.t_ms, sequence);
  }
  part.open->append(sample.t_ms, sample.v, minute);
  part.newest_ms = sample.t_ms;
  part.newest_v = sample.v;
  part.newest_known = true;
  ++samples_;
  return Outcome::in_order;
}

Head::Outcome Head::append_late(std::uint32_t series, Part& part, const Sample& sample,
                                std::uint64_t sequence, std::uint32_t minute) {
  const bool is_newest = sample.t_ms == part.newest_ms && part.newest_known;
  if (is_newest && same_bits(sample.v, part.newest_v)) return Outcome::duplicate;
  if (!part.late) {
    part.late = std::make_unique<Late>();
    part.late->first_sequence = sequence;
    ++late_buffers_;
  }
  Late& late = *part.late;
  late.minute = minute;
  late.last_sequence = sequence;
  const auto at = std::lower_bound(late.t.begin(), late.t.end(), sample.t_ms);
  const auto index = static_cast<std::size_t>(at - late.t.begin());
  Outcome outcome = is_newest ? Outcome::replaced : Outcome::late;
  if (at != late.t.end() && *at == sample.t_ms) {
    if (same_bits(late.v[index], sample.v)) return Outcome::duplicate;
    late.v[index] = sample.v;
    outcome = Outcome::replaced;
  } else {
    late.t.insert(at, sample.t_ms);
    late.v.insert(late.v.begin() + static_cast<std::ptrdiff_t>(index), sample.v);
    ++samples_;
  }
  if (is_newest) part.newest_v = sample.v;
  if (late.t.size() >= kHeadChunkSamples) close_late(series, part);
  return outcome;
}

void Head::close_open(std::uint32_t series, Part& part) {
  if (!part.open) return;
  OpenChunk& open = *part.open;
  WaitingChunk chunk;
  chunk.key = key_of(series, part.partition, open.start_ms(), 0);
  chunk.last_ms = open.last_ms();
  chunk.first_sequence = open.first_sequence();
  chunk.last_sequence = open.first_sequence();
  chunk.value = open.take_value();
  part.open.reset();
  wait(std::move(chunk));
}

// A buffer that could not close before may hold more than a chunk can: its pieces share the
// ordinal, for no two of them hold the same time.
void Head::close_late(std::uint32_t series, Part& part) {
  if (!part.late || part.held || part.next_ordinal > late_chunks_) return;
  const Late& late = *part.late;
  const auto t = std::span(late.t);
  const auto v = std::span(late.v);
  for (std::size_t from = 0; from < t.size(); from += kHeadChunkSamples) {
    const auto piece_t = t.subspan(from, std::min<std::size_t>(kHeadChunkSamples, t.size() - from));
    const auto piece_v = v.subspan(from, piece_t.size());
    WaitingChunk chunk;
    chunk.key = key_of(series, part.partition, piece_t.front(), part.next_ordinal);
    chunk.last_ms = piece_t.back();
    chunk.first_sequence = late.first_sequence;
    chunk.last_sequence = late.last_sequence;
    chunk.late_t.assign(piece_t.begin(), piece_t.end());
    chunk.late_v.assign(piece_v.begin(), piece_v.end());
    wait(std::move(chunk));
  }
  ++part.next_ordinal;
  note_ordinal(series, part);
  part.late.reset();
  --late_buffers_;
}

void Head::note_ordinal(std::uint32_t series, const Part& part) {
  if (part.next_ordinal > late_chunks_ / 2) crowded_.emplace(part.partition, series);
}

std::vector<Head::Pair> Head::hold_crowded() {
  std::vector<Pair> out(crowded_.begin(), crowded_.end());
  for (const auto& [partition, series] : out) {
    Part* const part = find(series, partition);
    if (part == nullptr) continue;
    close_open(series, *part);
    close_late(series, *part);
    part->held = true;
  }
  return out;
}

void Head::release(Pair pair, bool merged) {
  Part* const part = find(pair.second, pair.first);
  // Adopted again meanwhile, by what the store said before the merge: crowded still, for another.
  if (part != nullptr && !part->held) return;
  if (part != nullptr) {
    part->held = false;
    if (merged) part->next_ordinal = 1;
  }
  if (merged) crowded_.erase(pair);
}

void Head::wait(WaitingChunk chunk) {
  waiting_bytes_ += chunk.memory_bytes();
  auto shared = std::make_shared<const WaitingChunk>(std::move(chunk));
  waiting_by_series_[shared->key.series].push_back(shared);
  waiting_.push_back(std::move(shared));
}

void Head::set_birth(std::uint32_t series, TimeMs birth_ms) {
  if (series >= series_.size()) series_.resize(series + 1);
  series_[series].birth_ms = birth_ms;
}

TimeMs Head::birth_ms(std::uint32_t series) const noexcept {
  return series < series_.size() ? series_[series].birth_ms : std::numeric_limits<TimeMs>::max();
}

std::vector<std::uint32_t> Head::take_new_births() {
  std::sort(new_births_.begin(), new_births_.end());
  new_births_.erase(std::unique(new_births_.begin(), new_births_.end()), new_births_.end());
  return std::exchange(new_births_, {});
}

template <typename Visit>
void Head::for_each_part(Visit&& visit) {
  for (std::size_t series = 0; series < series_.size(); ++series) {
    SeriesState& state = series_[series];
    if (!state.any) continue;
    visit(static_cast<std::uint32_t>(series), state.current);
    if (!state.older) continue;
    for (Part& part : *state.older) visit(static_cast<std::uint32_t>(series), part);
  }
}

void Head::close_idle(std::uint32_t minute) {
  if (open_count() == 0) return;
  for_each_part([&](std::uint32_t series, Part& part) {
    if (part.open && part.open->minute() < minute) close_open(series, part);
    if (part.late && part.late->minute < minute) close_late(series, part);
  });
}

void Head::close_all() { close_idle(std::numeric_limits<std::uint32_t>::max()); }

void Head::close_late() {
  if (late_buffers_ == 0) return;
  for_each_part([&](std::uint32_t series, Part& part) { close_late(series, part); });
}

std::vector<std::uint32_t> Head::close_partition(std::int32_t partition) {
  std::vector<std::uint32_t> left;
  if (open_count() == 0) return left;
  for_each_part([&](std::uint32_t series, Part& part) {
    if (part.partition != partition) return;
    close_open(series, part);
    close_late(series, part);
    if (part.late) left.push_back(series);
  });
  return left;
}

std::uint64_t Head::close_before(std::uint64_t sequence) {
  const std::size_t before = open_count();
  for_each_part([&](std::uint32_t series, Part& part) {
    if (part.open && part.open->first_sequence() < sequence) close_open(series, part);
    if (part.late && part.late->first_sequence < sequence) close_late(series, part);
  });
  return before - open_count();
}

std::uint64_t Head::middle_sequence() const {
  std::vector<std::uint64_t> sequences;
  const auto visit = [&](const Part& part) {
    if (part.open) sequences.push_back(part.open->first_sequence());
    if (part.late) sequences.push_back(part.late->first_sequence);
  };
  for (const SeriesState& state : series_) {
    if (!state.any) continue;
    visit(state.current);
    if (!state.older) continue;
    for (const Part& part : *state.older) visit(part);
  }
  if (sequences.empty()) return 0;
  const auto middle = sequences.begin() + static_cast<std::ptrdiff_t>(sequences.size() / 2);
  std::nth_element(sequences.begin(), middle, sequences.end());
  return *middle + 1;
}

std::vector<WaitingChunkPtr> Head::waiting() const { return waiting_; }

void Head::drop(const std::vector<WaitingChunkPtr>& stored) {
  // A put pass captures what waits in order, leaving out what a delete holds back.
  std::size_t next = 0;
  std::erase_if(waiting_, [&](const WaitingChunkPtr& chunk) {
    if (next == stored.size() || chunk != stored[next]) return false;
    ++next;
    return true;
  });
  HYGGE_ASSERT(next == stored.size());
  for (const WaitingChunkPtr& chunk : stored) {
    count_out(*chunk);
    const auto of_series = waiting_by_series_.find(chunk->key.series);
    std::erase(of_series->second, chunk);
    if (!of_series->second.empty()) continue;
    waiting_by_series_.erase(of_series);
    if (series_[chunk->key.series].older) forgettable_.push_back(chunk->key.series);
  }
}

void Head::forget_stored() {
  for (const std::uint32_t series : std::exchange(forgettable_, {})) {
    SeriesState& state = series_[series];
    if (!state.older || waiting_by_series_.contains(series)) continue;
    std::erase_if(*state.older, [](const Part& part) { return !part.open && !part.late; });
    if (state.older->empty()) state.older.reset();
  }
}

std::optional<std::uint64_t> Head::lowest_sequence() const {
  std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
  for (const WaitingChunkPtr& chunk : waiting_) lowest = std::min(lowest, chunk->first_sequence);
  const auto visit = [&](const Part& part) {
    if (part.open) lowest = std::min(lowest, part.open->first_sequence());
    if (part.late) lowest = std::min(lowest, part.late->first_sequence);
  };
  for (const SeriesState& state : series_) {
    if (!state.any) continue;
    visit(state.current);
    if (!state.older) continue;
    for (const Part& part : *state.older) visit(part);
  }
  if (lowest == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return lowest;
}

std::optional<std::pair<TimeMs, TimeMs>> Head::bounds() const {
  std::optional<std::pair<TimeMs, TimeMs>> out;
  const auto add = [&](TimeMs first_ms, TimeMs last_ms) {
    out = out ? std::pair(std::min(out->first, first_ms), std::max(out->second, last_ms))
              : std::pair(first_ms, last_ms);
  };
  const auto visit = [&](const Part& part) {
    if (part.open) add(part.open->start_ms(), part.open->last_ms());
    if (part.late) add(part.late->t.front(), part.late->t.back());
  };
  for (const WaitingChunkPtr& chunk : waiting_) add(chunk->key.start_ms(), chunk->last_ms);
  for (const SeriesState& state : series_) {
    if (!state.any) continue;
    visit(state.current);
    if (state.older) std::for_each(state.older->begin(), state.older->end(), visit);
  }
  return out;
}

void Head::capture(std::uint32_t series, TimeRange range, std::vector<HeadPiece>& out) const {
  if (series >= series_.size()) return;
  const auto overlaps = [&](TimeMs first_ms, TimeMs last_ms) {
    return first_ms <= range.until && last_ms > range.after;
  };
  if (const auto of_series = waiting_by_series_.find(series);
      of_series != waiting_by_series_.end()) {
    for (const WaitingChunkPtr& chunk : of_series->second) {
      if (!overlaps(chunk->key.start_ms(), chunk->last_ms)) continue;
      out.push_back({chunk, chunk->key, chunk->last_ms, {}, {}, {}});
    }
  }
  const auto visit = [&](const Part& part) {
    if (part.open && overlaps(part.open->start_ms(), part.open->last_ms())) {
      const OpenChunk& open = *part.open;
      out.push_back({nullptr,
                     key_of(series, part.partition, open.start_ms(), 0),
                     open.last_ms(),
                     open.value(),
                     {},
                     {}});
    }
    if (part.late && overlaps(part.late->t.front(), part.late->t.back())) {
      const Late& late = *part.late;
      out.push_back({nullptr,
                     key_of(series, part.partition, late.t.front(), kMaxOrdinal),
                     late.t.back(),
                     {},
                     late.t,
                     late.v});
    }
  };
  const SeriesState& state = series_[series];
  if (!state.any) return;
  visit(state.current);
  if (!state.older) return;
  for (const Part& part : *state.older) visit(part);
}

std::size_t Head::memory_bytes() const {
  return series_.capacity() * sizeof(SeriesState) + waiting_bytes_ + open_chunks_->memory_bytes() +
         late_buffers_ * (sizeof(Late) + 256);
}

}  // namespace hygge::storage
