// Which process a database belongs to. RocksDB's threads do not survive fork(), and a mutex may be
// held for ever in the child: there, nothing of the parent's may be touched.
#pragma once

#include <fmt/format.h>
#include <hygge/error.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace hygge::storage {

class Process {
 public:
  Process() noexcept : id_(::getpid()) {}

  [[nodiscard]] bool forked() const noexcept { return ::getpid() != id_; }
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
};

/// Lets go of what belongs to the parent without running its destructor.
template <typename T>
void leave_alone(std::shared_ptr<T> theirs) {
  // Leaked on purpose: the memory is a copy, and goes with the process.
  static_cast<void>(new std::shared_ptr<T>(std::move(theirs)));  // NOLINT
}

}  // namespace hygge::storage
