#include "promql/workers.h"

#include <system_error>
#include <utility>

#include "base/assert.h"

namespace hygge::promql {

void Workers::grow(std::size_t count) {
  for (std::size_t i = threads_.size() + 1; i <= count; ++i) {
    try {
      threads_.emplace_back([this, i, done = turn_] { run(i, done); });
    } catch (const std::system_error&) {
      return;  // no more are to be had: those that are there do it
    }
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::start(std::function<void(std::size_t worker)> work) {
  {
    const std::lock_guard lock(mutex_);
    HYGGE_ASSERT(busy_ == 0);
    work_ = std::move(work);
    busy_ = threads_.size();
    ++turn_;
  }
  changed_.notify_all();
}

void Workers::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return busy_ == 0; });
}

void Workers::run(std::size_t worker, std::size_t done) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || turn_ != done; });
    if (turn_ == done) return;
    done = turn_;
    lock.unlock();
    work_(worker);
    lock.lock();
    if (--busy_ == 0) changed_.notify_all();
  }
}

}  // namespace hygge::promql
