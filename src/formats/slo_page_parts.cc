#include "formats/slo_page_parts.h"

#include <fmt/format.h>

#include "formats/slo_json.h"
#include "formats/slo_time.h"

namespace hygge::formats::page {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string share_text(const std::optional<double>& share, int decimals) {
  return escaped(percent_or_none(share, decimals));
}
std::string duration_text(const std::optional<double>& duration) {
  if (!duration) return "–";
  const double seconds = *duration;
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} d", seconds / 86400);
}
std::string burn_text(const std::optional<double>& burn) {
  return burn ? fmt::format("{:.3g}", *burn) : "–";
}

std::string clock_text(TimeMs t_ms, const std::string& tz) {
  std::string out = format_local_time(t_ms, tz);
  out.resize(out.find_first_of("+-Z", 11));
  out[10] = ' ';
  return out;
}

std::string badge(std::string_view kind, std::string_view text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", kind, text);
}
std::string badge(slo::Verdict verdict) {
  return badge(slo::to_string(verdict),
               verdict == slo::Verdict::insufficient ? "not enough data" : slo::to_string(verdict));
}

namespace {

std::string_view css_of(const Column& column) {
  return column.number ? " class=n" : column.time ? " class=t" : "";
}

}  // namespace

HtmlTable::HtmlTable(std::string_view caption, std::span<const Column> columns)
    : columns_(columns) {
  text_ = fmt::format("<table>\n<caption>{}</caption>\n<thead><tr>", escaped(caption));
  for (const Column& column : columns) {
    text_ += fmt::format("<th scope=col{}>{}", css_of(column), column.name);
  }
  text_ += "</thead>\n<tbody>\n";
}

void HtmlTable::add(std::span<const std::string> cells, std::string_view attributes) {
  text_ += fmt::format("<tr{}>", attributes);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text_ += fmt::format("<{}{}>{}", i == 0 ? "th scope=row" : "td", css_of(columns_[i]), cells[i]);
  }
  text_ += '\n';
}

std::string HtmlTable::text(std::string_view label) const {
  return fmt::format(
      "<div class=scroll tabindex=0 role=region aria-label=\"{}\">{}</tbody></table></div>\n",
      escaped(label), text_);
}

}  // namespace hygge::formats::page
