// Which series have samples in which partition, in head or store. Readers skip what is not there;
// a writer that meets a present pair again asks the store what it holds.
//
// Persisted with each put pass under "presence/<partition>" in `meta`, and may lag the chunks after
// a crash; the log then repeats what brought them. Not thread-safe; copies are cheap and do not see
// later changes.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storage/db/id_set.h"

namespace hygge::storage {

class Presence {
 public:
  [[nodiscard]] bool contains(std::int32_t partition, std::uint32_t series) const;
  void add(std::int32_t partition, std::uint32_t series);
  /// Fine if it is not there.
  void remove(std::int32_t partition, std::uint32_t series);

  /// The partitions within [from, to] that have the series, in order.
  [[nodiscard]] std::vector<std::int32_t> partitions_of(std::uint32_t series, std::int64_t from,
                                                        std::int64_t to) const;
  /// The series of all partitions within [from, to].
  [[nodiscard]] ::Roaring series_within(std::int64_t from, std::int64_t to) const;
  /// The newest partition that has the series. O(partitions), few where the series still lives.
  [[nodiscard]] std::optional<std::int32_t> newest_partition(std::uint32_t series) const;
  /// How many have a series.
  [[nodiscard]] std::size_t partition_count() const;
  /// All partitions that have or had a series, in order; the series of one, sorted.
  [[nodiscard]] std::vector<std::int32_t> partitions() const;
  [[nodiscard]] std::vector<std::uint32_t> series_of(std::int32_t partition) const;
  [[nodiscard]] std::uint64_t series_count(std::int32_t partition) const;

  /// Entries for `meta` of the partitions that changed since the last call.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> take_changes();
  /// Reads an entry back. Errors: corruption.
  [[nodiscard]] Result<void> load(std::string_view name, Bytes value);

  static constexpr std::string_view kPrefix = "presence/";

 private:
  std::map<std::int32_t, IdSet> sets_;
  std::set<std::int32_t> changed_;
};

}  // namespace hygge::storage
