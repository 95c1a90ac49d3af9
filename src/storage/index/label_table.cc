#include "storage/index/label_table.h"

#include <cstring>

#include "base/bytes.h"
#include "base/checksum.h"

namespace hygge::storage {

LabelTable::~LabelTable() {
  for (const Name& name : names_) {
    for (const LabelRef label : name.labels) head(label)->postings.release();
  }
}

LabelRef LabelTable::add(std::string_view part, std::string_view name, std::uint32_t series) {
  const std::uint32_t hash = hash32(part);
  const auto known = by_part_.find(hash, [&](LabelRef label) { return this->part(label) == part; });
  if (known) {
    Head* const at = head(*known);
    names_[at->name].values += at->postings.count() == 0 ? 1U : 0U;
    at->postings.add(series);
    names_[at->name].series.add(series);
    ++names_[at->name].version;
    return *known;
  }
  constexpr std::size_t kUnit = sizeof(std::uint64_t);
  // Place 0 is no label: HashSlots takes 0 for a free slot.
  if (names_.empty()) static_cast<void>(labels_.allocate(1));
  const LabelRef label = labels_.allocate((sizeof(Head) + part.size() + kUnit - 1) / kUnit);
  Head* const at = head(label);
  at->name = name_index(name);
  at->bytes = static_cast<std::uint32_t>(part.size());
  std::memcpy(reinterpret_cast<char*>(at) + sizeof(Head), part.data(), part.size());
  at->postings.add(series);
  by_part_.add(hash, label);
  names_[at->name].series.add(series);
  ++names_[at->name].version;
  names_[at->name].labels.push_back(label);
  ++names_[at->name].values;
  return label;
}

void LabelTable::remove(LabelRef label, std::uint32_t series) {
  Head* const at = head(label);
  at->postings.remove(series);
  names_[at->name].values -= at->postings.count() == 0 ? 1U : 0U;
  names_[at->name].series.remove(series);
  ++names_[at->name].version;
}

std::uint32_t LabelTable::name_index(std::string_view name) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) return known->second;
  const auto index = static_cast<std::uint32_t>(names_.size());
  names_.push_back({std::string(name), {}, {}, 0, 0});
  by_name_.emplace(names_.back().text, index);
  return index;
}

std::optional<LabelRef> LabelTable::find(std::string_view name, std::string_view value) const {
  std::string part;
  put_text(part, name);
  put_text(part, value);
  return by_part_.find(hash32(part), [&](LabelRef label) { return this->part(label) == part; });
}

std::string_view LabelTable::value(LabelRef label) const noexcept {
  ByteReader in(as_bytes(part(label)));
  in.text();
  return in.text();
}

const LabelTable::Name* LabelTable::name(std::string_view text) const {
  const auto at = by_name_.find(text);
  return at == by_name_.end() ? nullptr : &names_[at->second];
}

std::vector<std::string> LabelTable::names() const {
  std::vector<std::string> out;
  out.reserve(by_name_.size());
  for (const auto& [text, index] : by_name_) {
    if (!names_[index].series.isEmpty()) out.emplace_back(text);
  }
  return out;
}

std::size_t LabelTable::memory_bytes() const {
  constexpr std::size_t kMapNodeBytes = 80;
  std::size_t bytes = labels_.memory_bytes() + by_part_.memory_bytes();
  for (const Name& name : names_) {
    bytes += sizeof name + kMapNodeBytes + name.labels.capacity() * sizeof(LabelRef);
    bytes += storage::memory_bytes(name.series);
    for (const LabelRef label : name.labels) bytes += postings(label).memory_bytes();
  }
  return bytes;
}

}  // namespace hygge::storage
