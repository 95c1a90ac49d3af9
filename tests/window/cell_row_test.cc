// Rows of cells: what is written is read, any bytes give cells or an error, and functions over what
// was read are functions over the samples.
#include "window/cell_row.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/source_dir.h"
#include "tests/window/oracle.h"
#include "tests/window/random_series.h"
#include "window/cell_functions.h"
#include "window/cell_windows.h"

namespace hygge::windows {
namespace {

using test::Samples;

constexpr TimeMs kDay = 20'454 * kDayMs;
constexpr CellParts kAll{true, true};

std::uint64_t bits(double v) { return std::bit_cast<std::uint64_t>(v); }

// Equal, but for what rows round: the sum's lost part, M2, and the increase beside markers, which
// were added up another way. `sizes` is Σ|v|.
void expect_same(const Cell& got, const Cell& cell, CellParts parts, double sizes) {
  EXPECT_EQ(got.n, cell.n);
  EXPECT_EQ(got.stale_at_end, cell.stale_at_end);
  if (cell.n == 0) return;
  EXPECT_EQ(got.t_first_ms, cell.t_first_ms);
  EXPECT_EQ(got.t_last_ms, cell.t_last_ms);
  EXPECT_EQ(bits(got.v_first), bits(cell.v_first));
  EXPECT_EQ(bits(got.v_last), bits(cell.v_last));
  EXPECT_EQ(got.t_before_last_ms, cell.t_before_last_ms);
  EXPECT_EQ(bits(got.v_before_last), bits(cell.v_before_last));
  EXPECT_EQ(got.resets, cell.resets);
  EXPECT_EQ(got.changes, cell.changes);
  EXPECT_EQ(bits(got.fallen), bits(cell.fallen));
  Cell::Counter counter = got.counter;
  counter.increase = cell.counter.increase;
  EXPECT_EQ(counter, cell.counter);
  EXPECT_NEAR(got.counter.increase, cell.counter.increase, 1e-13 * sizes);
  if (!parts.spread) return;
  EXPECT_EQ(bits(got.min), bits(cell.min));
  EXPECT_EQ(bits(got.max), bits(cell.max));
  EXPECT_EQ(got.t_min_ms, cell.t_min_ms);
  EXPECT_EQ(got.t_max_ms, cell.t_max_ms);
  EXPECT_EQ(bits(got.sum_value()), bits(cell.sum_value()));
  EXPECT_TRUE(got.m2 == cell.m2 || std::fabs(got.m2 - cell.m2) <= 5e-13 * cell.m2 ||
              std::isnan(cell.m2));
  if (!parts.regression) return;
  EXPECT_EQ(bits(got.t_mean), bits(cell.t_mean));
  EXPECT_EQ(bits(got.t_m2), bits(cell.t_m2));
  EXPECT_EQ(bits(got.tv_m2), bits(cell.tv_m2));
}

// A day's part of a random series, a staleness marker here and there.
Samples day_of(std::mt19937_64& random, std::size_t count) {
  const Samples made = test::RandomSeries(random).make(count);
  const bool markers = random() % 4 == 0;
  Samples out;
  for (std::size_t i = 0; i < made.t.size(); ++i) {
    const TimeMs t = kDay + 1 + (made.t[i] - made.t[0]);
    if (t > kDay + kDayMs) break;
    out.add(t, markers && random() % 9 == 0 ? stale_marker() : made.v[i]);
  }
  return out;
}

DurationMs resolution_of(std::mt19937_64& random) {
  constexpr DurationMs kResolutions[] = {kMinResolutionMs, kMinuteMs, 5 * kMinuteMs, kHourMs,
                                         kDayMs};
  return kResolutions[random() % 5];
}

// `counts` from `from` on are what CellCounts has of the cells that begin in `range`.
void expect_counts(const CellCounts& counts, std::size_t from, const std::vector<TimedCell>& cells,
                   TimeRange range) {
  for (const TimedCell& one : cells) {
    if (one.start_ms < range.after || one.start_ms >= range.until) continue;
    SCOPED_TRACE(one.start_ms - kDay);
    ASSERT_LT(from, counts.size());
    ASSERT_EQ(counts.start_ms[from], one.start_ms);
    ASSERT_EQ(counts.n[from], one.cell.n);
    ASSERT_EQ(counts.stale_at_end[from] != 0, one.cell.stale_at_end);
    if (one.cell.n > 0) {
      ASSERT_EQ(counts.t_first_ms[from], one.cell.t_first_ms);
      ASSERT_EQ(counts.t_last_ms[from], one.cell.t_last_ms);
      ASSERT_EQ(bits(counts.v_first[from]), bits(one.cell.v_first));
      ASSERT_EQ(bits(counts.v_last[from]), bits(one.cell.v_last));
      ASSERT_EQ(bits(counts.fallen[from]), bits(one.cell.fallen));
    }
    ++from;
  }
  ASSERT_EQ(from, counts.size());
}

TEST(CellRow, CountsAreThoseOfTheCells) {
  CellRowEncoder encoder;
  CellRowDecoder decoder;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random, random() % 2'000 + 1);
    const DurationMs resolution_ms = resolution_of(random);
    const CellParts parts{random() % 4 != 0, random() % 3 == 0};
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, resolution_ms, cells, parts);
    const std::string row = encoder.encode(cells, kDay, resolution_ms, parts);
    const auto some = [&] {
      const auto k = static_cast<std::uint64_t>(kDayMs / resolution_ms) + 1;
      return kDay + static_cast<DurationMs>(random() % k) * resolution_ms;
    };
    const TimeMs a = some();
    const TimeMs b = some();
    CellCounts counts;
    counts.resize(1);
    for (const TimeRange range :
         {TimeRange{kDay, kDay + kDayMs}, TimeRange{std::min(a, b), std::max(a, b)}}) {
      const std::size_t from = counts.size();
      const auto read = decoder.decode_counts(as_bytes(row), kDay, resolution_ms, range, counts);
      ASSERT_TRUE(read) << read.error().message;
      expect_counts(counts, from, cells, range);
      if (HasFatalFailure()) return;
    }
  }
}

