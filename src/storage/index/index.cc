#include "storage/index/index.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <roaring/roaring.hh>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "base/checksum.h"
#include "model/canonical.h"
#include "model/regex.h"

namespace hygge::storage {

namespace {

using Postings = ::Roaring;

// Bytes that never move, in large blocks.
class Arena {
 public:
  std::string_view store(std::string_view text) {
    if (blocks_.empty() || used_ + text.size() > blocks_.back().second) {
      const std::size_t bytes = std::max(kBlockBytes, text.size());
      blocks_.emplace_back(std::make_unique<char[]>(bytes), bytes);
      total_ += bytes;
      used_ = 0;
    }
    char* const at = blocks_.back().first.get() + used_;
    std::copy(text.begin(), text.end(), at);
    used_ += text.size();
    return {at, text.size()};
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return total_; }

 private:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  std::vector<std::pair<std::unique_ptr<char[]>, std::size_t>> blocks_;
  std::size_t used_ = 0;
  std::size_t total_ = 0;
};

// Hash to id, open addressing. The full hash is kept, so that a probe touches the label bytes only
// where it is all but certain to find them equal.
class IdTable {
 public:
  template <typename Equal>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, Equal&& equal) const {
    if (slots_.empty()) return std::nullopt;
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Slot& slot = slots_[i];
      if (slot.id == 0) return std::nullopt;
      if (slot.hash == hash && equal(slot.id)) return slot.id;
    }
  }
  void add(std::uint64_t hash, std::uint32_t id) {
    HYGGE_ASSERT(id != 0);
    if (2 * (count_ + 1) > slots_.size()) grow();
    place(hash, id);
    ++count_;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t id = 0;  ///< 0: free
  };
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::uint64_t hash, std::uint32_t id) {
    std::size_t i = hash & mask();
    while (slots_[i].id != 0) i = (i + 1) & mask();
    slots_[i] = {hash, id};
  }
  void grow() {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(64, 2 * slots_.size())));
    for (const Slot& slot : old) {
      if (slot.id != 0) place(slot.hash, slot.id);
    }
  }
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

// All that is known of one label name.
struct Name {
  std::map<std::string_view, Postings> values;  ///< keys point into the arena
  Postings any;                                 ///< series that have the label
};

}  // namespace

struct Index::Impl {
  Arena arena;
  IdTable ids;
  std::vector<std::string_view> canonical;  ///< by id; null where there is no series
  std::map<std::string_view, Name, std::less<>> names;
  Postings all;
  std::size_t posting_count = 0;

  // Results of regexes, until the values of their label change.
  struct Cached {
    std::size_t values = 0;  ///< how many values the label had
    std::vector<std::string_view> matching;
  };
  std::mutex cache_mutex;
  std::map<std::pair<std::string, std::string>, Cached> cache;

  [[nodiscard]] Postings with_value(const Name& name, std::string_view value) const {
    const auto at = name.values.find(value);
    return at == name.values.end() ? Postings() : at->second;
  }
  Result<Postings> matching_regex(const std::string& label, const Name* name,
                                  const std::string& pattern);
  Result<Postings> matching(const Matcher& matcher, bool& negated);
};

Index::Index() : impl_(std::make_unique<Impl>()) {}
Index::~Index() = default;

std::optional<std::uint32_t> Index::find(std::string_view canonical) const {
  return impl_->ids.find(hash64(as_bytes(canonical)),
                         [&](std::uint32_t id) { return impl_->canonical[id] == canonical; });
}

void Index::add(std::uint32_t id, std::string_view canonical) {
  HYGGE_ASSERT(!contains(id));
  Impl& impl = *impl_;
  const std::string_view kept = impl.arena.store(canonical);
  if (id >= impl.canonical.size()) {
    if (id >= impl.canonical.capacity()) impl.canonical.reserve(2 * (id + std::size_t{1}));
    impl.canonical.resize(id + std::size_t{1});
  }
  impl.canonical[id] = kept;
  impl.ids.add(hash64(as_bytes(kept)), id);
  impl.all.add(id);
  ByteReader in(as_bytes(kept));
  while (in.left() > 0) {
    // Names and values are views of the first series that brought them.
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    Name& known = impl.names[name];
    known.any.add(id);
    known.values[value].add(id);
    ++impl.posting_count;
  }
}

bool Index::contains(std::uint32_t id) const noexcept {
  return id < impl_->canonical.size() && impl_->canonical[id].data() != nullptr;
}

std::string_view Index::canonical(std::uint32_t id) const noexcept {
  HYGGE_ASSERT(contains(id));
  return impl_->canonical[id];
}

