#include "slo/slices.h"

#include <algorithm>
#include <cmath>

namespace hygge::slo {

TimeMs slice_floor(TimeMs t, DurationMs step_ms) noexcept {
  const TimeMs rest = t % step_ms;
  return rest >= 0 ? t - rest : t - rest - step_ms;
}

TimeMs slice_end(TimeMs t, DurationMs step_ms) noexcept {
  const TimeMs floor = slice_floor(t, step_ms);
  return floor == t ? t : floor + step_ms;
}

bool is_sample(Kind kind, double v) noexcept {
  return std::isfinite(v) && (kind != Kind::delta || v >= 0);
}

TimeRange needed_range(const Definition& definition, TimeRange range) {
  DurationMs lookback = definition.composite ? 0 : definition.lookback_ms;
  for (const Definition& component : definition.components) {
    lookback = std::max(lookback, component.lookback_ms);
  }
  return {range.after - 2 * lookback, range.until};
}

namespace {

// Slices over the lookback too: one of them may be the hole that a step crosses, and bad events in
// one may wait for the first total inside.
TimeRange with_lookback(const Definition& definition, TimeRange range) {
  return {slice_floor(range.after - definition.lookback_ms, definition.step_ms), range.until};
}

std::size_t count_of(TimeRange range, DurationMs step_ms) {
  return range.empty() ? 0 : static_cast<std::size_t>((range.until - range.after) / step_ms);
}

}  // namespace

SliceCounter::SliceCounter(const Definition& definition, TimeRange range)
    : definition_(definition),
      wanted_(range),
      needed_(needed_range(definition, range)),
      range_(with_lookback(definition, range)),
      step_ms_(definition.step_ms),
      slice_end_ms_(range_.after),
      slices_(count_of(range_, step_ms_)),
      part_(slices_.size()),
      present_(slices_.size()) {}

std::size_t SliceCounter::index_of(TimeMs t) noexcept {
  // Samples come by time: most lie in the slice of the one before or the next, and divisions are
  // dear.
  if (t > slice_end_ms_ || t <= slice_end_ms_ - step_ms_) {
    if (slice_end_ms_ > range_.after && t - slice_end_ms_ > 0 && t - slice_end_ms_ <= step_ms_) {
      slice_end_ms_ += step_ms_;
      return ++slice_;
    }
    slice_end_ms_ = slice_end(t, step_ms_);
    slice_ = static_cast<std::size_t>((slice_end_ms_ - range_.after) / step_ms_) - 1;
  }
  return slice_;
}

void SliceCounter::begin(InputSeries series) {
  const Labels& labels = series.labels;
  by_process_[{std::string(labels.metric()), std::string(labels.get("job")),
               std::string(labels.get("instance"))}]
      .push_back(series_.size());
  if (series.in_total) {
    const TimeMs start = slice_end(series.birth_ms, step_ms_) - step_ms_;
    first_data_ = std::min(first_data_.value_or(start), start);
  }
  series_.push_back(std::move(series));
  before_ms_.reset();
}

void SliceCounter::add(std::span<const TimeMs> t, std::span<const double> v) {
  const InputSeries& series = series_.back();
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (series.kind == Kind::counter && before_ms_ && *before_ms_ > range_.after) {
      i += add_rising(t.subspan(i), v.subspan(i));
      if (i == t.size()) break;
    }
    if (!needed_.contains(t[i]) || !is_sample(series.kind, v[i])) continue;
    if (range_.contains(t[i])) {
      const double delta = series.kind == Kind::counter ? step(t[i], v[i]) : v[i];
      count(series, index_of(t[i]), v[i], delta);
    }
    before_ms_ = t[i];
    before_ = v[i];
  }
}

