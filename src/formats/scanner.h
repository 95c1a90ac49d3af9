// Scanning of `name{label="value",…}` as the text formats write it.
#pragma once

#include <hygge/labels.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::formats {

/// Without spaces and tabs in front.
[[nodiscard]] std::string_view skip_blanks(std::string_view text) noexcept;
/// Takes everything up to the next space or tab off the front.
[[nodiscard]] std::string_view take_word(std::string_view& text) noexcept;
/// How a quoted label value is escaped: \\ \" \n and any other backslash itself, as the text
/// formats have it; or as PromQL's strings.
enum class Escapes : std::uint8_t { text, promql };
/// Takes a quoted text, quotes included, off the front. False: it does not end, or (PromQL) is
/// none.
[[nodiscard]] bool take_quoted(std::string_view& text, Escapes escapes, std::string& out);
/// \\ and \n, and \" if `quotes`, as in HELP texts; any other backslash stays.
[[nodiscard]] std::string unescape(std::string_view text, bool quotes);

/// The bytes of the series' text at the front: name, labels and what is between; 0 if there is
/// none, npos if its braces do not close.
[[nodiscard]] std::size_t series_length(std::string_view text) noexcept;

/// Parses such a text into labels, the name first. Returns why it is none, or "".
[[nodiscard]] std::string parse_series(std::string_view text, std::vector<Label>& out);

/// Parses the inside of braces: `a="b",c="d"`, trailing comma allowed. Where `name` is not null a
/// quoted text alone, `"metric"`, is put there. Returns why it is none, or "".
[[nodiscard]] std::string parse_labels(std::string_view text, Escapes escapes,
                                       std::vector<Label>& out, std::string* name);

}  // namespace hygge::formats
