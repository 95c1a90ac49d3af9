// Counting series per label: intersections of postings with sets that the caller brings.
#include <algorithm>
#include <roaring/roaring.hh>

#include "storage/index/index_impl.h"

namespace hygge::storage {

namespace {

using Sets = std::span<const ::Roaring* const>;

std::uint64_t common_count(const Postings& postings, const ::Roaring& set) {
  if (postings.bitmap() != nullptr) return postings.bitmap()->and_cardinality(set);
  const auto ids = postings.list();
  return static_cast<std::uint64_t>(
      std::count_if(ids.begin(), ids.end(), [&](std::uint32_t id) { return set.contains(id); }));
}

bool any_common(const Postings& postings, const ::Roaring& set) {
  if (postings.bitmap() != nullptr) return postings.bitmap()->intersect(set);
  const auto ids = postings.list();
  return std::any_of(ids.begin(), ids.end(), [&](std::uint32_t id) { return set.contains(id); });
}

std::uint64_t sum(const ::Roaring& ids, const WeighSeries& weigh) {
  std::uint64_t out = 0;
  for (const std::uint32_t id : ids) out += weigh(id);
  return out;
}

std::uint64_t weight_of(const Postings& postings, const ::Roaring& set, const WeighSeries& weigh) {
  if (postings.bitmap() != nullptr) return sum(*postings.bitmap() & set, weigh);
  std::uint64_t out = 0;
  for (const std::uint32_t id : postings.list()) {
    if (set.contains(id)) out += weigh(id);
  }
  return out;
}

bool any(const LabelCount& count) {
  return std::any_of(count.series.begin(), count.series.end(),
                     [](std::uint64_t one) { return one > 0; });
}

}  // namespace

std::vector<LabelCount> Index::count_names(Sets sets, const WeighSeries& weigh) const {
  std::vector<LabelCount> out;
  if (sets.empty()) return out;
  for (const LabelTable::Name& name : impl_->labels.each_name()) {
    LabelCount count{name.text, "", 0, {}, 0};
    for (const ::Roaring* set : sets) count.series.push_back(name.series.and_cardinality(*set));
    if (!any(count)) continue;
    for (const LabelRef label : name.labels) {
      count.values += any_common(impl_->labels.postings(label), *sets[0]) ? 1U : 0U;
    }
    if (weigh) count.weight = sum(name.series & *sets[0], weigh);
    out.push_back(std::move(count));
  }
  return out;
}

std::vector<LabelCount> Index::count_labels(std::string_view name, Sets sets,
                                            const WeighSeries& weigh) const {
  std::vector<LabelCount> out;
  if (sets.empty()) return out;
  for (const LabelTable::Name& one : impl_->labels.each_name()) {
    if (!name.empty() && one.text != name) continue;
    for (const LabelRef label : one.labels) {
      const Postings& postings = impl_->labels.postings(label);
      LabelCount count;
      count.series.reserve(sets.size());
      for (const ::Roaring* set : sets) count.series.push_back(common_count(postings, *set));
      if (!any(count)) continue;
      count.name = one.text;
      count.value = impl_->labels.value(label);
      if (weigh) count.weight = weight_of(postings, *sets[0], weigh);
      out.push_back(std::move(count));
    }
  }
  return out;
}

}  // namespace hygge::storage
