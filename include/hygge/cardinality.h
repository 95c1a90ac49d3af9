// How many series there are, under which metrics and labels, and how they come and go.
#pragma once

#include <hygge/selector.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hygge {

/// What to count. Time is known by the day (UTC): a range stands for the days that it touches.
struct CardinalityQuestion {
  enum class By : std::uint8_t {
    metric,  ///< a row per metric name
    label,   ///< a row per label name
    value,   ///< a row per label name and value
  };
  By by = By::metric;
  std::string label;                 ///< By::value: only values of this label; "": of every one
  Selector selector;                 ///< only series that it picks; no matcher: all
  TimeRange range = everything();    ///< the days to count in
  std::optional<TimeRange> earlier;  ///< compare with these days
  bool bytes = false;                ///< sum sizes too, which walks the chunks of the range
};

/// Counts of series. A series has samples on a day, or has not; how many does not matter.
struct CardinalityRow {
  std::string label;
  std::string value;           ///< "" for By::label
  std::uint64_t values = 0;    ///< By::label: distinct values among `series`
  std::uint64_t series = 0;    ///< with samples on any day of the range
  std::uint64_t now = 0;       ///< with samples on the newest day that the database holds
  std::uint64_t appeared = 0;  ///< of `series`: first seen in the range, the oldest day held apart
  std::uint64_t ended = 0;     ///< of `series`: last seen in the range, the newest day held apart
  std::uint64_t bytes = 0;     ///< of stored chunks of the range, keys included, uncompressed
  std::uint64_t before = 0;    ///< with samples on any day of `earlier`
  std::uint64_t added = 0;     ///< in `series` but not in `before`
  std::uint64_t removed = 0;   ///< in `before` but not in `series`
};

struct Cardinality {
  /// From the start of the first day counted to the end of the last; empty: no day is held.
  TimeRange range;
  std::optional<TimeRange> earlier;
  /// Without those of which no series is in either range; most series first, then by name. With
  /// `earlier`: what changed most first.
  std::vector<CardinalityRow> rows;
  CardinalityRow total;  ///< every series once
};

}  // namespace hygge
