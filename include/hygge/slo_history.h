// What a whole history tells: which alerts would have fired, how well they found incidents, which
// target would have held, when the budget will be gone. Pure functions over a valid definition and
// a track of its step: no clock, no I/O; each is safe on any thread.
#pragma once

#include <hygge/error.h>
#include <hygge/slo_types.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hygge {
class Db;
}

namespace hygge::slo {

/// Alert rules under a name.
struct Policy {
  std::string name;
  std::vector<AlertRule> rules;
};
/// The definition's own alerts: called "google" where they are those, else "own".
[[nodiscard]] Policy own_policy(const Definition& definition);
/// The rules for another window: what is given as a share of the budget keeps the share, so its
/// factor changes; a factor that was given stays.
[[nodiscard]] std::vector<AlertRule> scaled(std::span<const AlertRule> rules, DurationMs window_ms);

/// A rule fired: from the first slice end at which it does to the first at which it does not.
struct Firing {
  std::size_t rule = 0;  ///< index in the policy
  TimeMs from_ms = 0;
  std::optional<TimeMs> to_ms;  ///< none: it still fires at the end of the range

  friend bool operator==(const Firing&, const Firing&) = default;
};

/// Each rule's firings at the slice ends inside `range` and the track; by rule, then by time. Equal
/// to burn() at each of these ends. A firing that began earlier begins with the range. Slices
/// before the track are as without data, so it should begin two long windows before the range.
/// O(rules · slices), and for each slice without enough data of the counts that are no integers
/// O(log) more.
[[nodiscard]] std::vector<Firing> replay(const Track& track, const Definition& definition,
                                         const Policy& policy, TimeRange range);

/// What the alerts should have told of: (after, until].
struct Incident {
  std::string id;
  TimeRange range;
};

/// The incidents that the counts show: slices whose error ratio is above the budget, joined where
/// less than 15 minutes lie between, kept if they took `significant` of a window's budget or more.
/// Called e1, e2, … O(slices).
[[nodiscard]] std::vector<Incident> find_incidents(const Track& track, const Definition& definition,
                                                   TimeRange range, const Rational& significant);

struct ScoreOptions {
  DurationMs slack_ms = 5 * kMinuteMs;  ///< so long after its end an alert may still tell of it
  int night_from = 22;                  ///< hours of the local day, [from, to)
  int night_to = 7;
  std::string tz = "UTC";  ///< IANA
};

/// A maximal time in which at least one rule of a level fires.
struct Alert {
  TimeMs from_ms = 0;
  std::optional<TimeMs> to_ms;

  friend bool operator==(const Alert&, const Alert&) = default;
};
/// The rules of `as` ("page", "ticket", or "any") together; by time. O(firings log firings).
[[nodiscard]] std::vector<Alert> alerts_of(std::span<const Firing> firings, const Policy& policy,
                                           std::string_view as);

/// The middle (linear between ranks) and the largest; none: there is no value.
struct Spread {
  std::optional<double> p50;
  std::optional<double> max;
};

/// How well the alerts of a level told of the incidents.
struct LevelScore {
  std::string level;  ///< "page", "ticket", "any"
  std::vector<Alert> alerts;
  std::vector<Alert> false_alerts;  ///< those that hit no incident
  std::vector<std::string> missed;  ///< ids of incidents that no alert hit
  std::size_t detected = 0;         ///< incidents that one did
  std::optional<double> precision;  ///< alerts that hit / alerts; none: no alert
  std::optional<double> recall;     ///< incidents hit / incidents; none: no incident
  Spread detection_s;               ///< from an incident's start to its first alert; 0 if before
  Spread reset_s;                   ///< from its end to the end of its last alert; 0 if before
  /// Share of a window's budget gone when it was detected: by the slices that end in (start,
  /// found].
  Spread spent;
  double per_week = 0;    ///< alerts
  std::size_t night = 0;  ///< alerts that began at night
};

/// An alert [f, r) hits an incident (s, e] if s < f <= e + slack, or f <= s < r. Levels page,
/// ticket, any. Incidents that lie outside `range` are not asked for. O(alerts · incidents).
[[nodiscard]] std::vector<LevelScore> score(const Track& track, const Definition& definition,
                                            const Policy& policy, std::span<const Firing> firings,
                                            std::span<const Incident> incidents, TimeRange range,
                                            const ScoreOptions& options);

struct PolicyScore {
  Policy policy;
  std::vector<Firing> firings;
  std::vector<LevelScore> levels;  ///< page, ticket, any
};
struct Backtest {
  TimeRange range;
  bool incidents_given = false;  ///< otherwise they were found in the counts
  std::vector<Incident> incidents;
  std::vector<PolicyScore> policies;
  bool covered = false;            ///< some slice of the range has data
  std::vector<std::string> notes;  ///< for people
};
struct BacktestOptions {
  std::optional<std::vector<Incident>> incidents;
  Rational significant = {2, 100};
  ScoreOptions score;
};
/// Replays and scores each policy over `range`.
[[nodiscard]] Backtest backtest(const Track& track, const Definition& definition,
                                std::span<const Policy> policies, TimeRange range,
                                const BacktestOptions& options);
/// What backtest needs of the track: also two of the longest windows before the range.
[[nodiscard]] TimeRange backtest_range(const Definition& definition,
                                       std::span<const Policy> policies, TimeRange range);

/// Targets and windows to try.
struct Grid {
  struct Target {
    std::string percent;  ///< as written
    Rational objective;
  };
  struct Window {
    DurationMs window_ms = 30 * kDayMs;  ///< of a calendar window: 7, 30, 90 or 365 days
    std::optional<Calendar> calendar;
  };
  std::vector<Target> targets;
  std::vector<Window> windows;
  DurationMs stride_ms = kDayMs;   ///< between the ends of rolling windows; a multiple of the step
  std::optional<TimeMs> after_ms;  ///< no window begins before it
};

/// One cell: the windows of a history, judged by a target.
struct WhatIfRow {
  Grid::Target target;
  Grid::Window window;
  std::string method;         ///< as in a definition file
  std::uint32_t windows = 0;  ///< judged: met or breached
  std::uint32_t met = 0;
  std::uint32_t insufficient = 0;  ///< windows beside those
  std::optional<double> worst_sli;
  std::optional<TimeMs> worst_at_ms;  ///< the end of that window; the latest of equals
  std::optional<double> worst_consumed;
  std::size_t pages = 0, tickets = 0;  ///< alerts of the definition's policy, scaled to the window

