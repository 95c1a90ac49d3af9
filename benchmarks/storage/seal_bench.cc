// Sealing a day: what it costs, how small it gets, and how many bytes the disk has seen from the
// log to the sealed files. Hosts of 100 series every 10 s (benchmarks/support/host.h).
#include <benchmark/benchmark.h>
#include <hygge/db.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "benchmarks/support/folder.h"
#include "benchmarks/support/host.h"

namespace hygge {
namespace {

using bench::Folder;
using benchmark::Counter;

constexpr TimeMs kMidnight = 1'767'225'600'000;
constexpr int kScrapes = static_cast<int>(kDayMs / bench::Host::kIntervalMs);

// What this process has handed to write(), as the kernel counts it.
std::uint64_t bytes_written() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (in >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

double cpu_seconds() {
  timespec at{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

// Errors end the program: there is nothing to measure then.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::abort();
  }
  return std::move(*result);
}

void write_day(Db& db, int hosts) {
  std::vector<bench::Host> all;
  std::vector<SeriesId> ids;
  for (int host = 0; host < hosts; ++host) {
    all.emplace_back(static_cast<std::uint64_t>(host));
    for (std::size_t i = 0; i < bench::Host::kSeries; ++i) {
      ids.push_back(must(db.series({{"__name__", "m" + std::to_string(i)},
                                    {"instance", "task-" + std::to_string(host)},
                                    {"job", "app"}})));
    }
  }
  Batch batch;
  for (int scrape = 0; scrape < kScrapes; ++scrape) {
    batch.clear();
    std::size_t id = 0;
    for (bench::Host& host : all) {
      const TimeMs t = kMidnight + scrape * bench::Host::kIntervalMs + host.phase_ms();
      for (const double v : host.scrape()) batch.add(ids[id++], t, v);
    }
    must(db.write(batch));
  }
}

void BM_SealDay(benchmark::State& state) {
  const auto hosts = static_cast<int>(state.range(0));
  const double samples = static_cast<double>(hosts) * bench::Host::kSeries * kScrapes;
  double cpu = 0;
  for (auto _ : state) {
    const Folder folder;
    const std::uint64_t before = bytes_written();
    Options options;
    options.create_if_missing = true;
    options.clock = [] { return kMidnight + 2 * kDayMs; };
    Db db = must(Db::open(folder.db(), options));
    write_day(db, hosts);
    if (!db.flush()) std::abort();
    const double began = cpu_seconds();
    must(db.compact());
    cpu += cpu_seconds() - began;
    const Stats stats = must(db.stats());
    state.counters["bytes/sample"] = static_cast<double>(stats.chunks.bytes) / samples;
    state.counters["payload/sample"] = static_cast<double>(stats.chunks.payload_bytes) / samples;
    state.counters["samples/chunk"] = samples / static_cast<double>(stats.chunks.count);
    state.counters["written/sample"] = static_cast<double>(bytes_written() - before) / samples;
  }
  state.counters["sealed/CPU-s"] = samples * static_cast<double>(state.iterations()) / cpu;
}
BENCHMARK(BM_SealDay)->ArgName("hosts")->Arg(10)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace hygge
