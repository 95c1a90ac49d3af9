// db info, stats, compact: the house.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/house.h>

#include <stop_token>
#include <string>
#include <utility>

#include "context.h"
#include "figures.h"
#include "house.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "text.h"

namespace hygge::command {

namespace {

void time_or_null(Json& json, std::string_view key, const TimeMs* t_ms) {
  json.key(key);
  if (t_ms != nullptr) {
    json.number(*t_ms);
  } else {
    json.null();
  }
}

void days_json(Json& json, const Stats& stats) {
  json.key("days").open('[');
  for (const Stats::Day& day : stats.days) {
    json.open('{').member("from", day.range.after).member("state", to_string(day.state));
    json.member("series", day.series).member("dirty_series", day.dirty_series);
    json.member("expired_series", day.expired_series);
    json.member("chunks", day.chunks).member("samples", day.samples);
    json.member("payload_bytes", day.payload_bytes).member("bytes", day.file_bytes);
    json.member("cell_bytes", day.cell_file_bytes).close('}');
  }
  json.close(']');
}

void codec_json(Json& json, std::string_view name, const Stats::Chunks::Codec& codec) {
  json.key(name).open('{').member("count", codec.count);
  json.member("payload_bytes", codec.payload_bytes).member("samples", codec.samples).close('}');
}

std::string stats_json(const Stats& stats) {
  Json json;
  json.open('{').member("schema", "hygge.stats/1").member("samples", stats.samples);
  json.member("series", stats.series);
  time_or_null(json, "from", stats.first_ms ? &*stats.first_ms : nullptr);
  time_or_null(json, "to", stats.last_ms ? &*stats.last_ms : nullptr);
  json.key("chunks").open('{').member("count", stats.chunks.count);
  json.member("bytes", stats.chunks.bytes).key("by_codec").open('{');
  codec_json(json, "gorilla", stats.chunks.gorilla);
  codec_json(json, "pack", stats.chunks.pack);
  json.close('}').member("series_damaged", stats.chunks.series_damaged).close('}');
  json.key("head").open('{').member("samples", stats.head_samples);
  json.member("bytes", stats.head_bytes).close('}');
  json.key("log").open('{').member("segments", stats.log_segments);
  json.member("bytes", stats.log_bytes).member("replay_samples", stats.replay_samples);
  json.member("budget_bytes", stats.log_budget_bytes).close('}');
  json.key("index").open('{').member("bytes", stats.index_bytes).close('}');
  json.key("disk").open('{').member("bytes", stats.disk_bytes).close('}');
  json.member("partitions", stats.partitions);
  json.member("deletes_pending", stats.deletes_pending).member("cell_bytes", stats.cell_bytes);
  days_json(json, stats);
  json.close('}');
  return json.out() + "\n";
}

std::string per_sample(std::uint64_t bytes, std::uint64_t samples) {
  return samples == 0
             ? ""
             : fmt::format("{:.2f}", static_cast<double>(bytes) / static_cast<double>(samples));
}

Result<int> done(Result<void> wrote, int code = 0) {
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return code;
}

}  // namespace

Result<int> run_db_info(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto directory = identify(db->directory());
  if (!directory) return tl::unexpected<Error>(directory.error());
  const auto names = db->label_values(kNameLabel);
  if (!names) return tl::unexpected<Error>(names.error());
  const auto bounds = db->time_bounds();
  const std::uint64_t replayed = db->open_report().replayed_samples;
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.info/1").member("directory", db->directory());
    json.member("format", directory->format).member("id", directory->id);
    json.member("created", directory->created_ms).member("snapshot", directory->snapshot);
    json.member("metrics", names->size());
    time_or_null(json, "from", bounds ? &bounds->first_ms : nullptr);
    time_or_null(json, "to", bounds ? &bounds->last_ms : nullptr);
    json.member("replay_samples", replayed).key("notes").open('[');
    for (const std::string& note : db->open_report().notes) json.text(note);
    json.close(']').close('}');
    return done(context.out().write(json.out() + "\n"));
  }
  Figures figures;
  figures.text("directory", db->directory());
  figures.count("format", directory->format);
  figures.text("created", context.time(directory->created_ms));
  if (directory->snapshot) figures.text("kind", "snapshot, only to be read");
  figures.count("metrics", names->size());
  figures.text("from", bounds ? context.time(bounds->first_ms) : "");
  figures.text("to", bounds ? context.time(bounds->last_ms) : "");
  figures.count("replay_samples", replayed);
  for (const std::string& note : db->open_report().notes) figures.text("note", note);
  return done(figures.write(context));
}

