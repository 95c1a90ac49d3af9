// db diff: what differs between two databases, by series and range of time.
#include <fmt/format.h>
#include <hygge/db.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "house.h"
#include "json.h"

namespace hygge::command {

namespace {

// From here on the differences of a series are one range, so that two databases that differ
// everywhere have an answer that is no larger than their list of series.
constexpr std::size_t kRangesPerSeries = 100;

// A run of samples that the two do not have alike. Times are those of its first and last sample.
struct Run {
  TimeMs from_ms = 0;
  TimeMs to_ms = 0;
  std::uint64_t samples_a = 0;
  std::uint64_t samples_b = 0;
};

// One series' samples in one database, one after the other.
class Walk {
 public:
  Walk() = default;
  explicit Walk(const Series& series) : blocks_(series.blocks()) { settle(); }

  [[nodiscard]] bool done() const noexcept { return block_ == nullptr; }
  [[nodiscard]] TimeMs t() const noexcept { return block_->t[at_]; }
  [[nodiscard]] double v() const noexcept { return block_->v[at_]; }
  void next() {
    ++at_;
    settle();
  }
  [[nodiscard]] const Error* error() const noexcept { return blocks_ ? blocks_->error() : nullptr; }

 private:
  void settle() {
    while (blocks_ && (block_ == nullptr || at_ == block_->t.size())) {
      block_ = blocks_->next();
      at_ = 0;
      if (block_ == nullptr) return;
    }
  }

  std::optional<BlockCursor> blocks_;
  const Block* block_ = nullptr;
  std::size_t at_ = 0;
};

class Runs {
 public:
  void same() noexcept { open_ = false; }
  void differ(TimeMs t_ms, bool in_a, bool in_b) {
    if (!open_ && runs_.size() < kRangesPerSeries) runs_.push_back({t_ms, t_ms, 0, 0});
    open_ = true;
    Run& run = runs_.back();
    run.to_ms = t_ms;
    run.samples_a += in_a ? 1 : 0;
    run.samples_b += in_b ? 1 : 0;
  }
  [[nodiscard]] std::vector<Run>& get() noexcept { return runs_; }