// Over a grid of windows: as from whole cells, and those are compared with the samples elsewhere.
TEST(CellRow, FunctionsOverCountsAreFunctionsOverCells) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random, random() % 600 + 1);
    const DurationMs resolution_ms = random() % 2 == 0 ? kMinuteMs : 5 * kMinuteMs;
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, resolution_ms, cells, {false, false});
    CellCounts counts;
    double sizes = 0;
    for (const TimedCell& one : cells) counts.push_back(one);
    for (const double v : in.v) sizes += std::isfinite(v) ? std::fabs(v) : 0;
    const auto cells_of = [&](std::uint64_t most) {
      return static_cast<DurationMs>(random() % most + 1) * resolution_ms;
    };
    const TimeMs first = kDay + cells_of(100);
    const DurationMs step = cells_of(8);
    const Steps grid{first, first + static_cast<TimeMs>(random() % 90) * step, step};
    for (int function = 0; function <= static_cast<int>(Function::newest_time); ++function) {
      SCOPED_TRACE(function);
      const Spec spec{static_cast<Function>(function), cells_of(40), 0, 0};
      if (!counts_suffice(spec.function)) continue;
      std::vector<double> v(grid.count());
      std::vector<double> want(grid.count());
      std::vector<std::uint64_t> valid((grid.count() + 63) / 64);
      std::vector<std::uint64_t> want_valid(valid.size());
      evaluate(spec, counts, grid, 0, {v, valid});
      evaluate(spec, cells, grid, 0, {want, want_valid});
      ASSERT_EQ(valid, want_valid);
      for (std::size_t i = 0; i < v.size(); ++i) {
        if (bits(v[i]) == bits(want[i]) || (std::isnan(v[i]) && std::isnan(want[i]))) continue;
        ASSERT_GE(spec.function, Function::prom_increase);
        ASSERT_LE(spec.function, Function::prom_delta);
        ASSERT_NEAR(v[i], want[i], 1e-12 * sizes) << i;
      }
    }
  }
}

