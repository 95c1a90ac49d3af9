// The head: what the log makes durable and the store does not hold yet.
//
// Per series and partition there is at most one open chunk, for samples that are later than all
// that the partition holds of the series, and one late buffer, sorted, for every other sample. Both
// close by size, span, silence, or the end of the partition; closed ones wait, readable, until a
// put pass has captured, stored and dropped them.
//
// A late buffer that closes takes the next ordinal of its pair. Once a pair has no more of them its
// buffer stays open and grows; before that, at half of them, the pair is crowded(): somebody has to
// merge what the store holds of it.
//
// Not thread-safe. The db changes it under its lock held alone and captures under the shared lock.
#pragma once

#include <hygge/policy.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codec/envelope.h"
#include "model/chunk_key.h"
#include "storage/head/open_chunk.h"

namespace hygge::storage {

inline constexpr std::uint16_t kMaxOrdinal = std::numeric_limits<std::uint16_t>::max();

/// A closed chunk or a closed late buffer, waiting for a put pass. Never changed once made.
struct WaitingChunk {
  ChunkKey key;
  TimeMs last_ms = 0;
  std::uint64_t first_sequence = 0;  ///< of the log record that brought its oldest-written sample
  std::uint64_t last_sequence = 0;   ///< late buffer: of the newest-written one
  std::string value;                 ///< in order: envelope and payload; empty for a late buffer
  std::vector<TimeMs> late_t;        ///< late buffer: strictly rising times
  std::vector<double> late_v;
  [[nodiscard]] bool late() const noexcept { return value.empty(); }
  [[nodiscard]] std::size_t sample_count() const;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + value.capacity() + 16 * late_t.capacity();
  }
};
using WaitingChunkPtr = std::shared_ptr<const WaitingChunk>;

/// A copy of what the head holds of one series, for a view.
struct HeadPiece {
  WaitingChunkPtr waiting;  ///< either this …
  ChunkKey key;             ///< … or an open chunk (value set) or late buffer (late_* set)
  TimeMs last_ms = 0;
  std::string value;
  std::vector<TimeMs> late_t;
  std::vector<double> late_v;
};

class Head {
 public:
  /// Late chunks of a pair that get an ordinal: 2 … kMaxOrdinal − 1.
  explicit Head(std::uint16_t late_chunks = kMaxOrdinal - 1);
  Head(Head&&) noexcept = default;
  Head& operator=(Head&&) noexcept = default;
  ~Head() { series_.clear(); }  // before the memory of their chunks

  /// What became of an appended sample.
  enum class Outcome : std::uint8_t { in_order, late, replaced, duplicate };
  static constexpr std::size_t kOutcomes = 4;

  /// What the store and the head already hold of a series in a partition.
  struct Known {
    TimeMs newest_ms = std::numeric_limits<TimeMs>::min();  ///< smallest: nothing
    std::uint16_t next_ordinal = 1;
    bool stored = false;  ///< the store may hold something of it: for who fills this in
  };

  /// Whether append() may be called for this series and partition.
  [[nodiscard]] bool knows(std::uint32_t series, std::int32_t partition) const noexcept;
  /// Makes it so. An older partition's open chunk closes when a newer one begins.
  void adopt(std::uint32_t series, std::int32_t partition, const Known& known);

  /// Adds a sample whose series and partition are known. `sequence` is its log record's, `minute`
  /// the clock's, for closing by silence. Amortised O(1) in order, O(samples in the buffer) late.
  Outcome append(std::uint32_t series, TimeMs t_ms, double v, std::uint64_t sequence,
                 std::uint32_t minute);

