// Window functions over a view: a row per series, a value per step.
#pragma once

#include <hygge/cell.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/time.h>
#include <hygge/view.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hygge {

/// A function over the samples of (T − range, T]: left-open, right-closed; a value type. `range`
/// must be positive, which window() checks. Staleness markers are no samples; NaN and infinities
/// are, unless stated. A step has no value where its window holds no sample, or, from deriv to
/// prom_delta, fewer than two. Formulas and their treatment of NaN are Prometheus' where the name
/// is.
class Window {
 public:
  using Ms = std::chrono::milliseconds;
  /// How long a step between two samples may be to count: longer than any sane scrape interval.
  static constexpr Ms kLookback = std::chrono::hours(1);

  static Window last(Ms range) noexcept;
  static Window first(Ms range) noexcept;
  static Window count(Ms range) noexcept;
  static Window present(Ms range) noexcept;  ///< 1
  static Window sum(Ms range) noexcept;      ///< compensated (Kahan, Neumaier)
  static Window avg(Ms range) noexcept;      ///< also where the sum overflows
  static Window min(Ms range) noexcept;      ///< NaN only if all are
  static Window max(Ms range) noexcept;      ///< NaN only if all are
  static Window stddev(Ms range) noexcept;   ///< of the population
  static Window stdvar(Ms range) noexcept;   ///< of the population
  /// Linear between the ranks around q·(n − 1), NaN sorting lowest; ∓infinity for q < 0 and q > 1.
  static Window quantile(double q, Ms range) noexcept;
  static Window changes(Ms range) noexcept;  ///< NaN after NaN is none
  static Window resets(Ms range) noexcept;   ///< falls

  /// Counts exactly: the sum of the reset-adjusted steps that end in the window. The step from the
  /// last sample before the window is one of them; none counts that is longer than `lookback`.
  /// Nothing is extrapolated, integers stay integers, NaN and infinities are no samples, and
  /// windows add up: increase(a, c] = increase(a, b] + increase(b, c].
  static Window increase(Ms range, Ms lookback = kLookback) noexcept;
  /// increase divided by the range in seconds.
  static Window rate(Ms range, Ms lookback = kLookback) noexcept;
  /// Last value minus the last one before the window (or the first in it, if that one is missing or
  /// more than `lookback` earlier).
  static Window delta(Ms range, Ms lookback = kLookback) noexcept;

  /// Slope per second, by least squares.
  static Window deriv(Ms range) noexcept;
  /// Where that line stands `ahead` after the step.
  static Window predict_linear(Ms ahead, Ms range) noexcept;
  static Window irate(Ms range) noexcept;   ///< of the last two samples, reset-adjusted, per second
  static Window idelta(Ms range) noexcept;  ///< of the last two samples

  /// Prometheus' rate(), increase() and delta(), which extrapolate to the window's edges.
  static Window prom_rate(Ms range) noexcept;
  static Window prom_increase(Ms range) noexcept;
  static Window prom_delta(Ms range) noexcept;

  /// When a sample was, in seconds since the epoch: Prometheus' ts_of_first_over_time() and the
  /// like. Of equal extremes the last one; of NaN only if all are.
  static Window first_time(Ms range) noexcept;
  static Window last_time(Ms range) noexcept;
  static Window min_time(Ms range) noexcept;
  static Window max_time(Ms range) noexcept;

  /// How far before a step the function reads: range, and lookback where there is one.
  [[nodiscard]] DurationMs reach_ms() const noexcept;

  // For the engine.
  [[nodiscard]] std::uint8_t function() const noexcept { return function_; }
  [[nodiscard]] DurationMs range_ms() const noexcept { return range_ms_; }
  [[nodiscard]] DurationMs lookback_ms() const noexcept { return lookback_ms_; }
  [[nodiscard]] double parameter() const noexcept { return parameter_; }

 private:
  Window(std::uint8_t function, Ms range, double parameter = 0, Ms lookback = Ms(0)) noexcept;
  std::uint8_t function_;
  DurationMs range_ms_;
  DurationMs lookback_ms_;
  double parameter_;
};

/// The range that a view needs for `window` over `steps`: from reach_ms() before the first step up
/// to the last.
[[nodiscard]] TimeRange range_for(const Window& window, const Steps& steps) noexcept;

/// One series' values over the steps.
struct Row {
  Labels labels;
  std::vector<double> v;
  std::vector<std::uint64_t> valid;  ///< bit i of word i / 64: v[i] is a value (NaN is one too)

  [[nodiscard]] bool has(std::size_t step) const noexcept {
    return ((valid[step / 64] >> (step % 64)) & 1U) != 0;
  }
};

