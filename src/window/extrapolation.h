// How Prometheus' rate(), increase() and delta() reach for the window's edges.
#pragma once

#include <hygge/time.h>

#include <algorithm>
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
/// of one; and those that only say that an edge is nothing special are left out where a comparison
/// with room to spare says so of all windows at hand.
class Extrapolations {
 public:
  static constexpr std::size_t kMost = 64;
  enum class Width { widest, portable };  ///< the second for tests: the results are the same

  [[nodiscard]] bool full() const noexcept { return count_ == kMost; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  void clear() noexcept { count_ = 0; }

  /// A window and the change in it; not when full().
  void add(const Sampled& s, double change) noexcept {
    const Columns to = append(1);
    *to.sampled_ms = static_cast<double>(s.last_ms - s.first_ms);
    *to.left_ms = static_cast<double>(s.first_ms - s.window.after);
    *to.right_ms = static_cast<double>(s.window.until - s.last_ms);
    *to.gaps = static_cast<double>(static_cast<std::int64_t>(s.count) - 1);
    *to.first = s.v_first;
    *to.change = change;
  }

  /// Where windows that follow go, column by column; all but `first` and `change` are whole
  /// numbers.
  struct Columns {
    double* sampled_ms;  ///< first to last sample
    double* left_ms;     ///< the window's beginning to the first sample
    double* right_ms;    ///< the last sample to the window's end
    double* gaps;        ///< one less than there are samples
    double* first;
    double* change;
  };
  /// Room for `count` windows more, which the caller fills; size() + count is at most kMost.
  [[nodiscard]] Columns append(std::size_t count) noexcept {
    const std::size_t at = count_;
    count_ += count;
    return {sampled_ + at, left_ + at, right_ + at, gaps_ + at, first_ + at, change_ + at};
  }

  /// out()[i] becomes the extrapolated change of window i, divided by `per`.
  void run(bool counter, double per, Width width = Width::widest) noexcept;
  [[nodiscard]] const double* out() const noexcept { return out_; }

 private:
  template <bool kToZero, bool kGap>
  void compute(std::size_t count, double per) noexcept;
  void choose(std::size_t count, bool counter, double per) noexcept;
  void choose_wide(std::size_t count, bool counter, double per) noexcept;

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

  /// The windows of `count` steps in a row, which fill(columns, i, n) writes: n of them, from the
  /// i-th on.
  template <typename Fill>
  void add_all(std::size_t step, std::size_t count, Fill&& fill) {
    write();
    for (std::size_t i = 0; i < count; i += Extrapolations::kMost) {
      const std::size_t n = std::min(count - i, Extrapolations::kMost);
      fill(windows_.append(n), i, n);
      windows_.run(counter_, per_);
      out_.set_all(step + i, {windows_.out(), n});
      windows_.clear();
    }
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
