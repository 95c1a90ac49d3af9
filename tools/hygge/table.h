// A table of text, written for people or for programs.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "output.h"

namespace hygge::command {

struct Column {
  std::string name;
  bool right = false;    ///< numbers
  bool elastic = false;  ///< may be elided to fit
  int expendable = 0;    ///< > 0: left out of a table that is too wide, the highest first
};

/// How a table is shown.
struct Look {
  std::optional<std::size_t> width;  ///< none: as wide as it gets
  bool ascii = false;
  bool color = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  /// Aligned, fitted to the width; at most `limit` rows. The last line says how many more.
  [[nodiscard]] std::string text(const Look& look, std::optional<std::size_t> limit) const;
  /// Whether text() fits `width` without leaving a column out or cutting one that is not elastic.
  [[nodiscard]] bool fits(std::size_t width) const;

  /// "tsv", "csv" or "md", with a header line.
  [[nodiscard]] Result<void> write(std::string_view format, Output& out) const;

 private:
  [[nodiscard]] std::vector<std::size_t> natural_widths() const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Appends one field as the format has it.
void append_field(std::string& out, std::string_view format, std::string_view text);

}  // namespace hygge::command
