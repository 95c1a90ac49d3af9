// How Prometheus' rate(), increase() and delta() reach for the window's edges.
#pragma once

#include <hygge/time.h>

#include <algorithm>
#include <cstddef>

namespace hygge::windows {

/// The first and last of at least two samples of (after, until].
struct Sampled {
  TimeMs first_ms;
  TimeMs last_ms;
  double v_first;
  std::size_t count;
  TimeRange window;
};

/// By what the change between first and last sample is multiplied: both gaps at the edges count
/// whole below 1.1 average gaps between samples, as half an average gap otherwise; that of a
/// counter on the left reaches no further than where its line meets zero. Source: the description
/// of `extrapolatedRate` in Prometheus' functions.go, 2026.
[[nodiscard]] inline double extrapolation(const Sampled& s, double change, bool counter) noexcept {
  const auto seconds = [](DurationMs ms) { return static_cast<double>(ms) / 1e3; };
  const double sampled = seconds(s.last_ms - s.first_ms);
  const double gap = sampled / static_cast<double>(s.count - 1);
  const double threshold = gap * 1.1;
  double left = seconds(s.first_ms - s.window.after);
  double right = seconds(s.window.until - s.last_ms);
  if (left >= threshold) left = gap / 2;
  if (counter && change > 0 && s.v_first >= 0) {
    left = std::min(left, sampled * (s.v_first / change));
  }
  if (right >= threshold) right = gap / 2;
  return (sampled + left + right) / sampled;
}

}  // namespace hygge::windows
