#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

namespace hygge::slo {

namespace {

// The largest multiple of `step` at or below `t`, and the smallest at or above it.
TimeMs floor_to(TimeMs t, DurationMs step) {
  const TimeMs rest = t % step;
  return rest >= 0 ? t - rest : t - rest - step;
}
TimeMs ceil_to(TimeMs t, DurationMs step) {
  const TimeMs floor = floor_to(t, step);
  return floor == t ? t : floor + step;
}

Counts plus(Counts sum, const Slice& slice) {
  sum.bad += slice.bad;
  sum.total += slice.total;
  ++sum.slices[static_cast<std::size_t>(slice.state)];
  sum.bridged += slice.bridged ? 1 : 0;
  sum.clamped += slice.clamped ? 1 : 0;
  sum.resets += slice.resets;
  sum.gaps += slice.gaps;
  sum.born += slice.born;
  return sum;
}

}  // namespace

Result<Track> Track::from_slices(TimeMs t0_ms, DurationMs step_ms, std::span<const Slice> slices) {
  if (step_ms <= 0 || t0_ms % step_ms != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a track from {} ms in steps of {} ms", t0_ms, step_ms),
                "slices start at multiples of the step");
  }
  Track track;
  track.t0_ms_ = t0_ms;
  track.step_ms_ = step_ms;
  track.slices_.assign(slices.begin(), slices.end());
  track.prefix_.reserve(slices.size() + 1);
  track.prefix_.emplace_back();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const Slice& slice = slices[i];
    if (!(slice.bad >= 0 && slice.bad <= slice.total && std::isfinite(slice.total))) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("slice {}: {} bad of {}", i, slice.bad, slice.total),
                  "0 <= bad <= total");
    }
    track.prefix_.push_back(plus(track.prefix_.back(), slice));
    if (!track.first_data_ms_ && slice.state != State::no_data) {
      track.first_data_ms_ = t0_ms + static_cast<TimeMs>(i) * step_ms;
    }
  }
  return track;
}

Result<Track> Track::from_counts(TimeMs t0_ms, DurationMs step_ms, std::span<const double> bad,
                                 std::span<const double> total, std::span<const State> states) {
  if (bad.size() != total.size() || (!states.empty() && states.size() != total.size())) {
    return fail(ErrorCode::invalid_argument, "bad, total and states differ in length");
  }
  std::vector<Slice> slices(total.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    slices[i].bad = bad[i];
    slices[i].total = total[i];
    slices[i].state = !states.empty() ? states[i] : total[i] > 0 ? State::measured : State::idle;
  }
  return from_slices(t0_ms, step_ms, slices);
}

TimeRange Track::range() const noexcept {
  return {t0_ms_, t0_ms_ + static_cast<DurationMs>(slices_.size()) * step_ms_};
}

Counts Track::sum(TimeRange range) const noexcept {
  const TimeMs from = ceil_to(range.after, step_ms_);
  const TimeMs to = floor_to(range.until, step_ms_);
  if (to <= from) return {};
  const TimeRange mine = this->range();
  const TimeMs begin = std::clamp(from, mine.after, mine.until);
  const TimeMs end = std::clamp(to, mine.after, mine.until);
  const Counts& a = prefix_[static_cast<std::size_t>((begin - t0_ms_) / step_ms_)];
  const Counts& b = prefix_[static_cast<std::size_t>((end - t0_ms_) / step_ms_)];
  Counts out;
  out.bad = b.bad - a.bad;
  out.total = b.total - a.total;
  for (std::size_t i = 0; i < kStates; ++i) out.slices[i] = b.slices[i] - a.slices[i];
  out.bridged = b.bridged - a.bridged;
  out.clamped = b.clamped - a.clamped;
  out.resets = b.resets - a.resets;
  out.gaps = b.gaps - a.gaps;
  out.born = b.born - a.born;
  const auto outside = static_cast<std::uint32_t>(((to - from) - (end - begin)) / step_ms_);
  out.slices[static_cast<std::size_t>(State::no_data)] += outside;
  return out;
}

}  // namespace hygge::slo
