// Writes rows of cells. What is the same as elsewhere is left out, what is near something else is
// written as the distance to it.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "codec/pack/divisors.h"
#include "codec/pack/pack.h"
#include "window/cell_columns.h"
#include "window/cell_row.h"
#include "window/sketch_row.h"

namespace hygge::windows {

namespace {

// M2 needs no more: 4.5e-13 of it is less than 1e-12 · max v² of the variance.
double rounded_m2(double m2) {
  constexpr std::uint64_t kDropped = (1U << 12U) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(m2);
  return std::bit_cast<double>((bits + kDropped / 2 + 1) & ~kDropped);
}

bool is_odd(const Cell& cell, CellParts parts) {
  if (cell.n == 0 || cell.counter.n != cell.n) return true;
  const double increase = cell.v_last - cell.v_first + cell.fallen;
  if (!std::isfinite(increase)) return true;
  if (!parts.spread) return false;
  return !std::isfinite(cell.sum) || !std::isfinite(cell.m2) || !std::isfinite(cell.tv_m2);
}

void put_bits(std::string& out, double v) { put_le(out, std::bit_cast<std::uint64_t>(v)); }

void put_odd(std::string& out, const TimedCell& one) {
  const Cell& cell = one.cell;
  put_varint(out, cell.n);
  out.push_back(cell.stale_at_end ? 1 : 0);
  put_varint(out, cell.resets);
  put_varint(out, cell.changes);
  // Times that mean nothing, of a cell without samples say, may be anything: modulo 2^64.
  const auto time = [&](TimeMs t_ms) {
    put_varint(out, zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(t_ms) -
                                                     static_cast<std::uint64_t>(one.start_ms))));
  };
  for (const TimeMs t :
       {cell.t_first_ms, cell.t_last_ms, cell.t_before_last_ms, cell.t_min_ms, cell.t_max_ms}) {
    time(t);
  }
  for (const double v :
       {cell.v_first, cell.v_last, cell.v_before_last, cell.fallen, cell.min, cell.max, cell.sum,
        cell.sum_lost, cell.mean, cell.m2, cell.t_mean, cell.t_m2, cell.tv_m2}) {
    put_bits(out, v);
  }
  put_varint(out, cell.counter.n);
  time(cell.counter.t_first_ms);
  time(cell.counter.t_last_ms);
  for (const double v : {cell.counter.v_first, cell.counter.v_last, cell.counter.increase}) {
    put_bits(out, v);
  }
}

// a / b, neither negative. Dividing 32 bits takes a third of the time, and cells seldom need more.
std::int64_t quotient(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (a > kMost || b > kMost) return a / b;
  return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
}

// Where in the cell a time lies: the step that is nearest, and how far from it.
std::pair<std::int64_t, std::int64_t> place_of(const Cell& cell, TimeMs t_ms) {
  const DurationMs span = cell.t_last_ms - cell.t_first_ms;
  if (span == 0) return {0, 0};
  const auto steps = static_cast<std::int64_t>(cell.n) - 1;
  const DurationMs at = t_ms - cell.t_first_ms;
  const std::int64_t place = quotient(2 * at * steps + span, 2 * span);
  return {place, at - quotient(span * place, steps)};
}

}  // namespace

class CellRowEncoder::Impl {
 public:
  std::string encode(std::span<const TimedCell> cells, TimeMs day_ms, DurationMs resolution_ms,
                     CellParts parts, const CellSketches* sketches);

 private:
  void begin(std::span<const TimedCell> cells, CellParts parts);
  void fill(std::span<const TimedCell> cells, TimeMs day_ms, DurationMs resolution_ms,
            CellParts parts);
  void fill_values(std::size_t i, const Cell& cell, CellParts parts);
  [[nodiscard]] std::optional<std::size_t> divisor(std::span<const TimedCell> cells,
                                                   CellParts parts);
  void scale(std::size_t d);
  void write_column(std::size_t column, bool scaled, std::string& out);