Result<int> run_db_stats(Context& context) {
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto stats = db->stats();
  if (!stats) return tl::unexpected<Error>(stats.error());
  if (context.format() == "json") return done(context.out().write(stats_json(*stats)));
  if (context.format() == "openmetrics") return done(context.out().write(to_openmetrics(*stats)));
  Figures figures;
  figures.count("samples", stats->samples);
  figures.count("series", stats->series);
  figures.text("from", context.time(stats->first_ms));
  figures.text("to", context.time(stats->last_ms));
  figures.count("chunks", stats->chunks.count);
  figures.bytes("chunk_bytes", stats->chunks.bytes);
  figures.text("bytes_per_sample", per_sample(stats->chunks.bytes, stats->chunks.samples));
  figures.count("head_samples", stats->head_samples);
  figures.bytes("log_bytes", stats->log_bytes);
  figures.count("log_segments", stats->log_segments);
  figures.bytes("log_budget_bytes", stats->log_budget_bytes);
  figures.count("replay_samples", stats->replay_samples);
  figures.bytes("disk_bytes", stats->disk_bytes);
  figures.count("partitions", stats->partitions);
  std::uint64_t sealed = 0;
  std::uint64_t dirty = 0;
  std::uint64_t expired = 0;
  for (const Stats::Day& day : stats->days) {
    sealed += day.state == Stats::Day::State::open ? 0 : 1;
    dirty += day.dirty_series > 0 ? 1 : 0;
    expired += day.expired_series > 0 ? 1 : 0;
  }
  figures.count("partitions_sealed", sealed);
  figures.count("partitions_dirty", dirty);
  figures.count("partitions_expired", expired);
  figures.count("deletes_pending", stats->deletes_pending);
  figures.bytes("cell_bytes", stats->cell_bytes);
  figures.count("gorilla_samples", stats->chunks.gorilla.samples);
  figures.count("pack_samples", stats->chunks.pack.samples);
  figures.text("samples_per_chunk", per_sample(stats->chunks.samples, stats->chunks.count));
  if (stats->chunks.series_damaged > 0) {
    figures.count("series_damaged", stats->chunks.series_damaged);
    context.note("what lies in damaged blocks is not counted; `hygge db verify` names it");
  }
  return done(figures.write(context));
}

namespace {

// Whether it came to its end.
Result<bool> compact(const Context& context, Db& db) {
  Progress progress("auto", "compact", context.flag("quiet"), Progress::Unit::series);
  std::stop_source stop;
  on_interrupt([&stop] { stop.request_stop(); });
  Maintain how;
  how.stop = stop.get_token();
  how.progress = [&](const hygge::Progress& at) { progress.update(at.done, at.total, at.done); };
  const auto compacted = db.compact(how);
  on_interrupt({});
  progress.finish();
  if (!compacted) return tl::unexpected<Error>(compacted.error());
  return compacted->finished;
}

}  // namespace

Result<int> run_db_compact(Context& context) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const bool dry = context.flag("dry-run");
  auto db = dry ? Db::open_read_only(*dir) : Db::open(*dir);
  if (!db) return tl::unexpected<Error>(db.error());
  const auto before = db->stats();
  if (!before) return tl::unexpected<Error>(before.error());
  bool stopped = false;
  if (dry) {
    context.note("dry run: nothing was changed");
  } else {
    auto compacted = compact(context, *db);
    if (!compacted) return tl::unexpected<Error>(compacted.error());
    stopped = !*compacted;
  }
  const auto after = db->stats();
  if (!after) return tl::unexpected<Error>(after.error());
  if (!dry) {
    if (auto closed = db->close(); !closed) return tl::unexpected<Error>(closed.error());
  }
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.compact/1").member("dry_run", dry);
    json.member("disk_bytes_before", before->disk_bytes);
    json.member("disk_bytes", after->disk_bytes).member("chunks", after->chunks.count);
    json.member("chunk_bytes", after->chunks.bytes);
    json.member("partitions_sealed", after->partitions_sealed);
    json.member("finished", !stopped).close('}');
    return done(context.out().write(json.out() + "\n"), stopped ? kInterrupted : 0);
  }
  Figures figures;
  figures.bytes("disk_bytes_before", before->disk_bytes);
  figures.bytes("disk_bytes", after->disk_bytes);
  figures.count("chunks", after->chunks.count);
  figures.bytes("chunk_bytes", after->chunks.bytes);
  if (stopped) context.note("interrupted; what is done stays, the rest is as it was");
  return done(figures.write(context), stopped ? kInterrupted : 0);
}

// There has been one format so far: what this says is all there is to do.
Result<int> run_db_upgrade(Context& context) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const auto directory = identify(*dir);
  if (!directory) return tl::unexpected<Error>(directory.error());
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.upgrade/1").member("format", directory->format);
    json.member("newest_format", directory->newest_format).key("steps").open('[');
    json.close(']').close('}');
    return done(context.out().write(json.out() + "\n"));
  }
  Figures figures;
  figures.count("format", directory->format);
  figures.count("newest_format", directory->newest_format);
  figures.text("steps", "none: this is the newest format");
  return done(figures.write(context));
}

}  // namespace hygge::command
