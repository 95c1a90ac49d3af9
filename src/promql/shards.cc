#include "promql/shards.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace hygge::promql {

Result<void> interrupted(const QueryOptions& options) {
  if (options.cancel.stop_requested()) {
    return fail(ErrorCode::cancelled, "query was canceled in expression evaluation");
  }
  if (std::chrono::steady_clock::now() > options.deadline) {
    return fail(ErrorCode::timeout, "query timed out in expression evaluation");
  }
  return {};
}

namespace {

void count(Query& query, std::size_t slot, const RowRead& read) {
  query.stats.samples += read.samples;
  query.stats.cells += read.cells;
  query.stats.skipped += read.skipped;
  query.slot_samples[slot] += read.samples + read.cells;
  if (read.samples > 0) note_tier(query.stats.tiers, 0);
  if (read.tier_ms > 0) note_tier(query.stats.tiers, read.tier_ms);
}

// One thread makes a row and hands it on.
Result<void> rows_alone(Evaluator& evaluator, const Node& node, std::size_t count_of_series,
                        RowMaker& maker, const RowTaker& take) {
  Query& query = evaluator.query();
  Profile* const profile = query.profile;
  const std::size_t slot = query.plan.slot_of.at(&node);
  std::optional<Profile::Turn> turn;
  if (profile != nullptr) turn.emplace(*profile, &node);
  const Node* const above = turn ? turn->before() : nullptr;
  Row row;
  for (std::size_t i = 0; i < count_of_series; ++i) {
    if (auto going = interrupted(query.options); !going) return going;
    if (i % kShardSeries == 0) maker.begin(i, std::min(i + kShardSeries, count_of_series), true);
    row.reset(evaluator.steps());
    const auto read = maker.make(i, row, above);
    if (!read) return tl::unexpected(read.error());
    count(query, slot, *read);
    if (profile != nullptr) {
      profile->count_samples(read->samples);
      profile->count_cells(read->cells);
      profile->count_skipped(read->skipped);
      if (read->points) profile->count_row(*read->points);
    }
    if (!row.valid.any()) continue;
    std::optional<Profile::Turn> taking;
    if (profile != nullptr) taking.emplace(*profile, above);
    if (auto taken = take(i, row); !taken) return taken;
  }
  return {};
}

// Threads make shards ahead of the one that hands their rows on, as far as there are places.
class Shards {
 public:
  Shards(Evaluator& evaluator, const Node& node, std::size_t count_of_series, std::size_t places)
      : query_(evaluator.query()),
        slot_(query_.plan.slot_of.at(&node)),
        steps_(evaluator.steps()),
        series_(count_of_series),
        shards_((count_of_series + kShardSeries - 1) / kShardSeries),
        places_(places) {}

  // What `places` shards take, before they are made.
  [[nodiscard]] static std::size_t bytes_of(std::size_t places, std::size_t steps) {
    return places * kShardSeries * (sizeof(Row) + steps * sizeof(double) + steps / 8);
  }

  Result<void> run(Workers& workers, const MakerOf& maker_of, const RowTaker& take) {
    workers.start([this, &maker_of](std::size_t worker) {
      const auto maker = maker_of(worker);
      while (const auto shard = claim(true)) make(*shard, *maker);
    });
    const auto own = maker_of(0);
    auto done = hand_on(*own, take);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    workers.finish();
    return done;
  }

 private:
  struct Place {
    std::vector<Row> rows;
    std::vector<RowRead> reads;  // of the rows that were made
    std::optional<Error> error;  // of the one after them
    bool made = false;           // guarded by mutex_; all else belongs to whoever has the shard
  };

  // The next shard that nobody makes, if there is a place for it: waits for one if asked to.
  std::optional<std::size_t> claim(bool wait) {
    std::unique_lock lock(mutex_);
    const auto free = [this] { return next_ < taken_ + places_.size(); };
    if (wait) changed_.wait(lock, [&] { return stopping_ || next_ == shards_ || free(); });
    if (stopping_ || next_ == shards_ || !free()) return std::nullopt;
    return next_++;
  }

  void make(std::size_t shard, RowMaker& maker) {
    Place& place = places_[shard % places_.size()];
    const std::size_t first = shard * kShardSeries;
    const std::size_t end = std::min(first + kShardSeries, series_);
    place.rows.resize(end - first);
    place.reads.clear();
    maker.begin(first, end, false);
    for (std::size_t i = first; i < end && !place.error; ++i) {
      Row& row = place.rows[i - first];
      row.reset(steps_);
      auto going = interrupted(query_.options);
      auto read = going ? maker.make(i, row, nullptr) : tl::unexpected(going.error());
      if (read) {
        place.reads.push_back(*read);
      } else {
        place.error = std::move(read.error());
      }
    }
    {
      const std::lock_guard lock(mutex_);
      place.made = true;
    }
    changed_.notify_all();
  }

  Result<void> hand_on(RowMaker& own, const RowTaker& take) {
    for (std::size_t shard = 0; shard < shards_; ++shard) {
      Place& place = places_[shard % places_.size()];
      while (!is_made(place)) {
        // Nobody waits while there is something to make.
        if (const auto other = claim(false)) {
          make(*other, own);
          continue;
        }
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return place.made; });
      }
      for (std::size_t i = 0; i < place.reads.size(); ++i) {
        count(query_, slot_, place.reads[i]);
        Row& row = place.rows[i];
        if (!row.valid.any()) continue;
        if (auto taken = take(shard * kShardSeries + i, row); !taken) return taken;
      }
      if (place.error) return tl::unexpected(std::move(*place.error));
      {
        const std::lock_guard lock(mutex_);
        place.made = false;
        ++taken_;
      }
      changed_.notify_all();
    }
    return {};
  }

  [[nodiscard]] bool is_made(const Place& place) {
    const std::lock_guard lock(mutex_);
    return place.made;
  }

  Query& query_;
  const std::size_t slot_;
  const std::size_t steps_;
  const std::size_t series_;
  const std::size_t shards_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Place> places_;  // shard i has place i modulo their count
  std::size_t next_ = 0;       // guarded by mutex_: the first that nobody has claimed
  std::size_t taken_ = 0;      // guarded by mutex_: the first that has not been handed on
  bool stopping_ = false;      // guarded by mutex_
};

}  // namespace

Result<void> rows_in_order(Evaluator& evaluator, const Node& node, const MakerOf& maker_of,
                           const RowTaker& take) {
  Query& query = evaluator.query();
  const std::size_t series = query.source.series_count(query.plan.slot_of.at(&node));
  // Two places for each thread: one that is made while the other waits for its turn. They are worth
  // a quarter of the memory that is left, no more: as many threads as that has places for.
  const std::size_t places_each = Shards::bytes_of(2, evaluator.steps());
  const std::size_t threads = std::min(
      {query.options.threads, series / kShardSeries, query.budget.free_bytes() / 4 / places_each});
  if (threads < 2 || query.profile != nullptr || query.at_work > 1) {
    return rows_alone(evaluator, node, series, *maker_of(0), take);
  }
  Charge charge(query.budget);
  if (auto charged = charge.add(threads * places_each, 0, node); !charged) return charged;
  query.workers.grow(threads - 1);
  // What takes rows may ask for others: those it makes alone.
  query.at_work = threads;
  auto done = Shards(evaluator, node, series, 2 * threads).run(query.workers, maker_of, take);
  query.at_work = 1;
  return done;
}

}  // namespace hygge::promql
