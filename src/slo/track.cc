// The track: slices, and their sums by two look-ups.
#include <fmt/format.h>
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>

#include "slo/slices.h"

namespace hygge::slo {

namespace {

// high + low += x, with what rounding loses kept in low (Knuth, TAOCP 2, 4.2.2).
void add_exactly(double& high, double& low, double x) {
  const double sum = high + x;
  const double back = sum - high;
  low += (high - (sum - back)) + (x - back);
  high = sum;
}

// (b + b_low) - (a + a_low) of sums that only grow: never below 0.
double difference(double b, double b_low, double a, double a_low) {
  return std::max(0.0, (b - a) + (b_low - a_low));
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
    Prefix next = track.prefix_.back();
    Counts& sum = next.counts;
    add_exactly(sum.bad, next.bad_low, slice.bad);
    add_exactly(sum.total, next.total_low, slice.total);
    ++sum.slices[static_cast<std::size_t>(slice.state)];
    sum.bridged += slice.bridged ? 1 : 0;
    sum.dropped += slice.dropped ? 1 : 0;
    sum.clamped += slice.clamped ? 1 : 0;
    sum.resets += slice.resets;
    sum.gaps += slice.gaps;
    sum.born += slice.born;
    track.prefix_.push_back(next);
    if (!track.first_data_ms_ && (slice.state == State::measured || slice.state == State::idle)) {
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

const Track::Prefix& Track::prefix_at(TimeMs t_ms) const noexcept {
  return prefix_[static_cast<std::size_t>((t_ms - t0_ms_) / step_ms_)];
}

Counts Track::sum(TimeRange range) const noexcept {
  const TimeMs from = -slice_floor(-range.after, step_ms_);
  const TimeMs to = slice_floor(range.until, step_ms_);
  if (to <= from) return {};
  const TimeRange mine = this->range();
  const TimeMs begin = std::clamp(from, mine.after, mine.until);
  const TimeMs end = std::clamp(to, mine.after, mine.until);
  Counts out;
  const auto outside = static_cast<std::uint32_t>(((to - from) - (end - begin)) / step_ms_);
  out.slices[static_cast<std::size_t>(State::no_data)] = outside;
  if (prefix_.empty()) return out;
  const Prefix& a = prefix_at(begin);
  const Prefix& b = prefix_at(end);
  out.total = difference(b.counts.total, b.total_low, a.counts.total, a.total_low);
  // Each slice's bad is at most its total; so is the sum, whatever rounding does.
  out.bad = std::min(out.total, difference(b.counts.bad, b.bad_low, a.counts.bad, a.bad_low));
  for (std::size_t i = 0; i < kStates; ++i) {
    out.slices[i] += b.counts.slices[i] - a.counts.slices[i];
  }
  out.bridged = b.counts.bridged - a.counts.bridged;
  out.dropped = b.counts.dropped - a.counts.dropped;
  out.clamped = b.counts.clamped - a.counts.clamped;
  out.resets = b.counts.resets - a.counts.resets;
  out.gaps = b.counts.gaps - a.counts.gaps;
  out.born = b.counts.born - a.counts.born;
  return out;
}

std::span<const ExcludedSlice> Track::excluded(TimeRange range) const noexcept {
  const auto after = [](TimeMs t, const ExcludedSlice& slice) { return t < slice.end_ms; };
  const auto begin = std::upper_bound(excluded_.begin(), excluded_.end(), range.after, after);
  const auto end = std::upper_bound(begin, excluded_.end(), range.until, after);
  return {begin, end};
}

}  // namespace hygge::slo
