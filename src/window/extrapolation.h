// How Prometheus' rate(), increase() and delta() reach for the window's edges.
#pragma once

#include <hygge/time.h>

#include <cstddef>
#include <cstdint>

#include "window/function.h"

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
///
/// Many windows at once: a window takes seven divisions, of which a processor does four in the time
/// of one.
class Extrapolations {
 public:
  static constexpr std::size_t kMost = 64;
  enum class Width { widest, portable };  ///< the second for tests: the results are the same

  [[nodiscard]] bool full() const noexcept { return count_ == kMost; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  void clear() noexcept { count_ = 0; }

  /// A window and the change in it; not when full().
  void add(const Sampled& s, double change) noexcept {
    sampled_[count_] = static_cast<double>(s.last_ms - s.first_ms);
    left_[count_] = static_cast<double>(s.first_ms - s.window.after);
    right_[count_] = static_cast<double>(s.window.until - s.last_ms);
    gaps_[count_] = static_cast<double>(static_cast<std::int64_t>(s.count) - 1);
    first_[count_] = s.v_first;
    change_[count_++] = change;
  }

  /// out()[i] becomes the extrapolated change of window i, divided by `per`.
  void run(bool counter, double per, Width width = Width::widest) noexcept;
  [[nodiscard]] const double* out() const noexcept { return out_; }

 private:
  template <bool kCounter>
  void compute(std::size_t count, double per) noexcept;
  void compute_wide(std::size_t count, bool counter, double per) noexcept;

  std::size_t count_ = 0;
  double sampled_[kMost], left_[kMost], right_[kMost];  // ms
  double gaps_[kMost], first_[kMost], change_[kMost], out_[kMost];
};

/// Collects the windows of a row and writes their extrapolated changes into it.
class ExtrapolatedRow {
 public:
  ExtrapolatedRow(RowOut out, bool counter, double per) noexcept
      : out_(out), counter_(counter), per_(per) {}
  ExtrapolatedRow(const ExtrapolatedRow&) = delete;
  ExtrapolatedRow& operator=(const ExtrapolatedRow&) = delete;
  ~ExtrapolatedRow() { write(); }

  void add(std::size_t step, const Sampled& sampled, double change) noexcept {
    if (windows_.full()) write();
    steps_[windows_.size()] = step;
    windows_.add(sampled, change);
  }

 private:
  void write() noexcept {
    windows_.run(counter_, per_);
    for (std::size_t i = 0; i < windows_.size(); ++i) out_.set(steps_[i], windows_.out()[i]);
    windows_.clear();
  }

  RowOut out_;
  bool counter_;
  double per_;
  Extrapolations windows_;
  std::size_t steps_[Extrapolations::kMost];
};

}  // namespace hygge::windows
