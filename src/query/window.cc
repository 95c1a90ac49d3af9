#include <fmt/format.h>
#include <hygge/window.h>

#include <algorithm>
#include <utility>

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
constexpr Window::Ms kNoLookback{0};

windows::Spec spec_of(const Window& window) {
  return {static_cast<Function>(window.function()), window.range_ms(), window.parameter(),
          window.lookback_ms()};
}

}  // namespace

Window Window::last(Ms range) noexcept { return {code(Function::last), range, 0, kNoLookback}; }
Window Window::first(Ms range) noexcept { return {code(Function::first), range, 0, kNoLookback}; }
Window Window::count(Ms range) noexcept { return {code(Function::count), range, 0, kNoLookback}; }
Window Window::present(Ms range) noexcept {
  return {code(Function::present), range, 0, kNoLookback};
}
Window Window::sum(Ms range) noexcept { return {code(Function::sum), range, 0, kNoLookback}; }
Window Window::avg(Ms range) noexcept { return {code(Function::avg), range, 0, kNoLookback}; }
Window Window::min(Ms range) noexcept { return {code(Function::min), range, 0, kNoLookback}; }
Window Window::max(Ms range) noexcept { return {code(Function::max), range, 0, kNoLookback}; }
Window Window::stddev(Ms range) noexcept { return {code(Function::stddev), range, 0, kNoLookback}; }
Window Window::stdvar(Ms range) noexcept { return {code(Function::stdvar), range, 0, kNoLookback}; }
Window Window::quantile(double q, Ms range) noexcept {
  return {code(Function::quantile), range, q, kNoLookback};
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
Window Window::changes(Ms range) noexcept {
  return {code(Function::changes), range, 0, kNoLookback};
}
Window Window::resets(Ms range) noexcept { return {code(Function::resets), range, 0, kNoLookback}; }
Window Window::deriv(Ms range) noexcept { return {code(Function::deriv), range, 0, kNoLookback}; }
Window Window::predict_linear(Ms ahead, Ms range) noexcept {
  return {code(Function::predict_linear), range, static_cast<double>(ahead.count()) / 1e3,
          kNoLookback};
}
Window Window::irate(Ms range) noexcept { return {code(Function::irate), range, 0, kNoLookback}; }
Window Window::idelta(Ms range) noexcept { return {code(Function::idelta), range, 0, kNoLookback}; }
Window Window::prom_rate(Ms range) noexcept {
  return {code(Function::prom_rate), range, 0, kNoLookback};
}
Window Window::prom_increase(Ms range) noexcept {
  return {code(Function::prom_increase), range, 0, kNoLookback};
}
Window Window::prom_delta(Ms range) noexcept {
  return {code(Function::prom_delta), range, 0, kNoLookback};
}

DurationMs Window::reach_ms() const noexcept { return windows::reach_ms(spec_of(*this)); }

TimeRange range_for(const Window& window, const Steps& steps) noexcept {
  const std::size_t count = steps.count();
  return {steps.start_ms - window.reach_ms(), count == 0 ? steps.start_ms : steps.at(count - 1)};
}

namespace {

// Decodes a series without its staleness markers.
Result<SeriesSamples> read(const Series& series, TimeRange range) {
  SeriesSamples out;
  BlockCursor blocks = series.blocks(range);
  while (const Block* block = blocks.next()) {
    for (std::size_t i = 0; i < block->t.size(); ++i) {
      if (is_stale(block->v[i])) continue;
      out.t.push_back(block->t[i]);
      out.v.push_back(block->v[i]);
    }
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  return out;
}

tl::unexpected<Error> no_selector(const View& view, std::size_t index) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("selector {} of a view of {}", index, view.selector_count()));
}

}  // namespace

Result<Rows> window(const View& view, std::size_t index, const Window& window, const Steps& steps) {
  if (index >= view.selector_count()) return no_selector(view, index);
  const TimeRange needed = range_for(window, steps);
  if (needed.after < view.range().after || needed.until > view.range().until) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the view covers ({}, {}], the window needs ({}, {}]",
                            view.range().after, view.range().until, needed.after, needed.until),
                "open the view with range_for(window, steps)");
  }
  Rows out{steps, {}};
  const std::size_t count = steps.count();
  for (const Series& series : view.series(index)) {
    auto samples = read(series, needed);
    if (!samples) return tl::unexpected<Error>(samples.error());
    Row row{{}, std::vector<double>(count), std::vector<std::uint64_t>((count + 63) / 64)};
    windows::evaluate(spec_of(window), samples->t, samples->v, steps, 0, {row.v, row.valid});
    const bool any =
        std::any_of(row.valid.begin(), row.valid.end(), [](std::uint64_t w) { return w != 0; });
    if (!any) continue;
    row.labels = series.labels();
    out.rows.push_back(std::move(row));
  }
  return out;
}

namespace {

// The k of (k·R, (k + 1)·R].
std::int64_t interval_of(TimeMs t_ms, DurationMs resolution_ms) {
  const std::int64_t k = t_ms / resolution_ms;
  const std::int64_t rest = t_ms % resolution_ms;
  return rest > 0 ? k : k - 1;
}

}  // namespace

Result<std::vector<SeriesCells>> downsample(const View& view, std::size_t index,
                                            std::chrono::milliseconds resolution) {
  if (index >= view.selector_count()) return no_selector(view, index);
  const DurationMs resolution_ms = resolution.count();
  if (resolution_ms <= 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("a resolution of {} ms", resolution_ms));
  }
  std::vector<SeriesCells> out;
  for (const Series& series : view.series(index)) {
    SeriesCells cells{series.labels(), {}};
    BlockCursor blocks = series.blocks();
    while (const Block* block = blocks.next()) {
      for (std::size_t i = 0; i < block->t.size(); ++i) {
        const TimeMs start_ms = interval_of(block->t[i], resolution_ms) * resolution_ms;
        if (cells.cells.empty() || cells.cells.back().start_ms != start_ms) {
          cells.cells.push_back({start_ms, {}});
        }
        cells.cells.back().cell.add({block->t[i], block->v[i]});
      }
    }
    if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
    if (!cells.cells.empty()) out.push_back(std::move(cells));
  }
  return out;
}

}  // namespace hygge
