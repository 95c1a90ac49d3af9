// A view: one consistent capture of a database for all selectors of a question.
#pragma once

#include <hygge/cell.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/metadata.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hygge {

/// A run of samples of one series, times strictly rising. Valid until the cursor moves.
struct Block {
  std::span<const TimeMs> t;
  std::span<const double> v;
};

namespace storage {
class SeriesReader;  // src/storage/db/series_reader.h
class ViewState;     // src/storage/db/view_state.h
}  // namespace storage

/// Walks the samples of a series, oldest first. One thread at a time.
///
///     for (auto blocks = series.blocks(); const Block* block = blocks.next();) …
class BlockCursor {
 public:
  BlockCursor(BlockCursor&&) noexcept;
  BlockCursor& operator=(BlockCursor&&) noexcept;
  ~BlockCursor();

  /// The next block, or null: at the end, or after an error.
  [[nodiscard]] const Block* next();
  /// Why next() ended early: corruption (names series and range), io. Null at a good end.
  [[nodiscard]] const Error* error() const noexcept;

 private:
  friend class Series;
  explicit BlockCursor(std::unique_ptr<storage::SeriesReader> reader) noexcept;
  std::unique_ptr<storage::SeriesReader> reader_;
};

/// All samples of one series in the view's range.
struct SeriesSamples {
  std::vector<TimeMs> t;
  std::vector<double> v;
};

/// One series of a view. Cheap to copy; must not outlive its View.
class Series {
 public:
  [[nodiscard]] SeriesId id() const noexcept;
  [[nodiscard]] const Labels& labels() const noexcept;
  /// The time of the earliest sample that this series ever got, also if it has been forgotten.
  [[nodiscard]] TimeMs birth_ms() const noexcept;

  /// Samples in the view's range, staleness markers included.
  [[nodiscard]] BlockCursor blocks() const;
  /// The samples in `range` only (and in the view's).
  [[nodiscard]] BlockCursor blocks(TimeRange range) const;
  /// All of them at once. Errors: those of BlockCursor::error.
  [[nodiscard]] Result<SeriesSamples> samples() const;
  [[nodiscard]] Result<SeriesSamples> samples(TimeRange range) const;
  /// Replaces `out` by them, whose memory is used again. After an error it holds those before.
  [[nodiscard]] Result<void> samples(TimeRange range, SeriesSamples& out) const;

  /// Where cells came from.
  struct CellsRead {
    std::uint64_t rows = 0;             ///< stored rows of cells, one a day
    std::uint64_t cells = 0;            ///< in them
    std::uint64_t samples = 0;          ///< of days without such rows, decoded
    std::uint64_t lost = 0;             ///< days without such rows whose samples have expired
    std::uint64_t chunks_skipped = 0;   ///< chunks that were not decoded
    std::uint64_t samples_skipped = 0;  ///< in them, but for those that were given
  };
  /// Appends the cells of resolution R in `range` (and the view's), whose ends are multiples of R:
  /// those that the database keeps, where a day has them with the `needed` parts, and else cells of
  /// the samples. A day has them if it is sealed and nothing has come for the series since; they
  /// say what the samples say (see Cell). Parts that are not needed may be 0. With the sketch part
  /// `values` gets what the cells hold by value, one for one.
  /// Errors: invalid_argument (a resolution that does not divide the day, a range that cuts a
  /// cell), and those of BlockCursor::error. A damaged row is computed from the samples.
  [[nodiscard]] Result<CellsRead> cells(DurationMs resolution_ms, CellParts needed, TimeRange range,
                                        std::vector<TimedCell>& out,
                                        CellValues* values = nullptr) const;
  /// The same cells with no parts but those that CellCounts has.
  [[nodiscard]] Result<CellsRead> cell_counts(DurationMs resolution_ms, TimeRange range,
                                              CellCounts& out) const;

