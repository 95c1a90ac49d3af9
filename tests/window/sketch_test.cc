// Quantile sketches: every bucket keeps its accuracy, merging is exact, and quantiles over stored
// cells are within the accuracy of those of the samples.
#include "window/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "tests/window/oracle.h"
#include "tests/window/random_series.h"
#include "window/cell_quantiles.h"
#include "window/cell_row.h"

namespace hygge::windows {
namespace {

using test::Samples;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr TimeMs kDay = 20'454 * kDayMs;
constexpr CellParts kSketched{true, false, true};

TEST(SketchScale, HasTheFewestBucketsThatDo) {
  EXPECT_EQ(SketchScale(kMinSketchPpm).per_binade(), 347);
  EXPECT_EQ(SketchScale(10'000).per_binade(), 35);
  EXPECT_EQ(SketchScale(20'000).per_binade(), 18);
  EXPECT_EQ(SketchScale(kMaxSketchPpm).per_binade(), 4);
}

TEST(SketchScale, EveryValueIsWithinTheAccuracyOfItsBucket) {
  for (const std::uint32_t ppm : {1'000U, 5'000U, 10'000U, 33'333U, 100'000U}) {
    SCOPED_TRACE(ppm);
    const SketchScale scale(ppm);
    const double accuracy = ppm / 1e6;
    std::vector<double> values{0.0,
                               1.0,
                               2.0,
                               3.0,
                               0x1p-1022,
                               std::nextafter(0x1p-1022, 1.0),
                               std::numeric_limits<double>::max()};
    for (int e = -1'022; e < 1'024; ++e) {
      const double power = std::ldexp(1, e);
      values.push_back(power);
      values.push_back(std::nextafter(power, kInf));
      if (e > -1'022) values.push_back(std::nextafter(power, 0));
    }
    std::mt19937_64 random(ppm);
    while (values.size() < 100'000) {
      const auto v = std::bit_cast<double>(random() >> 1U);
      if (std::isnormal(v)) values.push_back(v);
    }
    std::sort(values.begin(), values.end());
    SketchKey before = 0;
    for (const double v : values) {
      const SketchKey key = scale.key_of(v);
      ASSERT_GE(key, before) << v;
      ASSERT_LT(key, scale.infinity_key());
      ASSERT_EQ(scale.key_of(-v), -key);
      const double middle = scale.value_of(key);
      ASSERT_LE(std::fabs(middle - v), accuracy * v) << v;
      ASSERT_EQ(scale.value_of(-key), -middle);
      ASSERT_EQ(scale.key_of(middle), key);
      before = key;
    }
    EXPECT_EQ(scale.key_of(-0.0), 0);
    EXPECT_EQ(scale.key_of(std::numeric_limits<double>::denorm_min()), 0);
    EXPECT_EQ(scale.key_of(std::nextafter(0x1p-1022, 0)), 0);
    for (const double v : {kInf, -kInf}) EXPECT_EQ(scale.value_of(scale.key_of(v)), v);
    for (const double v : {kNan, -kNan, stale_marker()}) {
      EXPECT_EQ(scale.key_of(v), scale.nan_key());
      EXPECT_LT(scale.key_of(v), scale.key_of(-kInf));
    }
    EXPECT_TRUE(std::isnan(scale.value_of(scale.nan_key())));
    EXPECT_FALSE(scale.is_key(std::int64_t{scale.infinity_key()} + 1));
    EXPECT_FALSE(scale.is_key(std::int64_t{scale.nan_key()} - 1));
  }
}

// A day's part of a random series; markers, NaN and infinities here and there, few values or many.
Samples day_of(std::mt19937_64& random) {
  const Samples made = test::RandomSeries(random).make(random() % 2'000 + 1);
  const auto odd = random() % 3;
  Samples out;
  for (std::size_t i = 0; i < made.t.size(); ++i) {
    const TimeMs t = kDay + 1 + (made.t[i] - made.t[0]);
    if (t > kDay + kDayMs) break;
    double v = made.v[i];
    if (odd == 0 && random() % 20 == 0) {
      const double special[] = {kNan, kInf, -kInf, 0.0, -0.0, 1e-310, 1e300, stale_marker()};
      v = special[random() % 8];
    }
    out.add(t, v);
  }
  return out;
}

TEST(Sketch, OfMergedCellsAreThoseOfTheirSamples) {
  SketchBuilder builder;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random);
    const SketchScale scale(seed % 2 == 0 ? 10'000 : 1'000);
    std::vector<TimedCell> fine;
    std::vector<TimedCell> hours;
    CellSketches of_fine;
    CellSketches of_hours;
    CellSketches merged;
    add_to_cells(in.t, in.v, 5 * kMinuteMs, fine);
    coarser(fine, kHourMs, hours);
    builder.build(in.t, in.v, fine, 5 * kMinuteMs, scale, of_fine);
    builder.build(in.t, in.v, hours, kHourMs, scale, of_hours);
    builder.coarser(fine, of_fine, hours, kHourMs, merged);
    ASSERT_EQ(merged.keys, of_hours.keys);
    ASSERT_EQ(merged.counts, of_hours.counts);
    ASSERT_EQ(merged.ends, of_hours.ends);
    for (std::size_t i = 0; i < hours.size(); ++i) {
      std::uint64_t n = 0;
      for (std::size_t b = merged.begin_of(i); b < merged.ends[i]; ++b) n += merged.counts[b];
      ASSERT_EQ(n, hours[i].cell.n);
    }
    // Of the same samples in another order the sketch is the same.
    std::vector<double> shuffled = in.v;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::vector<TimedCell> day;
    CellSketches of_day;
    CellSketches of_shuffled;
    add_to_cells(in.t, in.v, kDayMs, day);
    builder.build(in.t, in.v, day, kDayMs, scale, of_day);
    builder.build(in.t, shuffled, day, kDayMs, scale, of_shuffled);
    ASSERT_EQ(of_day.keys, of_shuffled.keys);
    ASSERT_EQ(of_day.counts, of_shuffled.counts);
  }
}

std::string row_of(const Samples& in, DurationMs resolution_ms, std::uint32_t ppm,
                   std::vector<TimedCell>& cells, CellSketches& sketches) {
  cells.clear();
  add_to_cells(in.t, in.v, resolution_ms, cells, kSketched);
  SketchBuilder().build(in.t, in.v, cells, resolution_ms, SketchScale(ppm), sketches);
  return CellRowEncoder().encode(cells, kDay, resolution_ms, kSketched, &sketches);
}

TEST(SketchRow, WhatIsWrittenIsRead) {
  CellRowDecoder decoder;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random);
    const DurationMs resolution_ms = random() % 2 == 0 ? 5 * kMinuteMs : kHourMs;
    std::vector<TimedCell> cells;
    CellSketches sketches;
    const std::string row = row_of(in, resolution_ms, 10'000, cells, sketches);
    std::vector<TimedCell> got;
    CellSketches got_sketches;
    const auto parts =
        decoder.decode(as_bytes(row), kDay, resolution_ms, kSketched, got, &got_sketches);
    ASSERT_TRUE(parts) << parts.error().message;
    EXPECT_EQ(*parts, kSketched);
    ASSERT_EQ(got_sketches.ends.size(), cells.size());
    EXPECT_EQ(got_sketches.accuracy_ppm, 10'000U);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool none = cells[i].cell.n <= kSamplesInCell;
      const std::size_t size = none ? 0 : sketches.ends[i] - sketches.begin_of(i);
      ASSERT_EQ(got_sketches.ends[i] - got_sketches.begin_of(i), size);
      for (std::size_t b = 0; b < size; ++b) {
        ASSERT_EQ(got_sketches.keys[got_sketches.begin_of(i) + b],
                  sketches.keys[sketches.begin_of(i) + b]);
        ASSERT_EQ(got_sketches.counts[got_sketches.begin_of(i) + b],
                  sketches.counts[sketches.begin_of(i) + b]);
      }
    }
    EXPECT_EQ(CellRowEncoder().encode(cells, kDay, resolution_ms, kSketched, &sketches), row);
    const CellRowFacts facts = describe_row(as_bytes(row)).value();
    EXPECT_TRUE(facts.parts.sketch);
    EXPECT_EQ(facts.sketch_ppm, 10'000U);
    // But for the sketches, the row is that of a rule without them.
    const std::string plain = CellRowEncoder().encode(cells, kDay, resolution_ms, {true, false});
    EXPECT_GE(row.size(), plain.size() + facts.sketch_bytes + 1);
    EXPECT_LE(row.size(), plain.size() + facts.sketch_bytes + 5);
    std::vector<TimedCell> basic;
    ASSERT_TRUE(decoder.decode(as_bytes(row), kDay, resolution_ms, {false, false}, basic));
    CellCounts counts;
    ASSERT_TRUE(
        decoder.decode_counts(as_bytes(row), kDay, resolution_ms, {kDay, kDay + kDayMs}, counts));
    EXPECT_EQ(counts.size(), cells.size());
  }
}

TEST(SketchRow, RowsOfMoreBucketsThanABlockHolds) {
  Samples in;
  std::mt19937_64 random(1);
  for (int i = 1; i <= 86'400; ++i) {
    in.add(kDay + i * kSecondMs, std::ldexp(1, static_cast<int>(random() % 1'000)));
  }
  std::vector<TimedCell> cells;
  CellSketches sketches;
  const std::string row = row_of(in, kMinuteMs, 1'000, cells, sketches);
  EXPECT_GT(sketches.keys.size(), 65'536U);
  std::vector<TimedCell> got;
  CellSketches read;
  ASSERT_TRUE(CellRowDecoder().decode(as_bytes(row), kDay, kMinuteMs, kSketched, got, &read));
  EXPECT_EQ(read.keys, sketches.keys);
  EXPECT_EQ(read.counts, sketches.counts);
  EXPECT_EQ(read.ends, sketches.ends);
}

TEST(SketchRow, DamageIsAnErrorOrOtherSketches) {
  CellRowDecoder decoder;
  std::size_t errors = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random);
    std::vector<TimedCell> cells;
    CellSketches sketches;
    const std::string row = row_of(in, kHourMs, 10'000, cells, sketches);
    const std::size_t behind = describe_row(as_bytes(row))->sketch_bytes + 8;
    const SketchScale scale(10'000);
    for (int flip = 0; flip < 300; ++flip) {
      std::string other = row;
      other[random() % std::min(behind, row.size())] ^= static_cast<char>(1U << random() % 8);
      std::vector<TimedCell> got;
      CellSketches read;
      if (!decoder.decode(as_bytes(other), kDay, kHourMs, kSketched, got, &read)) {
        ASSERT_TRUE(got.empty());
        ++errors;
        continue;
      }
      ASSERT_EQ(read.ends.size(), got.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        std::uint64_t n = 0;
        for (std::size_t b = read.begin_of(i); b < read.ends[i]; ++b) {
          ASSERT_TRUE(b == read.begin_of(i) || read.keys[b - 1] < read.keys[b]);
          n += read.counts[b];
        }
        ASSERT_TRUE(n == 0 || n == got[i].cell.n);
      }
      CellValues values;
      if (read.accuracy_ppm == 10'000) append_values(got, read, scale, values);
    }
  }
  EXPECT_GT(errors, 5'000U);
}

// What a quantile of raw samples lies between.
struct Between {
  double lower, above, weight;
};
Between between(double q, const std::vector<double>& sorted) {
  const double rank = q * (static_cast<double>(sorted.size()) - 1);
  const auto at = static_cast<std::size_t>(rank);
  return {sorted[at], sorted[std::min(at + 1, sorted.size() - 1)], rank - static_cast<double>(at)};
}

// Windows over rows of cells, some of which are samples instead: each answer is that of the samples
// with each neighbour off by at most α of itself, and the bound that is told holds.
TEST(CellQuantiles, AreWithinTheAccuracyOfThoseOfSamples) {
  CellRowDecoder decoder;
  std::size_t compared = 0;
  std::size_t sketched = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random);
    const std::uint32_t ppm = seed % 3 == 0 ? 1'000 : seed % 3 == 1 ? 10'000 : 100'000;
    const DurationMs resolution_ms = random() % 2 == 0 ? 5 * kMinuteMs : kHourMs;
    std::vector<TimedCell> cells;
    CellSketches sketches;
    const std::string row = row_of(in, resolution_ms, ppm, cells, sketches);
    std::vector<TimedCell> got;
    CellSketches read;
    ASSERT_TRUE(decoder.decode(as_bytes(row), kDay, resolution_ms, kSketched, got, &read));
    CellValues stored;
    append_values(got, read, SketchScale(ppm), stored);
    CellValues exact;
    add_to_values(in.t, in.v, resolution_ms, cells, exact);
    CellValues values;
    std::vector<TimeMs> ends;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      values.push_back(random() % 8 == 0 ? exact : stored, i);
      ends.push_back(cells[i].start_ms + resolution_ms);
    }
    const double q[] = {0, 0.5, 0.9, 0.99, 1, static_cast<double>(random() % 1'000) / 999};
    const Spec spec{Function::quantile, static_cast<DurationMs>(random() % 12 + 1) * resolution_ms,
                    q[random() % 6], 0};
    const DurationMs step = static_cast<DurationMs>(random() % 3 + 1) * resolution_ms;
    const Steps grid{kDay, kDay + kDayMs, step};
    std::vector<double> v(grid.count());
    std::vector<std::uint64_t> valid((v.size() + 63) / 64);
    const auto bounds = quantiles(spec, cells, values, ends, grid, 0, {v, valid});
    const double accuracy = ppm / 1e6;
    for (std::size_t i = 0; i < v.size(); ++i) {
      SCOPED_TRACE(i);
      std::vector<double> window;
      for (std::size_t s = 0; s < in.t.size(); ++s) {
        if (in.t[s] <= grid.at(i) - spec.range_ms || in.t[s] > grid.at(i)) continue;
        if (!is_stale(in.v[s])) window.push_back(in.v[s]);
      }
      ASSERT_EQ(((valid[i / 64] >> (i % 64)) & 1U) != 0, !window.empty());
      if (window.empty()) continue;
      std::sort(window.begin(), window.end(),
                [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
      ++compared;
      sketched += bounds[i].accuracy > 0 ? 1U : 0U;
      ASSERT_LE(bounds[i].accuracy, accuracy);
      const double raw = quantile_of_sorted(spec.parameter, window);
      if (!std::isfinite(raw)) {
        ASSERT_TRUE(v[i] == raw || (std::isnan(v[i]) && std::isnan(raw))) << v[i] << ' ' << raw;
        continue;
      }
      const Between of = between(spec.parameter, window);
      const auto size = [](double x) { return std::isfinite(x) ? std::fabs(x) : 0; };
      const double sizes = size(of.lower) * (1 - of.weight) + size(of.above) * of.weight;
      // Values below 2^-1022 count as 0.
      const double rounding = 1e-14 * sizes + 0x1p-1022;
      const double off = std::fabs(v[i] - raw);
      ASSERT_LE(off, bounds[i].accuracy * sizes + rounding) << v[i] << ' ' << raw;
      ASSERT_LE(off, bounds[i].bound + rounding);
      if (spec.parameter == 0 || spec.parameter == 1) {
        ASSERT_EQ(v[i], raw) << "extremes are exact";
      }
    }
  }
  EXPECT_GT(compared, 15'000U);
  EXPECT_GT(sketched, 8'000U);
}

TEST(CellQuantiles, OfAConstantAreExact) {
  Samples in;
  for (int i = 1; i <= 2'000; ++i) in.add(kDay + i * 15 * kSecondMs, 0.1);
  std::vector<TimedCell> cells;
  CellSketches sketches;
  row_of(in, kHourMs, 100'000, cells, sketches);
  CellValues values;
  append_values(cells, sketches, SketchScale(100'000), values);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values.accuracy[i], 0);
  for (const double v : values.v) EXPECT_EQ(v, 0.1);
}

TEST(CellQuantiles, OutsideOfZeroToOneAreInfinite) {
  Samples in;
  for (int i = 1; i <= 300; ++i) in.add(kDay + i * kSecondMs, i);
  std::vector<TimedCell> cells;
  CellSketches sketches;
  row_of(in, kHourMs, 10'000, cells, sketches);
  CellValues values;
  append_values(cells, sketches, SketchScale(10'000), values);
  const std::vector<TimeMs> ends{kDay + kHourMs};
  const auto ask = [&](double q) {
    double v = 0;
    std::uint64_t valid = 0;
    const auto bounds = quantiles({Function::quantile, kHourMs, q, 0}, cells, values, ends,
                                  instant(kDay + kHourMs), 0, {{&v, 1}, {&valid, 1}});
    EXPECT_EQ(valid, 1U);
    EXPECT_EQ(bounds[0].accuracy, 0);
    return v;
  };
  EXPECT_EQ(ask(-0.1), -kInf);
  EXPECT_EQ(ask(1.1), kInf);
  EXPECT_TRUE(std::isnan(ask(kNan)));
}

}  // namespace
}  // namespace hygge::windows