  /// met / windows; none: no window.
  [[nodiscard]] std::optional<double> met_ratio() const noexcept;
};

struct WhatIf {
  TimeRange range;              ///< from the first data, or Grid::after_ms, to the last slice end
  std::vector<WhatIfRow> rows;  ///< targets outermost, then windows, then methods
  std::vector<std::string> notes;  ///< for people
};

/// Judges the windows that end at `at`, at − stride, … while they begin at or after the first data
/// (and after_ms, and `since`); of a calendar window each whole period. Errors: invalid_argument (a
/// window or stride of no whole slices, a calendar that the step does not fit).
/// O(targets · windows · (slices + ends)).
[[nodiscard]] Result<WhatIf> whatif(const Track& track, const Definition& definition,
                                    const Grid& grid, TimeMs at_ms);
/// The row of the highest target, then of the longest window, that held in 95 % of its windows;
/// null where none did.
[[nodiscard]] const WhatIfRow* recommend(const WhatIf& whatif) noexcept;

/// When the budget will be gone.
struct Exhaustion {
  std::optional<double> in_s;   ///< from `to`; 0: it is gone; none: never
  std::optional<TimeMs> at_ms;  ///< the same as a time
};
struct Forecast {
  TimeMs at_ms = 0;
  TimeMs to_ms = 0;  ///< the slice end from which is counted
  DurationMs lookback_ms = 0;
  bool covered = false;  ///< the lookback has data, and the window events
  /// Share of the budget: of the window so far; in a calendar window of the whole period, the rest
  /// of which goes as the lookback.
  std::optional<double> consumed, remaining;
  std::optional<double> burn;  ///< over the lookback
  /// The remaining budget of the window, as long as `since` leaves it, at the lookback's burn rate.
  Exhaustion naive;
  /// The same, with what leaves a rolling window: the first slice end at which nothing is left,
  /// within a window's length or the period.
  Exhaustion aware;
  std::optional<TimeMs> resets_at_ms;  ///< the end of the period of a calendar window
  std::vector<std::string> notes;      ///< for people
};
/// Slices to come are taken as covered, each with the mean bad and total of the measured and idle
/// slices of the lookback; gone means consumed >= 1, which is not yet breached. O(slices of the
/// window).
[[nodiscard]] Forecast forecast(const Track& track, const Definition& definition, TimeMs at_ms,
                                DurationMs lookback_ms = kDayMs);
/// What forecast needs of the track.
[[nodiscard]] TimeRange forecast_range(const Definition& definition, TimeMs at_ms,
                                       DurationMs lookback_ms);

/// Another method for the same counts.
struct MethodChoice {
  Method method = Method::occurrences;
  std::optional<DurationMs> step_ms;  ///< of a slice; none: the definition's
  Rational slice_target = {1, 1};
};
/// The definition with that method: exclusions without a `treat` of their own take its default, and
/// what occurrences cannot have (no_data: good, bad) is dropped.
[[nodiscard]] Definition with_method(const Definition& definition, const MethodChoice& choice);

/// The same over a database, each over one view (whatif: one for each method, or the definition's
/// own where there is none). `range` is cut to the data. Errors: invalid_argument (validate, a
/// range of more than kMaxSlices, those of whatif) and those of Db::view and load.
[[nodiscard]] Result<Backtest> backtest(const Db& db, const Definition& definition,
                                        std::span<const Policy> policies, TimeRange range,
                                        const BacktestOptions& options);
[[nodiscard]] Result<WhatIf> whatif(const Db& db, const Definition& definition, const Grid& grid,
                                    std::span<const MethodChoice> methods, TimeMs at_ms);
[[nodiscard]] Result<Forecast> forecast(const Db& db, const Definition& definition, TimeMs at_ms,
                                        DurationMs lookback_ms = kDayMs);

}  // namespace hygge::slo
