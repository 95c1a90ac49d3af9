// SLOs made of others: their slices, and where there are none, their window.
#include "slo/composite.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hygge::slo {

namespace {

// The slices of all components at one time, as the composite counts them.
class Joined {
 public:
  explicit Joined(const Composite& composite) : all_(composite.how == Composite::How::all) {}

  void add(const Slice& slice, const Rational& budget) {
    if (slice.state == State::excluded && slice.dropped) return;
    any_ = true;
    counted_ = counted_ || slice.state != State::excluded;
    measured_ = measured_ || slice.state == State::measured;
    // Without data, and without a rule that says what that counts as.
    if (slice.state == State::no_data && slice.total == 0) {
      unknown_ = true;
    } else if (all_) {
      bad_ = above(slice.bad, slice.total, budget, false) ? 1 : bad_;
    } else if (slice.total > 0) {
      bad_ += slice.bad / slice.total;
    }
  }
  [[nodiscard]] Slice slice() const {
    Slice out;
    if (!counted_) {
      // Dropped by all, or good by some component's exclusion.
      out.state = State::excluded;
      out.dropped = !any_;
      out.total = any_ ? 1 : 0;
      return out;
    }
    // One bad slice is enough to know that all is not well; a sum needs every term.
    if (unknown_ && !(all_ && bad_ > 0)) return out;
    out.state = measured_ ? State::measured : State::idle;
    out.bad = std::min(1.0, bad_);
    out.total = 1;
    return out;
  }

 private:
  const bool all_;
  bool any_ = false;      ///< some slice is not dropped
  bool counted_ = false;  ///< and some is not excluded at all
  bool measured_ = false;
  bool unknown_ = false;
  double bad_ = 0;
};

}  // namespace

std::string_view to_string(Composite::How how) noexcept {
  switch (how) {
    case Composite::How::all:
      return "all";
    case Composite::How::sum:
      return "sum";
    case Composite::How::weighted:
      return "weighted";
    case Composite::How::serial:
      break;
  }
  return "serial";
}

Result<Track> combine(const Definition& composite, std::vector<Track> components) {
  const auto refuse = [&](const char* why) {
    return fail(ErrorCode::invalid_argument, fmt::format("SLO {}: {}", composite.name, why));
  };
  if (!composite.composite || components.empty() ||
      components.size() != composite.components.size()) {
    return refuse("a composite needs a track for each of its components");
  }
  const TimeRange range = components[0].range();
  std::optional<TimeMs> first;
  bool all_have_data = true;
  for (const Track& track : components) {
    if (track.step_ms() != composite.step_ms || track.range().after != range.after ||
        track.range().until != range.until) {
      return refuse("the tracks of its components differ in step or range");
    }
    // All of it is known from where the last of them begins.
    all_have_data = all_have_data && track.first_data_ms().has_value();
    if (track.first_data_ms()) first = std::max(first.value_or(kMinTimeMs), *track.first_data_ms());
  }
  std::vector<Slice> slices(components[0].slices().size());
  if (composite.composite->has_slices()) {
    for (std::size_t i = 0; i < slices.size(); ++i) {
      Joined joined(*composite.composite);
      for (std::size_t j = 0; j < components.size(); ++j) {
        joined.add(components[j].slices()[i], composite.components[j].budget());
      }
      slices[i] = joined.slice();
    }
  }
  auto out = Track::from_slices(range.after, composite.step_ms, slices);
  if (!out) return out;
  if (all_have_data && first) out->set_first_data(*first);
  out->set_components(std::move(components));
  return out;
}

Definition component_of(const Definition& composite, std::size_t i) {
  Definition out = composite.components[i];
  out.window_ms = composite.window_ms;
  out.calendar = composite.calendar;
  out.since_ms = composite.since_ms;
  return out;
}

std::optional<double> window_error(const Composite& composite,
                                   std::span<const Report> components) noexcept {
  double errors = 0, weights = 0, product = 1;
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (!components[i].sli) return std::nullopt;
    const Counts& counts = components[i].counts;
    const double weight = composite.of[i].weight.value();
    errors += weight * (counts.bad / counts.total);
    weights += weight;
    product *= *components[i].sli;
  }
  if (composite.how == Composite::How::serial) return 1 - product;
  if (!(weights > 0)) return std::nullopt;
  return errors / weights;
}

}  // namespace hygge::slo
