#include "formats/slo_page_card.h"

#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/slo_json.h"
#include "formats/slo_page_parts.h"
#include "formats/slo_time.h"

namespace hygge::formats::page {

namespace {

std::uint32_t in_state(const slo::Counts& counts, slo::State state) {
  return counts.slices[static_cast<std::size_t>(state)];
}

std::string budget_bar(const slo::Report& report) {
  const double spent = *report.consumed;
  return fmt::format(
      "<svg class=bar viewBox=\"0 0 100 4\" preserveAspectRatio=none role=img aria-label=\"{} of "
      "the "
      "error budget is spent\"><rect class=all width=100 height=4 /><rect class={} "
      "width=\"{:.2f}\" "
      "height=4 /></svg>\n",
      percent_or_none(report.consumed, 1), spent > 1 ? "over" : "spent",
      std::clamp(spent, 0.0, 1.0) * 100);
}

std::string_view unit_of(const slo::Definition& definition) {
  return definition.method == slo::Method::occurrences ? "events" : "slices";
}

std::string facts(const PageSlo& slo) {
  const slo::Definition& definition = slo.definition;
  const slo::Report& report = slo.report;
  std::string out = "<div>\n<h3>Service level</h3>\n";
  out += fmt::format("<p class=big>{}</p>\n",
                     report.sli ? percent(*report.sli, 4) + " %" : "no events");
  out += fmt::format("<p>Target {} %", escaped(definition.target_percent));
  if (report.interval) {
    out += fmt::format("; with {} % confidence between {} and {} %",
                       plain_number(definition.confidence.value() * 100),
                       percent(report.interval->low, 4), percent(report.interval->high, 4));
  }
  out += "</p>\n<h3>Error budget</h3>\n";
  if (report.consumed) {
    out += budget_bar(report);
    const double left = *report.remaining;
    out += left < 0 ? fmt::format("<p>Overspent by {} %", percent(-left, 1))
                    : fmt::format("<p>{} % left, {} % spent", percent(left, 1),
                                  percent(*report.consumed, 1));
    const bool counted = !definition.composite || definition.composite->has_slices();
    if (counted && report.allowed) {
      out += fmt::format(": {} of {} bad {}", grouped(rounded(report.counts.bad)),
                         grouped(rounded(*report.allowed)), unit_of(definition));
    }
    if (counted && report.spent_s) {
      out +=
          fmt::format(", about {:.1f} of {:.1f} min", *report.spent_s / 60, report.allowed_s / 60);
    }
    out += "</p>\n";
  } else {
    out += "<p>Nothing to spend it: there were no events.</p>\n";
  }
  const slo::Counts& counts = report.counts;
  out += fmt::format(
      "<p class=soft>Coverage {}: {} slices without data, {} idle, {} excluded</p>\n",
      share_text(report.coverage, 1), grouped(in_state(counts, slo::State::no_data)),
      grouped(in_state(counts, slo::State::idle)), grouped(in_state(counts, slo::State::excluded)));
  for (const std::string& note : report.notes)
    out += fmt::format("<p class=soft>{}</p>\n", escaped(note));
  return out + "</div>\n";
}

std::string outlook(const PageSlo& slo) {
  const slo::Forecast& forecast = *slo.forecast;
  if (forecast.aware.in_s == 0.0) return "The budget is gone.";
  std::string out = fmt::format("The last {} spent {} × the budget's pace; going on like that, it ",
                                slo::window_text(forecast.lookback_ms), burn_text(forecast.burn));
  if (!forecast.aware.in_s) return out + "lasts.";
  return out + fmt::format("is gone in {}, at {}.", duration_text(*forecast.aware.in_s),
                           clock_text(*forecast.aware.at_ms, slo.tz));
}

std::string burning(const PageSlo& slo) {
  const slo::Definition& definition = slo.definition;
  std::string out = "<div>\n<h3>Burn rates</h3>\n";
  if (slo.burn.rules.empty()) {
    out += "<p>No alerts.</p>\n";
  } else {
    constexpr auto kColumns = std::to_array<Column>({{"alert"},
                                                     {"long", true},
                                                     {"burn", true},
                                                     {"short", true},
                                                     {"burn", true},
                                                     {"fires at", true},
                                                     {"state"}});
    HtmlTable table("1 spends the budget in exactly the window", kColumns);
    for (std::size_t i = 0; i < slo.burn.rules.size(); ++i) {
      const slo::RuleBurn& rule = slo.burn.rules[i];
      const slo::AlertRule& is = definition.alerts[i];
      const std::string_view state = slo::to_string(rule.state);
      const std::array<std::string, 7> cells{
          escaped(is.as),
          slo::window_text(is.long_ms),
          burn_text(rule.long_burn),
          slo::window_text(is.short_ms),
          burn_text(rule.short_burn),
          fmt::format("{} {:.4g}", is.or_equal ? "≥" : "&gt;", is.factor.value()),
          badge(state, rule.frozen ? "firing, data lost" : state)};
      table.add(cells);
    }
    out += table.text(definition.name + ": burn rates");
  }
  if (slo.forecast && slo.forecast->covered) {
    out += fmt::format("<p>{}", outlook(slo));
    if (const auto& resets = slo.forecast->resets_at_ms) {
      out += fmt::format(" A new one comes at {}.", clock_text(*resets, slo.tz));
    }
    out += "</p>\n";
  }
  return out + "</div>\n";
}

std::string point_number(const std::optional<double>& share, bool significant) {
  if (!share) return {};
  return significant ? fmt::format("{:.4g}", *share * 100) : fmt::format("{:.2f}", *share * 100);
}

std::string history(const PageSlo& slo) {
  if (slo.points.empty() || !slo.report.sli) return {};
  const std::string name = escaped(slo.definition.name);
  std::optional<double> worst;
  for (const PagePoint& point : slo.points) worst = std::max(worst, point.worst);
  std::string out = fmt::format(
      "<h3>Over the window</h3>\n<figure class=history data-from={} data-zone=\"{}\">\n"
      "<div class=\"plot budget\" role=img aria-label=\"{}: the budget left, from 100 % to "
      "{}\"></div>\n"
      "<div class=\"plot errors\" role=img aria-label=\"{}: error ratio, at most {}\"></div>\n"
      "<p class=reading aria-hidden=true></p>\n"
      "<figcaption>Budget left, and error ratio: of each of {} points the worst slice."
      "<span class=\"swatch incident\"></span>incident<span class=\"swatch "
      "exclusion\"></span>excluded."
      "<span class=hint> Drag to zoom, double-click to see all.</span></figcaption>\n",
      slo.report.window.after, escaped(slo.tz), name, share_text(slo.points.back().remaining, 1),
      name, share_text(worst, 4), slo.points.size());
  constexpr auto kColumns =
      std::to_array<Column>({{"until"}, {"budget left, %", true}, {"worst error ratio, %", true}});
  // A thousand rows: what may be left out of them is.
  out += fmt::format(
      "<details><summary>The charts as a table</summary>\n<div class=scroll tabindex=0 role=region "
      "aria-label=\"{}: history\"><table><caption>Budget left at each time, and the worst slice up "
      "to "
      "it</caption><thead><tr>",
      name);
  for (const Column& column : kColumns) out += fmt::format("<th scope=col>{}", column.name);
  out += "</thead><tbody>\n";
  for (const PagePoint& point : slo.points) {
    out += fmt::format("<tr><td>{}<td>{}<td>{}\n", format_local_time(point.end_ms, slo.tz),
                       point_number(point.remaining, false), point_number(point.worst, true));
  }
  return out + "</tbody></table></div></details>\n</figure>\n";
}

// How fast a day spent the budget, in a class and in words.
struct Pace {
  std::string_view css;
  std::string_view words;
};
constexpr std::array<Pace, 6> kPaces{{{"dn", "no events"},
                                      {"d0", "no errors"},
                                      {"d1", "within the budget"},
                                      {"d2", "up to 2 × the budget"},
                                      {"d3", "up to 10 ×"},
                                      {"d4", "more"}}};
const Pace& pace_of(const PageDay& day) {
  if (!day.burn) return kPaces[0];
  if (*day.burn == 0) return kPaces[1];
  return kPaces[*day.burn <= 1 ? 2 : *day.burn <= 2 ? 3 : *day.burn <= 10 ? 4 : 5];
}

std::string day_name(const PageDay& day, const std::string& tz) {
  return format_local_day(day.range.until - 1, tz);
}

// Weeks as columns, their days as rows.
std::string heat_map(const PageSlo& slo) {
  constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const auto lead =
      static_cast<std::size_t>(local_weekday(slo.days.front().range.until - 1, slo.tz));
  const std::size_t weeks = (lead + slo.days.size() + 6) / 7;
  const auto day_at = [&](std::size_t week, std::size_t weekday) -> const PageDay* {
    const std::size_t at = week * 7 + weekday;
    return at < lead || at - lead >= slo.days.size() ? nullptr : &slo.days[at - lead];
  };
  std::string out = fmt::format(
      "<div class=scroll tabindex=0 role=region aria-label=\"{}: days\"><table class=days "
      "aria-label=\"How fast each day spent the budget\"><thead><tr><td>",
      escaped(slo.definition.name));
  std::string month;
  for (std::size_t week = 0; week < weeks; ++week) {
    const PageDay& first = slo.days[week == 0 ? 0 : week * 7 - lead];
    const std::string now = day_name(first, slo.tz).substr(0, 7);
    out += now == month ? "<td>" : "<th scope=col>" + now.substr(5);
    month = now;
  }
  out += "</thead><tbody>\n";
  for (std::size_t weekday = 0; weekday < 7; ++weekday) {
    out += fmt::format("<tr><th scope=row>{}", kDays[weekday]);
    for (std::size_t week = 0; week < weeks; ++week) {
      const PageDay* day = day_at(week, weekday);
      if (day == nullptr) {
        out += "<td>";
        continue;
      }
      const std::string name = day_name(*day, slo.tz);
      out += fmt::format("<td class={} title=\"{}: {}{}\">{}", pace_of(*day).css, name,
                         pace_of(*day).words,
                         day->burn ? fmt::format(", burn {}", burn_text(day->burn)) : "",
                         std::string_view(name).substr(8));
    }
    out += '\n';
  }
  out += "</tbody></table></div>\n<p class=\"key soft\">";
  for (const Pace& pace : kPaces)
    out += fmt::format("<span class={}>{}</span>", pace.css, pace.words);
  return out + "</p>\n";
}

std::string days(const PageSlo& slo) {
  if (slo.days.empty() || !slo.report.sli) return {};
  std::string out =
      "<div>\n<h3>By day</h3>\n<p class=soft>How fast each day spent the budget</p>\n" +
      heat_map(slo);
  constexpr auto kColumns = std::to_array<Column>({{"day"},
                                                   {"bad", true},
                                                   {"total", true},
                                                   {"error ratio, %", true},
                                                   {"burn", true},
                                                   {"pace"}});
  HtmlTable table(fmt::format("Days of {}", slo.tz), kColumns);
  for (const PageDay& day : slo.days) {
    const slo::Counts& counts = day.counts;
    const bool any = counts.total > 0;
    const std::array<std::string, 6> cells{
        day_name(day, slo.tz),
        grouped(rounded(counts.bad)),
        grouped(rounded(counts.total)),
        any ? fmt::format("{:.4g}", counts.bad / counts.total * 100) : "",
        burn_text(day.burn),
        std::string(pace_of(day).words)};
    table.add(cells);
  }
  return out + "<details><summary>The days as a table</summary>\n" +
         table.text(slo.definition.name + ": days as a table") + "</details>\n</div>\n";
}

// --- incidents, exclusions, back-test, periods ---

std::string told_by(const slo::Backtest& backtest, const std::string& id) {
  if (backtest.policies.empty()) return "–";
  const auto missed = [&](std::size_t level) {
    const auto& ids = backtest.policies.front().levels[level].missed;
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  return !missed(0) ? "a page" : !missed(1) ? "a ticket" : "nothing";
}

std::string incidents(const PageSlo& slo) {
  if (!slo.backtest || slo.backtest->incidents.empty()) return {};
  const slo::Backtest& backtest = *slo.backtest;
  constexpr auto kColumns = std::to_array<Column>(
      {{"incident"}, {"from", false, true}, {"to", false, true}, {"length", true}, {"told by"}});
  HtmlTable table(backtest.incidents_given ? "As given" : "As found in the data", kColumns);
  for (const slo::Incident& one : backtest.incidents) {
    const std::array<std::string, 5> cells{
        escaped(one.id), clock_text(one.range.after, slo.tz), clock_text(one.range.until, slo.tz),
        duration_text(seconds(one.range.until - one.range.after)), told_by(backtest, one.id)};
    table.add(cells, fmt::format(" data-incident=\"{} {}\"", one.range.after, one.range.until));
  }
  return "<h3>Incidents</h3>\n" + table.text(slo.definition.name + ": incidents");
}

std::string exclusions(const PageSlo& slo) {
  if (slo.exclusions.empty()) return {};
  constexpr auto kColumns = std::to_array<Column>(
      {{"from", false, true}, {"to", false, true}, {"length", true}, {"why"}});
  HtmlTable table("Time that does not count", kColumns);
  for (const PageExclusion& one : slo.exclusions) {
    const std::array<std::string, 4> cells{
        clock_text(one.range.after, slo.tz), clock_text(one.range.until, slo.tz),
        duration_text(seconds(one.range.until - one.range.after)),
        escaped(slo.definition.exclusions[one.exclusion].why)};
    table.add(cells, fmt::format(" data-exclusion=\"{} {}\"", one.range.after, one.range.until));
  }
  return "<h3>Excluded</h3>\n" + table.text(slo.definition.name + ": excluded");
}

std::string backtest(const PageSlo& slo) {
  if (!slo.backtest || !slo.backtest->covered || slo.backtest->policies.empty()) return {};
  constexpr auto kColumns = std::to_array<Column>({{"policy"},
                                                   {"level"},
                                                   {"alerts", true},
                                                   {"precision", true},
                                                   {"recall", true},
                                                   {"detected after", true},
                                                   {"at most", true},
                                                   {"reset after", true},
                                                   {"budget spent by then", true},
                                                   {"a week", true},
                                                   {"at night", true}});
  HtmlTable table("What alerts would have told of these incidents; times are medians", kColumns);
  for (const slo::PolicyScore& one : slo.backtest->policies) {
    for (const slo::LevelScore& level : one.levels) {
      const std::array<std::string, 11> cells{escaped(one.policy.name),
                                              level.level,
                                              fmt::format("{}", level.alerts.size()),
                                              share_text(level.precision, 0),
                                              share_text(level.recall, 0),
                                              duration_text(level.detection_s.p50),
                                              duration_text(level.detection_s.max),
                                              duration_text(level.reset_s.p50),
                                              share_text(level.spent.p50, 2),
                                              fmt::format("{:.1f}", level.per_week),
                                              fmt::format("{}", level.night)};
      table.add(cells);
    }
  }
  return "<h3>Alerts tried on this window</h3>\n" + table.text(slo.definition.name + ": back-test");
}

std::string periods(const PageSlo& slo) {
  if (!slo.by || slo.periods.empty()) return {};
  constexpr auto kColumns = std::to_array<Column>({{"period"},
                                                   {"SLI", true},
                                                   {"spent", true},
                                                   {"left", true},
                                                   {"coverage", true},
                                                   {"verdict"}});
  HtmlTable table("Each judged by itself", kColumns);
  for (const slo::Report& one : slo.periods) {
    const std::array<std::string, 6> cells{
        period_name(*slo.by, one) + (one.end_ms > one.window.until ? ", so far" : ""),
        share_text(one.sli, 4),
        share_text(one.consumed, 1),
        share_text(one.remaining, 1),
        share_text(one.coverage, 1),
        badge(one.verdict)};
    table.add(cells);
  }
  return "<h3>By period</h3>\n" + table.text(slo.definition.name + ": periods");
}

}  // namespace

std::string card(const PageSlo& slo) {
  const slo::Definition& definition = slo.definition;
  const std::string name = escaped(definition.name);
  std::string out = fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-name\">\n<div class=head><h2 "
      "id=\"{0}-name\">{0}</h2>{1}</div>\n",
      name, badge(slo.report.verdict));
  if (!definition.description.empty())
    out += fmt::format("<p>{}</p>\n", escaped(definition.description));
  out += fmt::format("<p class=soft>{}{} to {} ({}), {}</p>\n",
                     definition.service.empty() ? "" : escaped(definition.service) + ", ",
                     window_spec(definition.window_ms, definition.calendar),
                     clock_text(slo.report.window.until, slo.tz), escaped(slo.tz),
                     definition.composite
                         ? fmt::format("composite: {}", to_string(definition.composite->how))
                         : std::string(slo::to_string(definition.method)));
  out += "<div class=two>\n" + facts(slo);
  if (slo.forecast) out += burning(slo);
  out += "</div>\n" + history(slo) + "<div class=two>\n" + days(slo) + "<div>\n" + incidents(slo) +
         exclusions(slo) + "</div>\n</div>\n" + backtest(slo) + periods(slo);
  return out + "</section>\n";
}

}  // namespace hygge::formats::page
