// Tracks from a database: one view for both selectors, so that good and total are of one moment.
#include "slo/load.h"

#include <fmt/format.h>
#include <hygge/db.h>
#include <hygge/slo.h>

#include <map>

#include "slo/method.h"
#include "slo/no_match.h"
#include "slo/read.h"
#include "slo/slices.h"

namespace hygge::slo {

namespace {

bool has_counter_suffix(std::string_view metric) {
  for (const std::string_view suffix : {"_total", "_count", "_sum", "_bucket"}) {
    if (metric.ends_with(suffix)) return true;
  }
  return false;
}

// The declared type, else the name's suffix; never a guess.
Result<Kind> kind_of(const View& view, const Definition& definition, std::string_view metric) {
  if (definition.ok) return Kind::gauge;
  if (definition.kind != Kind::automatic) return definition.kind;
  const auto metadata = view.metadata(metric);
  const MetricType type = metadata ? metadata->type : MetricType::unknown;
  switch (type) {
    case MetricType::counter:
    case MetricType::histogram:
      return Kind::counter;
    case MetricType::delta:
      return Kind::delta;
    case MetricType::summary:
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
      "set `kind: counter` or `kind: delta` in the SLO; a gauge is judged by `ok`");
}

struct Chosen {
  const Series* series = nullptr;
  InputSeries input;
};

// Each series once, however many selectors pick it.
Result<std::vector<Chosen>> choose(const View& view, const Definition& definition,
                                   std::size_t first) {
  std::map<std::uint32_t, Chosen> by_id;
  for (const std::size_t selector : {std::size_t{0}, std::size_t{1}}) {
    for (const Series& series : view.series(first + selector)) {
      Chosen& one = by_id[series.id().value];
      (selector == 0 ? one.input.in_part : one.input.in_total) = true;
      if (one.series != nullptr) continue;
      auto kind = kind_of(view, definition, series.labels().metric());
      if (!kind) return tl::unexpected<Error>(kind.error());
      one.series = &series;
      one.input.labels = series.labels();
      one.input.birth_ms = series.birth_ms();
      one.input.kind = *kind;
    }
  }
  std::vector<Chosen> out;
  out.reserve(by_id.size());
  for (auto& [id, one] : by_id) out.push_back(std::move(one));
  return out;
}

}  // namespace

Result<void> needs_slices(const Definition& definition, const char* verb) {
  if (!definition.composite || definition.composite->has_slices()) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("SLO {}: composite: {} has no slices, which {} needs", definition.name,
                          to_string(definition.composite->how), verb),
              "report can tell of it; all and sum have slices");
}

Result<View> view_of(const Db& db, const Definition& definition, TimeRange range) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  return db.view(selectors_of(definition), needed_range(definition, range));
}

std::vector<Selector> selectors_of(const Definition& definition) {
  if (!definition.composite) return {definition.part, definition.total};
  std::vector<Selector> out;
  for (const Definition& component : definition.components) {
    out.push_back(component.part);
    out.push_back(component.total);
  }
  return out;
}

namespace {

// The track of a definition whose two selectors stand in the view from `first` on.
Result<Track> load_one(const View& view, const Definition& definition, TimeRange range,
                       std::size_t first) {
  const auto chosen = choose(view, definition, first);
  if (!chosen) return tl::unexpected<Error>(chosen.error());
  range = {slice_floor(range.after, definition.step_ms),
           slice_floor(range.until, definition.step_ms)};
  SliceCounter counter(definition, range);
  std::vector<Series> read;
  read.reserve(chosen->size());
  for (const Chosen& one : *chosen) read.push_back(*one.series);
  SeriesReader reader(view, std::move(read), definition, needed_range(definition, range));
  for (std::size_t i = 0; i < chosen->size(); ++i) {
    const InputSeries& input = (*chosen)[i].input;
    counter.begin(input);
    if (auto done = reader.read(i, input.kind, counter); !done) {
      return tl::unexpected<Error>(done.error());
    }
  }
  auto raw = counter.finish([&](std::size_t series, TimeRange before) {
    return reader.has_sample(series, (*chosen)[series].input.kind, before);
  });
  if (!raw) return tl::unexpected<Error>(raw.error());
  auto track = make_track(definition, std::move(*raw));
  if (track) track->set_source(reader.source());
  return track;
}

}  // namespace

