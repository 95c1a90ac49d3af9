// Replaying the log on top of the store.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/db/db_impl.h"
#include "storage/db/directory.h"
#include "storage/db/meta.h"
#include "storage/log/scan.h"

namespace hygge {

using storage::join;

namespace {

tl::unexpected<Error> never_created(std::uint64_t sequence, std::uint32_t series) {
  return fail(ErrorCode::corruption,
              fmt::format("log record {}: series {} was never created, and is not in the store",
                          sequence, series),
              "`hygge db repair` keeps its samples under another name");
}

}  // namespace

Result<void> Db::Impl::replay_log(const storage::HeldSegments* held) {
  storage::ReplayOptions replay;
  replay.held = held;
  replay.read_only = read_only_;
  if (read_only_) replay.mark = marked_sequence_;
  auto report =
      storage::replay(files_, join(dir_, storage::kLogDir), identity_.id, replay,
                      [&](const storage::LogRecord& record) { return replay_record(record); });
  if (!report) return tl::unexpected<Error>(report.error());
  // A delete that lies in a gap cannot be asked for.
  if (!dropped_.empty() && !replayed_gap_) {
    return never_created(dropped_.begin()->second.sequence, dropped_.begin()->first);
  }
  applied_sequence_ = report->last_sequence;
  finished_high_water_ = report->mark;
  // Nothing but marks behind the mark: there is nothing to mark again.
  marked_sequence_ = replayed_changes_ ? report->mark : report->last_sequence;
  open_report_.truncated_bytes = report->truncated_bytes;
  if (report->truncated_bytes > 0) {
    open_report_.notes.push_back(fmt::format(
        "the log ended in {} bytes of an unfinished record; they were never acknowledged",
        report->truncated_bytes));
  }
  return {};
}

Result<void> Db::Impl::replay_record(const storage::LogRecord& record) {
  Prepared prepared;
  switch (record.type) {
    case storage::RecordType::series: {
      auto series = storage::decode_series(record.payload);
      if (!series) return tl::unexpected<Error>(series.error());
      // It may have left after this record, and its labels be those of a later one.
      const auto same = index_->find(series->canonical);
      if (!index_->contains(series->id) && (!same || *same < series->id)) {
        prepared.series.push_back({series->id, std::string(series->canonical)});
      }
      break;
    }
    case storage::RecordType::metadata: {
      auto metadata = storage::decode_metadata(record.payload);
      if (!metadata) return tl::unexpected<Error>(metadata.error());
      prepared.metadata.emplace_back(std::move(metadata->family), std::move(metadata->metadata));
      break;
    }
    case storage::RecordType::samples: {
      auto batch = storage::decode_samples(record.payload, prepared.samples);
      if (!batch) return tl::unexpected<Error>(batch.error());
      if (auto known = drop_unknown(prepared, record.sequence); !known) return known;
      prepared.batch_id = batch->batch_id;
      prepared.report = as_text(batch->report);
      // It ends up in `meta`, which must not take in what it would not read back.
      if (!prepared.batch_id.empty()) {
        if (auto report = storage::decode_report(batch->report); !report) {
          return tl::unexpected<Error>(report.error());
        }
      }
      open_report_.replayed_samples += prepared.samples.size();
      break;
    }
    case storage::RecordType::gap: {
      auto last = storage::decode_gap(record.payload);
      if (!last) return tl::unexpected<Error>(last.error());
      replayed_gap_ = true;
      open_report_.notes.push_back(
          fmt::format("records {} to {} of the log are missing: a repair found them damaged",
                      record.sequence, *last));
      break;
    }
    case storage::RecordType::erase: {
      auto erase = storage::decode_erase(record.payload);
      if (!erase) return tl::unexpected<Error>(erase.error());
      auto ids = std::make_shared<const std::vector<std::uint32_t>>(std::move(erase->ids));
      storage::Mask mask{record.sequence, std::move(ids), erase->range, erase->samples_only};
      claim_dropped(mask);
      apply_erase(std::move(mask));
      replayed_changes_ = true;
      return {};
    }
    default:
      break;
  }
  if (record.type != storage::RecordType::mark) replayed_changes_ = true;
  auto known = ask_store(prepared.samples, /*replaying=*/true);
  if (!known) return tl::unexpected<Error>(known.error());
  // Under `last` and `error` a logged sample stands against whatever the head holds.
  const OnDuplicate on_duplicate = policy_.on_duplicate;
  if (on_duplicate != OnDuplicate::last && on_duplicate != OnDuplicate::error) {
    auto decided = storage::decide(head_, *known, {OutOfOrder::any(), on_duplicate},
                                   prepared.samples, nullptr);
    if (!decided) return tl::unexpected<Error>(decided.error());
    prepared.samples = std::move(decided->kept);
  }
  apply(prepared, *known, storage::last_sequence_of(record));
  return {};
}

// A series that has left since is unknown. All its samples were deleted by records further on, and
// claim_dropped() sees that this is so: where the store has lost a series, nothing else would tell.
// Behind a gap that a repair left, the record that created a series may be lost: its samples say
// nothing then. Its id is used up all the same.
Result<void> Db::Impl::drop_unknown(Prepared& prepared, std::uint64_t sequence) {
  const auto unknown = [&](const storage::IdSample& sample) {
    return !index_->contains(sample.series);
  };
  if (std::none_of(prepared.samples.begin(), prepared.samples.end(), unknown)) return {};
  if (replayed_gap_) {
    for (const storage::IdSample& sample : prepared.samples) {
      if (unknown(sample)) next_id_ = std::max(next_id_, sample.series + 1);
    }
    const std::size_t dropped = std::erase_if(prepared.samples, unknown);
    open_report_.notes.push_back(
        fmt::format("log record {}: {} samples of series whose creation is lost were dropped",
                    sequence, dropped));
    return {};
  }
  for (const storage::IdSample& sample : prepared.samples) {
    if (!unknown(sample)) continue;
    if (sample.series >= next_id_) return never_created(sequence, sample.series);
    Dropped& dropped = dropped_.try_emplace(sample.series, Dropped{sequence, {}}).first->second;
    dropped.t_ms.push_back(sample.t_ms);
  }
  std::erase_if(prepared.samples, unknown);
  return {};
}

void Db::Impl::claim_dropped(const storage::Mask& mask) {
  for (auto at = dropped_.begin(); at != dropped_.end();) {
    std::vector<TimeMs>& left = at->second.t_ms;
    if (mask.covers(at->first)) {
      std::erase_if(left, [&](TimeMs t_ms) { return mask.range.contains(t_ms); });
    }
    at = left.empty() ? dropped_.erase(at) : std::next(at);
  }
}

}  // namespace hygge
