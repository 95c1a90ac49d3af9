// From an importer into a database: batches by series id, and the report.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/formats.h>
#include <hygge/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hygge::command {

class Context;

/// Collects samples and commits them in batches. One thread at a time.
class DbSink : public formats::Sink {
 public:
  explicit DbSink(Db& db) : db_(db) {}

  Result<std::uint32_t> series(const Labels& labels) override;
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override;
  Result<void> metadata(std::string_view family, const Metadata& metadata) override;
  /// Commits what is collected.
  [[nodiscard]] Result<void> commit();

  /// Sums over the commits.
  [[nodiscard]] const WriteReport& written() const noexcept { return written_; }
  /// Samples that the engine has promised to keep.
  [[nodiscard]] std::uint64_t acknowledged() const noexcept {
    return written_.samples + written_.duplicates;
  }

 private:
  struct Handle {
    std::optional<SeriesId> id;
    Labels labels;  ///< until there is an id
  };
  Db& db_;
  std::vector<Handle> handles_;
  Batch batch_;
  WriteReport written_;
};

/// Refuses what a database would refuse, and keeps nothing: for --dry-run and --strict's first
/// pass.
class CheckingSink : public formats::Sink {
 public:
  Result<std::uint32_t> series(const Labels& labels) override;
  Result<void> sample(std::uint32_t, TimeMs, double) override { return {}; }
  Result<void> metadata(std::string_view, const Metadata&) override { return {}; }

 private:
  std::uint32_t next_ = 0;
};

/// What an import or a write did.
struct LoadReport {
  formats::ImportReport read;
  std::uint64_t samples = 0;  ///< new or changed in the database
  std::uint64_t series_new = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t replaced = 0;
  double seconds = 0;
  bool dry = false;
};

/// What to read, and how.
struct LoadPlan {
  std::string format;
  std::vector<std::string> files;  ///< "-" is stdin
  bool stream = false;             ///< commit every second; a sample without a time gets now
  bool strict = false;
  bool dry = false;
};

/// Reads everything into the database of the call, which is made where there is none, and writes
/// the report. The exit code.
[[nodiscard]] Result<int> load(Context& context, const LoadPlan& plan);

/// Errors: invalid_argument, with the nearest name.
[[nodiscard]] Result<void> check_format(const std::string& format);

/// Opens a file, or stdin for "-".
[[nodiscard]] Result<formats::Input> open_input(const std::string& path);

/// A new database at `directory` with what `path` holds. Bad lines are told on stderr.
[[nodiscard]] Result<Db> load_file(const std::string& format, const std::string& path,
                                   const std::string& directory, const Context& context);

}  // namespace hygge::command