 private:
  std::vector<Run> runs_;
  bool open_ = false;
};

bool same_value(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Both in step, a block of each in memory.
Result<std::vector<Run>> compare(const Series* a, const Series* b) {
  Walk in_a = a != nullptr ? Walk(*a) : Walk();
  Walk in_b = b != nullptr ? Walk(*b) : Walk();
  Runs runs;
  while (!in_a.done() || !in_b.done()) {
    const bool take_a = !in_a.done() && (in_b.done() || in_a.t() <= in_b.t());
    const bool take_b = !in_b.done() && (in_a.done() || in_b.t() <= in_a.t());
    if (take_a && take_b && same_value(in_a.v(), in_b.v())) {
      runs.same();
    } else {
      runs.differ(take_a ? in_a.t() : in_b.t(), take_a, take_b);
    }
    if (take_a) in_a.next();
    if (take_b) in_b.next();
  }
  for (const Walk* walk : {&in_a, &in_b}) {
    if (const Error* error = walk->error()) return tl::unexpected<Error>(*error);
  }
  return std::move(runs.get());
}

std::string_view what_of(const Run& run) {
  if (run.samples_b == 0) return "only in A";
  return run.samples_a == 0 ? "only in B" : "differs";
}

// Rows as they are found, in the shape that was asked for.
class Report {
 public:
  explicit Report(Context& context)
      : context_(context),
        table_({{"series", false, true, 0},
                {"what", false, false, 0},
                {"from", false, false, 2},
                {"to", false, false, 2},
                {"samples_a", true, false, 1},
                {"samples_b", true, false, 1}}) {}

  Result<void> begin() {
    if (!json()) return {};
    return context_.out().write("{\"schema\":\"hygge.diff/1\",\"ranges\":[");
  }

  Result<void> add(const Labels& labels, const Run& run) {
    ++ranges_;
    if (context_.format() != "json" && context_.format() != "jsonl") {
      table_.add({to_string(labels), std::string(what_of(run)), context_.time(run.from_ms),
                  context_.time(run.to_ms), std::to_string(run.samples_a),
                  std::to_string(run.samples_b)});
      return {};
    }
    Json out;
    out.open('{').key("labels").open('{');
    for (const Label& label : labels) out.member(label.name, label.value);
    out.close('}').member("what", what_of(run)).member("from", run.from_ms);
    out.member("to", run.to_ms).member("samples_a", run.samples_a);
    out.member("samples_b", run.samples_b).close('}');
    return write_item(out.out(), ranges_ > 1);
  }

  void add_metadata(const std::string& family, const Metadata* a, const Metadata* b) {
    ++families_;
    const std::string what = b == nullptr   ? "metadata only in A"
                             : a == nullptr ? "metadata only in B"
                                            : "metadata differs";
    if (!json()) {
      table_.add({family, what, "", "", "", ""});
      return;
    }
    metadata_json_ += metadata_json_.empty() ? "" : ",";
    Json out;
    out.open('{').member("metric", family).member("what", what).close('}');
    metadata_json_ += out.out();
  }

  void count(bool in_a, bool in_b, bool differ) {
    if (!differ) {
      ++equal_;
    } else {
      ++(!in_b ? only_a_ : !in_a ? only_b_ : both_);
    }
  }

  Result<int> finish() {
    const bool same = ranges_ == 0 && families_ == 0;
    if (json()) {
      Json series;
      series.open('{').member("equal", equal_).member("differ", both_).member("only_a", only_a_);
      series.member("only_b", only_b_).close('}');
      auto wrote =
          context_.out().write(fmt::format("],\"metadata\":[{}],\"series\":{},\"equal\":{}}}\n",
                                           metadata_json_, series.out(), same));
      if (!wrote) return tl::unexpected<Error>(wrote.error());
    } else if (table_.size() > 0) {
      if (auto wrote = context_.write_table(table_); !wrote) {
        return tl::unexpected<Error>(wrote.error());
      }
    }
    context_.note(same ? fmt::format("no difference in {} series", equal_)
                       : fmt::format("{} series differ, {} only in A, {} only in B, {} are equal",
                                     both_, only_a_, only_b_, equal_));
    return same ? 0 : 1;
  }

 private:
  [[nodiscard]] bool json() const { return context_.format() == "json"; }

  Result<void> write_item(const std::string& text, bool separate) {
    if (!json()) return context_.out().write(text + "\n");
    return context_.out().write((separate ? "," : "") + text);
  }

  Context& context_;
  Table table_;
  std::string metadata_json_;
  std::uint64_t ranges_ = 0, families_ = 0, equal_ = 0, both_ = 0, only_a_ = 0, only_b_ = 0;
};

std::vector<const Series*> sorted(const View& view) {
  std::vector<const Series*> out;
  for (const Series& series : view.series(0)) out.push_back(&series);
  std::sort(out.begin(), out.end(),
            [](const Series* a, const Series* b) { return a->labels() < b->labels(); });
  return out;
}

Result<void> compare_series(const View& a, const View& b, Report& report) {
  const std::vector<const Series*> in_a = sorted(a);
  const std::vector<const Series*> in_b = sorted(b);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < in_a.size() || j < in_b.size()) {
    const Series* left = i < in_a.size() ? in_a[i] : nullptr;
    const Series* right = j < in_b.size() ? in_b[j] : nullptr;
    if (left != nullptr && right != nullptr) {
      const auto order = left->labels() <=> right->labels();
      if (order < 0) right = nullptr;
      if (order > 0) left = nullptr;
    }
    const auto runs = compare(left, right);
    if (!runs) return tl::unexpected<Error>(runs.error());
    const Labels& labels = left != nullptr ? left->labels() : right->labels();
    for (const Run& run : *runs) {
      if (auto added = report.add(labels, run); !added) return added;
    }
    // Without a sample in the range, a series is there in neither.
    if (!runs->empty() || (left != nullptr && right != nullptr)) {
      report.count(left != nullptr, right != nullptr, !runs->empty());
    }
    i += left != nullptr ? 1 : 0;
    j += right != nullptr ? 1 : 0;
  }
  return {};
}

void compare_metadata(const Db& a, const Db& b, Report& report) {
  const std::map<std::string, Metadata> in_a = a.metadata();
  const std::map<std::string, Metadata> in_b = b.metadata();
  for (const auto& [family, metadata] : in_a) {
    const auto at = in_b.find(family);
    if (at == in_b.end()) {
      report.add_metadata(family, &metadata, nullptr);
    } else if (at->second != metadata) {
      report.add_metadata(family, &metadata, &at->second);
    }
  }
  for (const auto& [family, metadata] : in_b) {
    if (!in_a.contains(family)) report.add_metadata(family, nullptr, &metadata);
  }
}

}  // namespace

Result<int> run_db_diff(Context& context) {
  const std::vector<std::string>& words = context.arguments().values;
  auto a = Db::open_read_only(words[0]);
  if (!a) return tl::unexpected<Error>(a.error());
  auto b = Db::open_read_only(words[1]);
  if (!b) return tl::unexpected<Error>(b.error());
  const bool narrowed = words.size() > 2 || context.arguments().has("range");
  Result<Selector> wanted = Selector{};
  if (words.size() > 2) {
    context.set_expression(words[2]);
    wanted = selector(words[2]);
  }
  if (!wanted) return tl::unexpected<Error>(wanted.error());
  const auto range = context.range(*a, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  const auto view_a = a->view({*wanted}, *range);
  if (!view_a) return tl::unexpected<Error>(view_a.error());
  const auto view_b = b->view({*wanted}, *range);
  if (!view_b) return tl::unexpected<Error>(view_b.error());
  Report report(context);
  if (auto begun = report.begin(); !begun) return tl::unexpected<Error>(begun.error());
  if (auto compared = compare_series(*view_a, *view_b, report); !compared) {
    return tl::unexpected<Error>(compared.error());
  }
  if (!narrowed) compare_metadata(*a, *b, report);
  return report.finish();
}

}  // namespace hygge::command
