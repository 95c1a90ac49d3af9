// The page of SLOs: what stands around the cards.
#include <fmt/format.h>
#include <hygge/slo_page.h>

#include <array>
#include <string_view>

#include "formats/slo_page_assets.h"
#include "formats/slo_page_card.h"
#include "formats/slo_page_parts.h"

namespace hygge::formats {

namespace {

using namespace page;

// As Content-Security-Policy names a hash: base64 of the bytes.
std::string hash_source(std::string_view hex) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::string out = "'sha256-";
  for (std::size_t i = 0; i < hex.size(); i += 6) {
    unsigned bits = 0;
    std::size_t bytes = 0;
    for (; bytes < 3 && i + 2 * bytes < hex.size(); ++bytes) {
      bits |= (digit(hex[i + 2 * bytes]) << 4U | digit(hex[i + 2 * bytes + 1]))
              << (16U - 8U * bytes);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= bytes ? kDigits[bits >> (18U - 6U * k) & 63U] : '=';
    }
  }
  return out + "'";
}

// All of them in a few lines, where there are several.
std::string overview(std::span<const PageSlo> slos) {
  if (slos.size() < 2) return {};
  constexpr auto kColumns = std::to_array<Column>(
      {{"SLO"}, {"verdict"}, {"SLI", true}, {"target", true}, {"budget left", true}, {"alerts"}});
  HtmlTable table("All of them", kColumns);
  for (const PageSlo& slo : slos) {
    const std::string name = escaped(slo.definition.name);
    const std::string_view state = slo::to_string(slo.burn.state);
    const std::array<std::string, 6> cells{fmt::format("<a href=\"#{0}\">{0}</a>", name),
                                           badge(slo.report.verdict),
                                           share_text(slo.report.sli, 4),
                                           escaped(slo.definition.target_percent) + " %",
                                           share_text(slo.report.remaining, 1),
                                           slo.burn.rules.empty() ? "none" : badge(state, state)};
    table.add(cells);
  }
  return "<section aria-label=\"Overview\">\n" + table.text("All SLOs") + "</section>\n";
}

std::string summary(std::span<const PageSlo> slos) {
  std::array<std::size_t, 3> counts{};
  for (const PageSlo& slo : slos) ++counts[static_cast<std::size_t>(slo.report.verdict)];
  return fmt::format("{} SLO{}: {} met, {} breached, {} without enough data", slos.size(),
                     slos.size() == 1 ? "" : "s", counts[0], counts[1], counts[2]);
}

// What the licence of dygraphs wants in every copy.
constexpr std::string_view kDygraphsLicence =
    R"(<!-- The charts are drawn by dygraphs 2, under the MIT licence:
Copyright (c) 2006, 2009, 2011, 2012, 2013, 2017 Dan Vanderkam and the contributors of dygraphs.
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and
this permission notice shall be included in all copies or substantial portions of the Software.
THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. -->
)";

std::string tag(std::string_view name, const page::Asset& asset) {
  std::string out;
  out.reserve(asset.text.size() + 32);
  out += '<';
  out += name;
  out += '>';
  out += asset.text;
  out += "</";
  out += name;
  return out + ">\n";
}

}  // namespace

std::string slo_page(TimeMs at_ms, std::span<const PageSlo> slos) {
  const page::Asset style = page::style();
  const page::Asset dygraphs = page::dygraphs();
  const page::Asset script = page::script();
  const std::string tz = slos.empty() ? std::string("UTC") : slos.front().tz;
  const std::string at = fmt::format("{} ({})", clock_text(at_ms, tz), escaped(tz));
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src {} {}; "
      "style-src {}; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
      "<title>Service levels, {}</title>\n",
      hash_source(dygraphs.sha256), hash_source(script.sha256), hash_source(style.sha256), at);
  out += tag("style", style);
  out += fmt::format(
      "</head>\n<body>\n<header>\n<h1>Service levels</h1>\n<p class=soft>{}; {}</p>\n"
      "<noscript><p>The charts need JavaScript; the tables beneath them say the same.</p>"
      "</noscript>\n</header>\n<main>\n",
      at, summary(slos));
  out += overview(slos);
  for (const PageSlo& slo : slos) out += card(slo);
  out +=
      "</main>\n<footer>Written by hygge. Windows are left-open and right-closed; counts are "
      "exact.</footer>\n";
  out += kDygraphsLicence;
  out += tag("script", dygraphs) + tag("script", script);
  return out + "</body>\n</html>\n";
}

}  // namespace hygge::formats
