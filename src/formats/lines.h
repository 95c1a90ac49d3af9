// Lines of an Input, without copying: LF or CRLF, a UTF-8 BOM at the start skipped.
#pragma once

#include <hygge/formats.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "formats/importer.h"

namespace hygge::formats {

inline constexpr std::size_t kMaxLineBytes = 1U << 20U;

class Lines {
 public:
  Lines(Input& input, Importer& importer) : input_(input), importer_(importer) {}

  /// Moves to the next line; false at the end. Errors: those of Input (after damaged data the rest
  /// of the last line is lost), cancelled, those of progress.
  [[nodiscard]] Result<bool> next();
  /// The line; stays until next(). Empty if too_long().
  [[nodiscard]] std::string_view text() const noexcept { return line_; }
  /// Longer than kMaxLineBytes.
  [[nodiscard]] bool too_long() const noexcept { return too_long_; }
  /// Whether an LF followed: false only for a last line without one.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Whether it ended in CR LF.
  [[nodiscard]] bool had_cr() const noexcept { return had_cr_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  [[nodiscard]] Result<bool> fill();
  void take(std::size_t length, bool ended);

  Input& input_;
  Importer& importer_;
  std::unique_ptr<char[]> buffer_;  // [begin_, end_) has yet to be read
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  bool too_long_ = false;
  bool ended_ = false;
  bool had_cr_ = false;
  std::string_view line_;
  std::uint64_t number_ = 0;
};

}  // namespace hygge::formats
