// Series in memory, as the evaluator's tests and fuzzers see them.
#pragma once

#include <hygge/labels.h>
#include <hygge/selector.h>
#include <re2/re2.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "promql/source.h"

namespace hygge::test {

class MemorySource : public promql::SeriesSource {
 public:
  void add(const Labels& labels, TimeMs t_ms, double v) { series_[labels][t_ms] = v; }
  [[nodiscard]] const std::map<Labels, std::map<TimeMs, double>>& series() const { return series_; }
  /// How often samples were read.
  [[nodiscard]] std::size_t reads() const { return reads_; }
  /// How often labels were asked for.
  [[nodiscard]] std::size_t labels_asked() const { return labels_asked_; }

  [[nodiscard]] Result<void> open(std::span<const promql::SourceRequest> requests) override {
    found_.clear();
    for (const promql::SourceRequest& request : requests) {
      auto& found = found_.emplace_back(request.range, std::vector<const Entry*>());
      for (const Entry& entry : series_) {
        if (matches(request.selector, entry.first)) found.second.push_back(&entry);
      }
    }
    return {};
  }
  [[nodiscard]] std::size_t series_count(std::size_t request) const override {
    return found_[request].second.size();
  }
  [[nodiscard]] const Labels& labels(std::size_t request, std::size_t series) const override {
    ++labels_asked_;
    return found_[request].second[series]->first;
  }
  [[nodiscard]] Result<void> read(std::size_t request, std::size_t series,
                                  SeriesSamples& into) const override {
    ++reads_;
    into = {};
    for (const auto& [t, v] : found_[request].second[series]->second) {
      if (!found_[request].first.contains(t)) continue;
      into.t.push_back(t);
      into.v.push_back(v);
    }
    return {};
  }
  [[nodiscard]] std::string why_empty(std::size_t request) const override {
    return found_[request].second.empty() ? "no such series" : "no samples in the range";
  }

 private:
  using Entry = std::pair<const Labels, std::map<TimeMs, double>>;

  static bool matches(const Selector& selector, const Labels& labels) {
    return std::all_of(selector.matchers.begin(), selector.matchers.end(), [&](const Matcher& m) {
      const std::string value(labels.get(m.name));
      RE2::Options options;
      options.set_dot_nl(true);
      switch (m.op) {
        case MatchOp::equal:
          return value == m.value;
        case MatchOp::not_equal:
          return value != m.value;
        case MatchOp::regex:
          return RE2::FullMatch(value, RE2(m.value, options));
        case MatchOp::not_regex:
          return !RE2::FullMatch(value, RE2(m.value, options));
      }
      return false;
    });
  }

  std::map<Labels, std::map<TimeMs, double>> series_;
  std::vector<std::pair<TimeRange, std::vector<const Entry*>>> found_;
  mutable std::atomic<std::size_t> reads_ = 0;
  mutable std::atomic<std::size_t> labels_asked_ = 0;
};

}  // namespace hygge::test
