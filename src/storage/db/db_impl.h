// The machine behind Db: log, head, index and store, and which lock guards what.
//
// Locks, always taken in this order:
//   step_mutex_    one long step at a time: a seal, a redo, a delete, retention, a clone
//   upkeep_mutex_  one put pass, flush or mark at a time
//   write_mutex_   one batch, or one group of them, between log and head; the log writer's append
//   queue_mutex_   the batches that wait for a group (Sync::batch)
//   state_mutex_   head, index, presence, metadata and the small figures; held alone to apply a
//                  batch, shared to capture a view
// A reader takes only the shared state lock, so it never waits for an fsync.
#pragma once

#include <hygge/db.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "storage/db/batch_ids.h"
#include "storage/db/decide.h"
#include "storage/db/identity.h"
#include "storage/db/partitions.h"
#include "storage/db/process.h"
#include "storage/db/view_state.h"
#include "storage/file/files.h"
#include "storage/head/head.h"
#include "storage/index/index.h"
#include "storage/log/payloads.h"
#include "storage/log/replay.h"
#include "storage/log/writer.h"
#include "storage/store/store.h"
#include "storage/upkeep/erase.h"
#include "storage/upkeep/put_pass.h"
#include "storage/upkeep/retention.h"
#include "storage/upkeep/rollup.h"

