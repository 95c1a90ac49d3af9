// A database: open, write, view, keep house.
#pragma once

#include <hygge/batch.h>
#include <hygge/cardinality.h>
#include <hygge/chunk_report.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/maintain.h>
#include <hygge/metadata.h>
#include <hygge/options.h>
#include <hygge/policy.h>
#include <hygge/retention.h>
#include <hygge/rollup.h>
#include <hygge/selector.h>
#include <hygge/view.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {

/// What became of a batch.
struct WriteReport {
  /// A sample that a policy kept out.
  struct Refused {
    enum class Reason : std::uint8_t {
      out_of_order,  ///< older than `out_of_order` allows
      outdone,       ///< by `on_duplicate` the value stands that the head holds for its time
      expired,       ///< at or before the floor of the samples of a rule that keeps cells apart
    };
    Reason reason = Reason::out_of_order;
    SeriesId series;
    std::string labels;  ///< as text; empty once the series is gone
    TimeMs t_ms = 0;
    double v = 0;
  };

  std::uint64_t samples = 0;       ///< taken into the database
  std::uint64_t series_new = 0;    ///< series that the batch created
  std::uint64_t out_of_order = 0;  ///< of `samples`: not later than all that its series held
  std::uint64_t replaced = 0;      ///< of `samples`: another value of the same time was in the head
  std::uint64_t duplicates = 0;    ///< bit-equal to a sample in the head: nothing changed
  std::uint64_t refused_out_of_order = 0;  ///< kept out: too old, or expired; see Refused
  std::uint64_t outdone = 0;               ///< kept out: see Refused
  std::vector<Refused> first_refused;      ///< the first few of those
  bool repeat = false;  ///< a batch of this id was taken before; the figures are of that time
};

/// Figures of a database. Counts of samples are exact where nothing overlaps; late chunks that
/// repeat stored samples count twice.
struct Stats {
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  std::optional<TimeMs> first_ms;  ///< oldest and newest sample; none in an empty database
  std::optional<TimeMs> last_ms;
  struct Chunks {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;  ///< of the chunk column family's files (live), keys included
    std::uint64_t payload_bytes = 0;
    std::uint64_t samples = 0;
    struct Codec {
      std::uint64_t count = 0;
      std::uint64_t payload_bytes = 0;
      std::uint64_t samples = 0;
    } gorilla, pack;
    /// Series of days of which a damaged block may hide something: not counted, Db::verify names
    /// it.
    std::uint64_t series_damaged = 0;
  } chunks;                      ///< in the store
  std::uint64_t cell_bytes = 0;  ///< of the files (live) that hold cells
  std::uint64_t head_samples = 0;
  std::uint64_t head_bytes = 0;  ///< memory of open, late and waiting chunks
  std::uint64_t index_bytes = 0;
  std::uint64_t log_segments = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t replay_samples = 0;  ///< that the last open replayed
  std::uint64_t disk_bytes = 0;      ///< the whole directory
  std::uint64_t partitions = 0;
  /// One UTC day with samples. What the head holds of it is not counted.
  struct Day {
    TimeRange range;
    enum class State : std::uint8_t {
      open,
      sealed,
      sealed_early,  ///< sealed before its end by compact(): the next sample opens it again
    } state = State::open;
    std::uint64_t series = 0;
    std::uint64_t dirty_series = 0;    ///< of a sealed day: late data waits to be merged
    std::uint64_t expired_series = 0;  ///< of `series`: only cells are left
    std::uint64_t chunks = 0;
    std::uint64_t samples = 0;
    std::uint64_t payload_bytes = 0;
    std::uint64_t file_bytes = 0;       ///< on disk, to a block; 0 while all is in memory
    std::uint64_t cell_file_bytes = 0;  ///< so, of its cells
  };
  std::vector<Day> days;  ///< in order
  /// Since the open:
  std::uint64_t put_passes = 0;
  std::uint64_t chunks_put = 0;
  std::uint64_t batches = 0;            ///< committed
  std::uint64_t samples_taken = 0;      ///< of those
  std::uint64_t log_written_bytes = 0;  ///< payloads of records
  std::uint64_t store_flushes = 0;      ///< memtables written to files
  std::uint64_t store_flush_bytes = 0;  ///< of those files
  std::uint64_t store_compactions = 0;
  std::uint64_t store_compaction_bytes = 0;  ///< of the files that they wrote
  std::uint64_t store_stalls = 0;            ///< times that the store began to slow writes down
  std::uint64_t memtable_bytes = 0;          ///< now, not since the open
  std::uint64_t cache_bytes = 0;             ///< now: blocks of files, and memtables among them
  std::uint64_t marks = 0;
  std::uint64_t segments_unlinked = 0;
  std::uint64_t late_duplicates = 0;  ///< late samples that the store held bit for bit
  std::uint64_t partitions_sealed = 0;
  std::uint64_t series_resealed = 0;   ///< of sealed days, done again for late data
  std::uint64_t sealed_chunks = 0;     ///< that seals wrote
  std::uint64_t sealed_bytes = 0;      ///< keys and values of those, before compression
  std::uint64_t cell_rows = 0;         ///< rows of cells that seals and late data made
  std::uint64_t late_outdone = 0;      ///< late samples that lost to a stored one by `on_duplicate`
  std::uint64_t series_damaged = 0;    ///< of a day: met by maintenance, see MaintainReport
  std::uint64_t late_merges = 0;       ///< series of a day merged before their late chunks ran out
  std::uint64_t early_closes = 0;      ///< chunks closed before they were full: log budget, memory
  std::uint64_t log_syncs = 0;         ///< of what was written: one may acknowledge many batches
  std::uint64_t log_budget_bytes = 0;  ///< as it is now; grows with the series written to
  std::uint64_t deletes_pending = 0;   ///< deletes that are masked, and still in the store

