// rrdtool doing what it can of work.h, in process (librrd): a file per host with 100 data sources,
// ten-second averages for a day and five-minute averages, 30 updates a call as rrdcached does. It
// stores whole seconds and rates per step, so the load comes without phases; what it gives back are
// the consolidated values.
#include <rrd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "benchmarks/compare/work.h"

namespace hygge::bench {
namespace {

constexpr std::size_t kUpdatesPerCall = 30;

[[noreturn]] void give_up_with_reason() { give_up(std::string("rrd: ") + rrd_get_error()); }

std::string path_of(const std::string& dir, int host) {
  return dir + "/" + std::to_string(host) + ".rrd";
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  for (const std::string& text : texts) out.push_back(text.c_str());
  return out;
}

void create(const std::string& dir, const Work& work) {
  std::vector<std::string> definitions;
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
    definitions.push_back("DS:d" + std::to_string(i) + ":GAUGE:60:U:U");
  }
  const std::int64_t steps = work.load.scrapes() + 1;
  definitions.push_back("RRA:AVERAGE:0.5:1:" + std::to_string(steps));
  definitions.push_back("RRA:AVERAGE:0.5:30:" + std::to_string(steps / 30 + 1));
  const std::vector<const char*> arguments = pointers(definitions);
  for (int h = 0; h < work.load.hosts; ++h) {
    if (rrd_create_r(path_of(dir, h).c_str(), static_cast<unsigned long>(work.load.interval_s),
                     work.load.start_s - work.load.interval_s, static_cast<int>(arguments.size()),
                     const_cast<const char**>(arguments.data())) != 0) {
      give_up_with_reason();
    }
  }
}

void update(const std::string& path, std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const std::vector<const char*> arguments = pointers(lines);
  if (rrd_update_r(path.c_str(), nullptr, static_cast<int>(arguments.size()),
                   const_cast<const char**>(arguments.data())) != 0) {
    give_up_with_reason();
  }
  lines.clear();
}

std::uint64_t append(const std::string& dir, const Work& work) {
  std::vector<Host> hosts = make_hosts(work.load);
  std::vector<std::vector<std::string>> pending(hosts.size());
  std::uint64_t samples = 0;
  std::array<char, 40> number{};
  for (std::int64_t k = 0; k < work.load.scrapes(); ++k) {
    for (std::size_t h = 0; h < hosts.size(); ++h) {
      const Host::Scrape scrape = hosts[h].scrape(k);
      std::string line = std::to_string(scrape.t_ms / 1000);
      for (const double v : scrape.values) {
        std::snprintf(number.data(), number.size(), ":%.17g", v);
        line += number.data();
      }
      samples += kSeriesPerHost;
      pending[h].push_back(std::move(line));
      if (pending[h].size() == kUpdatesPerCall)
        update(path_of(dir, static_cast<int>(h)), pending[h]);
    }
  }
  for (std::size_t h = 0; h < hosts.size(); ++h) {
    update(path_of(dir, static_cast<int>(h)), pending[h]);
  }
  return samples;
}

// The values of one file at a resolution; of source `only`, or of all.
Digest fetch(const std::string& path, const Work& work, unsigned long step, std::ptrdiff_t only) {
  // rrdtool's rows end at their time: from start − step on, so that the first sample is in.
  time_t start = work.load.start_s - work.load.interval_s;
  time_t end = work.load.start_s + work.load.duration_s - work.load.interval_s;
  unsigned long sources = 0;
  char** names = nullptr;
  rrd_value_t* values = nullptr;
  if (rrd_fetch_r(path.c_str(), "AVERAGE", &start, &end, &step, &sources, &names, &values) != 0) {
    give_up_with_reason();
  }
  Digest out;
  const auto rows = static_cast<std::size_t>(end - start) / step;
  for (std::size_t i = 0; i < rows * sources; ++i) {
    if (std::isnan(values[i]) || (only >= 0 && i % sources != static_cast<std::size_t>(only))) {
      continue;
    }
    ++out.values;
    out.sum += values[i];
  }
  for (unsigned long i = 0; i < sources; ++i) rrd_freemem(names[i]);
  rrd_freemem(names);
  rrd_freemem(values);
  return out;
}

void run(Work work) {
  const std::string peer = std::string("rrdtool ") + rrd_strversion();
  work.load.phases = false;
  const std::string dir = work.dir + "/rrd";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const double generator_s = generator_cpu_s(work.load);
  create(dir, work);
  const Usage before = usage_now();
  const std::uint64_t samples = append(dir, work);
  print_append(peer, samples, (usage_now() - before).cpu_s - generator_s, tree_bytes(dir));
  print_answer(peer, "scan", samples, [&] {
    Digest out;
    for (int h = 0; h < work.load.hosts; ++h) {
      const Digest one = fetch(path_of(dir, h), work, 10, -1);
      out.values += one.values;
      out.sum += one.sum;
    }
    return out;
  });
  // The first data source is cpu_usage_user; its five-minute averages are stored.
  print_answer(peer, kQuestions[0].name, samples,
               [&] { return fetch(path_of(dir, 7), work, 300, 0); });
}

}  // namespace
}  // namespace hygge::bench

int main(int argc, char** argv) { hygge::bench::run(hygge::bench::work_of(argc, argv)); }