TEST(CellRow, WhatIsWrittenIsRead) {
  CellRowEncoder encoder;
  CellRowDecoder decoder;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random, random() % 2'000 + 1);
    const DurationMs resolution_ms = resolution_of(random);
    const CellParts parts{random() % 4 != 0, random() % 3 == 0};
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, resolution_ms, cells, parts);
    const std::string row = encoder.encode(cells, kDay, resolution_ms, parts);
    EXPECT_EQ(row, CellRowEncoder().encode(cells, kDay, resolution_ms, parts));
    std::vector<TimedCell> got(1);
    const auto read = decoder.decode(as_bytes(row), kDay, resolution_ms, kAll, got);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->regression, parts.regression);
    EXPECT_EQ(read->spread, parts.spread || parts.regression);
    EXPECT_EQ(describe_row(as_bytes(row))->cells, cells.size());
    ASSERT_EQ(got.size(), cells.size() + 1) << "appends";
    double sizes = 0;
    for (const double v : in.v) sizes += std::isfinite(v) ? std::fabs(v) : 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      SCOPED_TRACE(i);
      ASSERT_EQ(got[i + 1].start_ms, cells[i].start_ms);
      expect_same(got[i + 1].cell, cells[i].cell, {read->spread, read->regression}, sizes);
      if (HasFailure()) return;
    }
    // Less is wanted: the rest is the same.
    got.clear();
    ASSERT_TRUE(decoder.decode(as_bytes(row), kDay, resolution_ms, {false, false}, got));
    for (std::size_t i = 0; i < cells.size(); ++i)
      expect_same(got[i].cell, cells[i].cell, {false, false}, sizes);
    if (HasFailure()) return;
  }
}

// The whole way: samples, cells, a coarser tier, rows, cells, merged, a function; against the
// definitions.
TEST(CellRowProperty, FunctionsOverStoredCellsAreFunctionsOverSamples) {
  CellRowEncoder encoder;
  CellRowDecoder decoder;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples raw = day_of(random, random() % 300 + 1);
    Samples in;
    for (std::size_t i = 0; i < raw.t.size(); ++i) {
      if (!is_stale(raw.v[i])) in.add(raw.t[i], raw.v[i]);
    }
    const DurationMs fine_ms = random() % 2 == 0 ? kMinuteMs : 5 * kMinuteMs;
    const DurationMs resolution_ms = random() % 2 == 0 ? fine_ms : kHourMs;
    std::vector<TimedCell> cells;
    add_to_cells(raw.t, raw.v, fine_ms, cells);
    if (resolution_ms != fine_ms) coarser(std::exchange(cells, {}), resolution_ms, cells);
    const std::string row = encoder.encode(cells, kDay, resolution_ms, kAll);
    std::vector<TimedCell> stored;
    ASSERT_TRUE(decoder.decode(as_bytes(row), kDay, resolution_ms, kAll, stored));
    const auto count = static_cast<DurationMs>(random() % 30) + 1;
    const TimeMs end_ms = stored[random() % stored.size()].start_ms + resolution_ms;
    const TimeMs start_ms = end_ms - count * resolution_ms;
    const DurationMs lookback_ms = resolution_ms + static_cast<DurationMs>(random() % 100'000);
    Cell window;
    Cell before;
    for (const TimedCell& one : stored) {
      if (one.start_ms < start_ms) before.merge(one.cell, lookback_ms);
      if (one.start_ms >= start_ms && one.start_ms < end_ms) window.merge(one.cell, lookback_ms);
    }
    double sizes = 0;
    bool integers = true;
    for (std::size_t i = 0; i < in.t.size(); ++i) {
      if (in.t[i] <= start_ms || in.t[i] > end_ms || !std::isfinite(in.v[i])) continue;
      sizes += std::fabs(in.v[i]);
      integers = integers && in.v[i] == std::floor(in.v[i]) && std::fabs(in.v[i]) < 1e12;
    }
    if (integers) sizes = 0;  // bit for bit
    for (int function = 0; function <= static_cast<int>(Function::max_time); ++function) {
      SCOPED_TRACE(function);
      const Spec spec{static_cast<Function>(function), end_ms - start_ms, 30, lookback_ms};
      if (!cells_suffice(spec.function)) continue;
      const auto expected = test::Oracle(spec, in, end_ms).answer();
      const auto got = apply(spec, window, before, end_ms, end_ms);
      ASSERT_EQ(got.has_value(), expected.has_value());
      if (!expected) continue;
      test::Expected within = *expected;
      // A sum of sums, each rounded once.
      if (spec.function == Function::sum) within.bound += 1e-12 * sizes;
      if (spec.function == Function::avg)
        within.bound += 1e-12 * sizes / static_cast<double>(window.n);
      ASSERT_TRUE(within.fits(*got))
          << *got << ", not " << expected->value << " ± " << expected->bound;
    }
  }
}