  std::array<std::vector<std::int64_t>, kColumns> integers_;
  std::array<std::vector<double>, kColumns> values_;
  std::vector<double> all_;
  std::vector<std::uint8_t> odd_;
  std::vector<std::uint8_t> single_;  // cells of one sample
  std::string block_;
  pack::Encoder pack_;
};

void CellRowEncoder::Impl::begin(std::span<const TimedCell> cells, CellParts parts) {
  const std::size_t n = cells.size();
  odd_.resize(n);
  single_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    odd_[i] = is_odd(cells[i].cell, parts) ? 1 : 0;
    single_[i] = cells[i].cell.n == 1 ? 1 : 0;
  }
  for (std::size_t column = 0; column < kColumns; ++column) {
    if (is_value(column)) {
      values_[column].assign(n, 0);
    } else {
      integers_[column].assign(n, 0);
    }
  }
}

void CellRowEncoder::Impl::fill_values(std::size_t i, const Cell& cell, CellParts parts) {
  values_[kLastValue][i] = cell.v_last;
  values_[kFirstValue][i] = cell.v_first;
  values_[kBeforeValue][i] = cell.n >= 2 ? cell.v_before_last : cell.v_last;
  values_[kFallen][i] = cell.fallen;
  if (!parts.spread) return;
  values_[kMin][i] = cell.min;
  values_[kMax][i] = cell.max;
  values_[kSum][i] = cell.sum_value();
  values_[kM2][i] = rounded_m2(cell.m2);
  values_[kTimeMean][i] = cell.t_mean;
  values_[kTimeM2][i] = cell.t_m2;
  values_[kTimeValueM2][i] = cell.tv_m2;
}

void CellRowEncoder::Impl::fill(std::span<const TimedCell> cells, TimeMs day_ms,
                                DurationMs resolution_ms, CellParts parts) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const TimedCell& one = cells[i];
    const Cell& cell = one.cell;
    integers_[kIndex][i] = (one.start_ms - day_ms) / resolution_ms;
    if (odd_[i] != 0) {  // repeats the cell before
      for (std::size_t column = kCount; i > 0 && column < kColumns; ++column) {
        if (is_value(column)) {
          values_[column][i] = values_[column][i - 1];
        } else {
          integers_[column][i] = integers_[column][i - 1];
        }
      }
      continue;
    }
    const auto n = static_cast<std::int64_t>(cell.n);
    integers_[kCount][i] = n;
    integers_[kEndGap][i] = one.start_ms + resolution_ms - cell.t_last_ms;
    integers_[kStartGap][i] = cell.t_first_ms - one.start_ms;
    integers_[kLastStep][i] = n >= 2 ? cell.t_last_ms - cell.t_before_last_ms : 0;
    integers_[kResets][i] = static_cast<std::int64_t>(cell.resets);
    integers_[kNoChanges][i] = n - 1 - static_cast<std::int64_t>(cell.changes);
    integers_[kStale][i] = cell.stale_at_end ? 1 : 0;
    if (parts.spread) {
      std::tie(integers_[kMinPlace][i], integers_[kMinRest][i]) = place_of(cell, cell.t_min_ms);
      std::tie(integers_[kMaxPlace][i], integers_[kMaxRest][i]) = place_of(cell, cell.t_max_ms);
    }
    fill_values(i, cell, parts);
  }
}

// One under which all values of the row that are no sums are integers.
std::optional<std::size_t> CellRowEncoder::Impl::divisor(std::span<const TimedCell> cells,
                                                         CellParts parts) {
  all_.clear();
  for (std::size_t column = 0; column < kColumns; ++column) {
    if (!may_be_scaled(column) || (column >= kMin && !parts.spread)) continue;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (odd_[i] == 0) all_.push_back(values_[column][i]);
    }
  }
  if (all_.empty()) return std::nullopt;
  if (const auto decimal = pack::exact_decimal(all_, pack::kernels())) return decimal;
  return pack::exact_other(all_, pack::kernels());
}

