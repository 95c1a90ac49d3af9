// cardinality: how many series, under what, and how they come and go.
#include <fmt/format.h>
#include <hygge/cardinality.h>

#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "json.h"
#include "pick.h"

namespace hygge::command {

namespace {

using By = CardinalityQuestion::By;

// What --by says: metric, label, label=value, or NAME=value for the values of one label.
Result<void> choose_by(const std::string& text, CardinalityQuestion& question) {
  constexpr std::string_view kValue = "=value";
  if (text == "metric") return {};
  if (text == "label") {
    question.by = By::label;
    return {};
  }
  if (text.ends_with(kValue) && text.size() > kValue.size()) {
    question.by = By::value;
    question.label = text.substr(0, text.size() - kValue.size());
    if (question.label == "label") question.label.clear();
    return {};
  }
  return fail(ErrorCode::invalid_argument, fmt::format("--by {}: by what?", text),
              fmt::format("metric, label, label=value, or the values of one label: {}=value",
                          text.empty() || text.find('=') != std::string::npos ? "job" : text));
}

Result<CardinalityQuestion> question_of(Context& context, const Db& db) {
  CardinalityQuestion question;
  const auto by = choose_by(context.arguments().get("by").value_or("metric"), question);
  if (!by) return tl::unexpected<Error>(by.error());
  auto picked = picked_selector(context);
  if (!picked) return tl::unexpected<Error>(picked.error());
  if (!context.arguments().values.empty()) question.selector = std::move(*picked);
  const auto range = context.range(db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  question.range = *range;
  if (const auto diff = context.arguments().get("diff")) {
    const auto earlier = context.parsed_range(db, *diff);
    if (!earlier) return tl::unexpected<Error>(earlier.error());
    question.earlier = *earlier;
  }
  question.bytes = context.flag("bytes");
  return question;
}

struct Shape {
  By by;
  bool compared;
  bool bytes;
};

std::vector<Column> columns_of(const Shape& shape) {
  std::vector<Column> out;
  if (shape.by == By::metric) {
    out.push_back({"metric", false, true, 0});
  } else {
    out.push_back({"label", false, true, 0});
    out.push_back(shape.by == By::value ? Column{"value", false, true, 0}
                                        : Column{"values", true, false, 0});
  }
  if (shape.compared) {
    for (const char* name : {"before", "series", "added", "removed"}) {
      out.push_back({name, true, false, 0});
    }
  } else {
    out.push_back({"series", true, false, 0});
    out.push_back({"now", true, false, 3});
    out.push_back({"new", true, false, 2});
    out.push_back({"ended", true, false, 1});
  }
  if (shape.bytes) out.push_back({"bytes", true, false, 0});
  return out;
}

std::vector<std::string> cells_of(const CardinalityRow& row, const Shape& shape) {
  std::vector<std::string> out;
  if (shape.by != By::metric) out.push_back(row.label);
  out.push_back(shape.by == By::label ? std::to_string(row.values) : row.value);
  const auto add = [&](std::uint64_t number) { out.push_back(std::to_string(number)); };
  if (shape.compared) add(row.before);
  add(row.series);
  add(shape.compared ? row.added : row.now);
  add(shape.compared ? row.removed : row.appeared);
  if (!shape.compared) add(row.ended);
  if (shape.bytes) add(row.bytes);
  return out;
}

void counts_json(Json& json, const CardinalityRow& row, const Shape& shape) {
  json.member("series", row.series).member("now", row.now);
  json.member("new", row.appeared).member("ended", row.ended);
  if (shape.bytes) json.member("bytes", row.bytes);
  if (shape.compared) {
    json.member("before", row.before).member("added", row.added).member("removed", row.removed);
  }
}

void row_json(Json& json, const CardinalityRow& row, const Shape& shape) {
  json.open('{');
  if (shape.by == By::metric) {
    json.member("metric", row.value);
  } else {
    json.member("label", row.label);
    if (shape.by == By::value) json.member("value", row.value);
    if (shape.by == By::label) json.member("values", row.values);
  }
  counts_json(json, row, shape);
  json.close('}');
}

void range_json(Json& json, TimeRange range) {
  if (range.empty()) {
    json.key("from").null().key("to").null();
  } else {
    json.member("from", range.after).member("to", range.until);
  }
}

std::string whole_json(const Cardinality& found, const Shape& shape, std::string_view by) {
  Json json;
  json.open('{').member("schema", "hygge.cardinality/1").member("by", by);
  range_json(json, found.range);
  if (found.earlier) {
    json.key("earlier").open('{');
    range_json(json, *found.earlier);
    json.close('}');
  }
  json.key("total").open('{');
  counts_json(json, found.total, shape);
  json.close('}').key("rows").open('[');
  for (const CardinalityRow& row : found.rows) row_json(json, row, shape);
  json.close(']').close('}');
  return json.out() + "\n";
}

std::string span_text(const Context& context, TimeRange range) {
  if (range.empty()) return "no day that is held";
  return fmt::format("{}..{}", context.time(range.after), context.time(range.until));
}

// For people, beside the table: what was counted, and the sums, which rows do not add up to.
std::string summary(const Context& context, const Cardinality& found) {
  const CardinalityRow& total = found.total;
  if (found.earlier) {
    return fmt::format("{} series in {}; {} in {}: {} added, {} removed", total.series,
                       span_text(context, found.range), total.before,
                       span_text(context, *found.earlier), total.added, total.removed);
  }
  return fmt::format("{} series in {}: {} now, {} new, {} ended", total.series,
                     span_text(context, found.range), total.now, total.appeared, total.ended);
}

}  // namespace

Result<int> run_cardinality(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto question = question_of(context, *db);
  if (!question) return tl::unexpected<Error>(question.error());
  const auto found = db->cardinality(*question);
  if (!found) return tl::unexpected<Error>(found.error());
  const Shape shape{question->by, question->earlier.has_value(), question->bytes};
  if (found->rows.empty()) context.note(why_nothing(*db, question->selector));
  const std::string& format = context.format();
  Result<void> wrote;
  if (format == "json") {
    const std::string by = context.arguments().get("by").value_or("metric");
    wrote = context.out().write(whole_json(*found, shape, by));
  } else if (format == "jsonl") {
    for (const CardinalityRow& row : found->rows) {
      Json json;
      row_json(json, row, shape);
      wrote = context.out().write(json.out() + "\n");
      if (!wrote) break;
    }
  } else if (!found->rows.empty() || format != "table") {
    Table table(columns_of(shape));
    for (const CardinalityRow& row : found->rows) table.add(cells_of(row, shape));
    wrote = context.write_table(table);
    if (wrote && format == "table") context.note(summary(context, *found));
  }
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
