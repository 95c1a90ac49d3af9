// What the page of SLOs is put together from: text as HTML, badges, tables. No style stands in an
// attribute: the policy of the page forbids it.
#pragma once

#include <hygge/slo.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hygge::formats::page {

/// Text that may hold anything, as text and as an attribute in double quotes.
[[nodiscard]] std::string escaped(std::string_view text);

/// 0.1234 as "12.3 %"; none as a dash.
[[nodiscard]] std::string share_text(const std::optional<double>& share, int decimals);
/// "90 s", "7 min", "3.5 h", "2.0 d"; none as a dash.
[[nodiscard]] std::string duration_text(const std::optional<double>& seconds);
/// Three digits; none as a dash.
[[nodiscard]] std::string burn_text(const std::optional<double>& burn);
/// "2026-11-05 19:00": the zone is said once a card.
[[nodiscard]] std::string clock_text(TimeMs t_ms, const std::string& tz);

/// A word on the colour of a state: met, breached, insufficient, ok, firing, unknown.
[[nodiscard]] std::string badge(std::string_view kind, std::string_view text);
[[nodiscard]] std::string badge(slo::Verdict verdict);

struct Column {
  std::string_view name;
  bool number = false;  ///< to the right
  bool time = false;    ///< on one line, as numbers are
};

/// A table with a caption and a row header in its first column. `columns` outlive it.
class HtmlTable {
 public:
  HtmlTable(std::string_view caption, std::span<const Column> columns);
  /// A row of cells that are HTML; `attributes` are the row's, with a blank before them.
  void add(std::span<const std::string> cells, std::string_view attributes = {});
  /// In a box, called `label`, that scrolls where there is no room and can be reached by key for
  /// it.
  [[nodiscard]] std::string text(std::string_view label) const;

 private:
  std::span<const Column> columns_;
  std::string text_;
};

}  // namespace hygge::formats::page
