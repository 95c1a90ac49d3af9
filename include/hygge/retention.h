// How long samples are kept: rules, pins, and the text file that says them.
#pragma once

#include <hygge/error.h>
#include <hygge/selector.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge {

/// How long the cells of one tier are kept. No `keep_ms`: for ever.
struct TierKeep {
  DurationMs resolution_ms = 0;
  std::optional<DurationMs> keep_ms = {};
  friend bool operator==(const TierKeep&, const TierKeep&) = default;
};

/// Series that `selector` matches, and no rule before it, keep their samples at least this long;
/// whole days go. No `keep_ms`: for ever.
struct RetentionRule {
  Selector selector;
  std::optional<DurationMs> keep_ms;
  /// None: cells go with their samples. Else they outlive them: of the tiers that stand here, each
  /// once and none shorter than `keep_ms`, for so long, of the others for ever. Their samples go
  /// once the day is sealed, and nothing can be written to such a day any more.
  std::optional<std::vector<TierKeep>> cells = {};
  friend bool operator==(const RetentionRule&, const RetentionRule&) = default;
};

/// Samples that stay whatever the rules say, and that no delete may take.
struct Pin {
  Selector selector;
  TimeRange range;
  friend bool operator==(const Pin&, const Pin&) = default;
};

/// What a database keeps. Series that no rule matches stay for ever.
struct Retention {
  std::vector<RetentionRule> rules;  ///< the first that matches a series counts
  std::vector<Pin> pins;             ///< before all rules
  /// Bytes of the whole directory, every file counted, that it never exceeds; 0: no cap. Whatever
  /// the rules say, days go from the oldest on, but not today and not what pins keep: first of the
  /// series that no rule matches, then of those of the last rule, then of the one before it.
  std::uint64_t cap_bytes = 0;
  friend bool operator==(const Retention&, const Retention&) = default;
};

/// The highest floors of one rule that were ever applied: nothing at or before them is left. None:
/// never.
struct RetentionFloors {
  RetentionRule rule;
  std::optional<TimeMs> samples_ms;
  /// Of the tiers that it names; where cells go with their samples, empty.
  std::vector<std::pair<DurationMs, std::optional<TimeMs>>> cells_ms;
};

/// What one rule takes, or would take.
struct RetentionReport {
  struct Rule {
    RetentionRule rule;
    std::optional<TimeMs> floor_ms;  ///< samples at or before it go; none: nothing is that old
    bool waits =
        false;  ///< the floor would jump by more than 30 days: only apply_retention does it
    std::uint64_t series = 0;
    std::uint64_t samples = 0;
    std::uint64_t bytes = 0;  ///< of encoded chunks; with `cells`, and of those
    std::uint64_t cells = 0;  ///< of days without samples
    /// Of the tiers that it names: cells at or before it go.
    std::vector<std::pair<DurationMs, TimeMs>> cell_floors = {};
  };
  std::vector<Rule> rules;

  /// What the cap takes, or would take, where there is one, beyond the rules.
  struct Cap {
    std::uint64_t cap_bytes = 0;
    std::uint64_t disk_bytes = 0;  ///< of the directory, before
    std::uint64_t kept_free = 0;   ///< for log, memtables, and one day written anew
    std::vector<Rule> rules;       ///< only those that lose something, in that order; {} is no rule
  };
  std::optional<Cap> cap;
};

/// Reads rules, one a line: `SELECTOR DURATION`, DURATION as parse_duration reads it (more than 0)
/// or `forever`; or `SELECTOR raw=DURATION TIER=DURATION …`, for example `up raw=30d 5m=400d`:
/// tiers that it does not name are kept for ever. Blank lines and what follows a # at the front of
/// a line are skipped.
/// Errors: parse, with line and column.
[[nodiscard]] Result<std::vector<RetentionRule>> parse_retention(std::string_view text);

/// The text that parse_retention() reads back, a line for each rule.
[[nodiscard]] std::string to_text(const std::vector<RetentionRule>& rules);

}  // namespace hygge
