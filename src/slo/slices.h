// From samples to slices: the rules by which a counter's steps, a delta's counts and a gauge's
// tests become bad and total events per slice.
//
// A sample at t belongs to the slice (end - step, end] that holds it. A counter's sample adds its
// step from the sample before it, wholly, wherever that one lies; nothing is interpolated. Samples
// go by in one pass, so memory is that of the slices.
#pragma once

#include <hygge/cell.h>
#include <hygge/labels.h>
#include <hygge/slo.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace hygge::slo {

/// The slice end at or before `t`; the end of the slice that holds `t`.
[[nodiscard]] TimeMs slice_floor(TimeMs t, DurationMs step_ms) noexcept;
[[nodiscard]] TimeMs slice_end(TimeMs t, DurationMs step_ms) noexcept;

/// One selected series.
struct InputSeries {
  Labels labels;
  TimeMs birth_ms = 0;  ///< its first sample ever
  Kind kind = Kind::counter;
  bool in_part = false;   ///< selected as bad or good
  bool in_total = false;  ///< selected as total
};

/// Whether `v` counts as a sample: finite, and not negative in a delta.
[[nodiscard]] bool is_sample(Kind kind, double v) noexcept;

/// Slices of events, before exclusions and methods.
struct RawSlices {
  TimeMs t0_ms = 0;
  std::vector<Slice> slices;
  std::optional<TimeMs> first_data_ms;  ///< start of the first slice with data ever
};

class SliceCounter {
 public:
  /// `range` is aligned to the step; `definition` must outlive this.
  SliceCounter(const Definition& definition, TimeRange range);

  /// Begins a series; the samples that follow are its own, all of needed_range, in order of time.
  void begin(InputSeries series);
  void add(std::span<const TimeMs> t, std::span<const double> v);

  /// Whether a cell says all that its samples would: not where some of them do not count
  /// (is_sample) or pass the test and others do not.
  [[nodiscard]] bool takes(const Cell& cell) const noexcept;
  /// What takes() and add() read of a cell of this kind.
  [[nodiscard]] static CellParts parts_of(Kind kind) noexcept;
  /// Adds the samples of a cell that it takes. The cell lies within one slice, and after all that
  /// was added before; it is no longer than the lookback.
  void add(const Cell& cell);

  /// Of the present series nothing is known in `range`: the slices that it touches are no_data.
  void add_unknown(TimeRange range);

  /// Whether the series, an index in the order of begin(), has a sample (is_sample) in `range`.
  using HasSample = std::function<Result<bool>(std::size_t series, TimeRange range)>;
  /// The end: answers are needed where a series was born in the range. Errors: those of the answer.
  [[nodiscard]] Result<RawSlices> finish(const HasSample& has_sample);

 private:
  // The same metric of the same process.
  using Process = std::tuple<std::string, std::string, std::string>;
  struct Birth {
    std::size_t series;
    TimeMs t_ms;
    double v;
  };
  struct Crossing {
    std::size_t from, to;  ///< slices: of the sample before, of the sample
  };

  [[nodiscard]] std::size_t index_of(TimeMs t) noexcept;
  [[nodiscard]] std::size_t add_rising(std::span<const TimeMs> t, std::span<const double> v);
  [[nodiscard]] double step(TimeMs t, double v);
  void count(const InputSeries& series, std::size_t slice, double v, double delta);
  [[nodiscard]] Result<bool> process_was_seen(const Birth& birth, const HasSample& has_sample);
  void note_bridged();
  void carry();
  void set_states();

  const Definition& definition_;
  const TimeRange wanted_;
  const TimeRange needed_;
  const TimeRange range_;  ///< of the slices: the wanted one and the lookback before it
  const DurationMs step_ms_;
  TimeMs slice_end_ms_;    ///< of the slice asked for last
  std::size_t slice_ = 0;  ///< its index
  std::vector<Slice> slices_;
  std::vector<double> part_;
  std::vector<bool> present_;
  std::vector<TimeRange> unknown_;
  std::vector<InputSeries> series_;
  std::map<Process, std::vector<std::size_t>> by_process_;
  std::vector<Birth> births_;
  std::vector<Crossing> crossings_;
  std::optional<TimeMs> first_data_;
  std::optional<TimeMs> before_ms_;  ///< the sample before, of the present series
  double before_ = 0;
};

}  // namespace hygge::slo
