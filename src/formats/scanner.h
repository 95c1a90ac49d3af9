// Scanning of `name{label="value",…}` as the text formats write it.
#pragma once

#include <hygge/labels.h>

#include <string>
#include <string_view>
#include <vector>

namespace hygge::formats {

/// Without spaces and tabs in front.
[[nodiscard]] std::string_view skip_blanks(std::string_view text) noexcept;
/// Takes everything up to the next space or tab off the front.
[[nodiscard]] std::string_view take_word(std::string_view& text) noexcept;
/// Takes a quoted text, whose opening quote is gone, and its closing quote off the front; escapes
/// \\ \" \n are resolved, any other backslash stays. False: it does not end.
[[nodiscard]] bool take_quoted(std::string_view& text, std::string& out);
/// \\ \n \" as in HELP texts.
[[nodiscard]] std::string unescape(std::string_view text);

/// The bytes of the series' text at the front: name, labels and what is between; 0 if there is
/// none, npos if its braces do not close.
[[nodiscard]] std::size_t series_length(std::string_view text) noexcept;

/// Parses such a text into labels, the name first. Returns why it is none, or "".
[[nodiscard]] std::string parse_series(std::string_view text, std::vector<Label>& out);

/// Parses the inside of braces: `a="b",c="d"`, trailing comma allowed. Where `name` is not null a
/// quoted text alone, `"metric"`, is put there. Returns why it is none, or "".
[[nodiscard]] std::string parse_labels(std::string_view text, std::vector<Label>& out,
                                       std::string* name);

}  // namespace hygge::formats
