// Which process a database belongs to. RocksDB's threads do not survive fork(), and a mutex may be
// held for ever in the child: there, nothing of the parent's may be touched.
#pragma once

#include <fmt/format.h>
#include <hygge/error.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace hygge::storage {

/// How often fork() lies between the first process and this one, counted from the first call on:
/// getpid() is a system call, too slow for what a scan asks at every series.
[[nodiscard]] const std::atomic<std::uint32_t>& fork_count() noexcept;

class Process {
 public:
  Process() noexcept : id_(::getpid()), count_(&fork_count()), opened_at_(*count_) {}

  [[nodiscard]] bool forked() const noexcept {
    return count_->load(std::memory_order_relaxed) != opened_at_;
  }
  /// Errors: invalid_argument, in a child made by fork.
  [[nodiscard]] Result<void> check() const {
    if (!forked()) return {};
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("this database was opened by process {}, before fork() made this one", id_),
        "open it for reading in the child, or open it after the fork");
  }

 private:
  ::pid_t id_;
  const std::atomic<std::uint32_t>* count_;
  std::uint32_t opened_at_;
};

/// Lets go of what belongs to the parent without running its destructor.
template <typename T>
void leave_alone(std::shared_ptr<T> theirs) {
  // Leaked on purpose: the memory is a copy, and goes with the process.
  static_cast<void>(new std::shared_ptr<T>(std::move(theirs)));  // NOLINT
}

}  // namespace hygge::storage
