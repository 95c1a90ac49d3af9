// What regexes found among the values of a label, kept until the label's values or series change:
// a dashboard asks the same again and again. Values that came since are looked at alone.
//
// The compiled regex is not kept: how much its automaton takes is not told, and may be megabytes.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <roaring/roaring.hh>
#include <string>
#include <utility>
#include <vector>

#include "storage/index/label_table.h"

namespace hygge::storage {

/// One regex over one label name.
///
/// A regex that matches "" also picks the series without the label. Then the values that it does
/// not match tell all: it picks every series but theirs. So what is kept are, as the case may be,
/// the values that match or those that do not: the ones whose answer differs from that for "".
struct RegexAnswer {
  bool matches_empty = false;
  std::vector<LabelRef> labels;  ///< whose answer differs from that for ""
  ::Roaring series;              ///< with one of `labels`
  std::size_t values_seen = 0;   ///< of the name, in its order
  std::uint64_t version = 0;     ///< of the name

  [[nodiscard]] std::size_t memory_bytes() const;
};

/// Thread-safe, while nobody changes the table.
class RegexCache {
 public:
  /// `name` may be null: no series has such a label. Errors: parse (the regex).
  [[nodiscard]] Result<std::shared_ptr<const RegexAnswer>> ask(const LabelTable& table,
                                                               const LabelTable::Name* name,
                                                               const std::string& pattern);
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // One answer that is larger than a quarter of this is not kept.
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20U;
  using Key = std::pair<const LabelTable::Name*, std::string>;

  void keep(Key key, const std::shared_ptr<const RegexAnswer>& answer);

  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const RegexAnswer>> answers_;  ///< guarded by mutex_
  std::size_t bytes_ = 0;                                      ///< guarded by mutex_
};

}  // namespace hygge::storage
