// A thread for each connection, made when no other is idle, up to a number.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hygge::server {

class GrowingThreads : public httplib::TaskQueue {
 public:
  explicit GrowingThreads(std::size_t most) : most_(most) {}

  void enqueue(std::function<void()> task) override;
  /// Returns when all tasks, those that wait included, have ended.
  void shutdown() override;

 private:
  void work();

  const std::size_t most_;  // 0: no limit
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_
  std::size_t idle_ = 0;                     // guarded by mutex_
  bool ending_ = false;                      // guarded by mutex_
};

}  // namespace hygge::server