Labels Index::labels(std::uint32_t id) const {
  return labels_from_canonical(as_bytes(canonical(id))).value_or(Labels());
}

Result<Postings> Index::Impl::matching_regex(const std::string& label, const Name* name,
                                             const std::string& pattern) {
  if (name == nullptr) return Postings();
  const std::pair key{label, pattern};
  {
    const std::lock_guard lock(cache_mutex);
    const auto at = cache.find(key);
    if (at != cache.end() && at->second.values == name->values.size()) {
      Postings out;
      for (const std::string_view value : at->second.matching) out |= name->values.at(value);
      return out;
    }
  }
  const auto regex = LabelRegex::compile(pattern);
  if (!regex) return tl::unexpected<Error>(regex.error());
  Cached found{name->values.size(), {}};
  Postings out;
  if (!regex->alternatives().empty()) {
    for (const std::string& word : regex->alternatives()) {
      const auto at = name->values.find(word);
      if (at == name->values.end()) continue;
      found.matching.push_back(at->first);
      out |= at->second;
    }
  } else {
    for (const auto& [value, postings] : name->values) {
      if (!regex->matches(value)) continue;
      found.matching.push_back(value);
      out |= postings;
    }
  }
  constexpr std::size_t kMaxCached = 256;
  const std::lock_guard lock(cache_mutex);
  if (cache.size() >= kMaxCached) cache.clear();
  cache[key] = std::move(found);
  return out;
}

// The series that a matcher picks or, with `negated`, those that it leaves out. A matcher that
// matches "" also picks the series without the label.
Result<Postings> Index::Impl::matching(const Matcher& matcher, bool& negated) {
  const auto at = names.find(matcher.name);
  const Name* const name = at == names.end() ? nullptr : &at->second;
  const bool regex = matcher.op == MatchOp::regex || matcher.op == MatchOp::not_regex;
  negated = matcher.op == MatchOp::not_equal || matcher.op == MatchOp::not_regex;
  bool matches_empty = matcher.value.empty();
  Postings out;
  if (regex) {
    const auto compiled = LabelRegex::compile(matcher.value);
    if (!compiled) return tl::unexpected<Error>(compiled.error());
    matches_empty = compiled->matches("");
    auto matched = matching_regex(matcher.name, name, matcher.value);
    if (!matched) return matched;
    out = std::move(*matched);
  } else if (name != nullptr) {
    out = with_value(*name, matcher.value);
  }
  if (matches_empty) out |= name == nullptr ? all : all - name->any;
  return out;
}

Result<std::vector<std::uint32_t>> Index::select(const Selector& selector) const {
  std::vector<Postings> picked;
  std::vector<Postings> left_out;
  for (const Matcher& matcher : selector.matchers) {
    bool negated = false;
    auto postings = impl_->matching(matcher, negated);
    if (!postings) return tl::unexpected<Error>(postings.error());
    (negated ? left_out : picked).push_back(std::move(*postings));
  }
  // The smallest first: each step then costs no more than the set before it.
  std::sort(picked.begin(), picked.end(),
            [](const Postings& a, const Postings& b) { return a.cardinality() < b.cardinality(); });
  Postings result = picked.empty() ? impl_->all : std::move(picked[0]);
  for (std::size_t i = 1; i < picked.size(); ++i) result &= picked[i];
  for (const Postings& out : left_out) result -= out;
  std::vector<std::uint32_t> ids(result.cardinality());
  result.toUint32Array(ids.data());
  return ids;
}

std::vector<std::string> Index::label_names() const {
  std::vector<std::string> out;
  for (const auto& [name, known] : impl_->names) out.emplace_back(name);
  return out;
}

std::vector<std::string> Index::label_values(std::string_view name) const {
  std::vector<std::string> out;
  const auto at = impl_->names.find(name);
  if (at == impl_->names.end()) return out;
  for (const auto& [value, postings] : at->second.values) out.emplace_back(value);
  return out;
}

std::size_t Index::series_count() const noexcept { return impl_->all.cardinality(); }

std::size_t Index::memory_bytes() const {
  std::size_t bytes = impl_->arena.memory_bytes() + impl_->ids.memory_bytes() +
                      impl_->canonical.capacity() * sizeof(std::string_view);
  for (const auto& [name, known] : impl_->names) {
    bytes += known.any.getSizeInBytes(false) + sizeof(Name);
    for (const auto& [value, postings] : known.values) {
      bytes += postings.getSizeInBytes(false) + sizeof(Postings) + sizeof value + 48;
    }
  }
  return bytes;
}

}  // namespace hygge::storage
