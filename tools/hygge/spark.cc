#include "spark.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace hygge::command {

std::string sparkline(std::span<const TimeMs> t, std::span<const double> v, const Steps& when,
                      bool ascii) {
  constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 8> kAscii = {"_", ".", ":", "-", "=", "+", "*", "#"};
  constexpr std::size_t kCells = 20;
  const std::size_t steps = when.count();
  const std::size_t cells = std::min(kCells, steps);
  std::vector<double> sums(cells, 0);
  std::vector<std::size_t> counts(cells, 0);
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (!std::isfinite(v[i])) continue;
    const auto step = when.step_ms > 0
                          ? static_cast<std::size_t>((t[i] - when.start_ms) / when.step_ms)
                          : std::size_t{0};
    const std::size_t cell = std::min(step * cells / steps, cells - 1);
    sums[cell] += v[i];
    ++counts[cell];
  }
  double least = INFINITY, most = -INFINITY;
  for (std::size_t i = 0; i < cells; ++i) {
    if (counts[i] == 0) continue;
    sums[i] /= static_cast<double>(counts[i]);
    least = std::min(least, sums[i]);
    most = std::max(most, sums[i]);
  }
  std::string out;
  for (std::size_t i = 0; i < cells; ++i) {
    if (counts[i] == 0) {
      out += ' ';
      continue;
    }
    const double share = most > least ? (sums[i] - least) / (most - least) : 0;
    const auto level = std::min<std::size_t>(7, static_cast<std::size_t>(share * 8));
    out += ascii ? kAscii[level] : kBars[level];
  }
  return out;
}

}  // namespace hygge::command
