// Records of RFC 4180, which may span lines where a quoted field holds line feeds.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/lines.h"

namespace hygge::formats {

/// Splits one record into its fields.
class CsvFields {
 public:
  enum class State : std::uint8_t {
    whole,
    open,  ///< a quoted field goes on behind the end of the text
    bad    ///< text behind a closing quote
  };
  /// The fields are views of `text` and of this object.
  [[nodiscard]] State split(std::string_view text, char delimiter);
  [[nodiscard]] const std::vector<std::string_view>& fields() const noexcept { return fields_; }

 private:
  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  ///< fields in which quotes were doubled
};

/// Reads records. A quote that should not be there costs its line only: the lines that its field
/// has swallowed can be read again, as records of their own.
class CsvRecords {
 public:
  enum class Kind : std::uint8_t { end, record, bad };

  CsvRecords(Lines& lines, Importer& importer)
      : lines_(lines), importer_(importer), delimiter_(importer.options().delimiter) {}

  /// Errors: those of Lines, but for damaged data, which ends the records; see damage().
  [[nodiscard]] Result<Kind> next();
  [[nodiscard]] const std::vector<std::string_view>& fields() const noexcept {
    return split_.fields();
  }
  /// The line on which the record begins.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// The record is not to be used: all its lines but the first are read again.
  void reread();
  /// Why the record is bad.
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }
  [[nodiscard]] const std::optional<Error>& damage() const noexcept { return damage_; }

 private:
  struct Line {
    std::string text;
    std::uint64_t number = 0;
    bool had_cr = false;
  };
  [[nodiscard]] Result<bool> next_line();
  [[nodiscard]] Result<Kind> join();
  void swallow() { swallowed_.push_back({std::string(text_), line_number_, had_cr_}); }
  [[nodiscard]] Kind bad(std::string_view reason) {
    reason_ = reason;
    return Kind::bad;
  }

  Lines& lines_;
  Importer& importer_;
  const char delimiter_;
  CsvFields split_;
  std::deque<Line> swallowed_;  ///< lines of the current record, but for its first
  std::deque<Line> again_;      ///< lines to be read once more
  Line kept_;                   ///< the current line, if it came from there
  std::string_view text_;       ///< the current line
  bool had_cr_ = false;
  bool too_long_ = false;
  std::uint64_t line_number_ = 0;
  std::string joined_;
  std::uint64_t number_ = 0;
  std::string_view reason_;
  std::optional<Error> damage_;
};

}  // namespace hygge::formats
