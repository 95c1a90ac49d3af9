// The formats that can be read, and what tells them apart.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/near.h"
#include "formats/csv.h"
#include "formats/exposition.h"
#include "formats/numbers.h"
#include "formats/scanner.h"

namespace hygge::formats {

namespace {

constexpr std::array<Format, 3> kImports{{
    {"prometheus", "Prometheus text exposition 0.0.4; times in milliseconds"},
    {"openmetrics", "OpenMetrics 1.0 text; times in seconds"},
    {"csv", "long form: metric,labels,timestamp_ms,value[,type]"},
}};

std::string names() {
  std::string out;
  for (const Format& format : kImports) out += (out.empty() ? "" : ", ") + std::string(format.name);
  return out;
}

std::string_view first_line(std::string_view head) { return head.substr(0, head.find('\n')); }

bool looks_like_csv(std::string_view head) {
  const std::string_view line = first_line(head);
  return line.find("timestamp_ms") != std::string_view::npos &&
         line.find("metric") != std::string_view::npos;
}

// Whether a line reads as a sample: a series, a number, perhaps a time.
bool is_sample(std::string_view line, bool& fractional_time) {
  const std::size_t length = series_length(line);
  if (length == 0 || length == std::string_view::npos) return false;
  std::vector<Label> labels;
  if (!parse_series(line.substr(0, length), labels).empty()) return false;
  std::string_view rest = skip_blanks(line.substr(length));
  if (!parse_number(take_word(rest))) return false;
  rest = skip_blanks(rest);
  const std::string_view time = take_word(rest);
  if (time.empty()) return true;
  const auto seconds = parse_seconds(time);
  fractional_time = seconds && implausible(*seconds, time, TimeUnit::seconds).empty();
  return seconds.has_value();
}

}  // namespace

std::span<const Format> import_formats() noexcept { return kImports; }

std::string_view detect(std::string_view head) noexcept {
  if (looks_like_csv(head)) return "csv";
  if (head.find("# EOF") != std::string_view::npos ||
      head.find("\n# UNIT ") != std::string_view::npos) {
    return "openmetrics";
  }
  for (std::string_view rest = head; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = skip_blanks(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line[0] == '#') continue;
    bool seconds = false;
    if (!is_sample(line, seconds)) return "";
    return seconds ? "openmetrics" : "prometheus";
  }
  return head.find("# TYPE ") != std::string_view::npos ? "prometheus" : "";
}

void ImportReport::add(const ImportReport& other) {
  lines += other.lines;
  samples += other.samples;
  series += other.series;
  rejected += other.rejected;
  exemplars += other.exemplars;
  start_times += other.start_times;
  constexpr std::size_t kKept = 10;
  for (const Reject& reject : other.rejects) {
    if (rejects.size() < kKept) rejects.push_back(reject);
  }
  for (const auto& [text, times] : other.warnings) warnings[text] += times;
}

Result<ImportReport> import(std::string_view format, Input& input, const ImportOptions& options,
                            Sink& sink) {
  Importer importer(input, options, sink);
  Lines lines(input, options);
  Result<void> done;
  if (format == "prometheus") {
    done = read_exposition(Dialect::prometheus, lines, importer);
  } else if (format == "openmetrics") {
    done = read_exposition(Dialect::openmetrics, lines, importer);
  } else if (format == "csv") {
    done = read_csv(lines, importer);
  } else {
    std::vector<std::string_view> known;
    for (const Format& known_format : kImports) known.push_back(known_format.name);
    const std::string_view near = nearest(format, std::span<const std::string_view>(known));
    return fail(ErrorCode::invalid_argument,
                fmt::format("unknown format \"{}\"{}", format,
                            near.empty() ? "" : fmt::format(" (did you mean {}?)", near)),
                fmt::format("formats: {}", names()));
  }
  if (!done) return tl::unexpected<Error>(done.error());
  const ImportReport& report = importer.report();
  if (report.rejected > 0 && report.samples == 0) {
    const Reject first = report.rejects.empty() ? Reject() : report.rejects[0];
    return fail(
        ErrorCode::parse,
        fmt::format("{} is not {}: none of its {} lines could be read ({}:{}: {})", input.name(),
                    format, report.lines, first.file, first.line, first.reason),
        fmt::format("formats: {}", names()));
  }
  return importer.report();
}

}  // namespace hygge::formats
