#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "text.h"

namespace hygge::command {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kReadable = 16;
constexpr std::size_t kLeastElastic = 8;

std::size_t total(const std::vector<std::size_t>& widths, const std::vector<std::size_t>& shown) {
  std::size_t sum = shown.empty() ? 0 : kGap * (shown.size() - 1);
  for (const std::size_t column : shown) sum += widths[column];
  return sum;
}

// Takes from the widest elastic column until the table fits or all are at their least.
void shrink(std::vector<std::size_t>& widths, const std::vector<std::size_t>& shown,
            const std::vector<Column>& columns, std::size_t width, std::size_t least) {
  while (total(widths, shown) > width) {
    std::size_t widest = columns.size();
    std::size_t second = least;  // down to the next widest in one go
    for (const std::size_t column : shown) {
      if (!columns[column].elastic || widths[column] <= least) continue;
      if (widest == columns.size() || widths[column] > widths[widest]) {
        if (widest != columns.size()) second = std::max(second, widths[widest]);
        widest = column;
      } else {
        second = std::max(second, widths[column]);
      }
    }
    if (widest == columns.size()) return;
    const std::size_t floor = std::min(second, widths[widest] - 1);
    const std::size_t excess = total(widths, shown) - width;
    widths[widest] -= std::min(excess, widths[widest] - floor);
  }
}

struct Layout {
  std::vector<std::size_t> widths;
  std::vector<std::size_t> shown;
};

// Elastic columns give way as far as they stay readable, then columns that can be spared go, then
// elastic columns shrink to the least, and at last the widest column is cut, whatever it holds.
Layout fit(const std::vector<std::size_t>& natural, const std::vector<Column>& columns,
           std::optional<std::size_t> width) {
  Layout out{natural, std::vector<std::size_t>(columns.size())};
  std::iota(out.shown.begin(), out.shown.end(), 0U);
  if (!width) return out;
  for (;;) {
    out.widths = natural;
    shrink(out.widths, out.shown, columns, *width, kReadable);
    if (total(out.widths, out.shown) <= *width) return out;
    const auto spared = std::max_element(out.shown.begin(), out.shown.end(), [&](auto a, auto b) {
      return columns[a].expendable < columns[b].expendable;
    });
    if (spared == out.shown.end() || columns[*spared].expendable == 0) break;
    out.shown.erase(spared);
  }
  shrink(out.widths, out.shown, columns, *width, kLeastElastic);
  while (total(out.widths, out.shown) > *width) {
    const auto widest = *std::max_element(out.shown.begin(), out.shown.end(), [&](auto a, auto b) {
      return out.widths[a] < out.widths[b];
    });
    if (out.widths[widest] <= 1) break;
    --out.widths[widest];
  }
  return out;
}

void append_padded(std::string& line, const std::string& cell, std::size_t width, bool right,
                   bool last) {
  const std::size_t used = display_width(cell);
  const std::string blanks(width > used ? width - used : 0, ' ');
  if (right) line += blanks;
  line += cell;
  if (!right && !last) line += blanks;
}

}  // namespace

std::vector<std::size_t> Table::natural_widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(printable(row[i])));
    }
  }
  return widths;
}

bool Table::fits(std::size_t width) const {
  std::vector<std::size_t> widths = natural_widths();
  std::vector<std::size_t> all(columns_.size());
  std::iota(all.begin(), all.end(), 0U);
  shrink(widths, all, columns_, width, kReadable);
  return total(widths, all) <= width;
}

std::string Table::text(const Look& look, std::optional<std::size_t> limit) const {
  const auto [widths, shown] = fit(natural_widths(), columns_, look.width);
  std::string out;
  const auto line_of = [&, &widths = widths, &shown = shown](const std::vector<std::string>& cells,
                                                             bool header) {
    std::string line;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const std::size_t column = shown[i];
      if (i > 0) line.append(kGap, ' ');
      append_padded(line, elide(printable(cells[column]), widths[column], look.ascii),
                    widths[column], columns_[column].right, i + 1 == shown.size());
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += header && look.color ? fmt::format("\033[1m{}\033[0m\n", line) : line + "\n";
  };
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  if (std::any_of(names.begin(), names.end(), [](const auto& name) { return !name.empty(); })) {
    line_of(names, true);
  }
  const std::size_t rows = limit ? std::min(*limit, rows_.size()) : rows_.size();
  for (std::size_t i = 0; i < rows; ++i) line_of(rows_[i], false);
  if (rows < rows_.size()) {
    out += fmt::format("{} {} more; --limit all shows them\n", look.ascii ? "..." : "…",
                       rows_.size() - rows);
  }
  return out;
}

void append_field(std::string& out, std::string_view format, std::string_view text) {
  if (format == "csv") {
    if (text.find_first_of(",\"\n\r") == std::string_view::npos) {
      out += text;
      return;
    }
    out += '"';
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
    return;
  }
  for (const char c : text) {
    if (c == '\t') {
      out += format == "md" ? " " : "\\t";
    } else if (c == '\n') {
      out += format == "md" ? "<br>" : "\\n";
    } else if (c == '|' && format == "md") {
      out += "\\|";
    } else {
      out += c;
    }
  }
}

Result<void> Table::write(std::string_view format, Output& out) const {
  const bool md = format == "md";
  const std::string_view between = md ? " | " : format == "csv" ? "," : "\t";
  std::string line;
  const auto put = [&](const std::vector<std::string>& cells) -> Result<void> {
    line = md ? "| " : "";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += between;
      append_field(line, format, cells[i]);
    }
    line += md ? " |\n" : "\n";
    return out.write(line);
  };
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  if (auto wrote = put(names); !wrote) return wrote;
  if (md) {
    std::string rule = "|";
    for (const Column& column : columns_) rule += column.right ? " --: |" : " --- |";
    if (auto wrote = out.write(rule + "\n"); !wrote) return wrote;
  }
  for (const auto& row : rows_) {
    if (auto wrote = put(row); !wrote) return wrote;
  }
  return {};
}

}  // namespace hygge::command
