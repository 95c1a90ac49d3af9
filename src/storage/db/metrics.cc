// The engine's own figures as OpenMetrics 1.0 text.
#include <fmt/format.h>
#include <hygge/db.h>

#include <iterator>
#include <string>
#include <string_view>

namespace hygge {

namespace {

class Writer {
 public:
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "gauge", help);
    fmt::format_to(std::back_inserter(out_), "hygge_{} {}\n", name, value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    fmt::format_to(std::back_inserter(out_), "hygge_{}_total {}\n", name, value);
  }
  void time(std::string_view name, std::string_view help, TimeMs t_ms) {
    family(name, "gauge", help);
    fmt::format_to(std::back_inserter(out_), "hygge_{} {}\n", name,
                   static_cast<double>(t_ms) / 1000.0);
  }
  void ratio(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    fmt::format_to(std::back_inserter(out_), "hygge_{} {:.3f}\n", name, value);
  }
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(out_), "# TYPE hygge_{} {}\n", name, type);
    for (const std::string_view unit : {"bytes", "seconds"}) {
      if (!name.ends_with(unit)) continue;
      fmt::format_to(std::back_inserter(out_), "# UNIT hygge_{} {}\n", name, unit);
    }
    fmt::format_to(std::back_inserter(out_), "# HELP hygge_{} {}\n", name, help);
  }
  void row(std::string_view name, std::string_view labels, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out_), "hygge_{}{{{}}} {}\n", name, labels, value);
  }
  std::string end() {
    out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  std::string out_;
};

void write_now(Writer& out, const Stats& stats) {
  out.gauge("series", "Series in the index.", stats.series);
  out.gauge("head_samples", "Samples in memory that are not in the store yet.", stats.head_samples);
  out.gauge("head_bytes", "Memory of open, late and waiting chunks.", stats.head_bytes);
  out.gauge("index_bytes", "Memory of the index.", stats.index_bytes);
  out.gauge("memtable_bytes", "Memory of what the store has not written to files.",
            stats.memtable_bytes);
  out.gauge("cache_bytes", "Memory of the block cache, the share of memtables included.",
            stats.cache_bytes);
  out.gauge("log_segments", "Segments of the log.", stats.log_segments);
  out.gauge("log_bytes", "Bytes of the log on disk.", stats.log_bytes);
  out.gauge("log_budget_bytes", "Log that an open may have to replay, at most.",
            stats.log_budget_bytes);
  out.gauge("chunk_file_bytes", "Bytes of the files that hold chunks.", stats.chunks.bytes);
  out.gauge("cell_file_bytes", "Bytes of the files that hold rollup cells.", stats.cell_bytes);
  out.gauge("disk_bytes", "Bytes of the whole directory.", stats.disk_bytes);
  out.gauge("partitions", "Days with samples.", stats.partitions);
  out.gauge("deletes_pending", "Deletes that are masked, and still in the store.",
            stats.deletes_pending);
  out.gauge("replayed_samples", "Samples that the open replayed from the log.",
            stats.replay_samples);
  if (stats.first_ms) {
    out.time("oldest_sample_timestamp_seconds", "Time of the oldest sample.", *stats.first_ms);
  }
  if (stats.last_ms) {
    out.time("newest_sample_timestamp_seconds", "Time of the newest sample.", *stats.last_ms);
  }
}