void CellRowEncoder::Impl::scale(std::size_t d) {
  const pack::Kernels& with = pack::kernels();
  const std::size_t n = odd_.size();
  for (std::size_t column = 0; column < kColumns; ++column) {
    if (!may_be_scaled(column)) continue;
    integers_[column].resize(pack::lane_room(n));
    with.quotients(values_[column].data(), n, pack::kDivisors[d], integers_[column].data());
    integers_[column].resize(n);
  }
  std::vector<std::int64_t>& last = integers_[kLastValue];
  std::vector<std::int64_t>& first = integers_[kFirstValue];
  for (std::size_t i = n; i-- > 0;) {
    integers_[kMin][i] = std::min(first[i], last[i]) - integers_[kMin][i];
    integers_[kMax][i] = integers_[kMax][i] - std::max(first[i], last[i]);
    integers_[kBeforeValue][i] = single_[i] != 0 ? 0 : last[i] - integers_[kBeforeValue][i];
    if (i > 0) first[i] -= last[i - 1];
  }
}

void CellRowEncoder::Impl::write_column(std::size_t column, bool scaled, std::string& out) {
  block_.clear();
  if (is_value(column) && !(scaled && may_be_scaled(column))) {
    pack_.append_values(values_[column], block_);
  } else {
    pack_.append_integers(integers_[column], block_);
  }
  put_text(out, block_);
}

std::string CellRowEncoder::Impl::encode(std::span<const TimedCell> cells, TimeMs day_ms,
                                         DurationMs resolution_ms, CellParts parts,
                                         const CellSketches* sketches) {
  HYGGE_ASSERT(!cells.empty() && cells.size() <= kMaxRowCells);
  HYGGE_ASSERT(parts.sketch == (sketches != nullptr));
  parts.spread = parts.spread || parts.regression || parts.sketch;
  if (sketches != nullptr) parts.sketch = sketches->keys.size() <= kMaxRowBuckets;
  begin(cells, parts);
  fill(cells, day_ms, resolution_ms, parts);
  std::string out(1, static_cast<char>(kCellRowVersion));
  out.push_back(static_cast<char>((parts.spread ? kHasSpread : 0) |
                                  (parts.regression ? kHasRegression : 0) |
                                  (parts.sketch ? kHasSketch : 0)));
  put_varint(out, cells.size());
  const auto d = divisor(cells, parts);
  out.push_back(static_cast<char>(d ? static_cast<std::uint8_t>(*d) : kPlainValues));
  if (parts.sketch) {
    block_.clear();
    put_sketches(cells, *sketches, pack_, block_);
    put_text(out, block_);
  }
  put_varint(out, static_cast<std::uint64_t>(std::count(odd_.begin(), odd_.end(), 1)));
  std::size_t next = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (odd_[i] == 0) continue;
    put_varint(out, i - next);
    put_odd(out, cells[i]);
    next = i + 1;
  }
  if (d) scale(*d);
  const std::size_t columns = parts.regression ? kColumns
                              : parts.spread   ? kSpreadColumns
                                               : kBasicColumns;
  for (std::size_t column = 0; column < columns; ++column) {
    write_column(column, d.has_value(), out);
  }
  return out;
}

CellRowEncoder::CellRowEncoder() : impl_(std::make_unique<Impl>()) {}
CellRowEncoder::CellRowEncoder(CellRowEncoder&&) noexcept = default;
CellRowEncoder& CellRowEncoder::operator=(CellRowEncoder&&) noexcept = default;
CellRowEncoder::~CellRowEncoder() = default;

std::string CellRowEncoder::encode(std::span<const TimedCell> cells, TimeMs day_ms,
                                   DurationMs resolution_ms, CellParts parts,
                                   const CellSketches* sketches) {
  return impl_->encode(cells, day_ms, resolution_ms, parts, sketches);
}

}  // namespace hygge::windows
