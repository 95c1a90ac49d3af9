// Operators between two vectors: series find each other by signature, once for all steps.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "model/canonical.h"
#include "model/quote.h"
#include "promql/evaluator.h"
#include "promql/grouping.h"

namespace hygge::promql {

namespace {

// The labels by which series match: those of on(), or all but the name and those of ignoring().
class Signatures {
 public:
  explicit Signatures(const Matching& matching) : on_(matching.on), names_(matching.labels) {
    if (!on_) names_.emplace_back(kNameLabel);
  }
  [[nodiscard]] Labels labels(const Labels& series) const {
    return on_ ? only(series, names_) : all_but(series, names_);
  }
  [[nodiscard]] std::string key(const Labels& series) const { return canonical(labels(series)); }

 private:
  bool on_;
  std::vector<std::string> names_;
};

// As Prometheus prints a label set: the name is one of its labels.
std::string braced(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels) {
    if (out.size() > 1) out += ", ";
    out += is_label_name(label.name) ? label.name : quoted(label.name);
    out += "=" + quoted(label.value);
  }
  return out + "}";
}

Bits any_of(const std::vector<Row>& rows, std::size_t steps) {
  Bits result(steps);
  for (const Row& row : rows) result |= row.valid;
  return result;
}

Result<void> emit(std::vector<Row>& rows, const RowSink& sink) {
  for (Row& row : rows) {
    if (!row.valid.any()) continue;
    if (auto taken = sink(row); !taken) return taken;
  }
  return {};
}

// --- and, or, unless ----------------------------------------------------------------------------

Result<void> set_operation(Evaluator& evaluator, const Node& node, RowSet left, RowSet right,
                           const RowSink& sink) {
  const auto& form = std::get<Binary>(node.form);
  const Signatures signatures(form.matching);
  // `or` takes from the right what the left has not; the others restrict the left.
  const bool is_or = form.op == BinaryOp::set_or;
  std::unordered_map<std::string, Bits> present;
  for (const Row& row : is_or ? left.rows : right.rows) {
    const auto [at, is_new] =
        present.try_emplace(signatures.key(row.labels), Bits(evaluator.steps()));
    at->second |= row.valid;
  }
  for (Row& row : is_or ? right.rows : left.rows) {
    const auto at = present.find(signatures.key(row.labels));
    const bool found = at != present.end();
    if (form.op == BinaryOp::set_and) {
      if (found) {
        row.valid &= at->second;
      } else {
        row.valid.reset(evaluator.steps());
      }
    } else if (found) {
      row.valid.subtract(at->second);
    }
  }
  if (!is_or) return emit(left.rows, sink);
  for (Row& row : right.rows) left.rows.push_back(std::move(row));
  // A series of the right that fills gaps of the left is the same series.
  if (auto merged = merge_equal(left.rows, node); !merged) return merged;
  return emit(left.rows, sink);
}

// --- arithmetic and comparisons -----------------------------------------------------------------

class VectorMatcher {
 public:
  VectorMatcher(Evaluator& evaluator, const Node& node)
      : evaluator_(evaluator),
        node_(node),
        form_(std::get<Binary>(node.form)),
        signatures_(form_.matching),
        swapped_(form_.matching.cardinality == Cardinality::one_to_many),
        grouped_(form_.matching.cardinality != Cardinality::one_to_one),
        result_(evaluator.query().budget) {}

  Result<void> run(const std::vector<Row>& many, const std::vector<Row>& one, const RowSink& sink) {
    // A side that is filled is there at all steps.
    Bits many_present = any_of(many, evaluator_.steps());
    if (fill_many()) many_present.set_all();
    if (auto good = index(one, many_present); !good) return good;
    for (const Row& row : many) {
      const std::string key = signatures_.key(row.labels);
      auto at = one_side_.find(key);
      if (at == one_side_.end()) {
        if (!fill_one() && !fill_many()) continue;
        at = one_side_.try_emplace(key).first;
        at->second.reset(evaluator_.steps());
      }
      at->second.others |= row.valid;
      for (const Row* other : at->second.rows) {
        if (auto good = match(row, *other, at->second); !good) return good;
      }
      if (auto good = match_filled_one(row, at->second); !good) return good;
    }
    if (fill_many()) {
      for (const Row& row : one) {
        OneSide& side = one_side_.at(signatures_.key(row.labels));
        if (auto good = match_filled_many(row, side); !good) return good;
      }
    }
    return emit(result_.rows, sink);
  }

