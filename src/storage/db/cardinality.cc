// cardinality(): how many series, from sets of ids alone. Everything that is counted is an
// intersection of a label's postings with one of a few sets that the presence per day gives.
#include <fmt/format.h>
#include <hygge/cardinality.h>

#include <algorithm>
#include <roaring/roaring.hh>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "model/partition.h"
#include "storage/db/db_impl.h"

namespace hygge {

namespace {

using storage::ChunkScan;
using storage::LabelCount;
using storage::Presence;
using Days = std::pair<std::int64_t, std::int64_t>;  // first and last partition, both in

Days days_of(TimeRange range) {
  if (range.empty()) return {0, -1};
  return {partition_of(range.after + 1), partition_of(range.until)};
}

// From the start of the first held day in `days` to the end of the last.
TimeRange held_range(const std::vector<std::int32_t>& held, Days days) {
  const auto first = std::lower_bound(held.begin(), held.end(), days.first);
  const auto past = std::upper_bound(held.begin(), held.end(), days.second);
  if (first >= past) return {};
  return {partition_range(*first).after, partition_range(*(past - 1)).until};
}

/// The sets in the order of the fields of CardinalityRow.
struct Sets {
  ::Roaring in, now, appeared, ended, before, added, removed;

  [[nodiscard]] std::vector<const ::Roaring*> all(bool compared) const {
    if (!compared) return {&in, &now, &appeared, &ended};
    return {&in, &now, &appeared, &ended, &before, &added, &removed};
  }
};

// What lies before the oldest day is not known, so its series have not appeared; nor have those of
// the newest day ended.
Sets make_sets(const Presence& presence, const std::vector<std::int32_t>& held,
               const ::Roaring& picked, const CardinalityQuestion& question) {
  Sets out;
  if (held.empty()) return out;
  const std::int64_t oldest = held.front();
  const std::int64_t newest = held.back();
  const Days days = days_of(question.range);
  out.in = presence.series_within(days.first, days.second) & picked;
  out.now = presence.series_within(newest, newest) & picked;
  const std::int64_t last_known = std::max(days.first - 1, oldest);
  out.appeared = out.in - presence.series_within(oldest, last_known);
  const std::int64_t first_after = std::min(days.second + 1, newest);
  out.ended = out.in - presence.series_within(first_after, newest);
  if (question.earlier) {
    const Days earlier = days_of(*question.earlier);
    out.before = presence.series_within(earlier.first, earlier.second) & picked;
    out.added = out.in - out.before;
    out.removed = out.before - out.in;
  }
  return out;
}

CardinalityRow row_of(LabelCount count) {
  CardinalityRow row;
  row.label = std::move(count.name);
  row.value = std::move(count.value);
  row.values = count.values;
  row.bytes = count.weight;
  const std::array fields = {&row.series, &row.now,   &row.appeared, &row.ended,
                             &row.before, &row.added, &row.removed};
  for (std::size_t i = 0; i < count.series.size(); ++i) *fields[i] = count.series[i];
  return row;
}

void sort_rows(std::vector<CardinalityRow>& rows, bool compared) {
  const auto weight = [compared](const CardinalityRow& row) {
    return compared ? row.added + row.removed : row.series;
  };
  std::sort(rows.begin(), rows.end(), [&](const CardinalityRow& a, const CardinalityRow& b) {
    const auto key = [&](const CardinalityRow& row) {
      return std::tuple(~weight(row), ~row.series, std::string_view(row.label),
                        std::string_view(row.value));
    };
    return key(a) < key(b);
  });
}

using BytesOf = std::unordered_map<std::uint32_t, std::uint64_t>;

// Adds what the stored chunks of `wanted` take in one partition; keys between are leapt over.
void add_bytes(ChunkScan& scan, std::int32_t partition, const ::Roaring& wanted, BytesOf& bytes) {
  if (wanted.isEmpty()) return;
  auto next = wanted.begin();
  scan.seek({partition, *next, 0, 0});
  while (scan.valid() && scan.key().partition == partition) {
    const std::uint32_t series = scan.key().series;
    if (wanted.contains(series)) {
      bytes[series] += storage::kChunkKeyBytes + scan.value().size();
      scan.next();
      continue;
    }
    next.equalorlarger(series);
    if (next == wanted.end()) return;
    scan.seek({partition, *next, 0, 0});
  }
}

Result<BytesOf> bytes_of(const storage::Store& store, const storage::StoreSnapshotPtr& snapshot,
                         const Presence& presence, const std::vector<std::int32_t>& held,
                         const ::Roaring& picked, Days days) {
  BytesOf out;
  ChunkScan scan = store.scan(snapshot);
  for (const std::int32_t partition : held) {
    if (partition < days.first || partition > days.second) continue;
    add_bytes(scan, partition, presence.series_within(partition, partition) & picked, out);
    if (const Error* error = scan.error()) return tl::unexpected<Error>(*error);
  }
  return out;
}

}  // namespace

Result<Cardinality> Db::Impl::cardinality(const CardinalityQuestion& question) {
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  Presence presence;
  ::Roaring picked;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    const auto ids = index_->select(question.selector);
    if (!ids) return tl::unexpected<Error>(ids.error());
    picked.addMany(ids->size(), ids->data());
    presence = presence_;
    home = home_;
    if (question.bytes) snapshot = home->store->snapshot();
  }
  std::vector<std::int32_t> held = presence.partitions();
  std::erase_if(held, [&](std::int32_t day) { return presence.series_count(day) == 0; });
  const bool compared = question.earlier.has_value();
  const Days days = days_of(question.range);
  const Sets sets = make_sets(presence, held, picked, question);
  BytesOf bytes;
  storage::WeighSeries weigh;
  if (question.bytes) {
    auto found = bytes_of(*home->store, snapshot, presence, held, picked, days);
    if (!found) return tl::unexpected<Error>(found.error());
    bytes = std::move(*found);
    weigh = [&](std::uint32_t id) {
      const auto at = bytes.find(id);
      return at == bytes.end() ? 0 : at->second;
    };
  }
  Cardinality out;
  out.range = held_range(held, days);
  if (compared) out.earlier = held_range(held, days_of(*question.earlier));
  LabelCount total;
  for (const ::Roaring* set : sets.all(compared)) total.series.push_back(set->cardinality());
  for (const auto& [id, size] : bytes) total.weight += size;
  out.total = row_of(std::move(total));
  using By = CardinalityQuestion::By;
  const std::string name = question.by == By::metric ? std::string(kNameLabel) : question.label;
  std::vector<LabelCount> counts;
  {
    const std::shared_lock lock(state_mutex_);
    counts = question.by == By::label ? index_->count_names(sets.all(compared), weigh)
                                      : index_->count_labels(name, sets.all(compared), weigh);
  }
  for (LabelCount& count : counts) {
    CardinalityRow row = row_of(std::move(count));
    if (row.series > 0 || row.before > 0) out.rows.push_back(std::move(row));
  }
  sort_rows(out.rows, compared);
  return out;
}

}  // namespace hygge
