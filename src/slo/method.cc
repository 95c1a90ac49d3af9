#include "slo/method.h"

#include <utility>

#include "slo/calendar.h"

namespace hygge::slo {

namespace {

struct Value {
  double bad = 0;
  double total = 0;
};

Value one_slice(SliceRule rule) {
  if (rule == SliceRule::ignore) return {0, 0};
  return {rule == SliceRule::bad ? 1.0 : 0.0, 1};
}

// A slice as the method counts it, exclusions aside.
Value value_of(const Definition& definition, const Slice& slice, bool after_first_data) {
  if (definition.method == Method::occurrences) return {slice.bad, slice.total};
  switch (slice.state) {
    case State::idle:
      return one_slice(definition.idle);
    case State::no_data:
      return after_first_data ? one_slice(definition.no_data) : Value{};
    default:
      break;
  }
  if (definition.method == Method::ratio_timeslices) return {slice.bad / slice.total, 1};
  const bool bad = above(slice.bad, slice.total, one_minus(definition.slice_target), false);
  return {bad ? 1.0 : 0.0, 1};
}

Value excluded_value(const Definition& definition, const Slice& slice, const Exclusion& exclusion) {
  if (!exclusion.as_good) return {0, 0};
  return {0, definition.method == Method::occurrences ? slice.total : 1};
}

}  // namespace

Result<Track> make_track(const Definition& definition, RawSlices raw) {
  const DurationMs step = definition.step_ms;
  const TimeMs end = raw.t0_ms + static_cast<DurationMs>(raw.slices.size()) * step;
  const auto owners = excluded_slices(definition, {raw.t0_ms, end});
  std::vector<ExcludedSlice> excluded;
  for (std::size_t i = 0; i < raw.slices.size(); ++i) {
    Slice& slice = raw.slices[i];
    const TimeMs start = raw.t0_ms + static_cast<DurationMs>(i) * step;
    const bool after_first_data = raw.first_data_ms && start >= *raw.first_data_ms;
    Value value = value_of(definition, slice, after_first_data);
    if (owners[i] >= 0) {
      const auto owner = static_cast<std::size_t>(owners[i]);
      const Exclusion& exclusion = definition.exclusions[owner];
      excluded.push_back({start + step, static_cast<std::uint32_t>(owner), slice.bad, slice.total,
                          value.bad, value.total});
      value = excluded_value(definition, slice, exclusion);
      slice.state = State::excluded;
      slice.dropped = !exclusion.as_good;
      slice.bridged = false;
    }
    slice.bad = value.bad;
    slice.total = value.total;
  }
  auto track = Track::from_slices(raw.t0_ms, step, raw.slices);
  if (!track) return track;
  if (raw.first_data_ms) track->set_first_data(*raw.first_data_ms);
  track->set_excluded(std::move(excluded));
  return track;
}

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::occurrences:
      return "occurrences";
    case Method::timeslices:
      return "timeslices";
    case Method::ratio_timeslices:
      break;
  }
  return "ratio-timeslices";
}

}  // namespace hygge::slo
