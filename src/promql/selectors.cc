// Instant selectors: each series decoded once, two indices move with the steps.
#include <fmt/format.h>
#include <hygge/sample.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "promql/evaluator.h"
#include "promql/shards.h"
#include "query/markers.h"

namespace hygge::promql {

namespace {

std::size_t bytes_of(const SeriesSamples& samples) {
  return samples.t.capacity() * sizeof(TimeMs) + samples.v.capacity() * sizeof(double);
}

// The samples of a slot's series, read into `scratch` or, if others will ask again and there is
// room, into the cache: what is shared costs memory, and decoding again costs time only. Of several
// threads at once. `decoded` says how many were not in the cache.
Result<const SeriesSamples*> load(Query& query, std::size_t slot, std::size_t series,
                                  const Node& node, SeriesSamples& scratch,
                                  std::uint64_t& decoded) {
  const bool wanted = query.plan.slots[slot].uses > 1;
  decoded = 0;
  if (wanted) {
    const std::lock_guard lock(query.cache_mutex);
    if (const auto& known = query.cache[slot][series]) return &*known;
  }
  if (auto read = query.source.read(slot, series, scratch); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  const std::size_t count = scratch.t.size();
  decoded = count;
  constexpr std::size_t kSampleBytes = sizeof(TimeMs) + sizeof(double);
  if (!wanted || !query.budget.has_room_to_keep(count * kSampleBytes, count)) {
    // Only for its check: a thread has one series in memory at a time.
    Charge charge(query.budget);
    auto charged = charge.add(bytes_of(scratch), count, node);
    if (!charged) return tl::unexpected(std::move(charged.error()));
    return &scratch;
  }
  // A copy has no spare room.
  SeriesSamples kept = scratch;
  const std::lock_guard lock(query.cache_mutex);
  auto& place = query.cache[slot][series];
  if (place) return &*place;
  auto charged = query.cache_charge.add(bytes_of(kept), count, node);
  if (!charged) return tl::unexpected(std::move(charged.error()));
  place = std::move(kept);
  return &*place;
}

// For each step the newest sample in (T − lookback, T], if there is one and it is no staleness
// marker.
template <typename Take>
void newest_samples(const Grid& looking, DurationMs lookback_ms, std::span<const TimeMs> t,
                    std::span<const double> v, Take&& take) {
  std::size_t next = 0;  // the first sample that is later than the step
  for (std::size_t step = 0; step < looking.count; ++step) {
    const TimeMs at = looking.at(step);
    while (next < t.size() && t[next] <= at) ++next;
    if (next == 0 || t[next - 1] <= at - lookback_ms || is_stale(v[next - 1])) continue;
    take(step, next - 1);
  }
}

}  // namespace

namespace {

// What an answer is not exact in: an error under `exact`.
Result<void> say_inexact(Query& query, const Node& node, const std::string& what) {
  if (!query.options.exact) {
    query.annotations.inform(node.span, what);
    return {};
  }
  Error error = text_error(ErrorCode::out_of_range, query.text, node.span, "");
  error.message = what;
  error.detail = "ask for what is exact, or without `exact`";
  return tl::unexpected<Error>(std::move(error));
}

// Of what is read as samples alone.
Result<void> look_for_expired(Query& query, const Node& node, std::size_t slot) {
  const View* const view = query.source.view();
  if (view == nullptr || !view->any_expired()) return {};
  std::optional<TimeMs> until;
  for (const Series& series : view->series(slot)) {
    const auto expired = series.expired(query.plan.range_of.at(&node));
    if (!expired.empty())
      until = std::max(until.value_or(expired.back().until), expired.back().until);
  }
  if (!until) return {};
  return say_inexact(query, node,
                     fmt::format("samples up to {} have expired, and cells do not hold what this "
                                 "needs; exact is what lies after that",
                                 format_time_utc(*until)));
}

Result<void> visit_series(Query& query, const Node& node, const SeriesVisitor& visit) {
  const std::size_t slot = query.plan.slot_of.at(&node);
  if (auto said = look_for_expired(query, node, slot); !said) return said;
  SeriesSamples scratch;
  std::uint64_t decoded = 0;
  for (std::size_t i = 0; i < query.source.series_count(slot); ++i) {
    if (auto going = interrupted(query.options); !going) return going;
    const auto samples = load(query, slot, i, node, scratch, decoded);
    if (!samples) return tl::unexpected(samples.error());
    query.stats.samples += decoded;
    query.slot_samples[slot] += decoded;
    if (decoded > 0) note_tier(query.stats.tiers, 0);
    if ((*samples)->t.empty()) continue;
    const SeriesData series{query.source.labels(slot, i), false, (*samples)->t, (*samples)->v};
    if (auto done = visit(series); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> for_each_series(Query& query, const Node& node, const SeriesVisitor& visit) {
  Profile* const profile = query.profile;
  if (profile == nullptr) return visit_series(query, node, visit);
  const Profile::Turn turn(*profile, &node);
  const std::uint64_t before = query.stats.samples;
  auto done = visit_series(query, node, [&](const SeriesData& series) {
    const bool is_range = std::holds_alternative<MatrixSelector>(node.form);
    if (is_range) profile->count_row(series.t.size());
    const Profile::Turn above(*profile, is_range ? turn.before() : &node);
    return visit(series);
  });
  profile->count_samples(query.stats.samples - before);
  return done;
}

bool any_stale(std::span<const double> values) noexcept {
  std::uint64_t found = 0;
  for (const double value : values) {
    const std::uint64_t differs = std::bit_cast<std::uint64_t>(value) ^ kStaleBits;
    found |= (differs - 1) & ~differs;  // has the top bit if nothing differs
  }
  return (found >> 63U) != 0;
}

void note_tier(std::vector<DurationMs>& tiers, DurationMs tier_ms) {
  const auto at = std::lower_bound(tiers.begin(), tiers.end(), tier_ms);
  if (at == tiers.end() || *at != tier_ms) tiers.insert(at, tier_ms);
}

namespace {

// Those of the series, as far as they are read.
const Labels& labels_of(const Query& query, const Node& node, std::size_t slot,
                        std::size_t series) {
  const auto name = query.plan.name_suffices.find(&node);
  return name != query.plan.name_suffices.end() ? name->second : query.source.labels(slot, series);
}

// What all threads have met of days whose samples have expired, and of sketches.
class Found {
 public:
  void add(tiers::Windows& windows) {
    const std::lock_guard lock(mutex_);
    met_ = met_ || windows.met_expired();
    for (const DurationMs tier : windows.tiers_read()) note_tier(tiers_, tier);
    if (const auto one = windows.take_inexact()) tiers::merge(inexact_, *one);
  }
  [[nodiscard]] bool met() const noexcept { return met_; }
  [[nodiscard]] const std::vector<DurationMs>& tiers() const noexcept { return tiers_; }
  [[nodiscard]] const std::optional<Inexact>& inexact() const noexcept { return inexact_; }

 private:
  std::mutex mutex_;  ///< of what follows; read once the threads are done
  bool met_ = false;
  std::vector<DurationMs> tiers_;
  std::optional<Inexact> inexact_;
};

// The rows of a selector's series: windows from cells where they are, else what `fill` makes of the
// samples.
class SeriesRows : public RowMaker {
 public:
  SeriesRows(Query& query, const Node& node, const std::optional<tiers::Windows>& windows,
             Markers markers, const SampleFill& fill, Found& found, std::size_t worker)
      : query_(query),
        node_(node),
        slot_(query.plan.slot_of.at(&node)),
        planned_(windows),
        markers_(markers),
        fill_(fill),
        found_(found),
        ahead_charge_(query.ahead_charges[worker]) {}

  void begin(std::size_t first, std::size_t end, bool alone) override {
    // Whether cells are worth asking for is learnt anew.
    windows_ = planned_;
    if (!windows_ || (alone && ahead_)) return;
    const std::span<const Series> series = query_.source.view()->series(slot_);
    ahead_first_ = first;
    ahead_.emplace(alone ? series.subspan(first) : series.subspan(first, end - first),
                   windows_->tier_ms(), windows_->cells_range());
  }

  Result<RowRead> make(std::size_t series, Row& row, const Node* above) override {
    if (windows_ && windows_->worth_asking(query_.source.view()->series(slot_)[series])) {
      return from_cells(series, row);
    }
    RowRead read;
    const auto loaded = load(query_, slot_, series, node_, scratch_, read.samples);
    if (!loaded) return tl::unexpected(loaded.error());
    if ((*loaded)->t.empty()) return read;
    const SeriesSamples* samples = *loaded;
    if (markers_ == Markers::dropped && any_stale(samples->v)) {
      fresh_ = *samples;
      drop_markers(fresh_);
      samples = &fresh_;
    }
    std::optional<Profile::Turn> turn;
    if (query_.profile != nullptr && !windows_) {
      const bool is_range = std::holds_alternative<MatrixSelector>(node_.form);
      if (is_range) read.points = (*loaded)->t.size();
      if (is_range) turn.emplace(*query_.profile, above);
    }
    fill_({labels_of(query_, node_, slot_, series), false, samples->t, samples->v}, row);
    if (windows_ && row.valid.any()) read.points = row.valid.count();
    return read;
  }

 private:
  Result<RowRead> from_cells(std::size_t series, Row& row) {
    if (auto done = read_ahead(series); !done) return tl::unexpected(done.error());
    const View& view = *query_.source.view();
    const auto read = windows_->evaluate(view.series(slot_)[series], {row.v, row.valid.words()});
    if (!read) return tl::unexpected(read.error());
    // Only for its check: a thread has the cells of one series in memory at a time.
    Charge charge(query_.budget);
    if (auto charged = charge.add(windows_->memory_bytes(), 0, node_); !charged) {
      return tl::unexpected(charged.error());
    }
    RowRead out{read->samples,
                read->cells,
                read->samples_skipped,
                read->rows > 0 ? windows_->tier_ms() : 0,
                {}};
    if (windows_->met_expired() || windows_->inexact()) {
      if (windows_->met_expired()) out.tier_ms = 0;
      found_.add(*windows_);
    }
    if (row.valid.any()) out.points = row.valid.count();
    return out;
  }

  // Windows over the same series find what the first of them read.
  Result<void> read_ahead(std::size_t series) {
    // All threads together hold what one would.
    const std::size_t room =
        std::min(tiers::kReadAheadBytes, query_.budget.free_bytes() / 4) / query_.at_work;
    if (!ahead_->prepare(*query_.source.view(), series - ahead_first_, room)) return {};
    ahead_charge_ = Charge(query_.budget);
    return ahead_charge_.add(ahead_->bytes(), 0, node_);
  }

  Query& query_;
  const Node& node_;
  const std::size_t slot_;
  const std::optional<tiers::Windows>& planned_;
  const Markers markers_;
  const SampleFill& fill_;
  Found& found_;
  Charge& ahead_charge_;
  std::optional<tiers::Windows> windows_;
  std::optional<tiers::ReadAhead> ahead_;
  std::size_t ahead_first_ = 0;
  SeriesSamples scratch_;
  SeriesSamples fresh_;
};

void note_expired(Query& query, const Node& node, const tiers::Windows& windows,
                  const std::vector<DurationMs>& read) {
  std::string tiers;
  for (const DurationMs tier : read) {
    note_tier(query.stats.tiers, tier);
    tiers += (tiers.empty() ? "" : " ") + format_duration(tier);
  }
  if (query.profile == nullptr) return;
  const Profile::Turn turn(*query.profile, &node);
  query.profile->say_tier(fmt::format("{}: samples have expired{}", tiers.empty() ? "none" : tiers,
                                      windows.tier_ms() > 0 ? "; else " + windows.why() : ""));
}

}  // namespace

Result<void> series_rows(Evaluator& evaluator, const Node& node,
                         const std::optional<tiers::Windows>& windows, Markers markers,
                         const SampleFill& fill, const LabelledRowSink& visit) {
  Query& query = evaluator.query();
  const std::size_t slot = query.plan.slot_of.at(&node);
  if (!windows) {
    if (auto said = look_for_expired(query, node, slot); !said) return said;
  }
  Found found;
  auto done = rows_in_order(
      evaluator, node,
      [&](std::size_t worker) {
        return std::make_unique<SeriesRows>(query, node, windows, markers, fill, found, worker);
      },
      [&](std::size_t series, Row& row) {
        return visit(labels_of(query, node, slot, series), row);
      });
  if (!done) return done;
  if (found.met()) note_expired(query, node, *windows, found.tiers());
  if (!found.inexact()) return {};
  return say_inexact(query, node, to_string(*found.inexact()));
}

namespace {

// Cells that answer an instant selector: of a tier of which each lookback is whole cells. Their
// last samples are all that is read, where a tier's cells are short enough.
std::optional<tiers::Windows> plan_newest(Evaluator& evaluator, const Node& node,
                                          windows::Function function) {
  Query& query = evaluator.query();
  const View* const view = query.source.view();
  if (view == nullptr) return std::nullopt;
  const bool expired = view->any_expired();
  const auto& form = std::get<VectorSelector>(node.form);
  const bool pinned = form.shift.pin != TimeShift::Pin::none;
  if ((pinned || evaluator.steps() < 2) && !expired) return std::nullopt;
  const Grid looking = shifted_grid(evaluator.grid(), form.shift, query.steps);
  // Pinned, there is one lookback.
  const Grid grid = pinned ? Grid{looking.start_ms} : evaluator.grid();
  const DurationMs lookback_ms = query.options.lookback_ms;
  const auto fits = [&](DurationMs tier_ms) {
    return lookback_ms % tier_ms == 0 && grid.step_ms % tier_ms == 0 &&
           looking.start_ms % tier_ms == 0;
  };
  if (!expired && std::none_of(view->tiers().begin(), view->tiers().end(), fits)) {
    return std::nullopt;
  }
  tiers::Windows windows({function, lookback_ms, 0, 0}, {grid.start_ms, grid.last(), grid.step_ms},
                         grid.start_ms - looking.start_ms, *view, query.options.tier);
  if (windows.tier_ms() == 0 && !expired) return std::nullopt;
  if (query.profile != nullptr) {
    const Profile::Turn turn(*query.profile, &node);
    query.profile->say_tier(
        fmt::format("{}: {}", windows.tier_ms() > 0 ? format_duration(windows.tier_ms()) : "raw",
                    windows.why()));
  }
  return windows;
}

// `value_of(sample)` gives what a row holds for a sample, as `function` does of cells.
template <typename ValueOf>
Result<void> instant_rows(Evaluator& evaluator, const Node& node, windows::Function function,
                          const RowSink& sink, ValueOf&& value_of) {
  Query& query = evaluator.query();
  const auto& form = std::get<VectorSelector>(node.form);
  const Grid looking = shifted_grid(evaluator.grid(), form.shift, query.steps);
  const bool pinned = form.shift.pin != TimeShift::Pin::none;
  const auto fill = [&](const SeriesData& series, Row& row) {
    newest_samples(looking, query.options.lookback_ms, series.t, series.v,
                   [&](std::size_t step, std::size_t sample) {
                     row.set(step, value_of(series.t[sample], series.v[sample]));
                   });
  };
  return series_rows(evaluator, node, plan_newest(evaluator, node, function), Markers::kept, fill,
                     [&](const Labels& labels, Row& row) {
                       if (pinned) repeat_first(row);
                       row.labels = labels;
                       row.drop_name = false;
                       return sink(row);
                     });
}

}  // namespace

Result<void> selector_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  return instant_rows(evaluator, node, windows::Function::newest, sink,
                      [](TimeMs /*t*/, double v) { return v; });
}

Result<void> selector_time_rows(Evaluator& evaluator, const Node& node, const RowSink& sink) {
  return instant_rows(evaluator, node, windows::Function::newest_time, sink,
                      [](TimeMs t, double /*v*/) { return static_cast<double>(t) / 1000.0; });
}

}  // namespace hygge::promql
