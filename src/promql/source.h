// Where an evaluation gets its series: a View of a database, or, in tests, memory.
#pragma once

#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/selector.h>
#include <hygge/time.h>
#include <hygge/view.h>

#include <cstddef>
#include <span>
#include <string>

namespace hygge::promql {

struct SourceRequest {
  Selector selector;
  TimeRange range;
};

/// Once it is open, any threads at once.
class SeriesSource {
 public:
  SeriesSource() = default;
  SeriesSource(const SeriesSource&) = delete;
  SeriesSource& operator=(const SeriesSource&) = delete;
  virtual ~SeriesSource() = default;

  /// Captures the series of all requests as of one moment. Called once, before all others.
  [[nodiscard]] virtual Result<void> open(std::span<const SourceRequest> requests) = 0;
  [[nodiscard]] virtual std::size_t series_count(std::size_t request) const = 0;
  /// Series are sorted by labels.
  [[nodiscard]] virtual const Labels& labels(std::size_t request, std::size_t series) const = 0;
  /// Replaces `into` by the samples in the request's range, staleness markers included.
  [[nodiscard]] virtual Result<void> read(std::size_t request, std::size_t series,
                                          SeriesSamples& into) const = 0;
  /// For windows that cells may answer: the view, whose selectors are the requests; null where
  /// there is no database.
  [[nodiscard]] virtual const View* view() const { return nullptr; }
  /// Why `request` brought no sample: no such metric, no such value (nearest names), or when the
  /// last sample was; empty if unknown.
  [[nodiscard]] virtual std::string why_empty(std::size_t request) const = 0;
};

}  // namespace hygge::promql
