// info(v, {…}): labels of info metrics (target_info and the like) come to the series of v that
// describe the same instance and job.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "model/canonical.h"
#include "model/regex.h"
#include "model/selector_parser.h"
#include "promql/evaluator.h"
#include "promql/grouping.h"

namespace hygge::promql {

namespace {

constexpr std::string_view kIdentifying[] = {"instance", "job"};

Labels identity(const Labels& labels) {
  Labels result;
  for (const std::string_view name : kIdentifying) result.set(name, labels.get(name));
  return result;
}

class Info {
 public:
  Info(Evaluator& evaluator, const Node& node)
      : evaluator_(evaluator),
        node_(node),
        call_(std::get<Call>(node.form)),
        selector_(std::get<VectorSelector>(bare(*call_.arguments[1]).form).selector),
        infos_(evaluator.query().budget),
        out_(evaluator.query().budget) {
    for (const Matcher& matcher : selector_.matchers) {
      if (matcher.name == kNameLabel) {
        names_.push_back({&matcher, LabelRegex::compile(matcher.value)});
      } else {
        wanted_.push_back(matcher.name);
        all_match_empty_ = all_match_empty_ && matches_empty(matcher);
      }
    }
  }

  Result<void> run(const RowSink& sink) {
    if (auto read = read_infos(); !read) return read;
    auto done = evaluator_.rows(*call_.arguments[0], [&](Row& row) { return enrich(row); });
    if (!done) return done;
    if (auto merged = merge_equal(out_.rows, node_); !merged) return merged;
    for (Row& row : out_.rows) {
      if (auto taken = sink(row); !taken) return taken;
    }
    return {};
  }

 private:
  struct NameMatcher {
    const Matcher* matcher;
    Result<LabelRegex> regex;  // of the two operators that have one
  };

  // Rows of info series: their samples' times are all that counts.
  Result<void> read_infos() {
    auto done = selector_time_rows(evaluator_, bare(*call_.arguments[1]),
                                   [&](Row& row) { return keep(infos_, std::move(row), node_); });
    if (!done) return done;
    for (std::size_t i = 0; i < infos_.rows.size(); ++i) {
      const Labels& labels = infos_.rows[i].labels;
      const Labels key = identity(labels);
      if (!key.empty()) by_identity_[canonical(key)][std::string(labels.metric())].push_back(i);
    }
    return {};
  }

  [[nodiscard]] bool is_info_metric(const Labels& labels) const {
    const std::string_view name = labels.metric();
    return std::all_of(names_.begin(), names_.end(), [&](const NameMatcher& one) {
      switch (one.matcher->op) {
        case MatchOp::equal:
          return name == one.matcher->value;
        case MatchOp::not_equal:
          return name != one.matcher->value;
        default:
          return one.regex && one.regex->matches(name) == (one.matcher->op == MatchOp::regex);
      }
    });
  }

  Result<void> enrich(Row& row) {
    if (is_info_metric(row.labels)) return keep(out_, std::move(row), node_);
    const auto at = by_identity_.find(canonical(identity(row.labels)));
    // Each choice of info series, one of each metric, makes a series of its own.
    std::map<std::vector<std::size_t>, Row> parts;
    std::optional<Error> conflict;
    row.valid.for_each([&](std::size_t step) {
      if (conflict) return;
      std::vector<std::size_t> chosen;
      if (at != by_identity_.end()) {
        for (const auto& [name, candidates] : at->second) {
          auto newest = newest_at(candidates, step);
          if (!newest) {
            conflict = newest.error();
            return;
          }
          if (*newest) chosen.push_back(**newest);
        }
      }
      if (chosen.empty() && !all_match_empty_) return;
      auto [part, is_new] = parts.try_emplace(std::move(chosen));
      if (is_new) part->second.reset(evaluator_.steps());
      part->second.set(step, row.v[step]);
    });
    if (conflict) return tl::unexpected(std::move(*conflict));
    for (auto& [chosen, part] : parts) {
      auto labels = with_infos(row.labels, chosen);
      if (!labels) return tl::unexpected(std::move(labels.error()));
      part.labels = std::move(*labels);
      part.drop_name = row.drop_name;
      if (auto kept = keep(out_, std::move(part), node_); !kept) return kept;
    }
    return {};
  }

  // Of several info series the one with the newest sample.
  Result<std::optional<std::size_t>> newest_at(const std::vector<std::size_t>& candidates,
                                               std::size_t step) const {
    std::optional<std::size_t> best;
    for (const std::size_t i : candidates) {
      const Row& row = infos_.rows[i];
      if (!row.valid.test(step)) continue;
      if (best && infos_.rows[*best].v[step] == row.v[step]) {
        return evaluator_.error(
            node_, fmt::format("found duplicate series for info metric: {} and {} @ {}",
                               to_string(infos_.rows[*best].labels), to_string(row.labels),
                               static_cast<std::int64_t>(row.v[step] * 1000)));
      }
      if (!best || infos_.rows[*best].v[step] < row.v[step]) best = i;
    }
    return best;
  }

  [[nodiscard]] Result<Labels> with_infos(const Labels& base,
                                          const std::vector<std::size_t>& chosen) const {
    Labels added;
    for (const std::size_t i : chosen) {
      for (const Label& label : infos_.rows[i].labels) {
        const bool wanted = wanted_.empty() ||
                            std::find(wanted_.begin(), wanted_.end(), label.name) != wanted_.end();
        if (label.name == kNameLabel || !wanted) continue;
        const std::string_view other = added.get(label.name);
        if (!other.empty() && other != label.value) {
          return evaluator_.error(node_, "conflicting label: " + label.name);
        }
        if (base.get(label.name).empty()) added.set(label.name, label.value);
      }
    }
    Labels result = base;
    for (const Label& label : added) result.set(label.name, label.value);
    return result;
  }

  Evaluator& evaluator_;
  const Node& node_;
  const Call& call_;
  const Selector& selector_;
  std::vector<NameMatcher> names_;
  std::vector<std::string> wanted_;  // labels to bring; empty: all
  bool all_match_empty_ = true;
  RowSet infos_;
  RowSet out_;
  // By identifying labels, then by metric: indices into infos_.
  std::unordered_map<std::string, std::map<std::string, std::vector<std::size_t>>> by_identity_;
};

}  // namespace

Result<void> info_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  return Info(evaluator, node).run(sink);
}

}  // namespace hygge::promql
