// rollup: which cells stand beside the samples. list, set, stats, verify.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/rollup.h>

#include <string>
#include <utility>

#include "context.h"
#include "input_file.h"
#include "json.h"
#include "text.h"

namespace hygge::command {

namespace {

Result<int> done(Result<void> result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return 0;
}

std::string tiers_text(const std::vector<DurationMs>& tiers) {
  std::string out;
  for (const DurationMs tier : tiers) out += (out.empty() ? "" : ",") + format_duration(tier);
  return out.empty() ? "none" : out;
}

Result<void> write_rules(Context& context, const std::vector<RollupRule>& rules) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.rollup/1").key("rules").open('[');
    for (const RollupRule& rule : rules) {
      json.open('{').member("selector", to_string(rule.selector)).key("tiers").open('[');
      for (const DurationMs tier : rule.tiers) json.number(tier);
      json.close(']').member("regression", rule.regression).key("sketch");
      if (rule.sketch_ppm == 0) {
        json.null();
      } else {
        json.number(static_cast<double>(rule.sketch_ppm) / 1e6);
      }
      json.close('}');
    }
    json.close(']').key("default").open('[');
    for (const DurationMs tier : kDefaultTiers) json.number(tier);
    json.close(']').close('}');
    return context.out().write(json.out() + "\n");
  }
  Table table({{"selector", false, true, 0},
               {"tiers", false, false, 0},
               {"regression", false, false, 1},
               {"sketch", false, false, 1}});
  for (const RollupRule& rule : rules) {
    table.add({to_string(rule.selector), tiers_text(rule.tiers), rule.regression ? "yes" : "",
               rule.sketch_ppm != 0 ? format_accuracy(rule.sketch_ppm) : ""});
  }
  context.note(fmt::format(
      "{}: {}", rules.empty() ? "no rules; series get" : "series that no rule matches get",
      tiers_text({std::begin(kDefaultTiers), std::end(kDefaultTiers)})));
  return context.write_table(table);
}

std::string each(std::uint64_t bytes, std::uint64_t count) {
  if (count == 0) return "";
  return fmt::format("{:.2f}", static_cast<double>(bytes) / static_cast<double>(count));
}

Result<void> write_stats(Context& context, const RollupStats& stats, std::uint64_t samples) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.rollup.stats/1").key("tiers").open('[');
    for (const RollupStats::Tier& tier : stats.tiers) {
      json.open('{').member("tier", format_duration(tier.resolution_ms));
      json.member("rows", tier.rows).member("cells", tier.cells).member("bytes", tier.bytes);
      json.member("counter_rows", tier.counter_rows).member("counter_cells", tier.counter_cells);
      json.member("counter_bytes", tier.counter_bytes).member("sketch_rows", tier.sketch_rows);
      json.member("sketch_cells", tier.sketch_cells).member("sketch_bytes", tier.sketch_bytes);
      json.close('}');
    }
    json.close(']').member("samples", samples).member("days", stats.days);
    json.member("days_expired", stats.days_expired).member("days_due", stats.days_due).close('}');
    return context.out().write(json.out() + "\n");
  }
  Table table({{"tier", false, false, 0},
               {"rows", true, false, 0},
               {"cells", true, false, 0},
               {"bytes", true, false, 0},
               {"bytes_per_cell", true, false, 0},
               {"counters", true, false, 2},
               {"others", true, false, 2},
               {"sketches", true, false, 2},
               {"bytes_per_sample", true, false, 1}});
  for (const RollupStats::Tier& tier : stats.tiers) {
    table.add({format_duration(tier.resolution_ms), std::to_string(tier.rows),
               std::to_string(tier.cells), std::to_string(tier.bytes), each(tier.bytes, tier.cells),
               each(tier.counter_bytes, tier.counter_cells),
               each(tier.bytes - tier.counter_bytes, tier.cells - tier.counter_cells),
               each(tier.sketch_bytes, tier.sketch_cells), each(tier.bytes, samples)});
  }
  if (stats.days_due > 0) {
    context.note(
        fmt::format("{} of {} sealed days wait for cells: `hygge db compact` computes them",
                    stats.days_due, stats.days));
  }
  return context.write_table(table);
}

}  // namespace

Result<int> run_rollup_list(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  return done(write_rules(context, db->rollups()));
}

Result<int> run_rollup_set(Context& context) {
  const auto rules = parse_file(context.arguments().values[0], parse_rollups);
  if (!rules) return tl::unexpected<Error>(rules.error());
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const bool dry = context.flag("dry-run");
  auto db = dry ? Db::open_read_only(*dir) : Db::open(*dir);
  if (!db) return tl::unexpected<Error>(db.error());
  const bool same = *rules == db->rollups();
  const auto stats = db->rollup_stats();
  if (!stats) return tl::unexpected<Error>(stats.error());
  if (dry) {
    context.note("dry run: nothing was changed");
  } else if (auto set = db->set_rollups(*rules); !set) {
    return tl::unexpected<Error>(set.error());
  }
  const std::uint64_t due = same ? stats->days_due : stats->days;
  if (due > 0) {
    context.note(
        fmt::format("{} sealed days get their cells anew: by maintenance, or `hygge db "
                    "compact` at once",
                    due));
  }
  if (!same && stats->days_expired > 0) {
    context.note(
        fmt::format("on {} days the samples of some series have expired: those keep the cells that "
                    "they have",
                    stats->days_expired));
  }
  return done(write_rules(context, *rules));
}

Result<int> run_rollup_stats(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto stats = db->rollup_stats();
  if (!stats) return tl::unexpected<Error>(stats.error());
  const auto of_db = db->stats();
  if (!of_db) return tl::unexpected<Error>(of_db.error());
  std::uint64_t samples = 0;
  for (const Stats::Day& day : of_db->days) {
    if (day.state != Stats::Day::State::open) samples += day.samples;
  }
  return done(write_stats(context, *stats, samples));
}

Result<int> run_rollup_verify(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto report = db->verify();
  if (!report) return tl::unexpected<Error>(report.error());
  std::vector<const Damage*> damaged;
  for (const Damage& damage : report->damage) {
    if (damage.where.starts_with("store/cells")) damaged.push_back(&damage);
  }
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.rollup.verify/1").member("ok", damaged.empty());
    json.member("rows", report->cell_rows).key("damage").open('[');
    for (const Damage* damage : damaged) {
      json.open('{').member("where", damage->where).member("what", damage->what);
      json.member("series", damage->series ? to_string(*damage->series) : std::string());
      json.close('}');
    }
    json.close(']').close('}');
    auto wrote = context.out().write(json.out() + "\n");
    if (!wrote) return tl::unexpected<Error>(wrote.error());
    return damaged.empty() ? 0 : 1;
  }
  Table table({{"where", false, false, 0}, {"series", false, true, 0}, {"what", false, true, 0}});
  for (const Damage* damage : damaged) {
    table.add({damage->where, damage->series ? to_string(*damage->series) : "", damage->what});
  }
  context.note(fmt::format("{} rows of cells compared with their samples, {} differ",
                           grouped(report->cell_rows), grouped(damaged.size())));
  if (auto wrote = context.write_table(table); !wrote) return tl::unexpected<Error>(wrote.error());
  return damaged.empty() ? 0 : 1;
}

}  // namespace hygge::command
