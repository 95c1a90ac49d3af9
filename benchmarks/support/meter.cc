#include "benchmarks/support/meter.h"

#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace hygge::bench {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// "wchar" counts bytes given to write(); what is written by the kernel may differ on some file
// systems, and is not told on others.
std::uint64_t written_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

}  // namespace

Usage usage_now() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto wall = std::chrono::steady_clock::now().time_since_epoch();
  return {seconds(used.ru_utime) + seconds(used.ru_stime),
          std::chrono::duration<double>(wall).count(), written_bytes()};
}

Usage operator-(const Usage& later, const Usage& earlier) {
  return {later.cpu_s - earlier.cpu_s, later.wall_s - earlier.wall_s,
          later.written_bytes - earlier.written_bytes};
}

std::uint64_t peak_rss_bytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

std::uint64_t tree_bytes(const std::string& folder) {
  std::uint64_t out = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) out += entry.file_size(ignored);
  }
  return out;
}

}  // namespace hygge::bench
