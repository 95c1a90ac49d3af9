// One put pass: what waits in the head becomes chunks of the store.
//
// The caller (db) captures under its lock, syncs the log, calls write_put_pass(), and only then
// drops what was captured: the store never holds what the log lacks, and no reader ever misses a
// sample.
#pragma once

#include <hygge/error.h>
#include <hygge/policy.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/head/head.h"
#include "storage/store/store.h"
#include "storage/upkeep/erase.h"

namespace hygge::storage {

/// All that batches left in memory, as of one moment.
struct PutCapture {
  std::vector<WaitingChunkPtr> waiting;  ///< in the order in which it closed
  /// Open in-order chunks by (partition, series), of those with a late buffer among `waiting`.
  std::map<std::pair<std::int32_t, std::uint32_t>, HeadPiece> open;
  std::vector<std::pair<std::uint32_t, std::string>> series;  ///< id and value
  std::vector<std::pair<std::string, std::string>> meta;      ///< name and value
  std::vector<std::string> meta_gone;                         ///< names of entries to delete
  Masks masks;  ///< of deletes, for the comparison with what is read

  OnDuplicate on_duplicate = OnDuplicate::last;

  [[nodiscard]] bool empty() const noexcept {
    return waiting.empty() && series.empty() && meta.empty() && meta_gone.empty();
  }
};

struct PutReport {
  std::uint64_t chunks = 0;
  std::uint64_t late_duplicates = 0;  ///< late samples that were there bit for bit: dropped
  std::uint64_t late_outdone = 0;     ///< late samples that lost to a stored one by the policy
};

/// Encodes late buffers after comparing them with what is read without them, and applies everything
/// to the store in one batch. Errors: those of the store; nothing has changed then.
[[nodiscard]] Result<PutReport> write_put_pass(Store& store, const PutCapture& capture);

}  // namespace hygge::storage