Result<Track> load(const View& view, const Definition& definition, TimeRange range) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  if (view.selector_count() != selectors_of(definition).size()) {
    return fail(ErrorCode::invalid_argument,
                "a track needs a view of the definition's selectors: part and total");
  }
  if (!definition.composite) return load_one(view, definition, range, 0);
  std::vector<Track> components;
  for (std::size_t i = 0; i < definition.components.size(); ++i) {
    auto track = load_one(view, definition.components[i], range, 2 * i);
    if (!track) return track;
    components.push_back(std::move(*track));
  }
  TrackSource source;
  for (const Track& one : components) {
    source.tier_ms = std::max(source.tier_ms, one.source().tier_ms);
    source.cells += one.source().cells;
    source.samples += one.source().samples;
    source.served_step_ms = std::max(source.served_step_ms, one.source().served_step_ms);
    if (const auto until_ms = one.source().unserved_until_ms) {
      source.unserved_until_ms = std::max(source.unserved_until_ms.value_or(*until_ms), *until_ms);
    }
  }
  auto track = combine(definition, std::move(components));
  if (track) track->set_source(source);
  return track;
}

std::string unserved_text(const TrackSource& source, const Definition& definition) {
  std::string out =
      fmt::format("samples up to {} have expired, and no cells serve `step: {}`",
                  format_time_utc(*source.unserved_until_ms), format_duration(definition.step_ms));
  if (source.served_step_ms > 0) {
    out += fmt::format("; `step: {}` would be served", format_duration(source.served_step_ms));
  }
  return out;
}

void note_unserved(const Track& track, const Definition& definition,
                   std::vector<std::string>& notes) {
  if (!track.source().unserved_until_ms) return;
  notes.push_back(unserved_text(track.source(), definition) + ": those slices are no_data");
}

Result<Track> load(const Db& db, const Definition& definition, TimeRange range,
                   std::vector<std::string>& notes) {
  const auto view = view_of(db, definition, range);
  if (!view) return tl::unexpected<Error>(view.error());
  auto track = load(*view, definition, range);
  if (track) note_no_match(db, *view, definition, notes);
  if (track) note_unserved(*track, definition, notes);
  return track;
}

Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms) {
  std::vector<Counts> none;
  return report(db, definition, at_ms, 0, none);
}

Result<Report> report(const Db& db, const Definition& definition, TimeMs at_ms, std::size_t parts,
                      std::vector<Counts>& into) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  std::vector<std::string> notes;
  const auto track = load(db, definition, report_range(definition, at_ms), notes);
  if (!track) return tl::unexpected<Error>(track.error());
  Report out = report(*track, definition, at_ms);
  out.notes.insert(out.notes.end(), notes.begin(), notes.end());
  into = parts_of(*track, out.window, parts);
  return out;
}

Result<BurnState> burn(const Db& db, const Definition& definition, TimeMs at_ms,
                       std::span<const DurationMs> windows) {
  if (auto valid = validate(definition); !valid) return tl::unexpected<Error>(valid.error());
  for (const DurationMs window : windows) {
    if (window <= 0 || window % definition.step_ms != 0 ||
        window / definition.step_ms > kMaxSlices) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("a burn window of {} is no multiple of the step {} of SLO {}, or too "
                      "long",
                      window_text(window), format_duration(definition.step_ms), definition.name));
    }
  }
  if (auto possible = needs_slices(definition, "burn"); !possible) {
    return tl::unexpected<Error>(possible.error());
  }
  std::vector<std::string> notes;
  const auto track = load(db, definition, burn_range(definition, at_ms, windows), notes);
  if (!track) return tl::unexpected<Error>(track.error());
  BurnState out = burn(*track, definition, at_ms, windows);
  out.notes.insert(out.notes.end(), notes.begin(), notes.end());
  return out;
}

}  // namespace hygge::slo
