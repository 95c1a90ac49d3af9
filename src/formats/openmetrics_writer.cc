// OpenMetrics 1.0 text.
#include <fmt/format.h>

#include "formats/numbers.h"
#include "formats/text_writer.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

class OpenMetricsWriter : public TextWriter {
 public:
  using TextWriter::TextWriter;

  Result<void> family(const ExportFamily& family) override {
    nameless_ = family.name.empty();
    if (nameless_) return {};
    MetricType type = family.metadata ? family.metadata->type : MetricType::unknown;
    if (!family.type_fits) {
      type = MetricType::unknown;
      ++types_unknown;
    }
    std::string name;
    append_name(name, family.name);
    text_ += fmt::format("# TYPE {} {}\n", name, to_string(type));
    if (!family.metadata) return {};
    const std::string& unit = family.metadata->unit;
    // Readers refuse a unit that the name does not end in.
    if (family.name.ends_with("_" + unit) && is_metric_name(unit)) {
      text_ += fmt::format("# UNIT {} {}\n", name, unit);
    } else if (!unit.empty()) {
      ++units_left_out;
    }
    if (!family.metadata->help.empty()) {
      text_ += fmt::format("# HELP {} ", name);
      append_escaped(text_, family.metadata->help, true);
      text_ += '\n';
    }
    return {};
  }

  Result<void> series(const Labels& labels) override {
    head_.clear();
    const bool bare = is_metric_name(labels.metric());
    if (bare) head_ += labels.metric();
    append_labels(head_, labels, !bare);
    head_ += ' ';
    return {};
  }

  Result<void> samples(std::span<const TimeMs> t, std::span<const double> v) override {
    if (nameless_) {
      nameless_left_out += t.size();
      return {};
    }
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (is_stale(v[i])) {
        ++stale_left_out;
        continue;
      }
      text_ += head_;
      append_number(text_, v[i]);
      text_ += ' ';
      append_seconds(text_, t[i]);
      text_ += '\n';
      ++written;
      if (auto flushed = flush_if_full(); !flushed) return flushed;
    }
    return {};
  }

  Result<void> end() override {
    text_ += "# EOF\n";
    return flush();
  }

 private:
  std::string head_;
  bool nameless_ = false;
};

}  // namespace

std::unique_ptr<Exporter> make_openmetrics_writer(Output output) {
  return std::make_unique<OpenMetricsWriter>(std::move(output));
}

}  // namespace hygge::formats
