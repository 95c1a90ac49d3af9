#include "storage/db/partitions.h"

#include <fmt/format.h>

#include <roaring/roaring.hh>

#include "base/assert.h"
#include "base/mutation.h"
#include "model/partition.h"

namespace hygge::storage {

namespace {
bool any(const IdSet& ids) { return ids && !ids->isEmpty(); }
}  // namespace

void Partitions::Toucher::enter(TimeMs t_ms) {
  partition_ = static_cast<std::int32_t>(partition_of(t_ms));
  range_ = partition_range(partition_);
  entry_ = &partitions_.entries_[partition_];
  entry_->touched_ms = now_ms_;
}

void Partitions::mark(std::int32_t partition, Entry& entry, std::uint32_t series) {
  if (broken("late-marks-dirty")) return;
  // Only a replay meets it: nothing was left, and samples came anew.
  if (entry.expired && entry.expired->contains(series)) {
    own(entry.expired).remove(series);
    changed_.insert(partition);
  }
  if (entry.state == PartitionState::open && !entry.working) return;
  if (entry.working) {
    own(entry.fresh).add(series);
    // An open partition's marks count from its seal on, which writes them.
    if (entry.state == PartitionState::sealed) changed_.insert(partition);
    return;
  }
  changed_.insert(partition);
  if (entry.state == PartitionState::sealed) {
    own(entry.dirty).add(series);
    return;
  }
  entry.state = PartitionState::open;
  entry.dirty.reset();
}

const Partitions::Entry* Partitions::find(std::int32_t partition) const {
  const auto at = entries_.find(partition);
  return at == entries_.end() ? nullptr : &at->second;
}

PartitionState Partitions::state(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr ? PartitionState::open : entry->state;
}

::Roaring Partitions::all_dirty(const Entry& entry) {
  ::Roaring all;
  if (entry.state == PartitionState::open) return all;
  if (entry.dirty) all |= *entry.dirty;
  if (entry.fresh) all |= *entry.fresh;
  return all;
}

bool Partitions::dirty(std::int32_t partition, std::uint32_t series) const {
  const Entry* const entry = find(partition);
  if (entry == nullptr || entry->state == PartitionState::open) return false;
  return (entry->dirty && entry->dirty->contains(series)) ||
         (entry->fresh && entry->fresh->contains(series));
}

std::vector<std::uint32_t> Partitions::dirty(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  if (entry == nullptr) return {};
  const ::Roaring all = all_dirty(*entry);
  std::vector<std::uint32_t> out(all.cardinality());
  all.toUint32Array(out.data());
  return out;
}

std::uint64_t Partitions::dirty_count(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr ? 0 : all_dirty(*entry).cardinality();
}

std::vector<std::int32_t> Partitions::dirty_partitions() const {
  std::vector<std::int32_t> out;
  for (const auto& [partition, entry] : entries_) {
    if (entry.state == PartitionState::open) continue;
    if (any(entry.dirty) || any(entry.fresh)) out.push_back(partition);
  }
  return out;
}

std::uint64_t Partitions::cells(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr || entry->state == PartitionState::open ? 0 : entry->cells;
}

std::vector<Partitions::Sealed> Partitions::sealed_within(std::int64_t from,
                                                          std::int64_t to) const {
  std::vector<Sealed> out;
  for (const auto& [partition, entry] : entries_) {
    if (partition < from) continue;
    if (partition > to) break;
    const bool open = entry.state == PartitionState::open;
    if (open && !any(entry.expired)) continue;
    out.push_back({partition, open, entry.dirty, entry.fresh, entry.expired});
  }
  return out;
}

bool Partitions::expired(std::int32_t partition, std::uint32_t series) const {
  const Entry* const entry = find(partition);
  return entry != nullptr && entry->expired && entry->expired->contains(series);
}

std::vector<std::uint32_t> Partitions::expired(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  if (entry == nullptr || !entry->expired) return {};
  std::vector<std::uint32_t> out(entry->expired->cardinality());
  entry->expired->toUint32Array(out.data());
  return out;
}

std::uint64_t Partitions::expired_count(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr || !entry->expired ? 0 : entry->expired->cardinality();
}

std::vector<std::int32_t> Partitions::expired_partitions() const {
  std::vector<std::int32_t> out;
  for (const auto& [partition, entry] : entries_) {
    if (any(entry.expired)) out.push_back(partition);
  }
  return out;
}

void Partitions::expire(std::int32_t partition, std::uint32_t series) {
  Entry& entry = entries_[partition];
  own(entry.expired).add(series);
  // There is nothing left to do it again from.
  if (entry.dirty) own(entry.dirty).remove(series);
  if (entry.fresh) own(entry.fresh).remove(series);
  changed_.insert(partition);
}

void Partitions::forget_expired(std::int32_t partition, std::uint32_t series) {
  if (!expired(partition, series)) return;
  own(entries_[partition].expired).remove(series);
  changed_.insert(partition);
}

TimeMs Partitions::touched_ms(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr ? kNever : entry->touched_ms;
}

TimeMs Partitions::sealed_ms(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry == nullptr ? kNever : entry->sealed_ms;
}

void Partitions::begin(std::int32_t partition) {
  Entry& entry = entries_[partition];
  HYGGE_ASSERT(!entry.working);
  entry.working = true;
}

void Partitions::finish(std::int32_t partition, PartitionState state,
                        std::span<const std::uint32_t> left, TimeMs now_ms,
                        std::optional<std::uint64_t> cells) {
  HYGGE_ASSERT(state != PartitionState::open);
  Entry& entry = entries_[partition];
  HYGGE_ASSERT(entry.working);
  const bool came = entry.fresh && !entry.fresh->isEmpty();
  entry.working = false;
  entry.dirty = std::move(entry.fresh);
  entry.fresh.reset();
  entry.sealed_ms = now_ms;
  if (cells) entry.cells = *cells;
  entry.state = came && state == PartitionState::sealed_early ? PartitionState::open : state;
  if (entry.state == PartitionState::open) {
    entry.dirty.reset();
  } else {
    for (const std::uint32_t series : left) own(entry.dirty).add(series);
  }
  changed_.insert(partition);
}

bool Partitions::working(std::int32_t partition) const {
  const Entry* const entry = find(partition);
  return entry != nullptr && entry->working;
}

void Partitions::abandon(std::int32_t partition) {
  Entry& entry = entries_[partition];
  HYGGE_ASSERT(entry.working);
  entry.working = false;
  if (entry.state == PartitionState::sealed_early && entry.fresh) {
    entry.state = PartitionState::open;
    changed_.insert(partition);
  }
  if (entry.state == PartitionState::open) {
    entry.dirty.reset();
  } else if (entry.fresh) {
    own(entry.dirty) |= *entry.fresh;
  }
  entry.fresh.reset();
}

void Partitions::erase(std::int32_t partition) {
  if (entries_.erase(partition) != 0) changed_.insert(partition);
}

MetaChanges Partitions::take_changes() {
  MetaChanges out;
  for (const std::int32_t partition : changed_) {
    const Entry* const entry = find(partition);
    std::optional<std::string> state;
    std::optional<std::string> dirty;
    std::optional<std::string> cells;
    std::optional<std::string> expired;
    if (entry != nullptr && any(entry->expired)) expired = encode_ids(*entry->expired);
    if (entry != nullptr && entry->state != PartitionState::open) {
      state.emplace(1, static_cast<char>(entry->state));
      if (const ::Roaring ids = all_dirty(*entry); !ids.isEmpty()) dirty = encode_ids(ids);
      if (entry->cells != 0) put_le(cells.emplace(), entry->cells);
    }
    out.emplace_back(partition_name(kStatePrefix, partition), std::move(state));
    out.emplace_back(partition_name(kDirtyPrefix, partition), std::move(dirty));
    out.emplace_back(partition_name(kCellsPrefix, partition), std::move(cells));
    out.emplace_back(partition_name(kExpiredPrefix, partition), std::move(expired));
  }
  changed_.clear();
  return out;
}

Result<void> Partitions::load_state(std::string_view name, Bytes value) {
  const auto partition = parse_partition_name(kStatePrefix, name);
  if (!partition) return tl::unexpected<Error>(partition.error());
  if (value.size() != 1 || value[0] == 0) {
    return fail(ErrorCode::corruption, fmt::format("meta: {} is damaged", name));
  }
  if (value[0] > static_cast<std::uint8_t>(PartitionState::sealed_early)) {
    return fail(ErrorCode::version,
                fmt::format("meta: {} has state {}, which a newer library wrote", name, value[0]),
                "use a newer hygge");
  }
  entries_[*partition].state = static_cast<PartitionState>(value[0]);
  return {};
}

Result<void> Partitions::load_cells(std::string_view name, Bytes value) {
  const auto partition = parse_partition_name(kCellsPrefix, name);
  if (!partition) return tl::unexpected<Error>(partition.error());
  ByteReader in(value);
  entries_[*partition].cells = in.le<std::uint64_t>();
  if (!in.done()) return fail(ErrorCode::corruption, fmt::format("meta: {} is damaged", name));
  return {};
}

Result<void> Partitions::load_expired(std::string_view name, Bytes value) {
  const auto partition = parse_partition_name(kExpiredPrefix, name);
  if (!partition) return tl::unexpected<Error>(partition.error());
  auto ids = decode_ids(name, value);
  if (!ids) return tl::unexpected<Error>(ids.error());
  entries_[*partition].expired = std::move(*ids);
  return {};
}

Result<void> Partitions::load_dirty(std::string_view name, Bytes value) {
  const auto partition = parse_partition_name(kDirtyPrefix, name);
  if (!partition) return tl::unexpected<Error>(partition.error());
  auto ids = decode_ids(name, value);
  if (!ids) return tl::unexpected<Error>(ids.error());
  entries_[*partition].dirty = std::move(*ids);
  return {};
}

}  // namespace hygge::storage
