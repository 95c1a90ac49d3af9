// The formats that can be read: a table, and what walks over the inputs.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "base/near.h"
#include "base/utf8.h"
#include "formats/csv.h"
#include "formats/detect.h"
#include "formats/exposition.h"

namespace hygge::formats {

namespace {

Result<void> read_prometheus(Lines& lines, Importer& importer) {
  return read_exposition(Dialect::prometheus, lines, importer);
}
Result<void> read_openmetrics(Lines& lines, Importer& importer) {
  return read_exposition(Dialect::openmetrics, lines, importer);
}

// A new format is a line here, and its reader. The first that a text looks like is what it is taken
// for.
struct Reader {
  Format format;
  bool (*looks_like)(std::string_view head);
  Result<void> (*read)(Lines& lines, Importer& importer);
};
constexpr std::array<Reader, 3> kReaders{{
    {{"csv", "long form: metric,labels,timestamp_ms,value and perhaps type"},
     looks_like_csv,
     read_csv},
    {{"openmetrics", "OpenMetrics 1.0 text; times in seconds"},
     looks_like_openmetrics,
     read_openmetrics},
    {{"prometheus", "Prometheus text exposition 0.0.4; times in milliseconds"},
     looks_like_prometheus,
     read_prometheus},
}};

constexpr auto kFormats = [] {
  std::array<Format, kReaders.size()> formats;
  for (std::size_t i = 0; i < formats.size(); ++i) formats[i] = kReaders[i].format;
  return formats;
}();

std::string names() {
  std::string out;
  for (const Format& format : kFormats) {
    out += (out.empty() ? "" : ", ") + std::string(format.name);
  }
  return out;
}

Result<const Reader*> find_reader(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Reader& reader : kReaders) {
    if (reader.format.name == name) return &reader;
    known.push_back(reader.format.name);
  }
  const std::string_view near = nearest(name, std::span<const std::string_view>(known));
  return fail(ErrorCode::invalid_argument,
              fmt::format("unknown format \"{}\"{}", name,
                          near.empty() ? "" : fmt::format(" (did you mean {}?)", near)),
              fmt::format("formats: {}", names()));
}

Result<void> check(const ImportOptions& options) {
  for (const Label& label : options.add_labels) {
    if (label.name.empty() || label.name == kNameLabel || !is_utf8(label.name) ||
        !is_utf8(label.value)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("label \"{}\" cannot be added", label.name),
                  "a name, other than __name__, and a value in UTF-8");
    }
  }
  if (!is_utf8(options.prefix)) return fail(ErrorCode::invalid_argument, "the prefix is not UTF-8");
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r') {
    return fail(ErrorCode::invalid_argument, "that byte cannot separate fields",
                "a comma, a semicolon or a tab can");
  }
  return {};
}

// Says what an input looks like that is not what it was said to be.
std::string likeness(std::string_view format, std::string_view head, const std::string& file) {
  const std::string_view like = detect(head);
  if (like.empty() || like == format) return {};
  return fmt::format("it looks like {}: `hygge import {} {}`", like, like, file);
}

// One input, from where it stands to its end.
Result<ImportReport> read_input(const Reader& reader, Input& input, Importer& importer) {
  constexpr std::size_t kHeadBytes = 16 * 1024;
  std::string head;
  // Damage that shows at once shows again, and is counted, in the reading.
  if (auto start = input.peek(kHeadBytes)) head = *start;
  const std::string_view format = reader.format.name;
  Lines lines(input, importer);
  auto read = reader.read(lines, importer);
  if (!read) {
    Error error = read.error();
    if (error.code == ErrorCode::parse) {
      if (std::string like = likeness(format, head, input.name()); !like.empty()) {
        error.detail = std::move(like);
      }
    }
    return tl::unexpected<Error>(std::move(error));
  }
  ImportReport report = importer.finish();
  if (report.rejected > 0 && report.samples == 0 && report.start_times == 0) {
    const Reject& first = report.rejects.front();
    return fail(
        ErrorCode::parse,
        fmt::format("{} is not {}: none of its {} lines could be read ({}:{}: {})", input.name(),
                    format, report.lines, first.file, first.line, first.reason),
        likeness(format, head, input.name()));
  }
  return report;
}

Result<ImportReport> read_all(const Reader& reader, std::span<Input> inputs,
                              const ImportOptions& options, Sink& sink, ImportProgress progress) {
  ImportReport total;
  Families families;
  std::uint64_t number = 0;
  for (Input& input : inputs) {
    Importer importer(input, options, sink, families, progress, ++number);
    auto report = read_input(reader, input, importer);
    if (!report) return report;
    total.add(*report);
    progress.consumed += input.consumed();
    progress.lines += report->lines;
    progress.samples += report->samples;
  }
  return total;
}

std::optional<std::uint64_t> total_bytes(std::span<const Input> inputs) {
  std::uint64_t sum = 0;
  for (const Input& input : inputs) {
    const auto bytes = input.total();
    if (!bytes) return std::nullopt;
    sum += *bytes;
  }
  return sum;
}

// Reads everything once for nothing but its errors, and moves `progress` by as much.
Result<void> validate(const Reader& reader, std::span<Input> inputs, const ImportOptions& options,
                      ImportProgress& progress) {
  for (Input& input : inputs) {
    input.while_waiting(std::chrono::milliseconds(100), [&]() -> Result<void> {
      if (options.cancel.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
      return {};
    });
    auto kept = input.make_rewindable(options.temporary_folder);
    input.while_waiting({}, {});
    if (!kept) return kept;
  }
  progress.total = total_bytes(inputs);
  if (progress.total) *progress.total *= 2;
  CountingSink nothing;
  if (auto read = read_all(reader, inputs, options, nothing, progress); !read) {
    return tl::unexpected<Error>(read.error());
  }
  for (Input& input : inputs) {
    progress.consumed += input.consumed();
    if (auto back = input.rewind(); !back) return back;
  }
  return {};
}

}  // namespace

std::span<const Format> import_formats() noexcept { return kFormats; }

std::string_view detect(std::string_view head) noexcept {
  for (const Reader& reader : kReaders) {
    if (reader.looks_like(head)) return reader.format.name;
  }
  return {};
}

void ImportReport::add(const ImportReport& other) {
  lines += other.lines;
  samples += other.samples;
  series += other.series;
  rejected += other.rejected;
  exemplars += other.exemplars;
  start_times += other.start_times;
  for (const Reject& reject : other.rejects) {
    if (rejects.size() < kKeptRejects) rejects.push_back(reject);
  }
  for (const auto& [text, times] : other.warnings) warnings[text] += times;
}

Result<ImportReport> import(std::string_view format, std::span<Input> inputs,
                            const ImportOptions& options, Sink& sink) {
  auto reader = find_reader(format);
  if (!reader) return tl::unexpected<Error>(reader.error());
  if (auto good = check(options); !good) return tl::unexpected<Error>(good.error());
  ImportProgress progress;
  progress.total = total_bytes(inputs);
  if (options.strict) {
    if (auto valid = validate(**reader, inputs, options, progress); !valid) {
      return tl::unexpected<Error>(valid.error());
    }
  }
  return read_all(**reader, inputs, options, sink, progress);
}

Result<ImportReport> import(std::string_view format, Input& input, const ImportOptions& options,
                            Sink& sink) {
  return import(format, std::span<Input>(&input, 1), options, sink);
}

}  // namespace hygge::formats
