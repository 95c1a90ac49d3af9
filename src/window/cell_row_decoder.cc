// Reads rows of cells, which may be any bytes: lengths through a bounded reader, blocks through
// Pack's, and then each cell is checked for what the arithmetic of cells relies on.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "codec/pack/pack.h"
#include "window/cell_columns.h"
#include "window/cell_row.h"
#include "window/sketch_row.h"

namespace hygge::windows {

namespace {

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corruption, fmt::format("a row of cells: {}", what));
}

struct Header {
  CellParts parts;
  std::size_t cells = 0;
  std::uint8_t divisor = kPlainValues;
  Bytes sketches;
};

Result<Header> read_header(ByteReader& in) {
  const std::uint8_t version = in.byte();
  const std::uint8_t parts = in.byte();
  if (in.ok() && version != kCellRowVersion) {
    if (version == 0) return damaged("no version");
    return fail(ErrorCode::version,
                fmt::format("a row of cells of version {}: written by a newer library", version));
  }
  if (in.ok() && (parts & ~(kHasSpread | kHasRegression | kHasSketch)) != 0) {
    return fail(ErrorCode::version, "a row of cells has parts that a newer library wrote");
  }
  Header out;
  out.parts = {(parts & kHasSpread) != 0, (parts & kHasRegression) != 0, (parts & kHasSketch) != 0};
  const std::uint64_t cells = in.varint();
  out.divisor = in.byte();
  if (out.parts.sketch) out.sketches = as_bytes(in.text());
  if (!in.ok()) return damaged("cut short");
  if (cells == 0 || cells > kMaxRowCells) return damaged(fmt::format("{} cells", cells));
  if (out.divisor != kPlainValues && out.divisor >= pack::kDivisorCount) {
    return damaged("an unknown divisor");
  }
  if ((out.parts.regression || out.parts.sketch) && !out.parts.spread) {
    return damaged("impossible parts");
  }
  out.cells = static_cast<std::size_t>(cells);
  return out;
}

std::size_t columns_of(CellParts parts) {
  return parts.regression ? kColumns : parts.spread ? kSpreadColumns : kBasicColumns;
}

double read_bits(ByteReader& in) { return std::bit_cast<double>(in.le<std::uint64_t>()); }

// Times are checked by the caller.
Cell read_odd(ByteReader& in, TimeMs start_ms) {
  Cell cell;
  cell.n = in.varint();
  cell.stale_at_end = in.byte() != 0;
  cell.resets = in.varint();
  cell.changes = in.varint();
  const auto time = [&] {
    return static_cast<TimeMs>(static_cast<std::uint64_t>(in.zigzag_varint()) +
                               static_cast<std::uint64_t>(start_ms));
  };
  for (TimeMs* t : {&cell.t_first_ms, &cell.t_last_ms, &cell.t_before_last_ms, &cell.t_min_ms,
                    &cell.t_max_ms}) {
    *t = time();
  }
  for (double* v :
       {&cell.v_first, &cell.v_last, &cell.v_before_last, &cell.fallen, &cell.min, &cell.max,
        &cell.sum, &cell.sum_lost, &cell.mean, &cell.m2, &cell.t_mean, &cell.t_m2, &cell.tv_m2}) {
    *v = read_bits(in);
  }
  cell.counter.n = in.varint();
  cell.counter.t_first_ms = time();
  cell.counter.t_last_ms = time();
  for (double* v : {&cell.counter.v_first, &cell.counter.v_last, &cell.counter.increase}) {
    *v = read_bits(in);
  }
  return cell;
}

bool ordered(TimeMs start_ms, TimeMs first_ms, TimeMs last_ms, TimeMs end_ms, std::uint64_t n) {
  return start_ms < first_ms && last_ms <= end_ms &&
         (n == 1 ? first_ms == last_ms : first_ms < last_ms) &&
         n - 1 <= static_cast<std::uint64_t>(last_ms - first_ms);
}

// What merging and the window functions rely on.
bool is_sound(const TimedCell& one, DurationMs resolution_ms, bool extremes) {
  const Cell& cell = one.cell;
  const TimeMs end_ms = one.start_ms + resolution_ms;
  if (cell.n == 0) return cell.counter.n == 0;
  if (!ordered(one.start_ms, cell.t_first_ms, cell.t_last_ms, end_ms, cell.n)) return false;
  const auto inside = [&](TimeMs t_ms) {
    return cell.t_first_ms <= t_ms && t_ms <= cell.t_last_ms;
  };
  if (cell.n >= 2 && (!inside(cell.t_before_last_ms) || cell.t_before_last_ms == cell.t_last_ms)) {
    return false;
  }
  if (cell.resets >= cell.n || cell.changes >= cell.n || cell.counter.n > cell.n) return false;
  if (extremes && !(inside(cell.t_min_ms) && inside(cell.t_max_ms))) return false;
  return cell.counter.n == 0 || ordered(one.start_ms, cell.counter.t_first_ms,
                                        cell.counter.t_last_ms, end_ms, cell.counter.n);
}

