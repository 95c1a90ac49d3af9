// The index: building it, finding a known series, selecting by matchers.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <roaring/roaring.hh>
#include <string>
#include <vector>

#include "model/canonical.h"
#include "storage/index/index.h"

namespace hygge::storage {
namespace {

using Counter = benchmark::Counter;

// Fifty metrics of as many targets as it takes, ten labels each, as a cluster's scrapes have them.
Labels labels_of(std::size_t i) {
  const std::size_t target = i / 50;
  return Labels::from({{"__name__", fmt::format("http_server_metric_{}_total", i % 50)},
                       {"cluster", fmt::format("eu-west-{}", target % 3)},
                       {"code", fmt::format("{}", 200 + 100 * (i % 4))},
                       {"container", fmt::format("container-{}", target % 20)},
                       {"instance", fmt::format("10.0.{}.{}:9100", target / 256, target % 256)},
                       {"job", fmt::format("service-{}", target % 100)},
                       {"method", i % 2 == 0 ? "GET" : "POST"},
                       {"namespace", fmt::format("namespace-{}", target % 50)},
                       {"path", fmt::format("/api/v1/resource/{}", i % 200)},
                       {"pod", fmt::format("service-{}-7d4b9c-{:05}", target % 100, target)}})
      .value();
}

struct Built {
  std::vector<std::string> canonical;
  std::unique_ptr<Index> index;
};

std::unique_ptr<Index> build(const std::vector<std::string>& canonical) {
  auto index = std::make_unique<Index>();
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    index->add(static_cast<std::uint32_t>(i + 1), canonical[i]);
  }
  return index;
}

std::vector<std::string> canonical_series(std::size_t count) {
  std::vector<std::string> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(canonical(labels_of(i)));
  return out;
}

const Built& built(std::size_t series) {
  static std::map<std::size_t, Built> all;
  Built& one = all[series];
  if (!one.index) {
    one.canonical = canonical_series(series);
    one.index = build(one.canonical);
  }
  return one;
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * 4096;
}

void BM_IndexBuild(benchmark::State& state) {
  const auto canonical = canonical_series(static_cast<std::size_t>(state.range(0)));
  std::size_t resident = 0;
  std::size_t own = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::size_t before = resident_bytes();
    state.ResumeTiming();
    auto index = build(canonical);
    benchmark::DoNotOptimize(index.get());
    state.PauseTiming();
    resident = resident_bytes() - before;
    own = index->memory_bytes();
    index.reset();
    state.ResumeTiming();
  }
  const auto count = static_cast<double>(canonical.size());
  state.counters["series/s"] = Counter(count, Counter::kIsIterationInvariantRate);
  state.counters["bytes/series"] = static_cast<double>(resident) / count;
  state.counters["reported/series"] = static_cast<double>(own) / count;
}
BENCHMARK(BM_IndexBuild)
    ->ArgName("series")
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->Unit(benchmark::kMillisecond);

