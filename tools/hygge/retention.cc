// retention: how long samples are kept. list, set, pin, unpin, apply.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/retention.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "ask.h"
#include "context.h"
#include "json.h"
#include "pick.h"
#include "text.h"

namespace hygge::command {

namespace {

constexpr TimeMs kNoTime = everything().after;

Result<int> done(Result<void> result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return 0;
}

std::string keep_text(const RetentionRule& rule) {
  return rule.keep_ms ? format_duration(*rule.keep_ms) : "forever";
}

void keep_member(Json& json, const RetentionRule& rule) {
  json.member("selector", to_string(rule.selector)).key("keep");
  if (rule.keep_ms) {
    json.number(*rule.keep_ms);
  } else {
    json.null();
  }
}

void time_member(Json& json, std::string_view key, TimeMs t_ms) {
  json.key(key);
  if (t_ms < kMinTimeMs || t_ms > kMaxTimeMs) {
    json.null();
  } else {
    json.number(t_ms);
  }
}

std::string edge(const Context& context, TimeMs t_ms) {
  return t_ms < kMinTimeMs || t_ms > kMaxTimeMs ? "" : context.time(t_ms);
}

// What each rule takes.
Result<void> write_report(Context& context, const RetentionReport& report, bool dry) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.retention.apply/1").member("dry_run", dry);
    json.key("rules").open('[');
    for (const RetentionReport::Rule& rule : report.rules) {
      json.open('{');
      keep_member(json, rule.rule);
      time_member(json, "floor", rule.floor_ms.value_or(kNoTime));
      json.member("waits", rule.waits).member("series", rule.series);
      json.member("samples", rule.samples).member("bytes", rule.bytes).close('}');
    }
    json.close(']').close('}');
    return context.out().write(json.out() + "\n");
  }
  Table table({{"rule", false, true, 0},
               {"keep", false, false, 0},
               {"floor", false, false, 1},
               {"series", true, false, 0},
               {"samples", true, false, 0},
               {"bytes", true, false, 2}});
  for (const RetentionReport::Rule& rule : report.rules) {
    table.add({to_string(rule.rule.selector), keep_text(rule.rule), context.time(rule.floor_ms),
               std::to_string(rule.series), std::to_string(rule.samples),
               std::to_string(rule.bytes)});
    if (dry && rule.waits) {
      context.note(
          fmt::format("{}: the floor jumps by more than 30 days: only `hygge retention "
                      "apply` does it",
                      to_string(rule.rule.selector)));
    }
  }
  return context.write_table(table);
}

Result<std::string> text_of(const std::string& name) {
  if (name == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(name, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) return fail(ErrorCode::not_found, fmt::format("{}: cannot be read", name));
  return text;
}

Result<std::vector<RetentionRule>> rules_of(const std::string& name) {
  auto text = text_of(name);
  if (!text) return tl::unexpected<Error>(text.error());
  auto rules = parse_retention(*text);
  if (rules) return rules;
  Error error = rules.error();
  error.message = fmt::format("{}:{}", name == "-" ? "stdin" : name, error.message);
  return tl::unexpected<Error>(std::move(error));
}

Result<Db> open(const Context& context, bool dry) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  return dry ? Db::open_read_only(*dir) : Db::open(*dir);
}

Result<int> change_pin(Context& context, Result<void> (Db::*change)(const Selector&, TimeRange)) {
  const auto selector = picked_selector(context);
  if (!selector) return tl::unexpected<Error>(selector.error());
  const bool dry = context.flag("dry-run");
  auto db = open(context, dry);
  if (!db) return tl::unexpected<Error>(db.error());
  const auto range = context.range(*db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  const auto view = db->view({*selector}, everything());
  if (!view) return tl::unexpected<Error>(view.error());
  if (view->series(0).empty()) context.note(why_nothing(*db, *selector));
  if (dry) {
    context.note("dry run: nothing was changed");
    return 0;
  }
  if (auto changed = ((*db).*change)(*selector, *range); !changed) {
    return tl::unexpected<Error>(changed.error());
  }
  return 0;
}

}  // namespace

Result<int> run_retention_list(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const Retention retention = db->retention();
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.retention/1").key("rules").open('[');
    for (const RetentionRule& rule : retention.rules) {
      json.open('{');
      keep_member(json, rule);
      json.close('}');
    }
    json.close(']').key("pins").open('[');
    for (const Pin& pin : retention.pins) {
      json.open('{').member("selector", to_string(pin.selector));
      time_member(json, "after", pin.range.after);
      time_member(json, "until", pin.range.until);
      json.close('}');
    }
    json.close(']').close('}');
    return done(context.out().write(json.out() + "\n"));
  }
  Table table({{"what", false, false, 0},
               {"selector", false, true, 0},
               {"keep", false, false, 0},
               {"after", false, false, 1},
               {"until", false, false, 1}});
  for (const RetentionRule& rule : retention.rules) {
    table.add({"rule", to_string(rule.selector), keep_text(rule), "", ""});
  }
  for (const Pin& pin : retention.pins) {
    table.add({"pin", to_string(pin.selector), "forever", edge(context, pin.range.after),
               edge(context, pin.range.until)});
  }
  if (retention.rules.empty()) context.note("no rules: everything is kept for ever");
  return done(context.write_table(table));
}

Result<int> run_retention_set(Context& context) {
  const auto rules = rules_of(context.arguments().values[0]);
  if (!rules) return tl::unexpected<Error>(rules.error());
  const bool dry = context.flag("dry-run");
  auto db = open(context, dry);
  if (!db) return tl::unexpected<Error>(db.error());
  const auto report = db->retention_dry_run(*rules);
  if (!report) return tl::unexpected<Error>(report.error());
  if (dry) {
    context.note("dry run: nothing was changed");
  } else if (auto set = db->set_retention(*rules); !set) {
    return tl::unexpected<Error>(set.error());
  }
  return done(write_report(context, *report, /*dry=*/true));
}

Result<int> run_retention_pin(Context& context) { return change_pin(context, &Db::pin); }
Result<int> run_retention_unpin(Context& context) { return change_pin(context, &Db::unpin); }

Result<int> run_retention_apply(Context& context) {
  const bool dry = context.flag("dry-run");
  auto db = open(context, dry);
  if (!db) return tl::unexpected<Error>(db.error());
  auto report = db->retention_dry_run();
  if (!report) return tl::unexpected<Error>(report.error());
  std::uint64_t samples = 0;
  for (const RetentionReport::Rule& rule : report->rules) samples += rule.samples;
  if (dry) {
    context.note("dry run: nothing was changed");
  } else if (samples > 0) {
    const std::string question =
        fmt::format("forget {} samples that the rules have done with?", grouped(samples));
    if (auto agreed = ask(context, question); !agreed) return tl::unexpected<Error>(agreed.error());
    report = db->apply_retention();
    if (!report) return tl::unexpected<Error>(report.error());
  }
  return done(write_report(context, *report, dry));
}

}  // namespace hygge::command
