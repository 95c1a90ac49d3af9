// series, labels, metadata: what a database holds.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "json.h"
#include "pick.h"

namespace hygge::command {

namespace {

struct Extent {
  std::uint64_t samples = 0;
  bool any = false;  ///< samples, or cells of such as have expired
  TimeMs from_ms = 0;
  TimeMs to_ms = 0;

  void add(TimeMs from, TimeMs to) {
    from_ms = any ? std::min(from_ms, from) : from;
    to_ms = any ? std::max(to_ms, to) : to;
    any = true;
  }
};

Result<Extent> extent_of(const View& view, const Series& series) {
  Extent out;
  BlockCursor blocks = series.blocks();
  while (const Block* block = blocks.next()) {
    if (block->t.empty()) continue;
    out.add(block->t.front(), block->t.back());
    out.samples += block->t.size();
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  if (!view.any_expired()) return out;
  std::vector<TimedCell> cells;
  for (const DurationMs tier : view.tiers()) {
    auto read = series.expired_cells(tier, {false, false}, view.range(), cells);
    if (!read) return tl::unexpected<Error>(read.error());
  }
  for (const TimedCell& one : cells) {
    if (one.cell.n > 0) out.add(one.cell.t_first_ms, one.cell.t_last_ms);
  }
  return out;
}

std::string series_json(const Labels& labels, const Extent& extent) {
  Json json;
  json.open('{').key("labels").open('{');
  for (const Label& label : labels) json.member(label.name, label.value);
  json.close('}').member("samples", extent.samples).member("from", extent.from_ms);
  json.member("to", extent.to_ms).close('}');
  return json.out();
}

// A list of names as one column, or as JSON under `key`.
Result<void> write_names(Context& context, std::string_view schema, std::string_view key,
                         std::string_view column, const std::vector<std::string>& names) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", schema).key(key).open('[');
    for (const std::string& name : names) json.text(name);
    json.close(']').close('}');
    return context.out().write(json.out() + "\n");
  }
  if (context.format() == "jsonl") {
    for (const std::string& name : names) {
      Json json;
      json.text(name);
      if (auto wrote = context.out().write(json.out() + "\n"); !wrote) return wrote;
    }
    return {};
  }
  Table table({{std::string(column), false, true, 0}});
  for (const std::string& name : names) table.add({name});
  return context.write_table(table);
}

// Label names, or the values of `name`; with --range those of the series with samples on its days.
Result<std::vector<std::string>> names_of(Context& context, const Db& db, const std::string* name) {
  if (!context.flag("range")) return name == nullptr ? db.label_names() : db.label_values(*name);
  CardinalityQuestion question;
  question.by = name == nullptr ? CardinalityQuestion::By::label : CardinalityQuestion::By::value;
  if (name != nullptr) question.label = *name;
  const auto range = context.range(db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  question.range = *range;
  const auto found = db.cardinality(question);
  if (!found) return tl::unexpected<Error>(found.error());
  std::vector<std::string> out;
  for (const CardinalityRow& row : found->rows) {
    out.push_back(name == nullptr ? row.label : row.value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<int> run_series(Context& context) {
  const auto selector = picked_selector(context);
  if (!selector) return tl::unexpected<Error>(selector.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto range = context.range(*db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  auto view = db->view({*selector}, *range);
  if (!view) return tl::unexpected<Error>(view.error());
  const std::string& format = context.format();
  const bool json = format == "json";
  Table table({{"series", false, true, 0},
               {"samples", true, false, 0},
               {"from", false, false, 2},
               {"to", false, false, 1}});
  Result<void> wrote;
  if (json) wrote = context.out().write(R"({"schema":"hygge.series/1","series":[)");
  std::size_t count = 0;
  for (const Series& series : view->series(0)) {
    const auto extent = extent_of(*view, series);
    if (!extent) return tl::unexpected<Error>(extent.error());
    if (!extent->any) continue;
    if (json || format == "jsonl") {
      const std::string_view before = json && count > 0 ? "," : "";
      wrote = context.out().write(
          fmt::format("{}{}{}", before, series_json(series.labels(), *extent), json ? "" : "\n"));
      if (!wrote) return tl::unexpected<Error>(wrote.error());
    } else {
      table.add({to_string(series.labels()), std::to_string(extent->samples),
                 context.time(extent->from_ms), context.time(extent->to_ms)});
    }
    ++count;
  }
  if (count == 0) context.note(why_nothing(*db, *selector));
  if (json) {
    wrote = context.out().write("]}\n");
  } else if (format != "jsonl" && (count > 0 || format != "table")) {
    wrote = context.write_table(table);
  }
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

Result<int> run_labels(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto names = db->label_names();
  if (!names) return tl::unexpected<Error>(names.error());
  const auto& values = context.arguments().values;
  const bool of_one = !values.empty();
  const bool known = !of_one || std::find(names->begin(), names->end(), values[0]) != names->end();
  std::vector<std::string> found;
  if (known) {
    auto within = names_of(context, *db, of_one ? &values[0] : nullptr);
    if (!within) return tl::unexpected<Error>(within.error());
    found = std::move(*within);
  }
  if (!known) {
    context.note(fmt::format("no label \"{}\"{}", values[0], did_you_mean(values[0], *names)));
  } else if (names->empty()) {
    context.note("the database holds no series");
  } else if (found.empty()) {
    context.note("no such series has samples on the days of the range");
  }
  const auto wrote = of_one
                         ? write_names(context, "hygge.label_values/1", "values", values[0], found)
                         : write_names(context, "hygge.labels/1", "labels", "label", found);
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

Result<int> run_metadata(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  auto metadata = db->metadata();
  const auto& values = context.arguments().values;
  if (!values.empty()) {
    // A sample's name finds its family's entry, as views do.
    const auto view = db->view(std::initializer_list<Selector>{}, everything());
    if (!view) return tl::unexpected<Error>(view.error());
    const auto found = view->metadata(values[0]);
    std::vector<std::string> names;
    for (const auto& [name, about] : metadata) names.push_back(name);
    metadata.clear();
    if (found) {
      metadata.emplace(values[0], *found);
    } else {
      context.note(
          fmt::format("no metadata of \"{}\"{}", values[0], did_you_mean(values[0], names)));
    }
  }
  Json json;
  const bool is_json = context.format() == "json";
  const bool is_jsonl = context.format() == "jsonl";
  Table table({{"metric", false, true, 0},
               {"type", false, false, 0},
               {"unit", false, false, 2},
               {"help", false, true, 1}});
  if (is_json) json.open('{').member("schema", "hygge.metadata/1").key("metadata").open('[');
  Result<void> wrote;
  for (const auto& [name, about] : metadata) {
    if (is_json || is_jsonl) {
      Json line;
      Json& to = is_json ? json : line;
      to.open('{').member("metric", name).member("type", to_string(about.type));
      to.member("unit", about.unit).member("help", about.help).close('}');
      if (is_jsonl) wrote = context.out().write(line.out() + "\n");
      if (!wrote) return tl::unexpected<Error>(wrote.error());
    } else {
      table.add({name, std::string(to_string(about.type)), about.unit, about.help});
    }
  }
  if (is_json) {
    json.close(']').close('}');
    wrote = context.out().write(json.out() + "\n");
  } else if (!is_jsonl && (table.size() > 0 || context.format() != "table")) {
    wrote = context.write_table(table);
  }
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
