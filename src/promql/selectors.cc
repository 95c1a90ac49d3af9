// Instant selectors: each series decoded once, two indices move with the steps.
#include <fmt/format.h>
#include <hygge/sample.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "promql/evaluator.h"

namespace hygge::promql {

namespace {

Result<void> interrupted(const QueryOptions& options) {
  if (options.cancel.stop_requested()) {
    return fail(ErrorCode::cancelled, "query was canceled in expression evaluation");
  }
  if (std::chrono::steady_clock::now() > options.deadline) {
    return fail(ErrorCode::timeout, "query timed out in expression evaluation");
  }
  return {};
}

std::size_t bytes_of(const SeriesSamples& samples) {
  return samples.t.capacity() * sizeof(TimeMs) + samples.v.capacity() * sizeof(double);
}

// The samples of a slot's series, read into `scratch` or, if others will ask again and there is
// room, into the cache: what is shared costs memory, and decoding again costs time only.
Result<const SeriesSamples*> load(Query& query, std::size_t slot, std::size_t series,
                                  const Node& node, SeriesSamples& scratch) {
  const bool wanted = query.plan.slots[slot].uses > 1;
  auto& cache = query.cache[slot];
  if (wanted) {
    cache.resize(query.source.series_count(slot));
    if (cache[series]) return &*cache[series];
  }
  if (auto read = query.source.read(slot, series, scratch); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  query.stats.samples += scratch.t.size();
  if (!scratch.t.empty()) note_tier(query.stats.tiers, 0);
  query.slot_samples[slot] += scratch.t.size();
  constexpr std::size_t kSampleBytes = sizeof(TimeMs) + sizeof(double);
  const std::size_t count = scratch.t.size();
  if (!wanted || !query.budget.has_room_to_keep(count * kSampleBytes, count)) {
    // Only for its check: one series is in memory at a time.
    Charge charge(query.budget);
    auto charged = charge.add(bytes_of(scratch), count, node);
    if (!charged) return tl::unexpected(std::move(charged.error()));
    return &scratch;
  }
  // A copy has no spare room.
  SeriesSamples kept = scratch;
  auto charged = query.cache_charge.add(bytes_of(kept), count, node);
  if (!charged) return tl::unexpected(std::move(charged.error()));
  cache[series] = std::move(kept);
  return &*cache[series];
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

Result<void> visit_series(Query& query, const Node& node, const SeriesVisitor& visit) {
  const std::size_t slot = query.plan.slot_of.at(&node);
  SeriesSamples scratch;
  for (std::size_t i = 0; i < query.source.series_count(slot); ++i) {
    if (auto going = interrupted(query.options); !going) return going;
    const auto samples = load(query, slot, i, node, scratch);
    if (!samples) return tl::unexpected(samples.error());
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

void note_tier(std::vector<DurationMs>& tiers, DurationMs tier_ms) {
  const auto at = std::lower_bound(tiers.begin(), tiers.end(), tier_ms);
  if (at == tiers.end() || *at != tier_ms) tiers.insert(at, tier_ms);
}

namespace {

// Markers mean nothing in a range.
void drop_markers(SeriesSamples& samples) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < samples.v.size(); ++i) {
    if (is_stale(samples.v[i])) continue;
    samples.t[kept] = samples.t[i];
    samples.v[kept++] = samples.v[i];
  }
  samples.t.resize(kept);
  samples.v.resize(kept);
}

// The rows of one window function over a selector's series.
class WindowRows {
 public:
  WindowRows(Evaluator& evaluator, const Node& node, tiers::Windows& windows, Markers markers,
             Row& row)
      : query_(evaluator.query()),
        node_(node),
        slot_(query_.plan.slot_of.at(&node)),
        view_(*query_.source.view()),
        series_(view_.series(slot_)),
        windows_(windows),
        markers_(markers),
        row_(row),
        ahead_(series_, windows.tier_ms(), windows.cells_range()) {}

  // Fills the row of a series. The samples of one that has no cells are read as any selector reads
  // them, and go to `fill`.
  Result<void> fill_row(std::size_t series,
                        const std::function<void(const SeriesData& series)>& fill) {
    if (windows_.worth_asking()) return fill_from_cells(series);
    const auto samples = load(query_, slot_, series, node_, scratch_);
    if (!samples) return tl::unexpected(samples.error());
    if ((*samples)->t.empty()) return {};
    const SeriesSamples* fresh = *samples;
    SeriesSamples own;
    if (markers_ == Markers::dropped && std::any_of(fresh->v.begin(), fresh->v.end(), is_stale)) {
      own = *fresh;
      drop_markers(own);
      fresh = &own;
    }
    fill({query_.source.labels(slot_, series), false, fresh->t, fresh->v});
    return {};
  }

 private:
  Result<void> fill_from_cells(std::size_t series) {
    if (auto done = read_ahead(series); !done) return done;
    const auto read = windows_.evaluate(series_[series], {row_.v, row_.valid.words()});
    if (!read) return tl::unexpected(read.error());
    note(*read);
    // Only for its check: the cells of one series are in memory at a time.
    Charge charge(query_.budget);
    return charge.add(windows_.memory_bytes(), 0, node_);
  }

  // Windows over the same series find what the first of them read.
  Result<void> read_ahead(std::size_t series) {
    const std::size_t room = std::min(tiers::kReadAheadBytes, query_.budget.free_bytes() / 4);
    if (!ahead_.prepare(view_, series, room)) return {};
    query_.ahead_charge = Charge(query_.budget);
    return query_.ahead_charge.add(ahead_.bytes(), 0, node_);
  }

  void note(const Series::CellsRead& read) {
    query_.stats.samples += read.samples;
    query_.stats.cells += read.cells;
    query_.slot_samples[slot_] += read.samples + read.cells;
    if (read.samples > 0) note_tier(query_.stats.tiers, 0);
    if (read.rows > 0) note_tier(query_.stats.tiers, windows_.tier_ms());
  }

  Query& query_;
  const Node& node_;
  std::size_t slot_;
  const View& view_;
  std::span<const Series> series_;
  tiers::Windows& windows_;
  Markers markers_;
  Row& row_;
  tiers::ReadAhead ahead_;
  SeriesSamples scratch_;
};

}  // namespace

Result<void> window_rows_of(Evaluator& evaluator, const Node& node, tiers::Windows& windows,
                            Markers markers, Row& row,
                            const std::function<void(const SeriesData& series)>& fill,
                            const std::function<Result<void>(const Labels& labels)>& visit) {
  Query& query = evaluator.query();
  const std::size_t slot = query.plan.slot_of.at(&node);
  std::optional<Profile::Turn> turn;
  if (query.profile != nullptr) turn.emplace(*query.profile, &node);
  WindowRows rows(evaluator, node, windows, markers, row);
  for (std::size_t i = 0; i < query.source.series_count(slot); ++i) {
    if (auto going = interrupted(query.options); !going) return going;
    const std::uint64_t samples = query.stats.samples;
    const std::uint64_t cells = query.stats.cells;
    row.reset(evaluator.steps());
    if (auto filled = rows.fill_row(i, fill); !filled) return filled;
    if (query.profile != nullptr) {
      query.profile->count_samples(query.stats.samples - samples);
      query.profile->count_cells(query.stats.cells - cells);
    }
    if (!row.valid.any()) continue;
    std::optional<Profile::Turn> above;
    if (query.profile != nullptr) {
      query.profile->count_row(row.valid.count());
      above.emplace(*query.profile, turn->before());
    }
    if (auto done = visit(query.source.labels(slot, i)); !done) return done;
  }
  return {};
}

namespace {

// Cells that answer an instant selector: of a tier of which each lookback is whole cells. Their
// last samples are all that is read, where a tier's cells are short enough.
std::optional<tiers::Windows> plan_newest(Evaluator& evaluator, const Node& node,
                                          windows::Function function) {
  Query& query = evaluator.query();
  const View* const view = query.source.view();
  if (view == nullptr || evaluator.steps() < 2) return std::nullopt;
  const auto& form = std::get<VectorSelector>(node.form);
  if (form.shift.pin != TimeShift::Pin::none) return std::nullopt;
  const Grid& grid = evaluator.grid();
  const Grid looking = shifted_grid(grid, form.shift, query.steps);
  const DurationMs lookback_ms = query.options.lookback_ms;
  const auto fits = [&](DurationMs tier_ms) {
    return lookback_ms % tier_ms == 0 && grid.step_ms % tier_ms == 0 &&
           looking.start_ms % tier_ms == 0;
  };
  if (std::none_of(view->tiers().begin(), view->tiers().end(), fits)) return std::nullopt;
  tiers::Windows windows({function, lookback_ms, 0, 0}, {grid.start_ms, grid.last(), grid.step_ms},
                         grid.start_ms - looking.start_ms, view->tiers(), query.options.tier);
  if (windows.tier_ms() == 0) return std::nullopt;
  if (query.profile != nullptr) {
    const Profile::Turn turn(*query.profile, &node);
    query.profile->say_tier(
        fmt::format("{}: {}", format_duration(windows.tier_ms()), windows.why()));
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
  Row row;
  const auto fill = [&](const SeriesData& series) {
    newest_samples(looking, query.options.lookback_ms, series.t, series.v,
                   [&](std::size_t step, std::size_t sample) {
                     row.set(step, value_of(series.t[sample], series.v[sample]));
                   });
  };
  const auto hand_on = [&](const Labels& labels) {
    row.labels = labels;
    row.drop_name = false;
    return sink(row);
  };
  if (auto windows = plan_newest(evaluator, node, function)) {
    return window_rows_of(evaluator, node, *windows, Markers::kept, row, fill, hand_on);
  }
  return for_each_series(query, node, [&](const SeriesData& series) -> Result<void> {
    row.reset(evaluator.steps());
    fill(series);
    if (!row.valid.any()) return {};
    if (pinned) {
      std::fill(row.v.begin(), row.v.end(), row.v[0]);
      row.valid.set_all();
    }
    return hand_on(series.labels);
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
