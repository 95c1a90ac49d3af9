// What SLOs are made of: exact counts in a track of slices, and the definition that judges them.
//
// A track has slices of length `step`, aligned to multiples of it; slice k is ((k − 1)·step,
// k·step], named by its end. Each holds bad and total events and one state. Every number is a sum
// over slices: nothing is interpolated or extrapolated, and "not measured" is a state, not a zero.
#pragma once

#include <hygge/error.h>
#include <hygge/selector.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::slo {

/// An exact fraction; den > 0, in lowest terms, not negative.
struct Rational {
  std::int64_t num = 0;
  std::int64_t den = 1;

  /// Reads a decimal: "99.9", "0.02". At most 15 digits. Empty for anything else.
  [[nodiscard]] static std::optional<Rational> parse(std::string_view decimal) noexcept;
  [[nodiscard]] static Rational of(std::int64_t num, std::int64_t den) noexcept;
  [[nodiscard]] double value() const noexcept {
    return static_cast<double>(num) / static_cast<double>(den);
  }
  friend bool operator==(const Rational&, const Rational&) = default;
};
/// a · b; none if that does not fit.
[[nodiscard]] std::optional<Rational> multiply(const Rational& a, const Rational& b) noexcept;
/// The same, rounded where it does not fit.
[[nodiscard]] Rational operator*(const Rational& a, const Rational& b) noexcept;
/// 1 − a, for a <= 1.
[[nodiscard]] Rational one_minus(const Rational& a) noexcept;

/// Whether bad / total > limit (or >=), exactly while the counts are integers below 2^53. 0 / 0 is
/// never above.
[[nodiscard]] bool above(double bad, double total, const Rational& limit, bool or_equal) noexcept;

enum class State : std::uint8_t {
  measured,  ///< samples of `total`, and total > 0
  idle,      ///< samples of `total`, and total = 0
  no_data,   ///< no sample of `total`
  excluded,  ///< an exclusion overlaps it
};
inline constexpr std::size_t kStates = 4;

/// Sums over a window, in units of the method: events, or slices for the methods of slices.
struct Counts {
  double bad = 0;
  double total = 0;
  std::uint32_t slices[kStates] = {0, 0, 0, 0};  ///< by State
  std::uint32_t bridged = 0;  ///< measured or idle, with a step across a slice without data
  std::uint32_t dropped = 0;  ///< excluded, and left out of the nominal length
  std::uint32_t clamped = 0;  ///< bad was cut to 0 … total
  std::uint32_t resets = 0, gaps = 0, born = 0;  ///< samples
};

/// What one slice holds.
struct Slice {
  double bad = 0;
  double total = 0;
  State state = State::no_data;
  bool bridged = false;
  bool dropped = false;
  bool clamped = false;
  std::uint32_t resets = 0, gaps = 0, born = 0;
};

/// What an excluded slice would have held.
struct ExcludedSlice {
  TimeMs end_ms = 0;
  std::uint32_t exclusion = 0;            ///< index in Definition::exclusions
  double bad = 0, total = 0;              ///< events
  double plain_bad = 0, plain_total = 0;  ///< in units of the method, as if not excluded
};

/// What a track was read from: stored cells where a tier divides its slices, else samples.
struct TrackSource {
  DurationMs tier_ms = 0;     ///< 0: no tier fits
  std::uint64_t cells = 0;    ///< taken from stored rows
  std::uint64_t samples = 0;  ///< decoded
  /// Where samples have expired and no cells answer, slices are no_data: the end of the last such
  /// day; and the step that cells would answer, 0: none.
  std::optional<TimeMs> unserved_until_ms = {};
  DurationMs served_step_ms = 0;
};

class Track {
 public:
  /// Slices (t0, t0 + step], (t0 + step, …]. Errors: invalid_argument (a step that is not positive,
  /// t0 no multiple of it, bad or total negative or not finite, bad above total).
  [[nodiscard]] static Result<Track> from_slices(TimeMs t0_ms, DurationMs step_ms,
                                                 std::span<const Slice> slices);
  /// The same of plain counts; without `states` a slice with total > 0 is measured, the rest idle.
  [[nodiscard]] static Result<Track> from_counts(TimeMs t0_ms, DurationMs step_ms,
                                                 std::span<const double> bad,
                                                 std::span<const double> total,
                                                 std::span<const State> states = {});

