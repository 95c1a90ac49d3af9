// What the readers of all formats share: counting, rejecting, warnings, and the series that a text
// names. One per input.
#pragma once

#include <hygge/formats.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/families.h"

namespace hygge::formats {

/// What is stored all the same, but said.
enum class Warning : std::uint8_t {
  type_conflict,
  help_conflict,
  family_split,
  time_goes_back,
  no_eof,
  no_line_feed,
  openmetrics_as_prometheus,
  label_replaced,
  start_ms,
  count  // how many there are
};

class Importer {
 public:
  /// `before`: what earlier inputs of the same import have come to. `number` tells them apart and
  /// counts from 1. `families` is shared by all of them.
  Importer(Input& input, const ImportOptions& options, Sink& sink, Families& families,
           const ImportProgress& before, std::uint64_t number);
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  /// Counts a bad line; an error only under `strict`.
  [[nodiscard]] Result<void> reject(std::uint64_t line, std::string reason);
  /// What a failed read of the input comes to: damaged data is one bad line, and the end.
  [[nodiscard]] Result<void> read_failed(std::uint64_t line, const Error& error);
  void warn(Warning kind) noexcept { ++warnings_[static_cast<std::size_t>(kind)]; }

  /// The sink's series for labels as they were read, the metric's name first: prefix and extra
  /// labels are added. None, and why in `reason`: the line is bad. An error ends the import.
  [[nodiscard]] Result<std::optional<std::uint32_t>> series(std::vector<Label> labels,
                                                            std::string& reason);
  [[nodiscard]] Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) {
    if (families_.waits()) {
      if (auto told = publish(); !told) return told;
    }
    ++report_.samples;
    return sink_.sample(series, t_ms, v);
  }
  /// Tells the sink what it does not know yet of the families.
  [[nodiscard]] Result<void> publish() { return families_.publish(sink_, options_.prefix); }

  /// Of samples without a time.
  [[nodiscard]] TimeMs now_ms() const noexcept { return now_ms_; }
  /// To be called after each block; `cancelled` and errors of `progress` end the import.
  [[nodiscard]] Result<void> block_read();

  /// The report, once all has been read.
  [[nodiscard]] ImportReport finish();

  [[nodiscard]] const ImportOptions& options() const noexcept { return options_; }
  [[nodiscard]] Families& families() noexcept { return families_; }
  [[nodiscard]] ImportReport& report() noexcept { return report_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& file() const noexcept { return input_.name(); }

 private:
  [[nodiscard]] Result<void> tell_progress();

  Input& input_;
  const ImportOptions& options_;
  Sink& sink_;
  Families& families_;
  const ImportProgress before_;
  const std::uint64_t number_;
  TimeMs now_ms_;
  ImportReport report_;
  std::array<std::uint64_t, static_cast<std::size_t>(Warning::count)> warnings_{};
};

/// How many bad lines a report keeps.
inline constexpr std::size_t kKeptRejects = 10;

/// Long text in messages: its start, quoted.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace hygge::formats