// Any integers: a sum that wraps round fails the check of the cell.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

Result<CellRowFacts> describe_row(Bytes row) {
  ByteReader in(row);
  const auto header = read_header(in);
  if (!header) return tl::unexpected<Error>(header.error());
  ByteReader sketches(header->sketches);
  return CellRowFacts{header->cells, header->parts, header->sketches.size(),
                      static_cast<std::uint32_t>(sketches.varint())};
}

class CellRowDecoder::Impl {
 public:
  Result<CellParts> decode(Bytes row, TimeMs day_ms, DurationMs resolution_ms, CellParts wanted,
                           std::vector<TimedCell>& out, CellSketches* sketches);
  Result<void> decode_counts(Bytes row, TimeMs day_ms, DurationMs resolution_ms, TimeRange range,
                             CellCounts& out);

 private:
  struct Odd {
    std::size_t index;
    Bytes bytes;  // from the cell on
  };
  // Bit i: column i.
  using Columns = std::uint32_t;
  static_assert(kColumns <= 32);

  [[nodiscard]] Bytes pad(Bytes row);
  Result<void> read_odds(ByteReader& in, const Header& header);
  Result<void> read_columns(ByteReader& in, const Header& header, Columns wanted);
  void unscale_counts(const Header& header);
  void set_odd_counts(DurationMs resolution_ms);
  [[nodiscard]] bool counts_are_sound(DurationMs resolution_ms) const;
  void take_counts(std::size_t from, std::size_t until, TimeMs day_ms, DurationMs resolution_ms,
                   CellCounts& out);
  void unscale(const Header& header, bool extremes);
  [[nodiscard]] bool index_is_sound(DurationMs resolution_ms) const;
  [[nodiscard]] bool basics(std::size_t i, DurationMs resolution_ms, TimedCell& one) const;
  [[nodiscard]] bool spread(std::size_t i, Cell& cell) const;

  std::vector<std::uint8_t> padded_;
  std::vector<Odd> odd_;
  std::array<std::vector<std::int64_t>, kColumns> integers_;
  std::array<std::vector<double>, kColumns> values_;
  SketchScales scales_;
  std::vector<std::int64_t> numbers_;  // of sketches
};

Result<void> CellRowDecoder::Impl::read_odds(ByteReader& in, const Header& header) {
  odd_.clear();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > header.cells) return damaged("too many odd cells");
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t gap = in.varint();
    if (!in.ok() || gap >= header.cells - next) return damaged("an odd cell behind the last");
    next += static_cast<std::size_t>(gap);
    ByteReader from = in;
    odd_.push_back({next++, from.rest()});
    static_cast<void>(read_odd(in, 0));
  }
  if (!in.ok()) return damaged("cut short in an odd cell");
  return {};
}

Result<void> CellRowDecoder::Impl::read_columns(ByteReader& in, const Header& header,
                                                Columns wanted) {
  const std::size_t stored = columns_of(header.parts);
  const bool scaled = header.divisor != kPlainValues;
  for (std::size_t column = 0; column < stored; ++column) {
    const Bytes block = as_bytes(in.text());
    if (!in.ok()) return damaged("cut short");
    if (((wanted >> column) & 1U) == 0) continue;
    const bool values = is_value(column) && !(scaled && may_be_scaled(column));
    const pack::Error error = values
                                  ? pack::decode_values(block, header.cells, values_[column])
                                  : pack::decode_integers(block, header.cells, integers_[column]);
    if (error != pack::Error::none) {
      return damaged(fmt::format("column {}: {}", column, pack::to_string(error)));
    }
  }
  if (!in.done()) return damaged("bytes behind the last column");
  return {};
}

// What is behind a row may be read, but is not.
Bytes CellRowDecoder::Impl::pad(Bytes row) {
  padded_.resize(row.size() + pack::kReadPadBytes);
  if (!row.empty()) std::memcpy(padded_.data(), row.data(), row.size());
  return {padded_.data(), row.size()};
}

