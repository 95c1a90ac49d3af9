// Windows over days whose samples have expired: whole cells answer exactly; a window whose
// beginning or end cuts a cell goes without it, and what that may amount to is said.
#include <fmt/format.h>
#include <hygge/sample.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "model/partition.h"
#include "query/tiers.h"
#include "window/cell_builder.h"
#include "window/cell_functions.h"
#include "window/cell_windows.h"

namespace hygge::tiers {

using windows::Function;

namespace {

// The step from one cell to the next, resets taken into account.
double joint(const Cell& before, const Cell& next) {
  if (before.counter.n == 0 || next.counter.n == 0) return 0;
  const double step = next.counter.v_first - before.counter.v_last;
  return step >= 0 ? step : next.counter.v_first;
}

// The cells that a window cuts, and what it holds.
struct Edges {
  const Cell* first = nullptr;        ///< begins before the window
  const Cell* last = nullptr;         ///< ends after it
  const Cell* before = nullptr;       ///< the one before `first`
  const Cell* inner_first = nullptr;  ///< of the whole ones; null: none
  const Cell* inner = nullptr;        ///< the last of them
  double sampled_ms = 0;              ///< from the first to the last sample of the whole ones
  double inner_increase = 0;          ///< of them
  double inner_n = 0;                 ///< samples of them, where a function needs it; so
  double inner_mean = 0;

