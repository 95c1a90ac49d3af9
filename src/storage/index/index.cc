#include "storage/index/index.h"

#include <algorithm>
#include <roaring/roaring.hh>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "model/canonical.h"
#include "storage/index/index_impl.h"

namespace hygge::storage {

namespace {

// A set of series that belongs to somebody else: a bitmap, or a short list.
struct SeriesSet {
  const ::Roaring* bitmap = nullptr;
  std::span<const std::uint32_t> list;
  std::uint64_t count = 0;

  static SeriesSet of(const ::Roaring& bitmap) { return {&bitmap, {}, bitmap.cardinality()}; }
  static SeriesSet of(const Postings& postings) {
    return {postings.bitmap(), postings.list(), postings.count()};
  }
  [[nodiscard]] bool contains(std::uint32_t id) const {
    if (bitmap != nullptr) return bitmap->contains(id);
    return std::binary_search(list.begin(), list.end(), id);
  }
  [[nodiscard]] std::vector<std::uint32_t> ids() const {
    if (bitmap == nullptr) return {list.begin(), list.end()};
    std::vector<std::uint32_t> out(count);
    bitmap->toUint32Array(out.data());
    return out;
  }
};

// A selector as sets: the series that are in all of `within` and in none of `without`.
struct Terms {
  std::vector<SeriesSet> within;
  std::vector<SeriesSet> without;
  std::vector<std::shared_ptr<const RegexAnswer>> answers;  ///< keeps their sets alive
};

std::vector<std::uint32_t> intersect(Terms& terms, const ::Roaring& all) {
  std::vector<SeriesSet>& within = terms.within;
  if (within.empty()) within.push_back(SeriesSet::of(all));
  std::sort(within.begin(), within.end(),
            [](const SeriesSet& a, const SeriesSet& b) { return a.count < b.count; });
  if (within.size() + terms.without.size() == 1) return within[0].ids();
  // One after the other where they are few, which is also where sets are lists.
  if (within[0].count <= Postings::kMaxListed) {
    std::vector<std::uint32_t> ids = within[0].ids();
    std::erase_if(ids, [&](std::uint32_t id) {
      const auto has = [id](const SeriesSet& set) { return set.contains(id); };
      return !std::all_of(within.begin() + 1, within.end(), has) ||
             std::any_of(terms.without.begin(), terms.without.end(), has);
    });
    return ids;
  }
  ::Roaring result = within.size() > 1 ? *within[0].bitmap & *within[1].bitmap : *within[0].bitmap;
  for (std::size_t i = 2; i < within.size(); ++i) result &= *within[i].bitmap;
  for (const SeriesSet& set : terms.without) {
    if (set.bitmap != nullptr) result -= *set.bitmap;
    for (const std::uint32_t id : set.list) result.remove(id);
  }
  return SeriesSet::of(result).ids();
}

// A matcher that matches "" also picks the series without the label: it is told by whom it leaves
// out. Any other is told by whom it picks. Either way one set is all it takes.
Result<void> add_terms(const LabelTable& labels, RegexCache& regexes, const Matcher& matcher,
                       Terms& terms) {
  const LabelTable::Name* const name = labels.name(matcher.name);
  const bool negated = matcher.op == MatchOp::not_equal || matcher.op == MatchOp::not_regex;
  bool matches_empty = matcher.value.empty();
  SeriesSet set;  // of series whose label differs from "" in the eyes of value or regex
  if (matcher.op == MatchOp::regex || matcher.op == MatchOp::not_regex) {
    auto answer = regexes.ask(labels, name, matcher.value);
    if (!answer) return tl::unexpected<Error>(answer.error());
    matches_empty = (*answer)->matches_empty;
    set = SeriesSet::of((*answer)->series);
    terms.answers.push_back(std::move(*answer));
  } else if (matcher.value.empty()) {
    if (name != nullptr) set = SeriesSet::of(name->series);
  } else if (const auto label = labels.find(matcher.name, matcher.value)) {
    set = SeriesSet::of(labels.postings(*label));
  }
  (matches_empty == negated ? terms.within : terms.without).push_back(set);
  return {};
}

}  // namespace

Index::Index() : impl_(std::make_unique<Impl>()) {}
Index::~Index() = default;

std::optional<std::uint32_t> Index::find(std::string_view canonical) const {
  return impl_->series.find(canonical, impl_->labels);
}

void Index::find(std::span<const std::string_view> canonical,
                 std::span<std::optional<std::uint32_t>> out) const {
  HYGGE_ASSERT(out.size() == canonical.size());
  for (std::size_t i = 0; i < canonical.size(); i += SeriesTable::kFindMany) {
    const std::size_t count = std::min(SeriesTable::kFindMany, canonical.size() - i);
    impl_->series.find_many(canonical.subspan(i, count), impl_->labels, out.subspan(i, count));
  }
}

void Index::add(std::uint32_t id, std::string_view canonical) {
  std::vector<LabelRef> labels;
  labels.reserve(16);
  ByteReader in(as_bytes(canonical));
  while (in.left() > 0) {
    const std::size_t start = canonical.size() - in.left();
    const std::string_view name = in.text();
    in.text();
    HYGGE_ASSERT(in.ok());
    const std::size_t end = canonical.size() - in.left();
    labels.push_back(impl_->labels.add(canonical.substr(start, end - start), name, id));
  }
  impl_->series.add(id, canonical, labels);
  impl_->all.add(id);
}

void Index::remove(std::uint32_t id) {
  const std::string bytes = canonical(id);
  for (const LabelRef label : impl_->series.labels(id)) impl_->labels.remove(label, id);
  impl_->series.remove(id, bytes);
  impl_->all.remove(id);
}

bool Index::contains(std::uint32_t id) const noexcept { return impl_->series.contains(id); }

std::string Index::canonical(std::uint32_t id) const {
  const std::span<const LabelRef> labels = impl_->series.labels(id);
  std::size_t bytes = 0;
  for (const LabelRef label : labels) bytes += impl_->labels.part(label).size();
  std::string out;
  out.reserve(bytes);
  for (const LabelRef label : labels) out += impl_->labels.part(label);
  return out;
}

Labels Index::labels(std::uint32_t id) const {
  return labels_from_canonical(as_bytes(canonical(id))).value_or(Labels());
}

Result<std::vector<std::uint32_t>> Index::select(const Selector& selector) const {
  Terms terms;
  for (const Matcher& matcher : selector.matchers) {
    if (auto added = add_terms(impl_->labels, impl_->regexes, matcher, terms); !added) {
      return tl::unexpected<Error>(added.error());
    }
  }
  return intersect(terms, impl_->all);
}

std::vector<std::string> Index::label_names() const { return impl_->labels.names(); }

std::vector<std::string> Index::label_values(std::string_view name) const {
  const LabelTable::Name* const known = impl_->labels.name(name);
  if (known == nullptr) return {};
  std::vector<std::string_view> values;
  values.reserve(known->labels.size());
  for (const LabelRef label : known->labels) {
    if (impl_->labels.postings(label).count() > 0) values.push_back(impl_->labels.value(label));
  }
  std::sort(values.begin(), values.end());
  return {values.begin(), values.end()};
}

std::size_t Index::series_with(std::string_view name, std::string_view value) const {
  const auto label = impl_->labels.find(name, value);
  return label ? impl_->labels.postings(*label).count() : 0;
}

std::size_t Index::value_count(std::string_view name) const {
  const LabelTable::Name* const of_name = impl_->labels.name(name);
  return of_name == nullptr ? 0 : of_name->values;
}

std::size_t Index::series_count() const noexcept { return impl_->all.cardinality(); }

std::size_t Index::memory_bytes() const {
  return sizeof(Impl) + impl_->labels.memory_bytes() + impl_->series.memory_bytes() +
         storage::memory_bytes(impl_->all) + impl_->regexes.memory_bytes();
}

}  // namespace hygge::storage
