#include "slo/load.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "hygge/sample.h"

namespace hygge::slo {

TimeMs slice_floor(TimeMs t, DurationMs step_ms) noexcept {
  const TimeMs rest = t % step_ms;
  return rest >= 0 ? t - rest : t - rest - step_ms;
}

TimeMs slice_end(TimeMs t, DurationMs step_ms) noexcept {
  const TimeMs floor = slice_floor(t, step_ms);
  return floor == t ? t : floor + step_ms;
}

namespace {

// The same metric of the same process (T5).
using Process = std::tuple<std::string, std::string, std::string>;
Process process_of(const Labels& labels) {
  return {std::string(labels.metric()), std::string(labels.get("job")),
          std::string(labels.get("instance"))};
}

class Builder {
 public:
  // Counts over the lookback before `range` too: a slice there may be the gap that a step crosses,
  // and bad events there may wait for the first total inside.
  Builder(const Definition& definition, const std::vector<InputSeries>& series, TimeRange range)
      : definition_(definition),
        series_(series),
        wanted_(range),
        range_(with_lookback(definition, range)),
        step_ms_(definition.step_ms),
        count_(static_cast<std::size_t>((range_.until - range_.after) / definition.step_ms)),
        slices_(count_),
        part_(count_),
        present_(count_) {
    for (const InputSeries& one : series_) by_process_[process_of(one.labels)].push_back(&one);
  }

  Result<Track> build() {
    for (const InputSeries& one : series_) add(one);
    note_bridged();
    carry();
    set_states();
    const auto before = static_cast<std::size_t>((wanted_.after - range_.after) / step_ms_);
    auto track = Track::from_slices(wanted_.after, step_ms_,
                                    std::span<const Slice>(slices_).subspan(before));
    if (track && first_data_) track->set_first_data(*first_data_);
    return track;
  }

 private:
  static TimeRange with_lookback(const Definition& definition, TimeRange range) {
    return {slice_floor(range.after - definition.lookback_ms, definition.step_ms), range.until};
  }

  [[nodiscard]] std::size_t index_of(TimeMs t) const {
    return static_cast<std::size_t>((slice_end(t, step_ms_) - range_.after) / step_ms_) - 1;
  }

  // T6: what is no sample at all.
  static bool counts(const InputSeries& series, double v) {
    return std::isfinite(v) && (series.kind == Kind::counter || v >= 0);
  }

  void add(const InputSeries& series) {
    if (series.in_total) {
      const TimeMs start = slice_end(series.birth_ms, step_ms_) - step_ms_;
      if (!first_data_ || start < *first_data_) first_data_ = start;
    }
    bool any_before = false;
    TimeMs before_ms = 0;
    double before = 0;
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      const TimeMs t = series.t[i];
      const double v = series.v[i];
      if (!counts(series, v)) continue;
      if (range_.contains(t)) {
        const std::size_t at = index_of(t);
        if (series.in_total) present_[at] = true;
        const double delta = series.kind == Kind::delta
                                 ? v
                                 : step(series, t, v, any_before, before_ms, before, slices_[at]);
        if (series.in_total) slices_[at].total += delta;
        if (series.in_part) part_[at] += delta;
        if (series.in_total && series.kind == Kind::counter && any_before && delta != 0) {
          crossings_.emplace_back(before_ms, at);
        }
      }
      any_before = true;
      before_ms = t;
      before = v;
    }
  }

  // T2 to T5: what a counter's sample adds.
  double step(const InputSeries& series, TimeMs t, double v, bool any_before, TimeMs before_ms,
              double before, Slice& slice) {
    if (!any_before) {
      if (t != series.birth_ms) {
        ++slice.gaps;
        return 0;
      }
      if (!process_was_seen(series, t)) return 0;
      ++slice.born;
      return v;
    }
    if (t - before_ms > definition_.lookback_ms) {
      ++slice.gaps;
      return 0;
    }
    if (v < before) {
      ++slice.resets;
      return v;
    }
    return v - before;
  }

  [[nodiscard]] bool process_was_seen(const InputSeries& series, TimeMs t) const {
    const auto& kin = by_process_.at(process_of(series.labels));
    return std::any_of(kin.begin(), kin.end(), [&](const InputSeries* other) {
      if (other == &series) return false;
      const auto at =
          std::lower_bound(other->t.begin(), other->t.end(), t - definition_.lookback_ms);
      return at != other->t.end() && *at < t;
    });
  }

  // T7: a slice whose count came across slices without any sample of total.
  void note_bridged() {
    std::vector<std::size_t> absent(count_ + 1);  // before slice i
    for (std::size_t i = 0; i < count_; ++i) absent[i + 1] = absent[i] + (present_[i] ? 0 : 1);
    for (const auto& [before_ms, at] : crossings_) {
      const TimeMs end = slice_end(before_ms, step_ms_);
      // A predecessor before the range: only the slices inside are known.
      const std::size_t first = end <= range_.after ? 0 : index_of(before_ms) + 1;
      if (first < at && absent[at] - absent[first] > 0) slices_[at].bridged = true;
    }
  }

  // T8, T9: bad events that come before their total wait for it, then are clamped.
  void carry() {
    double waiting = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      Slice& slice = slices_[i];
      waiting += part_[i];
      if (!(slice.total > 0)) continue;
      const double bad = definition_.part_is_good ? slice.total - waiting : waiting;
      waiting = 0;
      slice.bad = std::clamp(bad, 0.0, slice.total);
      slice.clamped = slice.bad != bad;
    }
  }

  void set_states() {
    for (std::size_t i = 0; i < count_; ++i) {
      Slice& slice = slices_[i];
      const TimeMs start = range_.after + static_cast<TimeMs>(i) * step_ms_;
      if (present_[i]) {
        slice.state = slice.total > 0 ? State::measured : State::idle;
      } else if (definition_.idle_when_absent && first_data_ && start >= *first_data_) {
        slice.state = State::idle;
      }
    }
  }

  const Definition& definition_;
  const std::vector<InputSeries>& series_;
  const TimeRange wanted_;  ///< what the track covers
  const TimeRange range_;   ///< the same and the lookback before it
  const DurationMs step_ms_;
  const std::size_t count_;
  std::vector<Slice> slices_;
  std::vector<double> part_;
  std::vector<bool> present_;
  std::vector<std::pair<TimeMs, std::size_t>>
      crossings_;  ///< predecessor, and the slice it counts in
  std::map<Process, std::vector<const InputSeries*>> by_process_;
  std::optional<TimeMs> first_data_;
};

}  // namespace

Result<Track> build_track(const Definition& definition, const std::vector<InputSeries>& series,
                          TimeRange range) {
  return Builder(definition, series, range).build();
}

}  // namespace hygge::slo