  /// Hints that append() is going to be called for a series that it knows: one after the other,
  /// some calls apart, since each needs what the one before has fetched.
  void prefetch_state(std::uint32_t series) const noexcept {
    if (series < series_.size()) __builtin_prefetch(&series_[series]);
  }
  void prefetch_chunk(std::uint32_t series) const noexcept {
    if (const OpenChunk* const open = series_[series].current.open.get()) open->prefetch();
  }
  void prefetch_encoder(std::uint32_t series) const noexcept {
    if (const OpenChunk* const open = series_[series].current.open.get()) open->prefetch_encoder();
  }
  void prefetch_bits(std::uint32_t series) const noexcept {
    if (const OpenChunk* const open = series_[series].current.open.get()) open->prefetch_bits();
  }

  /// The newest sample of a series in a partition that it knows; `value_known`: and its value.
  struct Newest {
    TimeMs t_ms = std::numeric_limits<TimeMs>::min();  ///< smallest: nothing
    double v = 0;
    bool value_known = false;
  };
  [[nodiscard]] std::optional<Newest> newest(std::uint32_t series,
                                             std::int32_t partition) const noexcept;
  /// The newest time and the newest partition of a series that it knows.
  struct End {
    TimeMs newest_ms = std::numeric_limits<TimeMs>::min();
    std::int32_t partition = 0;
  };
  [[nodiscard]] std::optional<End> end_of(std::uint32_t series) const noexcept;
  /// What the late buffer holds at a time. O(log n).
  [[nodiscard]] std::optional<double> late_value(std::uint32_t series, TimeMs t_ms) const noexcept;
  /// What a reader of the head alone finds at a time. Decodes the chunks around it.
  [[nodiscard]] std::optional<double> value_at(std::uint32_t series, TimeMs t_ms,
                                               OnDuplicate policy) const;

  /// The earliest sample of a series ever; set when a series is loaded from the store.
  void set_birth(std::uint32_t series, TimeMs birth_ms);
  [[nodiscard]] TimeMs birth_ms(std::uint32_t series) const noexcept;
  /// Series whose birth has changed since the last call.
  [[nodiscard]] std::vector<std::uint32_t> take_new_births();

  /// Closes what nothing was added to since before `minute`; every chunk; every late buffer.
  void close_idle(std::uint32_t minute);
  void close_all();
  void close_late();
  /// Closes what came with a record before `sequence`. Returns how many chunks and buffers.
  std::uint64_t close_before(std::uint64_t sequence);
  /// A sequence that about half of what is open came before; 0 if nothing is open. O(series).
  [[nodiscard]] std::uint64_t middle_sequence() const;
  /// Open chunks and late buffers.
  [[nodiscard]] std::size_t open_count() const noexcept {
    return open_chunks_->size() + late_buffers_;
  }

  /// Closes all open chunks and late buffers of one partition. Returns the series whose late buffer
  /// had to stay open.
  std::vector<std::uint32_t> close_partition(std::int32_t partition);

  /// (partition, series) of which half of the ordinals are used.
  using Pair = std::pair<std::int32_t, std::uint32_t>;
  [[nodiscard]] bool crowded() const noexcept { return !crowded_.empty(); }
  /// Closes what is open of the crowded pairs, and no late buffer of theirs again before release().
  /// In order.
  [[nodiscard]] std::vector<Pair> hold_crowded();
  /// `merged`: the store holds no ordinal but 0 of the pair, and they begin anew.
  void release(Pair pair, bool merged);

  /// All that waits, in the order in which it closed.
  [[nodiscard]] std::vector<WaitingChunkPtr> waiting() const;
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
  [[nodiscard]] bool has_late() const noexcept { return late_buffers_ > 0; }
  /// Forgets what a put pass has stored: chunks among waiting(), in its order.
  void drop(const std::vector<WaitingChunkPtr>& stored);
  /// Lets go of ended partitions of which everything is stored: knows() is false for them then, and
  /// their next sample asks the store again. For the writer, before it asks knows(): what it was
  /// told must hold until it appends.
  void forget_stored();

