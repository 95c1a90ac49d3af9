#include "promql/profile.h"

#include <algorithm>
#include <utility>

namespace hygge::promql {

namespace {

struct Children {
  std::vector<const Node*> all;

  void operator()(const NumberLiteral& /*form*/) {}
  void operator()(const StringLiteral& /*form*/) {}
  void operator()(const VectorSelector& /*form*/) {}
  void operator()(const MatrixSelector& /*form*/) {}
  void operator()(const Reference& /*form*/) {}
  void operator()(const Subquery& form) { all.push_back(form.child.get()); }
  void operator()(const Unary& form) { all.push_back(form.child.get()); }
  void operator()(const Paren& form) { all.push_back(form.child.get()); }
  void operator()(const Call& form) {
    for (const NodePtr& argument : form.arguments) all.push_back(argument.get());
  }
  void operator()(const Aggregation& form) {
    if (form.parameter) all.push_back(form.parameter.get());
    all.push_back(form.child.get());
  }
  void operator()(const Binary& form) {
    all.push_back(form.left.get());
    all.push_back(form.right.get());
  }
  void operator()(const Let& form) {
    for (const Let::Binding& one : form.bindings) all.push_back(one.value.get());
    all.push_back(form.body.get());
  }
};

bool is_literal(const Node& node) {
  return std::holds_alternative<NumberLiteral>(node.form) ||
         std::holds_alternative<StringLiteral>(node.form);
}

}  // namespace

void Profile::count_row(std::uint64_t points) {
  Counts& counts = counts_[current_];
  ++counts.series;
  counts.points += points;
}

void Profile::count_samples(std::uint64_t samples) { counts_[current_].samples += samples; }

void Profile::count_cells(std::uint64_t cells) { counts_[current_].cells += cells; }

void Profile::count_skipped(std::uint64_t samples) { counts_[current_].skipped += samples; }

void Profile::say_tier(std::string tier) { counts_[current_].tier = std::move(tier); }

void Profile::hand_to(const Node* node) {
  const Clock::time_point now = Clock::now();
  Counts& counts = counts_[current_];
  counts.time += now - since_;
  counts.bytes = std::max(counts.bytes, budget_.bytes());
  since_ = now;
  current_ = node;
}

std::vector<NodeStats> Profile::nodes(const Node& root) {
  std::vector<NodeStats> result;
  list(root, 0, result);
  return result;
}

void Profile::list(const Node& node, std::uint32_t depth, std::vector<NodeStats>& into) const {
  if (is_literal(node)) return;
  const bool shown = !std::holds_alternative<Paren>(node.form);
  if (shown) {
    NodeStats stats;
    stats.text = to_text(node);
    stats.depth = depth;
    if (const auto at = counts_.find(&node); at != counts_.end()) {
      const Counts& counts = at->second;
      stats.series = counts.series;
      stats.points = counts.points;
      stats.samples = counts.samples;
      stats.cells = counts.cells;
      stats.skipped = counts.skipped;
      stats.tier = counts.tier;
      stats.ms = std::chrono::duration<double, std::milli>(counts.time).count();
      stats.bytes = counts.bytes;
    }
    into.push_back(std::move(stats));
  }
  Children children;
  std::visit(children, node.form);
  for (const Node* child : children.all) list(*child, depth + (shown ? 1 : 0), into);
}

}  // namespace hygge::promql