  template <typename Of>
  [[nodiscard]] double sum(Of&& of) const {
    return (first != nullptr ? of(*first) : 0.0) + (last != nullptr ? of(*last) : 0.0);
  }
  template <typename Of>
  void each(Of&& of) const {
    if (first != nullptr) of(*first);
    if (last != nullptr) of(*last);
  }
  // What the cells that are cut may add to an increase.
  [[nodiscard]] double increase() const {
    double out = sum([](const Cell& cell) { return cell.counter.increase; });
    if (first != nullptr && before != nullptr) out += joint(*before, *first);
    if (first != nullptr && inner_first != nullptr) out += joint(*first, *inner_first);
    const Cell* const ahead = inner != nullptr ? inner : first;
    if (last != nullptr && ahead != nullptr) out += joint(*ahead, *last);
    return out;
  }
};

// The increase up to the end of each cell.
std::vector<double> increases(std::span<const TimedCell> cells) {
  std::vector<double> out;
  out.reserve(cells.size());
  const Cell* before = nullptr;
  double total = 0;
  for (const TimedCell& one : cells) {
    if (one.cell.counter.n > 0) {
      if (before != nullptr) total += joint(*before, one.cell);
      total += one.cell.counter.increase;
      before = &one.cell;
    }
    out.push_back(total);
  }
  return out;
}

struct Between {
  double low = 0;
  double high = 0;

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // How far the other end may be from `value`.
  [[nodiscard]] double farthest(double value) const {
    return std::max(std::abs(low - value), std::abs(high - value));
  }
};

// What the samples of a cell lie between; none: one is no number, or they fall, and the cell says
// no extremes.
std::optional<Between> between(const Cell& cell) {
  if (cell.counter.n != cell.n) return std::nullopt;
  if (cell.resets == 0) return Between{cell.v_first, cell.v_last};
  if (cell.min < cell.max) return Between{cell.min, cell.max};
  return std::nullopt;
}

// How far a value of a cut cell may lie from `value`, which was taken instead.
std::optional<double> end_bound(const Cell* cut, double value) {
  if (cut == nullptr || cut->n == 0) return 0;
  const auto values = between(*cut);
  if (!values || !std::isfinite(value)) return std::nullopt;
  return values->farthest(value);
}

// The same of times, in seconds.
double time_bound(const Cell* cut, double value) {
  if (cut == nullptr || cut->n == 0) return 0;
  return Between{static_cast<double>(cut->t_first_ms) / 1e3,
                 static_cast<double>(cut->t_last_ms) / 1e3}
      .farthest(value);
}

// Of last − the last sample before the window, or the first in it: that one is of the cut cell, or
// stands beside it.
std::optional<double> delta_bound(const Edges& edges) {
  if (edges.inner == nullptr) return std::nullopt;
  const auto last = end_bound(edges.last, edges.inner->v_last);
  if (!last || edges.first == nullptr || edges.first->n == 0) return last;
  auto values = between(*edges.first);
  if (!values) return std::nullopt;
  for (const Cell* beside : {edges.before, edges.inner_first}) {
    if (beside == nullptr) continue;
    if (beside->counter.n != beside->n) return std::nullopt;
    values->add(beside == edges.before ? beside->v_last : beside->v_first);
  }
  return *last + (values->high - values->low);
}

// Extrapolated, it is stretched by 1 up to as much as the whole cells alone would be.
std::optional<double> prom_delta_bound(const windows::Spec& spec, double value,
                                       const Edges& edges) {
  if (edges.inner == nullptr || edges.sampled_ms <= 0) return std::nullopt;
  const auto first = end_bound(edges.first, edges.inner_first->v_first);
  const auto last = end_bound(edges.last, edges.inner->v_last);
  if (!first || !last) return std::nullopt;
  const double inner = edges.inner->v_last - edges.inner_first->v_first;
  const double stretch = static_cast<double>(spec.range_ms) / edges.sampled_ms;
  double most = 0;
  for (const double change : {inner - *first - *last, inner + *first + *last}) {
    most = std::max({most, std::abs(change - value), std::abs(change * stretch - value)});
  }
  return most;
}

// Samples that join n others of variance v lie up to d from their mean. The sum of the squares
// about the new mean is at least n·v, and at most that about the old one; the most that d can do is
// with all of them.
std::optional<double> variance_bound(const windows::Spec& spec, double value, const Edges& edges) {
  if (edges.inner == nullptr || !std::isfinite(value)) return std::nullopt;
  const bool deviation = spec.function == Function::stddev;
  const double variance = deviation ? value * value : value;
  double joining = 0;
  double farthest = 0;
  for (const Cell* cut : {edges.first, edges.last}) {
    if (cut == nullptr || cut->n == 0) continue;
    if (cut->counter.n != cut->n) return std::nullopt;
    joining += static_cast<double>(cut->n);
    farthest = std::max(farthest, Between{cut->min, cut->max}.farthest(edges.inner_mean));
  }
  const double all = edges.inner_n + joining;
  double least = variance * edges.inner_n / all;
  double greatest =
      std::max(variance, (variance * edges.inner_n + joining * farthest * farthest) / all);
  if (deviation) {
    least = std::sqrt(least);
    greatest = std::sqrt(greatest);
  }
  return std::max(value - least, greatest - value);
}

bool is_of_ends(Function function) {
  switch (function) {
    case Function::last:
    case Function::first:
    case Function::newest:
    case Function::delta:
    case Function::prom_delta:
      return true;
    default:
      return false;
  }
}

// How far `value` may be off; none: the cells do not tell.
std::optional<double> bound_of(const windows::Spec& spec, double value, const Edges& edges) {
  const double seconds = static_cast<double>(spec.range_ms) / 1e3;
  double most = 0;
  switch (spec.function) {
    case Function::present:
      return 0;
    case Function::count:
      return edges.sum([](const Cell& cell) { return static_cast<double>(cell.n); });
    case Function::sum:
      return edges.sum([](const Cell& cell) {
        return static_cast<double>(cell.n) * std::max(std::abs(cell.min), std::abs(cell.max));
      });
    case Function::avg:
      edges.each([&](const Cell& cell) {
        most = std::max({most, std::abs(cell.min - value), std::abs(cell.max - value)});
      });
      return most;
    case Function::min:
      edges.each([&](const Cell& cell) { most = std::max(most, value - cell.min); });
      return most;
    case Function::max:
      edges.each([&](const Cell& cell) { most = std::max(most, cell.max - value); });
      return most;
    case Function::changes:
      return edges.sum([](const Cell& cell) { return static_cast<double>(cell.changes) + 1; });
    case Function::resets:
      return edges.sum([](const Cell& cell) { return static_cast<double>(cell.resets) + 1; });
    case Function::last:
      return end_bound(edges.last, value);
    case Function::first:
      return end_bound(edges.first, value);
    case Function::newest:
      return edges.last != nullptr && edges.last->stale_at_end ? std::nullopt
                                                               : end_bound(edges.last, value);
    case Function::first_time:
      return time_bound(edges.first, value);
    case Function::last_time:
      return time_bound(edges.last, value);
    case Function::min_time:
    case Function::max_time:
      return std::max(time_bound(edges.first, value), time_bound(edges.last, value));
    case Function::stddev:
    case Function::stdvar:
      return variance_bound(spec, value, edges);
    case Function::delta:
      return delta_bound(edges);
    case Function::prom_delta:
      return prom_delta_bound(spec, value, edges);
    case Function::irate:
    case Function::idelta:
      // Of the last two samples, which lie where nothing is cut.
      if (edges.last != nullptr) return std::nullopt;
      return 0;
    case Function::increase:
      return edges.increase();
    case Function::rate:
      return edges.increase() / seconds;
    case Function::prom_increase:
    case Function::prom_rate: {
      // Extrapolated, it lies between what is counted and that stretched over the window.
      if (edges.sampled_ms <= 0) return std::nullopt;
      const double unit = spec.function == Function::prom_rate ? seconds : 1;
      const double least = edges.inner_increase / unit;
      const double stretch = static_cast<double>(spec.range_ms) / edges.sampled_ms;
      const double greatest = (edges.inner_increase + edges.increase()) * stretch / unit;
      return std::max(value - least, greatest - value);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

// Whether a window begins or ends inside a cell of the tier, in `range`.
bool Windows::is_cut(TimeRange range, DurationMs tier_ms) const {
  const auto first = std::lower_bound(cuts_.begin(), cuts_.end(), range.after);
  const auto last = std::upper_bound(first, cuts_.end(), range.until);
  return std::any_of(first, last, [&](TimeMs cut) { return cut % tier_ms != 0; });
}

// Those whose cells may answer, the finest first.
std::vector<DurationMs> Windows::readable_tiers() const {
  std::vector<DurationMs> out;
  const bool counts = spec_.function == Function::increase || spec_.function == Function::rate;
  for (const DurationMs tier : stored_) {
    if (choice_ && *choice_ != tier) continue;
    if (counts && tier > spec_.lookback_ms) continue;
    out.push_back(tier);
  }
  return out;
}

// Per day the coarsest tier that no window cuts, else the finest; equal days that follow each other
// as one.
std::vector<Windows::Day> Windows::plan_days(std::span<const TimeRange> expired) const {
  const std::vector<DurationMs> tiers = readable_tiers();
  // Most often all days are alike.
  DurationMs everywhere = 0;
  for (const DurationMs tier : tiers) {
    const bool cut = grid_.count() > 1 ? (grid_.at(0) - offset_ms_) % tier != 0 ||
                                             grid_.step_ms % tier != 0 || spec_.range_ms % tier != 0
                                       : true;
    if (!cut) everywhere = tier;
  }
  std::vector<Day> out;
  for (const TimeRange& range : expired) {
    for (TimeRange left = range; !left.empty();) {
      const TimeRange day = first_day(left);
      DurationMs chosen = everywhere;
      if (chosen == 0 && !tiers.empty()) {
        const auto whole = std::find_if(tiers.rbegin(), tiers.rend(),
                                        [&](DurationMs tier) { return !is_cut(day, tier); });
        chosen = whole == tiers.rend() ? tiers.front() : *whole;
      }
      if (!out.empty() && out.back().range.until == day.after && out.back().tier_ms == chosen) {
        out.back().range.until = day.until;
      } else {
        out.push_back({day, chosen});
      }
      left.after = day.until;
    }
  }
  return out;
}

// Where samples are: as the plan says, cut at the windows.
Result<void> Windows::read_live(const Series& series, TimeRange range, CellParts parts,
                                Series::CellsRead& total) {
  if (range.empty()) return {};
  std::vector<TimedCell> edge;
  CellValues edge_values;
  CellValues* const with_values = values() != nullptr ? &edge_values : nullptr;
  const auto take_edge = [&](TimeMs end_ms) {
    cells_.push_back(edge[0]);
    ends_.push_back(end_ms);
    if (with_values != nullptr) values_.push_back(edge_values, 0);
  };
  const auto add = [&](const Series::CellsRead& read) {
    total.rows += read.rows;
    total.cells += read.cells;
    total.samples += read.samples;
    if (read.rows > 0) note_read(tier_ms_);
  };
  for (const Segment& segment : segments_) {
    const TimeRange part = intersect(segment.range, range);
    if (part.empty()) continue;
    if (segment.cells) {
      const auto read = series.cells(tier_ms_, parts, part, cells_, values());
      if (!read) return tl::unexpected<Error>(read.error());
      add(*read);
      while (ends_.size() < cells_.size())
        ends_.push_back(cells_[ends_.size()].start_ms + tier_ms_);
      continue;
    }
    const auto read = read_segment(series, part, parts, edge, with_values);
    if (!read) return tl::unexpected<Error>(read.error());
    add(*read);
    if (!edge.empty()) take_edge(part.until);
  }
  if (!segments_.empty()) return {};
  // Samples, in pieces between the cuts.
  auto cut = std::upper_bound(cuts_.begin(), cuts_.end(), range.after);
  TimeMs from = range.after;
  const auto close = [&] {
    if (!edge.empty()) {
      edge[0].start_ms = from;
      take_edge(cut == cuts_.end() ? range.until : std::min(*cut, range.until));
      edge.clear();
      edge_values.resize(0);
    }
  };
  const bool counts = spec_.function == Function::increase || spec_.function == Function::rate;
  BlockCursor blocks = series.blocks(range);
  while (const Block* block = blocks.next()) {
    total.samples += block->t.size();
    for (std::size_t i = 0; i < block->t.size(); ++i) {
      while (cut != cuts_.end() && *cut < block->t[i]) {
        close();
        from = *cut++;
      }
      // Inside a cell every step counts: one longer than the lookback has to lie between two.
      if (counts && !edge.empty() && edge[0].cell.counter.n > 0 &&
          block->t[i] - edge[0].cell.counter.t_last_ms > spec_.lookback_ms) {
        close();
      }
      if (edge.empty()) edge.push_back({from, {}});
      edge[0].cell.add({block->t[i], block->v[i]});
      if (with_values == nullptr) continue;
      edge_values.resize(1);
      if (!is_stale(block->v[i])) edge_values.add(block->v[i], 1);
    }
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  close();
  return {};
}

// Rows of the day's tier, else of any other that will do, the finest first.
Result<void> Windows::read_expired(const Series& series, const Day& day, CellParts parts,
                                   Series::CellsRead& total) {
  std::vector<DurationMs> tiers = readable_tiers();
  std::stable_partition(tiers.begin(), tiers.end(),
                        [&](DurationMs tier) { return tier == day.tier_ms; });
  const std::size_t before = cells_.size();
  const auto forget = [&] {
    cells_.resize(before);
    if (values() != nullptr) values_.resize(before);
  };
  for (const DurationMs tier : tiers) {
    // Where a window cuts cells, extremes bound what its ends may be; counters have none.
    CellParts with_extremes = parts;
    if (is_of_ends(spec_.function) && is_cut(day.range, tier)) with_extremes.spread = true;
    auto read = series.expired_cells(tier, with_extremes, day.range, cells_, values());
    if (read && read->lost > 0 && !(with_extremes == parts)) {
      forget();
      read = series.expired_cells(tier, parts, day.range, cells_, values());
    }
    if (!read) return tl::unexpected<Error>(read.error());
    if (read->lost == 0) {
      total.rows += read->rows;
      total.cells += read->cells;
      note_read(tier);
      while (ends_.size() < cells_.size()) ends_.push_back(cells_[ends_.size()].start_ms + tier);
      return {};
    }
    forget();
    if (read->rows == 0) continue;
    // Some of the days have it.
    for (TimeRange left = day.range; !left.empty();) {
      const TimeRange one = first_day(left);
      if (auto done = read_expired(series, {one, day.tier_ms}, parts, total); !done) return done;
      left.after = one.until;
    }
    return {};
  }
  lost_.push_back(day.range);
  return {};
}

// Expired days from what is left of them, the others as planned.
Result<Series::CellsRead> Windows::evaluate_from_days(const Series& series, windows::RowOut out) {
  cells_.clear();
  values_.resize(0);
  ends_.clear();
  lost_.clear();
  const std::vector<TimeRange> expired = series.expired(hull_);
  met_expired_ = met_expired_ || !expired.empty();
  const CellParts parts = windows::parts_of(spec_.function);
  Series::CellsRead total;
  TimeMs at = hull_.after;
  for (const Day& day : plan_days(expired)) {
    auto done = read_live(series, {at, day.range.after}, parts, total);
    if (done) done = read_expired(series, day, parts, total);
    if (!done) return tl::unexpected<Error>(done.error());
    at = day.range.until;
  }
  if (auto done = read_live(series, {at, hull_.until}, parts, total); !done) {
    return tl::unexpected<Error>(done.error());
  }
  std::vector<windows::QuantileBound> sketched;
  if (values() != nullptr) {
    sketched = windows::quantiles(spec_, cells_, values_, ends_, grid_, offset_ms_, out);
  } else {
    windows::evaluate(spec_, cells_, ends_, grid_, offset_ms_, out);
  }
  const TimeMs expired_until_ms =
      expired.empty() ? 0 : partition_range(partition_of(expired.back().until)).until;
  look_for_edges(expired_until_ms, sketched, out);
  return total;
}

void merge(std::optional<Inexact>& into, const Inexact& one) {
  if (!into) {
    into = one;
    return;
  }
  into->windows += one.windows;
  into->resolution_ms = std::max(into->resolution_ms, one.resolution_ms);
  into->expired_until_ms = std::max(into->expired_until_ms, one.expired_until_ms);
  into->accuracy = std::max(into->accuracy, one.accuracy);
  if (!one.bound || !into->bound) {
    into->bound.reset();
  } else {
    into->bound = std::max(*into->bound, *one.bound);
  }
  const auto place = [](const Inexact& of) {
    return std::tuple(of.window.after, of.window.until, -of.exact.after, of.exact.until);
  };
  if (place(one) < place(*into)) {
    into->window = one.window;
    into->exact = one.exact;
  }
}

// As windows::evaluate() goes over the cells: what it leaves out. And what is sketched.
void Windows::look_for_edges(TimeMs expired_until_ms,
                             std::span<const windows::QuantileBound> sketched,
                             windows::RowOut out) {
  const bool extrapolates =
      spec_.function == Function::prom_increase || spec_.function == Function::prom_rate;
  const std::vector<double> counted = extrapolates ? increases(cells_) : std::vector<double>();
  const bool spreads = spec_.function == Function::stddev || spec_.function == Function::stdvar;
  const DurationMs looks_back = windows::reach_ms(spec_) - spec_.range_ms;
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (std::size_t step = 0; step < grid_.count(); ++step) {
    const TimeMs end_ms = grid_.at(step) - offset_ms_;
    const TimeRange window{end_ms - spec_.range_ms, end_ms};
    while (hi < cells_.size() && ends_[hi] <= window.until) ++hi;
    while (lo < hi && cells_[lo].start_ms < window.after) ++lo;
    Inexact one{1, 0.0, window, window, 0, expired_until_ms, 0};
    Edges edges;
    const auto cut = [&](std::size_t i, bool is_first) {
      const TimedCell& cell = cells_[i];
      if (cell.cell.n == 0 && !cell.cell.stale_at_end) return;
      (is_first ? edges.first : edges.last) = &cell.cell;
      one.resolution_ms = std::max(one.resolution_ms, ends_[i] - cell.start_ms);
      if (cell.start_ms < window.after) one.exact.after = ends_[i];
      if (ends_[i] > window.until) one.exact.until = cell.start_ms;
    };
    if (lo > 0 && ends_[lo - 1] > window.after) {
      cut(lo - 1, true);
      for (std::size_t i = lo - 1; i > 0 && edges.before == nullptr; --i) {
        if (cells_[i - 1].cell.counter.n > 0) edges.before = &cells_[i - 1].cell;
      }
    }
    if (hi < cells_.size() && cells_[hi].start_ms < window.until) cut(hi, false);
    bool lost = false;
    for (const TimeRange& day : lost_) {
      if (intersect(day, {window.after - looks_back, window.until}).empty()) continue;
      lost = true;
      one.exact.after = std::max(one.exact.after, day.until + looks_back);
    }
    const bool cuts = edges.first != nullptr || edges.last != nullptr || lost;
    if (!sketched.empty() && sketched[step].accuracy > 0) {
      one.accuracy = sketched[step].accuracy;
      one.exact = {window.after, window.after};
      one.bound = sketched[step].bound;
      if (!cuts) {
        merge(inexact_, one);
        continue;
      }
    }
    if (!cuts) continue;
    const bool has = ((out.valid[step / 64] >> (step % 64)) & 1U) != 0;
    one.bound.reset();
    if (has && !lost) {
      std::size_t first = lo;
      std::size_t last = hi;
      while (first < hi && cells_[first].cell.counter.n == 0) ++first;
      while (last > first && cells_[last - 1].cell.counter.n == 0) --last;
      if (first < last) {
        const Cell& begin = cells_[first].cell;
        const Cell& end = cells_[last - 1].cell;
        edges.inner_first = &begin;
        edges.inner = &end;
        edges.sampled_ms = static_cast<double>(end.counter.t_last_ms - begin.counter.t_first_ms);
        for (std::size_t i = first; spreads && i < last; ++i) {
          const auto n = static_cast<double>(cells_[i].cell.n);
          edges.inner_n += n;
          edges.inner_mean += (cells_[i].cell.mean - edges.inner_mean) * n / edges.inner_n;
        }
        if (!counted.empty()) {
          edges.inner_increase = counted[last - 1] - counted[first] + begin.counter.increase;
        }
      }
      one.bound = bound_of(spec_, out.v[step], edges);
      // What was cut could have changed nothing.
      if (one.bound == 0.0 && one.accuracy == 0) continue;
    }
    merge(inexact_, one);
  }
}

}  // namespace hygge::tiers

namespace hygge {

std::string to_string(const Inexact& inexact) {
  const auto range = [](TimeRange r) {
    return fmt::format("({}, {}]", format_time_utc(r.after), format_time_utc(r.until));
  };
  const bool sketched = inexact.accuracy > 0;
  const std::string near =
      fmt::format("within {:g}% of the samples between which they lie", inexact.accuracy * 100);
  std::string out;
  if (inexact.expired_until_ms != 0) {
    out = fmt::format("samples up to {} have expired, and ",
                      format_time_utc(inexact.expired_until_ms));
  }
  if (inexact.resolution_ms > 0) {
    out += fmt::format("{} windows cut cells of {}", inexact.windows,
                       format_duration(inexact.resolution_ms));
    if (sketched) out += ", or are quantiles of sketches, " + near;
  } else if (sketched) {
    out += fmt::format("{} windows are quantiles of sketches, {}", inexact.windows, near);
  } else {
    out += fmt::format("no cells answer {} windows", inexact.windows);
  }
  if (inexact.bound) out += fmt::format(": a value may be off by up to {:g}", *inexact.bound);
  out += fmt::format("; of {}, exact is {}", range(inexact.window),
                     inexact.exact.empty() ? "nothing" : range(inexact.exact));
  if (inexact.resolution_ms > 0) {
    out += fmt::format(", and any window that begins and ends at multiples of {}{}",
                       format_duration(inexact.resolution_ms), sketched ? " cuts none" : "");
  }
  return out;
}

}  // namespace hygge
