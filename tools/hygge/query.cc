// query: PromQL at an instant or over a range, in every shape.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "answer.h"
#include "context.h"
#include "json.h"
#include "spark.h"
#include "text.h"
#include "threads.h"

namespace hygge::command {

namespace {

promql::Dialect dialect_of(const Context& context) {
  return context.flag("strict-promql") ? promql::Dialect::promql : promql::Dialect::hygge;
}

Result<promql::QueryOptions> options_of(const Context& context) {
  promql::QueryOptions options;
  options.explain = context.flag("explain");
  options.exact = context.flag("exact");
  if (const auto text = context.arguments().get("lookback")) {
    const auto lookback = parse_duration(*text);
    if (!lookback || *lookback <= 0) {
      return fail(ErrorCode::parse, fmt::format("\"{}\" is no lookback", *text), "for example 1h");
    }
    options.lookback_ms = *lookback;
  }
  const std::string tier = context.arguments().get("tier").value_or("auto");
  if (tier == "raw") {
    options.tier = 0;
  } else if (tier != "auto") {
    const auto duration = parse_duration(tier);
    if (!duration || *duration <= 0) {
      return fail(ErrorCode::parse, fmt::format("\"{}\" is no tier", tier),
                  "auto, raw, or a duration as 5m");
    }
    options.tier = *duration;
  }
  const auto threads = threads_of(context.arguments().get("threads"));
  if (!threads) return tl::unexpected<Error>(threads.error());
  options.threads = *threads;
  return options;
}

Result<Asked> ask_server(Context& context, const Remote& remote, std::string_view otherwise) {
  if (context.flag("threads")) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--threads is not for {}: a server has its own", remote.url),
                "leave it out, or start it as hygge serve --threads N");
  }
  if (context.flag("tier")) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--tier is not for {}: a server chooses", remote.url),
                "leave it out; --exact refuses what cells cannot tell");
  }
  const auto options = options_of(context);
  if (!options) return tl::unexpected<Error>(options.error());
  std::optional<DurationMs> lookback_ms;
  if (context.flag("lookback")) lookback_ms = options->lookback_ms;
  Asked asked;
  asked.text = context.arguments().values[0];
  const auto at_ms = context.at(nullptr);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  asked.when = instant(*at_ms);
  if (context.flag("range") || !otherwise.empty()) {
    const auto steps = context.range_steps(nullptr, otherwise);
    if (!steps) return tl::unexpected<Error>(steps.error());
    asked.when = *steps;
  }
  auto answer = ask_remote(remote, asked.text, asked.when, options->exact, lookback_ms);
  if (!answer) return tl::unexpected<Error>(answer.error());
  asked.answer = std::move(*answer);
  return asked;
}

Result<Asked> ask_database(Context& context, std::string_view otherwise) {
  Asked asked;
  asked.text = context.arguments().values[0];
  const auto expression = promql::parse(asked.text, dialect_of(context));
  if (!expression) return tl::unexpected<Error>(expression.error());
  asked.expression = *expression;
  const auto options = options_of(context);
  if (!options) return tl::unexpected<Error>(options.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto at_ms = context.at(&*db);
  if (!at_ms) return tl::unexpected<Error>(at_ms.error());
  asked.when = instant(*at_ms);
  if (context.flag("range") || !otherwise.empty()) {
    const auto steps = context.range_steps(&*db, otherwise.empty() ? "1h" : otherwise);
    if (!steps) return tl::unexpected<Error>(steps.error());
    asked.when = *steps;
  }
  auto answer = promql::query(*db, *expression, asked.when, *options);
  if (!answer) return tl::unexpected<Error>(answer.error());
  asked.answer = std::move(*answer);
  return asked;
}

}  // namespace

Result<Asked> ask(Context& context, std::string_view otherwise) {
  context.set_expression(context.arguments().values[0]);
  const auto remote = context.remote();
  if (!remote) return tl::unexpected<Error>(remote.error());
  const auto begun = std::chrono::steady_clock::now();
  auto asked =
      *remote ? ask_server(context, **remote, otherwise) : ask_database(context, otherwise);
  if (asked) {
    asked->ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  }
  return asked;
}

void tell_annotations(const Context& context, const promql::Answer& answer) {
  for (const std::string& text : answer.warnings) context.note(text);
  for (const std::string& text : answer.infos) context.note(text);
}

namespace {

using promql::Answer;
using promql::AnswerSeries;
using promql::ValueType;

std::string shown_number(const Context& context, double v, bool summary) {
  if (context.flag("human")) return human_number(v);
  return summary ? short_number(v) : number_text(v);
}

void append_labels(Json& json, const Labels& labels) {
  json.open('{');
  for (const Label& label : labels) json.member(label.name, label.value);
  json.close('}');
}

void append_series(Json& json, const AnswerSeries& series) {
  json.open('{').key("labels");
  append_labels(json, series.labels);
  json.key("values").open('[');
  for (std::size_t i = 0; i < series.t.size(); ++i) {
    json.open('[').number(series.t[i]).number(series.v[i]).close(']');
  }
  json.close(']').close('}');
}

void append_texts(Json& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).open('[');
  for (const std::string& text : texts) json.text(text);
  json.close(']');
}

