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
  /// None yet.
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();

  /// Makes them `count` threads, or as many as the system gives, if they are fewer; not between
  /// start() and finish(). They end with this object.
  void grow(std::size_t count);

  /// Each thread calls `work(i)`, with an i of its own from 1 on. One work at a time: the next may
  /// start after finish().
  void start(std::function<void(std::size_t worker)> work);
  /// Waits until all have returned.
  void finish();

 private:
  // `done`: the turns before this one are over.
  void run(std::size_t worker, std::size_t done);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void(std::size_t worker)> work_;  // guarded by mutex_ while no thread is busy
  std::size_t turn_ = 0;                          // guarded by mutex_; changed by start() only
  std::size_t busy_ = 0;                          // guarded by mutex_
  bool ending_ = false;                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace hygge::promql