// Known series in random order, as batches from many targets bring them.
void BM_IndexFind(benchmark::State& state) {
  const Built& it = built(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(1);
  // Texts lie one behind the other, as a batch has them: the index's misses are measured alone.
  std::string texts;
  std::vector<std::string_view> asked;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 20'000; ++i) {
    const std::string& text = it.canonical[random() % it.canonical.size()];
    texts += text;
    sizes.push_back(text.size());
  }
  std::size_t at = 0;
  for (const std::size_t size : sizes) {
    asked.push_back(std::string_view(texts).substr(at, size));
    at += size;
  }
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const std::string_view text : asked) sum += it.index->find(text).value_or(0);
    benchmark::DoNotOptimize(sum);
  }
  const auto count = static_cast<double>(asked.size());
  state.counters["series/s"] = Counter(count, Counter::kIsIterationInvariantRate);
  state.counters["time/series"] =
      Counter(count, Counter::kIsIterationInvariantRate | Counter::kInvert);
}
BENCHMARK(BM_IndexFind)->ArgName("series")->RangeMultiplier(10)->Range(1'000, 1'000'000);

void select(benchmark::State& state, const Selector& selector) {
  const Built& it = built(static_cast<std::size_t>(state.range(0)));
  std::size_t found = 0;
  for (auto _ : state) {
    const auto ids = it.index->select(selector);
    benchmark::DoNotOptimize(ids->data());
    found = ids->size();
  }
  state.counters["found"] = static_cast<double>(found);
}
const Matcher kMetric{"__name__", MatchOp::equal, "http_server_metric_7_total"};

void BM_IndexSelectMetric(benchmark::State& state) { select(state, {{kMetric}}); }
void BM_IndexSelectOne(benchmark::State& state) {
  select(state, {{kMetric, {"instance", MatchOp::equal, "10.0.1.7:9100"}}});
}
void BM_IndexSelectBroad(benchmark::State& state) {
  select(state,
         {{{"container", MatchOp::equal, "container-7"}, {"method", MatchOp::equal, "GET"}}});
}
void BM_IndexSelectNot(benchmark::State& state) {
  select(state, {{kMetric, {"cluster", MatchOp::not_equal, "eu-west-1"}}});
}
void BM_IndexSelectRegex(benchmark::State& state) {
  select(state, {{kMetric, {"pod", MatchOp::regex, "service-[0-4].*"}}});
}
void BM_IndexSelectAnyValue(benchmark::State& state) {
  select(state, {{kMetric, {"pod", MatchOp::regex, ".+"}}});
}
void BM_IndexSelectWords(benchmark::State& state) {
  select(state, {{kMetric, {"job", MatchOp::regex, "service-1|service-2|service-3"}}});
}
void BM_IndexSelectPlain(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("series")
      ->RangeMultiplier(10)
      ->Range(1'000, 1'000'000)
      ->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_IndexSelectMetric)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectOne)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectBroad)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectNot)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectRegex)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectAnyValue)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexSelectWords)->Apply(BM_IndexSelectPlain);

// A regex that no answer is kept of: its words differ each time.
void BM_IndexSelectNewRegex(benchmark::State& state) {
  const Built& it = built(static_cast<std::size_t>(state.range(0)));
  std::size_t round = 0;
  for (auto _ : state) {
    const auto ids = it.index->select(
        {{kMetric, {"pod", MatchOp::regex, fmt::format("service-[0-4].*|{}", round++)}}});
    benchmark::DoNotOptimize(ids->data());
  }
}
BENCHMARK(BM_IndexSelectNewRegex)->Apply(BM_IndexSelectPlain);

// Counting as `cardinality` does: half of the series are in the range, a tenth are new.
void count(benchmark::State& state, bool metrics) {
  const Built& it = built(static_cast<std::size_t>(state.range(0)));
  ::Roaring in;
  ::Roaring fresh;
  for (std::uint32_t id = 1; id <= it.canonical.size(); ++id) {
    if (id % 2 == 0) in.add(id);
    if (id % 10 == 0) fresh.add(id);
  }
  const std::vector<const ::Roaring*> sets = {&in, &in, &fresh, &fresh};
  std::size_t rows = 0;
  for (auto _ : state) {
    rows = it.index->count_labels(metrics ? "__name__" : "", sets, nullptr).size();
    benchmark::DoNotOptimize(rows);
  }
  state.counters["rows"] = static_cast<double>(rows);
}
void BM_IndexCountMetrics(benchmark::State& state) { count(state, true); }
void BM_IndexCountLabels(benchmark::State& state) { count(state, false); }
BENCHMARK(BM_IndexCountMetrics)->Apply(BM_IndexSelectPlain);
BENCHMARK(BM_IndexCountLabels)->Apply(BM_IndexSelectPlain);

}  // namespace
}  // namespace hygge::storage
