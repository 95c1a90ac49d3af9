// Exporters: OpenMetrics 1.0 and long-form CSV.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <array>
#include <charconv>
#include <utility>

#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::array<Format, 2> kExports{{
    {"openmetrics", "OpenMetrics 1.0 text"},
    {"csv", "long form: metric,labels,timestamp_ms,value,type; says everything"},
}};

constexpr std::size_t kFlushBytes = 256 * 1024;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '"') {
      out += "\\\"";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

// `{a="b",…}`, or nothing where there are no labels. A name that is no identifier goes inside.
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

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), result.ptr);
}

// Milliseconds as seconds, without trailing zeros.
void append_seconds(std::string& out, TimeMs t_ms) {
  if (t_ms < 0) out += '-';
  const auto magnitude =
      t_ms < 0 ? 0U - static_cast<std::uint64_t>(t_ms) : static_cast<std::uint64_t>(t_ms);
  append_integer(out, static_cast<std::int64_t>(magnitude / 1000));
  const auto rest = static_cast<unsigned>(magnitude % 1000);
  if (rest == 0) return;
  std::array<char, 3> digits{static_cast<char>('0' + rest / 100),
                             static_cast<char>('0' + rest / 10 % 10),
                             static_cast<char>('0' + rest % 10)};
  std::size_t length = digits.size();
  while (digits[length - 1] == '0') --length;
  out += '.';
  out.append(digits.data(), length);
}

class Buffered : public Exporter {
 public:
  explicit Buffered(Output output) : output_(std::move(output)) {}

 protected:
  Result<void> flush(bool all) {
    if (text_.empty() || (!all && text_.size() < kFlushBytes)) return {};
    auto out = output_(text_);
    text_.clear();
    return out;
  }
  std::string text_;

 private:
  Output output_;
};

class OpenMetricsExporter : public Buffered {
 public:
  using Buffered::Buffered;

  Result<void> series(const Labels& labels, const std::optional<Metadata>& metadata) override {
    std::string family = family_of(labels.metric(), metadata);
    if (!any_ || family != family_) {
      any_ = true;
      family_ = std::move(family);
      header(labels.metric(), metadata);
    }
    head_.clear();
    const bool bare = is_metric_name(labels.metric());
    if (bare) head_ += labels.metric();
    append_labels(head_, labels, !bare);
    return {};
  }

  Result<void> samples(std::span<const TimeMs> t, std::span<const double> v) override {
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (is_stale(v[i])) {
        ++stale_left_out;
        continue;
      }
      text_ += head_;
      text_ += ' ';
      append_number(text_, v[i]);
      text_ += ' ';
      append_seconds(text_, t[i]);
      text_ += '\n';
      ++written;
      if (text_.size() >= kFlushBytes) {
        if (auto flushed = flush(false); !flushed) return flushed;
      }
    }
    return {};
  }

  Result<void> end() override {
    text_ += "# EOF\n";
    return flush(true);
  }

 private:
  void header(std::string_view metric, const std::optional<Metadata>& metadata) {
    MetricType type = metadata ? metadata->type : MetricType::unknown;
    // A delta, and a counter whose samples lack the suffix, have no type here that would be true.
    const bool bare_counter = type == MetricType::counter && !metric.ends_with("_total");
    if (type == MetricType::delta || bare_counter) {
      type = MetricType::unknown;
      ++types_unknown;
    }
    std::string name;
    if (is_metric_name(family_)) {
      name = family_;
    } else {
      append_quoted(name, family_);
    }
    text_ += fmt::format("# TYPE {} {}\n", name, to_string(type));
    if (!metadata) return;
    if (!metadata->unit.empty()) {
      text_ += fmt::format("# UNIT {} {}\n", name, metadata->unit);
    }
    if (!metadata->help.empty()) {
      text_ += fmt::format("# HELP {} ", name);
      append_escaped(text_, metadata->help);
      text_ += '\n';
    }
  }

  bool any_ = false;
  std::string family_;
  std::string head_;
};

class CsvExporter : public Buffered {
 public:
  using Buffered::Buffered;

  Result<void> begin() override {
    text_ += "metric,labels,timestamp_ms,value,type\n";
    return {};
  }

  Result<void> series(const Labels& labels, const std::optional<Metadata>& metadata) override {
    std::string braces;
    append_labels(braces, labels, false);
    head_.clear();
    field(head_, labels.metric());
    head_ += ',';
    field(head_, braces);
    head_ += ',';
    type_ = metadata ? std::string(to_string(metadata->type)) : std::string();
    return {};
  }

  Result<void> samples(std::span<const TimeMs> t, std::span<const double> v) override {
    for (std::size_t i = 0; i < t.size(); ++i) {
      text_ += head_;
      append_integer(text_, t[i]);
      text_ += ',';
      if (is_stale(v[i])) {
        text_ += "stale";
      } else {
        append_number(text_, v[i]);
      }
      text_ += ',';
      text_ += type_;
      text_ += '\n';
      ++written;
      if (text_.size() >= kFlushBytes) {
        if (auto flushed = flush(false); !flushed) return flushed;
      }
    }
    return {};
  }

  Result<void> end() override { return flush(true); }

 private:
  static void field(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\n\r") == std::string_view::npos) {
      out += text;
      return;
    }
    out += '"';
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  std::string head_;
  std::string type_;
};

}  // namespace

std::span<const Format> export_formats() noexcept { return kExports; }

std::string family_of(std::string_view metric, const std::optional<Metadata>& metadata) {
  const auto without = [&](std::string_view suffix) {
    return std::string(metric.substr(0, metric.size() - suffix.size()));
  };
  if (!metadata) return std::string(metric);
  switch (metadata->type) {
    case MetricType::counter:
      if (metric.ends_with("_total")) return without("_total");
      break;
    case MetricType::histogram:
    case MetricType::gauge_histogram:
    case MetricType::summary:
      for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
        if (metric.ends_with(suffix)) return without(suffix);
      }
      break;
    case MetricType::info:
      if (metric.ends_with("_info")) return without("_info");
      break;
    default:
      break;
  }
  return std::string(metric);
}

Result<std::unique_ptr<Exporter>> make_exporter(std::string_view format, Output output) {
  if (format == "openmetrics") {
    return std::unique_ptr<Exporter>(std::make_unique<OpenMetricsExporter>(std::move(output)));
  }
  if (format == "csv") {
    return std::unique_ptr<Exporter>(std::make_unique<CsvExporter>(std::move(output)));
  }
  return fail(ErrorCode::invalid_argument, fmt::format("unknown export format \"{}\"", format),
              "formats: openmetrics, csv");
}

}  // namespace hygge::formats
