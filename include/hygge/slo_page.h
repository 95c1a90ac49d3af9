// SLOs as a page to look at: one file of HTML with charts and tables that asks the network for
// nothing (hygge::formats).
#pragma once

#include <hygge/error.h>
#include <hygge/slo.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hygge::formats {

/// The points that a chart has at most.
inline constexpr std::size_t kPagePoints = 1'000;

struct PageOptions {
  std::string tz = "UTC";  ///< IANA: times and days are of this zone; of a calendar window, its own
  DurationMs lookback_ms = kDayMs;  ///< what the forecast takes for the rate
  /// What is shaded, and what the alerts are scored by; none: incidents are found in the counts.
  std::optional<std::vector<slo::Incident>> incidents;
};

/// Some slices of the window together.
struct PagePoint {
  TimeMs end_ms = 0;                ///< the end of the last of them
  std::optional<double> remaining;  ///< share of the window's budget that is left at that end
  std::optional<double> worst;      ///< the error ratio of the worst of them; none: no events
};
/// A local day of the window; its first and its last may be cut by it.
struct PageDay {
  TimeRange range;
  slo::Counts counts;
  std::optional<double> burn;  ///< its error ratio over the budget; none: no events
};
/// Neighbouring slices that one exclusion takes out.
struct PageExclusion {
  TimeRange range;
  std::uint32_t exclusion = 0;  ///< index in Definition::exclusions
};

/// What the page shows of an SLO. A composite without slices has its report only.
struct PageSlo {
  slo::Definition definition;
  std::string tz;
  slo::Report report;
  std::optional<slo::Calendar> by = {};   ///< what `periods` are
  std::vector<slo::Report> periods = {};  ///< of slo::report_by, by the caller
  slo::BurnState burn;
  std::optional<slo::Forecast> forecast;
  /// The SLO's own policy over the window, and google's beside it where that is another one and the
  /// window has a week or more.
  std::optional<slo::Backtest> backtest;
  std::vector<PagePoint> points;  ///< oldest first, at most kPagePoints
  std::vector<PageDay> days;      ///< oldest first, at most the last 400
  std::vector<PageExclusion> exclusions;
};

/// What page_slo needs of the track: the window, and before it what alerts look back to.
[[nodiscard]] TimeRange page_range(const slo::Definition& definition, TimeMs at_ms,
                                   const PageOptions& options = {});

/// Works out what is shown. Pure, as what it calls. O(slices of the window · rules).
[[nodiscard]] PageSlo page_slo(const slo::Track& track, const slo::Definition& definition,
                               TimeMs at_ms, const PageOptions& options = {});

/// The page: a card for each SLO. Scripts and styles stand in it and are allowed by their hashes
/// (Content-Security-Policy); nothing else is, and no address is asked for anything. Every chart is
/// a table too, which is all that is left without JavaScript. Some 150 KB, and 60 KB for each SLO.
[[nodiscard]] std::string slo_page(TimeMs at_ms, std::span<const PageSlo> slos);

}  // namespace hygge::formats
