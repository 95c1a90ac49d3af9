// What a verb works with: its arguments, the settings from flags and environment, its output.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/time.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "arguments.h"
#include "output.h"
#include "remote.h"
#include "table.h"
#include "times.h"

namespace hygge::command {

/// A folder that is gone with its holder.
class TemporaryFolder {
 public:
  [[nodiscard]] static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

class Context {
 public:
  /// Errors: invalid_argument (a flag's value), and those of opening -o.
  [[nodiscard]] static Result<Context> make(Arguments arguments);

  [[nodiscard]] const Arguments& arguments() const noexcept { return arguments_; }
  [[nodiscard]] const std::string& format() const noexcept { return format_; }
  [[nodiscard]] Output& out() noexcept { return out_; }
  [[nodiscard]] Look look() const;
  [[nodiscard]] std::optional<std::size_t> limit() const noexcept { return limit_; }
  [[nodiscard]] bool flag(std::string_view name) const { return arguments_.has(name); }
  [[nodiscard]] const cctz::time_zone& zone() const noexcept { return setting_.zone; }
  [[nodiscard]] TimeMs now_ms() const noexcept { return setting_.now_ms; }
  [[nodiscard]] std::string time(TimeMs t_ms) const { return format_time(t_ms, setting_.zone); }
  [[nodiscard]] std::string time(std::optional<TimeMs> t_ms) const {
    return t_ms ? time(*t_ms) : "";
  }

  /// --at and --range; `db` is asked for `first`, `last` and, with `bounded`, what `all` spans.
  [[nodiscard]] Result<TimeMs> at(const Db* db) const;
  [[nodiscard]] Result<TimeRange> range(const Db& db, std::string_view otherwise,
                                        bool bounded) const;
  /// A range that another flag than --range gives.
  [[nodiscard]] Result<TimeRange> parsed_range(const Db& db, const std::string& text) const;
  /// The server to ask: --url, or $HYGGE_URL where no --db and no --from is given; with the
  /// token of --token-file. Errors: invalid_argument, not_found, io (of that file).
  [[nodiscard]] Result<std::optional<Remote>> remote() const;
  /// The steps of --range and --step; null: of a server, which is not asked what it spans.
  [[nodiscard]] Result<Steps> range_steps(const Db* db, std::string_view otherwise) const;

  /// The directory of --db or $HYGGE_DB. Errors: invalid_argument, naming a database that lies
  /// here.
  [[nodiscard]] Result<std::string> directory() const;
  /// The database to ask: opened for reading, or a temporary one of --from.
  [[nodiscard]] Result<Db> open_to_read();

  /// A line on stderr, unless --quiet.
  void note(std::string_view text) const;
  /// And this only with --verbose.
  void detail(std::string_view text) const;

  /// The text that places in errors refer to.
  void set_expression(std::string text) { expression_ = std::move(text); }
  [[nodiscard]] const std::string& expression() const noexcept { return expression_; }

  /// Writes figures: a table, tsv, or `json` if that is the format.
  [[nodiscard]] Result<void> write_table(const Table& table);

 private:
  explicit Context(Arguments arguments) : arguments_(std::move(arguments)) {}
  [[nodiscard]] Result<void> settle();
  [[nodiscard]] Result<void> choose_format();
  [[nodiscard]] Result<Db> load(const std::string& from);
  [[nodiscard]] TimeSetting setting_for(const Db* db) const;

  Arguments arguments_;
  TimeSetting setting_;
  std::string format_;
  Output out_;
  std::optional<std::size_t> limit_;
  bool terminal_ = false;
  std::string expression_;
  std::optional<TemporaryFolder> folder_;
};

/// The value of an environment variable; "" where it is not set.
[[nodiscard]] std::string environment(const char* name);

/// Whether stderr is a terminal that can redraw a line.
[[nodiscard]] bool progress_on_terminal();

}  // namespace hygge::command
