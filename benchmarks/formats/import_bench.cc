// The readers alone, into a sink that keeps nothing; text as node_exporter's scrapes are, one after
// the other, and the same regrouped by series. The storage's share is another suite's.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <hygge/formats.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace hygge;
using namespace hygge::formats;

constexpr TimeMs kStart = 1'767'225'600'000;
constexpr DurationMs kStep = 15'000;

// Like a machine with `cores`: counters per core and mode, per disk, gauges of memory.
std::vector<Labels> machine(int cores, std::map<std::string, Metadata>& families) {
  std::vector<Labels> out;
  const auto add = [&](std::string name, std::vector<Label> labels) {
    labels.push_back({std::string(kNameLabel), std::move(name)});
    labels.push_back({"instance", "10.0.0.1:9100"});
    labels.push_back({"job", "node"});
    out.push_back(*Labels::from(std::move(labels)));
  };
  for (int core = 0; core < cores; ++core) {
    for (const char* mode :
         {"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"}) {
      add("node_cpu_seconds_total", {{"cpu", std::to_string(core)}, {"mode", mode}});
    }
  }
  families["node_cpu_seconds_total"] = {MetricType::counter, "seconds", "Seconds in each mode."};
  for (int disk = 0; disk < 16; ++disk) {
    for (const char* name : {"node_disk_read_bytes_total", "node_disk_written_bytes_total"}) {
      add(name, {{"device", fmt::format("nvme{}n1", disk)}});
      families[name] = {MetricType::counter, "bytes", "Bytes."};
    }
  }
  for (int i = 0; i < 40; ++i) {
    const std::string name = fmt::format("node_memory_part{}_bytes", i);
    add(name, {});
    families[name] = {MetricType::gauge, "bytes", "Memory."};
  }
  return out;
}

struct Text {
  std::string text;
  std::size_t samples = 0;
};

double value_at(std::mt19937_64& random, const Labels& labels, std::size_t step) {
  const auto n = static_cast<double>(step);
  if (labels.metric().starts_with("node_cpu")) {
    return static_cast<double>(1'000'000 + step * 1500 + random() % 100) / 100;
  }
  if (labels.metric().starts_with("node_disk")) return n * 65536 + 123456789;
  return static_cast<double>(8'000'000'000 + (random() % 100000) * 4096);
}

// A generated text in `format`: `steps` scrapes one after the other, or series by series.
Text generate(std::string_view format, bool by_series, std::size_t steps) {
  std::map<std::string, Metadata> families;
  const auto series = machine(32, families);
  std::mt19937_64 random(1);
  Text out;
  auto writer = *make_exporter(format, [&](std::string_view piece) -> Result<void> {
    out.text += piece;
    return {};
  });
  const auto groups = group_families(
      series.size(), [&](std::size_t i) -> const Labels& { return series[i]; },
      [&](std::string_view metric) -> std::optional<Metadata> {
        const auto at = families.find(std::string(metric));
        return at == families.end() ? std::nullopt : std::optional(at->second);
      });
  const auto write = [&](std::size_t from, std::size_t to) {
    for (const ExportFamily& family : groups) {
      static_cast<void>(writer->family(family));
      for (const std::size_t index : family.series) {
        static_cast<void>(writer->series(series[index]));
        for (std::size_t step = from; step < to; ++step) {
          const TimeMs t = kStart + static_cast<TimeMs>(step) * kStep + 250;
          const double v = value_at(random, series[index], step);
          static_cast<void>(writer->samples({&t, 1}, {&v, 1}));
          ++out.samples;
        }
      }
    }
  };
  static_cast<void>(writer->begin());
  if (by_series) {
    write(0, steps);
  } else {
    for (std::size_t step = 0; step < steps; ++step) write(step, step + 1);
  }
  static_cast<void>(writer->end());
  return out;
}

// Prometheus text differs in its times only.
Text to_prometheus(Text in) {
  std::string out;
  for (std::string_view rest = in.text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.starts_with("# ")) {
      if (line != "# EOF") out += fmt::format("{}\n", line);
      continue;
    }
    const std::size_t blank = line.rfind(' ');
    const double seconds = std::stod(std::string(line.substr(blank + 1)));
    out += fmt::format("{} {}\n", line.substr(0, blank), static_cast<TimeMs>(seconds * 1e3));
  }
  return {std::move(out), in.samples};
}

void run(benchmark::State& state, std::string_view format, const Text& text) {
  ImportOptions options;
  options.now_ms = kStart;
  std::uint64_t samples = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Input input = Input::from_text(text.text, "bench");
    CountingSink sink;
    state.ResumeTiming();
    const auto report = import(format, input, options, sink);
    if (!report || report->rejected > 0 || report->samples != text.samples) {
      state.SkipWithError("the import failed");
      return;
    }
    samples += report->samples;
  }
  using benchmark::Counter;
  state.SetBytesProcessed(static_cast<std::int64_t>(text.text.size()) * state.iterations());
  state.counters["samples/s"] = Counter(static_cast<double>(samples), Counter::kIsRate);
  state.counters["bytes/sample"] =
      static_cast<double>(text.text.size()) / static_cast<double>(text.samples);
}

constexpr std::size_t kSteps = 500;

void BM_ImportOpenMetrics(benchmark::State& state) {
  run(state, "openmetrics", generate("openmetrics", state.range(0) != 0, kSteps));
}
BENCHMARK(BM_ImportOpenMetrics)
    ->ArgName("by_series")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

void BM_ImportPrometheus(benchmark::State& state) {
  run(state, "prometheus", to_prometheus(generate("openmetrics", state.range(0) != 0, kSteps)));
}
BENCHMARK(BM_ImportPrometheus)->ArgName("by_series")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_ImportCsv(benchmark::State& state) {
  run(state, "csv", generate("csv", state.range(0) != 0, kSteps));
}
BENCHMARK(BM_ImportCsv)->ArgName("by_series")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_Export(benchmark::State& state, std::string_view format) {
  std::map<std::string, Metadata> families;
  const auto series = machine(4, families);
  std::mt19937_64 random(1);
  std::vector<TimeMs> t(4096);
  std::vector<double> v(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    t[i] = kStart + static_cast<TimeMs>(i) * kStep + static_cast<TimeMs>(random() % 1000);
    v[i] = value_at(random, series[0], i);
  }
  std::size_t bytes = 0;
  std::uint64_t samples = 0;
  for (auto _ : state) {
    auto writer = *make_exporter(format, [&](std::string_view piece) -> Result<void> {
      bytes += piece.size();
      return {};
    });
    static_cast<void>(writer->begin());
    for (const Labels& labels : series) {
      static_cast<void>(writer->series(labels));
      static_cast<void>(writer->samples(t, v));
    }
    static_cast<void>(writer->end());
    samples += writer->written;
  }
  using benchmark::Counter;
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["samples/s"] = Counter(static_cast<double>(samples), Counter::kIsRate);
}
BENCHMARK_CAPTURE(BM_Export, openmetrics, "openmetrics")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Export, csv, "csv")->Unit(benchmark::kMillisecond);

}  // namespace
