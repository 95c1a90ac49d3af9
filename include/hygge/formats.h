// Importers and exporters (hygge::formats). They know no database: an importer feeds a Sink, an
// exporter is fed series and writes text through a callback.
#pragma once

#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/metadata.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::formats {

/// A stream of bytes, decompressed as it is read: gzip and zstd are recognised by their magic. One
/// thread at a time; memory does not grow with the stream.
class Input {
 public:
  /// Errors: not_found, read_only (permissions), io.
  [[nodiscard]] static Result<Input> open(const std::string& path);
  /// Reads a file descriptor, which stays the caller's; `name` stands in messages.
  [[nodiscard]] static Input from_descriptor(int descriptor, std::string name);
  [[nodiscard]] static Input from_text(std::string text, std::string name);

  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  /// Reads up to `size` bytes; 0 at the end. Errors: io; parse (damaged compressed data).
  [[nodiscard]] Result<std::size_t> read(char* to, std::size_t size);
  [[nodiscard]] const std::string& name() const noexcept;
  /// Bytes taken from the source so far (compressed ones, if it is), and all there are if known.
  [[nodiscard]] std::uint64_t consumed() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept;

  class Impl;  // src/formats/input.cc

 private:
  explicit Input(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Where an importer puts what it reads. An error from it ends the import.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Called once per label set as written; the result is handed back with its samples.
  [[nodiscard]] virtual Result<std::uint32_t> series(const Labels& labels) = 0;
  [[nodiscard]] virtual Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) = 0;
  /// `family` as OpenMetrics names it: without `_total`.
  [[nodiscard]] virtual Result<void> metadata(std::string_view family,
                                              const Metadata& metadata) = 0;
};

/// Counts only: for --dry-run and for the first pass of --strict.
class CountingSink : public Sink {
 public:
  Result<std::uint32_t> series(const Labels&) override { return next_++; }
  Result<void> sample(std::uint32_t, TimeMs, double) override { return {}; }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }

 private:
  std::uint32_t next_ = 0;
};

struct ImportOptions {
  TimeMs now_ms = 0;      ///< of samples without a time
  bool any_time = false;  ///< take times outside 1990–2100
  std::vector<Label> add_labels;
  std::string prefix;    ///< before every metric name
  char delimiter = ',';  ///< csv
  bool strict = false;   ///< the first reject ends the import with an error
  std::function<void(std::uint64_t consumed)> progress;  ///< after each block read; may be empty
  std::stop_token cancel;
};

struct Reject {
  std::string file;
  std::uint64_t line = 0;
  std::string reason;
};

struct ImportReport {
  std::uint64_t lines = 0;
  std::uint64_t samples = 0;
  std::uint64_t series = 0;  ///< label sets met
  std::uint64_t rejected = 0;
  std::uint64_t exemplars = 0;                    ///< counted and skipped
  std::uint64_t start_times = 0;                  ///< `_created`: counted and skipped
  std::vector<Reject> rejects;                    ///< the first ten
  std::map<std::string, std::uint64_t> warnings;  ///< text and how often

  void add(const ImportReport& other);
};

/// "prometheus", "openmetrics", "csv": what import() reads.
struct Format {
  std::string_view name;
  std::string_view about;
};
[[nodiscard]] std::span<const Format> import_formats() noexcept;
/// What the start of a file looks like, by name; "" if like none.
[[nodiscard]] std::string_view detect(std::string_view head) noexcept;

/// Reads all of `input`. A bad line is counted and the import goes on, unless `strict`.
/// Errors: invalid_argument (no such format), parse (`strict`; or nothing in the input is of that
/// format: says what it looks like), cancelled, and those of input and sink.
[[nodiscard]] Result<ImportReport> import(std::string_view format, Input& input,
                                          const ImportOptions& options, Sink& sink);

/// Takes text as it is made. Errors end the export.
using Output = std::function<Result<void>(std::string_view text)>;

/// The family of a sample's metric, as OpenMetrics groups: "x" for x_bucket of a histogram, x_total
/// of a counter, …
[[nodiscard]] std::string family_of(std::string_view metric,
                                    const std::optional<Metadata>& metadata);

/// Writes series one after the other. Series must come sorted by (family, labels), so that families
/// are contiguous.
class Exporter {
 public:
  virtual ~Exporter() = default;
  [[nodiscard]] virtual Result<void> begin() { return {}; }
  [[nodiscard]] virtual Result<void> series(const Labels& labels,
                                            const std::optional<Metadata>& metadata) = 0;
  [[nodiscard]] virtual Result<void> samples(std::span<const TimeMs> t,
                                             std::span<const double> v) = 0;
  [[nodiscard]] virtual Result<void> end() { return {}; }

  std::uint64_t written = 0;
  std::uint64_t stale_left_out = 0;  ///< markers that the format cannot say
  std::uint64_t types_unknown = 0;   ///< families whose type the format cannot say
};

/// "openmetrics", "csv". Errors: invalid_argument (no such format).
[[nodiscard]] Result<std::unique_ptr<Exporter>> make_exporter(std::string_view format,
                                                              Output output);
[[nodiscard]] std::span<const Format> export_formats() noexcept;

/// The shortest decimal text that reads back as `v`; NaN, +Inf, -Inf.
void append_number(std::string& out, double v);

}  // namespace hygge::formats
