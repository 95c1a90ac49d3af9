// Expressions as text, in the form that people write.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string>

#include "model/quote.h"
#include "promql/ast.h"
#include "promql/functions.h"

namespace hygge::promql {

namespace {

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Inf" : "-Inf";
  return fmt::format("{}", value);
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string label_list(const std::vector<std::string>& labels) {
  std::string out = "(";
  for (const std::string& label : labels) {
    if (out.size() > 1) out += ", ";
    out += is_label_name(label) ? label : quoted(label);
  }
  return out + ")";
}

std::string duration_text(const Duration& duration) {
  return duration.text.empty() ? format_duration(duration.ms) : duration.text;
}

// A selector without a name in front of its braces.
std::string braces(const Selector& selector) {
  constexpr std::string_view kMatchOperators[] = {"=", "!=", "=~", "!~"};
  std::string out;
  for (const Matcher& matcher : selector.matchers) {
    if (!out.empty()) out += ',';
    out += is_label_name(matcher.name) ? matcher.name : quoted(matcher.name);
    out += kMatchOperators[static_cast<std::size_t>(matcher.op)];
    out += quoted(matcher.value);
  }
  return "{" + out + "}";
}

std::string shift_text(const TimeShift& shift) {
  std::string out;
  switch (shift.pin) {
    case TimeShift::Pin::none:
      break;
    case TimeShift::Pin::time: {
      const std::uint64_t magnitude = shift.pin_ms < 0
                                          ? 0U - static_cast<std::uint64_t>(shift.pin_ms)
                                          : static_cast<std::uint64_t>(shift.pin_ms);
      out = fmt::format(" @ {}{}.{:03}", shift.pin_ms < 0 ? "-" : "", magnitude / 1000,
                        magnitude % 1000);
      break;
    }
    case TimeShift::Pin::start:
      out = " @ start()";
      break;
    case TimeShift::Pin::end:
      out = " @ end()";
      break;
  }
  if (shift.has_offset) out += " offset " + duration_text(shift.offset);
  if (shift.edges == Edges::anchored) out += " anchored";
  if (shift.edges == Edges::smoothed) out += " smoothed";
  return out;
}

struct Printer {
  std::string operator()(const NumberLiteral& form) const { return number_text(form.value); }
  std::string operator()(const StringLiteral& form) const { return quoted(form.value); }
  std::string operator()(const VectorSelector& form) const {
    return hygge::to_string(form.selector) + shift_text(form.shift);
  }
  std::string operator()(const MatrixSelector& form) const {
    return fmt::format("{}[{}]{}", hygge::to_string(form.selector), duration_text(form.range),
                       shift_text(form.shift));
  }
  std::string operator()(const Subquery& form) const {
    return fmt::format("{}[{}:{}]{}", to_text(*form.child), duration_text(form.range),
                       form.step == Duration() ? "" : duration_text(form.step),
                       shift_text(form.shift));
  }
  std::string operator()(const Call& form) const {
    std::string out(form.function->name);
    out += '(';
    const bool info = form.function->kind == FunctionKind::info;
    for (std::size_t i = 0; i < (info ? 1 : form.arguments.size()); ++i) {
      if (i > 0) out += ", ";
      out += to_text(*form.arguments[i]);
    }
    if (form.written_selector) {
      out += ", " + braces(std::get<VectorSelector>(form.written_selector->form).selector);
    }
    return out + ")";
  }
  std::string operator()(const Aggregation& form) const {
    std::string out(to_string(form.op));
    if (form.without || !form.labels.empty()) {
      out += (form.without ? " without " : " by ") + label_list(form.labels) + " ";
    }
    out += '(';
    if (form.parameter) out += to_text(*form.parameter) + ", ";
    return out + to_text(*form.child) + ")";
  }
  std::string operator()(const Unary& form) const {
    return (form.negative ? "-" : "+") + to_text(*form.child);
  }
  std::string operator()(const Binary& form) const {
    std::string out = to_text(*form.left);
    out += fmt::format(" {}", to_string(form.op));
    if (form.return_bool) out += " bool";
    const Matching& matching = form.matching;
    if (matching.written) {
      out += (matching.on ? " on " : " ignoring ") + label_list(matching.labels);
      if (matching.cardinality == Cardinality::many_to_one) {
        out += " group_left " + label_list(matching.include);
      } else if (matching.cardinality == Cardinality::one_to_many) {
        out += " group_right " + label_list(matching.include);
      }
    }
    if (matching.fill_left && matching.fill_right &&
        same(*matching.fill_left, *matching.fill_right)) {
      out += fmt::format(" fill ({})", number_text(*matching.fill_left));
    } else {
      if (matching.fill_left)
        out += fmt::format(" fill_left ({})", number_text(*matching.fill_left));
      if (matching.fill_right)
        out += fmt::format(" fill_right ({})", number_text(*matching.fill_right));
    }
    return out + " " + to_text(*form.right);
  }
  std::string operator()(const Paren& form) const { return "(" + to_text(*form.child) + ")"; }
  std::string operator()(const Let& form) const {
    std::string out;
    for (const Let::Binding& one : form.bindings) {
      out += fmt::format("let {} = {}; ", one.name, to_text(*one.value));
    }
    return out + to_text(*form.body);
  }
  std::string operator()(const Reference& form) const { return form.name; }
};

}  // namespace

std::string_view to_string(AggregateOp op) noexcept {
  constexpr std::string_view kNames[] = {"sum",     "avg",          "min",    "max",        "count",
                                         "group",   "stddev",       "stdvar", "quantile",   "topk",
                                         "bottomk", "count_values", "limitk", "limit_ratio"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string_view to_string(BinaryOp op) noexcept {
  constexpr std::string_view kNames[] = {"+", "-",  "*", "/",  "%",  "^",  "atan2", "==", "!=",
                                         "<", "<=", ">", ">=", "</", ">/", "and",   "or", "unless"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string to_text(const Node& node) { return std::visit(Printer{}, node.form); }

const Node& bare(const Node& node) noexcept {
  const Node* at = &node;
  for (;;) {
    if (const auto* paren = std::get_if<Paren>(&at->form)) {
      at = paren->child.get();
    } else if (const auto* let = std::get_if<Let>(&at->form)) {
      at = let->body.get();
    } else if (const auto* reference = std::get_if<Reference>(&at->form)) {
      at = reference->target;
    } else {
      return *at;
    }
  }
}

}  // namespace hygge::promql
