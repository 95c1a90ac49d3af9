// Gorilla beside the prototype it was written after: the same chunks, in turn, in one process. Many
// chunks, so that no branch predictor learns them by heart. Thread CPU time, median of 9 rounds.
#include <hygge/gorilla.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <gorilla.hpp>
#include <vector>

#include "benchmarks/support/series.h"

namespace {

using hygge::bench::Class;

double thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double timed(const std::function<void()>& work) {
  const double before = thread_ns();
  work();
  return thread_ns() - before;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

constexpr std::size_t kChunks = 2'000;
constexpr int kRounds = 9;

void compare(Class kind, std::size_t samples) {
  std::vector<hygge::bench::SampleRun> runs;
  std::vector<std::vector<std::uint8_t>> padded;
  for (std::size_t i = 0; i < kChunks; ++i) {
    runs.push_back(hygge::bench::make_run(kind, samples, i + 1));
    auto payload = hygge::gorilla::encode(runs.back().t, runs.back().v);
    if (payload != codec_ref::gorilla::encode(runs.back().t, runs.back().v)) std::abort();
    payload.resize(payload.size() + hygge::gorilla::kReadPadBytes);
    padded.push_back(std::move(payload));
  }
  std::vector<double> ours_encode, theirs_encode, ours_decode, theirs_decode;
  hygge::gorilla::Encoder encoder;
  std::vector<std::uint8_t> out;
  hygge::gorilla::Samples decoded;
  codec_ref::Samples reference;
  std::size_t sum = 0;
  for (int round = 0; round < kRounds; ++round) {
    ours_encode.push_back(timed([&] {
      for (const auto& run : runs) {
        out.clear();
        encoder.append(run.t, run.v, out);
        sum += out.size();
      }
    }));
    theirs_encode.push_back(timed([&] {
      for (const auto& run : runs) sum += codec_ref::gorilla::encode(run.t, run.v).size();
    }));
    ours_decode.push_back(timed([&] {
      for (const auto& payload : padded) {
        const std::size_t bytes = payload.size() - hygge::gorilla::kReadPadBytes;
        if (hygge::gorilla::decode_padded({payload.data(), bytes}, decoded) !=
            hygge::gorilla::Error::none) {
          std::abort();
        }
      }
    }));
    theirs_decode.push_back(timed([&] {
      for (const auto& payload : padded) {
        const std::size_t bytes = payload.size() - hygge::gorilla::kReadPadBytes;
        if (codec_ref::gorilla::decode_padded({payload.data(), bytes}, reference) !=
            codec_ref::Error::none) {
          std::abort();
        }
      }
    }));
  }
  if (sum == 0) std::abort();
  const double all = static_cast<double>(kChunks * samples);
  const auto ns = [&](const std::vector<double>& times) { return median(times) / all; };
  std::printf(
      "%-20s %5zu  encode %5.2f  prototype %5.2f  ratio %.2f   decode %5.2f  prototype %5.2f  "
      "ratio %.2f\n",
      hygge::bench::name_of(kind), samples, ns(ours_encode), ns(theirs_encode),
      ns(theirs_encode) / ns(ours_encode), ns(ours_decode), ns(theirs_decode),
      ns(theirs_decode) / ns(ours_decode));
}

}  // namespace

int main() {
  std::printf("Gorilla, ns per sample (ratio above 1: faster than the prototype)\n");
  for (const Class kind :
       {Class::constant, Class::counter, Class::gauge_2_decimals, Class::full_double}) {
    for (const std::size_t samples : {std::size_t{120}, std::size_t{240}, std::size_t{1'000}})
      compare(kind, samples);
  }
  return 0;
}
