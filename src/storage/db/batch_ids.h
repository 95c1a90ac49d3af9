// The batch ids taken last, with what was said of each, so that a batch sent again changes nothing.
//
// Persisted with each put pass in `meta` under "batch_id/<slot, 4 hex>", a ring: an entry replaces
// the one 65,536 batches older. After a crash the log repeats those that `meta` lacks.
//
//   varint  number: rises by one from batch to batch
//   text    batch id
//   rest    report
//
// The report, in the log too:
//
//   varint × 7   samples, new series, out of order, replaced, duplicates, refused as out of order,
//                outdone
//   varint       how many refused samples follow; for each:
//                byte reason | varint series id | zigzag time | u64le bits of the value
//
// Not thread-safe.
#pragma once

#include <hygge/db.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace hygge::storage {

inline constexpr std::size_t kMaxFirstRefused = 8;

/// `repeat` and the labels of refused samples are not encoded.
[[nodiscard]] std::string encode_report(const WriteReport& report);
/// Errors: corruption.
[[nodiscard]] Result<WriteReport> decode_report(Bytes bytes);

class BatchIds {
 public:
  static constexpr std::string_view kPrefix = "batch_id/";
  static constexpr std::size_t kRemembered = 65'536;

  /// What was said of the batch; empty: not known. Stays until the next remember() or load().
  [[nodiscard]] std::optional<std::string_view> find(std::string_view id) const;
  /// Nothing where it is known: what was said first stands.
  void remember(std::string_view id, std::string_view report);

  /// Entries for `meta` of what was remembered since the last call.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> take_changes();
  /// Reads an entry back. Errors: corruption.
  [[nodiscard]] Result<void> load(std::string_view name, Bytes value);

 private:
  struct Entry {
    std::uint64_t number = 0;  ///< 0: unused
    std::string id;
    std::string report;
  };
  void put(Entry entry);

  std::uint64_t last_number_ = 0;
  std::uint64_t taken_number_ = 0;  ///< take_changes() has given what is up to here
  std::vector<Entry> ring_;         ///< by number modulo kRemembered; grows to it
  std::unordered_map<std::string, std::size_t> by_id_;  ///< places in the ring
};

}  // namespace hygge::storage
