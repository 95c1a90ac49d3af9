// What a page shows of an SLO, and the page as text. What a browser makes of it: page/page_test.py.
#include <gtest/gtest.h>
#include <hygge/slo_page.h>

#include <algorithm>
#include <random>

namespace hygge::formats {
namespace {

slo::Definition definition_of() {
  slo::Definition out;
  out.name = "checkout";
  out.target_percent = "90";
  out.objective = slo::Rational::of(9, 10);
  out.window_ms = 7 * kDayMs;
  out.alerts = slo::google_alerts(out.window_ms);
  return out;
}

// Days of ten requests a minute with a bad one at times, from time 0.
struct World {
  std::vector<double> bad, total;
  std::vector<slo::State> states;

  explicit World(std::int64_t days, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    for (std::int64_t i = 0; i < days * 1440; ++i) {
      total.push_back(10);
      bad.push_back(random() % 50 == 0 ? 1 : 0);
      states.push_back(slo::State::measured);
    }
  }
  [[nodiscard]] slo::Track track() const {
    return slo::Track::from_counts(0, kMinuteMs, bad, total, states).value();
  }
};

TEST(SloPage, AChartHasAtMostAThousandPointsAndTheWorstSliceOfEach) {
  World world(14);
  const slo::Definition definition = definition_of();
  // One minute of outage, alone in its point of eleven.
  world.bad[10 * 1440 + 7] = 10;
  const slo::Track track = world.track();
  const PageSlo page = page_slo(track, definition, 14 * kDayMs);
  ASSERT_EQ(page.points.size(), 917U);  // 10,080 slices in elevens
  double worst = 0;
  for (const PagePoint& point : page.points) {
    const TimeMs begin = &point == page.points.data() ? 7 * kDayMs : (&point - 1)->end_ms;
    double expected = 0;
    for (TimeMs end = begin + kMinuteMs; end <= point.end_ms; end += kMinuteMs) {
      const auto i = static_cast<std::size_t>(end / kMinuteMs - 1);
      expected = std::max(expected, world.bad[i] / world.total[i]);
    }
    EXPECT_EQ(point.worst, expected);
    worst = std::max(worst, *point.worst);
    const double spent = track.sum({7 * kDayMs, point.end_ms}).bad / (0.1 * 10 * 10080);
    EXPECT_NEAR(*point.remaining, 1 - spent, 1e-12);
  }
  EXPECT_EQ(worst, 1);
  EXPECT_EQ(page.points.back().end_ms, 14 * kDayMs);
  EXPECT_NEAR(*page.points.back().remaining, *page.report.remaining, 1e-12);
}

TEST(SloPage, PointsOfAnyWindowAreInOrderAndEndWithIt) {
  for (const std::int64_t minutes : {2, 3, 999, 1000, 1001, 1999, 2000, 2001, 10'000}) {
    SCOPED_TRACE(minutes);
    slo::Definition definition = definition_of();
    definition.alerts.clear();
    definition.window_ms = minutes * kMinuteMs;
    const PageSlo page = page_slo(World(8).track(), definition, 7 * kDayMs);
    ASSERT_FALSE(page.points.empty());
    EXPECT_LE(page.points.size(), kPagePoints);
    EXPECT_GE(page.points.size(), std::min<std::size_t>(500, static_cast<std::size_t>(minutes)));
    for (std::size_t i = 1; i < page.points.size(); ++i) {
      EXPECT_LT(page.points[i - 1].end_ms, page.points[i].end_ms);
    }
    EXPECT_EQ(page.points.back().end_ms, 7 * kDayMs);
  }
}

TEST(SloPage, DaysAreThoseOfTheZoneAndHoldTheWindow) {
  struct Case {
    const char* tz;
    TimeMs at;  ///< the end of a window of seven days
    std::size_t days;
    DurationMs shortest, longest;  ///< of those that the window does not cut
  };
  const TimeMs march = 1'772'668'800'000;  // 2026-03-05T00:00Z; New York's clocks go on on the 8th
  const Case cases[] = {
      {"UTC", march + 7 * kDayMs, 7, kDayMs, kDayMs},
      {"Asia/Tokyo", march + 7 * kDayMs, 8, kDayMs, kDayMs},
      {"Asia/Kolkata", march + 7 * kDayMs, 8, kDayMs, kDayMs},
      {"America/New_York", march + 7 * kDayMs, 8, 23 * kHourMs, kDayMs},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.tz);
    World world(9);
    const slo::Track track =
        slo::Track::from_counts(march - kDayMs, kMinuteMs, world.bad, world.total).value();
    PageOptions options;
    options.tz = c.tz;
    const PageSlo page = page_slo(track, definition_of(), c.at, options);
    ASSERT_EQ(page.days.size(), c.days);
    double bad = 0, total = 0;
    for (std::size_t i = 0; i < page.days.size(); ++i) {
      const PageDay& day = page.days[i];
      bad += day.counts.bad;
      total += day.counts.total;
      EXPECT_EQ(day.range.after, i == 0 ? page.report.window.after : page.days[i - 1].range.until);
      if (i == 0 || i + 1 == page.days.size()) continue;
      EXPECT_GE(day.range.until - day.range.after, c.shortest);
      EXPECT_LE(day.range.until - day.range.after, c.longest);
      EXPECT_NEAR(*day.burn, day.counts.bad / day.counts.total / 0.1, 1e-12);
    }
    EXPECT_EQ(page.days.back().range.until, page.report.window.until);
    EXPECT_EQ(bad, page.report.counts.bad);
    EXPECT_EQ(total, page.report.counts.total);
    const bool short_day = std::any_of(
        page.days.begin() + 1, page.days.end() - 1,
        [&](const PageDay& day) { return day.range.until - day.range.after == c.shortest; });
    EXPECT_TRUE(short_day);
  }
}

TEST(SloPage, NeighbouringExcludedSlicesAreOneExclusion) {
  slo::Definition definition = definition_of();
  definition.exclusions.resize(2);
  definition.exclusions[0].why = "backup";
  definition.exclusions[1].why = "move";
  World world(8);
  slo::Track track = world.track();
  std::vector<slo::ExcludedSlice> excluded;
  const TimeMs start = 2 * kDayMs;
  for (const auto& [minute, exclusion] : {std::pair{1, 0U}, {2, 0U}, {3, 1U}, {9, 1U}, {10, 1U}}) {
    excluded.push_back({start + minute * kMinuteMs, exclusion});
  }
  track.set_excluded(excluded);
  const PageSlo page = page_slo(track, definition, 8 * kDayMs);
  ASSERT_EQ(page.exclusions.size(), 3U);
  EXPECT_EQ(page.exclusions[0].range, (TimeRange{start, start + 2 * kMinuteMs}));
  EXPECT_EQ(page.exclusions[1].range, (TimeRange{start + 2 * kMinuteMs, start + 3 * kMinuteMs}));
  EXPECT_EQ(page.exclusions[2].range, (TimeRange{start + 8 * kMinuteMs, start + 10 * kMinuteMs}));
  EXPECT_EQ(page.exclusions[2].exclusion, 1U);
  const std::string html = slo_page(8 * kDayMs, std::span(&page, 1));
  EXPECT_NE(html.find("<tr data-exclusion=\"172800000 172920000\">"), std::string::npos);
}

TEST(SloPage, TriesGoogleBesideAPolicyOfOnesOwn) {
  const World world(14);
  slo::Definition definition = definition_of();
  const auto names = [&] {
    std::string out;
    const PageSlo page = page_slo(world.track(), definition, 14 * kDayMs);
    for (const slo::PolicyScore& one : page.backtest->policies) out += one.policy.name + " ";
    return out;
  };
  EXPECT_EQ(names(), "google ");
  definition.alerts.resize(1);
  EXPECT_EQ(names(), "own google ");
  definition.alerts.clear();
  EXPECT_EQ(names(), "google ");
  definition.window_ms = kDayMs;
  EXPECT_EQ(names(), "");
}

TEST(SloPage, GivenIncidentsAreShownAndScored) {
  PageOptions options;
  options.incidents = {{"db <1>", {10 * kDayMs, 10 * kDayMs + kHourMs}}};
  const PageSlo page = page_slo(World(14).track(), definition_of(), 14 * kDayMs, options);
  ASSERT_EQ(page.backtest->incidents.size(), 1U);
  const std::string html = slo_page(14 * kDayMs, std::span(&page, 1));
  EXPECT_NE(html.find("<tr data-incident=\"864000000 867600000\"><th scope=row>db &lt;1&gt;<td "
                      "class=t>1970-01-11 00:00<td class=t>1970-01-11 01:00<td class=n>60 "
                      "min<td>nothing"),
            std::string::npos);
}

TEST(SloPage, TextOfOthersIsText) {
  slo::Definition definition = definition_of();
  definition.description = "<script>alert(\"1\" & '2')</script>";
  definition.service = "a\"><b>";
  const PageSlo page = page_slo(World(8).track(), definition, 8 * kDayMs);
  const std::string html = slo_page(8 * kDayMs, std::span(&page, 1));
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;alert(&quot;1&quot; &amp; '2')"), std::string::npos);
  EXPECT_EQ(html.find("a\"><b>"), std::string::npos);
}

TEST(SloPage, NothingMeasuredAndNoSlicesAreSaid) {
  const slo::Track empty = slo::Track::from_counts(0, kMinuteMs, {}, {}).value();
  slo::Definition composite = definition_of();
  composite.name = "shop";
  composite.composite = slo::Composite{slo::Composite::How::serial, {{"checkout", {1, 1}}}};
  composite.components = {definition_of()};
  const slo::Track combined = slo::combine(composite, {World(8).track()}).value();
  const PageSlo pages[] = {page_slo(empty, definition_of(), kDayMs),
                           page_slo(combined, composite, 8 * kDayMs)};
  EXPECT_FALSE(pages[1].forecast);
  EXPECT_TRUE(pages[1].points.empty());
  const std::string html = slo_page(kDayMs, pages);
  EXPECT_NE(html.find("no events"), std::string::npos);
  EXPECT_NE(html.find("not enough data"), std::string::npos);
  EXPECT_NE(html.find("composite: serial"), std::string::npos);
  EXPECT_EQ(html.find("<figure"), std::string::npos);
  EXPECT_NE(html.find("All of them"), std::string::npos);
  EXPECT_NE(slo_page(0, {}).find("0 SLOs"), std::string::npos);
}

// No attribute styles and nothing that a number cannot say, whatever the counts.
TEST(SloPage, OfRandomHistoriesHasNoNanAndNoStyleAttribute) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    World world(2, seed);
    for (std::size_t i = 0; i < world.total.size(); ++i) {
      if (random() % 3 != 0) continue;
      world.states[i] = static_cast<slo::State>(random() % 4);
      world.total[i] = world.states[i] == slo::State::measured ? 0.1 : 0;
      world.bad[i] = random() % 2 == 0 ? world.total[i] : 0;
    }
    slo::Definition definition = definition_of();
    definition.window_ms = static_cast<DurationMs>(2 + random() % 3000) * kMinuteMs;
    definition.alerts = slo::google_alerts(definition.window_ms);
    if (random() % 3 == 0) definition.calendar = slo::Calendar{slo::Calendar::Unit::week, "UTC", 1};
    if (random() % 4 == 0) definition.since_ms = kDayMs;
    const TimeMs at = static_cast<TimeMs>(random() % 4000) * kMinuteMs;
    PageSlo page = page_slo(world.track(), definition, at);
    page.by = slo::Calendar{slo::Calendar::Unit::week, "UTC", 1};
    page.periods = slo::report_by(world.track(), definition, *page.by, 3, at);
    std::string html = slo_page(at, std::span(&page, 1));
    html = html.substr(html.find("<body>"), html.find("<script>") - html.find("<body>"));
    for (const char* text : {"nan", "inf<", "inf ", " style=", "onclick", "http"}) {
      EXPECT_EQ(html.find(text), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace hygge::formats
