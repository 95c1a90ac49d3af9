// The threads of one query, beside the one that asks.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hygge::promql {

class Workers {
 public:
  /// Starts up to `count` threads, which end with this object.
  explicit Workers(std::size_t count);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();

  [[nodiscard]] std::size_t count() const noexcept { return threads_.size(); }

  /// Each thread calls `work(i)`, with an i of its own from 1 on. One work at a time: the next may
  /// start after finish().
  void start(std::function<void(std::size_t worker)> work);
  /// Waits until all have returned.
  void finish();

 private:
  void run(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void(std::size_t worker)> work_;  // guarded by mutex_ while no thread is busy
  std::size_t turn_ = 0;                          // guarded by mutex_
  std::size_t busy_ = 0;                          // guarded by mutex_
  bool ending_ = false;                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace hygge::promql
