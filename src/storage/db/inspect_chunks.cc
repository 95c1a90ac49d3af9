// inspect_chunks(): the stored chunks of some series, one by one.
#include <fmt/format.h>

#include <algorithm>

#include "model/partition.h"
#include "storage/db/db_impl.h"
#include "storage/upkeep/merge.h"

namespace hygge {

using storage::ChunkKey;
using storage::ChunkScan;

Result<void> Db::Impl::inspect_chunks(
    const Selector& selector, TimeRange range, bool try_pack,
    const std::function<void(const Labels&, const ChunkReport&)>& each) {
  std::shared_ptr<const storage::Home> home;
  storage::StoreSnapshotPtr snapshot;
  std::vector<std::pair<std::uint32_t, Labels>> picked;
  std::vector<std::int32_t> held;
  {
    const std::shared_lock lock(state_mutex_);
    if (!home_) return fail(ErrorCode::invalid_argument, fmt::format("{} is closed", dir_));
    const auto ids = index_->select(selector);
    if (!ids) return tl::unexpected<Error>(ids.error());
    for (const std::uint32_t id : *ids) picked.emplace_back(id, index_->labels(id));
    held = presence_.partitions();
    home = home_;
    snapshot = home->store->snapshot();
  }
  std::sort(picked.begin(), picked.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  ChunkScan scan = home->store->scan(snapshot);
  for (const auto& [series, labels] : picked) {
    for (const std::int32_t partition : held) {
      const TimeRange day = partition_range(partition);
      if (range.empty() || day.after >= range.until || day.until <= range.after) continue;
      for (scan.seek({partition, series, 0, 0}); scan.valid(); scan.next()) {
        const ChunkKey key = scan.key();
        if (key.partition != partition || key.series != series) break;
        if (key.start_ms() > range.until) break;
        const auto report = inspect_chunk(scan.value(), key.start_ms(), try_pack);
        if (!report) {
          return fail(report.error().code,
                      fmt::format("{} ({})", report.error().message, storage::describe(key)),
                      "`hygge db verify` lists all that is damaged");
        }
        if (report->last_ms > range.after) each(labels, *report);
      }
      if (const Error* error = scan.error()) return tl::unexpected<Error>(*error);
    }
  }
  return {};
}

}  // namespace hygge
