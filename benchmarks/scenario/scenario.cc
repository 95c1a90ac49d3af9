// hygge_scenario: a database through its life, by the public API: filled, closed, compacted,
// opened, read, killed with a full log, opened again. Every phase runs in a process of its own, so
// that its CPU, memory and written bytes are its own.
//
//   hygge_scenario [--size S|M] [--hosts N] [--days D] [--interval S] [--labels] [--sync MODE]
//                  [--kill N] [--dir DIR]
//   hygge_scenario --grow series|days [--to N]
//
//   --size      S: 10,000 series for an hour; M: for a day (86.4 M samples); default S
//   --hosts     of 100 series each; --days and --interval (seconds) change the rest of the load
//   --labels    append by label sets instead of ids
//   --sync      batch (a batch is 5,000 samples then), interval (default) or none
//   --kill      samples in the log at the kill -9, default 2,000,000; 0 leaves it out
//   --grow      the same for more and more: series 1 k, 10 k, 100 k (up to --to), of 3.6 M samples
//               each; or days 1, 7, 30 of 1,000 series at 60 s
//
// The load is that of benchmarks/support/load.h; its own cost is measured and taken off.
#include <fcntl.h>
#include <fmt/format.h>
#include <hygge/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/support/load.h"
#include "benchmarks/support/meter.h"

namespace hygge::bench {
namespace {

struct Settings {
  LoadSettings load;
  std::string dir;
  std::string sync = "interval";
  bool by_labels = false;
  std::uint64_t kill_samples = 2'000'000;
  std::string phase;
};

using Figures = std::map<std::string, double>;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "hygge_scenario: {}\n", what);
  std::exit(1);
}
template <typename T>
T must(Result<T> result, const char* what) {
  if (!result) give_up(fmt::format("{}: {}", what, result.error().message));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Options options_of(const Settings& settings) {
  Options out;
  out.create_if_missing = true;
  if (settings.sync == "batch") out.sync = Sync::batch();
  if (settings.sync == "none") out.sync = Sync::none();
  return out;
}

std::uint64_t sample_count(const LoadSettings& load) {
  return static_cast<std::uint64_t>(load.hosts) * kSeriesPerHost *
         static_cast<std::uint64_t>(load.scrapes());
}

// --- the phases; each prints "name value" lines ---

void print(const char* name, double value) { fmt::print("{} {}\n", name, value); }
void print_usage(const Usage& used) {
  print("cpu_s", used.cpu_s);
  print("wall_s", used.wall_s);
  print("written_bytes", static_cast<double>(used.written_bytes));
  print("peak_rss_bytes", static_cast<double>(peak_rss_bytes()));
}

Labels labels_of(const Host& host, std::size_t series) {
  std::vector<Label> out;
  for (auto& [name, value] : host.labels(series)) out.push_back({name, value});
  return must(Labels::from(std::move(out)), "labels");
}

/// Feeds scrapes [from, to) to a database, a batch per 5,000 or more samples.
class Feed {
 public:
  Feed(Db& db, const Settings& settings)
      : db_(db), settings_(settings), hosts_(make_hosts(settings.load)) {}

  void run(std::int64_t from, std::int64_t to) {
    for (std::int64_t k = 0; k < to; ++k) {
      for (std::size_t h = 0; h < hosts_.size(); ++h) take(hosts_[h].scrape(k), h, k >= from);
    }
    flush();
  }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }

 private:
  static constexpr std::size_t kBatchSamples = 5'000;

  void take(const Host::Scrape& scrape, std::size_t h, bool wanted) {
    if (scrape.new_series || names_.size() <= h) name(h);
    if (!wanted) return;
    for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
      if (settings_.by_labels) {
        batch_.add(names_[h].labels[i], scrape.t_ms, scrape.values[i]);
      } else {
        batch_.add(names_[h].ids[i], scrape.t_ms, scrape.values[i]);
      }
    }
    if (batch_.size() >= kBatchSamples) flush();
  }
  void name(std::size_t h) {
    if (names_.size() <= h) names_.resize(h + 1);
    Names names;
    for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
      names.labels.push_back(labels_of(hosts_[h], i));
      if (!settings_.by_labels)
        names.ids.push_back(must(db_.series(names.labels.back()), "series"));
    }
    if (!settings_.by_labels) names.labels.clear();
    names_[h] = std::move(names);
  }
  void flush() {
    if (batch_.empty()) return;
    samples_ += must(db_.write(batch_), "write").samples;
    batch_.clear();
  }

  struct Names {
    std::vector<Labels> labels;
    std::vector<SeriesId> ids;
  };
  Db& db_;
  const Settings& settings_;
  std::vector<Host> hosts_;
  std::vector<Names> names_;
  Batch batch_;
  std::uint64_t samples_ = 0;
};