// Distances become values.
void CellRowDecoder::Impl::unscale(const Header& header, bool extremes) {
  if (header.divisor == kPlainValues) return;
  const double d = pack::kDivisors[header.divisor];
  for (std::size_t column = 0; column < kColumns; ++column) {
    if (may_be_scaled(column)) values_[column].resize(header.cells);
  }
  std::int64_t before = 0;
  for (std::size_t i = 0; i < header.cells; ++i) {
    const std::int64_t last = integers_[kLastValue][i];
    const std::int64_t first = plus(before, integers_[kFirstValue][i]);
    before = last;
    values_[kLastValue][i] = static_cast<double>(last) / d;
    values_[kFirstValue][i] = static_cast<double>(first) / d;
    values_[kBeforeValue][i] = static_cast<double>(minus(last, integers_[kBeforeValue][i])) / d;
    values_[kFallen][i] = static_cast<double>(integers_[kFallen][i]) / d;
    if (!extremes) continue;
    values_[kMin][i] = static_cast<double>(minus(std::min(first, last), integers_[kMin][i])) / d;
    values_[kMax][i] = static_cast<double>(plus(std::max(first, last), integers_[kMax][i])) / d;
  }
}

bool CellRowDecoder::Impl::index_is_sound(DurationMs resolution_ms) const {
  const std::vector<std::int64_t>& index = integers_[kIndex];
  if (index.front() < 0 || index.back() >= kDayMs / resolution_ms) return false;
  // Rising, from first to last: then none in between is out of range, nor can a difference wrap.
  bool rises = true;
  for (std::size_t i = 1; i < index.size(); ++i) rises &= index[i - 1] < index[i];
  return rises;
}

bool CellRowDecoder::Impl::basics(std::size_t i, DurationMs resolution_ms, TimedCell& one) const {
  Cell& cell = one.cell;
  const std::int64_t n = integers_[kCount][i];
  const std::int64_t from_end = integers_[kEndGap][i];
  const std::int64_t from_start = integers_[kStartGap][i];
  const std::int64_t step = integers_[kLastStep][i];
  const std::int64_t resets = integers_[kResets][i];
  const std::int64_t same = integers_[kNoChanges][i];
  const auto up_to = [](std::int64_t x, std::int64_t limit) { return x >= 0 && x <= limit; };
  if (n < 1 || n > resolution_ms || !up_to(from_end, resolution_ms) ||
      !up_to(from_start, resolution_ms) || !up_to(step, resolution_ms) || !up_to(resets, n - 1) ||
      !up_to(same, n - 1) || !up_to(integers_[kStale][i], 1)) {
    return false;
  }
  cell.n = static_cast<std::uint64_t>(n);
  cell.t_first_ms = one.start_ms + from_start;
  cell.t_last_ms = one.start_ms + resolution_ms - from_end;
  cell.v_first = values_[kFirstValue][i];
  cell.v_last = values_[kLastValue][i];
  if (n >= 2) {
    cell.t_before_last_ms = cell.t_last_ms - step;
    cell.v_before_last = values_[kBeforeValue][i];
  }
  cell.stale_at_end = integers_[kStale][i] != 0;
  cell.resets = static_cast<std::uint64_t>(resets);
  cell.changes = static_cast<std::uint64_t>(n - 1 - same);
  cell.fallen = values_[kFallen][i];
  cell.counter = {cell.n,       cell.t_first_ms, cell.t_last_ms,
                  cell.v_first, cell.v_last,     cell.v_last - cell.v_first + cell.fallen};
  return true;
}

bool CellRowDecoder::Impl::spread(std::size_t i, Cell& cell) const {
  const DurationMs span = cell.t_last_ms - cell.t_first_ms;
  const auto n = static_cast<std::int64_t>(cell.n);
  const auto time = [&](std::size_t place, std::size_t rest, TimeMs& out) {
    const std::int64_t p = integers_[place][i];
    const std::int64_t r = integers_[rest][i];
    if (p < 0 || p >= n || r < -kDayMs || r > kDayMs) return false;
    out = cell.t_first_ms + (n > 1 ? span * p / (n - 1) : 0) + r;
    return true;
  };
  cell.min = values_[kMin][i];
  cell.max = values_[kMax][i];
  cell.sum = values_[kSum][i];
  cell.mean = cell.sum / static_cast<double>(cell.n);
  cell.m2 = values_[kM2][i];
  return time(kMinPlace, kMinRest, cell.t_min_ms) && time(kMaxPlace, kMaxRest, cell.t_max_ms);
}

