#include "slo/slices.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "hygge/sample.h"
#include "tests/slo/same_slice.h"

namespace hygge::slo {
namespace {

struct Samples {
  InputSeries series;
  std::vector<TimeMs> t;
  std::vector<double> v;
};

Samples counter(const char* metric, const char* code, std::vector<TimeMs> t,
                std::vector<double> v) {
  Samples out;
  out.series.labels = Labels::from({{"__name__", metric}, {"code", code}}).value();
  out.series.in_total = true;
  out.series.birth_ms = t.front();
  out.t = std::move(t);
  out.v = std::move(v);
  return out;
}

RawSlices finish(SliceCounter& counter, const std::vector<Samples>& all) {
  return counter
      .finish([&](std::size_t index, TimeRange asked) -> Result<bool> {
        const Samples& one = all[index];
        for (std::size_t i = 0; i < one.t.size(); ++i) {
          if (asked.contains(one.t[i]) && is_sample(one.series.kind, one.v[i])) return true;
        }
        return false;
      })
      .value();
}

RawSlices count(const Definition& definition, const std::vector<Samples>& all, TimeRange range) {
  SliceCounter counter(definition, range);
  const TimeRange needed = needed_range(definition, range);
  for (const Samples& one : all) {
    counter.begin(one.series);
    // In two blocks, as a view would give them.
    std::vector<TimeMs> t;
    std::vector<double> v;
    for (std::size_t i = 0; i < one.t.size(); ++i) {
      if (!needed.contains(one.t[i])) continue;
      t.push_back(one.t[i]);
      v.push_back(one.v[i]);
    }
    const std::size_t half = t.size() / 2;
    counter.add(std::span(t).first(half), std::span(v).first(half));
    counter.add(std::span(t).subspan(half), std::span(v).subspan(half));
  }
  return finish(counter, all);
}

// The same from cells of a third of a slice, where a cell is taken.
RawSlices count_cells(const Definition& definition, const std::vector<Samples>& all,
                      TimeRange range, std::size_t& taken) {
  const DurationMs tier = definition.step_ms / 3;
  SliceCounter counter(definition, range);
  const TimeRange needed = needed_range(definition, range);
  const TimeMs whole = slice_end(needed.after, tier);
  for (const Samples& one : all) {
    counter.begin(one.series);
    const std::span<const TimeMs> t(one.t);
    const std::span<const double> v(one.v);
    for (std::size_t i = 0; i < t.size();) {
      Cell cell;
      std::size_t end = i;
      for (; end < t.size() && slice_end(t[end], tier) == slice_end(t[i], tier); ++end) {
        cell.add({t[end], v[end]});
      }
      if (t[i] > whole && needed.contains(t[i]) && counter.takes(cell)) {
        counter.add(cell);
        ++taken;
      } else {
        counter.add(t.subspan(i, end - i), v.subspan(i, end - i));
      }
      i = end;
    }
  }
  return finish(counter, all);
}

// Samples of 15 s; windows of a minute that end between them.
TEST(CounterIncrease, IsTheSumOfStepsInTheWindow) {
  struct Case {
    const char* name;
    std::vector<double> v;  ///< NaN: no sample
    std::vector<std::pair<int, double>> at_s;
  };
  const double none = std::nan("");
  const Case cases[] = {
      {"whole",
       {1, 2, 3, 4, 5, 9, 10, 11, 12, 13},
       {{5, 0}, {20, 1}, {35, 2}, {50, 3}, {65, 4}, {80, 7}, {95, 7}, {110, 7}, {125, 7}}},
      {"with a hole",
       {1, 2, 3, none, none, 9, 10, 11, 12, 13},
       {{50, 2}, {65, 2}, {80, 7}, {95, 7}, {110, 8}, {125, 9}}},
  };
  Definition definition;
  definition.step_ms = 5 * kSecondMs;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Samples one = counter("t", "200", {0}, {c.v[0]});
    for (std::size_t i = 1; i < c.v.size(); ++i) {
      one.t.push_back(static_cast<TimeMs>(i) * 15 * kSecondMs);
      one.v.push_back(c.v[i]);
    }
    const RawSlices raw = count(definition, {one}, {-kMinuteMs, 3 * kMinuteMs});
    const Track track = Track::from_slices(raw.t0_ms, definition.step_ms, raw.slices).value();
    for (const auto& [at_s, increase] : c.at_s) {
      const TimeMs at = at_s * kSecondMs;
      EXPECT_EQ(track.sum({at - kMinuteMs, at}).total, increase) << at_s;
    }
  }
}

// Each value is lower than the one before: whole, it is what came since the restart.
TEST(SliceCounter, ACounterThatRestartsEveryMinuteCountsWhatEachLifeSaw) {
  const Samples one =
      counter("t", "200", {0, 60'000, 120'000, 180'000, 240'000}, {90, 40, 12, 7, 3});
  const RawSlices raw = count({}, {one}, {0, 4 * kMinuteMs});
  ASSERT_EQ(raw.slices.size(), 4U);
  const double totals[] = {40, 12, 7, 3};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(raw.slices[i].total, totals[i]) << i;
    EXPECT_EQ(raw.slices[i].resets, 1U) << i;
    EXPECT_EQ(raw.slices[i].state, State::measured) << i;
  }
}

