// Importers and exporters (hygge::formats). They know no database: an importer feeds a Sink, an
// exporter is fed series and writes text through a callback.
#pragma once

#include <hygge/clock.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/metadata.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <chrono>
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

/// A stream of bytes, decompressed as it is read: gzip and zstd are recognised by their magic,
/// files appended to each other too. One thread at a time; memory does not grow with the stream.
class Input {
 public:
  /// Errors: not_found, read_only (permissions), invalid_argument (a folder), io.
  [[nodiscard]] static Result<Input> open(const std::string& path);
  /// Reads a file descriptor, which stays the caller's; `name` stands in messages.
  [[nodiscard]] static Input from_descriptor(int descriptor, std::string name);
  [[nodiscard]] static Input from_text(std::string text, std::string name);

  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  /// Reads up to `size` bytes; 0 at the end. Errors: io; parse (damaged compressed data).
  [[nodiscard]] Result<std::size_t> read(char* to, std::size_t size);
  /// What read() will give first, at most `size` bytes: all that there are so far, at least one
  /// unless at the end. Nothing is consumed. Errors: those of read().
  [[nodiscard]] Result<std::string_view> peek(std::size_t size);

  [[nodiscard]] const std::string& name() const noexcept;
  /// Bytes taken from the source so far (compressed ones, if it is), and all there are if known.
  [[nodiscard]] std::uint64_t consumed() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept;

  /// Makes rewind() possible. A pipe is first copied, to its end, to a nameless file in `folder`
  /// (empty: the system's temporary one). Before the first read. Errors: io, no_space.
  [[nodiscard]] Result<void> make_rewindable(const std::string& folder);
  /// Back to the first byte. Errors: invalid_argument (not rewindable), io.
  [[nodiscard]] Result<void> rewind();

  /// `call` is called about every `every` while a read waits for a pipe; its error becomes that of
  /// the read. An empty function ends it.
  void while_waiting(std::chrono::milliseconds every, std::function<Result<void>()> call);

  class Impl;  // src/formats/input.cc

 private:
  explicit Input(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Where an importer puts what it reads. An error from it ends the import; one of series() with
/// code limit or invalid_argument only rejects the line.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Called about once per series' text; the result is handed back with its samples. Two texts of
  /// one label set (other order, other spaces) are two calls.
  [[nodiscard]] virtual Result<std::uint32_t> series(const Labels& labels) = 0;
  /// Samples come in the order of the input.
  [[nodiscard]] virtual Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) = 0;
  /// `family` as OpenMetrics names it, without `_total`; the same again when more is known. Where
  /// both `x` and the counter `x_total` have a type, the latter comes by its full name.
  [[nodiscard]] virtual Result<void> metadata(std::string_view family,
                                              const Metadata& metadata) = 0;
};

/// Keeps nothing: for --dry-run and for the first pass of --strict.
class CountingSink : public Sink {
 public:
  Result<std::uint32_t> series(const Labels&) override { return next_++; }
  Result<void> sample(std::uint32_t, TimeMs, double) override { return {}; }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }

 private:
  std::uint32_t next_ = 0;
};

/// How far an import has come, over all of its inputs.
struct ImportProgress {
  std::uint64_t consumed = 0;          ///< bytes of the sources (compressed ones, if they are)
  std::optional<std::uint64_t> total;  ///< of them; with `strict` each counts twice
  std::uint64_t lines = 0;
  std::uint64_t samples = 0;
};