  /// Bytes written to disk, log and store, for each byte of it that was logged; since the open, and
  /// 0 before the first batch.
  [[nodiscard]] double write_amplification() const noexcept;
};

/// "open", "sealed" or "sealed_early".
[[nodiscard]] std::string_view to_string(Stats::Day::State state) noexcept;

/// The figures as OpenMetrics text, `# EOF` included: names `hygge_…`, bytes and counts as they
/// are, per day and per codec as labels. What was counted since the open is a counter.
[[nodiscard]] std::string to_openmetrics(const Stats& stats);

/// The oldest and the newest sample of a database.
struct TimeBounds {
  TimeMs first_ms = 0;
  TimeMs last_ms = 0;
};

/// One damaged place.
struct Damage {
  std::string where;  ///< file or key
  std::string what;
  std::optional<Labels> series;
  TimeRange range;  ///< empty when unknown
};
struct VerifyReport {
  std::uint64_t chunks = 0;
  std::uint64_t records = 0;
  std::uint64_t series = 0;
  std::uint64_t cell_rows = 0;  ///< computed again, and compared
  std::vector<Damage> damage;
  [[nodiscard]] bool ok() const noexcept { return damage.empty(); }
};

/// What an open had to mend or leave out; for people to read.
struct OpenReport {
  std::uint64_t replayed_samples = 0;
  std::uint64_t truncated_bytes = 0;  ///< a torn tail of the log
  std::vector<std::string> notes;
};

/// What a copy of a database took.
struct CopyReport {
  std::uint64_t files = 0;
  std::uint64_t linked_bytes = 0;  ///< shared with the original
  std::uint64_t copied_bytes = 0;  ///< written anew, without the log
};

/// How Db::erase forgets.
struct EraseOptions {
  bool now = false;      ///< off the disk, too, when the call returns
  bool dry_run = false;  ///< only say what it would take
};

