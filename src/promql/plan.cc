#include "promql/plan.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "promql/functions.h"

namespace hygge::promql {

namespace {

// Which parts are the same at all steps.
class Invariants {
 public:
  explicit Invariants(std::unordered_set<const Node*>& found) noexcept : found_(found) {}

  void look(const Node& root) { static_cast<void>(visit(root)); }

 private:
  // Whether a part is the same at all steps, and whether it reads samples: folding numbers saves
  // nothing.
  struct Part {
    bool same = true;
    bool reads = false;

    Part& operator+=(const Part& other) {
      same = same && other.same;
      reads = reads || other.reads;
      return *this;
    }
  };

  Part visit(const Node& node) {
    const Part part = std::visit([&](const auto& form) { return visit_form(form); }, node.form);
    if (part.same && part.reads) found_.insert(&node);
    return part;
  }
  static bool is_pinned(const TimeShift& shift) { return shift.pin != TimeShift::Pin::none; }

  Part visit_form(const NumberLiteral& /*form*/) { return {}; }
  Part visit_form(const StringLiteral& /*form*/) { return {}; }
  Part visit_form(const VectorSelector& form) { return {is_pinned(form.shift), true}; }
  Part visit_form(const MatrixSelector& form) { return {is_pinned(form.shift), true}; }
  Part visit_form(const Subquery& form) {
    // Where it is pinned its own steps are, whatever its child does with them.
    visit(*form.child);
    return {is_pinned(form.shift), true};
  }
  Part visit_form(const Call& form) {
    Part part{!asks_for_the_step(form), false};
    for (const NodePtr& argument : form.arguments) part += visit(*argument);
    return part;
  }
  Part visit_form(const Aggregation& form) {
    Part part = visit(*form.child);
    if (form.parameter) part += visit(*form.parameter);
    return part;
  }
  Part visit_form(const Unary& form) { return visit(*form.child); }
  Part visit_form(const Paren& form) { return visit(*form.child); }
  Part visit_form(const Binary& form) {
    Part part = visit(*form.left);
    part += visit(*form.right);
    return part;
  }
  // What a name stands for is evaluated once in any case.
  Part visit_form(const Let& form) {
    visit(*form.body);
    return {false, true};
  }
  Part visit_form(const Reference& /*form*/) { return {false, true}; }

  static bool asks_for_the_step(const Call& call) {
    switch (call.function->kind) {
      case FunctionKind::time:
      case FunctionKind::info:        // reads its info metrics at each step
      case FunctionKind::topk_range:  // adds up over the steps
        return true;
      case FunctionKind::timestamp:  // of what is no selector, the step's
        return !std::holds_alternative<VectorSelector>(bare(*call.arguments[0]).form);
      case FunctionKind::date:
        return call.arguments.empty() || call.arguments[0]->type == ValueType::string;
      default:
        return call.function->name == "predict_linear";
    }
  }

  std::unordered_set<const Node*>& found_;
};

class Planner {
 public:
  explicit Planner(const PlanSettings& settings) : settings_(settings) {}

  Plan plan(const Node& root) {
    visit(root, {settings_.query.start_ms, settings_.query.step_ms, settings_.query.count()});
    merge();
    Invariants(plan_.same_at_all_steps).look(root);
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
    if (!form.parameter && !form.without && form.labels.empty()) into_one_group(*form.child);
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

  // The rows of a selector, or of a function of its windows: these tell by the name whether the
  // series may be a counter.
  void into_one_group(const Node& child) {
    const Node* node = &bare(child);
    if (const auto* call = std::get_if<Call>(&node->form)) {
      if (call->function->kind != FunctionKind::range) return;
      for (const NodePtr& argument : call->arguments) {
        if (argument->type == ValueType::matrix) node = &bare(*argument);
      }
    }
    const Selector* selector = nullptr;
    if (const auto* vector = std::get_if<VectorSelector>(&node->form)) selector = &vector->selector;
    if (const auto* matrix = std::get_if<MatrixSelector>(&node->form)) selector = &matrix->selector;
    if (selector == nullptr) return;
    for (const Matcher& matcher : selector->matchers) {
      if (matcher.name != kNameLabel || matcher.op != MatchOp::equal) continue;
      Labels name;
      name.set(kNameLabel, matcher.value);
      plan_.name_suffices.emplace(node, std::move(name));
      return;
    }
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
      plan_.range_of[need.node] = need.range;
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