struct ImportOptions {
  TimeMs now_ms = 0;          ///< of samples without a time
  Clock clock;                ///< if set, asked after each block read instead: a stream as it comes
  bool any_time = false;      ///< take times outside 1990–2100
  bool keep_created = false;  ///< openmetrics: `_created` is a series like others
  std::optional<MetricType> type;  ///< of metrics for which the input has none
  std::vector<Label> add_labels;   ///< to every series; they replace what has the same name
  std::string prefix;              ///< before every metric name
  char delimiter = ',';            ///< csv
  /// The first bad line is an error, and the sink gets nothing unless every line is good: inputs
  /// are read twice, pipes are copied to `temporary_folder` first (empty: the system's).
  bool strict = false;
  std::string temporary_folder;
  /// Called after each block read and about every 100 ms while an input waits. An error from it
  /// ends the import. May be empty.
  std::function<Result<void>(const ImportProgress&)> progress;
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
  std::uint64_t series = 0;  ///< texts of series met
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

/// Reads all of the inputs, one after the other. A bad line is counted and the import goes on,
/// unless `strict`. Compressed data that is damaged counts as one bad line and ends its input.
/// Errors: invalid_argument (no such format, a bad option), parse (`strict`; or nothing in an input
/// is of that format: says what it looks like), cancelled, and those of inputs, sink and progress.
/// Samples that came before an error have been given to the sink, unless `strict`.
[[nodiscard]] Result<ImportReport> import(std::string_view format, std::span<Input> inputs,
                                          const ImportOptions& options, Sink& sink);
[[nodiscard]] Result<ImportReport> import(std::string_view format, Input& input,
                                          const ImportOptions& options, Sink& sink);

/// Takes text as it is made. Errors end the export.
using Output = std::function<Result<void>(std::string_view text)>;

/// The family of a sample's metric, as OpenMetrics groups: "x" for x_bucket of a histogram, x_total
/// of a counter, … A type that does not fit the name leaves it as it is.
[[nodiscard]] std::string family_of(std::string_view metric,
                                    const std::optional<Metadata>& metadata);

/// What one series of a family is, by its metric's name: parts of histograms and summaries that
/// only grow are counters, info and stateset are gauges.
[[nodiscard]] MetricType series_type(std::string_view metric, MetricType family_type);

/// Series of one family, in the order in which they are to be written.
struct ExportFamily {
  std::string name;
  std::optional<Metadata> metadata;  ///< as it is known, whether or not a format can say it
  std::vector<std::size_t> series;   ///< indices of the caller's series, sorted by labels
  /// Whether OpenMetrics can say the type: not for a delta, a counter without `_total`, or where
  /// two types would share a family's name (`x` and the counter `x_total`: the latter cannot).
  bool type_fits = true;
};

/// Groups `count` series by family; families sorted by name. `labels` and `metadata` (by the
/// metric's name) are only called during this call. O(n log n).
[[nodiscard]] std::vector<ExportFamily> group_families(
    std::size_t count, const std::function<const Labels&(std::size_t index)>& labels,
    const std::function<std::optional<Metadata>(std::string_view metric)>& metadata);

/// Writes series one after the other: begin, then for each family of group_families() family, for
/// each of its series that, and its samples in any number of calls; end.
class Exporter {
 public:
  virtual ~Exporter() = default;
  [[nodiscard]] virtual Result<void> begin() { return {}; }
  [[nodiscard]] virtual Result<void> family(const ExportFamily& family) = 0;
  [[nodiscard]] virtual Result<void> series(const Labels& labels) = 0;
  [[nodiscard]] virtual Result<void> samples(std::span<const TimeMs> t,
                                             std::span<const double> v) = 0;
  [[nodiscard]] virtual Result<void> end() { return {}; }

  std::uint64_t written = 0;            ///< samples
  std::uint64_t stale_left_out = 0;     ///< markers that the format cannot say
  std::uint64_t types_unknown = 0;      ///< families whose type the format cannot say
  std::uint64_t units_left_out = 0;     ///< families whose name does not end in their unit
  std::uint64_t nameless_left_out = 0;  ///< samples of series without a metric name
};

/// "openmetrics", "csv". Errors: invalid_argument (no such format; says which there are).
[[nodiscard]] Result<std::unique_ptr<Exporter>> make_exporter(std::string_view format,
                                                              Output output);
[[nodiscard]] std::span<const Format> export_formats() noexcept;

/// The shortest decimal text that reads back as `v`; NaN, +Inf, -Inf.
void append_number(std::string& out, double v);

}  // namespace hygge::formats