TEST(SliceCounter, SampleOnTheEdgeBelongsToTheSliceThatItEnds) {
  const Samples one = counter("t", "200", {0, 60'000, 60'001}, {0, 1, 3});
  const RawSlices raw = count({}, {one}, {0, 2 * kMinuteMs});
  EXPECT_EQ(raw.slices[0].total, 1);
  EXPECT_EQ(raw.slices[1].total, 2);
}

TEST(SliceCounter, FirstCountOfALateSeriesCountsOnlyBesideItsProcess) {
  struct Case {
    const char* name;
    const char* instance;  ///< of the series that was there before
    TimeMs seen_ms;
    double counted;
  };
  const Case cases[] = {
      {"same process, a minute before", "a", 9 * kMinuteMs, 2},
      {"same process, a lookback before", "a", 10 * kMinuteMs - kHourMs, 2},
      {"same process, longer ago", "a", 10 * kMinuteMs - kHourMs - 1, 0},
      {"same process, at the same time only", "a", 10 * kMinuteMs, 0},
      {"another process", "z", 9 * kMinuteMs, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto labels = [](const char* code, const char* instance) {
      return Labels::from({{"__name__", "r"}, {"code", code}, {"instance", instance}}).value();
    };
    Samples before = counter("r", "200", {c.seen_ms}, {100});
    before.series.labels = labels("200", c.instance);
    Samples late = counter("r", "500", {10 * kMinuteMs}, {2});
    late.series.labels = labels("500", "a");
    const RawSlices raw = count({}, {before, late}, {9 * kMinuteMs, 10 * kMinuteMs});
    EXPECT_EQ(raw.slices[0].total, c.counted);
    EXPECT_EQ(raw.slices[0].born, c.counted > 0 ? 1U : 0U);
  }
}

TEST(SliceCounter, BirthThatIsNoSampleLeavesTheFirstOneBeingBorn) {
  Samples late = counter("r", "500", {0, kMinuteMs}, {stale_marker(), 7});
  const Samples kin = counter("r", "200", {0, kMinuteMs}, {1, 1});
  const RawSlices raw = count({}, {late, kin}, {0, kMinuteMs});
  EXPECT_EQ(raw.slices[0].total, 7);
  EXPECT_EQ(raw.slices[0].gaps, 0U);
}

TEST(SliceCounter, StepOfNothingAcrossAHoleIsABridgeToo) {
  const Samples one = counter("t", "200", {kMinuteMs, 3 * kMinuteMs}, {5, 5});
  const RawSlices raw = count({}, {one}, {0, 3 * kMinuteMs});
  EXPECT_EQ(raw.slices[1].state, State::no_data);
  EXPECT_EQ(raw.slices[2].state, State::idle);
  EXPECT_TRUE(raw.slices[2].bridged);
}

TEST(SliceCounter, BadEventsWaitForTheirTotalFromBeforeTheWindow) {
  Definition definition;
  Samples total = counter("t", "", {0, 3 * kMinuteMs}, {0, 10});
  Samples bad = counter("b", "", {0, kMinuteMs}, {0, 4});
  bad.series.in_total = false;
  bad.series.in_part = true;
  const RawSlices raw = count(definition, {total, bad}, {2 * kMinuteMs, 3 * kMinuteMs});
  EXPECT_EQ(raw.slices[0].bad, 4);
  EXPECT_EQ(raw.slices[0].total, 10);
}

TEST(SliceCounter, GaugeCountsSamplesAndThoseThatFail) {
  Definition definition;
  definition.ok = hygge::slo::Test{hygge::slo::Test::Op::eq, 1};
  Samples up = counter("up", "", {10'000, 20'000, 30'000, 70'000}, {1, 0, 1, std::nan("")});
  up.series.kind = Kind::gauge;
  up.series.in_part = true;
  const RawSlices raw = count(definition, {up}, {0, 2 * kMinuteMs});
  EXPECT_EQ(raw.slices[0].bad, 1);
  EXPECT_EQ(raw.slices[0].total, 3);
  EXPECT_EQ(raw.slices[1].state, State::no_data) << "NaN is no sample";
}

// --- the rules said once more, slowly: every sample of history against every other ---

class Oracle {
 public:
  Oracle(const Definition& definition, const std::vector<Samples>& all)
      : definition_(definition), all_(all) {}

  std::map<TimeMs, Slice> slices(TimeRange range) {
    range_ = range;
    const DurationMs step = definition_.step_ms;
    TimeMs first = range.after - definition_.lookback_ms;
    while (first % step != 0) --first;
    for (TimeMs end = first + step; end <= range.until; end += step) slices_[end] = {};
    for (const Samples& one : all_) add(one);
    for (auto& [end, slice] : slices_) {
      for (const auto& [before, at] : steps_) {
        if (at != end) continue;
        for (TimeMs hole = before + step; hole < at; hole += step) {
          slice.bridged |= present_.contains(at) && !present_.contains(hole);
        }
      }
      waiting_ += part_[end];
      if (slice.total > 0) {
        const double bad = definition_.part_is_good ? slice.total - waiting_ : waiting_;
        slice.bad = std::min(std::max(bad, 0.0), slice.total);
        slice.clamped = bad < 0 || bad > slice.total;
        waiting_ = 0;
      }
      if (present_.contains(end)) slice.state = slice.total > 0 ? State::measured : State::idle;
    }
    std::erase_if(slices_, [&](const auto& entry) { return entry.first <= range.after; });
    return slices_;
  }

 private:
  TimeMs end_of(TimeMs t) const {
    return (t + definition_.step_ms - 1) / definition_.step_ms * definition_.step_ms;  // t >= 0
  }
  bool seen_before(const Samples& born, TimeMs t) const {
    for (const Samples& other : all_) {
      if (&other == &born || other.series.labels.metric() != born.series.labels.metric() ||
          other.series.labels.get("instance") != born.series.labels.get("instance")) {
        continue;
      }
      for (std::size_t i = 0; i < other.t.size(); ++i) {
        const TimeMs at = other.t[i];
        if (std::isfinite(other.v[i]) && at >= t - definition_.lookback_ms && at < t) return true;
      }
    }
    return false;
  }
  void add(const Samples& one) {
    std::vector<std::pair<TimeMs, double>> real;
    for (std::size_t i = 0; i < one.t.size(); ++i) {
      const bool is_real =
          std::isfinite(one.v[i]) && (one.series.kind == Kind::counter || one.v[i] >= 0);
      if (is_real) real.emplace_back(one.t[i], one.v[i]);
    }
    for (std::size_t i = 0; i < real.size(); ++i) {
      const auto [t, v] = real[i];
      const TimeMs end = end_of(t);
      if (!slices_.contains(end)) continue;
      Slice& slice = slices_[end];
      double delta = v;
      if (one.series.kind == Kind::counter && i == 0) {
        const bool seen = seen_before(one, t);
        slice.born += seen ? 1 : 0;
        delta = seen ? v : 0;
      } else if (one.series.kind == Kind::counter) {
        const auto [before_ms, before] = real[i - 1];
        const bool near = t - before_ms <= definition_.lookback_ms;
        slice.gaps += near ? 0 : 1;
        slice.resets += near && v < before ? 1 : 0;
        delta = !near ? 0 : v < before ? v : v - before;
        if (near && slices_.contains(end_of(before_ms)))
          steps_.emplace_back(end_of(before_ms), end);
      }
      if (one.series.in_total) present_.insert(end);
      if (one.series.in_total) slice.total += delta;
      if (one.series.in_part) part_[end] += delta;
    }
  }

  const Definition& definition_;
  const std::vector<Samples>& all_;
  TimeRange range_;
  std::map<TimeMs, Slice> slices_;
  std::map<TimeMs, double> part_;
  std::set<TimeMs> present_;
  std::vector<std::pair<TimeMs, TimeMs>> steps_;
  double waiting_ = 0;
};

// Counters of two instances and three codes: late births, resets, holes, samples that are none.
std::vector<Samples> random_series(std::mt19937_64& random, Kind kind, TimeMs end) {
  std::vector<Samples> out;
  for (const char* instance : {"a", "z"}) {
    for (const char* code : {"200", "404", "500"}) {
      Samples one;
      one.series.labels =
          Labels::from({{"__name__", "r"}, {"code", code}, {"instance", instance}}).value();
      one.series.kind = kind;
      one.series.in_part = code[0] == '5';
      one.series.in_total = code[0] != '5' || random() % 4 != 0;
      double v = static_cast<double>(random() % 50);
      auto t = static_cast<TimeMs>(random() % static_cast<std::uint64_t>(end));
      if (random() % 2 == 0) t = 1;
      while (t < end) {
        const std::uint64_t what = random() % 40;
        if (what == 0) v = static_cast<double>(random() % 5);
        if (what > 15) v += static_cast<double>(random() % 20);
        one.t.push_back(t);
        one.v.push_back(what == 1   ? std::nan("")
                        : what == 2 ? stale_marker()
                        : kind == Kind::delta
                            ? static_cast<double>(random() % 20) - (what == 3 ? 20 : 0)
                            : v);
        t += 1 + static_cast<TimeMs>(random() % 50'000) + (random() % 30 == 0 ? 400'000 : 0);
      }
      if (one.t.empty()) continue;
      one.series.birth_ms = one.t.front();
      out.push_back(std::move(one));
    }
  }
  return out;
}

TEST(SliceCounterModel, AgreesWithTheRulesSaidSlowly) {
  std::size_t taken = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Definition definition;
    definition.part_is_good = seed % 3 == 0;
    definition.lookback_ms = seed % 2 == 0 ? 5 * kMinuteMs : 90'500;
    const TimeMs end = 40 * kMinuteMs;
    const auto all = random_series(random, seed % 5 == 0 ? Kind::delta : Kind::counter, end);
    const TimeMs from = static_cast<TimeMs>(random() % 30) * kMinuteMs;
    const TimeRange range{from, from + static_cast<TimeMs>(random() % 10 + 1) * kMinuteMs};
    const RawSlices got = count(definition, all, range);
    const RawSlices from_cells = count_cells(definition, all, range, taken);
    const auto expected = Oracle(definition, all).slices(range);
    ASSERT_EQ(got.slices.size(), expected.size());
    std::size_t i = 0;
    for (const auto& [at, slice] : expected) {
      SCOPED_TRACE(at);
      expect_equal(from_cells.slices[i], slice);
      expect_equal(got.slices[i++], slice);
    }
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(taken, 10'000U);
}

TEST(SliceCounter, CellsOfAGaugeSayWhatItsSamplesSay) {
  using Op = hygge::slo::Test::Op;
  std::size_t taken = 0;
  std::size_t all = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Definition definition;
    definition.ok = hygge::slo::Test{static_cast<Op>(seed % 6), 3};
    Samples gauge = counter("queue", "", {1}, {0});
    gauge.series.kind = Kind::gauge;
    gauge.series.in_part = true;
    double v = 0;
    for (TimeMs t = 1000; t < 30 * kMinuteMs; t += static_cast<TimeMs>(random() % 9000)) {
      if (random() % 8 == 0) v = static_cast<double>(random() % 7);
      if (t <= gauge.t.back()) continue;
      gauge.t.push_back(t);
      gauge.v.push_back(random() % 50 == 0 ? std::nan("") : v);
    }
    all += gauge.t.size();
    const TimeRange range{20 * kMinuteMs, 28 * kMinuteMs};
    const RawSlices expected = count(definition, {gauge}, range);
    const RawSlices got = count_cells(definition, {gauge}, range, taken);
    ASSERT_EQ(got.slices.size(), expected.slices.size());
    for (std::size_t i = 0; i < got.slices.size(); ++i) {
      expect_equal(got.slices[i], expected.slices[i]);
    }
  }
  EXPECT_GT(taken, 2'000U) << all << " samples";
}

// (a, c] is (a, b] and (b, c], though each is read by itself.
TEST(SliceCounterProperty, WindowsAddUp) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Definition definition;
    const auto all = random_series(random, Kind::counter, 60 * kMinuteMs);
    const auto minute = [&](std::uint64_t below) {
      return static_cast<TimeMs>(random() % below) * kMinuteMs;
    };
    const TimeMs a = minute(30);
    const TimeMs b = a + minute(15);
    const TimeMs c = b + minute(15);
    const auto sum = [&](TimeMs from, TimeMs to) {
      const RawSlices raw = count(definition, all, {from, to});
      return Track::from_slices(from, kMinuteMs, raw.slices).value().sum({from, to});
    };
    const Counts whole = sum(a, c);
    const Counts first = sum(a, b);
    const Counts second = sum(b, c);
    ASSERT_EQ(whole.total, first.total + second.total);
    ASSERT_EQ(whole.bad, first.bad + second.bad);
    ASSERT_EQ(whole.bridged, first.bridged + second.bridged);
    ASSERT_EQ(whole.gaps, first.gaps + second.gaps);
  }
}

