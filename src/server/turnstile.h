// Lets so many queries run at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

namespace hygge::server {

class Turnstile {
 public:
  /// 0: no limit.
  explicit Turnstile(std::size_t places) : places_(places) {}

  /// Waits for a place: how many are taken then, this one included; 0 if none came free in time, or
  /// `cancel` was requested.
  [[nodiscard]] std::size_t enter(std::chrono::steady_clock::time_point deadline,
                                  const std::stop_token& cancel) {
    std::unique_lock lock(mutex_);
    const bool free = changed_.wait_until(lock, cancel, deadline,
                                          [this] { return places_ == 0 || inside_ < places_; });
    return free ? ++inside_ : 0;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      --inside_;
    }
    changed_.notify_one();
  }

 private:
  const std::size_t places_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t inside_ = 0;  // guarded by mutex_
};

/// A place that was taken; left with this object.
class Place {
 public:
  explicit Place(Turnstile& turnstile) noexcept : turnstile_(turnstile) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { turnstile_.leave(); }

 private:
  Turnstile& turnstile_;
};

/// The threads of a query that begins as one of `running`: those who run at the same time share
/// what one alone would get. What they lack of processors then, more threads would not give.
[[nodiscard]] constexpr std::size_t threads_beside(std::size_t running,
                                                   std::size_t threads) noexcept {
  return running <= 1 ? threads : std::max(threads / running, std::min<std::size_t>(threads, 1));
}

}  // namespace hygge::server
