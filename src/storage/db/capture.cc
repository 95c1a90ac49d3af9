// Capturing a view: everything a question needs, under the shared lock, copied where it may change.
#include <fmt/format.h>

#include <algorithm>
#include <roaring/roaring.hh>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"

namespace hygge {

using storage::ViewState;

Result<std::shared_ptr<ViewState>> Db::Impl::capture(
    std::span<const Selector> selectors, TimeRange range,
    std::vector<std::vector<std::size_t>>& picked) {
  auto state = std::make_shared<ViewState>();
  state->range = range;
  const std::shared_lock lock(state_mutex_);
  if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
  // Series without samples on the days of the range are left out: with years of churn, most.
  const ::Roaring present = range.empty() ? ::Roaring()
                                          : presence_.series_within(partition_of(range.after + 1),
                                                                    partition_of(range.until));
  std::vector<std::vector<std::uint32_t>> ids;
  std::vector<std::uint32_t> all;
  for (const Selector& selector : selectors) {
    auto selected = index_->select(selector);
    if (!selected) return tl::unexpected<Error>(selected.error());
    std::erase_if(*selected, [&](std::uint32_t id) { return !present.contains(id); });
    all.insert(all.end(), selected->begin(), selected->end());
    ids.push_back(std::move(*selected));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  state->entries.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ViewState::Entry& entry = state->entries[i];
    entry.id = all[i];
    entry.birth_ms = head_.birth_ms(all[i]);
    entry.canonical = index_->canonical(all[i]);
    head_.capture(all[i], range, entry.pieces);
  }
  for (const std::vector<std::uint32_t>& of_selector : ids) {
    std::vector<std::size_t>& places = picked.emplace_back();
    places.reserve(of_selector.size());
    std::size_t at = 0;
    for (const std::uint32_t id : of_selector) {
      while (all[at] != id) ++at;
      places.push_back(at);
    }
  }
  state->presence = presence_;
  if (!range.empty()) {
    state->sealed =
        partitions_.sealed_within(partition_of(range.after + 1), partition_of(range.until));
  }
  state->any_expired = std::any_of(state->sealed.begin(), state->sealed.end(), [](const auto& day) {
    return day.expired && !day.expired->isEmpty();
  });
  state->tiers = rollup_.stored;
  state->masks = masks_;
  state->metadata = metadata_;
  state->on_duplicate = policy_.on_duplicate;
  state->alive = views_;
  state->process = process_;
  state->home = home_;
  state->snapshot = home_->store->snapshot();
  return state;
}

}  // namespace hygge
