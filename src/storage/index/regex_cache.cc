#include "storage/index/regex_cache.h"

#include <algorithm>
#include <span>

#include "model/regex.h"

namespace hygge::storage {

namespace {

// The series of many labels of one name, of which no series has two.
::Roaring united(const LabelTable& table, std::span<const LabelRef> labels) {
  std::vector<std::uint32_t> listed;
  std::vector<const ::Roaring*> bitmaps;
  for (const LabelRef label : labels) {
    const Postings& postings = table.postings(label);
    if (postings.bitmap() != nullptr) bitmaps.push_back(postings.bitmap());
    listed.insert(listed.end(), postings.list().begin(), postings.list().end());
  }
  std::sort(listed.begin(), listed.end());
  ::Roaring out;
  if (!bitmaps.empty()) out = ::Roaring::fastunion(bitmaps.size(), bitmaps.data());
  out.addMany(listed.size(), listed.data());
  return out;
}

// Brings `labels` up to date with the values of `name`.
void look_at_values(RegexAnswer& answer, const LabelRegex& regex, const LabelTable& table,
                    const LabelTable::Name& name) {
  const std::vector<std::string>& words = regex.alternatives();
  if (!words.empty() && !answer.matches_empty) {
    answer.labels.clear();
    for (const std::string& word : words) {
      if (const auto label = table.find(name.text, word)) answer.labels.push_back(*label);
    }
  } else {
    for (const LabelRef label : std::span(name.labels).subspan(answer.values_seen)) {
      const bool matches = regex.matches(table.value(label));
      if (matches != answer.matches_empty) answer.labels.push_back(label);
    }
  }
  answer.values_seen = name.labels.size();
}

void look_at_series(RegexAnswer& answer, const LabelTable& table, const LabelTable::Name& name) {
  answer.version = name.version;
  if (answer.labels.size() == name.labels.size()) {
    answer.series = name.series;
  } else {
    answer.series = united(table, answer.labels);
  }
}

}  // namespace

std::size_t RegexAnswer::memory_bytes() const {
  return sizeof *this + labels.capacity() * sizeof(LabelRef) + storage::memory_bytes(series);
}

Result<std::shared_ptr<const RegexAnswer>> RegexCache::ask(const LabelTable& table,
                                                           const LabelTable::Name* name,
                                                           const std::string& pattern) {
  Key key{name, pattern};
  std::shared_ptr<const RegexAnswer> known;
  {
    const std::lock_guard lock(mutex_);
    const auto at = answers_.find(key);
    if (at != answers_.end()) known = at->second;
  }
  const bool same_values = known && known->values_seen == name->labels.size();
  if (same_values && known->version == name->version) return known;

  // Two threads may do the same work; neither holds up the others.
  auto answer = known ? std::make_shared<RegexAnswer>(*known) : std::make_shared<RegexAnswer>();
  if (!same_values) {
    const auto regex = LabelRegex::compile(pattern);
    if (!regex) return tl::unexpected<Error>(regex.error());
    answer->matches_empty = regex->matches("");
    if (name == nullptr) return answer;
    look_at_values(*answer, *regex, table, *name);
  }
  look_at_series(*answer, table, *name);
  keep(std::move(key), answer);
  return answer;
}

void RegexCache::keep(Key key, const std::shared_ptr<const RegexAnswer>& answer) {
  constexpr std::size_t kNodeBytes = 160;
  const auto bytes_of = [&](const RegexAnswer& one) {
    return one.memory_bytes() + kNodeBytes + key.second.size();
  };
  if (bytes_of(*answer) > kMaxBytes / 4) return;
  const std::lock_guard lock(mutex_);
  const auto old = answers_.find(key);
  if (old != answers_.end()) {
    bytes_ -= bytes_of(*old->second);
    answers_.erase(old);
  }
  if (bytes_ + bytes_of(*answer) > kMaxBytes) {
    answers_.clear();
    bytes_ = 0;
  }
  bytes_ += bytes_of(*answer);
  answers_.emplace(std::move(key), answer);
}

std::size_t RegexCache::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace hygge::storage
