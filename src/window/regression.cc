// deriv and predict_linear: least squares, anew for each window, since its origin moves with it.
#include <cmath>
#include <limits>

#include "window/compensated.h"
#include "window/families.h"

namespace hygge::windows {

namespace {

struct Line {
  double slope;
  double intercept;
};

// With time counted from `origin_ms`, in seconds. A constant is exactly flat.
Line regression(const Input& in, const Slice& w, TimeMs origin_ms) {
  CompensatedSum x_sum, y_sum, xy_sum, xx_sum;
  const double first = in.v[w.lo];
  bool constant = true;
  for (std::size_t i = w.lo; i < w.hi; ++i) {
    const double x = seconds(origin_ms, in.t[i]);
    const double y = in.v[i];
    constant = constant && y == first;
    x_sum.add(x);
    y_sum.add(y);
    xy_sum.add(x * y);
    xx_sum.add(x * x);
  }
  if (constant) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  }
  const auto n = static_cast<double>(w.size());
  const double sx = x_sum.value();
  const double sy = y_sum.value();
  const double covariance = xy_sum.value() - sx * sy / n;
  const double variance = xx_sum.value() - sx * sx / n;
  const double slope = covariance / variance;
  return {slope, sy / n - slope * sx / n};
}

}  // namespace

void regressions(const Input& in) {
  const bool deriv = in.spec.function == Function::deriv;
  for_each_window(in, [&](const Slice& w) {
    if (w.size() < 2) return;
    const Line line = regression(in, w, deriv ? in.t[w.lo] : w.at_ms);
    in.out.set(w.step, deriv ? line.slope : line.slope * in.spec.parameter + line.intercept);
  });
}

}  // namespace hygge::windows