Result<CellParts> CellRowDecoder::Impl::decode(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                               CellParts wanted, std::vector<TimedCell>& out,
                                               CellSketches* sketches) {
  HYGGE_ASSERT(is_resolution(resolution_ms));
  ByteReader in(pad(row));
  const auto header = read_header(in);
  if (!header) return tl::unexpected<Error>(header.error());
  wanted.spread = (wanted.spread || wanted.regression) && header->parts.spread;
  wanted.regression = wanted.regression && header->parts.regression;
  auto read = read_odds(in, *header);
  if (read) read = read_columns(in, *header, (Columns{1} << columns_of(wanted)) - 1);
  if (!read) return tl::unexpected<Error>(read.error());
  if (!index_is_sound(resolution_ms)) return damaged("cells out of order");
  unscale(*header, wanted.spread);
  const std::size_t before = out.size();
  out.resize(before + header->cells);
  auto odd = odd_.begin();
  for (std::size_t i = 0; i < header->cells; ++i) {
    TimedCell& one = out[before + i];
    one.start_ms = day_ms + integers_[kIndex][i] * resolution_ms;
    bool sound = true;
    if (odd != odd_.end() && odd->index == i) {
      ByteReader bytes(odd->bytes);
      one.cell = read_odd(bytes, one.start_ms);
      ++odd;
    } else {
      sound = basics(i, resolution_ms, one) && (!wanted.spread || spread(i, one.cell));
      if (wanted.regression) {
        one.cell.t_mean = values_[kTimeMean][i];
        one.cell.t_m2 = values_[kTimeM2][i];
        one.cell.tv_m2 = values_[kTimeValueM2][i];
      }
    }
    if (sound && is_sound(one, resolution_ms, wanted.spread)) continue;
    out.resize(before);
    return damaged(fmt::format("cell {} contradicts itself", i));
  }
  if (sketches == nullptr) return header->parts;
  sketches->clear();
  sketches->ends.resize(header->cells);
  if (!header->parts.sketch) return header->parts;
  const char* const wrong =
      read_sketches(header->sketches, std::span(out).subspan(before), scales_, numbers_, *sketches);
  if (wrong == nullptr) return header->parts;
  out.resize(before);
  return damaged(wrong);
}

// --- counts: column by column, without a branch a cell ------------------------------------------

// Values of the columns that CellCounts has.
void CellRowDecoder::Impl::unscale_counts(const Header& header) {
  if (header.divisor == kPlainValues) return;
  std::vector<std::int64_t>& first = integers_[kFirstValue];
  const std::vector<std::int64_t>& last = integers_[kLastValue];
  for (std::size_t i = 1; i < header.cells; ++i) first[i] = plus(last[i - 1], first[i]);
  const pack::Kernels& with = pack::kernels();
  for (const std::size_t column : {kLastValue, kFirstValue, kFallen}) {
    values_[column].resize(header.cells);
    // Signed and unsigned twins may alias.
    with.scale(reinterpret_cast<const std::uint64_t*>(integers_[column].data()),
               pack::kDivisors[header.divisor], header.cells, values_[column].data());
  }
}

// What the columns say of an odd cell means nothing: something that is sound.
void CellRowDecoder::Impl::set_odd_counts(DurationMs resolution_ms) {
  for (const Odd& odd : odd_) {
    integers_[kCount][odd.index] = 1;
    integers_[kEndGap][odd.index] = 0;
    integers_[kStartGap][odd.index] = resolution_ms;
    integers_[kStale][odd.index] = 0;
  }
}

// What basics() and is_sound() ask of these columns. Whatever must not be negative is gathered in
// one sign bit; a number beyond its bound is not used in a difference that could wrap back.
bool CellRowDecoder::Impl::counts_are_sound(DurationMs resolution_ms) const {
  const auto resolution = static_cast<std::uint64_t>(resolution_ms);
  std::uint64_t negative = 0;
  for (std::size_t i = 0; i < integers_[kCount].size(); ++i) {
    const auto n = static_cast<std::uint64_t>(integers_[kCount][i]);
    const auto from_end = static_cast<std::uint64_t>(integers_[kEndGap][i]);
    const auto from_start = static_cast<std::uint64_t>(integers_[kStartGap][i]);
    const auto stale = static_cast<std::uint64_t>(integers_[kStale][i]);
    const std::uint64_t span = resolution - from_end - from_start;  // first to last sample
    const std::uint64_t one = 0 - ((n - 2) >> 63U);                 // all bits if n < 2
    negative |= n | (n - 1) | (resolution - n) | from_end | (resolution - from_end) | from_start |
                (from_start - 1) | (resolution - from_start) | stale | (1 - stale) |
                (span - (n - 1)) | ((0 - span) & one);
  }
  return (negative >> 63U) == 0;
}

