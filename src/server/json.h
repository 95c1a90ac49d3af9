// JSON as Prometheus' API writes it, appended to a string.
#pragma once

#include <hygge/labels.h>
#include <hygge/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::server {

/// A quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_text(std::string& out, std::string_view text);
/// A sample's value: shortest digits, exponents below 1e-6 and from 1e21; NaN, +Inf, -Inf. Without
/// the quotes.
void append_value(std::string& out, double value);
/// Seconds, with three decimals where the time is no whole second.
void append_seconds(std::string& out, TimeMs t_ms);
/// A JSON number.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::uint64_t value);
void append_labels(std::string& out, const Labels& labels);
/// `["a","b"]`
void append_texts(std::string& out, const std::vector<std::string>& texts);

}  // namespace hygge::server