void write_since_open(Writer& out, const Stats& stats) {
  out.counter("batches", "Batches committed.", stats.batches);
  out.counter("samples_taken", "Samples of those batches.", stats.samples_taken);
  out.counter("log_written_bytes", "Payloads of records appended to the log.",
              stats.log_written_bytes);
  out.counter("log_syncs", "Times that the log was synced.", stats.log_syncs);
  out.counter("log_segments_unlinked", "Segments removed behind marks.", stats.segments_unlinked);
  out.counter("marks", "Marks up to which nothing has to be replayed.", stats.marks);
  out.counter("put_passes", "Passes that moved chunks into the store.", stats.put_passes);
  out.counter("chunks_put", "Chunks of those passes.", stats.chunks_put);
  out.counter("early_closes", "Chunks closed before they were full: log budget, memory.",
              stats.early_closes);
  out.counter("late_duplicates", "Late samples that the store held bit for bit.",
              stats.late_duplicates);
  out.counter("late_outdone", "Late samples that lost to a stored one by on_duplicate.",
              stats.late_outdone);
  out.counter("series_damaged", "Series of days that damage kept maintenance from reading whole.",
              stats.series_damaged);
  out.counter("late_merges", "Series of a day merged before their late chunks ran out.",
              stats.late_merges);
  out.counter("partitions_sealed", "Days sealed.", stats.partitions_sealed);
  out.counter("series_resealed", "Series of sealed days done again for late data.",
              stats.series_resealed);
  out.counter("sealed_bytes", "Keys and values that seals wrote, before compression.",
              stats.sealed_bytes);
  out.counter("store_flushes", "Memtables written to files.", stats.store_flushes);
  out.counter("store_flush_bytes", "Bytes of those files.", stats.store_flush_bytes);
  out.counter("store_compactions", "Compactions of the store.", stats.store_compactions);
  out.counter("store_compaction_bytes", "Bytes that compactions wrote.",
              stats.store_compaction_bytes);
  out.counter("store_stalls", "Times that the store began to slow writes down.",
              stats.store_stalls);
  out.counter("cell_rows", "Rows of rollup cells that seals and late data made.", stats.cell_rows);
  out.ratio("write_amplification", "Bytes written, log and store, for each byte logged.",
            stats.write_amplification());
}

void write_days(Writer& out, const Stats& stats) {
  if (stats.days.empty()) return;
  const auto rows = [&](std::string_view name, std::string_view help,
                        std::uint64_t Stats::Day::*figure) {
    out.family(name, "gauge", help);
    for (const Stats::Day& day : stats.days) {
      out.row(name,
              fmt::format(R"(day="{}",state="{}")", format_time_utc(day.range.after).substr(0, 10),
                          to_string(day.state)),
              day.*figure);
    }
  };
  rows("partition_file_bytes", "Bytes of a day's chunks on disk.", &Stats::Day::file_bytes);
  rows("partition_cell_file_bytes", "Bytes of a day's rollup cells on disk.",
       &Stats::Day::cell_file_bytes);
  rows("partition_series", "Series with samples on a day.", &Stats::Day::series);
  rows("partition_dirty_series", "Series of a sealed day whose late data waits to be merged.",
       &Stats::Day::dirty_series);
}

// Only where somebody has looked at every chunk.
void write_codecs(Writer& out, const Stats& stats) {
  if (stats.chunks.count == 0) return;
  using Codec = Stats::Chunks::Codec;
  const auto rows = [&](std::string_view name, std::string_view help,
                        std::uint64_t Codec::*figure) {
    out.family(name, "gauge", help);
    out.row(name, R"(codec="gorilla")", stats.chunks.gorilla.*figure);
    out.row(name, R"(codec="pack")", stats.chunks.pack.*figure);
  };
  rows("chunks", "Chunks in the store.", &Codec::count);
  rows("chunk_samples", "Samples of those chunks.", &Codec::samples);
  rows("chunk_payload_bytes", "Bytes of those chunks before compression.", &Codec::payload_bytes);
}

}  // namespace

std::string_view to_string(Stats::Day::State state) noexcept {
  switch (state) {
    case Stats::Day::State::open:
      return "open";
    case Stats::Day::State::sealed:
      return "sealed";
    case Stats::Day::State::sealed_early:
      return "sealed_early";
  }
  return "";
}

std::string to_openmetrics(const Stats& stats) {
  Writer out;
  write_now(out, stats);
  write_since_open(out, stats);
  write_days(out, stats);
  write_codecs(out, stats);
  return out.end();
}

}  // namespace hygge