Labels with_half(Labels labels, const char* half) {
  labels.set("half", half);
  return labels;
}

TEST(SliceCounterProperty, SplittingASeriesByALabelChangesNothing) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    auto all = random_series(random, Kind::counter, 30 * kMinuteMs);
    std::vector<Samples> split;
    for (const Samples& one : all) {
      // Each step goes to one of two; at a reset both begin again.
      Samples left = one;
      Samples right = one;
      left.series.labels = with_half(one.series.labels, "left");
      right.series.labels = with_half(one.series.labels, "right");
      double before = 0;
      double halves[2] = {0, 0};
      for (std::size_t i = 0; i < one.v.size(); ++i) {
        if (!std::isfinite(one.v[i])) continue;
        if (one.v[i] < before) {
          before = halves[0] = halves[1] = 0;
        }
        halves[random() % 2] += one.v[i] - before;
        before = one.v[i];
        left.v[i] = halves[0];
        right.v[i] = halves[1];
      }
      split.push_back(std::move(left));
      split.push_back(std::move(right));
    }
    const TimeRange range{5 * kMinuteMs, 30 * kMinuteMs};
    const RawSlices whole = count({}, all, range);
    const RawSlices halves = count({}, split, range);
    for (std::size_t i = 0; i < whole.slices.size(); ++i) {
      // A reset of which one half keeps its value, by chance, is none for that half.
      if (whole.slices[i].resets > 0) continue;
      ASSERT_EQ(whole.slices[i].total, halves.slices[i].total) << i;
      ASSERT_EQ(whole.slices[i].state, halves.slices[i].state) << i;
    }
  }
}

}  // namespace
}  // namespace hygge::slo