/// What a delete took.
struct EraseReport {
  std::uint64_t series = 0;   ///< that had samples in the range
  std::uint64_t samples = 0;  ///< as a View just before would have read them
  std::uint64_t bytes = 0;    ///< of encoded chunks, in memory and in the store
  /// Of days whose samples have expired: in all tiers, with those that lay only partly in the range
  /// and went whole, since nothing is left to compute the rest from.
  std::uint64_t cells = 0;
  std::uint64_t cells_cut = 0;  ///< those
  /// Only with `now`: why files may still hold its bytes, though the delete stands. busy: a view
  /// was taken meanwhile; corruption, io, no_space. Delete again with `now` to finish it.
  std::optional<Error> still_on_disk;
};

/// An open database directory; holds the writer's lock until destroyed. Moveable, not copyable.
/// Thread-safe: any member, from any thread, at any time.
class Db {
 public:
  /// Opens `dir` for writing and replays its log, in O(series + bytes of log).
  /// Errors: not_found (nothing there, `create_if_missing` off; or no database), busy (another
  /// writer; names its process), version (a newer format; names it), corruption (names file and
  /// offset), read_only (the file system), io, no_space.
  [[nodiscard]] static Result<Db> open(const std::string& dir, const Options& options = {});

  /// Opens for reading: no lock, nothing in the directory is changed, a writer may be at work. What
  /// is seen is every batch up to the moment of the open. Errors: as open; never busy.
  [[nodiscard]] static Result<Db> open_read_only(const std::string& dir,
                                                 const Options& options = {});

  Db(Db&&) noexcept;
  Db& operator=(Db&&) noexcept;
  ~Db();  ///< closes; errors of that are lost (see close)

  /// The id of a series, created (and logged) if new; good until this Db closes. A series of which
  /// nothing is left, and that nobody has asked this for, leaves the database with the next
  /// maintenance; written to again by its labels, it gets another id. O(bytes of labels).
  /// Errors: invalid_argument, limit, read_only, no_space, io.
  [[nodiscard]] Result<SeriesId> series(const Labels& labels);
  [[nodiscard]] Result<SeriesId> series(std::initializer_list<Label> labels);

  /// Commits `batch` whole or not at all; only reads it. Samples in any order of time; what the
  /// write policy keeps out is counted and the rest is committed. A batch with an id that was taken
  /// before changes nothing.
  /// Errors: invalid_argument (labels that are no label set; an id of more than 64 bytes),
  /// not_found (an unknown id), already_exists (another value for a time, under
  /// OnDuplicate::error), out_of_range (a time that cannot be stored), limit (names the offender),
  /// read_only (opened so; or a sync has failed: until it is opened again); no_space, io: nothing
  /// of the batch is visible, and writes fail until one finds room.
  [[nodiscard]] Result<WriteReport> write(const Batch& batch);

  /// What the database does with late and with repeated samples; kept in it. A change writes out
  /// everything first, while writers wait, and touches only what is not yet sealed: where two
  /// values of a time lie there, the new policy says which stands. Errors: invalid_argument (a
  /// negative `within_ms`), read_only, no_space, io.
  [[nodiscard]] Result<void> set_write_policy(const WritePolicy& policy);
  [[nodiscard]] WritePolicy write_policy() const;

  /// One consistent capture for all `selectors`, of the samples in `range`. Series without a sample
  /// on any day that the range touches are not in it.
  [[nodiscard]] Result<View> view(std::span<const Selector> selectors, TimeRange range) const;
  [[nodiscard]] Result<View> view(std::initializer_list<Selector> selectors, TimeRange range) const;

  /// All label names; the values of one name; both sorted.
  [[nodiscard]] Result<std::vector<std::string>> label_names() const;
  [[nodiscard]] Result<std::vector<std::string>> label_values(std::string_view name) const;