  /// Waiting chunks of which a delete has left less, or nothing (null).
  using Replacements = std::unordered_map<WaitingChunkPtr, WaitingChunkPtr>;
  /// Takes the samples of these series in `range` out, and closes what is open of the partitions
  /// that it touches. Who has captured chunks that waited has to replace() them.
  [[nodiscard]] Replacements erase(std::span<const std::uint32_t> series, TimeRange range);
  static void replace(std::vector<WaitingChunkPtr>& chunks, const Replacements& replaced);
  /// Whether the head holds a sample of the series: in one partition, or in any.
  [[nodiscard]] bool holds(std::uint32_t series, std::int32_t partition) const noexcept;
  [[nodiscard]] bool holds(std::uint32_t series) const noexcept;
  /// Forgets what it knows of a pair of which nothing is left, in head or store. For a writer, as
  /// forget_stored().
  void forget(std::uint32_t series, std::int32_t partition);

  /// The oldest and the newest sample in the head, if there is any.
  [[nodiscard]] std::optional<std::pair<TimeMs, TimeMs>> bounds() const;

  /// The lowest sequence that anything in the head came with; empty: the head is empty.
  [[nodiscard]] std::optional<std::uint64_t> lowest_sequence() const;

  /// Copies the pieces of a series that may overlap `range`, in no order.
  void capture(std::uint32_t series, TimeRange range, std::vector<HeadPiece>& out) const;

  [[nodiscard]] std::uint64_t sample_count() const noexcept { return samples_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Late {
    std::vector<TimeMs> t;
    std::vector<double> v;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
    std::uint32_t minute = 0;
  };
  struct Part {
    std::int32_t partition = 0;
    std::uint16_t next_ordinal = 1;
    bool held = false;  ///< no late buffer closes
    bool newest_known = false;
    TimeMs newest_ms = std::numeric_limits<TimeMs>::min();
    double newest_v = 0;  ///< of newest_ms, if `newest_known`
    OpenChunks::Ptr open;
    std::unique_ptr<Late> late;
  };
  // One cache line: an append to one series after the other reads each.
  struct alignas(64) SeriesState {
    Part current;  ///< the newest partition
    std::unique_ptr<std::vector<Part>> older;
    TimeMs birth_ms = std::numeric_limits<TimeMs>::max();
    bool any = false;  ///< `current` is in use
  };
  static_assert(sizeof(SeriesState) == 64);

  [[nodiscard]] const Part* find(std::uint32_t series, std::int32_t partition) const noexcept;
  [[nodiscard]] Part* find(std::uint32_t series, std::int32_t partition) noexcept;
  Outcome append_in_order(std::uint32_t series, Part& part, const Sample& sample,
                          std::uint64_t sequence, std::uint32_t minute);
  Outcome append_late(std::uint32_t series, Part& part, const Sample& sample,
                      std::uint64_t sequence, std::uint32_t minute);
  void close_open(std::uint32_t series, Part& part);
  void close_late(std::uint32_t series, Part& part);
  void note_ordinal(std::uint32_t series, const Part& part);
  void erase_late(Part& part, TimeRange range);
  void wait(WaitingChunk chunk);
  void count_in(const WaitingChunk& chunk);
  void count_out(const WaitingChunk& chunk);
  void close_touched(std::uint32_t series, TimeRange range);
  static void erase_newest(Part& part, TimeRange range);
  template <typename Visit>
  void for_each_part(Visit&& visit);

  std::uint16_t late_chunks_;
  std::set<Pair> crowded_;
  std::vector<SeriesState> series_;  ///< by id
  // Behind those who hold some, so that moving another head here lets go of them first.
  std::unique_ptr<OpenChunks> open_chunks_ = std::make_unique<OpenChunks>();
  std::vector<std::uint32_t> new_births_;
  std::vector<WaitingChunkPtr> waiting_;
  std::unordered_map<std::uint32_t, std::vector<WaitingChunkPtr>> waiting_by_series_;
  std::vector<std::uint32_t> forgettable_;  ///< series that may have such partitions
  std::size_t waiting_bytes_ = 0;
  std::uint64_t samples_ = 0;
  std::size_t late_buffers_ = 0;
};

}  // namespace hygge::storage
