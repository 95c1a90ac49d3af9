// db verify, db repair: what is damaged, and what can be done about it.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/house.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "figures.h"
#include "house.h"
#include "json.h"

namespace hygge::command {

namespace {

void time_or_null(Json& json, std::string_view key, bool known, TimeMs t_ms) {
  json.key(key);
  if (known) {
    json.number(t_ms);
  } else {
    json.null();
  }
}

void write_damage(const std::vector<Damage>& all, Json& json) {
  for (const Damage& damage : all) {
    json.open('{').member("where", damage.where).key("series");
    if (damage.series) {
      json.open('{');
      for (const Label& label : *damage.series) json.member(label.name, label.value);
      json.close('}');
    } else {
      json.null();
    }
    const bool known = !damage.range.empty();
    time_or_null(json, "from", known, damage.range.after);
    time_or_null(json, "to", known, damage.range.until);
    json.member("what", damage.what).close('}');
  }
}

std::string damage_json(const VerifyReport& report) {
  Json json;
  json.open('{').member("schema", "hygge.verify/1").member("ok", report.ok());
  json.key("checked").open('{').member("chunks", report.chunks).member("records", report.records);
  json.member("series", report.series).close('}').key("damage").open('[');
  write_damage(report.damage, json);
  json.close(']').close('}');
  return json.out() + "\n";
}

void add_damage(const Context& context, const std::vector<Damage>& all, Figures& figures) {
  for (const Damage& damage : all) {
    std::string line = fmt::format("{}: {}", damage.where, damage.what);
    if (damage.series) line += fmt::format("; {}", to_string(*damage.series));
    if (!damage.range.empty()) {
      line += fmt::format("; after {} until {}", context.time(damage.range.after),
                          context.time(damage.range.until));
    }
    figures.text("damage", line);
  }
}

Result<int> done(Result<void> wrote, int code = 0) {
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return code;
}

// Asks on a terminal; elsewhere --yes has to say it.
Result<bool> confirmed(const Context& context, const std::string& what) {
  if (context.flag("yes") || context.flag("dry-run")) return true;
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: this needs --yes", what),
                "--dry-run shows what is damaged and changes nothing");
  }
  fmt::print(stderr, "{}? [y/N] ", what);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

std::string repair_json(const RepairReport& report, bool dry_run) {
  Json json;
  json.open('{').member("schema", "hygge.repair/1").member("dry_run", dry_run);
  json.member("whole", report.whole).key("actions").open('[');
  for (const std::string& action : report.actions) json.text(action);
  json.close(']').key("quarantine");
  if (report.quarantine.empty()) {
    json.null();
  } else {
    json.text(report.quarantine);
  }
  json.key("damage").open('[');
  write_damage(report.damage, json);
  json.close(']').close('}');
  return json.out() + "\n";
}

}  // namespace

Result<int> run_db_verify(Context& context) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  VerifyOptions options;
  options.deep = context.flag("deep");
  const auto report = verify(*dir, options);
  if (!report) return tl::unexpected<Error>(report.error());
  const int code = report->ok() ? 0 : 1;
  if (context.format() == "json") return done(context.out().write(damage_json(*report)), code);
  Figures figures;
  figures.count("chunks", report->chunks);
  figures.count("records", report->records);
  figures.count("series", report->series);
  figures.text("verdict",
               report->ok() ? "whole" : fmt::format("DAMAGED in {} places", report->damage.size()));
  add_damage(context, report->damage, figures);
  return done(figures.write(context), code);
}

Result<int> run_db_repair(Context& context) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const auto agreed = confirmed(context, fmt::format("repair {}", *dir));
  if (!agreed) return tl::unexpected<Error>(agreed.error());
  if (!*agreed) return fail(ErrorCode::cancelled, "nothing was changed");
  RepairOptions options;
  options.dry_run = context.flag("dry-run");
  const auto report = repair(*dir, options);
  if (!report) return tl::unexpected<Error>(report.error());
  const int code = report->whole ? 0 : 1;
  if (context.format() == "json") {
    return done(context.out().write(repair_json(*report, options.dry_run)), code);
  }
  Figures figures;
  figures.text("verdict", report->whole ? "whole" : "DAMAGED");
  for (const std::string& action : report->actions) figures.text("did", action);
  if (!report->quarantine.empty()) figures.text("quarantine", report->quarantine);
  add_damage(context, report->damage, figures);
  return done(figures.write(context), code);
}

}  // namespace hygge::command
