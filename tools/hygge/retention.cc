// retention: how long samples are kept. list, set, cap, pin, unpin, apply.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/retention.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "ask.h"
#include "context.h"
#include "input_file.h"
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

std::string keep_text(const std::optional<DurationMs>& keep_ms) {
  return keep_ms ? format_duration(*keep_ms) : "forever";
}

// As in a file of rules.
std::string keep_text(const RetentionRule& rule) {
  if (!rule.cells) return keep_text(rule.keep_ms);
  std::string out = "raw=" + keep_text(rule.keep_ms);
  for (const TierKeep& tier : *rule.cells) {
    out += fmt::format(" {}={}", format_duration(tier.resolution_ms), keep_text(tier.keep_ms));
  }
  return out;
}

void duration_member(Json& json, const std::optional<DurationMs>& keep_ms) {
  json.key("keep");
  if (keep_ms) {
    json.number(*keep_ms);
  } else {
    json.null();
  }
}

// `cells` null: they go with the samples.
void keep_member(Json& json, const RetentionRule& rule) {
  json.member("selector", to_string(rule.selector));
  duration_member(json, rule.keep_ms);
  json.key("cells");
  if (!rule.cells) {
    json.null();
    return;
  }
  json.open('[');
  for (const TierKeep& tier : *rule.cells) {
    json.open('{').member("tier", format_duration(tier.resolution_ms));
    duration_member(json, tier.keep_ms);
    json.close('}');
  }
  json.close(']');
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

void rules_member(Json& json, const std::vector<RetentionReport::Rule>& rules) {
  json.key("rules").open('[');
  for (const RetentionReport::Rule& rule : rules) {
    json.open('{');
    keep_member(json, rule.rule);
    time_member(json, "floor", rule.floor_ms.value_or(kNoTime));
    json.member("waits", rule.waits).member("series", rule.series);
    json.member("samples", rule.samples).member("cells_taken", rule.cells);
    json.member("bytes", rule.bytes).close('}');
  }
  json.close(']');
}

// What each rule takes.
Result<void> write_report(Context& context, const RetentionReport& report, bool dry) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.retention.apply/1").member("dry_run", dry);
    rules_member(json, report.rules);
    if (report.cap) {
      const RetentionReport::Cap& cap = *report.cap;
      json.key("cap").open('{').member("bytes", cap.cap_bytes);
      json.member("disk_bytes", cap.disk_bytes).member("kept_free_bytes", cap.kept_free);
      rules_member(json, cap.rules);
      json.close('}');
    }
    json.close('}');
    return context.out().write(json.out() + "\n");
  }
  Table table({{"rule", false, true, 0},
               {"keep", false, false, 0},
               {"floor", false, false, 1},
               {"series", true, false, 0},
               {"samples", true, false, 0},
               {"cells", true, false, 0},
               {"bytes", true, false, 2}});
  for (const RetentionReport::Rule& rule : report.rules) {
    table.add({to_string(rule.rule.selector), keep_text(rule.rule), context.time(rule.floor_ms),
               std::to_string(rule.series), std::to_string(rule.samples),
               std::to_string(rule.cells), std::to_string(rule.bytes)});
    if (dry && rule.waits) {
      context.note(
          fmt::format("{}: the floor jumps by more than 30 days: only `hygge retention "
                      "apply` does it",
                      to_string(rule.rule.selector)));
    }
  }
  if (report.cap) {
    const RetentionReport::Cap& cap = *report.cap;
    for (const RetentionReport::Rule& rule : cap.rules) {
      table.add({to_string(rule.rule.selector), "cap", context.time(rule.floor_ms),
                 std::to_string(rule.series), std::to_string(rule.samples),
                 std::to_string(rule.cells), std::to_string(rule.bytes)});
    }
    context.note(fmt::format(
        "cap: {}, of which {} are taken and {} kept free for log, memory and "
        "one day written anew",
        human_bytes(cap.cap_bytes), human_bytes(cap.disk_bytes), human_bytes(cap.kept_free)));
  }
  return context.write_table(table);
}

// "500MB", "1.5 GiB", "2000000000", "none": bytes.
Result<std::uint64_t> parse_size(const std::string& text) {
  if (text == "none") return 0;
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array kUnits = std::to_array<Unit>({{"", 1},
                                                     {"B", 1},
                                                     {"kB", 1e3},
                                                     {"KB", 1e3},
                                                     {"MB", 1e6},
                                                     {"GB", 1e9},
                                                     {"TB", 1e12},
                                                     {"KiB", 1024.0},
                                                     {"MiB", 1024.0 * 1024},
                                                     {"GiB", 1024.0 * 1024 * 1024},
                                                     {"TiB", 1024.0 * 1024 * 1024 * 1024}});
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto* const known =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return one.name == unit; });
  const bool good = read.ec == std::errc() && known != kUnits.end() && number > 0 &&
                    number * known->bytes < 1e18 && number * known->bytes >= 1;
  if (!good) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: not a size", text),
                "for example 500MB, 20GiB, 2000000000 (bytes), or none");
  }
  return static_cast<std::uint64_t>(number * known->bytes);
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
    json.close(']').key("cap_bytes");
    if (retention.cap_bytes > 0) {
      json.number(retention.cap_bytes);
    } else {
      json.null();
    }
    json.close('}');
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
  if (retention.cap_bytes > 0) {
    context.note(fmt::format("cap: {} for the whole directory, oldest days first",
                             human_bytes(retention.cap_bytes)));
  }
  if (retention.rules.empty() && retention.cap_bytes == 0)
    context.note("no rules: everything is kept for ever");
  return done(context.write_table(table));
}

Result<int> run_retention_set(Context& context) {
  const auto rules = parse_file(context.arguments().values[0], parse_retention);
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

Result<int> run_retention_cap(Context& context) {
  const auto bytes = parse_size(context.arguments().values[0]);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  const bool dry = context.flag("dry-run");
  auto db = open(context, dry);
  if (!db) return tl::unexpected<Error>(db.error());
  const auto report = db->retention_dry_run(std::nullopt, *bytes);
  if (!report) return tl::unexpected<Error>(report.error());
  if (dry) {
    context.note("dry run: nothing was changed");
  } else if (auto set = db->set_retention_cap(*bytes); !set) {
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
  std::uint64_t cells = 0;
  const auto add = [&](const std::vector<RetentionReport::Rule>& rules) {
    for (const RetentionReport::Rule& rule : rules) {
      samples += rule.samples;
      cells += rule.cells;
    }
  };
  add(report->rules);
  if (report->cap) add(report->cap->rules);
  if (dry) {
    context.note("dry run: nothing was changed");
  } else if (samples + cells > 0) {
    const std::string question = fmt::format(
        "forget {} samples{} that the rules have done with, or that the cap has no room for?",
        grouped(samples), cells > 0 ? fmt::format(" and {} cells", grouped(cells)) : "");
    if (auto agreed = ask(context, question); !agreed) return tl::unexpected<Error>(agreed.error());
    report = db->apply_retention();
    if (!report) return tl::unexpected<Error>(report.error());
  }
  return done(write_report(context, *report, dry));
}

}  // namespace hygge::command
