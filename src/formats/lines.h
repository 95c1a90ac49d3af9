// Lines of an Input, without copying: LF or CRLF, a UTF-8 BOM at the start skipped.
#pragma once

#include <hygge/formats.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace hygge::formats {

inline constexpr std::size_t kMaxLineBytes = 1U << 20U;

class Lines {
 public:
  Lines(Input& input, const ImportOptions& options) : input_(input), options_(options) {}

  /// Moves to the next line; false at the end. Errors: those of Input, cancelled.
  [[nodiscard]] Result<bool> next();
  /// The line; stays until next(). Cut off at kMaxLineBytes if too_long().
  [[nodiscard]] std::string_view text() const noexcept { return line_; }
  [[nodiscard]] bool too_long() const noexcept { return too_long_; }
  /// Whether an LF followed: false only for a last line without one.
  [[nodiscard]] bool ended() const noexcept { return line_ended_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  [[nodiscard]] Result<bool> fill();

  Input& input_;
  const ImportOptions& options_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool end_ = false;
  bool too_long_ = false;
  bool line_ended_ = false;
  std::string_view line_;
  std::uint64_t number_ = 0;
};

}  // namespace hygge::formats
