// Which partitions are sealed, and which of their series must be done again because something came
// since: late samples, deletes. Persisted in `meta` with each put pass, marked again by replay.
//
//   partition/<8 hex>   byte: 1 sealed, 2 sealed before its end; no entry: open
//   dirty/<8 hex>       the series to do again: a roaring set, portable form (id_set.h)
//   cells/<8 hex>       u64le: the policy by which its cells were made (upkeep/rollup.h); no entry:
//                       it has none
//   expired/<8 hex>     the series whose samples retention has taken while their cells stay: the
//                       cells are the truth, and are never made again
//
// A step (a seal, or a redo of dirty series) begins, reads the store as it is then, and finishes.
// What comes between belongs to the next one: it is marked apart and survives the finish.
//
// Not thread-safe: guarded by the db's state lock. Copies are cheap and do not see later changes.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storage/db/id_set.h"

namespace hygge::storage {

enum class PartitionState : std::uint8_t {
  open = 0,
  sealed = 1,
  sealed_early = 2,  ///< before its end, on demand: its next sample opens it again
};

/// Entries of `meta` to write; without a value: to delete.
using MetaChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Partitions {
 private:
  struct Entry {
    PartitionState state = PartitionState::open;
    bool working = false;  ///< a step is at work: what comes now is `fresh`
    IdSet dirty;
    IdSet fresh;
    IdSet expired;
    TimeMs touched_ms = kNever;
    TimeMs sealed_ms = kNever;
    std::uint64_t cells = 0;  ///< fingerprint of their policy
    [[nodiscard]] bool notices() const noexcept {
      return working || state != PartitionState::open || expired != nullptr;
    }
  };

 public:
  static constexpr TimeMs kNever = std::numeric_limits<TimeMs>::min();
  static constexpr std::string_view kStatePrefix = "partition/";
  static constexpr std::string_view kDirtyPrefix = "dirty/";
  static constexpr std::string_view kCellsPrefix = "cells/";
  static constexpr std::string_view kExpiredPrefix = "expired/";

  /// Marks what one batch or delete touches at the clock's `now_ms`; finds each partition once.
  class Toucher {
   public:
    Toucher(Partitions& partitions, TimeMs now_ms) : partitions_(partitions), now_ms_(now_ms) {}
    void touch(std::uint32_t series, TimeMs t_ms) {
      if (entry_ == nullptr || !range_.contains(t_ms)) enter(t_ms);
      if (entry_->notices()) partitions_.mark(partition_, *entry_, series);
    }

   private:
    void enter(TimeMs t_ms);
    Partitions& partitions_;
    TimeMs now_ms_;
    TimeRange range_;
    std::int32_t partition_ = 0;
    Entry* entry_ = nullptr;
  };

  [[nodiscard]] PartitionState state(std::int32_t partition) const;
  [[nodiscard]] bool sealed(std::int32_t partition) const {
    return state(partition) != PartitionState::open;
  }
  /// Whether the series has to be done again in this sealed partition.
  [[nodiscard]] bool dirty(std::int32_t partition, std::uint32_t series) const;
  /// All such series, sorted.
  [[nodiscard]] std::vector<std::uint32_t> dirty(std::int32_t partition) const;
  [[nodiscard]] std::uint64_t dirty_count(std::int32_t partition) const;
  /// Sealed partitions with dirty series, in order.
  [[nodiscard]] std::vector<std::int32_t> dirty_partitions() const;
  /// The policy by which the cells of a sealed partition were made; 0: it has none.
  [[nodiscard]] std::uint64_t cells(std::int32_t partition) const;

  /// Whether only cells are left of the series.
  [[nodiscard]] bool expired(std::int32_t partition, std::uint32_t series) const;
  [[nodiscard]] std::vector<std::uint32_t> expired(std::int32_t partition) const;
  [[nodiscard]] std::uint64_t expired_count(std::int32_t partition) const;
  /// Partitions that have such series, in order.
  [[nodiscard]] std::vector<std::int32_t> expired_partitions() const;
  /// Its samples go, its cells stay; or nothing is left of it.
  void expire(std::int32_t partition, std::uint32_t series);
  void forget_expired(std::int32_t partition, std::uint32_t series);

  /// A partition with cells as a view needs it.
  struct Sealed {
    std::int32_t partition = 0;
    bool open = false;  ///< not sealed: only those of expired series
    IdSet dirty;        ///< null: none; so the others
    IdSet fresh;
    IdSet expired;
  };
  /// Those within [from, to], in order.
  [[nodiscard]] std::vector<Sealed> sealed_within(std::int64_t from, std::int64_t to) const;

  /// By the clock: the last sample since the open, the last seal or redo; kNever: none.
  [[nodiscard]] TimeMs touched_ms(std::int32_t partition) const;
  [[nodiscard]] TimeMs sealed_ms(std::int32_t partition) const;

  /// A step begins: the caller takes its snapshot next, with everything so far put into the store.
  /// One step per partition at a time.
  void begin(std::int32_t partition);
  /// It has written and flushed all it read, but for the series `left`. A partition that something
  /// came for is not `sealed_early`, but open again. `cells`: the policy by which all cells were
  /// made; none where only dirty series were done.
  void finish(std::int32_t partition, PartitionState state, std::span<const std::uint32_t> left,
              TimeMs now_ms, std::optional<std::uint64_t> cells = std::nullopt);
  [[nodiscard]] bool working(std::int32_t partition) const;
  /// It was cut short: all is as if it had not begun.
  void abandon(std::int32_t partition);
  /// Forgets a partition that is no more, and its entries with the next changes.
  void erase(std::int32_t partition);

  /// What changed since the last call.
  [[nodiscard]] MetaChanges take_changes();
  /// Read an entry back. Errors: corruption, version.
  [[nodiscard]] Result<void> load_state(std::string_view name, Bytes value);
  [[nodiscard]] Result<void> load_dirty(std::string_view name, Bytes value);
  [[nodiscard]] Result<void> load_cells(std::string_view name, Bytes value);
  [[nodiscard]] Result<void> load_expired(std::string_view name, Bytes value);

 private:
  void mark(std::int32_t partition, Entry& entry, std::uint32_t series);
  [[nodiscard]] const Entry* find(std::int32_t partition) const;
  [[nodiscard]] static ::Roaring all_dirty(const Entry& entry);

  std::map<std::int32_t, Entry> entries_;
  std::set<std::int32_t> changed_;
};

}  // namespace hygge::storage