std::string tier_text(DurationMs tier_ms) {
  return tier_ms == 0 ? "raw" : format_duration(tier_ms);
}

Result<void> write_json(Context& context, const Answer& answer, double ms) {
  Json json;
  json.open('{').member("schema", "hygge.query/1");
  json.member("type", promql::to_string(answer.type)).key("series").open('[');
  for (const AnswerSeries& series : answer.series) append_series(json, series);
  json.close(']');
  if (answer.type == ValueType::string) json.member("text", answer.text);
  append_texts(json, "warnings", answer.warnings);
  append_texts(json, "infos", answer.infos);
  json.key("stats").open('{').member("series", answer.stats.series);
  json.member("samples", answer.stats.samples).member("bytes", answer.stats.bytes);
  json.member("cells", answer.stats.cells).member("skipped", answer.stats.skipped);
  json.member("ms", ms).key("tiers").open('[');
  for (const DurationMs tier : answer.stats.tiers) json.text(tier_text(tier));
  json.close(']').close('}').close('}');
  return context.out().write(json.out() + "\n");
}

Result<void> write_jsonl(Context& context, const Answer& answer) {
  for (const AnswerSeries& series : answer.series) {
    Json json;
    append_series(json, series);
    if (auto wrote = context.out().write(json.out() + "\n"); !wrote) return wrote;
  }
  return {};
}

// Prometheus' HTTP API: times are seconds, values are strings.
void append_point(Json& json, TimeMs t_ms, std::string_view value) {
  const std::uint64_t ms = static_cast<std::uint64_t>(t_ms < 0 ? -t_ms : t_ms);
  std::string seconds = fmt::format("{}{}", t_ms < 0 ? "-" : "", ms / 1000);
  if (ms % 1000 != 0) seconds += fmt::format(".{:03}", ms % 1000);
  json.open('[').raw(seconds).text(value).close(']');
}

Result<void> write_prom(Context& context, const Answer& answer, TimeMs at_ms) {
  Json json;
  json.open('{').member("status", "success").key("data").open('{');
  json.member("resultType", promql::to_string(answer.type)).key("result");
  const bool scalar = answer.type == ValueType::scalar && !answer.series.empty();
  if (scalar) {
    append_point(json, answer.series[0].t[0], number_text(answer.series[0].v[0]));
  } else if (answer.type == ValueType::string) {
    append_point(json, at_ms, answer.text);
  } else {
    json.open('[');
    for (const AnswerSeries& series : answer.series) {
      json.open('{').key("metric");
      append_labels(json, series.labels);
      const bool matrix = answer.type == ValueType::matrix;
      json.key(matrix ? "values" : "value");
      if (matrix) json.open('[');
      for (std::size_t i = 0; i < series.t.size(); ++i) {
        append_point(json, series.t[i], number_text(series.v[i]));
      }
      if (matrix) json.close(']');
      json.close('}');
    }
    json.close(']');
  }
  json.close('}');
  if (!answer.warnings.empty()) append_texts(json, "warnings", answer.warnings);
  if (!answer.infos.empty()) append_texts(json, "infos", answer.infos);
  json.close('}');
  return context.out().write(json.out() + "\n");
}

// A column per label, `__name__` first, then time and value; a row per sample.
Table sample_table(const Context& context, const Answer& answer, const Steps& when) {
  std::set<std::string, std::less<>> names;
  for (const AnswerSeries& series : answer.series) {
    for (const Label& label : series.labels) names.insert(label.name);
  }
  std::vector<std::string> order;
  if (names.erase(std::string(kNameLabel)) > 0) order.emplace_back(kNameLabel);
  order.insert(order.end(), names.begin(), names.end());
  std::vector<Column> columns;
  for (const std::string& name : order) columns.push_back({name, false, true, 0});
  columns.push_back({"time", false, false, 0});
  columns.push_back({"value", true, false, 0});
  Table table(std::move(columns));
  for (const AnswerSeries& series : answer.series) {
    std::vector<std::string> row;
    for (const std::string& name : order) row.emplace_back(series.labels.get(name));
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      std::vector<std::string> line = row;
      line.push_back(context.time(series.t[i]));
      line.push_back(shown_number(context, series.v[i], false));
      table.add(std::move(line));
    }
  }
  if (answer.type == ValueType::string) table.add({context.time(when.start_ms), answer.text});
  return table;
}