  /// Sums of the slices that lie wholly inside `range`; slices outside the track are no_data. O(1).
  /// Exact while counts are integers, and rounded once otherwise.
  [[nodiscard]] Counts sum(TimeRange range) const noexcept;

  [[nodiscard]] DurationMs step_ms() const noexcept { return step_ms_; }
  [[nodiscard]] TimeRange range() const noexcept;
  [[nodiscard]] std::span<const Slice> slices() const noexcept { return slices_; }
  /// The start of the first slice with data ever, which may lie before the track; none: no data.
  [[nodiscard]] std::optional<TimeMs> first_data_ms() const noexcept { return first_data_ms_; }
  void set_first_data(TimeMs start_ms) noexcept { first_data_ms_ = start_ms; }
  /// The excluded slices that end in `range`, oldest first.
  [[nodiscard]] std::span<const ExcludedSlice> excluded(TimeRange range) const noexcept;
  void set_excluded(std::vector<ExcludedSlice> slices) noexcept { excluded_ = std::move(slices); }
  /// Of a composite, a track for each of its components; otherwise empty.
  [[nodiscard]] std::span<const Track> components() const noexcept { return components_; }
  void set_components(std::vector<Track> tracks) noexcept { components_ = std::move(tracks); }
  /// Of a composite, of its components together; zeros where it was made of slices or counts.
  [[nodiscard]] const TrackSource& source() const noexcept { return source_; }
  void set_source(const TrackSource& source) noexcept { source_ = source; }

 private:
  /// Sums of the slices before one. Each sum is a pair, high + low, so that a difference of two of
  /// them is not the rounding of all that came before.
  struct Prefix {
    Counts counts;
    double bad_low = 0;
    double total_low = 0;
  };
  [[nodiscard]] const Prefix& prefix_at(TimeMs t_ms) const noexcept;

  TimeMs t0_ms_ = 0;
  DurationMs step_ms_ = kMinuteMs;
  std::vector<Slice> slices_;
  std::vector<Prefix> prefix_;  ///< prefix_[i]: of the first i slices
  std::vector<ExcludedSlice> excluded_;
  std::optional<TimeMs> first_data_ms_;
  std::vector<Track> components_;
  TrackSource source_;
};

/// A window as people write it: whole days as days, "7d", "365d"; otherwise as format_duration.
[[nodiscard]] std::string window_text(DurationMs window_ms);

/// One burn-rate rule: both windows must burn faster than `factor`.
struct AlertRule {
  std::string as = "page";  ///< "page" or "ticket"
  DurationMs long_ms = kHourMs;
  DurationMs short_ms = 5 * kMinuteMs;
  Rational factor;
  std::optional<Rational> spend;  ///< share of the budget that it was given as
  bool or_equal = false;          ///< op: gte
  std::uint64_t min_bad = 1;
  std::optional<double> significance;
  std::uint32_t line = 0;  ///< in its file; 0: none
};

/// The four rules of the SRE workbook, chapter 5, for a window: 2 % in 1 h and 5 % in 6 h page, 10
/// % in 1 d and in 3 d make tickets.
[[nodiscard]] std::vector<AlertRule> google_alerts(DurationMs window_ms);

/// How samples become counts.
enum class Kind : std::uint8_t {
  automatic,  ///< the declared type of the metric, else the suffix of its name
  counter,    ///< steps between samples
  delta,      ///< each sample is a count
  gauge,      ///< with Definition::ok: each sample is good or bad
};

/// What the objective is about.
enum class Method : std::uint8_t {
  occurrences,       ///< good events of all events
  timeslices,        ///< good slices of all slices; a slice is good at or above slice_target
  ratio_timeslices,  ///< the mean of the slices' ratios
};
/// "occurrences", "timeslices", "ratio-timeslices".
[[nodiscard]] std::string_view to_string(Method method) noexcept;

/// What a slice without data, or without events, counts as under the methods of slices.
enum class SliceRule : std::uint8_t { ignore, good, bad };

