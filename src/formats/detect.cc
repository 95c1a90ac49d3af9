#include "formats/detect.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "formats/numbers.h"
#include "formats/scanner.h"

namespace hygge::formats {

namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

struct LineOf {
  bool is_sample = false;
  bool in_seconds = false;  ///< it has a time, which is plausible in seconds
};

// Whether a line reads as a sample: a series, a number, perhaps a time.
LineOf look_at(std::string_view line) {
  const std::size_t length = series_length(line);
  if (length == 0 || length == std::string_view::npos) return {};
  std::vector<Label> labels;
  if (!parse_series(line.substr(0, length), labels).empty()) return {};
  std::string_view rest = skip_blanks(line.substr(length));
  if (!parse_number(take_word(rest))) return {};
  rest = skip_blanks(rest);
  const std::string_view time = take_word(rest);
  if (time.empty()) return {true, false};
  const auto seconds = parse_seconds(time);
  return {seconds.has_value(), seconds && is_plausible(*seconds)};
}

// Takes the first line off the front.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The first line that is no comment.
std::optional<std::string_view> first_sample(std::string_view head) {
  if (head.starts_with(kBom)) head.remove_prefix(kBom.size());
  while (!head.empty()) {
    const std::string_view line = skip_blanks(take_line(head));
    if (!line.empty() && line[0] != '#') return line;
  }
  return std::nullopt;
}

bool has_line(std::string_view head, std::string_view start) {
  while (!head.empty()) {
    if (take_line(head).starts_with(start)) return true;
  }
  return false;
}

}  // namespace

bool looks_like_csv(std::string_view head) {
  if (head.starts_with(kBom)) head.remove_prefix(kBom.size());
  const std::string_view line = take_line(head);
  return line.find("timestamp_ms") != std::string_view::npos &&
         line.find("metric") != std::string_view::npos;
}

bool looks_like_openmetrics(std::string_view head) {
  const auto line = first_sample(head);
  const LineOf sample = line ? look_at(*line) : LineOf{};
  if (line && !sample.is_sample) return false;
  return sample.in_seconds || has_line(head, "# EOF") || has_line(head, "# UNIT ");
}

bool looks_like_prometheus(std::string_view head) {
  const auto line = first_sample(head);
  return line ? look_at(*line).is_sample : has_line(head, "# TYPE ");
}

}  // namespace hygge::formats
