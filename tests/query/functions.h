// Window functions by name, so that a test can draw one.
#pragma once

#include <gtest/gtest.h>
#include <hygge/window.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "window/function.h"

namespace hygge {

/// One of those that Window has; `lookback` is of those that take one.
inline Window window_of(windows::Function function, DurationMs range_ms,
                        Window::Ms lookback = Window::kLookback) {
  const Window::Ms range(range_ms);
  const Window all[] = {
      Window::last(range),
      Window::first(range),
      Window::count(range),
      Window::present(range),
      Window::sum(range),
      Window::avg(range),
      Window::min(range),
      Window::max(range),
      Window::stddev(range),
      Window::stdvar(range),
      Window::quantile(0.5, range),
      Window::changes(range),
      Window::resets(range),
      Window::increase(range, lookback),
      Window::rate(range, lookback),
      Window::delta(range, lookback),
      Window::deriv(range),
      Window::predict_linear(std::chrono::minutes(1), range),
      Window::irate(range),
      Window::idelta(range),
      Window::prom_increase(range),
      Window::prom_rate(range),
      Window::prom_delta(range),
      Window::first_time(range),
      Window::last_time(range),
      Window::min_time(range),
      Window::max_time(range),
  };
  const Window& out = all[static_cast<std::size_t>(function)];
  EXPECT_EQ(out.function(), static_cast<std::uint8_t>(function));
  return out;
}

}  // namespace hygge
