// The formats that can be written, and how series are spelled in them.
#include <fmt/format.h>

#include <array>

#include "base/near.h"
#include "formats/text_writer.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

struct Writer {
  Format format;
  std::unique_ptr<Exporter> (*make)(Output output);
};
constexpr std::array<Writer, 2> kWriters{{
    {{"openmetrics", "OpenMetrics 1.0 text"}, make_openmetrics_writer},
    {{"csv", "long form: metric,labels,timestamp_ms,value,type; says everything"}, make_csv_writer},
}};

constexpr auto kFormats = [] {
  std::array<Format, kWriters.size()> formats;
  for (std::size_t i = 0; i < formats.size(); ++i) formats[i] = kWriters[i].format;
  return formats;
}();

}  // namespace

std::span<const Format> export_formats() noexcept { return kFormats; }

Result<std::unique_ptr<Exporter>> make_exporter(std::string_view format, Output output) {
  std::vector<std::string_view> names;
  for (const Writer& writer : kWriters) {
    if (writer.format.name == format) return writer.make(std::move(output));
    names.push_back(writer.format.name);
  }
  const std::string_view near = nearest(format, std::span<const std::string_view>(names));
  return fail(ErrorCode::invalid_argument,
              fmt::format("unknown export format \"{}\"{}", format,
                          near.empty() ? "" : fmt::format(" (did you mean {}?)", near)),
              fmt::format("formats: {}", fmt::join(names, ", ")));
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (c == '"' && quotes)) out += '\\';
    out += c;
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

void append_name(std::string& out, std::string_view name) {
  if (is_metric_name(name)) {
    out += name;
  } else {
    append_quoted(out, name);
  }
}

void append_labels(std::string& out, const Labels& labels, bool name_inside) {
  bool any = false;
  const auto separate = [&] {
    out += any ? ',' : '{';
    any = true;
  };
  if (name_inside) {
    separate();
    append_quoted(out, labels.metric());
  }
  for (const Label& label : labels) {
    if (label.name == kNameLabel) continue;
    separate();
    if (is_label_name(label.name)) {
      out += label.name;
    } else {
      append_quoted(out, label.name);
    }
    out += '=';
    append_quoted(out, label.value);
  }
  if (any) out += '}';
}

}  // namespace hygge::formats