// Every prefix, and flipped bits: cells or an error, nothing else.
TEST(CellRow, DamageIsAnErrorOrOtherCells) {
  CellRowDecoder decoder;
  std::size_t errors = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Samples in = day_of(random, random() % 200 + 1);
    const DurationMs resolution_ms = resolution_of(random);
    std::vector<TimedCell> cells;
    add_to_cells(in.t, in.v, resolution_ms, cells);
    const std::string row = CellRowEncoder().encode(cells, kDay, resolution_ms, kAll);
    std::vector<TimedCell> got;
    for (std::size_t size = 0; size < row.size(); ++size) {
      ASSERT_FALSE(decoder.decode(as_bytes(row).first(size), kDay, resolution_ms, kAll, got))
          << size;
      ASSERT_TRUE(got.empty());
    }
    ASSERT_FALSE(decoder.decode(as_bytes(row + '\0'), kDay, resolution_ms, kAll, got));
    const TimeRange day{kDay, kDay + kDayMs};
    CellCounts counts;
    for (std::size_t size = 0; size < row.size(); ++size) {
      ASSERT_FALSE(
          decoder.decode_counts(as_bytes(row).first(size), kDay, resolution_ms, day, counts));
      ASSERT_EQ(counts.size(), 0U);
    }
    for (int flip = 0; flip < 200; ++flip) {
      std::string other = row;
      other[random() % row.size()] ^= static_cast<char>(1U << random() % 8);
      got.clear();
      counts.resize(0);
      const auto counted = decoder.decode_counts(as_bytes(other), kDay, resolution_ms, day, counts);
      if (!decoder.decode(as_bytes(other), kDay, resolution_ms, kAll, got)) {
        ++errors;
        // What is unsound in a column that both read is unsound to both.
        got.clear();
        if (counted && decoder.decode(as_bytes(other), kDay, resolution_ms, {false, false}, got)) {
          expect_counts(counts, 0, got, day);
        }
        continue;
      }
      ASSERT_TRUE(counted);
      expect_counts(counts, 0, got, day);
      Cell all;
      for (const TimedCell& one : got) all.merge(one.cell);
    }
  }
  EXPECT_GT(errors, 1'000U);
}