// What nearly all samples of a counter are: finite, no lower than the one before and no further
// from it than a slice. Does as add() does with one of them after the other, and says how many it
// did.
std::size_t SliceCounter::add_rising(std::span<const TimeMs> t, std::span<const double> v) {
  const InputSeries& series = series_.back();
  const DurationMs near_ms = std::min(step_ms_, definition_.lookback_ms);
  TimeMs before_ms = *before_ms_;
  double before = before_;
  std::size_t i = 0;
  const auto rises = [&] {
    const double delta = v[i] - before;  // no number where v is none
    return t[i] - before_ms <= near_ms && delta >= 0 && delta < HUGE_VAL;
  };
  while (i < t.size() && t[i] <= range_.until && rises()) {
    const std::size_t slice = index_of(t[i]);
    double total = slices_[slice].total;
    double part = part_[slice];
    do {
      total += v[i] - before;
      part += v[i] - before;
      before = v[i];
      before_ms = t[i];
      ++i;
    } while (i < t.size() && t[i] <= slice_end_ms_ && rises());
    if (series.in_total) {
      present_[slice] = true;
      slices_[slice].total = total;
    }
    if (series.in_part) part_[slice] = part;
  }
  before_ms_ = before_ms;
  before_ = before;
  return i;
}

CellParts SliceCounter::parts_of(Kind kind) noexcept { return {kind != Kind::counter, false}; }

bool SliceCounter::takes(const Cell& cell) const noexcept {
  if (cell.n != cell.counter.n) return false;  // some are not finite
  const Kind kind = series_.back().kind;
  if (cell.n == 0 || kind == Kind::counter) return true;
  if (kind == Kind::delta) return cell.min >= 0;
  if (!definition_.ok) return true;
  // The limit of an order is passed by none between two that pass it; equality by none between.
  const bool passes = definition_.ok->holds(cell.max);
  const bool equality = definition_.ok->op == Test::Op::eq || definition_.ok->op == Test::Op::ne;
  return equality ? cell.min == cell.max : definition_.ok->holds(cell.min) == passes;
}

void SliceCounter::add(const Cell& cell) {
  if (cell.n == 0) return;
  const InputSeries& series = series_.back();
  const Cell::Counter& counter = cell.counter;
  if (range_.contains(counter.t_last_ms)) {
    const std::size_t slice = index_of(counter.t_last_ms);
    if (series.kind == Kind::counter) {
      count(series, slice, counter.v_first, step(counter.t_first_ms, counter.v_first));
      count(series, slice, counter.v_last, counter.increase);
      slices_[slice].resets += static_cast<std::uint32_t>(cell.resets);
    } else if (series.kind == Kind::delta) {
      count(series, slice, cell.v_last, cell.sum_value());
    } else {
      const auto samples = static_cast<double>(cell.n);
      if (series.in_total) present_[slice] = true;
      slices_[slice].total += samples;
      if (definition_.ok && !definition_.ok->holds(cell.v_last)) part_[slice] += samples;
    }
  }
  before_ms_ = counter.t_last_ms;
  before_ = counter.v_last;
}

void SliceCounter::add_unknown(TimeRange range) {
  range.after = std::max(range.after, range_.after);
  range.until = std::min(range.until, range_.until);
  if (!range.empty()) unknown_.push_back(range);
}

void SliceCounter::count(const InputSeries& series, std::size_t slice, double v, double delta) {
  if (series.in_total) present_[slice] = true;
  if (series.kind == Kind::gauge) {
    slices_[slice].total += 1;
    if (definition_.ok && !definition_.ok->holds(v)) part_[slice] += 1;
    return;
  }
  if (series.in_total) slices_[slice].total += delta;
  if (series.in_part) part_[slice] += delta;
}