// What stands in the table of labels when that is too wide.
Table narrow_table(const Context& context, const Answer& answer) {
  Table table({{"series", false, true, 0}, {"time", false, false, 1}, {"value", true, false, 0}});
  for (const AnswerSeries& series : answer.series) {
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      table.add({to_string(series.labels), context.time(series.t[i]),
                 shown_number(context, series.v[i], false)});
    }
  }
  return table;
}

// A row per series.
Table range_table(const Context& context, const Answer& answer, const Steps& when) {
  Table table({{"series", false, true, 0},
               {"min", true, false, 3},
               {"avg", true, false, 4},
               {"max", true, false, 2},
               {"last", true, false, 0},
               {"trend", false, false, 5}});
  for (const AnswerSeries& series : answer.series) {
    double least = NAN, most = NAN, sum = 0;
    for (const double v : series.v) {
      least = std::fmin(least, v);
      most = std::fmax(most, v);
      sum += v;
    }
    if (series.v.empty()) continue;
    const double avg = sum / static_cast<double>(series.v.size());
    table.add({to_string(series.labels), shown_number(context, least, true),
               shown_number(context, avg, true), shown_number(context, most, true),
               shown_number(context, series.v.back(), true),
               sparkline(series.t, series.v, when, context.look().ascii)});
  }
  return table;
}

Result<void> write_tables(Context& context, const Answer& answer, const Steps& when, bool ranged) {
  if (context.format() != "table") return context.write_table(sample_table(context, answer, when));
  if (ranged) {
    const Table table = range_table(context, answer, when);
    return table.size() == 0 ? Result<void>() : context.write_table(table);
  }
  const Table table = sample_table(context, answer, when);
  if (table.size() == 0) return {};
  const auto width = context.look().width;
  if (width && answer.type != ValueType::string && !table.fits(*width)) {
    return context.write_table(narrow_table(context, answer));
  }
  return context.write_table(table);
}

// A row per part of the expression, below what it is part of.
Table node_table(const promql::Answer& answer) {
  Table table({{"series", true, false, 0},
               {"points", true, false, 0},
               {"samples", true, false, 0},
               {"cells", true, false, 0},
               {"skipped", true, false, 0},
               {"ms", true, false, 0},
               {"memory", true, false, 0},
               {"part", false, true, 0}});
  for (const promql::NodeStats& node : answer.nodes) {
    table.add({grouped(node.series), grouped(node.points), grouped(node.samples),
               grouped(node.cells), grouped(node.skipped), fmt::format("{:.1f}", node.ms),
               human_bytes(node.bytes), std::string(std::size_t{2} * node.depth, ' ') + node.text});
  }
  return table;
}

void explain(const Context& context, const Asked& asked) {
  const Steps& when = asked.when;
  context.note(fmt::format("expression: {}",
                           asked.expression ? promql::to_string(*asked.expression) : asked.text));
  context.note(when.step_ms > 0 ? fmt::format("steps: {} from {} to {}, each {}", when.count(),
                                              context.time(when.start_ms),
                                              context.time(when.at(when.count() - 1)),
                                              format_duration(when.step_ms))
                                : fmt::format("instant: {}", context.time(when.start_ms)));
  if (!asked.expression) return context.note(fmt::format("the server took {:.1f} ms", asked.ms));
  const promql::QueryStats& stats = asked.answer.stats;
  std::string tiers;
  for (const DurationMs tier : stats.tiers) tiers += (tiers.empty() ? "" : ", ") + tier_text(tier);
  context.note(fmt::format(
      "read: {} series, {} samples, {} cells, at most {} in memory, tiers: {}, {:.1f} ms",
      grouped(stats.series), grouped(stats.samples), grouped(stats.cells), human_bytes(stats.bytes),
      tiers.empty() ? "none" : tiers, asked.ms));
  for (const promql::NodeStats& node : asked.answer.nodes) {
    if (!node.tier.empty()) context.note(fmt::format("{}: tier {}", node.text, node.tier));
  }
  Look look = context.look();
  look.width.reset();
  std::string table = node_table(asked.answer).text(look, std::nullopt);
  if (!table.empty() && table.back() == '\n') table.pop_back();
  context.note(table);
}

}  // namespace

Result<int> run_query(Context& context) {
  const bool ranged = context.flag("range");
  if (context.flag("step") && !ranged) {
    return fail(ErrorCode::invalid_argument, "--step needs --range",
                "for example --range 1h --step 1m");
  }
  const auto asked = ask(context, "");
  if (!asked) return tl::unexpected<Error>(asked.error());
  tell_annotations(context, asked->answer);
  if (context.flag("explain")) explain(context, *asked);
  const std::string& format = context.format();
  const auto wrote = format == "json"    ? write_json(context, asked->answer, asked->ms)
                     : format == "jsonl" ? write_jsonl(context, asked->answer)
                     : format == "prom"  ? write_prom(context, asked->answer, asked->when.end_ms)
                                        : write_tables(context, asked->answer, asked->when, ranged);
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