// Appends cells [from, until) of the row. Index and gaps become times where they stand, so that
// each column of `out` is written once.
void CellRowDecoder::Impl::take_counts(std::size_t from, std::size_t until, TimeMs day_ms,
                                       DurationMs resolution_ms, CellCounts& out) {
  std::int64_t* const start = integers_[kIndex].data();
  std::int64_t* const first = integers_[kStartGap].data();
  std::int64_t* const last = integers_[kEndGap].data();
  for (std::size_t i = from; i < until; ++i) {
    start[i] = day_ms + start[i] * resolution_ms;
    first[i] = start[i] + first[i];
    last[i] = start[i] + resolution_ms - last[i];
  }
  const auto take = [&](const auto& column, auto& into) {
    const auto begin = column.begin() + static_cast<std::ptrdiff_t>(from);
    into.insert(into.end(), begin, begin + static_cast<std::ptrdiff_t>(until - from));
  };
  take(integers_[kIndex], out.start_ms);
  take(integers_[kStartGap], out.t_first_ms);
  take(integers_[kEndGap], out.t_last_ms);
  take(integers_[kCount], out.n);
  take(integers_[kStale], out.stale_at_end);
  take(values_[kFirstValue], out.v_first);
  take(values_[kLastValue], out.v_last);
  take(values_[kFallen], out.fallen);
}

Result<void> CellRowDecoder::Impl::decode_counts(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                                 TimeRange range, CellCounts& out) {
  HYGGE_ASSERT(is_resolution(resolution_ms));
  constexpr Columns kNeeded = 1U << kIndex | 1U << kCount | 1U << kEndGap | 1U << kStartGap |
                              1U << kLastValue | 1U << kFirstValue | 1U << kFallen | 1U << kStale;
  ByteReader in(pad(row));
  const auto header = read_header(in);
  if (!header) return tl::unexpected<Error>(header.error());
  auto read = read_odds(in, *header);
  if (read) read = read_columns(in, *header, kNeeded);
  if (!read) return read;
  if (!index_is_sound(resolution_ms)) return damaged("cells out of order");
  set_odd_counts(resolution_ms);
  if (!counts_are_sound(resolution_ms)) return damaged("a cell contradicts itself");
  unscale_counts(*header);
  const std::vector<std::int64_t>& index = integers_[kIndex];
  const auto at = [&](TimeMs t_ms) {
    const auto found =
        std::lower_bound(index.begin(), index.end(), (t_ms - day_ms) / resolution_ms);
    return static_cast<std::size_t>(found - index.begin());
  };
  const std::size_t from = at(range.after);
  const std::size_t until = at(range.until);
  const std::size_t before = out.size();
  take_counts(from, until, day_ms, resolution_ms, out);
  for (const Odd& odd : odd_) {
    if (odd.index < from || odd.index >= until) continue;
    const std::size_t place = before + odd.index - from;
    ByteReader bytes(odd.bytes);
    TimedCell one{out.start_ms[place], {}};
    one.cell = read_odd(bytes, one.start_ms);
    if (!is_sound(one, resolution_ms, false)) {
      out.resize(before);
      return damaged(fmt::format("cell {} contradicts itself", odd.index));
    }
    out.set(place, one);
  }
  return {};
}

CellRowDecoder::CellRowDecoder() : impl_(std::make_unique<Impl>()) {}
CellRowDecoder::CellRowDecoder(CellRowDecoder&&) noexcept = default;
CellRowDecoder& CellRowDecoder::operator=(CellRowDecoder&&) noexcept = default;
CellRowDecoder::~CellRowDecoder() = default;

Result<CellParts> CellRowDecoder::decode(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                         CellParts wanted, std::vector<TimedCell>& out,
                                         CellSketches* sketches) {
  return impl_->decode(row, day_ms, resolution_ms, wanted, out, sketches);
}

Result<void> CellRowDecoder::decode_counts(Bytes row, TimeMs day_ms, DurationMs resolution_ms,
                                           TimeRange range, CellCounts& out) {
  return impl_->decode_counts(row, day_ms, resolution_ms, range, out);
}

}  // namespace hygge::windows
