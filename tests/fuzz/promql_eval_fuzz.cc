// An expression over a few small series: no crash, no hang, and never more memory than allowed. The
// first bytes choose the steps and the samples, the rest is the expression.
#include <hygge/promql.h>
#include <hygge/sample.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "promql/evaluator.h"
#include "tests/support/memory_source.h"

namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMaxBytes = 200'000;

void add_series(hygge::test::MemorySource& source, const char* name, const char* job,
                const std::uint8_t* seed, bool bucket) {
  using hygge::Labels;
  static const char* const kBounds[] = {"0.1", "1", "+Inf"};
  for (const char* bound : kBounds) {
    Labels labels;
    labels.set("__name__", name);
    labels.set("job", job);
    if (bucket) labels.set("le", bound);
    std::uint32_t state = seed[0] + 256U * seed[1] + static_cast<std::uint32_t>(bound[0]);
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525U + 1013904223U;
      double v = static_cast<double>(state >> 20U) - 100;
      if (state % 61 == 0) v = std::numeric_limits<double>::quiet_NaN();
      if (state % 67 == 0) v = std::numeric_limits<double>::infinity();
      if (state % 71 == 0) v = hygge::stale_marker();
      source.add(labels, i * 15'000 + static_cast<hygge::TimeMs>(state % 3), v);
    }
    if (!bucket) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeader) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + kHeader, size - kHeader);
  const auto expression = hygge::promql::parse(text);
  if (!expression) return 0;
  hygge::test::MemorySource source;
  add_series(source, "c_total", "a", data, false);
  add_series(source, "c_total", "b", data + 1, false);
  add_series(source, "g", "a", data + 2, false);
  add_series(source, "h_bucket", "a", data + 3, true);
  const hygge::TimeMs start = (static_cast<hygge::TimeMs>(data[4]) - 20) * 5'000;
  hygge::Steps when = hygge::instant(start);
  if (data[5] % 2 == 0) when = {start, start + data[6] * 1'000, 1 + data[7] * 100};
  hygge::promql::QueryOptions options;
  options.max_bytes = kMaxBytes;
  options.max_steps = 2'000;
  const auto answer = hygge::promql::evaluate(*expression, source, when, options);
  if (!answer) {
    if (answer.error().message.empty()) std::abort();
    return 0;
  }
  if (answer->stats.bytes > kMaxBytes) std::abort();
  for (const auto& series : answer->series) {
    if (series.t.size() != series.v.size() || series.t.empty()) std::abort();
    for (std::size_t i = 1; i < series.t.size(); ++i) {
      if (series.t[i] <= series.t[i - 1]) std::abort();
    }
  }
  return 0;
}
