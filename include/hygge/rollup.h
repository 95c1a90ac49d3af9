// Rollups: which tiers of cells a database keeps beside the samples, for which series.
#pragma once

#include <hygge/cell.h>
#include <hygge/error.h>
#include <hygge/selector.h>
#include <hygge/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {

/// Series that `selector` matches, and no rule before it, have cells of these resolutions, computed
/// when a day is sealed. Cells hold all that window functions need, quantiles within the accuracy
/// of their sketches if they have some; those of counters (by declared type, else by the suffixes
/// _total, _count, _sum and _bucket) leave out sums, variances and extremes.
struct RollupRule {
  Selector selector;
  std::vector<DurationMs> tiers;  ///< each divides the day and is at least 10 s; none: no cells
  bool regression = false;        ///< and what deriv() and predict_linear() need
  /// And sketches for quantile_over_time(), of this relative accuracy in millionths (10'000 is 1 %;
  /// kMinSketchPpm to kMaxSketchPpm), which answer where samples have expired; 0: none.
  std::uint32_t sketch_ppm = 0;
  friend bool operator==(const RollupRule&, const RollupRule&) = default;
};

/// Tiers of series that no rule matches.
inline constexpr DurationMs kDefaultTiers[] = {5 * kMinuteMs, kHourMs};

/// Figures of the stored cells.
struct RollupStats {
  struct Tier {
    DurationMs resolution_ms = 0;
    std::uint64_t rows = 0;  ///< one per series and day
    std::uint64_t cells = 0;
    std::uint64_t bytes = 0;  ///< rows and keys, before compression
    std::uint64_t counter_rows = 0, counter_cells = 0,
                  counter_bytes = 0;  ///< of these, of counters
    std::uint64_t sketch_rows = 0, sketch_cells = 0,
                  sketch_bytes = 0;  ///< with quantile sketches; the bytes of the sketches alone
  };
  std::vector<Tier> tiers;         ///< the finest first
  std::uint64_t days = 0;          ///< sealed
  std::uint64_t days_expired = 0;  ///< of which only cells are left of some series
  std::uint64_t days_due = 0;      ///< of these, with cells of another policy, or none: maintenance
                                   ///< computes them
};

/// Reads rules, one a line: `SELECTOR TIERS [regression] [sketch=1%]`, TIERS durations with commas
/// between, or `none`. Blank lines and what follows a # at the front of a line are skipped.
/// Errors: parse, with line and column.
[[nodiscard]] Result<std::vector<RollupRule>> parse_rollups(std::string_view text);

/// An accuracy as rules have it: 10'000 is "1%".
[[nodiscard]] std::string format_accuracy(std::uint32_t ppm);

/// The text that parse_rollups() reads back, a line for each rule.
[[nodiscard]] std::string to_text(const std::vector<RollupRule>& rules);

}  // namespace hygge
