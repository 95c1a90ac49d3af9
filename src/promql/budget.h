// What a query may hold in memory: bytes and samples, charged before they are used.
#pragma once

#include <hygge/promql.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "promql/ast.h"

namespace hygge::promql {

/// Of all threads of a query.
class Budget {
 public:
  Budget(std::size_t max_bytes, std::uint64_t max_samples) noexcept
      : max_bytes_(max_bytes), max_samples_(max_samples) {}

  /// Errors: limit, with the place of `node` in the query.
  [[nodiscard]] Result<void> charge(std::size_t bytes, std::uint64_t samples, const Node& node);
  void release(std::size_t bytes, std::uint64_t samples) noexcept {
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    samples_ -= samples;
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  /// What is left of them.
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return max_bytes_ == 0 ? std::numeric_limits<std::size_t>::max() : max_bytes_ - bytes_;
  }
  /// Whether so much may be kept that could as well be read again: half of all that a query may
  /// hold is for that, with what is held already.
  [[nodiscard]] bool has_room_to_keep(std::size_t bytes, std::uint64_t samples) const noexcept {
    const std::lock_guard lock(mutex_);
    return (max_bytes_ == 0 || bytes + bytes_ <= max_bytes_ / 2) &&
           (max_samples_ == 0 || samples + samples_ <= max_samples_ / 2);
  }
  [[nodiscard]] std::size_t peak_bytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return peak_bytes_;
  }
  [[nodiscard]] std::uint64_t peak_samples() const noexcept {
    const std::lock_guard lock(mutex_);
    return peak_samples_;
  }

 private:
  const std::size_t max_bytes_;
  const std::uint64_t max_samples_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;  // guarded by mutex_, as are those below
  std::size_t peak_bytes_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t peak_samples_ = 0;
};

/// Charges that end with this object.
class Charge {
 public:
  explicit Charge(Budget& budget) noexcept : budget_(&budget) {}
  Charge(Charge&& other) noexcept
      : budget_(other.budget_),
        bytes_(std::exchange(other.bytes_, 0)),
        samples_(std::exchange(other.samples_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    std::swap(samples_, other.samples_);
    return *this;
  }
  ~Charge() { budget_->release(bytes_, samples_); }

  [[nodiscard]] Result<void> add(std::size_t bytes, std::uint64_t samples, const Node& node) {
    auto charged = budget_->charge(bytes, samples, node);
    if (charged) {
      bytes_ += bytes;
      samples_ += samples;
    }
    return charged;
  }

 private:
  Budget* budget_;
  std::size_t bytes_ = 0;
  std::uint64_t samples_ = 0;
};

/// A number at each step, paid for while it lives.
class Scalar {
 public:
  [[nodiscard]] static Result<Scalar> filled(Budget& budget, std::size_t steps, double value,
                                             const Node& node);

  [[nodiscard]] double& operator[](std::size_t step) noexcept { return values_[step]; }
  [[nodiscard]] double operator[](std::size_t step) const noexcept { return values_[step]; }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] std::span<const double> values() const noexcept { return values_; }
  [[nodiscard]] std::vector<double> take() && noexcept { return std::move(values_); }

 private:
  explicit Scalar(Budget& budget) noexcept : charge_(budget) {}
  std::vector<double> values_;
  Charge charge_;
};

}  // namespace hygge::promql
