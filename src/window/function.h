// Window functions over the samples of one series, for every step of a grid at once.
//
// The window of a step at T is (T − range, T]: left-open, right-closed. Staleness markers have been
// taken out. A step whose window does not say enough gives no value (its bit stays 0): NaN is a
// value, never a gap.
#pragma once

#include <hygge/time.h>

#include <cstdint>
#include <span>

namespace hygge::windows {

enum class Function : std::uint8_t {
  // At least one sample.
  last,
  first,
  count,
  present,  ///< 1
  sum,      ///< compensated
  avg,
  min,  ///< NaN only if all are; so max
  max,
  stddev,  ///< population; so stdvar
  stdvar,
  quantile,  ///< of `parameter`; NaN sorts lowest, linear between ranks
  changes,   ///< a NaN after a NaN is none
  resets,
  // Counting. A step belongs whole to the window in which it ends, that from the last sample before
  // the window included, and counts nothing where it is longer than `lookback_ms`: so windows add
  // up, increase(a, c] = increase(a, b] + increase(b, c], and integers stay integers.
  increase,  ///< sum of the reset-adjusted steps that end in the window; only finite values are
             ///< samples here, as in a service level's counts
  rate,      ///< increase per second of the range
  delta,     ///< last − the last sample before the window, or the first in it (see lookback_ms)
  // At least two samples.
  deriv,           ///< slope per second, least squares
  predict_linear,  ///< the regression's value `parameter` seconds after the step
  irate,           ///< of the last two, reset-adjusted, per second
  idelta,
  prom_increase,  ///< Prometheus' extrapolating forms
  prom_rate,
  prom_delta,
  // Times of samples, in seconds since the epoch. At least one sample.
  first_time,
  last_time,
  min_time,  ///< of the last of equal values; of NaN only if all are; so the other
  max_time,
  // Of cells only, which know of staleness markers: nothing where one follows the last sample.
  newest,
  newest_time,
};

struct Spec {
  Function function = Function::last;
  DurationMs range_ms = 0;           ///< > 0
  double parameter = 0;              ///< q of quantile; seconds of predict_linear
  DurationMs lookback_ms = kHourMs;  ///< of increase, rate and delta
};

/// How far before its step a window function looks.
[[nodiscard]] DurationMs reach_ms(const Spec& spec) noexcept;

/// Where a row goes: v[i] and bit i of `valid` for step i. `valid` starts as zeros.
struct RowOut {
  std::span<double> v;
  std::span<std::uint64_t> valid;  ///< at least (steps + 63) / 64 words

  void set(std::size_t step, double value) const noexcept {
    v[step] = value;
    valid[step / 64] |= 1ULL << (step % 64);
  }
  /// values[i] for step `from` + i.
  void set_all(std::size_t from, std::span<const double> values) const noexcept;
};

/// Fills `out` for the windows that end at grid.at(i) − offset_ms. `t` rises strictly. `t` and `v`
/// need to hold the samples of (first step − offset − reach, last step − offset].
/// O(samples + steps) for most; deriv and predict_linear O(samples in windows), quantile a memmove
/// of the window per sample, increase and rate what they hold of resets per window.
void evaluate(const Spec& spec, std::span<const TimeMs> t, std::span<const double> v,
              const Steps& grid, DurationMs offset_ms, RowOut out,
              std::span<const std::uint64_t> ordinals = {});

/// Whether of a run of samples that never fall, whole in each window that it meets, `function`
/// needs the first and the last alone, bit for bit. evaluate() is then told the ordinals of those
/// that are left, how many samples came before each. For increase and rate a run must not be longer
/// than their lookback; for max it must not end at 0, which has two signs.
[[nodiscard]] bool ends_suffice(Function function) noexcept;

/// The q-quantile of `sorted` (NaN first), as Prometheus has it. Not empty.
[[nodiscard]] double quantile_of_sorted(double q, std::span<const double> sorted) noexcept;

}  // namespace hygge::windows
