#include "promql/plan.h"

#include <algorithm>
#include <utility>

namespace hygge::promql {

namespace {

class Planner {
 public:
  explicit Planner(const PlanSettings& settings) : settings_(settings) {}

  Plan plan(const Node& root) {
    visit(root, {settings_.query.start_ms, settings_.query.step_ms, settings_.query.count()});
    merge();
    return std::move(plan_);
  }

 private:
  struct Need {
    const Node* node;
    const Selector* selector;
    TimeRange range;
  };

  void need(const Node& node, const Selector& selector, const Grid& grid, const TimeShift& shift,
            DurationMs window_ms) {
    const Grid looking = shifted_grid(grid, shift, settings_.query);
    const TimeRange range{looking.start_ms - window_ms, looking.last()};
    // A node that a let binds is read for each use of it.
    for (Need& earlier : needs_) {
      if (earlier.node != &node) continue;
      earlier.range.after = std::min(earlier.range.after, range.after);
      earlier.range.until = std::max(earlier.range.until, range.until);
      return;
    }
    needs_.push_back({&node, &selector, range});
  }

  void visit(const Node& node, const Grid& grid) {
    std::visit([&](const auto& form) { visit_form(node, form, grid); }, node.form);
  }
  void visit_form(const Node& /*node*/, const NumberLiteral& /*form*/, const Grid& /*grid*/) {}
  void visit_form(const Node& /*node*/, const StringLiteral& /*form*/, const Grid& /*grid*/) {}
  void visit_form(const Node& node, const VectorSelector& form, const Grid& grid) {
    need(node, form.selector, grid, form.shift, settings_.lookback_ms);
  }
  void visit_form(const Node& node, const MatrixSelector& form, const Grid& grid) {
    need(node, form.selector, grid, form.shift, form.range.ms);
  }
  void visit_form(const Node& /*node*/, const Subquery& form, const Grid& grid) {
    const DurationMs step = form.step.ms == 0 ? settings_.subquery_step_ms : form.step.ms;
    const Grid inner =
        subquery_grid(shifted_grid(grid, form.shift, settings_.query), form.range.ms, step);
    if (inner.count > 0) visit(*form.child, inner);
  }
  void visit_form(const Node& /*node*/, const Call& form, const Grid& grid) {
    for (const NodePtr& argument : form.arguments) visit(*argument, grid);
  }
  void visit_form(const Node& /*node*/, const Aggregation& form, const Grid& grid) {
    if (form.parameter) visit(*form.parameter, grid);
    visit(*form.child, grid);
  }
  void visit_form(const Node& /*node*/, const Unary& form, const Grid& grid) {
    visit(*form.child, grid);
  }
  void visit_form(const Node& /*node*/, const Binary& form, const Grid& grid) {
    visit(*form.left, grid);
    visit(*form.right, grid);
  }
  void visit_form(const Node& /*node*/, const Paren& form, const Grid& grid) {
    visit(*form.child, grid);
  }
  // A binding is read where it is used: there its steps are known.
  void visit_form(const Node& /*node*/, const Let& form, const Grid& grid) {
    visit(*form.body, grid);
  }
  void visit_form(const Node& /*node*/, const Reference& form, const Grid& grid) {
    visit(*form.target, grid);
  }

  // Ranges that overlap become one; a far offset stays on its own, so that what lies between is not
  // read.
  void merge() {
    std::stable_sort(needs_.begin(), needs_.end(),
                     [](const Need& a, const Need& b) { return a.range.after < b.range.after; });
    for (const Need& need : needs_) {
      auto slot = std::find_if(plan_.slots.begin(), plan_.slots.end(), [&](const Plan::Slot& s) {
        return s.request.selector == *need.selector && need.range.after <= s.request.range.until;
      });
      if (slot == plan_.slots.end()) {
        slot = plan_.slots.insert(slot, {{*need.selector, need.range}, 0});
      }
      slot->request.range.until = std::max(slot->request.range.until, need.range.until);
      ++slot->uses;
      plan_.slot_of[need.node] = static_cast<std::size_t>(slot - plan_.slots.begin());
    }
  }

  const PlanSettings& settings_;
  Plan plan_;
  std::vector<Need> needs_;
};

}  // namespace

Plan make_plan(const Node& root, const PlanSettings& settings) {
  return Planner(settings).plan(root);
}

Grid shifted_grid(const Grid& grid, const TimeShift& shift, const Steps& query) {
  Grid result = grid;
  switch (shift.pin) {
    case TimeShift::Pin::none:
      break;
    case TimeShift::Pin::time:
      result = {shift.pin_ms, 0, 1};
      break;
    case TimeShift::Pin::start:
      result = {query.start_ms, 0, 1};
      break;
    case TimeShift::Pin::end:
      result = {query.end_ms, 0, 1};
      break;
  }
  return result.shifted(shift.offset.ms);
}

Grid subquery_grid(const Grid& windows, DurationMs range_ms, DurationMs step_ms) {
  const TimeMs after = windows.start_ms - range_ms;
  TimeMs quotient = after / step_ms;
  if (after % step_ms < 0) --quotient;
  const TimeMs first = (quotient + 1) * step_ms;
  if (first > windows.last()) return {first, step_ms, 0};
  return {first, step_ms, static_cast<std::size_t>((windows.last() - first) / step_ms) + 1};
}

}  // namespace hygge::promql