 private:
  struct OneSide {
    std::vector<const Row*> rows;
    Bits present;  // steps where one of the rows has a value
    Bits matched;  // one to one: steps where a series of the other side has taken it
    Bits others;   // steps where a series of the other side has a value

    void reset(std::size_t steps) {
      for (Bits* bits : {&present, &matched, &others}) bits->reset(steps);
    }
  };

  // As in Prometheus, which under group_right puts the many side on the left before it fills:
  // fill_left is of the many side wherever that stands.
  [[nodiscard]] const std::optional<double>& fill_one() const { return form_.matching.fill_right; }
  [[nodiscard]] const std::optional<double>& fill_many() const { return form_.matching.fill_left; }

  // The missing side, where `there` has a value and `present` is not set: it has the matching
  // labels only.
  [[nodiscard]] Row filled(const Row& there, const Bits& present, double value) const {
    Row row;
    row.labels = signatures_.labels(there.labels);
    row.v.assign(evaluator_.steps(), value);
    row.valid = there.valid;
    row.valid.subtract(present);
    return row;
  }
  Result<void> match_filled_one(const Row& many, OneSide& side) {
    if (!fill_one()) return {};
    return match(many, filled(many, side.present, *fill_one()), side);
  }
  Result<void> match_filled_many(const Row& one, OneSide& side) {
    return match(filled(one, side.others, *fill_many()), one, side);
  }

  // Where the other side is empty altogether, duplicates do not matter.
  Result<void> index(const std::vector<Row>& one, const Bits& other_present) {
    for (const Row& row : one) {
      const auto [at, is_new] = one_side_.try_emplace(signatures_.key(row.labels));
      OneSide& side = at->second;
      if (is_new) side.reset(evaluator_.steps());
      Bits relevant = row.valid;
      relevant &= other_present;
      if (relevant.intersects(side.present)) {
        for (const Row* earlier : side.rows) {
          if (earlier->valid.intersects(relevant)) return duplicates(*earlier, row);
        }
      }
      side.present |= relevant;
      side.rows.push_back(&row);
    }
    return {};
  }

  [[nodiscard]] Result<void> duplicates(const Row& first, const Row& second) const {
    std::string a = braced(first.labels);
    std::string b = braced(second.labels);
    if (b < a) std::swap(a, b);
    auto error = evaluator_.error(
        node_,
        fmt::format("found duplicate series for the match group {} on the {} hand-side of "
                    "the operation: [{}, {}];many-to-many matching not allowed: matching "
                    "labels must be unique on one side",
                    braced(signatures_.labels(first.labels)), swapped_ ? "left" : "right", a, b));
    Bits both = first.valid;
    both &= second.valid;
    error.value().detail = how_to_tell_apart(first.labels, second.labels, first_step(both));
    return error;
  }

  [[nodiscard]] std::size_t first_step(const Bits& bits) const {
    std::size_t step = 0;
    while (step + 1 < evaluator_.steps() && !bits.test(step)) ++step;
    return step;
  }

