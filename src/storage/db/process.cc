#include "storage/db/process.h"

#include <pthread.h>

namespace hygge::storage {

namespace {
std::atomic<std::uint32_t> forks{0};
}

const std::atomic<std::uint32_t>& fork_count() noexcept {
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return forks;
}

}  // namespace hygge::storage