  /// Whether cells() finds a stored row in the first day of `range` (and the view's) that has
  /// samples of the series; none: no day has. Costs a look-up, and decodes nothing.
  [[nodiscard]] std::optional<bool> has_cells(DurationMs resolution_ms, TimeRange range) const;

  /// Samples that count, where a chunk may be its first and last one.
  struct Thinned {
    std::vector<TimeMs> t;
    std::vector<double> v;
    std::vector<std::uint64_t> ordinals;  ///< how many samples of the range came before, by sample
  };
  /// Replaces `out` by the samples in `range` (and the view's), without staleness markers. Chunks
  /// of finite values of which none is less than the one before, that no time of `cuts` divides
  /// (cuts rise; samples at one belong to what ends there) and that are not longer than
  /// `longest_ms`, are not decoded: of them there are the first and the last sample. Errors: as
  /// blocks().
  [[nodiscard]] Result<CellsRead> thinned(TimeRange range, std::span<const TimeMs> cuts,
                                          DurationMs longest_ms, Thinned& out) const;

  /// The parts of `range` (and the view's) whose samples retention has taken while cells stay (see
  /// RetentionRule::cells): whole days, as far as they lie in it; rising, joined.
  [[nodiscard]] std::vector<TimeRange> expired(TimeRange range) const;
  /// Appends the stored cells of those days that lie in `range`, or partly so, whole also where it
  /// or the view's cuts them. Errors: as cells().
  [[nodiscard]] Result<CellsRead> expired_cells(DurationMs resolution_ms, CellParts needed,
                                                TimeRange range, std::vector<TimedCell>& out,
                                                CellValues* values = nullptr) const;

 private:
  friend class Db;
  friend class View;
  Series(const storage::ViewState* state, std::size_t index) noexcept
      : state_(state), index_(index) {}
  const storage::ViewState* state_;
  std::size_t index_;
};

/// What Db::view returns: every series that matches a selector and may have samples in the range,
/// as the database was at one instant between two batches. Writes, put passes and flushes that
/// come later do not show. Any threads at once may read it and its series, which come to rest
/// before it ends; each keeps iterators of its own in it. Holds memory and files of the store while
/// it lives.
class View {
 public:
  View(View&&) noexcept;
  View& operator=(View&&) noexcept;
  ~View();

  [[nodiscard]] TimeRange range() const noexcept;
  [[nodiscard]] std::size_t selector_count() const noexcept;
  /// The series of selector `index`, sorted by labels. A series that two selectors match is in
  /// both.
  [[nodiscard]] std::span<const Series> series(std::size_t index) const noexcept;

  /// The resolutions of which the database may keep cells, the finest first.
  [[nodiscard]] std::span<const DurationMs> tiers() const noexcept;
  /// Whether any of its series may have expired() parts.
  [[nodiscard]] bool any_expired() const noexcept;

  /// What was read ahead: the rows of the first so many series, and what they take in memory.
  struct CellsAhead {
    std::size_t series = 0;
    std::size_t bytes = 0;
  };
  /// Reads the stored rows of cells of `series`, which are this view's, ahead: day by day in one
  /// pass, so that Series::cells and cell_counts find them in memory, several times as fast as by
  /// looking each of them up. Begins with the first of them, and does as many as may fit into
  /// `max_bytes`, at least one. For the thread that calls: what it read ahead before is forgotten,
  /// unless it holds all that is wanted. `resolution_ms` and `range` as there; what cannot be read
  /// is left to them.
  CellsAhead read_cells_ahead(std::span<const Series> series, DurationMs resolution_ms,
                              TimeRange range, std::size_t max_bytes) const;

  /// What is known of a sample's metric name: its own entry, else that of its family (`_total`,
  /// `_bucket`, `_sum`, `_count` cut off).
  [[nodiscard]] std::optional<Metadata> metadata(std::string_view metric) const;

 private:
  friend class Db;
  explicit View(std::shared_ptr<storage::ViewState> state) noexcept;
  std::shared_ptr<storage::ViewState> state_;
};

}  // namespace hygge