  // "at T both have a value; the label x tells them apart: …"
  [[nodiscard]] std::string how_to_tell_apart(const Labels& first, const Labels& second,
                                              std::size_t step) const {
    std::vector<std::string> names;
    for (const Labels* labels : {&first, &second}) {
      for (const Label& label : *labels) {
        const bool known = std::find(names.begin(), names.end(), label.name) != names.end();
        if (label.name == kNameLabel || known) continue;
        if (first.get(label.name) != second.get(label.name)) names.push_back(label.name);
      }
    }
    const std::string at = format_time_utc(evaluator_.grid().at(step));
    if (names.empty()) {
      return fmt::format(
          "at {} both have a value, and differ in the metric's name only: select one "
          "metric, or aggregate",
          at);
    }
    return fmt::format(
        "at {} both have a value; {} {} would tell them apart: {}, or aggregate it away", at,
        names.size() == 1 ? "the label" : "any of the labels", fmt::join(names, ", "),
        form_.matching.on ? "add it to on()" : "take it out of ignoring()");
  }

  Result<void> match(const Row& many, const Row& one, OneSide& side) {
    Bits both = many.valid;
    both &= one.valid;
    if (!both.any()) return {};
    if (!grouped_) {
      if (both.intersects(side.matched)) {
        return evaluator_.error(node_,
                                "multiple matches for labels: many-to-one matching must be "
                                "explicit (group_left/group_right)");
      }
      side.matched |= both;
    }
    Row row;
    row.reset(evaluator_.steps());
    const Row& left = swapped_ ? one : many;
    const Row& right = swapped_ ? many : one;
    both.for_each([&](std::size_t i) {
      const double value = apply(form_.op, left.v[i], right.v[i]);
      if (!is_comparison(form_.op) || form_.return_bool) {
        row.set(i, value);
      } else if (value != 0) {
        row.set(i, left.v[i]);
      }
    });
    row.labels = result_labels(many.labels, one.labels);
    // Arithmetic has dropped the name already.
    row.drop_name = is_comparison(form_.op) && (form_.return_bool || many.drop_name);
    return add(std::move(row));
  }

  [[nodiscard]] Labels result_labels(const Labels& many, const Labels& one) const {
    const Matching& matching = form_.matching;
    Labels result = many;
    if (!is_comparison(form_.op)) {
      for (const char* name : {"__name__", "__type__", "__unit__"}) result.set(name, "");
    }
    if (!grouped_) {
      return matching.on ? only(result, matching.labels) : all_but(result, matching.labels);
    }
    for (const std::string& name : matching.include) result.set(name, one.get(name));
    return result;
  }

  // Rows of equal labels become one.
  Result<void> add(Row&& row) {
    const auto [at, is_new] = index_of_.try_emplace(row_key(row), result_.rows.size());
    if (is_new) return keep(result_, std::move(row), node_);
    Row& same = result_.rows[at->second];
    if (same.valid.intersects(row.valid)) {
      return evaluator_.error(
          node_, grouped_
                     ? "multiple matches for labels: grouping labels must ensure unique matches"
                     : "vector cannot contain metrics with the same labelset");
    }
    row.valid.for_each([&](std::size_t i) { same.set(i, row.v[i]); });
    return {};
  }

  Evaluator& evaluator_;
  const Node& node_;
  const Binary& form_;
  Signatures signatures_;
  bool swapped_;  // the many side stands on the right
  bool grouped_;
  std::unordered_map<std::string, OneSide> one_side_;
  std::unordered_map<std::string, std::size_t> index_of_;
  RowSet result_;
};

}  // namespace

Result<void> vector_binary_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  const auto& form = std::get<Binary>(node.form);
  auto left = evaluator.collect(*form.left);
  if (!left) return tl::unexpected(std::move(left.error()));
  auto right = evaluator.collect(*form.right);
  if (!right) return tl::unexpected(std::move(right.error()));
  if (is_set_operator(form.op)) {
    return set_operation(evaluator, node, std::move(*left), std::move(*right), sink);
  }
  const bool swapped = form.matching.cardinality == Cardinality::one_to_many;
  VectorMatcher matcher(evaluator, node);
  return matcher.run(swapped ? right->rows : left->rows, swapped ? left->rows : right->rows, sink);
}

}  // namespace hygge::promql
