// Service-level objectives over exact counts: pure functions over a track, and the same over a
// database. slo_types.h has the track and the definition, slo_history.h what is asked of a whole
// history: replay, score, whatif, forecast.
#pragma once

#include <hygge/error.h>
#include <hygge/slo_history.h>
#include <hygge/slo_types.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {
class Db;
class View;
}  // namespace hygge

namespace hygge::slo {

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
  TrackSource source;              ///< of the track
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

/// The track of a composite from those of its components, which have its step and range. Of
/// weighted and serial the slices are all without data: there is nothing but the window. Errors:
/// invalid_argument (steps or ranges that differ, not one track for each component).
[[nodiscard]] Result<Track> combine(const Definition& composite, std::vector<Track> components);

/// Pure functions over a valid definition and a track of its step: no clock, no I/O. O(1) per
/// window, and O(excluded slices); burn is O(slices of the long window) while rules are unknown.
[[nodiscard]] Report report(const Track& track, const Definition& definition, TimeMs at_ms);
/// One after the other the periods of a calendar up to the one that `at_ms` lies in, which is last
/// and may be running: each as a report of the same SLO with that window. At most `last` of them,
/// and none that ends before the first data; empty without data. O(periods).
[[nodiscard]] std::vector<Report> report_by(const Track& track, const Definition& definition,
                                            const Calendar& calendar, std::size_t last,
                                            TimeMs at_ms);
/// The definition with a window of the calendar, as report_by judges it.
[[nodiscard]] Definition with_calendar(const Definition& definition, const Calendar& calendar);
/// The window of a report in `parts` of nearly equal length, oldest first; fewer where the window
/// has fewer slices. For pictures of how it went. O(parts).
[[nodiscard]] std::vector<Counts> parts_of(const Track& track, TimeRange window, std::size_t parts);
[[nodiscard]] BurnState burn(const Track& track, const Definition& definition, TimeMs at_ms,
                             std::span<const DurationMs> windows = {});

/// What a report, or burn, at `at_ms` needs of the track.
[[nodiscard]] TimeRange report_range(const Definition& definition, TimeMs at_ms);
[[nodiscard]] TimeRange burn_range(const Definition& definition, TimeMs at_ms,
                                   std::span<const DurationMs> windows = {});

/// The samples that the track of `range` needs: also those of two lookbacks before it, since what a
/// sample adds depends on the one before it, and bad events may wait a lookback for their total.
[[nodiscard]] TimeRange needed_range(const Definition& definition, TimeRange range);

/// The selectors of the view that a track is read from: part and total; of a composite those of
/// each component in turn.
[[nodiscard]] std::vector<Selector> selectors_of(const Definition& definition);

/// Reads a track, in one pass over the samples; memory is that of the slices, and of the cells of
/// one series. `view` has selectors_of(definition) and covers needed_range. Where the database
/// keeps cells whose length divides the step and is within the lookback, sealed days are read from
/// them: the counts are the same, bit for bit while they are integers. Errors: invalid_argument
/// (validate; E_KIND: a metric that is neither counter nor delta), and those of reading.
[[nodiscard]] Result<Track> load(const View& view, const Definition& definition, TimeRange range);

/// The same of a database, over one view; notes for people, such as that a selector matches
/// nothing, are added to `notes`. Errors: those of Db::view and load.
[[nodiscard]] Result<Track> load(const Db& db, const Definition& definition, TimeRange range,
                                 std::vector<std::string>& notes);

/// load and report, load and burn, over one view. Errors: those of Db::view and load; report_by
/// also invalid_argument (a step that does not fit the calendar, more than kMaxSlices).
[[nodiscard]] Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms);
/// And what parts_of makes of the same track.
[[nodiscard]] Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms,
                                    std::size_t parts, std::vector<Counts>& out);
[[nodiscard]] Result<std::vector<Report>> report_by(const Db& db, const Definition& definition,
                                                    const Calendar& calendar, std::size_t last,
                                                    TimeMs at_ms);
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
