// Tracks from a database: one view for both selectors, so that good and total are read at one time.
#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <map>

#include "base/near.h"
#include "slo/load.h"

namespace hygge::slo {

namespace {

bool has_counter_suffix(std::string_view metric) {
  for (const std::string_view suffix : {"_total", "_count", "_sum", "_bucket"}) {
    if (metric.ends_with(suffix)) return true;
  }
  return false;
}

// T12: the declared type, else the name's suffix; never a guess.
Result<Kind> kind_of(const View& view, const Definition& definition, std::string_view metric) {
  if (definition.kind != Kind::automatic) return definition.kind;
  const auto metadata = view.metadata(metric);
  const MetricType type = metadata ? metadata->type : MetricType::unknown;
  switch (type) {
    case MetricType::counter:
    case MetricType::histogram:
      return Kind::counter;
    case MetricType::summary:
      if (has_counter_suffix(metric)) return Kind::counter;
      break;
    case MetricType::delta:
      return Kind::delta;
    case MetricType::unknown:
      if (has_counter_suffix(metric)) return Kind::counter;
      break;
    default:
      break;
  }
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("E_KIND: {}: {} is {}", definition.name, metric,
                  type == MetricType::unknown ? "of no declared type and no counter by its name"
                                              : fmt::format("a {}", hygge::to_string(type))),
      "set `kind: counter` or `kind: delta` in the SLO");
}

Result<void> collect(const View& view, std::size_t selector, const Definition& definition,
                     TimeRange range, std::map<std::uint32_t, InputSeries>& out) {
  for (const Series& series : view.series(selector)) {
    const auto [at, fresh] = out.try_emplace(series.id().value);
    InputSeries& one = at->second;
    (selector == 0 ? one.in_part : one.in_total) = true;
    if (!fresh) continue;
    auto kind = kind_of(view, definition, series.labels().metric());
    if (!kind) return tl::unexpected<Error>(kind.error());
    auto samples = series.samples(range);
    if (!samples) return tl::unexpected<Error>(samples.error());
    one.labels = series.labels();
    one.birth_ms = series.birth_ms();
    one.kind = *kind;
    one.t = std::move(samples->t);
    one.v = std::move(samples->v);
  }
  return {};
}

Result<Track> load_from(const Db& db, const Definition& definition, TimeRange range) {
  const TimeRange needed{range.after - definition.lookback_ms, range.until};
  const auto view = db.view({definition.part, definition.total}, needed);
  if (!view) return tl::unexpected<Error>(view.error());
  return load(*view, definition, range);
}

}  // namespace

Result<Track> load(const View& view, const Definition& definition, TimeRange range) {
  if (view.selector_count() != 2) {
    return fail(ErrorCode::invalid_argument, "a track needs a view of two selectors: part, total");
  }
  std::map<std::uint32_t, InputSeries> by_id;
  const TimeRange needed{range.after - definition.lookback_ms, range.until};
  for (const std::size_t selector : {std::size_t{0}, std::size_t{1}}) {
    if (auto done = collect(view, selector, definition, needed, by_id); !done) {
      return tl::unexpected<Error>(done.error());
    }
  }
  std::vector<InputSeries> series;
  series.reserve(by_id.size());
  for (auto& [id, one] : by_id) series.push_back(std::move(one));
  return build_track(definition, series, range);
}

Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms) {
  const auto track = load_from(db, definition, report_range(definition, at_ms));
  if (!track) return tl::unexpected<Error>(track.error());
  return report(*track, definition, at_ms);
}

Result<BurnState> burn(const Db& db, const Definition& definition, TimeMs at_ms,
                       std::span<const DurationMs> windows) {
  const auto track = load_from(db, definition, burn_range(definition, at_ms, windows));
  if (!track) return tl::unexpected<Error>(track.error());
  return burn(*track, definition, at_ms, windows);
}

}  // namespace hygge::slo
