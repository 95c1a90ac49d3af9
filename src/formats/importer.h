// What the readers of all formats share: counting, rejecting, warnings, and the series a text
// names.
#pragma once

#include <hygge/formats.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hygge::formats {

class Importer {
 public:
  Importer(const Input& input, const ImportOptions& options, Sink& sink)
      : file_(input.name()), options_(options), sink_(sink) {}

  /// Counts a bad line; an error only under `strict`.
  [[nodiscard]] Result<void> reject(std::uint64_t line, std::string reason);
  void warn(const std::string& text, std::uint64_t times = 1) { report_.warnings[text] += times; }

  /// The sink's series for labels as they were read: prefix and extra labels added. An error in
  /// `reason` rejects the line; an error result ends the import.
  [[nodiscard]] Result<std::optional<std::uint32_t>> series(std::vector<Label> labels,
                                                            std::string& reason);
  [[nodiscard]] Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) {
    ++report_.samples;
    return sink_.sample(series, t_ms, v);
  }

  [[nodiscard]] const ImportOptions& options() const noexcept { return options_; }
  [[nodiscard]] Sink& sink() noexcept { return sink_; }
  [[nodiscard]] ImportReport& report() noexcept { return report_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  const std::string file_;
  const ImportOptions& options_;
  Sink& sink_;
  ImportReport report_;
};

/// Long text in messages: its start, quoted.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace hygge::formats