namespace hygge {

class Step;

class Db::Impl {
 public:
  static Result<std::shared_ptr<Impl>> open(const std::string& dir, const Options& options);
  static Result<std::shared_ptr<Impl>> open_read_only(const std::string& dir,
                                                      const Options& options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<SeriesId> series(const Labels& labels);
  Result<WriteReport> write(const Batch& batch);
  Result<void> set_write_policy(const WritePolicy& policy);
  [[nodiscard]] WritePolicy write_policy() const;
  Result<std::shared_ptr<storage::ViewState>> capture(
      std::span<const Selector> selectors, TimeRange range,
      std::vector<std::vector<std::size_t>>& picked);
  Result<Cardinality> cardinality(const CardinalityQuestion& question);
  Result<EraseReport> erase(std::span<const Selector> selectors, TimeRange range,
                            const EraseOptions& options);
  Result<void> set_retention(std::vector<RetentionRule> rules);
  Retention retention() const;
  std::vector<RetentionFloors> retention_floors() const;
  Result<void> set_rollups(std::vector<RollupRule> rules);
  [[nodiscard]] std::vector<RollupRule> rollups() const;
  Result<RollupStats> rollup_stats() const;
  Result<void> set_retention_cap(std::uint64_t bytes);
  Result<void> pin(Pin pin);
  Result<void> unpin(const Pin& pin);
  Result<RetentionReport> apply_retention();
  Result<RetentionReport> retention_dry_run(const std::optional<std::vector<RetentionRule>>& rules,
                                            std::optional<std::uint64_t> cap_bytes);
  Result<MaintainReport> maintain(const Maintain& how);
  Result<void> flush();
  Result<MaintainReport> compact(const Maintain& how);
  Result<void> sync();
  Result<void> refresh();
  Result<CopyReport> copy(const std::string& to, bool snapshot);
  Result<void> close();
  void abandon();  ///< what the destructor does: close(), views or not
  Result<VerifyReport> verify();
  Result<Stats> stats();
  Result<Stats> quick_stats();
  Result<void> verify_cells(VerifyReport& out);
  static void verify_expired(const storage::ViewState& state, VerifyReport& out);
  [[nodiscard]] std::vector<Stats::Day> days() const;
  Result<void> inspect_chunks(const Selector& selector, TimeRange range, bool try_pack,
                              const std::function<void(const Labels&, const ChunkReport&)>& each);

  // Read by Db under the shared lock.
  mutable std::shared_mutex state_mutex_;
  std::unique_ptr<storage::Index> index_ = std::make_unique<storage::Index>();
  std::shared_ptr<const storage::MetadataMap> metadata_ = std::make_shared<storage::MetadataMap>();
  std::optional<TimeBounds> bounds_;

  [[nodiscard]] const std::string& directory() const noexcept { return dir_; }
  [[nodiscard]] bool read_only() const noexcept { return read_only_; }
  [[nodiscard]] const storage::Process& process() const noexcept { return process_; }
  [[nodiscard]] const OpenReport& open_report() const noexcept { return open_report_; }

 private:
  Impl(std::string dir, Options options, bool read_only);

  struct NewSeries {
    std::uint32_t id;
    std::string canonical;
  };
  /// A batch as it will be logged and applied: ids resolved, new series numbered, what the policies
  /// refuse left out.
  struct Prepared {
    std::vector<storage::IdSample> samples;
    std::vector<NewSeries> series;
    std::vector<std::pair<std::string, Metadata>> metadata;
    std::string_view batch_id;  ///< of the batch, or of the log's record
    std::string report;         ///< encoded; only with a batch id
    std::optional<WriteReport> decided;
    std::uint64_t expired = 0;  ///< samples that were left out as such, and the first few of them
    std::vector<WriteReport::Refused> first_expired;
  };
  /// A batch that is in the log and not yet applied.
  struct Staged {
    Prepared prepared;
    storage::Knowledge known;
    std::uint64_t sequence = 0;
    Result<WriteReport>* result = nullptr;
  };
  /// Batches that one sync makes durable. Later ones see the new series of earlier ones; one that
  /// needs more of them waits for the next group.
  struct Group {
    /// New series by label value, and values that no series has had; only where limits ask for it.
    struct Coming {
      std::map<std::string_view, std::size_t> series;
      std::size_t new_values = 0;
    };
    std::map<std::string_view, Coming> coming;  ///< by label name
    std::vector<Staged> staged;
    std::map<std::string_view, std::uint32_t> fresh;  ///< by the label bytes of their batches
    std::size_t new_series = 0;
  };
  /// A writer in the queue.
  struct Waiting {
    const Batch& batch;
    Result<WriteReport> result;
    bool done = false;  ///< guarded by queue_mutex_
  };

  // open.cc
  Result<void> load();
  Result<void> load_series();
  Result<void> load_meta();
  Result<void> start_writing();
  // replay.cc
  Result<void> replay_log(const storage::HeldSegments* held = nullptr);
  Result<void> replay_record(const storage::LogRecord& record);
  Result<void> drop_unknown(Prepared& prepared, std::uint64_t sequence);
  void claim_dropped(const storage::Mask& mask);
  // write.cc
  Result<Prepared> prepare(const Batch& batch, Group& group);
  Result<std::uint32_t> resolve_new(const Batch& batch, const Batch::Named& named, Group& group,
                                    Prepared& prepared) const;
  Result<void> decide_on(Prepared& prepared, const storage::Knowledge& known);
  // expired_writes.cc
  void refuse_expired(Prepared& prepared, const Group& group) const;
  void note_closed();
  Result<std::uint64_t> log_batch(const Prepared& prepared);
  Result<storage::Knowledge> ask_store(std::span<const storage::IdSample> samples, bool replaying);
  void note_damage(const std::string& what);
  Result<std::optional<double>> stored_value(std::uint32_t series, TimeMs t_ms) const;
  [[nodiscard]] WriteReport first_report(std::string_view encoded) const;
  void name_refused(WriteReport& report) const;
  Result<SeriesId> make_series(const std::string& bytes);
  WriteReport apply(Prepared& prepared, const storage::Knowledge& known, std::uint64_t sequence);
  void adopt(const storage::Knowledge& known);
  void append(std::span<const storage::IdSample> samples, std::uint64_t sequence, TimeMs now_ms,
              WriteReport& report);
  // limits.cc
  static tl::unexpected<Error> over_limit(std::string_view what, std::string_view whose,
                                          std::size_t is, std::size_t limit);
  Result<void> check_labels(std::string_view canonical) const;
  Result<void> check_counts(std::string_view canonical, std::size_t coming, Group& group) const;
  // group.cc
  [[nodiscard]] static bool depends(const Group& group, const Prepared& prepared, bool decides);
  Result<bool> stage(const Batch& batch, Group& group, Result<WriteReport>& result);
  void finish(Group& group);
  void commit(std::span<Waiting* const> waiting);
  Result<WriteReport> write_in_group(const Batch& batch);
  Result<WriteReport> write_once(const Batch& batch);
  void pay_for_memory();
  // seal.cc
  struct SealPlan {
    std::int32_t partition;
    storage::PartitionState state;  ///< when it is done
    bool redo;                      ///< only its dirty series
    bool again;                     ///< sealed before: only its cells are of another policy
    std::uint64_t weight;           ///< series, for progress
  };
  [[nodiscard]] std::vector<SealPlan> due_seals(TimeMs now_ms, bool settled) const;
  [[nodiscard]] bool lacks_cells(std::int32_t partition) const;
  [[nodiscard]] std::vector<SealPlan> due_redos(TimeMs now_ms, bool settled) const;
  [[nodiscard]] std::vector<SealPlan> all_seals(TimeMs now_ms) const;
  Result<storage::StoreSnapshotPtr> begin_seal(const SealPlan& plan,
                                               std::vector<std::uint32_t>& series);
  Result<void> finish_seal(const SealPlan& plan, std::span<const std::uint32_t> left,
                           std::uint64_t cells);
  [[nodiscard]] std::vector<DurationMs> stored_tiers() const;
  void abandon_seal(std::int32_t partition);
  Result<bool> seal(const SealPlan& plan, Step& step);
  [[nodiscard]] std::shared_ptr<void> hold_compactions(std::span<const SealPlan> plans) const;
  Result<void> seal_due(Step& step);
  Result<MaintainReport> run_steps(const Maintain& how);
  // crowded.cc
  [[nodiscard]] bool late_crowded() const;
  Result<void> merge_crowded();
  // erase.cc
  struct Doomed;
  static EraseReport count(const storage::ViewState& state, std::span<const TimeRange> ranges,
                           std::set<std::uint32_t>& series);
  Result<Doomed> find_doomed(std::span<const Selector> selectors, TimeRange range);
  Result<Doomed> log_erase(std::span<const Selector> selectors, TimeRange range, bool now);
  Result<void> log_mask(storage::Mask& mask);
  void apply_erase(storage::Mask mask);
  [[nodiscard]] bool deletes_pending() const;
  Result<void> execute_deletes();
  using Pair = storage::Head::Pair;
  Result<void> execute_delete(const storage::Mask& mask, std::vector<Pair>& damaged);
  static void count_cells(const storage::ViewState& state, std::span<const TimeRange> ranges,
                          std::span<const DurationMs> tiers, bool all, EraseReport& report,
                          std::set<std::uint32_t>& series);
  void drop_damaged(std::span<const Pair> damaged);
  void finish_delete(const storage::Mask& mask);
  Result<void> erase_from_files(Doomed doomed);
  Result<void> meets_pin(std::span<const std::uint32_t> ids, TimeRange range) const;
  void wake_maintenance();
  // rollup.cc
  Result<std::function<storage::RollupChoice(std::uint32_t)>> rollup_chooser() const;
  // gone.cc
  Result<void> shrink_bounds();
  [[nodiscard]] Result<std::optional<TimeBounds>> stored_bounds(bool from_the_end) const;
  [[nodiscard]] Result<std::optional<std::pair<TimeMs, TimeMs>>> cell_bounds(
      storage::CellScan& rows, std::int32_t partition) const;
  [[nodiscard]] std::vector<std::uint32_t> gone_among(std::span<const std::uint32_t> ids) const;
  Result<void> forget_series();
  Result<void> forget(std::span<const std::uint32_t> ids);
  SeriesId give_out(std::uint32_t id);
  void add_series(std::uint32_t id, std::string_view canonical);
  // retention.cc
  struct Expired;
  struct ExpiredGroup;
  Result<std::vector<Expired>> find_expired(const storage::KeepPolicy& policy, bool jump,
                                            bool sealed);
  Result<std::vector<ExpiredGroup>> unpinned(const std::vector<std::uint32_t>& ids, TimeMs floor_ms,
                                             std::span<const Pin> pins, bool whole_days) const;
  [[nodiscard]] storage::KeepPolicy policy_with(std::vector<RetentionRule> rules) const;
  Result<void> count_expired(Expired& expired);
  Result<void> log_expired(std::span<const Expired> expired);
  Result<std::vector<Expired>> move_floors(bool jump, bool sealed);
  Result<RetentionReport> sweep(bool jump, bool counted);
  [[nodiscard]] std::optional<std::int64_t> sweep_due() const;
  Result<void> sweep_if_due();
  // expire.cc
  Result<void> find_apart(const storage::KeepRule& kept, const std::vector<std::uint32_t>& ids,
                          TimeMs now, std::span<const Pin> pins, bool sealed, Expired& out) const;
  [[nodiscard]] std::vector<ExpiredGroup> only_samples(std::span<const ExpiredGroup> groups,
                                                       bool sealed) const;
  [[nodiscard]] bool is_sealed_pair(std::int32_t partition, std::uint32_t series) const;
  Result<void> seal_below(std::span<const Expired> expired, Step& step);
  Result<void> seal_before_sweep(bool jump, Step& step);
  Result<void> drop_expired_rows(std::span<const Expired> all);
  Result<void> drop_rows(const ExpiredGroup& group, DurationMs tier_ms);
  static bool leaves_nothing(storage::CellScan& rows, std::int32_t partition, std::uint32_t series,
                             std::span<const DurationMs> tiers);
  Result<void> check_open();
  Result<void> keep_policy(storage::KeepPolicy policy);
  void drop_whole_partitions();
  [[nodiscard]] std::optional<TimeMs> retention_now() const;
  // cap.cc
  struct CapState;
  struct CapPlan;
  [[nodiscard]] std::uint64_t cap_bytes() const;
  [[nodiscard]] Result<CapState> cap_state(std::uint64_t cap_bytes) const;
  [[nodiscard]] Result<std::vector<std::pair<RetentionRule, std::vector<std::uint32_t>>>> cap_order(
      const storage::KeepPolicy& policy) const;
  [[nodiscard]] Result<std::uint64_t> cap_gain(std::int32_t partition, std::uint64_t bytes,
                                               const std::vector<std::uint32_t>& ids,
                                               std::span<const Pin> pins) const;
  [[nodiscard]] Result<CapPlan> cap_plan(const CapState& state,
                                         const storage::KeepPolicy& policy) const;
  Result<RetentionReport::Cap> cap_report(const storage::KeepPolicy& policy);
  void find_dropped();
  [[nodiscard]] bool flush_may_help(const CapState& state) const;
  Result<bool> drop_for_cap();
  Result<bool> compact_dropped(Step& step);
  Result<void> keep_cap(Step& step);
  void measure_cap();
  [[nodiscard]] static std::uint64_t cap_cost(std::size_t bytes);
  [[nodiscard]] std::uint64_t cap_left() const;
  [[nodiscard]] Result<void> check_cap(std::size_t bytes);
  std::optional<bool> make_room();
  /// What the cap refuses is tried again for as long as that makes room, and once more: the room
  /// may have come before anybody looked. Without write_mutex_.
  template <typename Once>
  auto while_room_comes(Once once) {
    constexpr int kMostInVain = 2;
    auto done = once();
    for (int in_vain = 0; !done && done.error().code == ErrorCode::no_space;) {
      const std::optional<bool> more = make_room();
      if (!more || (in_vain = *more ? 0 : in_vain + 1) == kMostInVain) break;
      done = once();
    }
    return done;
  }
  // inspect.cc
  [[nodiscard]] std::optional<storage::ChunkKey> next_present(const storage::ChunkKey& key) const;
  Result<Stats> quick_stats(std::shared_ptr<const storage::Home>& home,
                            storage::StoreSnapshotPtr& snapshot);
  // upkeep.cc
  Result<void> tick();
  Result<void> put_everything();
  void put_if_due();
  [[nodiscard]] bool open_for_steps();
  void run_long_steps();
  Result<void> put_pass();
  storage::PutCapture capture_puts();
  Result<void> flush_and_mark(bool writers_held = false);
  Result<void> settle(bool writers_held = false);
  [[nodiscard]] std::uint64_t log_budget() const;
  bool close_early();
  Result<void> end();
  void run_maintenance();
  void stop_maintenance();
  [[nodiscard]] static std::uint32_t minute_of(TimeMs now_ms) noexcept;
  [[nodiscard]] static std::uint16_t late_chunks(const Tuning& tuning) noexcept {
    constexpr std::size_t kMost = storage::kMaxOrdinal - 1;
    return static_cast<std::uint16_t>(std::clamp<std::size_t>(tuning.late_chunks, 2, kMost));
  }

  const std::string dir_;
  const Options options_;
  const bool read_only_;
  const storage::Process process_;
  storage::Identity identity_;
  storage::Files& files_ = storage::posix_files();
  std::shared_ptr<const storage::Home> home_;
  OpenReport open_report_;
  bool replayed_changes_ = false;
  bool replayed_gap_ = false;
  /// Samples of the log whose series is in no store: a delete further on has to name them.
  struct Dropped {
    std::uint64_t sequence;
    std::vector<TimeMs> t_ms;
  };
  std::map<std::uint32_t, Dropped> dropped_;

  std::mutex step_mutex_;
  std::mutex upkeep_mutex_;
  std::mutex write_mutex_;
  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::deque<Waiting*> queue_;  ///< guarded by queue_mutex_; the first one leads
  std::unique_ptr<storage::LogWriter> log_;

  // Guarded by state_mutex_ (writers also hold write_mutex_).
  storage::Head head_{late_chunks(options_.tuning)};
  storage::Presence presence_;
  storage::Partitions partitions_;
  storage::BatchIds batch_ids_;
  WritePolicy policy_;
  storage::KeepPolicy retention_;  ///< changed under upkeep_mutex_ too
  storage::RollupPolicy rollup_;   ///< so this
  storage::Masks masks_;           ///< deletes whose store work is not done, in order
  std::uint32_t next_id_ = 1;
  std::uint64_t applied_sequence_ = 0;  ///< of the last batch; marks do not count
  std::uint64_t unput_sequence_ =
      0;  ///< first record of series or metadata not captured yet; 0: none
  std::vector<std::uint32_t> unput_series_;
  std::vector<std::string> unput_families_;
  std::uint64_t put_high_water_ = 0;       ///< last record that a put pass has captured
  std::uint64_t finished_high_water_ = 0;  ///< … and stored

  // Guarded by step_mutex_.
  std::set<std::int32_t> cap_dropped_;  ///< days that the cap took from, to be compacted
  std::uint64_t cap_change_ = 0;        ///< of the store, when it did
  bool cap_looked_ = false;             ///< for such days of an earlier open

  // Guarded by upkeep_mutex_.
  std::optional<std::int64_t> swept_partition_;  ///< the day up to which retention was applied
  std::uint64_t marked_sequence_ = 0;
  bool look_for_gone_ = true;              ///< whether series may have lost their last sample
  std::vector<std::uint32_t> superseded_;  ///< ids in the store whose labels a higher one has
  std::uint32_t idle_minute_ = 0;          ///< when silent series were last looked for
  storage::PutCapture unfinished_;         ///< captured by a pass that could not write it

  /// No sample after it has expired; what is at or before it may have.
  std::atomic<TimeMs> closed_until_{storage::kNoFloor};
  std::atomic<std::size_t> waiting_bytes_{0};  ///< of the head, as of the last batch
  std::atomic<std::uint64_t> log_bytes_since_mark_{0};
  std::atomic<std::uint64_t> put_passes_{0}, chunks_put_{0}, marks_{0}, segments_unlinked_{0},
      late_duplicates_{0}, late_outdone_{0}, early_closes_{0}, late_merges_{0}, series_damaged_{0};
  std::atomic<std::uint64_t> partitions_sealed_{0}, series_resealed_{0}, sealed_chunks_{0},
      sealed_bytes_{0}, cell_rows_{0};
  std::atomic<std::uint64_t> batches_{0}, samples_taken_{0}, log_written_bytes_{0};
  // The cap: what writers have logged, in bytes that it may cost, and up to where they may.
  std::atomic<std::uint64_t> cap_logged_{0};
  std::atomic<std::uint64_t> cap_refused_{0};  ///< the most that a batch needed and did not get
  std::atomic<std::uint64_t> cap_limit_{std::numeric_limits<std::uint64_t>::max()};
  std::shared_ptr<const int> views_ = std::make_shared<int>(0);  ///< use_count − 1: live views
  bool closed_ = false;                                          ///< guarded by write_mutex_

  mutable std::mutex given_mutex_;
  std::vector<bool> given_out_;  ///< by id: by series(); guarded by given_mutex_

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;     ///< guarded by wake_mutex_
  bool work_ = false;         ///< guarded by wake_mutex_
  std::thread thread_;        ///< syncs, put passes, marks: never long
  std::stop_source closing_;  ///< cuts steps short
  std::thread step_thread_;   ///< seals and redoes
};

}  // namespace hygge
