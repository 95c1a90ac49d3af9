// Service-level objectives over exact counts: a track of slices, and pure functions over it.
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

namespace hygge {
class Db;
class View;
}  // namespace hygge

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
};

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
};

/// A test on a gauge: samples that fail it are bad events.
struct Test {
  enum class Op : std::uint8_t { lt, le, gt, ge, eq, ne };
  Op op = Op::lt;
  double limit = 0;
  [[nodiscard]] bool holds(double v) const noexcept;
};

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
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t part_line = 0, total_line = 0;  ///< of those keys

  [[nodiscard]] Rational budget() const noexcept { return one_minus(objective); }
};

/// The slices that a window may have: 1.9 years of minutes, 114 years of hours.
inline constexpr std::int64_t kMaxSlices = 1'000'000;

/// Whether the functions below can use the definition: a step that divides an hour, windows of
/// whole slices, an objective below 1, at most kMaxSlices. Errors: invalid_argument.
[[nodiscard]] Result<void> validate(const Definition& definition);

enum class Verdict : std::uint8_t { met, breached, insufficient };
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

/// An interval for the true ratio (Wilson's).
struct Interval {
  double low = 0;
  double high = 1;
};

/// What one exclusion took out of a window.
struct ExclusionSum {
  std::uint32_t exclusion = 0;  ///< index in Definition::exclusions
  std::uint32_t slices = 0;
  double bad = 0, total = 0;  ///< events, whatever the method
};

struct Report {
  TimeMs at_ms = 0;
  TimeRange window;   ///< `until` is a slice end
  TimeMs end_ms = 0;  ///< of the nominal window: later than window.until in a running period
  TimeMs effective_from_ms = 0;
  bool partial = false;  ///< data begins inside the window
  Counts counts;
  std::optional<double> sli;  ///< none: no event
  std::optional<Interval> interval;
  std::optional<double> allowed, consumed, remaining;
  std::optional<double> allowed_projected, consumed_projected;
  double allowed_s = 0;
  std::optional<double> spent_s;
  std::optional<double> coverage;        ///< none: every slice is excluded, or there is none
  std::optional<double> judged;          ///< coverage, and what no_data: good or bad fills in
  std::vector<ExclusionSum> exclusions;  ///< those with slices in the window
  std::optional<double> sli_without_exclusions;
  Verdict verdict = Verdict::insufficient;
  std::vector<std::string> notes;  ///< for people: why, and which key would help
};

enum class RuleState : std::uint8_t { ok, firing, unknown };
[[nodiscard]] std::string_view to_string(RuleState state) noexcept;

struct RuleBurn {
  RuleState state = RuleState::ok;
  bool frozen = false;  ///< firing as of the last slice that was known
  Counts long_counts, short_counts;
  std::optional<double> long_burn, short_burn;          ///< none: nothing is known
  std::optional<double> long_coverage, short_coverage;  ///< none: every slice is excluded
  bool min_bad_met = false;
  std::optional<double> p_value;  ///< with `significance`
};

struct BurnState {
  TimeMs at_ms = 0;
  TimeMs to_ms = 0;  ///< the slice end that is judged
  RuleState state = RuleState::ok;
  std::vector<RuleBurn> rules;  ///< as in the definition
  struct WindowBurn {
    DurationMs window_ms = 0;
    Counts counts;
    std::optional<double> burn;
    std::optional<double> coverage;
  };
  std::vector<WindowBurn> windows;
  std::vector<std::string> notes;  ///< for people
};

/// Pure functions over a valid definition and a track of its step: no clock, no I/O. O(1) per
/// window, and O(excluded slices); burn is O(slices of the long window) while rules are unknown.
[[nodiscard]] Report report(const Track& track, const Definition& definition, TimeMs at_ms);
[[nodiscard]] BurnState burn(const Track& track, const Definition& definition, TimeMs at_ms,
                             std::span<const DurationMs> windows = {});

/// What a report, or burn, at `at_ms` needs of the track.
[[nodiscard]] TimeRange report_range(const Definition& definition, TimeMs at_ms);
[[nodiscard]] TimeRange burn_range(const Definition& definition, TimeMs at_ms,
                                   std::span<const DurationMs> windows = {});

/// The samples that the track of `range` needs: also those of two lookbacks before it, since what a
/// sample adds depends on the one before it, and bad events may wait a lookback for their total.
[[nodiscard]] TimeRange needed_range(const Definition& definition, TimeRange range);

/// Reads a track, in one pass over the samples; memory is that of the slices. `view` has two
/// selectors, definition.part and definition.total, and covers needed_range.
/// Errors: invalid_argument (validate; E_KIND: a metric that is neither counter nor delta), and
/// those of reading.
[[nodiscard]] Result<Track> load(const View& view, const Definition& definition, TimeRange range);

/// load and report, load and burn, over one view. Errors: those of Db::view and load.
[[nodiscard]] Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms);
[[nodiscard]] Result<BurnState> burn(const Db& db, const Definition& definition, TimeMs at_ms,
                                     std::span<const DurationMs> windows = {});

struct Finding {
  enum class Level : std::uint8_t { warning, error };
  Level level = Level::warning;
  std::string code;  ///< "L_NEVER", …
  std::optional<std::size_t> rule;
  std::string message;
  std::uint32_t line = 0;
};
/// What can be said without data: rules that can never fire, odd windows.
[[nodiscard]] std::vector<Finding> lint(const Definition& definition);
/// And with it: selectors that match nothing, missing buckets, sparse or idle traffic.
[[nodiscard]] Result<std::vector<Finding>> lint(const Db& db, const Definition& definition,
                                                TimeMs at_ms);

/// Formulas (SRE workbook chapter 5). `error_ratio` of all events bad.
/// Seconds until a rule's long window is above, none if it never is: error_ratio <= factor ·
/// budget.
[[nodiscard]] std::optional<double> detect_seconds(const AlertRule& rule, const Rational& budget,
                                                   double error_ratio) noexcept;
/// Seconds until it resets after such an incident, by its short window.
[[nodiscard]] std::optional<double> reset_seconds(const AlertRule& rule, const Rational& budget,
                                                  double error_ratio) noexcept;
/// Events without a failure that show the objective with 95 % confidence; none for objective 0.
[[nodiscard]] std::optional<double> zero_failure_events(const Rational& objective) noexcept;
/// E. B. Wilson, JASA 22, 1927. k good of n, n > 0.
[[nodiscard]] Interval wilson(double k, double n, double confidence) noexcept;
/// P[Bin(n, p) >= k].
[[nodiscard]] double binomial_tail(double n, double p, double k) noexcept;

/// The report as lines of text that show the counts and the arithmetic.
[[nodiscard]] std::vector<std::string> explain(const Report& report, const Definition& definition);

}  // namespace hygge::slo
