// The work that hygge and its peers do alike: append a load, read it whole, answer windows over it.
// Every program prints JSON lines, which `run` puts side by side; the digests (how many values, and
// their sum) show that it was the same work.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/support/load.h"
#include "benchmarks/support/meter.h"

namespace hygge::bench {

/// Samples per transaction, batch or vector.
inline constexpr std::size_t kBatchSamples = 5'000;

struct Work {
  LoadSettings load;
  std::string dir;

  [[nodiscard]] std::int64_t start_ms() const noexcept { return load.start_s * 1000; }
  [[nodiscard]] std::int64_t end_ms() const noexcept {
    return (load.start_s + load.duration_s) * 1000;
  }
};

/// A value per series and window over (start, end]; windows are left-open and stand on multiples of
/// their length.
struct Question {
  std::string_view name;
  std::string_view metrics;  ///< one, or a prefix that ends in *
  int hosts;                 ///< the first so many; 0: all; -1: only task-7
  enum class Function { avg, max, increase } function;
  std::int64_t window_ms;
};
inline constexpr std::array kQuestions = std::to_array<Question>({
    {"avg 5m, 1 series", "cpu_usage_user", -1, Question::Function::avg, 300'000},
    {"max 1m, 10 metrics, 8 hosts", "cpu_usage_*", 8, Question::Function::max, 60'000},
    {"avg 1h, 10 metrics, all hosts", "cpu_usage_*", 0, Question::Function::avg, 3'600'000},
    {"increase 5m, 12 per host", "http_requests_total", 0, Question::Function::increase, 300'000},
});

struct Digest {
  std::uint64_t values = 0;
  double sum = 0;
};

/// --dir DIR [--hosts N] [--seconds S]. Ends the program with a message if it is anything else.
[[nodiscard]] Work work_of(int argc, char** argv);
/// CPU seconds of taking all scrapes and doing nothing with them.
[[nodiscard]] double generator_cpu_s(const LoadSettings& load);

void print_append(std::string_view peer, std::uint64_t samples, double cpu_s, std::uint64_t bytes);
/// Asks until half a second is over, at least three times, and prints the median CPU.
void print_answer(std::string_view peer, std::string_view name, std::uint64_t samples,
                  const std::function<Digest()>& ask);

[[noreturn]] void give_up(const std::string& what);

}  // namespace hygge::bench
