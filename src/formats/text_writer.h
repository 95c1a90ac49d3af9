// What the exporters share: a buffer before the output, and how series are spelled.
#pragma once

#include <hygge/formats.h>

#include <string>
#include <string_view>
#include <utility>

namespace hygge::formats {

/// An exporter whose text goes out in large pieces.
class TextWriter : public Exporter {
 public:
  explicit TextWriter(Output output) : output_(std::move(output)) {}
  Result<void> end() override { return flush(); }

 protected:
  [[nodiscard]] Result<void> flush_if_full() {
    constexpr std::size_t kFlushBytes = 256 * 1024;
    return text_.size() < kFlushBytes ? Result<void>() : flush();
  }
  [[nodiscard]] Result<void> flush() {
    if (text_.empty()) return {};
    auto out = output_(text_);
    text_.clear();
    return out;
  }
  std::string text_;

 private:
  Output output_;
};

/// \\ \n, and \" if `quotes`.
void append_escaped(std::string& out, std::string_view text, bool quotes);
/// In double quotes, escaped as the text formats have it.
void append_quoted(std::string& out, std::string_view text);
/// A metric's name, in quotes if it needs them.
void append_name(std::string& out, std::string_view name);
/// `{a="b",…}`, or nothing where there are none; the metric's name stands inside if `name_inside`.
void append_labels(std::string& out, const Labels& labels, bool name_inside);

[[nodiscard]] std::unique_ptr<Exporter> make_openmetrics_writer(Output output);
[[nodiscard]] std::unique_ptr<Exporter> make_csv_writer(Output output);

}  // namespace hygge::formats
