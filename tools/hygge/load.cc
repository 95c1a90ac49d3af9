#include "load.h"

#include <fmt/format.h>
#include <hygge/clock.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stop_token>
#include <utility>

#include "context.h"
#include "figures.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "text.h"

namespace hygge::command {

namespace {

// Enough that a commit's cost is spread, few enough that a batch stays far below its limit of
// bytes.
constexpr std::size_t kBatchSamples = 10'000;

// What a database refuses about a series.
Result<void> check_limits(const Labels& labels) {
  const Limits limits;
  if (labels.size() > limits.labels_per_series) {
    return fail(ErrorCode::limit,
                fmt::format("{} labels: the limit is {}", labels.size(), limits.labels_per_series));
  }
  for (const Label& label : labels) {
    if (label.name.size() > limits.label_name_bytes) {
      return fail(ErrorCode::limit, fmt::format("a label name of {} bytes: the limit is {}",
                                                label.name.size(), limits.label_name_bytes));
    }
    if (label.value.size() > limits.label_value_bytes) {
      return fail(ErrorCode::limit,
                  fmt::format("the value of label \"{}\" has {} bytes: the limit is {}", label.name,
                              label.value.size(), limits.label_value_bytes));
    }
  }
  return {};
}

}  // namespace

// A series is made with its first sample: a line whose value is bad must leave none behind.
Result<std::uint32_t> DbSink::series(const Labels& labels) {
  if (auto within = check_limits(labels); !within) return tl::unexpected<Error>(within.error());
  handles_.push_back({std::nullopt, labels});
  return static_cast<std::uint32_t>(handles_.size() - 1);
}

Result<void> DbSink::sample(std::uint32_t series, TimeMs t_ms, double v) {
  Handle& handle = handles_[series];
  if (!handle.id) {
    auto id = db_.series(handle.labels);
    if (!id) return tl::unexpected<Error>(id.error());
    handle.id = *id;
    handle.labels = Labels();
  }
  batch_.add(*handle.id, t_ms, v);
  return batch_.size() >= kBatchSamples ? commit() : Result<void>();
}

Result<void> DbSink::metadata(std::string_view family, const Metadata& metadata) {
  batch_.describe(std::string(family), metadata);
  return {};
}

Result<void> DbSink::commit() {
  if (batch_.empty()) return {};
  const auto report = db_.write(batch_);
  if (!report) return tl::unexpected<Error>(report.error());
  batch_.clear();
  written_.samples += report->samples;
  written_.duplicates += report->duplicates;
  written_.replaced += report->replaced;
  written_.out_of_order += report->out_of_order;
  return {};
}

Result<std::uint32_t> CheckingSink::series(const Labels& labels) {
  if (auto within = check_limits(labels); !within) return tl::unexpected<Error>(within.error());
  return next_++;
}

Result<void> check_format(const std::string& format) {
  std::vector<std::string> names;
  for (const formats::Format& one : formats::import_formats()) {
    if (one.name == format) return {};
    names.emplace_back(one.name);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("unknown format \"{}\"{}", format, did_you_mean(format, names)),
              fmt::format("formats: {}", fmt::join(names, ", ")));
}

Result<formats::Input> open_input(const std::string& path) {
  if (path == "-") return formats::Input::from_descriptor(STDIN_FILENO, "stdin");
  return formats::Input::open(path);
}

namespace {

void tell_rejects(const Context& context, const formats::ImportReport& read) {
  for (const formats::Reject& reject : read.rejects) {
    context.note(fmt::format("{}:{}: {}", reject.file, reject.line, printable(reject.reason)));
  }
  if (read.rejected > read.rejects.size()) {
    context.note(fmt::format("… and {} more", grouped(read.rejected - read.rejects.size())));
  }
  for (const auto& [text, times] : read.warnings) {
    context.note(times > 1 ? fmt::format("warning: {} ({} times)", printable(text), grouped(times))
                           : fmt::format("warning: {}", printable(text)));
  }
}

std::string report_json(const LoadReport& report) {
  Json json;
  json.open('{').member("schema", "hygge.import/1").member("lines", report.read.lines);
  json.member("samples", report.samples).member("series_new", report.series_new);
  json.member("duplicates", report.duplicates).member("rejected", report.read.rejected);
  json.key("errors").open('[');
  for (const formats::Reject& reject : report.read.rejects) {
    json.open('{').member("file", reject.file).member("line", reject.line);
    json.member("reason", reject.reason).close('}');
  }
  json.close(']').member("seconds", report.seconds).member("replaced", report.replaced);
  json.member("exemplars", report.read.exemplars).member("dry_run", report.dry);
  json.key("warnings").open('[');
  for (const auto& [text, times] : report.read.warnings) {
    json.open('{').member("text", text).member("count", times).close('}');
  }
  json.close(']').close('}');
  return json.out() + "\n";
}

Result<formats::ImportOptions> import_options(const Context& context) {
  formats::ImportOptions options;
  const Arguments& arguments = context.arguments();
  options.any_time = context.flag("any-time");
  options.prefix = arguments.get("prefix").value_or("");
  for (const std::string& text : arguments.all("label")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::invalid_argument, fmt::format("--label {} is not NAME=VALUE", text));
    }
    options.add_labels.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  if (auto labels = Labels::from(options.add_labels); !labels) {
    return tl::unexpected<Error>(labels.error());
  }
  options.keep_created = context.flag("keep-created");
  if (const auto type = arguments.get("type")) options.type = parse_metric_type(*type);
  if (const auto delimiter = arguments.get("delimiter")) {
    const std::string text = *delimiter == "\\t" || *delimiter == "tab" ? "\t" : *delimiter;
    if (text.size() != 1 || text == "\"" || text == "\n" || text == "\r") {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("--delimiter \"{}\" is not one character", *delimiter),
                  "for example --delimiter ';' or --delimiter tab");
    }
    options.delimiter = text[0];
  }
  return options;
}

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begun) {
  return std::chrono::duration<double>(SteadyClock::now() - begun).count();
}

