// Text for terminals: widths, elision, numbers for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hygge::command {

/// Columns that `text` takes on a terminal: wide characters two, combining ones none.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// Control characters and bytes that are not UTF-8 as `\x1b`: labels come from others, and a
/// terminal must not obey them.
[[nodiscard]] std::string printable(std::string_view text);

/// At most `width` columns: the middle gives way to "…" (".." with `ascii`).
[[nodiscard]] std::string elide(std::string_view text, std::size_t width, bool ascii);

/// Shortest text that reads back as `v`.
[[nodiscard]] std::string number_text(double v);
/// Integers in full, others with six digits: for summaries.
[[nodiscard]] std::string short_number(double v);
/// "12.3 M", "950", "1.20 m": three digits.
[[nodiscard]] std::string human_number(double v);
/// "1.2 GiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace hygge::command