// What the load itself costs: the scrapes, taken and added to batches that nobody writes.
void generate(const Settings& settings) {
  auto hosts = make_hosts(settings.load);
  const Usage before = usage_now();
  Batch batch;
  for (std::int64_t k = 0; k < settings.load.scrapes(); ++k) {
    for (Host& host : hosts) {
      const Host::Scrape scrape = host.scrape(k);
      for (const double v : scrape.values) batch.add(SeriesId{1}, scrape.t_ms, v);
      if (batch.size() >= 5'000) batch.clear();
    }
  }
  print_usage(usage_now() - before);
}

void load(const Settings& settings) {
  const Usage before = usage_now();
  Db db = must(Db::open(settings.dir, options_of(settings)), "open");
  Feed feed(db, settings);
  feed.run(0, settings.load.scrapes());
  print("written_samples", static_cast<double>(feed.samples()));
  const Stats stats = must(db.stats(), "stats");
  print("index_bytes", static_cast<double>(stats.index_bytes));
  must(db.close(), "close");
  print_usage(usage_now() - before);
  print("disk_bytes", static_cast<double>(tree_bytes(settings.dir)));
}

void compact(const Settings& settings) {
  const Usage before = usage_now();
  Db db = must(Db::open(settings.dir, options_of(settings)), "open");
  must(db.compact(), "compact");
  const Stats stats = must(db.stats(), "stats");
  print("chunk_bytes", static_cast<double>(stats.chunks.bytes));
  print("chunks", static_cast<double>(stats.chunks.count));
  must(db.close(), "close");
  print_usage(usage_now() - before);
  print("disk_bytes", static_cast<double>(tree_bytes(settings.dir)));
}

void open_only(const Settings& settings) {
  const Usage before = usage_now();
  Db db = must(Db::open(settings.dir, options_of(settings)), "open");
  const Usage used = usage_now() - before;
  print_usage(used);
  print("replayed_samples", static_cast<double>(db.open_report().replayed_samples));
  // Leaves the log as it is, for the next open to meet the same.
  std::fflush(stdout);
  ::_exit(0);
}

void scan(const Settings& settings) {
  const Db db = must(Db::open_read_only(settings.dir, options_of(settings)), "open");
  const auto all = selector("{__name__=~\".+\"}").value();
  const Usage before = usage_now();
  std::uint64_t samples = 0;
  double sum = 0;
  const View view = must(db.view({all}, everything()), "view");
  for (const Series& series : view.series(0)) {
    BlockCursor blocks = series.blocks();
    while (const Block* block = blocks.next()) {
      samples += block->t.size();
      for (const double v : block->v) sum += v;
    }
    if (const Error* error = blocks.error()) give_up(error->message);
  }
  print_usage(usage_now() - before);
  print("samples", static_cast<double>(samples));
  print("sum", sum);
}

// Loads the first scrapes so that `kill_samples` lie in the log alone, and dies.
void fill_and_die(const Settings& settings) {
  Options options = options_of(settings);
  options.maintenance = Maintenance::manual;  // no put pass, no mark: all of it stays in the log
  Settings part = settings;
  const std::uint64_t per_scrape = static_cast<std::uint64_t>(settings.load.hosts) * kSeriesPerHost;
  const auto scrapes =
      static_cast<std::int64_t>((settings.kill_samples + per_scrape - 1) / per_scrape);
  part.load.duration_s = scrapes * part.load.interval_s;
  Db db = must(Db::open(settings.dir, options), "open");
  Feed feed(db, part);
  feed.run(0, scrapes);
  print("samples", static_cast<double>(feed.samples()));
  std::fflush(stdout);
  ::raise(SIGKILL);
}

// --- the parent ---

std::vector<std::string> arguments_of(const Settings& settings, const std::string& phase) {
  std::vector<std::string> out = {"--phase",    phase,
                                  "--dir",      settings.dir,
                                  "--sync",     settings.sync,
                                  "--hosts",    std::to_string(settings.load.hosts),
                                  "--seconds",  std::to_string(settings.load.duration_s),
                                  "--interval", std::to_string(settings.load.interval_s),
                                  "--kill",     std::to_string(settings.kill_samples)};
  if (settings.by_labels) out.emplace_back("--labels");
  return out;
}

Figures figures_in(const std::string& text) {
  Figures out;
  std::array<char, 64> name{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    double value = 0;
    if (std::sscanf(text.substr(at, end - at).c_str(), "%63s %lf", name.data(), &value) == 2) {
      out[name.data()] = value;
    }
    at = end + 1;
  }
  return out;
}

Figures run_phase(const Settings& settings, const std::string& phase) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe");
  std::vector<std::string> words = arguments_of(settings, phase);
  words.insert(words.begin(), "/proc/self/exe");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t got = 0; (got = ::read(ends[0], block.data(), block.size())) > 0;) {
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool good = phase == "die" ? killed : WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!good) give_up(fmt::format("phase {} failed", phase));
  return figures_in(text);
}

