#include "context.h"

#include <fmt/format.h>
#include <hygge/clock.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "interrupt.h"
#include "load.h"

namespace hygge::command {

namespace {

constexpr std::size_t kTerminalRows = 100;

std::string suffix_format(const std::string& path) {
  const std::string suffix = std::filesystem::path(path).extension().string();
  if (suffix == ".om") return "openmetrics";
  return suffix.empty() ? "" : suffix.substr(1);
}

// The databases that lie in the current folder; a handful.
std::string database_here() {
  std::error_code ignored;
  if (std::filesystem::exists("HYGGE", ignored)) return ".";
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(".", ignored)) {
    std::error_code none;
    if (!std::filesystem::exists(entry.path() / "HYGGE", none)) continue;
    const std::string name = entry.path().filename().string();
    if (found.empty() || name < found) found = name;
  }
  return found;
}

bool dumb_terminal() { return environment("TERM") == "dumb"; }

bool wants_color(const Arguments& arguments, bool terminal) {
  const std::string when = arguments.get("color").value_or("auto");
  if (when != "auto") return when == "always";
  if (!environment("NO_COLOR").empty()) return false;
  const std::string force = environment("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return terminal && !dumb_terminal();
}

std::optional<std::size_t> terminal_width(bool terminal) {
  const std::string columns = environment("COLUMNS");
  std::size_t width = 0;
  const auto read = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  if (!columns.empty() && read.ec == std::errc() && width > 0) return width;
  if (!terminal) return std::nullopt;
  winsize size{};
  constexpr std::size_t kUsual = 80;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kUsual;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool progress_on_terminal() { return ::isatty(STDERR_FILENO) == 1 && !dumb_terminal(); }

Result<TemporaryFolder> TemporaryFolder::make() {
  const std::string base = environment("TMPDIR");
  std::string pattern = (base.empty() ? "/tmp" : base) + "/hygge.XXXXXX";
  const auto make = [](std::string& path) { return ::mkdtemp(path.data()) != nullptr; };
  if (!make_removable(pattern, make)) {
    return fail(ErrorCode::io, fmt::format("cannot make a folder {}: {}", pattern,
                                           std::generic_category().message(errno)));
  }
  return TemporaryFolder(std::move(pattern));
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<Context> Context::make(Arguments arguments) {
  Context context(std::move(arguments));
  if (auto settled = context.settle(); !settled) return tl::unexpected<Error>(settled.error());
  return context;
}

Result<void> Context::settle() {
  setting_.now_ms = system_clock()();
  terminal_ = ::isatty(STDOUT_FILENO) == 1 && !flag("output");
  const std::string zone = arguments_.get("tz").value_or(environment("HYGGE_TZ"));
  if (!zone.empty()) {
    auto found = parse_zone(zone);
    if (!found) return tl::unexpected<Error>(found.error());
    setting_.zone = *found;
  }
  if (auto chosen = choose_format(); !chosen) return chosen;
  const std::string limit = arguments_.get("limit").value_or("");
  if (limit.empty()) {
    if (terminal_) limit_ = kTerminalRows;
  } else if (limit != "all") {
    std::size_t rows = 0;
    const auto read = std::from_chars(limit.data(), limit.data() + limit.size(), rows);
    if (read.ec != std::errc() || read.ptr != limit.data() + limit.size()) {
      return fail(ErrorCode::invalid_argument, fmt::format("--limit {} is no number", limit),
                  "a number of rows, or all");
    }
    limit_ = rows;
  }
  if (const auto path = arguments_.get("output"); path && *path != "-") {
    auto out = Output::to_file(*path);
    if (!out) return tl::unexpected<Error>(out.error());
    out_ = std::move(*out);
  }
  return {};
}

Result<void> Context::choose_format() {
  const std::string_view allowed = arguments_.verb->formats;
  const bool exports = arguments_.verb->name == "export";
  std::string asked = arguments_.get("format").value_or("");
  if (exports && asked.empty()) asked = arguments_.get("to").value_or("");
  if (!asked.empty()) {
    if (!listed(allowed, asked)) {
      std::vector<std::string> names;
      for_words(allowed, [&](std::string_view one) { names.emplace_back(one); });
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} has no format \"{}\"{}", arguments_.verb->name, asked,
                              did_you_mean(asked, names)),
                  fmt::format("formats: {}", fmt::join(names, ", ")));
    }
    format_ = asked;
    return {};
  }
  const std::string path = arguments_.get("output").value_or("");
  for (const std::string& wish : {suffix_format(path), environment("HYGGE_FORMAT")}) {
    if (!wish.empty() && listed(allowed, wish)) {
      format_ = wish;
      return {};
    }
  }
  if (exports) {
    return fail(ErrorCode::invalid_argument, "export to what format?",
                "--to openmetrics, --to csv, or -o FILE.csv");
  }
  const bool table = terminal_ && listed(allowed, "table");
  format_ = table ? "table" : std::string(allowed.substr(0, allowed.find(' ')));
  return {};
}

Look Context::look() const {
  Look look;
  look.ascii = flag("ascii") || dumb_terminal();
  look.color = wants_color(arguments_, terminal_);
  if (!flag("wide")) look.width = terminal_width(terminal_);
  return look;
}

TimeSetting Context::setting_for(const Db* db) const {
  TimeSetting setting = setting_;
  if (db == nullptr) return setting;
  setting.bounds = [db]() -> Result<TimeBounds> {
    if (const auto bounds = db->time_bounds()) return *bounds;
    return fail(ErrorCode::not_found, fmt::format("{} holds no sample yet", db->directory()));
  };
  return setting;
}

Result<TimeMs> Context::at(const Db* db) const {
  return parse_time(arguments_.get("at").value_or("now"), setting_for(db));
}

Result<TimeRange> Context::range(const Db& db, std::string_view otherwise, bool bounded) const {
  const auto at_ms = at(&db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  auto range = parsed_range(db, arguments_.get("range").value_or(std::string(otherwise)));
  if (!range || !bounded || *range != everything()) return range;
  const auto bounds = db.time_bounds();
  if (!bounds) return TimeRange{*at_ms - kHourMs, *at_ms};
  return TimeRange{std::min(bounds->first_ms, bounds->last_ms - 1), bounds->last_ms};
}

Result<TimeRange> Context::parsed_range(const Db& db, const std::string& text) const {
  const auto at_ms = at(&db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  return parse_range(text, setting_for(&db), *at_ms);
}

Result<std::optional<Remote>> Context::remote() const {
  std::string url = arguments_.get("url").value_or("");
  if (!url.empty() && (flag("db") || flag("from"))) {
    return fail(ErrorCode::invalid_argument, "--url asks a server, --db and --from do not",
                "name one of them");
  }
  if (url.empty() && !flag("db") && !flag("from")) url = environment("HYGGE_URL");
  if (url.empty()) return std::optional<Remote>();
  Remote result{std::move(url), {}};
  const std::string path = arguments_.get("token-file").value_or(environment("HYGGE_TOKEN_FILE"));
  if (path.empty()) return std::optional<Remote>(std::move(result));
  std::ifstream in(path);
  if (!std::getline(in, result.token)) {
    return fail(in.is_open() ? ErrorCode::io : ErrorCode::not_found,
                fmt::format("cannot read a token from {}", path));
  }
  while (!result.token.empty() && result.token.back() <= ' ') result.token.pop_back();
  return std::optional<Remote>(std::move(result));
}

Result<Steps> Context::range_steps(const Db* db, std::string_view otherwise) const {
  const auto at_ms = at(db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  auto over = db != nullptr ? range(*db, otherwise, true)
                            : parse_range(arguments_.get("range").value_or(std::string(otherwise)),
                                          setting_, *at_ms);
  if (over && db == nullptr && *over == everything()) {
    over = fail(ErrorCode::invalid_argument, "a server is not asked what it spans",
                "--range FROM..TO, or 1h for the last hour");
  }
  if (!over) return tl::unexpected<Error>(over.error());
  DurationMs step = 0;
  if (const auto text = arguments_.get("step")) {
    const auto read = parse_duration(*text);
    if (!read || *read <= 0) {
      return fail(ErrorCode::parse, fmt::format("\"{}\" is no step", *text),
                  "steps: 15s, 1m, 1h30m");
    }
    step = *read;
  }
  return steps_of(*over, step);
}

Result<std::string> Context::directory() const {
  std::string dir = arguments_.get("db").value_or(environment("HYGGE_DB"));
  if (!dir.empty()) return dir;
  const std::string here = database_here();
  return fail(ErrorCode::invalid_argument, "no database was named",
              here.empty()
                  ? "say --db DIR or set HYGGE_DB"
                  : fmt::format("say --db DIR or set HYGGE_DB; {} is one: --db {}", here, here));
}

Result<Db> Context::open_to_read() {
  if (const auto from = arguments_.get("from")) return load(*from);
  const auto dir = directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  auto db = Db::open_read_only(*dir);
  if (!db) return db;
  for (const std::string& line : db->open_report().notes) detail(line);
  return db;
}

Result<Db> Context::load(const std::string& from) {
  const std::size_t colon = from.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == from.size()) {
    return fail(ErrorCode::invalid_argument, fmt::format("--from {} names no file", from),
                "--from FORMAT:FILE, for example --from prometheus:metrics.txt; - is stdin");
  }
  auto folder = TemporaryFolder::make();
  if (!folder) return tl::unexpected<Error>(folder.error());
  folder_.emplace(std::move(*folder));
  return load_file(from.substr(0, colon), from.substr(colon + 1), folder_->path() + "/db", *this);
}

void Context::note(std::string_view text) const {
  if (!flag("quiet")) fmt::print(stderr, "{}\n", text);
}

void Context::detail(std::string_view text) const {
  if (flag("verbose")) note(text);
}

Result<void> Context::write_table(const Table& table) {
  if (format_ == "table") return out_.write(table.text(look(), limit_));
  return table.write(format_, out_);
}

}  // namespace hygge::command
