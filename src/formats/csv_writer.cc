// CSV in its long form: the format that says everything.
#include "formats/numbers.h"
#include "formats/text_writer.h"

namespace hygge::formats {

namespace {

void append_field(std::string& out, std::string_view text) {
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

class CsvWriter : public TextWriter {
 public:
  using TextWriter::TextWriter;

  Result<void> begin() override {
    text_ += "metric,labels,timestamp_ms,value,type\n";
    return {};
  }

  Result<void> family(const ExportFamily& family) override {
    tail_ = ',';
    if (family.metadata) tail_ += to_string(family.metadata->type);
    tail_ += '\n';
    return {};
  }

  Result<void> series(const Labels& labels) override {
    std::string braces;
    append_labels(braces, labels, false);
    head_.clear();
    append_field(head_, labels.metric());
    head_ += ',';
    append_field(head_, braces);
    head_ += ',';
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
      text_ += tail_;
      ++written;
      if (auto flushed = flush_if_full(); !flushed) return flushed;
    }
    return {};
  }

 private:
  std::string head_;
  std::string tail_;
};

}  // namespace

std::unique_ptr<Exporter> make_csv_writer(Output output) {
  return std::make_unique<CsvWriter>(std::move(output));
}

}  // namespace hygge::formats
