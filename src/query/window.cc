// Windows over a View: decodes series by series, then calls src/window.
#include <fmt/format.h>
#include <hygge/window.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "query/markers.h"
#include "query/tiers.h"
#include "window/function.h"

namespace hygge {

using windows::Function;

Window::Window(std::uint8_t function, Ms range, double parameter, Ms lookback) noexcept
    : function_(function),
      range_ms_(range.count()),
      lookback_ms_(lookback.count()),
      parameter_(parameter) {}

namespace {

constexpr std::uint8_t code(Function function) { return static_cast<std::uint8_t>(function); }

windows::Spec spec_of(const Window& window) {
  return {static_cast<Function>(window.function()), window.range_ms(), window.parameter(),
          window.lookback_ms()};
}

}  // namespace

Window Window::last(Ms range) noexcept { return {code(Function::last), range}; }
Window Window::first(Ms range) noexcept { return {code(Function::first), range}; }
Window Window::count(Ms range) noexcept { return {code(Function::count), range}; }
Window Window::present(Ms range) noexcept { return {code(Function::present), range}; }
Window Window::sum(Ms range) noexcept { return {code(Function::sum), range}; }
Window Window::avg(Ms range) noexcept { return {code(Function::avg), range}; }
Window Window::min(Ms range) noexcept { return {code(Function::min), range}; }
Window Window::max(Ms range) noexcept { return {code(Function::max), range}; }
Window Window::stddev(Ms range) noexcept { return {code(Function::stddev), range}; }
Window Window::stdvar(Ms range) noexcept { return {code(Function::stdvar), range}; }
Window Window::quantile(double q, Ms range) noexcept {
  return {code(Function::quantile), range, q};
}
Window Window::increase(Ms range, Ms lookback) noexcept {
  return {code(Function::increase), range, 0, lookback};
}
Window Window::rate(Ms range, Ms lookback) noexcept {
  return {code(Function::rate), range, 0, lookback};
}
Window Window::delta(Ms range, Ms lookback) noexcept {
  return {code(Function::delta), range, 0, lookback};
}
Window Window::changes(Ms range) noexcept { return {code(Function::changes), range}; }
Window Window::resets(Ms range) noexcept { return {code(Function::resets), range}; }
Window Window::deriv(Ms range) noexcept { return {code(Function::deriv), range}; }
Window Window::predict_linear(Ms ahead, Ms range) noexcept {
  return {code(Function::predict_linear), range, static_cast<double>(ahead.count()) / 1e3};
}
Window Window::irate(Ms range) noexcept { return {code(Function::irate), range}; }
Window Window::idelta(Ms range) noexcept { return {code(Function::idelta), range}; }
Window Window::prom_rate(Ms range) noexcept { return {code(Function::prom_rate), range}; }
Window Window::prom_increase(Ms range) noexcept { return {code(Function::prom_increase), range}; }
Window Window::prom_delta(Ms range) noexcept { return {code(Function::prom_delta), range}; }

Window Window::first_time(Ms range) noexcept { return {code(Function::first_time), range}; }
Window Window::last_time(Ms range) noexcept { return {code(Function::last_time), range}; }
Window Window::min_time(Ms range) noexcept { return {code(Function::min_time), range}; }
Window Window::max_time(Ms range) noexcept { return {code(Function::max_time), range}; }

DurationMs Window::reach_ms() const noexcept { return windows::reach_ms(spec_of(*this)); }

TimeRange range_for(const Window& window, const Steps& steps) noexcept {
  TimeRange range{steps.start_ms, steps.start_ms};
  if (__builtin_sub_overflow(steps.start_ms, window.reach_ms(), &range.after)) {
    range.after = std::numeric_limits<TimeMs>::min();
  }
  if (const std::size_t count = steps.count(); count > 0) range.until = steps.at(count - 1);
  return range;
}

namespace {

// Decodes a series without its staleness markers; `out` keeps its memory from series to series.
Result<void> read(const Series& series, TimeRange range, SeriesSamples& out) {
  if (auto done = series.samples(range, out); !done) return done;
  drop_markers(out);
  return {};
}

bool storable(TimeMs t_ms) { return kMinTimeMs <= t_ms && t_ms <= kMaxTimeMs; }

Result<void> check(const Window& window, const Steps& steps) {
  if (window.range_ms() <= 0 || window.lookback_ms() < 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a window of {} ms with a lookback of {} ms", window.range_ms(),
                            window.lookback_ms()),
                "a range must be positive, a lookback at least 0");
  }
  if (steps.start_ms != steps.end_ms && steps.step_ms <= 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("a step of {} ms", steps.step_ms),
                "a step must be positive; instant(t) makes a single one");
  }
  if (!storable(steps.start_ms) || !storable(steps.end_ms) || window.range_ms() > kMaxTimeMs ||
      window.lookback_ms() > kMaxTimeMs) {
    return fail(ErrorCode::out_of_range,
                fmt::format("steps from {} to {} ms over windows of {} ms leave the times that can "
                            "be stored",
                            steps.start_ms, steps.end_ms, window.range_ms()));
  }
  if (steps.count() > kMaxWindowSteps) {
    return fail(ErrorCode::limit,
                fmt::format("{} steps; at most {}", steps.count(), kMaxWindowSteps),
                "take a longer step, or ask piece by piece");
  }
  return {};
}