  /// Counts series by metric or label, from the index and the sets of series per day; reads no
  /// chunk unless asked for bytes. O(labels and days counted). Errors: parse (a regex); for bytes
  /// io and corruption.
  [[nodiscard]] Result<Cardinality> cardinality(const CardinalityQuestion& question) const;

  /// Declared metadata by family name, sorted.
  [[nodiscard]] std::map<std::string, Metadata> metadata() const;

  /// Forgets the samples in `range` of the series that any of `selectors` matches now, and what
  /// cells say of them: where samples have expired, cells that lie in the range or partly so go
  /// whole. Views taken
  /// before keep them, later ones do not see them; what is written afterwards stays. As durable as
  /// a write. Bytes on the disk go with the next maintenance, or with `now` before this returns:
  /// then no file of the directory holds a deleted value any more.
  /// Errors: invalid_argument (a pin keeps some of it; names the pin), limit (more series than one
  /// record can name), read_only, no_space, io; with `now` busy, if a View lives that is older. An
  /// error means that nothing is deleted; what fails later is in the receipt.
  /// O(samples in the range); readers wait only while memory is filtered.
  [[nodiscard]] Result<EraseReport> erase(std::span<const Selector> selectors, TimeRange range,
                                          const EraseOptions& options = {});
  [[nodiscard]] Result<EraseReport> erase(const Selector& selector, TimeRange range,
                                          const EraseOptions& options = {});

  /// Replaces the rules; a floor goes with the selector of its rule. They are applied by
  /// maintenance once a day and by apply_retention(). Errors: invalid_argument (a duration that is
  /// not more than 0; a tier that is none, or shorter than the samples), read_only, no_space, io.
  [[nodiscard]] Result<void> set_retention(std::vector<RetentionRule> rules);
  /// What each rule has done with.
  [[nodiscard]] std::vector<RetentionFloors> retention_floors() const;
  [[nodiscard]] Retention retention() const;
  /// Keeps the whole directory at or below `bytes` (0: no cap; Retention::cap_bytes says what goes
  /// first). Log budget, memtables and three times the largest day, to write it anew and compact
  /// it, are kept free inside it; for that days go with the next maintenance, and as often as
  /// needed. A writer that is faster waits for it, or fails with no_space where maintenance is
  /// manual. So it does where nothing may go: today, pins, what views hold. A directory that is
  /// larger already shrinks with the next maintenance. Errors: invalid_argument (less than what is
  /// in log and memory may take; names the least), read_only, no_space, io.
  [[nodiscard]] Result<void> set_retention_cap(std::uint64_t bytes);
  /// Keeps the samples in `range` of what `selector` matches now or later, and takes a pin of
  /// exactly these back. Errors: invalid_argument (an empty range), already_exists; not_found;
  /// read_only, no_space, io.
  [[nodiscard]] Result<void> pin(const Selector& selector, TimeRange range);
  [[nodiscard]] Result<void> unpin(const Selector& selector, TimeRange range);
  /// Forgets the days that the rules have done with (where cells stay, it seals them first, and
  /// samples of what is damaged stay), also where a floor jumps by more than 30 days,
  /// which maintenance leaves to this call. Age counts from the earlier of the newest sample and
  /// the clock. Views stay whole. Errors: as erase.
  [[nodiscard]] Result<RetentionReport> apply_retention();
  /// What apply_retention() would take, under `rules` and then under a cap (0: none), or those of
  /// the database. Any database.
  [[nodiscard]] Result<RetentionReport> retention_dry_run(
      const std::optional<std::vector<RetentionRule>>& rules = std::nullopt,
      std::optional<std::uint64_t> cap_bytes = std::nullopt) const;

  /// Replaces the rules of rollups. Days that are sealed get the cells of the new rules from
  /// maintenance and from compact(), computed from their samples; until then, and where samples
  /// have expired, questions read what there is. Errors: invalid_argument (a tier that does not
  /// divide the day, or is shorter than 10 s), read_only, no_space, io.
  [[nodiscard]] Result<void> set_rollups(std::vector<RollupRule> rules);
  [[nodiscard]] std::vector<RollupRule> rollups() const;
  /// Reads every row. Errors: corruption, io.
  [[nodiscard]] Result<RollupStats> rollup_stats() const;