// What a counter's sample adds. Births are left for the end, when all series are known.
double SliceCounter::step(TimeMs t, double v) {
  const std::size_t slice = index_of(t);
  if (!before_ms_) {
    // All samples since its birth have gone by, and this is the first that is one.
    if (series_.back().birth_ms > needed_.after) {
      births_.push_back({series_.size() - 1, t, v});
    } else {
      ++slices_[slice].gaps;
    }
    return 0;
  }
  if (t - *before_ms_ > definition_.lookback_ms) {
    ++slices_[slice].gaps;
    return 0;
  }
  // A slice between them is no further than they are.
  if (*before_ms_ > range_.after && t - *before_ms_ > step_ms_) {
    const std::size_t before = index_of(*before_ms_);
    if (before + 1 < slice) crossings_.push_back({before, slice});
  }
  if (v >= before_) return v - before_;
  ++slices_[slice].resets;
  return std::max(0.0, v);
}

// A new label value of a process that was counting already starts at 0; a process seen for the
// first time may have been counting for a month.
Result<bool> SliceCounter::process_was_seen(const Birth& birth, const HasSample& has_sample) {
  const Labels& labels = series_[birth.series].labels;
  const auto& kin = by_process_[{std::string(labels.metric()), std::string(labels.get("job")),
                                 std::string(labels.get("instance"))}];
  const TimeRange before{birth.t_ms - definition_.lookback_ms - 1, birth.t_ms - 1};
  for (const std::size_t other : kin) {
    if (other == birth.series || series_[other].birth_ms > before.until) continue;
    auto seen = has_sample(other, before);
    if (!seen || *seen) return seen;
  }
  return false;
}

Result<RawSlices> SliceCounter::finish(const HasSample& has_sample) {
  for (const Birth& birth : births_) {
    const auto seen = process_was_seen(birth, has_sample);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!*seen) continue;
    const std::size_t slice = index_of(birth.t_ms);
    ++slices_[slice].born;
    count(series_[birth.series], slice, birth.v, std::max(0.0, birth.v));
  }
  note_bridged();
  carry();
  set_states();
  const auto before = static_cast<std::ptrdiff_t>((wanted_.after - range_.after) / step_ms_);
  slices_.erase(slices_.begin(), slices_.begin() + before);
  return RawSlices{wanted_.after, std::move(slices_), first_data_};
}

// A slice whose count came across slices without any sample of total.
void SliceCounter::note_bridged() {
  std::vector<std::size_t> absent(slices_.size() + 1);  // before slice i
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    absent[i + 1] = absent[i] + (present_[i] ? 0 : 1);
  }
  for (const Crossing& crossing : crossings_) {
    if (present_[crossing.to] && absent[crossing.to] > absent[crossing.from + 1]) {
      slices_[crossing.to].bridged = true;
    }
  }
}

// Bad events that come before their total wait for it; both sides are of one view, but a scrape may
// have caught one a moment earlier. What is too much even so is cut.
void SliceCounter::carry() {
  double waiting = 0;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    Slice& slice = slices_[i];
    waiting += part_[i];
    if (!(slice.total > 0)) continue;
    const double bad = definition_.part_is_good ? slice.total - waiting : waiting;
    waiting = 0;
    slice.bad = std::clamp(bad, 0.0, slice.total);
    slice.clamped = slice.bad != bad;
  }
}

void SliceCounter::set_states() {
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    Slice& slice = slices_[i];
    const TimeMs start = range_.after + static_cast<TimeMs>(i) * step_ms_;
    if (present_[i]) {
      slice.state = slice.total > 0 ? State::measured : State::idle;
    } else if (definition_.idle_when_absent && first_data_ && start >= *first_data_) {
      slice.state = State::idle;
    }
  }
  for (const TimeRange& range : unknown_) {
    const auto first = static_cast<std::size_t>((range.after - range_.after) / step_ms_);
    const auto last = static_cast<std::size_t>((range.until - 1 - range_.after) / step_ms_);
    std::fill(slices_.begin() + static_cast<std::ptrdiff_t>(first),
              slices_.begin() + static_cast<std::ptrdiff_t>(last) + 1, Slice{});
  }
}

}  // namespace hygge::slo