/// What of an answer is not exact: windows whose samples have expired (RetentionRule::cells) and
/// whose beginning or end cuts one of the cells that are left. The answer goes without such a cell.
/// And quantiles that sketches answer: of expired samples, or where a tier was asked for.
struct Inexact {
  std::uint64_t windows = 0;  ///< of all series
  /// The most by which a value may be off: of increases (of what is never negative), counts, sums
  /// and extremes what lies in the cells that were cut, of averages, deviations, deltas, first and
  /// last values how far their values lie apart, of times how far those do, of quantiles that cut
  /// no cell what `accuracy` comes to. None: what is left does not tell, or there is no value.
  std::optional<double> bound = 0;
  TimeRange window = {};         ///< the first of them
  TimeRange exact = {};          ///< the part of it that cells answer exactly; empty: none
  DurationMs resolution_ms = 0;  ///< of the cells that were cut: windows at its multiples are exact
                                 ///< (quantiles: within `accuracy`); 0: none was cut
  TimeMs expired_until_ms = 0;   ///< the last day without samples ends here; 0: none has expired
  /// Of quantiles from sketches: both samples between which one lies are off by at most this share
  /// of themselves; so is the quantile, where they have the same sign. 0: there are none.
  double accuracy = 0;
};

struct Rows {
  Steps steps;
  std::vector<Row> rows;  ///< in the order of the view; series without any value are left out
  std::vector<DurationMs> tiers;  ///< that the answer was read from, rising; 0: samples
  std::optional<Inexact> inexact = {};
  std::uint64_t chunks_skipped = 0;   ///< chunks that were not decoded, as what they tell of
                                      ///< themselves was enough
  std::uint64_t samples_skipped = 0;  ///< in them, but for the first and the last of each
};

/// At most so many steps in one call; their values are held for every series at once.
inline constexpr std::size_t kMaxWindowSteps = std::size_t{1} << 24U;

/// `window` over the series of selector `index` of `view`, at each of `steps`. The view must cover
/// what is read; range_for gives that:
///
///     const Window five = Window::rate(5min);
///     auto view = db.view({selector("requests_total").value()}, range_for(five, steps));
///     auto rows = window(*view, 0, five, steps);
///
/// Where the view has cells that say the same as the samples, they are read instead: see rollup.h.
/// Where no cells are read, chunks of sealed data that lie whole in windows and never fall are not
/// decoded either for counts, first, last, least and greatest values, increases and rates: the
/// answer is the same to the bit. `tier`: 0 decodes samples, another one that tier wherever it can
/// be exact; none: what is least work. Answers from cells equal those from samples for counts and
/// integers, sums within 1e-12 · Σ|v|, variances within 1e-12 · max v². Where samples have expired,
/// cells answer windows that are whole cells exactly, and others as Rows::inexact says; with
/// `exact` that is an error. Quantiles are read from samples as long as they are there and no tier
/// is asked for.
///
/// Takes O(samples + steps) per series (deriv, predict_linear: samples in windows; quantile: times
/// the window for moving memory) and O(steps) memory per row. Any threads at once.
/// Errors: invalid_argument (a view that covers too little, with the range that would do; no such
/// selector; a range, lookback or step that makes no sense), out_of_range (times that cannot be
/// stored, or with `exact` windows that cannot be answered: names a range that can), limit (more
/// than kMaxWindowSteps), and those of reading.
[[nodiscard]] Result<Rows> window(const View& view, std::size_t index, const Window& window,
                                  const Steps& steps, std::optional<DurationMs> tier = std::nullopt,
                                  bool exact = false);
/// What `inexact` says, for people.
[[nodiscard]] std::string to_string(const Inexact& inexact);

/// The cells of one series, oldest first. Intervals in which nothing lies have none; one in which
/// only a staleness marker lies has a cell with n = 0.
struct SeriesCells {
  Labels labels;
  std::vector<TimedCell> cells;
  /// What all of them hold. Days whose samples have expired may have cells without sums and
  /// extremes, or without the moments of time; these say nothing then in any cell.
  CellParts parts = {};
  /// Of the view's range, where samples have expired and no stored cells answer: there are none of
  /// a tier that divides the resolution, or the range cuts them. Rising; those that meet are
  /// joined.
  std::vector<TimeRange> lost = {};
};

/// The cells of resolution R over the view's range, per series: intervals (k·R, (k + 1)·R],
/// computed from the samples, or read where they are stored and the range cuts none. A cell that
/// the view's range cuts holds what lies inside; open the view at multiples of R for whole ones.
/// Where samples have expired (RetentionRule::cells), cells are those of a stored tier that divides
/// R, merged; what is not told even so stands in SeriesCells::lost.
/// O(samples). Errors: invalid_argument (a resolution that is not positive; no such selector), and
/// those of reading.
[[nodiscard]] Result<std::vector<SeriesCells>> downsample(const View& view, std::size_t index,
                                                          std::chrono::milliseconds resolution);

}  // namespace hygge
