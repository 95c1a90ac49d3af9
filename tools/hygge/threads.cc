#include "threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <system_error>
#include <thread>

namespace hygge::command {

namespace {

constexpr std::size_t kMostUnasked = 8;
constexpr std::size_t kMost = 1'024;

// A container may have many processors in sight and the time of a few: more threads than that would
// use up the time of a period at its start, and then stand still until the next.
std::size_t usable_processors() {
  const std::size_t in_sight = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream in("/sys/fs/cgroup/cpu.max");
  std::string line;
  std::getline(in, line);
  return std::min(in_sight, processors_of_quota(line).value_or(in_sight));
}

std::optional<std::uint64_t> whole_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::size_t> processors_of_quota(std::string_view cpu_max) noexcept {
  const std::size_t blank = cpu_max.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto quota_us = whole_number(cpu_max.substr(0, blank));  // none: "max"
  const auto period_us = whole_number(cpu_max.substr(blank + 1));
  if (!quota_us || !period_us || *quota_us == 0 || *period_us == 0) return std::nullopt;
  return (*quota_us - 1) / *period_us + 1;
}

Result<std::size_t> threads_of(const std::optional<std::string>& text) {
  const auto asked = whole_number(text.value_or("0"));
  if (!asked || *asked > kMost) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--threads {} is no number of threads", *text),
                "1 to 1024, or 0 for one per processor, at most 8");
  }
  return *asked > 0 ? *asked : std::min(usable_processors(), kMostUnasked);
}

}  // namespace hygge::command