// tests/golden/cell_rows.json: the bytes of rows, to be read for ever. HYGGE_GOLDEN_TO=FILE writes
// it anew.
TEST(CellRow, GoldenRows) {
  struct Case {
    const char* name;
    DurationMs resolution_ms;
    CellParts parts;
    Samples samples;
  };
  std::vector<Case> cases(6);
  cases[0] = {"counter, regular, restarts", 5 * kMinuteMs, {false, false}, {}};
  cases[1] = {"gauge of tenths, jitter", 5 * kMinuteMs, {true, false}, {}};
  cases[2] = {"full doubles, with regression", kHourMs, {true, true}, {}};
  cases[3] = {"NaN, infinities, markers", kHourMs, {true, false}, {}};
  cases[4] = {"one sample", kDayMs, {true, false}, {}};
  cases[5] = {"NaN, infinities, markers, with sketches of 1 %", kHourMs, {true, false, true}, {}};
  for (int i = 0; i < 1'200; ++i) {
    cases[0].samples.add(kDay + 7 + i * 15'000, (i % 500) * (i % 500 + 3) / 2);
    cases[1].samples.add(kDay + 7 + i * 15'000 + i * 37 % 11, (i * 31 % 173) * 0.1);
    cases[2].samples.add(kDay + 7 + i * 15'000, (i * 31 % 173) / 7.0 * 1e-3 + i);
    const double special[] = {1.5, std::numeric_limits<double>::quiet_NaN(), -2,
                              std::numeric_limits<double>::infinity(), stale_marker()};
    if (i % 100 < 50) cases[3].samples.add(kDay + 7 + i * 15'000, special[i / 10 % 5]);
    cases[5].samples.add(kDay + 7 + i * 15'000,
                         i % 40 == 0 ? special[i / 40 % 5] : (i * 31 % 173) * 0.1 - 3);
  }
  cases[4].samples.add(kDay + kDayMs, -0.0);
  const std::string file = test::in_source("tests/golden/cell_rows.json");
  nlohmann::json golden;
  if (std::getenv("HYGGE_GOLDEN_TO") == nullptr)
    golden = nlohmann::json::parse(std::ifstream(file));
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    std::vector<TimedCell> cells;
    add_to_cells(one.samples.t, one.samples.v, one.resolution_ms, cells, one.parts);
    CellSketches sketches;
    if (one.parts.sketch) {
      SketchBuilder().build(one.samples.t, one.samples.v, cells, one.resolution_ms,
                            SketchScale(10'000), sketches);
    }
    const std::string row = CellRowEncoder().encode(cells, kDay, one.resolution_ms, one.parts,
                                                    one.parts.sketch ? &sketches : nullptr);
    std::string hex;
    for (const std::uint8_t byte : as_bytes(row)) hex += fmt::format("{:02x}", byte);
    if (std::getenv("HYGGE_GOLDEN_TO") != nullptr) {
      golden[one.name] = hex;
      continue;
    }
    EXPECT_EQ(golden.at(one.name), hex);
  }
  if (const char* to = std::getenv("HYGGE_GOLDEN_TO")) std::ofstream(to) << golden.dump(1) << '\n';
}

TEST(CellRow, ANewerVersionIsNamed) {
  std::vector<TimedCell> cells;
  add_to_cells(std::vector<TimeMs>{kDay + 1}, std::vector<double>{1}, kHourMs, cells);
  std::string row = CellRowEncoder().encode(cells, kDay, kHourMs, {});
  row[0] = 2;
  EXPECT_EQ(describe_row(as_bytes(row)).error().code, ErrorCode::version);
  row[0] = 1;
  row[1] = 8;
  EXPECT_EQ(describe_row(as_bytes(row)).error().code, ErrorCode::version);
}

TEST(CellRow, ResolutionsDivideTheDay) {
  EXPECT_TRUE(is_resolution(5 * kMinuteMs));
  EXPECT_TRUE(is_resolution(kDayMs));
  EXPECT_FALSE(is_resolution(7 * kMinuteMs));
  EXPECT_FALSE(is_resolution(kSecondMs));
  EXPECT_FALSE(is_resolution(2 * kDayMs));
  EXPECT_FALSE(is_resolution(0));
}

}  // namespace
}  // namespace hygge::windows