Result<void> check_cover(const View& view, TimeRange needed) {
  if (view.range().after <= needed.after && needed.until <= view.range().until) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the view covers ({}, {}], the window needs ({}, {}]", view.range().after,
                          view.range().until, needed.after, needed.until),
              "open the view with range_for(window, steps)");
}

}  // namespace

namespace {

// A series' row, from cells as long as they are there.
class RowReader {
 public:
  RowReader(const windows::Spec& spec, const Steps& steps, const View& view, std::size_t index,
            TimeRange needed, tiers::Choice choice)
      : spec_(spec),
        steps_(steps),
        view_(view),
        series_(view.series(index)),
        needed_(needed),
        tiers_(spec, steps, 0, view, choice),
        ahead_(series_, tiers_.tier_ms(), tiers_.cells_range()) {}

  Result<void> read(std::size_t index, windows::RowOut out) {
    const Series& series = series_[index];
    if (tiers_.worth_asking(series)) {
      ahead_.prepare(view_, index, tiers::kReadAheadBytes);
      const auto done = tiers_.evaluate(series, out);
      if (!done) return tl::unexpected<Error>(done.error());
      from_samples_ = from_samples_ || done->samples > 0 || done->chunks_skipped > 0;
      chunks_skipped_ += done->chunks_skipped;
      samples_skipped_ += done->samples_skipped;
      return {};
    }
    if (auto done = hygge::read(series, needed_, samples_); !done) return done;
    from_samples_ = from_samples_ || !samples_.t.empty();
    windows::evaluate(spec_, samples_.t, samples_.v, steps_, 0, out);
    return {};
  }

  [[nodiscard]] std::vector<DurationMs> tiers() const {
    std::vector<DurationMs> out;
    if (from_samples_) out.push_back(0);
    out.insert(out.end(), tiers_.tiers_read().begin(), tiers_.tiers_read().end());
    return out;
  }
  [[nodiscard]] const std::optional<Inexact>& inexact() const noexcept { return tiers_.inexact(); }
  [[nodiscard]] std::uint64_t chunks_skipped() const noexcept { return chunks_skipped_; }
  [[nodiscard]] std::uint64_t samples_skipped() const noexcept { return samples_skipped_; }

 private:
  windows::Spec spec_;
  Steps steps_;
  const View& view_;
  std::span<const Series> series_;
  TimeRange needed_;
  tiers::Windows tiers_;
  tiers::ReadAhead ahead_;
  SeriesSamples samples_;
  bool from_samples_ = false;
  std::uint64_t chunks_skipped_ = 0;
  std::uint64_t samples_skipped_ = 0;
};

}  // namespace

Result<Rows> window(const View& view, std::size_t index, const Window& window, const Steps& steps,
                    std::optional<DurationMs> tier, bool exact) {
  if (auto there = tiers::check_selector(view, index); !there) {
    return tl::unexpected<Error>(there.error());
  }
  if (auto sound = check(window, steps); !sound) return tl::unexpected<Error>(sound.error());
  const TimeRange needed = range_for(window, steps);
  const std::size_t count = steps.count();
  Rows out{steps, {}, {}, {}};
  if (count == 0) return out;
  if (auto covers = check_cover(view, needed); !covers) {
    return tl::unexpected<Error>(covers.error());
  }
  RowReader reader(spec_of(window), steps, view, index, needed, tier);
  const std::span<const Series> all = view.series(index);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Row row{{}, std::vector<double>(count), std::vector<std::uint64_t>((count + 63) / 64)};
    if (auto done = reader.read(i, {row.v, row.valid}); !done) {
      return tl::unexpected<Error>(done.error());
    }
    if (exact && reader.inexact()) {
      return fail(ErrorCode::out_of_range, to_string(*reader.inexact()),
                  "ask for what is exact, or without `exact`");
    }
    const bool any =
        std::any_of(row.valid.begin(), row.valid.end(), [](std::uint64_t w) { return w != 0; });
    if (!any) continue;
    row.labels = all[i].labels();
    out.rows.push_back(std::move(row));
  }
  out.tiers = reader.tiers();
  out.inexact = reader.inexact();
  out.chunks_skipped = reader.chunks_skipped();
  out.samples_skipped = reader.samples_skipped();
  return out;
}

}  // namespace hygge