/// The median of three opens; the smallest CPU of them.
Figures run_open(const Settings& settings) {
  std::vector<Figures> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(run_phase(settings, "open"));
  std::sort(runs.begin(), runs.end(),
            [](Figures& a, Figures& b) { return a["cpu_s"] < b["cpu_s"]; });
  return runs[1];
}

struct Outcome {
  double samples = 0;
  Figures generated, loaded, compacted, opened, scanned, died, replayed, found;

  [[nodiscard]] double append_cpu_s() const { return loaded.at("cpu_s") - generated.at("cpu_s"); }
};

Outcome run_all(const Settings& settings) {
  Outcome out;
  out.samples = static_cast<double>(sample_count(settings.load));
  std::filesystem::remove_all(settings.dir);
  out.generated = run_phase(settings, "generate");
  out.loaded = run_phase(settings, "load");
  if (out.loaded["written_samples"] != out.samples) give_up("not every sample was taken");
  out.compacted = run_phase(settings, "compact");
  out.opened = run_open(settings);
  out.scanned = run_phase(settings, "scan");
  if (out.scanned["samples"] != out.samples) give_up("not every sample was found");
  if (settings.kill_samples > 0) {
    std::filesystem::remove_all(settings.dir);
    out.died = run_phase(settings, "die");
    out.replayed = run_open(settings);
    out.found = run_phase(settings, "scan");
  }
  std::filesystem::remove_all(settings.dir);
  return out;
}

void report(const Outcome& out) {
  constexpr double kMiB = 1024 * 1024;
  const auto line = [](const char* name, const std::string& value) {
    fmt::print("{:<44} {:>14}\n", name, value);
  };
  const double samples = out.samples;
  line("samples", fmt::format("{:.0f}", samples));
  line("append: CPU s, generator taken off", fmt::format("{:.2f}", out.append_cpu_s()));
  line("append: M samples/CPU-s", fmt::format("{:.2f}", samples / out.append_cpu_s() / 1e6));
  line("append: M samples/s of wall time",
       fmt::format("{:.2f}", samples / out.loaded.at("wall_s") / 1e6));
  line("append: peak RSS MiB", fmt::format("{:.0f}", out.loaded.at("peak_rss_bytes") / kMiB));
  line("append: bytes written/sample",
       fmt::format("{:.2f}", out.loaded.at("written_bytes") / samples));
  line("closed: disk bytes/sample", fmt::format("{:.2f}", out.loaded.at("disk_bytes") / samples));
  line("index: bytes", fmt::format("{:.0f}", out.loaded.at("index_bytes")));
  line("compact: CPU s", fmt::format("{:.2f}", out.compacted.at("cpu_s")));
  line("compact: peak RSS MiB", fmt::format("{:.0f}", out.compacted.at("peak_rss_bytes") / kMiB));
  line("compact: bytes written/sample",
       fmt::format("{:.2f}", out.compacted.at("written_bytes") / samples));
  line("compact: chunk bytes/sample",
       fmt::format("{:.2f}", out.compacted.at("chunk_bytes") / samples));
  line("compact: disk bytes/sample",
       fmt::format("{:.2f}", out.compacted.at("disk_bytes") / samples));
  line("open, clean: CPU s", fmt::format("{:.3f}", out.opened.at("cpu_s")));
  line("open, clean: wall s", fmt::format("{:.3f}", out.opened.at("wall_s")));
  line("open, clean: peak RSS MiB", fmt::format("{:.0f}", out.opened.at("peak_rss_bytes") / kMiB));
  line("scan: ns/sample", fmt::format("{:.2f}", out.scanned.at("cpu_s") / samples * 1e9));
  if (out.died.empty()) return;
  line("killed: samples in the log", fmt::format("{:.0f}", out.died.at("samples")));
  line("open after kill -9: CPU s", fmt::format("{:.3f}", out.replayed.at("cpu_s")));
  line("open after kill -9: wall s", fmt::format("{:.3f}", out.replayed.at("wall_s")));
  line("open after kill -9: samples lost",
       fmt::format("{:.0f}", out.died.at("samples") - out.found.at("samples")));
}

