// Rows: what an expression gives, one per output series. A value at each step, and a bitmap that
// says at which steps there is one: NaN is a value, never a gap.
#pragma once

#include <hygge/labels.h>
#include <hygge/time.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/assert.h"

namespace hygge::promql {

/// A bitmap over the steps. Bits past the last step are 0.
class Bits {
 public:
  Bits() = default;
  explicit Bits(std::size_t count) : count_(count), words_((count + 63) / 64) {}

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool test(std::size_t i) const noexcept {
    return ((words_[i / 64] >> (i % 64)) & 1U) != 0;
  }
  void set(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  void clear(std::size_t i) noexcept { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  void set(std::size_t i, bool value) noexcept { value ? set(i) : clear(i); }
  /// All zero, for `count` steps.
  void reset(std::size_t count) {
    count_ = count;
    words_.assign((count + 63) / 64, 0);
  }
  void set_all() noexcept {
    for (std::uint64_t& word : words_) word = ~std::uint64_t{0};
    if (count_ % 64 != 0) words_.back() = (std::uint64_t{1} << (count_ % 64)) - 1;
  }

  [[nodiscard]] bool any() const noexcept {
    for (const std::uint64_t word : words_) {
      if (word != 0) return true;
    }
    return false;
  }
  [[nodiscard]] bool all() const noexcept { return count() == count_; }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t total = 0;
    for (const std::uint64_t word : words_) total += static_cast<std::size_t>(std::popcount(word));
    return total;
  }
  Bits& operator&=(const Bits& other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  Bits& operator|=(const Bits& other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  Bits& subtract(const Bits& other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
    return *this;
  }
  [[nodiscard]] bool intersects(const Bits& other) const noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if ((words_[i] & other.words_[i]) != 0) return true;
    }
    return false;
  }
  /// Calls `f(i)` for each bit that is set, lowest first; `f` may clear bit i.
  template <typename F>
  void for_each(F&& f) const {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (std::uint64_t word = words_[w]; word != 0; word &= word - 1) {
        f(w * 64 + static_cast<std::size_t>(std::countr_zero(word)));
      }
    }
  }
  /// The 64 bits from step 64·i; for windows of other rooms that write bitmaps.
  [[nodiscard]] std::span<std::uint64_t> words() noexcept { return words_; }
  [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }

  friend bool operator==(const Bits&, const Bits&) = default;

 private:
  std::size_t count_ = 0;
  std::vector<std::uint64_t> words_;
};

/// The steps that an expression is evaluated at. A subquery has its own.
struct Grid {
  TimeMs start_ms = 0;
  DurationMs step_ms = 0;
  std::size_t count = 1;

  [[nodiscard]] TimeMs at(std::size_t i) const noexcept {
    return start_ms + static_cast<TimeMs>(i) * step_ms;
  }
  [[nodiscard]] TimeMs last() const noexcept { return at(count - 1); }
  [[nodiscard]] Grid shifted(DurationMs back_ms) const noexcept {
    return {start_ms - back_ms, step_ms, count};
  }
};

struct Row {
  Labels labels;
  /// The metric's name goes at the very end; until then grouping and annotations see it.
  bool drop_name = false;
  std::vector<double> v;  ///< anything where `valid` is not set
  Bits valid;

  void reset(std::size_t steps) {
    v.assign(steps, 0);
    valid.reset(steps);
  }
  void set(std::size_t step, double value) noexcept {
    v[step] = value;
    valid.set(step);
  }
};

/// At all steps what is at the first, which has a value.
inline void repeat_first(Row& row) {
  HYGGE_ASSERT(row.valid.test(0));
  std::fill(row.v.begin(), row.v.end(), row.v[0]);
  row.valid.set_all();
}

/// Takes a row; may move out of it. Called once per series, never with a row without values.
using RowSink = std::function<Result<void>(Row&)>;

}  // namespace hygge::promql