  /// What is due, as the maintenance threads do it: a put pass, a flush and mark, then seals: a day
  /// that ended more than two hours ago, by the newest sample and by the clock, and got nothing for
  /// ten minutes is rewritten in its final form; late data is merged into it, at most every ten
  /// minutes. Before that, deletes are taken out of the store, and once a day retention is applied.
  /// Reads and writes go on meanwhile. For Maintenance::manual. Does nothing where the
  /// database is open for reading only. Errors: no_space, io, corruption of what is no chunk.
  [[nodiscard]] Result<MaintainReport> maintain(const Maintain& how = {});
  /// Closes every open chunk and late buffer, writes all to the store, flushes and marks: the
  /// counts of stats() are final then, and nothing is left to replay. Errors: no_space, io,
  /// read_only.
  [[nodiscard]] Result<void> flush();
  /// flush(), then seals every day, today too (its next sample opens it again), and compacts the
  /// store. Errors: no_space, io, read_only.
  [[nodiscard]] Result<MaintainReport> compact(const Maintain& how = {});
  /// What was acknowledged so far survives a power cut once this returns.
  [[nodiscard]] Result<void> sync();

  /// Reads everything: checksums, keys against the index, every chunk decoded, every log record.
  [[nodiscard]] Result<VerifyReport> verify() const;
  /// Reads the keys of all chunks: O(chunks).
  [[nodiscard]] Result<Stats> stats() const;
  /// The engine's own counters, as to_openmetrics() writes them, for a scraper: without what only a
  /// look at every chunk would tell. O(days and files).
  [[nodiscard]] Result<std::string> metrics() const;
  /// Calls `each` with every stored chunk of the series that `selector` picks and that has samples
  /// in `range`: series by labels, chunks by time. Samples that are still open in memory are in no
  /// chunk. With `try_pack`, what Pack would make of Gorilla chunks is in the reports too. Decodes
  /// each chunk. Errors: corruption (names the chunk), version, io.
  [[nodiscard]] Result<void> inspect_chunks(
      const Selector& selector, TimeRange range, bool try_pack,
      const std::function<void(const Labels&, const ChunkReport&)>& each) const;
  /// O(1). Empty in an empty database. What a delete or retention has taken counts until
  /// maintenance has taken it out of the store.
  [[nodiscard]] std::optional<TimeBounds> time_bounds() const;
  [[nodiscard]] const OpenReport& open_report() const noexcept;
  [[nodiscard]] const std::string& directory() const noexcept;
  [[nodiscard]] bool read_only() const noexcept;

  /// Of a database that is open for reading: sees every batch up to now, as if opened again. Views
  /// stay as they are; on an error everything does. Nothing to do for a writer. Not beside a use of
  /// open_report(). O(series + bytes of log). Errors: as open_read_only; not_found (another
  /// database stands there now); invalid_argument once closed.
  [[nodiscard]] Result<void> refresh();

  /// clone() and snapshot() (hygge/house.h) of this database, with every batch acknowledged before
  /// the call; what waits in memory is written out first, so that the copy has little to replay.
  /// Writes go on, long steps wait. Errors: theirs; those of flush().
  [[nodiscard]] Result<CopyReport> clone(const std::string& to);
  [[nodiscard]] Result<CopyReport> snapshot(const std::string& to);

  /// Writes every open chunk, leaves nothing to replay, and ends. Errors: busy while a View lives;
  /// io, no_space: acknowledged samples are in the log, the next open replays them.
  [[nodiscard]] Result<void> close();

 private:
  class Impl;  // src/storage/db/db_impl.h
  explicit Db(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hygge