Result<std::vector<formats::Input>> open_inputs(const std::vector<std::string>& files) {
  std::vector<formats::Input> inputs;
  for (const std::string& file : files) {
    auto input = open_input(file);
    if (!input) return tl::unexpected<Error>(input.error());
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

// The first pass of --strict, which meets what a database would refuse too, and --dry-run.
Result<formats::ImportReport> check(const LoadPlan& plan, std::vector<formats::Input>& inputs,
                                    formats::ImportOptions options) {
  for (formats::Input& input : inputs) {
    if (!plan.strict) break;
    if (auto ready = input.make_rewindable(""); !ready) return tl::unexpected<Error>(ready.error());
  }
  CheckingSink sink;
  auto read = formats::import(plan.format, inputs, options, sink);
  if (!read || !plan.strict) return read;
  if (read->rejected > 0 && !read->rejects.empty()) {
    const formats::Reject& first = read->rejects[0];
    return fail(ErrorCode::parse, fmt::format("{}:{}: {}", first.file, first.line, first.reason),
                fmt::format("bad lines: {}; nothing was written. Without --strict they are counted "
                            "and left out",
                            read->rejected));
  }
  for (formats::Input& input : inputs) {
    if (auto back = input.rewind(); !back) return tl::unexpected<Error>(back.error());
  }
  return read;
}

// What stops an import, shows how far it has come, and commits a stream every second.
class Watch {
 public:
  Watch(const Context& context, const LoadPlan& plan, DbSink& sink)
      : plan_(plan),
        sink_(sink),
        progress_(context.arguments().get("progress").value_or(plan.stream ? "never" : "auto"),
                  plan.stream ? "write" : "import", context.flag("quiet")) {
    on_interrupt([this] { stop_.request_stop(); });
  }
  ~Watch() { on_interrupt({}); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  Result<void> operator()(const formats::ImportProgress& at) {
    at_ = at;
    if (plan_.stream && seconds_since(committed_) >= 1) {
      committed_ = SteadyClock::now();
      if (auto done = sink_.commit(); !done) return done;
    }
    progress_.update(at.consumed, at.total, sink_.acknowledged());
    if (stopped()) return fail(ErrorCode::cancelled, "interrupted");
    return {};
  }
  void finish() {
    progress_.update(at_.consumed, at_.total, sink_.acknowledged());
    progress_.finish();
  }
  [[nodiscard]] bool stopped() const noexcept { return stop_.stop_requested(); }
  [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

 private:
  const LoadPlan& plan_;
  DbSink& sink_;
  Progress progress_;
  formats::ImportProgress at_;
  std::stop_source stop_;
  SteadyClock::time_point committed_ = SteadyClock::now();
};

// What an import brought is all there is: days that have ended need not wait for more.
Result<void> seal_ended(Db& db, std::stop_token stop) {
  Maintain how;
  how.settled = true;
  how.stop = std::move(stop);
  const auto maintained = db.maintain(how);
  if (!maintained) return tl::unexpected<Error>(maintained.error());
  return {};
}

// Reads into `db`; fills `report`. Whether it was interrupted: what was committed stays.
Result<bool> read_into(Db& db, const Context& context, const LoadPlan& plan,
                       std::vector<formats::Input>& inputs, formats::ImportOptions options,
                       LoadReport& report) {
  const auto before = db.stats();
  if (!before) return tl::unexpected<Error>(before.error());
  DbSink sink(db);
  Watch watch(context, plan, sink);
  options.progress = [&watch](const formats::ImportProgress& at) { return watch(at); };
  options.cancel = watch.token();
  auto read = formats::import(plan.format, inputs, options, sink);
  const auto committed = sink.commit();
  const auto flushed = committed ? db.flush() : committed;
  const auto sealed = flushed ? seal_ended(db, watch.token()) : flushed;
  watch.finish();
  if (!read && !watch.stopped()) return tl::unexpected<Error>(read.error());
  if (!sealed) return tl::unexpected<Error>(sealed.error());
  const auto after = db.stats();
  if (!after) return tl::unexpected<Error>(after.error());
  if (read) report.read = std::move(*read);
  // Late samples that the store held already are found by the flush, not by the commit.
  const std::uint64_t late = after->late_duplicates - before->late_duplicates;
  report.samples = sink.written().samples - std::min(late, sink.written().samples);
  report.duplicates = sink.written().duplicates + late;
  report.replaced = sink.written().replaced;
  report.series_new = after->series - before->series;
  return watch.stopped();
}

Result<void> write_report(Context& context, const LoadReport& report) {
  if (context.format() == "json") return context.out().write(report_json(report));
  tell_rejects(context, report.read);
  Figures figures;
  figures.count("lines", report.read.lines);
  figures.count("samples", report.samples);
  if (!report.dry) {
    figures.count("series_new", report.series_new);
    figures.count("duplicates", report.duplicates);
    if (report.replaced > 0) figures.count("replaced", report.replaced);
  }
  figures.count("rejected", report.read.rejected);
  if (report.read.exemplars > 0) figures.count("exemplars_skipped", report.read.exemplars);
  figures.text("seconds", fmt::format("{:.3f}", report.seconds));
  if (report.dry) context.note("dry run: nothing was written");
  return figures.write(context);
}

}  // namespace

Result<int> load(Context& context, const LoadPlan& plan) {
  const auto begun = SteadyClock::now();
  auto options = import_options(context);
  if (!options) return tl::unexpected<Error>(options.error());
  const auto at_ms = context.at(nullptr);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  options->now_ms = *at_ms;
  if (plan.stream) options->clock = system_clock();
  const auto dir = plan.dry ? Result<std::string>("") : context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  auto inputs = open_inputs(plan.files);
  if (!inputs) return tl::unexpected<Error>(inputs.error());
  LoadReport report;
  report.dry = plan.dry;
  bool stopped = false;
  if (plan.strict || plan.dry) {
    auto read = check(plan, *inputs, *options);
    if (!read) return tl::unexpected<Error>(read.error());
    report.samples = read->samples;
    report.read = std::move(*read);
  }
  if (!plan.dry) {
    Options how;
    how.create_if_missing = true;
    auto db = Db::open(*dir, how);
    if (!db) return tl::unexpected<Error>(db.error());
    for (const std::string& line : db->open_report().notes) context.detail(line);
    const auto done = read_into(*db, context, plan, *inputs, *options, report);
    if (!done) return tl::unexpected<Error>(done.error());
    stopped = *done;
    if (auto closed = db->close(); !closed) return tl::unexpected<Error>(closed.error());
  }
  report.seconds = seconds_since(begun);
  if (stopped) context.note("interrupted; what was taken stays");
  if (auto wrote = write_report(context, report); !wrote) {
    return tl::unexpected<Error>(wrote.error());
  }
  return stopped ? kInterrupted : 0;
}

Result<Db> load_file(const std::string& format, const std::string& path,
                     const std::string& directory, const Context& context) {
  if (auto known = check_format(format); !known) return tl::unexpected<Error>(known.error());
  auto input = open_input(path);
  if (!input) return tl::unexpected<Error>(input.error());
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  auto db = Db::open(directory, options);
  if (!db) return db;
  formats::ImportOptions how;
  how.now_ms = context.now_ms();
  DbSink sink(*db);
  const auto read = formats::import(format, *input, how, sink);
  if (!read) return tl::unexpected<Error>(read.error());
  if (auto committed = sink.commit(); !committed) return tl::unexpected<Error>(committed.error());
  tell_rejects(context, *read);
  return db;
}

}  // namespace hygge::command
