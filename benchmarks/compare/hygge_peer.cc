// hygge doing the work of work.h.
#include <hygge/db.h>
#include <hygge/window.h>

#include <filesystem>
#include <utility>

#include "benchmarks/compare/work.h"

namespace hygge::bench {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) give_up(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::vector<SeriesId> ids_of(Db& db, const Host& host) {
  std::vector<SeriesId> out;
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
    std::vector<Label> labels;
    for (auto& [name, value] : host.labels(i)) labels.push_back({name, value});
    out.push_back(must(db.series(must(Labels::from(std::move(labels))))));
  }
  return out;
}

std::uint64_t append(Db& db, const Work& work) {
  std::vector<Host> hosts = make_hosts(work.load);
  std::vector<std::vector<SeriesId>> ids;
  for (const Host& host : hosts) ids.push_back(ids_of(db, host));
  Batch batch;
  std::uint64_t samples = 0;
  const auto write = [&] {
    samples += must(db.write(batch)).samples;
    batch.clear();
  };
  for (std::int64_t k = 0; k < work.load.scrapes(); ++k) {
    for (std::size_t h = 0; h < hosts.size(); ++h) {
      const Host::Scrape scrape = hosts[h].scrape(k);
      for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
        batch.add(ids[h][i], scrape.t_ms, scrape.values[i]);
      }
      if (batch.size() >= kBatchSamples) write();
    }
  }
  write();
  must(db.compact());
  return samples;
}

Digest scan(const Db& db) {
  Digest out;
  const View view = must(db.view({selector("{__name__=~\".+\"}").value()}, everything()));
  for (const Series& series : view.series(0)) {
    BlockCursor blocks = series.blocks();
    while (const Block* block = blocks.next()) {
      out.values += block->v.size();
      for (const double v : block->v) out.sum += v;
    }
    if (const Error* error = blocks.error()) give_up(error->message);
  }
  return out;
}

Selector selector_of(const Question& question) {
  Selector out;
  std::string metrics(question.metrics);
  if (metrics.back() == '*') {
    out.matchers.push_back(
        {"__name__", MatchOp::regex, metrics.substr(0, metrics.size() - 1) + ".*"});
  } else {
    out.matchers.push_back({"__name__", MatchOp::equal, metrics});
  }
  if (question.hosts < 0) out.matchers.push_back({"instance", MatchOp::equal, "task-7"});
  if (question.hosts > 0) {
    std::string any;
    for (int h = 0; h < question.hosts; ++h) {
      any += (h > 0 ? "|task-" : "task-") + std::to_string(h);
    }
    out.matchers.push_back({"instance", MatchOp::regex, any});
  }
  return out;
}

Window window_of(const Question& question) {
  const Window::Ms range(question.window_ms);
  switch (question.function) {
    case Question::Function::avg:
      return Window::avg(range);
    case Question::Function::max:
      return Window::max(range);
    case Question::Function::increase:
      break;
  }
  return Window::increase(range);
}

Digest answer(const Db& db, const Work& work, const Question& question) {
  const Window function = window_of(question);
  const Steps steps{work.start_ms() + question.window_ms, work.end_ms(), question.window_ms};
  const View view = must(db.view({selector_of(question)}, range_for(function, steps)));
  const Rows rows = must(window(view, 0, function, steps));
  Digest out;
  for (const Row& row : rows.rows) {
    for (std::size_t i = 0; i < row.v.size(); ++i) {
      if (!row.has(i)) continue;
      ++out.values;
      out.sum += row.v[i];
    }
  }
  return out;
}

void run(const Work& work) {
  constexpr std::string_view kPeer = "hygge";
  const std::string dir = work.dir + "/hygge";
  std::filesystem::remove_all(dir);
  const double generator_s = generator_cpu_s(work.load);
  Options options;
  options.create_if_missing = true;
  Db db = must(Db::open(dir, options));
  const Usage before = usage_now();
  const std::uint64_t samples = append(db, work);
  const double cpu_s = (usage_now() - before).cpu_s - generator_s;
  print_append(kPeer, samples, cpu_s, tree_bytes(dir));
  print_answer(kPeer, "scan", samples, [&] { return scan(db); });
  for (const Question& question : kQuestions) {
    print_answer(kPeer, question.name, samples, [&] { return answer(db, work, question); });
  }
}

}  // namespace
}  // namespace hygge::bench

int main(int argc, char** argv) { hygge::bench::run(hygge::bench::work_of(argc, argv)); }
