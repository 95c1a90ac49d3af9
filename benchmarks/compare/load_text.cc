// load_text [--hosts N] [--seconds S]: the load as OpenMetrics text on stdout, for importers.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "benchmarks/support/load.h"

namespace {

std::string prefix_of(const hygge::bench::LabelPairs& labels) {
  std::string name;
  std::string inside;
  for (const auto& [label, value] : labels) {
    if (label == "__name__") {
      name = value;
    } else {
      inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", label, value);
    }
  }
  return fmt::format("{}{{{}}} ", name, inside);
}

}  // namespace

int main(int argc, char** argv) {
  hygge::bench::LoadSettings load;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--hosts") load.hosts = std::atoi(argv[i + 1]);
    if (word == "--seconds") load.duration_s = std::atoll(argv[i + 1]);
  }
  auto hosts = hygge::bench::make_hosts(load);
  std::vector<std::vector<std::string>> prefixes(hosts.size());
  std::string out;
  for (std::int64_t k = 0; k < load.scrapes(); ++k) {
    for (std::size_t h = 0; h < hosts.size(); ++h) {
      const auto scrape = hosts[h].scrape(k);
      if (scrape.new_series) {
        prefixes[h].clear();
        for (std::size_t i = 0; i < hygge::bench::kSeriesPerHost; ++i) {
          prefixes[h].push_back(prefix_of(hosts[h].labels(i)));
        }
      }
      for (std::size_t i = 0; i < hygge::bench::kSeriesPerHost; ++i) {
        out += prefixes[h][i];
        fmt::format_to(std::back_inserter(out), "{} {}.{:03}\n", scrape.values[i],
                       scrape.t_ms / 1000, scrape.t_ms % 1000);
      }
      if (out.size() > (1U << 20U)) {
        std::fwrite(out.data(), 1, out.size(), stdout);
        out.clear();
      }
    }
  }
  out += "# EOF\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}
