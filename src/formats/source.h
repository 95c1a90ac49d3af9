// Raw bytes of an Input: a file, a descriptor or memory, before anything is decompressed.
#pragma once

#include <hygge/error.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace hygge::formats {

class Source {
 public:
  /// `descriptor` < 0: reads `text`. An owned descriptor is closed.
  Source(int descriptor, bool owned, std::string text, std::string name);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  /// Up to `size` bytes as they come; 0 at the end. Errors: io, those of the waiting call.
  [[nodiscard]] Result<std::size_t> read(char* to, std::size_t size);
  [[nodiscard]] std::uint64_t consumed() const noexcept { return at_; }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept { return total_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// See Input.
  [[nodiscard]] Result<void> make_rewindable(const std::string& folder);
  [[nodiscard]] Result<void> rewind();
  void while_waiting(std::chrono::milliseconds every, std::function<Result<void>()> call) {
    wait_every_ = every;
    waiting_ = std::move(call);
  }

 private:
  [[nodiscard]] bool is_seekable() const noexcept { return descriptor_ < 0 || start_ >= 0; }
  [[nodiscard]] Result<void> wait() const;
  [[nodiscard]] Error error(int number) const;

  int descriptor_;
  bool owned_;
  std::string text_;
  std::string name_;
  std::int64_t start_ = -1;  ///< offset of a regular file at which reading began; -1: a pipe
  std::uint64_t at_ = 0;
  std::optional<std::uint64_t> total_;
  std::chrono::milliseconds wait_every_{0};
  std::function<Result<void>()> waiting_;
};

}  // namespace hygge::formats