void report_row(const std::string& name, const Outcome& out) {
  constexpr double kMiB = 1024 * 1024;
  fmt::print("{:<16}{:>12.0f}{:>12.2f}{:>10.0f}{:>12.2f}{:>12.2f}{:>12.3f}{:>12.3f}{:>12.2f}\n",
             name, out.samples, out.samples / out.append_cpu_s() / 1e6,
             out.loaded.at("peak_rss_bytes") / kMiB, out.loaded.at("written_bytes") / out.samples,
             out.compacted.at("disk_bytes") / out.samples, out.opened.at("cpu_s"),
             out.replayed.empty() ? 0.0 : out.replayed.at("cpu_s"),
             out.scanned.at("cpu_s") / out.samples * 1e9);
  std::fflush(stdout);
}

void report_head(const char* what) {
  fmt::print("{:<16}{:>12}{:>12}{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}\n", what, "samples", "M/CPU-s",
             "RSS MiB", "written B/s", "disk B/s", "open CPU s", "kill CPU s", "scan ns");
  std::fflush(stdout);
}

// The same number of samples in more and more series: what a series costs shows.
void grow_series(Settings settings, std::int64_t up_to) {
  constexpr std::int64_t kSamples = 3'600'000;
  report_head("series");
  for (std::int64_t series = 1'000; series <= up_to; series *= 10) {
    settings.load.hosts = static_cast<int>(series / static_cast<std::int64_t>(kSeriesPerHost));
    const std::int64_t scrapes = std::max<std::int64_t>(kSamples / series, 4);
    settings.load.duration_s = scrapes * settings.load.interval_s;
    report_row(std::to_string(series), run_all(settings));
  }
}

void grow_days(Settings settings, std::int64_t up_to) {
  report_head("days");
  settings.load.hosts = 10;
  settings.load.interval_s = 60;
  for (const std::int64_t days : {1, 7, 30}) {
    if (days > up_to) return;
    settings.load.duration_s = days * 86'400;
    report_row(std::to_string(days), run_all(settings));
  }
}

int usage() {
  fmt::print(stderr,
             "usage: hygge_scenario [--size S|M] [--hosts N] [--days D] [--interval S] [--labels] "
             "[--sync batch|interval|none] [--kill N] [--dir DIR]\n"
             "       hygge_scenario --grow series|days [--to N]\n");
  return 2;
}

int run(std::vector<std::string> words) {
  Settings settings;
  settings.dir =
      (std::filesystem::temp_directory_path() / fmt::format("hygge-scenario-{}", ::getpid()))
          .string();
  std::string grow;
  std::int64_t up_to = 100'000;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--labels") {
      settings.by_labels = true;
      continue;
    }
    if (i + 1 == words.size()) return usage();
    const std::string& value = words[++i];
    const std::int64_t number = std::strtoll(value.c_str(), nullptr, 10);
    if (word == "--size" && (value == "S" || value == "M" || value == "T")) {
      settings.load = load_of_size(value[0]);
    } else if (word == "--hosts" && number > 0) {
      settings.load.hosts = static_cast<int>(number);
    } else if (word == "--days" && number > 0) {
      settings.load.duration_s = number * 86'400;
    } else if (word == "--seconds" && number > 0) {
      settings.load.duration_s = number;
    } else if (word == "--interval" && number > 0) {
      settings.load.interval_s = number;
    } else if (word == "--sync" && (value == "batch" || value == "interval" || value == "none")) {
      settings.sync = value;
    } else if (word == "--kill") {
      settings.kill_samples = static_cast<std::uint64_t>(number);
    } else if (word == "--dir") {
      settings.dir = value;
    } else if (word == "--phase") {
      settings.phase = value;
    } else if (word == "--grow" && (value == "series" || value == "days")) {
      grow = value;
    } else if (word == "--to" && number > 0) {
      up_to = number;
    } else {
      return usage();
    }
  }
  if (settings.phase == "generate") return generate(settings), 0;
  if (settings.phase == "load") return load(settings), 0;
  if (settings.phase == "compact") return compact(settings), 0;
  if (settings.phase == "open") return open_only(settings), 0;
  if (settings.phase == "scan") return scan(settings), 0;
  if (settings.phase == "die") return fill_and_die(settings), 0;
  if (grow == "series") return grow_series(settings, up_to), 0;
  if (grow == "days") return grow_days(settings, up_to), 0;
  report(run_all(settings));
  return 0;
}

}  // namespace
}  // namespace hygge::bench

int main(int argc, char** argv) {
  return hygge::bench::run(std::vector<std::string>(argv + 1, argv + argc));
}
