#include "storage/db/presence.h"

#include <algorithm>
#include <roaring/roaring.hh>

namespace hygge::storage {

bool Presence::contains(std::int32_t partition, std::uint32_t series) const {
  const auto at = sets_.find(partition);
  return at != sets_.end() && at->second->contains(series);
}

void Presence::add(std::int32_t partition, std::uint32_t series) {
  own(sets_[partition]).add(series);
  changed_.insert(partition);
}

void Presence::remove(std::int32_t partition, std::uint32_t series) {
  const auto at = sets_.find(partition);
  if (at == sets_.end() || !at->second->contains(series)) return;
  own(at->second).remove(series);
  changed_.insert(partition);
}

std::vector<std::int32_t> Presence::partitions_of(std::uint32_t series, std::int64_t from,
                                                  std::int64_t to) const {
  std::vector<std::int32_t> out;
  for (const auto& [partition, set] : sets_) {
    if (partition < from || partition > to) continue;
    if (set->contains(series)) out.push_back(partition);
  }
  return out;
}

std::size_t Presence::partition_count() const {
  const auto any = [](const auto& of) { return !of.second->isEmpty(); };
  return static_cast<std::size_t>(std::count_if(sets_.begin(), sets_.end(), any));
}

std::vector<std::int32_t> Presence::partitions() const {
  std::vector<std::int32_t> out;
  out.reserve(sets_.size());
  for (const auto& [partition, set] : sets_) out.push_back(partition);
  return out;
}

std::vector<std::uint32_t> Presence::series_of(std::int32_t partition) const {
  const auto at = sets_.find(partition);
  if (at == sets_.end()) return {};
  std::vector<std::uint32_t> out(at->second->cardinality());
  at->second->toUint32Array(out.data());
  return out;
}

std::uint64_t Presence::series_count(std::int32_t partition) const {
  const auto at = sets_.find(partition);
  return at == sets_.end() ? 0 : at->second->cardinality();
}

::Roaring Presence::series_within(std::int64_t from, std::int64_t to) const {
  std::vector<const ::Roaring*> sets;
  for (const auto& [partition, set] : sets_) {
    if (partition >= from && partition <= to) sets.push_back(set.get());
  }
  if (sets.empty()) return {};
  return ::Roaring::fastunion(sets.size(), sets.data());
}

std::optional<std::int32_t> Presence::newest_partition(std::uint32_t series) const {
  for (auto at = sets_.rbegin(); at != sets_.rend(); ++at) {
    if (at->second->contains(series)) return at->first;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Presence::take_changes() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::int32_t partition : changed_) {
    out.emplace_back(partition_name(kPrefix, partition), encode_ids(*sets_.at(partition)));
  }
  changed_.clear();
  return out;
}

Result<void> Presence::load(std::string_view name, Bytes value) {
  const auto partition = parse_partition_name(kPrefix, name);
  if (!partition) return tl::unexpected<Error>(partition.error());
  auto ids = decode_ids(name, value);
  if (!ids) return tl::unexpected<Error>(ids.error());
  sets_[*partition] = std::move(*ids);
  return {};
}

}  // namespace hygge::storage
