// What is kept: the entry of `meta` that says it, and which days a rule has done with.
//
//   retention   byte     1, 2 where the cap follows, or 3
//               varint   rules; for each: text selector | varint keep, ms (0: for ever) |
//                        zigzag floor, ms (the smallest: none yet) | only in version 3: varint 0
//                        (cells go with the samples) or 1 + tiers; for each, rising: varint
//                        resolution, ms | varint keep, ms (0: for ever) | zigzag floor, ms
//               varint   pins; for each: text selector | zigzag after | zigzag until
//               varint   cap, bytes; only from version 2 on; 0, none, only in version 3
//
// Once of version 3 it stays so: days without samples, which its rules have left behind, are
// nothing that an older library knows of.
//
// Floors lie on the ends of days: whole partitions go.
#pragma once

#include <hygge/error.h>
#include <hygge/retention.h>
#include <hygge/time.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hygge::storage {

inline constexpr std::string_view kRetentionName = "retention";
inline constexpr TimeMs kNoFloor = std::numeric_limits<TimeMs>::min();
/// A floor that jumps further waits for somebody to look: a clock may be wrong, or a file.
inline constexpr DurationMs kLargestJumpMs = 30 * kDayMs;

struct KeepRule {
  RetentionRule rule;
  TimeMs floor_ms = kNoFloor;            ///< the highest that was ever applied
  std::vector<TimeMs> cell_floors = {};  ///< so, of rule.cells

  [[nodiscard]] bool apart() const noexcept { return rule.cells.has_value(); }
};

/// A rule without floors, or with those of `old`, of the same selector.
[[nodiscard]] KeepRule keep_rule(RetentionRule rule, const KeepRule* old);

struct KeepPolicy {
  bool tiered = false;  ///< of version 3
  std::vector<KeepRule> rules;
  std::vector<Pin> pins;
  std::uint64_t cap_bytes = 0;  ///< of the directory; 0: none
};

/// Sorts the tiers of rules. Errors: invalid_argument, naming rule and tier.
[[nodiscard]] Result<std::vector<RetentionRule>> checked(std::vector<RetentionRule> rules);

[[nodiscard]] std::string encode_policy(const KeepPolicy& policy);
/// Errors: corruption, version.
[[nodiscard]] Result<KeepPolicy> decode_policy(Bytes value);

/// The end of the last day all of whose samples are older than `keep_ms` at `now_ms`; kNoFloor if
/// no day is.
[[nodiscard]] TimeMs floor_for(TimeMs now_ms, DurationMs keep_ms);

/// Whether going from the floor `before` to `floor_ms` takes more than may go unasked, where the
/// oldest sample lies after `oldest_ms`.
[[nodiscard]] bool jumps(TimeMs before, TimeMs floor_ms, TimeMs oldest_ms);

/// `range` without the `pinned` ones, rising.
[[nodiscard]] std::vector<TimeRange> without(TimeRange range, std::span<const TimeRange> pinned);

}  // namespace hygge::storage