/// A window that follows the calendar of a zone.
struct Calendar {
  enum class Unit : std::uint8_t { week, month, quarter, year };
  Unit unit = Unit::month;
  std::string tz = "UTC";  ///< IANA
  int fiscal_start = 1;    ///< month in which the year begins
};
[[nodiscard]] std::string_view to_string(Calendar::Unit unit) noexcept;
/// By which alerts scale: 7, 30, 90 or 365 days, so that thresholds do not move with the month.
[[nodiscard]] DurationMs nominal_length(Calendar::Unit unit) noexcept;
/// Whether periods of the zone begin at multiples of `step_ms`, in the years 2000 … 2100.
[[nodiscard]] bool step_fits(const Calendar& calendar, DurationMs step_ms);

/// Time that does not count, or counts as good. It excludes each slice that it overlaps.
struct Exclusion {
  struct Every {
    std::optional<int> weekday;  ///< 0: Monday; none: daily
    int from_minute = 0;         ///< of the local day
    int to_minute = 0;           ///< at or before from_minute: of the next day
    std::string tz = "UTC";
  };
  TimeRange range;  ///< unless `every`
  std::optional<Every> every;
  std::string why;
  bool as_good = false;  ///< treat: good; otherwise drop
  /// `treat` was chosen; otherwise as_good is the default of the method.
  bool treat_given = false;
};

/// A test on a gauge: samples that fail it are bad events.
struct Test {
  enum class Op : std::uint8_t { lt, le, gt, ge, eq, ne };
  Op op = Op::lt;
  double limit = 0;
  [[nodiscard]] bool holds(double v) const noexcept;
};

/// An SLO made of others.
struct Composite {
  enum class How : std::uint8_t {
    all,       ///< a slice is bad where one of a component is
    sum,       ///< a slice's error ratio is the sum of the components', at most 1
    weighted,  ///< the window's error ratio is the weighted mean of the components'
    serial,    ///< the window's SLI is the product of the components'
  };
  struct Part {
    std::string slo;
    Rational weight = {1, 1};  ///< for weighted
  };
  How how = How::all;
  std::vector<Part> of;
  /// Whether it has slices of its own, so that alerts, forecasts and the like are possible.
  [[nodiscard]] bool has_slices() const noexcept { return how == How::all || how == How::sum; }
};
[[nodiscard]] std::string_view to_string(Composite::How how) noexcept;

[[nodiscard]] std::string_view to_string(Test::Op op) noexcept;  ///< "<", "==", …

struct Definition {
  std::string name;
  std::string service;
  std::string description;
  std::string target_percent;  ///< as written, without %
  Rational objective;          ///< target / 100, in [0, 1)
  /// Of a calendar window: 7, 30, 90 or 365 days, by which alerts scale.
  DurationMs window_ms = 30 * kDayMs;
  std::optional<Calendar> calendar;
  std::optional<TimeMs> since_ms;
  /// The events that count against (`bad`) or for (`good`) the objective, and all of them. With
  /// `ok` both are the tested gauge.
  Selector part;
  bool part_is_good = false;
  Selector total;
  std::optional<Test> ok;
  Kind kind = Kind::automatic;
  Method method = Method::occurrences;
  Rational slice_target = {1, 1};  ///< for timeslices, in 0 … 1
  SliceRule no_data = SliceRule::ignore;
  SliceRule idle = SliceRule::good;
  DurationMs step_ms = kMinuteMs;  ///< divides an hour; the slice of the methods of slices
  DurationMs lookback_ms = kHourMs;
  DurationMs delay_ms = 0;
  bool idle_when_absent = false;
  Rational min_coverage = {9, 10};
  Rational confidence = {95, 100};
  std::vector<AlertRule> alerts;
  std::vector<Exclusion> exclusions;
  /// Of a composite, whose own selectors are not used; its method is timeslices (all) or
  /// ratio_timeslices.
  std::optional<Composite> composite;
  std::vector<Definition> components;  ///< those of composite->of, in that order
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t part_line = 0, total_line = 0;  ///< of those keys

  [[nodiscard]] Rational budget() const noexcept { return one_minus(objective); }
};

}  // namespace hygge::slo
