#include "benchmarks/compare/work.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace hygge::bench {

void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

Work work_of(int argc, char** argv) {
  Work out;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--dir") {
      out.dir = argv[i + 1];
    } else if (word == "--hosts") {
      out.load.hosts = std::atoi(argv[i + 1]);
    } else if (word == "--seconds") {
      out.load.duration_s = std::atoll(argv[i + 1]);
    }
  }
  if (out.dir.empty() || out.load.hosts < 8 || out.load.duration_s < 60) {
    give_up("usage: --dir DIR [--hosts N, at least 8] [--seconds S]");
  }
  return out;
}

double generator_cpu_s(const LoadSettings& load) {
  std::vector<Host> hosts = make_hosts(load);
  const Usage before = usage_now();
  double sum = 0;
  for (std::int64_t k = 0; k < load.scrapes(); ++k) {
    for (Host& host : hosts) sum += host.scrape(k).values.back();
  }
  const Usage used = usage_now() - before;
  if (sum < 0) give_up("the load went wrong");  // and the loop is not optimised away
  return used.cpu_s;
}

void print_append(std::string_view peer, std::uint64_t samples, double cpu_s, std::uint64_t bytes) {
  std::printf(
      "{\"peer\":\"%.*s\",\"what\":\"append\",\"samples\":%llu,\"cpu_s\":%.3f,\"bytes\":%llu,"
      "\"rss_bytes\":%llu}\n",
      static_cast<int>(peer.size()), peer.data(), static_cast<unsigned long long>(samples), cpu_s,
      static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(peak_rss_bytes()));
  std::fflush(stdout);
}

void print_answer(std::string_view peer, std::string_view name, std::uint64_t samples,
                  const std::function<Digest()>& ask) {
  constexpr double kLeastWall_s = 0.5;
  constexpr std::size_t kLeastRuns = 3;
  std::vector<double> cpu_s;
  Digest digest;
  const Usage begin = usage_now();
  do {
    const Usage before = usage_now();
    digest = ask();
    cpu_s.push_back((usage_now() - before).cpu_s);
  } while (cpu_s.size() < kLeastRuns || (usage_now() - begin).wall_s < kLeastWall_s);
  std::sort(cpu_s.begin(), cpu_s.end());
  std::printf(
      "{\"peer\":\"%.*s\",\"what\":\"%.*s\",\"samples\":%llu,\"cpu_s\":%.6f,\"values\":%llu,"
      "\"sum\":%.12g}\n",
      static_cast<int>(peer.size()), peer.data(), static_cast<int>(name.size()), name.data(),
      static_cast<unsigned long long>(samples), cpu_s[cpu_s.size() / 2],
      static_cast<unsigned long long>(digest.values), digest.sum);
  std::fflush(stdout);
}

}  // namespace hygge::bench
